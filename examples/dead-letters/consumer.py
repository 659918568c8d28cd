"""Reads dead letters with the official SDK until there are none left: python consumer.py QUEUE

Needs the package aliyun-mns-sdk. The same program works in the cloud: only the environment differs.
"""

import os
import sys

import letters
from mns.account import Account
from mns.mns_exception import MNSServerException

#: Seconds to wait for another letter before the queue counts as empty.
PATIENCE = 3


def main(queue_name):
    account = Account(
        os.environ["MNS_ENDPOINT"], os.environ["ACCESS_KEY_ID"], os.environ["ACCESS_KEY_SECRET"]
    )
    queue = account.get_queue(queue_name)
    while True:
        try:
            message = queue.receive_message(PATIENCE)
        except MNSServerException as error:
            if error.type == "MessageNotExist":
                return
            raise
        handle(letters.read(message.message_body))
        # Last: if handling fails, the letter is there again after its visibility time-out.
        queue.delete_message(message.receipt_handle)


def handle(letter):
    """Whatever has to be done about it: tell somebody, write it down, call again."""
    print(f"{letter.function} failed {letter.attempts} times with {letter.event}: {letter.reason}")


if __name__ == "__main__":
    main(sys.argv[1])

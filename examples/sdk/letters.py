"""Reads what could not be counted, with the MNS SDK, until there is none left.

Needs the package aliyun-mns-sdk. The same program works in the cloud: only the environment differs.
"""

import json
import os

from mns.account import Account
from mns.mns_exception import MNSServerException

#: Seconds to wait for another letter before the queue counts as empty.
PATIENCE = 3


def main():
    account = Account(
        os.environ["MNS_ENDPOINT"], os.environ["ACCESS_KEY_ID"], os.environ["ACCESS_KEY_SECRET"]
    )
    queue = account.get_queue("not-counted")
    while True:
        try:
            message = queue.receive_message(PATIENCE)
        except MNSServerException as error:
            if error.type == "MessageNotExist":
                return
            raise
        letter = json.loads(message.message_body)
        error = json.loads(letter["responsePayload"])
        print(f"not counted: {letter['requestPayload']} ({error['errorMessage']})")
        # Last: if the reader dies before, the letter is there again after its visibility time-out.
        queue.delete_message(message.receipt_handle)


if __name__ == "__main__":
    main()

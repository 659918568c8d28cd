"""The client for MNS, pointed at the laptop: `aliyun-mns-sdk` or the older `aliyun-mns`."""

import os
from importlib.metadata import version

from claims import fresh
from mns.account import Account
from mns.queue import QueueMeta

URL = os.environ["MNS_ENDPOINT"]


def is_old():
    """1.1.5 can't send a body as it is, and its queues are small unless told otherwise (mns 8.1, 16)."""
    try:
        return not version("aliyun-mns-sdk")
    except ModuleNotFoundError:
        return bool(version("aliyun-mns"))


OLD = is_old()


def account(**other):
    keys = {"access_id": os.environ["ACCESS_KEY_ID"], "access_key": os.environ["ACCESS_KEY_SECRET"]}
    return Account(URL, **{**keys, **other})


here = account()


def attributes(**wanted):
    meta = QueueMeta()
    meta.set_maximum_message_size(65_536)
    for name, value in wanted.items():
        getattr(meta, f"set_{name}")(value)
    return meta


def queue(**wanted):
    made = here.get_queue(fresh("queue"))
    made.create(attributes(**wanted))
    return made


def text(body):
    """The newer one gives bytes, the older one text."""
    return body.decode() if isinstance(body, bytes) else body

"""The Message Service of a home: queues and topics, kept in its database.

queues.py    queues and long polls          messages.py       their messages, as SQL
topics.py    topics and subscriptions       subscriptions.py  the same, as SQL
spread.py    what a publish writes          pending.py        pushes that are owed, as SQL
pushes.py    making the pushes              http.py           one push over HTTP
shelf.py     all of it as templates see it  destinations.py   for outcomes
"""

from fun_local.mns.destinations import QueueDestination, TopicDestination
from fun_local.mns.messages import QueueMessage
from fun_local.mns.queues import Mns, QueueInfo
from fun_local.mns.shelf import Shelf
from fun_local.mns.topics import SubscriptionInfo, TopicInfo, Topics

__all__ = [
    "Mns",
    "QueueDestination",
    "QueueInfo",
    "QueueMessage",
    "Shelf",
    "SubscriptionInfo",
    "TopicDestination",
    "TopicInfo",
    "Topics",
]

"""The Message Service of a home: queues and topics, kept in its database.

queues.py       queues; MNS as a whole         message.py        what a message is
traffic.py      the messages of queues         messages.py       the same, as SQL
polls.py        who waits for one              encoding.py       bodies on the wire and for people
topics.py       topics, publishing             subscriptions.py  topics and subscriptions, as SQL
subscribing.py  subscriptions                  attributes.py     names and bounds of attributes
spread.py       what a publish writes          pending.py        pushes that are owed, as SQL
pushes.py       making the pushes              http.py           one push over HTTP
shelf.py        all of it as templates see it  destinations.py   for outcomes
"""

from fun_local.mns.destinations import QueueDestination, TopicDestination
from fun_local.mns.message import NewMessage, QueueMessage, Sent
from fun_local.mns.queues import Mns, QueueInfo
from fun_local.mns.shelf import Shelf
from fun_local.mns.subscribing import SubscriptionInfo
from fun_local.mns.topics import TopicInfo, Topics

__all__ = [
    "Mns",
    "NewMessage",
    "QueueDestination",
    "QueueInfo",
    "QueueMessage",
    "Sent",
    "Shelf",
    "SubscriptionInfo",
    "TopicDestination",
    "TopicInfo",
    "Topics",
]

"""What an operation is given, and what it answers: no web server in either."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from fun_local.http.mns.document import Tree
from fun_local.mns import Mns


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``query`` has lower-case keys; ``base_url`` is how the client has called us.

    ``is_wanted`` says whether the client still waits for the answer.
    """

    mns: Mns
    names: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    is_wanted: Callable[[], bool]

    @property
    def queue(self) -> str:
        return self.names["queue"]

    @property
    def topic(self) -> str:
        return self.names["topic"]

    @property
    def subscription(self) -> str:
        return self.names["subscription"]

    @property
    def is_override(self) -> bool:
        """Whether a PUT changes what is there (mns section 7)."""
        return self.is_true("metaoverride")

    def is_true(self, key: str) -> bool:
        return self.query.get(key, "").lower() == "true"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a document where there is one, an address where something was created."""

    status: int
    document: Tree | None = None
    location: str = ""


NO_CONTENT = Answer(204)

Operation: TypeAlias = Callable[[Call], Awaitable[Answer]]


def created(call: Call, is_new: bool, path: str) -> Answer:
    """The answer to a creation: the address also where it was there before, or the SDK breaks (mns 2)."""
    return Answer(201 if is_new else 204, location=f"{call.base_url}/{path}")

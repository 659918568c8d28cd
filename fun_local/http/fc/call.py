"""One request as the operations see it, and what they answer: no web framework in either."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fun_local.emulator import Emulator
from fun_local.errors import Conflict, NotFound
from fun_local.http.fc.dialects import Dialect
from fun_local.http.fc.reading import Body, invalid
from fun_local.model import editing
from fun_local.model.deployed import Deployed
from fun_local.model.names import IMPLICIT_SERVICE, LATEST, FunctionRef, version_scope
from fun_local.model.resources import Function
from fun_local.store.archives import Archives
from fun_local.store.objects import Objects

_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Context:
    """What the handlers need to know of where they run.

    ``base_url`` is how clients reach this endpoint (``http://127.0.0.1:9000``), asked at each request: the
    port may be known only after the routes were made.
    """

    region: str
    account_id: str
    base_url: Callable[[], str]
    archives: Archives
    objects: Objects
    #: Signs download links, which end with this process.
    secret: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """``body``: an object becomes JSON, bytes stay what they are, None is nothing at all."""

    body: Mapping[str, Any] | bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/octet-stream"


@dataclass(frozen=True)
class Call:
    """One request of one version's dialect. ``headers`` and ``query`` are looked up whatever their case."""

    emulator: Emulator
    context: Context
    dialect: Dialect
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    request_id: str

    @property
    def deployed(self) -> Deployed:
        return self.emulator.deployed

    @cached_property
    def fields(self) -> Body:
        return Body.parse(self.body)

    @cached_property
    def ref(self) -> FunctionRef:
        """The function in the path, and the qualifier that is in the path or the query (wire 1, rule 10).

        Without services, those of FC 2.0 are seen as ``service$function``.
        """
        name = self.path.get("function", "")
        service, qualifier = self._service
        if not self.dialect.has_services:
            service, dollar, rest = name.partition("$")
            service, name = (service, rest) if dollar else (IMPLICIT_SERVICE, name)
        return FunctionRef(service, name, self.query.get("qualifier") or qualifier or LATEST)

    @cached_property
    def _service(self) -> tuple[str, str]:
        service, _, qualifier = self.path.get("service", "").partition(".")
        return service, qualifier

    @property
    def arn_prefix(self) -> str:
        """How the addresses of this home's functions begin."""
        return f"acs:fc:{self.context.region}:{self.context.account_id}:"

    @property
    def service(self) -> str:
        return self.ref.service

    @property
    def qualifier(self) -> str:
        return self.ref.qualifier

    @property
    def names_qualifier(self) -> bool:
        """Whether the request says which qualifier it means."""
        return bool(self.query.get("qualifier") or self._service[1])

    @property
    def scope(self) -> str:
        """What versions and aliases of this path belong to; that it is there has been seen to.

        Raises:
            NotFound: it is not there.
        """
        if self.dialect.has_services:
            editing.service_of(self.deployed, self.service)
            return self.service
        self.need_function()
        return version_scope(self.ref.service, self.ref.function)

    def need(self) -> Function:
        """The function in the path, as the qualifier has it. Raises NotFound."""
        self.need_function()
        return self.deployed.need(self.ref)

    def need_function(self) -> Function:
        """The function in the path, whatever the qualifier. Raises NotFound in the words of the version."""
        ref = self.ref
        if not self.dialect.has_services and ref.path not in self.deployed.functions:
            raise NotFound("FunctionNotFound", f"function '{self.path.get('function', '')}' does not exist.")
        if ref.qualifier != LATEST:
            # It may be in a version though it is no longer deployed.
            return self.deployed.need(ref)
        return editing.function_of(self.deployed, ref.path)

    def check(self, resource: editing.Checked) -> None:
        """The precondition of the request. Raises Conflict where the resource is no longer what it names."""
        wanted = self.headers.get("If-Match", "").strip()
        tags = [tag.strip().removeprefix("W/").strip('"') for tag in wanted.split(",")]
        if wanted and "*" not in tags and editing.etag(resource) not in tags:
            raise Conflict("PreconditionFailed", "the resource being modified has been changed")

    def check_latest(self) -> None:
        """Raise InvalidRequest where a version or alias is named: what is published stays (fc-api 7)."""
        if self.qualifier != LATEST:
            raise invalid(
                f"what was published as '{self.qualifier[:128]}' can't be changed",
                hint="Name no qualifier: what is not published can be.",
            )

    async def edit(self, change: Callable[[Deployed, int], Deployed]) -> Deployed:
        return await self.emulator.deployments.edit(change)


def request_id_of(headers: Mapping[str, str], new: Callable[[], str]) -> str:
    """The caller's own (fc-api 1.2), else a new one.

    Raises:
        InvalidRequest: nothing that could be sent back in a header.
    """
    given = headers.get("X-Fc-Trace-Id", "")
    if given and not _REQUEST_ID.fullmatch(given):
        raise invalid("X-Fc-Trace-Id must have 1 to 128 visible characters")
    return given or new()

"""What a daemon shows to the vendor's clients: the endpoint if it can be had, keys, and what is told of both.

Front.open ─▶ environment of functions ─▶ serve the emulator
           └▶ operations for our own tools, over the Unix socket
"""

from __future__ import annotations

import contextlib
import functools
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp.typedefs import Middleware

from fun_local import console, wiring
from fun_local.emulator import Emulator
from fun_local.errors import Unavailable
from fun_local.http import endpoint, fc, mns, oss, pop
from fun_local.http.limits import Limits
from fun_local.http.quick import QuickWay
from fun_local.http.refusals import Family
from fun_local.http.web import Visits
from fun_local.settings import Settings
from fun_local.stacks import Stacks
from fun_local.store.keys import Keyring, fixed_pair
from fun_local.store.permissions import PermissionFile

log = logging.getLogger(__name__)

Json = dict[str, Any]


@dataclass(frozen=True)
class Front:
    """``listener`` is None where the port could not be had; ``problem`` then tells why."""

    home: str
    settings: Settings
    keyring: Keyring
    listener: endpoint.Listener | None
    problem: Unavailable | None

    @classmethod
    def open(cls, home: str, settings: Settings, *, is_needed: bool) -> Front:
        """Take the port and read the keys.

        Without the port a home still serves its own commands: those were not what the port is for. Only
        where ``is_needed``, because somebody has asked for just that, is it an error.

        Raises:
            Unavailable: the port can't be had, and is needed.
            InvalidRequest, CorruptState: half a key in the settings, or a damaged file of keys.
        """
        keyring = Keyring(home, fixed_pair(settings.access_key_id, settings.access_key_secret))
        try:
            listener = endpoint.bind(settings.host, settings.port)
        except Unavailable as error:
            if is_needed:
                raise
            log.error("no endpoint: %s. %s", error.message, error.hint, extra={"action": "bind"})
            return cls(home, settings, keyring, None, error)
        if settings.insecure_no_auth:
            log.warning("%s", endpoint.INSECURE, extra={"action": "insecure"})
        return cls(home, settings, keyring, listener, None)

    def close(self) -> None:
        """Give the port back. Serving has done so already."""
        if self.listener is not None:
            self.listener.socket.close()

    @property
    def url(self) -> str | None:
        return self.listener.url if self.listener else None

    def environment(self) -> dict[str, str]:
        """What functions get: keys under the names of a role's (runtime.md 2.11), and where to use them."""
        found = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": self.keyring.session.id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": self.keyring.session.secret,
            "ALIBABA_CLOUD_SECURITY_TOKEN": self.keyring.session_token,
        }
        if self.url is not None:
            # Not FC_…: those names are the vendor's, and its runtimes remove the ones they don't know.
            found["FUN_LOCAL_ENDPOINT"] = self.url
        return found

    def operations(self) -> Mapping[str, Callable[..., Awaitable[Json]]]:
        """What our own tools may ask."""
        return {
            "endpoint": self._tell_endpoint,
            "environment": self._tell_environment,
            "rotate-keys": self._rotate_keys,
            "console": self._open_console,
        }

    @functools.cached_property
    def sessions(self) -> console.Sessions:
        """Who may use the console."""
        return console.Sessions(
            port=self.listener.port if self.listener else 0,
            pair=lambda: (self.keyring.current.id, self.keyring.current.secret),
            all_secrets=self.keyring.secrets,
            now=time.time,
        )

    @contextlib.asynccontextmanager
    async def serve(self, emulator: Emulator, around: Middleware | None = None) -> AsyncIterator[None]:
        """Answer at the endpoint, if there is one, while the block runs.

        ``around`` is a middleware put around all of it.
        """
        if self.listener is None:
            yield
            return
        limits = Limits()
        context = fc.Context(
            region=self.settings.region,
            account_id=self.settings.account_id,
            base_url=lambda: self.url or "",
            archives=wiring.archives(self.home),
            objects=wiring.objects(self.home),
            secret=secrets.token_bytes(32),
        )
        stacks = wiring.stacks(
            self.home, self.settings, emulator, archives=context.archives, objects=context.objects
        )
        app = endpoint.application(
            [
                *fc.routes(emulator, context),
                *mns.routes(emulator),
                *console.routes(
                    emulator,
                    self.home,
                    self.sessions,
                    region=self.settings.region,
                    account_id=self.settings.account_id,
                ),
            ],
            port=self.listener.port,
            secrets=self.keyring.secrets,
            limits=limits,
            checks_signatures=not self.settings.insecure_no_auth,
            documents={"/openapi.json": lambda: orjson.dumps(fc.document())},
            proven=("/downloads/", "/console"),
            has_session=console.session_checker(self.sessions),
            visits=Visits(emulator, context),
            apis={
                Family.OSS: oss.Api(context.objects, region=self.settings.region).answer,
                Family.POP: pop.Api(self._pop_context(stacks)).answer,
            },
        )
        if around is not None:
            app.middlewares.insert(0, around)
        # Where signatures are not checked every answer has a header that says so, and Host counts; and what
        # is around all requests is around these, too.
        has_quick_way = not self.settings.insecure_no_auth and around is None
        quick = QuickWay(emulator, context, self.keyring.secrets) if has_quick_way else None
        try:
            async with endpoint.serve(app, self.listener, limits, quick=quick):
                log.info("listening on %s", self.url, extra={"action": "listen"})
                try:
                    yield
                finally:
                    emulator.feed.close()  # or the server would wait for its readers
        finally:
            await stacks.close()

    def _pop_context(self, stacks: Stacks) -> pop.Context:
        return pop.Context(
            stacks=stacks,
            permissions=PermissionFile(self.home),
            keyring=self.keyring,
            region=self.settings.region,
            account_id=self.settings.account_id,
            now_ms=wiring.SystemClock().now_ms,
        )

    async def _tell_endpoint(self) -> Json:
        problem = self.problem
        return {
            "endpoint": self.url,
            "checksSignatures": not self.settings.insecure_no_auth,
            "problem": problem and {"code": problem.code, "message": problem.message, "hint": problem.hint},
        }

    async def _tell_environment(self) -> Json:
        return {
            **await self._tell_endpoint(),
            "accessKeyId": self.keyring.current.id,
            "accessKeySecret": self.keyring.current.secret,
            "accountId": self.settings.account_id,
            "region": self.settings.region,
        }

    async def _open_console(self) -> Json:
        """A link that opens one session: in the fragment, which browsers keep to themselves."""
        url = self.url and f"{self.url}/console/#token={self.sessions.new_link()}"
        return {**await self._tell_endpoint(), "url": url}

    async def _rotate_keys(self, revoke: bool = False) -> Json:
        old = self.keyring.current
        new = self.keyring.rotate(revoke=revoke)
        log.info("new access key %s", new.id, extra={"action": "rotate"})
        return {"accessKeyId": new.id, "previousAccessKeyId": old.id, "previousIsValid": not revoke}

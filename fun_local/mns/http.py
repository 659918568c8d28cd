"""One push over HTTP, with what keeps a stranger's server from doing harm (mns section 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiohttp

#: mns section 14: a subscriber has taken a message when it says 204 within five seconds.
_TAKEN = 204
_TIMEOUT_SECONDS = 5.0


class HttpClient:
    """pushes.Client over aiohttp. What an answer says beyond its status is not read."""

    def __init__(self, *, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> str:
        import aiohttp  # 150 ms, which only a daemon that pushes has to pay
        from yarl import URL

        try:
            # Not followed: where a redirect leads was not checked, and MNS does not either.
            answer = self._open().post(
                URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
            )
            async with answer as response:
                status = response.status
        except TimeoutError:
            return f"{url} did not answer within {self._timeout_seconds:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"{url} can't be reached: {error or type(error).__name__}"
        return "" if status == _TAKEN else f"{url} answered {status}, and only {_TAKEN} counts as taken"

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout_seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Accept", "Accept-Encoding"),
            )
        return self._session

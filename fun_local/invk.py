"""`invk`: the shortest way for the call that people make all day, and the door to all others.

``invk NAME -t Async -s PAYLOAD`` with the daemon up is answered here with almost no imports, as each costs
as much as the call itself (Click alone twice as much as an empty interpreter). Everything else, every
error included, goes to the Click command in cli/invk.py; a parity test holds the two together.
"""

import os
import sys

# The C modules behind `socket`: a tenth of its import time.
from _socket import AF_UNIX, SOCK_STREAM
from _socket import socket as Socket

_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./")

#: Longer paths do not fit into a Unix socket's address on every system.
_MAX_SOCKET_PATH = 100


def new_request_id() -> str:
    """A random UUID, as text (uuid costs 10 ms to import)."""
    digits = bytearray(os.urandom(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def main() -> None:
    """The console script."""
    request_id = new_request_id()
    call = _parse(sys.argv[1:])
    accepted = call and _send(call[0], call[1], request_id)
    if accepted:
        _tell(accepted)
        if sys.stderr and sys.stderr.isatty():
            from fun_local.cli.language import said  # only for eyes

            print(said(f"202 Accepted. Follow it with: fun executions logs {accepted} -f"), file=sys.stderr)
        return
    from fun_local.cli.invk import main as command

    # The same request id: should the answer to the call above have been lost, it is not accepted twice.
    command(request_id)


def _tell(accepted: str) -> None:
    """Print the id. Where it can't be written the call is accepted all the same."""
    try:
        print(accepted, flush=True)
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # who asked has gone: as cli/output.py
            os._exit(141)
        os.write(2, f"error: accepted as {accepted}, but can't write that: {error.strerror}\n".encode())
        os._exit(1)  # not to flush again what can't be written


def _parse(arguments: list[str]) -> tuple[str, bytes] | None:
    """(function, payload) of the hot form, None for any other."""
    name = payload = None
    is_async = False
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-t", "--type"):
            is_async = next(rest, "").lower() == "async"
        elif argument in ("-s", "--event-str") and payload is None:
            payload = next(rest, None)
        elif name is None and argument and _NAME.issuperset(argument) and argument[0] not in "-./":
            name = argument
        else:
            return None
    if name is None or payload is None or not is_async:
        return None
    return name, os.fsencode(payload)


def _send(function: str, payload: bytes, request_id: str) -> str | None:
    """The id of the accepted invocation; None when it was not accepted (or nobody said so)."""
    home = os.environ.get("FUN_LOCAL_HOME") or os.path.expanduser("~/.fun-local")
    path = os.path.join(os.path.abspath(home), "daemon.sock")
    try:
        if len(os.fsencode(path)) > _MAX_SOCKET_PATH:
            os.chdir(os.path.dirname(path))
            path = "daemon.sock"
        connection = Socket(AF_UNIX, SOCK_STREAM)
        connection.connect(path)
        connection.sendall(
            b"POST /invocations/%b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"X-Fc-Invocation-Type: Async\r\nX-Fc-Trace-Id: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (function.encode(), request_id.encode(), len(payload), payload)
        )
        answer = b""
        while b"\r\n\r\n" not in answer and (part := connection.recv(65536)):
            answer += part
    except OSError:
        return None
    if not answer.startswith(b"HTTP/1.1 202 "):
        return None
    marker = b"\r\nx-fc-stateful-async-invocation-id: "
    start = answer.lower().find(marker) + len(marker)
    return answer[start : answer.index(b"\r", start)].decode()

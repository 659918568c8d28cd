"""Clients of debuggers, as small as they can be: what an editor does when it attaches."""

from __future__ import annotations

import base64
import json
import os
import socket
import urllib.request


class DebugAdapter:
    """An editor on debugpy: the Debug Adapter Protocol, JSON behind a Content-Length."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file = self._socket.makefile("rwb")
        self._seq = 0

    def send(self, command: str, **arguments) -> int:
        self._seq += 1
        request = {"seq": self._seq, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self._file.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._file.flush()
        return self._seq

    def read(self) -> dict:
        length = 0
        while (line := self._file.readline()) != b"\r\n":
            assert line, "the debugger has hung up"
            length = int(line.partition(b":")[2])
        return json.loads(self._file.read(length))

    def event(self, name: str) -> dict:
        """The body of the next event of that name."""
        while True:
            message = self.read()
            if message["type"] == "event" and message["event"] == name:
                return message.get("body", {})

    def ask(self, command: str, **arguments) -> dict:
        """The body of the answer to a request."""
        seq = self.send(command, **arguments)
        while True:
            message = self.read()
            if message["type"] == "response" and message["request_seq"] == seq:
                assert message["success"], message
                return message.get("body") or {}

    def attach(self, **breakpoints: int) -> None:
        """Attach, with a breakpoint in a line of each of the files, and have the program go on."""
        self.ask("initialize", adapterID="test", pathFormat="path", linesStartAt1=True)
        self.send("attach", justMyCode=True)
        self.event("initialized")
        for path, line in breakpoints.items():
            found = self.ask("setBreakpoints", source={"path": path}, breakpoints=[{"line": line}])
            assert found["breakpoints"][0]["verified"], found
        self.send("configurationDone")

    def close(self) -> None:
        self._file.close()
        self._socket.close()


class Inspector:
    """An editor on Node.js: addresses over HTTP, then JSON in the text frames of a WebSocket."""

    def __init__(self, port: int) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=30) as answer:
            self.targets = json.loads(answer.read())
        url = self.targets[0]["webSocketDebuggerUrl"]
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file = self._socket.makefile("rwb")
        key = base64.b64encode(os.urandom(16)).decode()
        self._file.write(
            f"GET /{url.rpartition('/')[2]} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self._file.flush()
        assert b" 101 " in self._file.readline()
        while self._file.readline() != b"\r\n":
            pass
        self._id = 0

    def send(self, method: str, **parameters) -> int:
        self._id += 1
        body = json.dumps({"id": self._id, "method": method, "params": parameters}).encode()
        # A text frame in one piece; what clients send is masked, here with zeros.
        self._file.write(b"\x81" + bytes([0x80 | 126]) + len(body).to_bytes(2, "big") + bytes(4) + body)
        self._file.flush()
        return self._id

    def read(self) -> dict:
        length = self._file.read(2)[1]
        if length >= 126:
            length = int.from_bytes(self._file.read(2 if length == 126 else 8), "big")
        return json.loads(self._file.read(length))

    def event(self, method: str) -> dict:
        """The parameters of the next event of that name."""
        while True:
            message = self.read()
            if message.get("method") == method:
                return message["params"]

    def ask(self, method: str, **parameters) -> dict:
        number = self.send(method, **parameters)
        while True:
            message = self.read()
            if message.get("id") == number:
                return message["result"]

    def close(self) -> None:
        self._file.close()
        self._socket.close()

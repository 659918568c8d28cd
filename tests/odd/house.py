"""The application over a home of its own, with real processes, and what a call in it comes to."""

from __future__ import annotations

import asyncio
import glob
import json
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from fun_local import wiring
from fun_local.errors import NotFound
from fun_local.model.deployed import Deployed
from fun_local.model.resources import Queue, Service
from fun_local.runtime import processes
from fun_local.settings import Settings
from fun_local.store import database, logs, registry
from fun_local.store.history import History
from fun_local.template.code import CodeSource
from tests.odd.case import BAD, FUNCTIONS, GOOD, SERVICE


@dataclass
class Told:
    """What is to be seen of a call that is over."""

    id: str
    record: dict | None
    result: bytes
    log: str
    letters: list


class House:
    """Has all functions deployed from the start; to be used inside one event loop."""

    def __init__(self, home, cases):
        self.home = home
        self.cases = cases
        self._stack = AsyncExitStack()

    async def open(self):
        store = wiring.code_store(self.home)
        functions = {}
        digests = {}
        for name, case in self.cases.items():
            source = (
                CodeSource(files=case.files) if case.files else CodeSource(folder=f"{FUNCTIONS}/{case.code}")
            )
            digest = digests.get(case.code) or store.add(source)
            digests[case.code] = digest
            function = case.deployed(name, digest)
            functions[function.path] = function
        registry.write(self.home, Deployed({SERVICE: Service(SERVICE)}, functions))
        settings = Settings(
            idle_seconds=0.05, stop_grace_seconds=0.3, retry_first_seconds=0.01, throttle_first_seconds=0.01
        )
        self.emulator = await self._stack.enter_async_context(wiring.emulator(self.home, settings))
        for queue in (GOOD, BAD):
            await self.emulator.mns.create(Queue(queue))
        self.emulator.look()
        self._reader = database.connect(self.home, read_only=True)

    async def close(self):
        self._reader.close()
        await self._stack.aclose()
        notes = glob.glob(f"{self.home}/instances/*.json")
        assert notes == [], "instances are left"
        for log in glob.glob(f"{logs.folder(self.home)}/*.log"):
            assert processes.bearers(os.path.basename(log)[:-4]) == [], "processes are left"

    def rows(self, sql, *values):
        return self._reader.execute(sql, values).fetchall()

    async def call(self, name):
        """Call a function asynchronously and wait until nothing is owed any more."""
        case = self.cases[name]
        message = await self.emulator.invoke_async(f"{SERVICE}/{name}", case.event)
        if case.stop_at:
            await self.until(lambda: case.stop_at in self.log_of(message.request_id))
            await self.emulator.stop(message.invocation_id)
        await self.until(lambda: not self.rows("SELECT 1 FROM messages WHERE seq = ?", message.seq))
        return self.told(message)

    async def until(self, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, "it did not come to that"
            await asyncio.sleep(0.005)
        return found

    def log_of(self, request_id):
        """Whatever the log of an instance holds since an attempt of a request began."""
        mark = f" Start RequestId: {request_id}\n"
        for path in glob.glob(f"{logs.folder(self.home)}/*.log"):
            with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                text = file.read()
            if mark in text:
                return text[text.rfind("\n", 0, text.rindex(mark)) + 1 :]
        return ""

    def told(self, message):
        history = History(self.home)
        letters = [
            (queue, body)
            for queue, body in self.rows("SELECT queue, body FROM mns_messages ORDER BY seq")
            if json.loads(body)["requestContext"]["requestId"] == message.request_id
        ]
        try:
            seq, record = history.find(message.invocation_id)
        except NotFound:
            return Told(message.request_id, None, b"", self.log_of(message.request_id), letters)
        result = history.payload(seq, record, "returnPayload") or b""
        text = ""
        if record["logs"]:
            file, start, end = record["logs"][-1]
            with open(os.path.join(logs.folder(self.home), file), "rb") as log:
                text = log.read()[start:end].decode(errors="surrogateescape")
        return Told(message.request_id, record, result, text, letters)

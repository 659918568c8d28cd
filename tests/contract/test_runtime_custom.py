"""Custom runtimes: a function's own server, what it is asked and what its callers get (runtime.md 4).

The server is tests/functions/custom_server: its requests say what it is to do.
"""

import asyncio
import json
import os
import re
import socket
import sys
from dataclasses import replace

import pytest

from fun_local.errors import Conflict, CorruptState, InvalidRequest
from fun_local.model.outcome import INITIALIZATION, INVOCATION, UNHANDLED, Ending
from fun_local.model.resources import Function
from fun_local.model.web import WebRequest, pack
from fun_local.pool import Pool
from fun_local.runtime import custom_start, exchange, listening, processes
from tests.contract.test_runtime import (
    EXIT_TEXT,
    FUNCTIONS,
    Lab,
    all_gone,
    killed_daemon,
    linux,
    log_shows,
    read,
)


class Server(Lab):
    """A lab for custom_server."""

    def function(self, name="order", *, code="custom_server", timeout_seconds=30, **configuration):
        environment = {"PYTHON": sys.executable, **configuration.pop("environment", {})}
        configuration.setdefault("runtime", "custom")
        return Function(
            "shop",
            name,
            handler="index.handler",
            code=str(code),
            timeout_seconds=timeout_seconds,
            environment=environment,
            **configuration,
        )

    def run(self, story, function=None):
        """The result of a story, a coroutine function that is given an instance; its log in ``self.log``."""

        async def act():
            instance = await self.runtime().start(function or self.function())
            self.instances.append(instance)
            try:
                return await story(instance)
            finally:
                self.log = read(instance)
                await instance.stop()
                self.log_at_the_end = read(instance)

        return asyncio.run(act())

    def ask(self, text, function=None):
        """The result of one invocation of a new instance."""

        async def story(instance):
            result = await instance.invoke("request-1", text.encode(), attempts=1)
            self.is_alive = instance.is_alive
            return result

        return self.run(story, function)


@pytest.fixture
def lab(tmp_path):
    lab = Server(tmp_path)
    yield lab
    for instance in lab.instances:
        assert processes.bearers(instance.id) == []
    assert not os.path.isdir(lab.run_dir) or not [n for n in os.listdir(lab.run_dir) if n.endswith(".json")]


async def ask(instance, text):
    return await instance.invoke("request-1", text.encode(), attempts=1)


def fixed(lab, name="order", **configuration):
    """A function whose server insists on its port, which nobody else has."""
    port = configuration.pop("port", 0) or listening.free_port()
    return lab.function(name, ca_port=port, environment={"FIXED_PORT": str(port)}, **configuration)


# --- requests and answers (4.2, 4.3, 4.4) -----------------------------------------------------------------


def test_an_event_is_posted_as_it_is_and_the_body_is_the_result(lab):
    result = lab.ask("\x00\xff as it is")
    assert (result.ending, result.error_type) == (Ending.RETURNED, "")
    assert result.payload == "\x00\xff as it is".encode()
    assert result.instance_id == lab.instances[0].id
    assert result.duration_ms > 0
    assert 1 < result.memory_mb < 100
    assert lab.is_alive


def test_a_request_says_what_the_function_is(lab):
    function = lab.function(memory_mb=256, timeout_seconds=20, pre_stop="stop", initializer="start")

    async def story(instance):
        return await instance.invoke("request-7", b"seen", attempts=3)

    method, path, headers, _ = json.loads(lab.run(story, function).payload)
    assert (method, path) == ("POST", "/invoke")
    seen = dict(headers)
    assert seen.pop("Host").startswith("127.0.0.1:")
    assert seen.pop("Content-Length") == "4"
    assert seen == {
        "content-type": "application/octet-stream",
        "x-fc-request-id": "request-7",
        "x-fc-retry-count": "2",
        "x-fc-control-path": "/invoke",
        "x-fc-access-key-id": "",
        "x-fc-access-key-secret": "",
        "x-fc-security-token": "",
        "x-fc-function-name": "order",
        "x-fc-function-handler": "index.handler",
        "x-fc-function-memory": "256",
        "x-fc-function-timeout": "20",
        "x-fc-function-initializer": "start",
        "x-fc-initialization-timeout": "3",
        "x-fc-instance-lifecycle-pre-stop-handler": "stop",
        "x-fc-region": "cn-shanghai",
        "x-fc-account-id": "1234567890123456",
        "x-fc-qualifier": "LATEST",
        "x-fc-version-id": "",
        "x-fc-service-name": "shop",
        "x-fc-service-logproject": "",
        "x-fc-service-logstore": "",
    }


def test_credentials_are_in_the_headers_but_of_newer_runtimes(lab):
    lab.extra_environment = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "key"}
    for runtime, shown in (("custom", "key"), ("custom.debian10", "key"), ("custom.debian12", None)):
        result = lab.ask("seen", lab.function(runtime=runtime))
        assert dict(json.loads(result.payload)[2]).get("x-fc-access-key-id") == shown


@pytest.mark.parametrize(
    ("asked", "ending", "error_type"),
    [
        ("status 200", Ending.RETURNED, ""),
        ("status 200 200", Ending.RETURNED, ""),
        ("status 500", Ending.RETURNED, ""),
        ("status 404", Ending.RETURNED, ""),
        ("status 302", Ending.RETURNED, ""),
        ("status 500 200", Ending.RETURNED, ""),
        ("status 404 404", Ending.RAISED, INVOCATION),
        ("status 200 404", Ending.RAISED, INVOCATION),
    ],
)
def test_a_header_says_whether_it_failed_and_the_status_says_nothing(lab, asked, ending, error_type):
    result = lab.ask(asked)
    assert (result.ending, result.error_type, result.payload) == (ending, error_type, b"told")
    assert lab.is_alive


@pytest.mark.parametrize(
    ("asked", "words"), [("hang-up", "Server disconnected"), ("garbage", "no valid HTTP answer")]
)
def test_a_server_that_gives_no_answer_fails_the_invocation_and_lives_on(lab, monkeypatch, asked, words):
    monkeypatch.setattr("fun_local.runtime.custom._LAST_WORDS_SECONDS", 0.05)
    result = lab.ask(asked)
    assert (result.ending, result.error_type) == (Ending.RAISED, UNHANDLED)
    assert words in json.loads(result.payload)["errorMessage"]
    assert lab.is_alive


def test_an_answer_over_the_limit_is_an_error_and_the_instance_lives_on(lab, monkeypatch):
    monkeypatch.setattr(exchange, "MAX_BODY", 100_000)

    async def story(instance):
        return [await ask(instance, f"big {size}") for size in (100_001, 100_000)]

    over, at = lab.run(story)
    assert (over.ending, over.error_type) == (Ending.RAISED, UNHANDLED)
    text = b'{"errorMessage":"response payload size exceeds maximum allowed size (100000 bytes)"}'
    assert over.payload == text
    assert at.payload == b"x" * 100_000


def test_a_clients_request_is_handed_on_as_it_is(lab):
    async def story(instance):
        headers = (
            ("Host", "shop.example"),
            ("X-Fc-Request-Id", "forged"),
            ("x-fc-control-path", "/initialize"),
            ("Accept", "a"),
            ("Accept", "b"),
            ("Connection", "close"),
        )
        base = "/2016-08-15/proxy/shop/order"
        request = WebRequest("PUT", f"{base}/a%2Fb/../c?x=%20&x=2", base, headers, b"seen body")
        return await instance.request("request-1", request, attempts=1)

    answer = lab.run(story)
    method, path, headers, rest = json.loads(answer.result.payload)
    base = "/2016-08-15/proxy/shop/order/"
    assert (method, path, rest) == ("PUT", f"{base}a%2Fb/../c?x=%20&x=2", "body")
    assert [value for name, value in headers if name == "x-fc-base-path"] == [base]
    assert [value for name, value in headers if name == "Accept"] == ["a", "b"]
    assert [value for name, value in headers if name.lower() == "x-fc-request-id"] == ["request-1"]
    assert [value for name, value in headers if name == "x-fc-control-path"] == ["/http-invoke"]
    assert ["Host", "shop.example"] in headers
    assert not [name for name, _ in headers if name.lower() == "connection"]


def test_a_client_gets_status_and_headers_of_the_answer(lab):
    async def story(instance):
        return await instance.request("request-1", WebRequest("POST", "/", body=b"status 418"), attempts=1)

    answer = lab.run(story)
    assert (answer.response.status, answer.response.body) == (418, b"told")
    assert answer.result.error_type == ""
    assert ("X-Mine", "1") in answer.response.headers


def test_a_request_that_was_queued_is_handed_on_like_any_other(lab):
    request = WebRequest("PUT", "/a?b=1", body=b"seen body", headers=(("X-Mine", "1"),))

    async def story(instance):
        return await instance.invoke("request-1", pack(request), attempts=2)

    method, path, headers, rest = json.loads(lab.run(story).payload)
    assert (method, path, rest) == ("PUT", "/a?b=1", "body")
    told = {name.lower(): value for name, value in headers}
    assert (told["x-mine"], told["x-fc-retry-count"]) == ("1", "1")
    assert "x-fc-base-path" not in told


def test_of_a_server_that_dies_a_client_gets_no_status_but_the_reason(lab):
    async def story(instance):
        return await instance.request("request-1", WebRequest("POST", "/", body=b"exit 1"), attempts=1)

    answer = lab.run(story)
    assert answer.response is None
    assert (answer.result.ending, answer.result.error_type) == (Ending.EXITED, UNHANDLED)


# --- the environment (2.11, 4.1) --------------------------------------------------------------------------


def test_the_environment_is_that_of_a_custom_runtime(lab):
    function = lab.function(
        environment={"MINE": "1"}, custom_command=("./bootstrap",), custom_args=("one", "/code/x")
    )
    seen, folder, words = json.loads(lab.ask("environment", function).payload)
    code = os.path.join(FUNCTIONS, "custom_server")
    assert folder == code
    assert words[1:] == ["one", f"{code}/x"]
    assert seen["FC_SERVER_PORT"] == seen["FC_CUSTOM_LISTEN_PORT"]
    assert seen["FC_FUNC_CODE_PATH"] == seen["PYTHONPATH"] == code
    assert seen["LD_LIBRARY_PATH"].startswith(f"{code}:{code}/lib:/usr/local/lib")
    assert seen["FC_INSTANCE_ID"] == lab.instances[0].id
    assert (seen["FC_FUNCTION_NAME"], seen["FC_SERVICE_NAME"], seen["MINE"]) == ("order", "shop", "1")
    assert not {"FC_VER_ID", "accessKeyID", "PYTHONIOENCODING", "PORT"} & seen.keys()


@pytest.mark.parametrize(("port", "is_changed"), [("9000", True), ("9001", False)])
def test_port_follows_only_where_it_names_the_functions_own(lab, port, is_changed):
    seen, _, _ = json.loads(lab.ask("environment", lab.function(environment={"PORT": port})).payload)
    assert seen["PORT"] == (seen["FC_SERVER_PORT"] if is_changed else port)


def test_the_command_is_run_instead_of_a_bootstrap(lab):
    function = lab.function(
        custom_command=("/bin/sh", "-c"), custom_args=(f"cd /code && exec {sys.executable} server.py",)
    )
    assert lab.ask("hello", function).payload == b"hello"


# --- log (5.7) --------------------------------------------------------------------------------------------


def test_the_log_is_what_the_server_prints_without_markers(lab):
    async def story(instance):
        await ask(instance, "one")
        name, start = instance.log_position()
        await ask(instance, "two")
        end = instance.log_position()[1]
        with open(os.path.join(lab.log_dir, name), "rb") as file:
            return file.read()[start:end]

    assert lab.run(story) == b"POST /invoke\n"
    assert lab.log == "starting\nPOST /invoke\nPOST /invoke\n"


# --- hooks (2.7, 4.2, 4.4) --------------------------------------------------------------------------------


def test_a_server_is_initialized_once_before_its_first_request(lab):
    async def story(instance):
        await ask(instance, "x")
        return await ask(instance, "asked")

    asked = json.loads(lab.run(story, lab.function(initializer="start")).payload)
    assert asked == ["POST /initialize", "POST /invoke", "POST /invoke"]


def test_requests_that_come_meanwhile_wait_for_the_initializer(lab):
    function = lab.function(initializer="start", instance_concurrency=3)

    async def story(instance):
        await asyncio.gather(*(ask(instance, "x") for _ in range(3)))
        return await ask(instance, "asked")

    asked = json.loads(lab.run(story, function).payload)
    assert asked[0] == "POST /initialize"
    assert asked.count("POST /initialize") == 1


def test_without_an_initializer_it_is_not_asked_to_initialize(lab):
    assert json.loads(lab.ask("asked").payload) == ["POST /invoke"]


@pytest.mark.parametrize("status", [400, 404])
def test_an_initializer_that_asks_for_it_is_tried_again(lab, status):
    function = lab.function(initializer="start", environment={"STATUS_INITIALIZE": f"{status},200"})

    async def story(instance):
        first = await ask(instance, "x")
        assert instance.is_alive
        return first, await ask(instance, "asked")

    first, second = lab.run(story, function)
    assert (first.ending, first.error_type) == (Ending.RAISED, INITIALIZATION)
    assert first.payload == f"/initialize says {status}".encode()
    assert json.loads(second.payload) == ["POST /initialize", "POST /initialize", "POST /invoke"]


@pytest.mark.parametrize(
    ("status", "ending"), [("500", Ending.RAISED), ("exit", Ending.EXITED), ("hang", Ending.TIMED_OUT)]
)
def test_an_initializer_that_fails_costs_the_instance(lab, status, ending):
    function = lab.function(
        initializer="start", initialization_timeout_seconds=1, environment={"STATUS_INITIALIZE": status}
    )
    result = lab.ask("x", function)
    assert (result.ending, result.error_type) == (ending, INITIALIZATION)
    assert not lab.is_alive
    assert ("FC Initialize End RequestId: request-1, Error: " in lab.log) == (status != "500")


def test_an_instance_is_told_before_it_goes(lab):
    lab.ask("x", lab.function(pre_stop="stop"))
    assert lab.log_at_the_end.endswith("GET /pre-stop\n")


def test_an_instance_that_is_stopped_at_work_is_told_too(lab):
    async def story(instance):
        running = asyncio.create_task(ask(instance, "sleep now"))
        await log_shows(instance, "asleep now")
        await instance.stop()
        return await running

    result = lab.run(story, lab.function(pre_stop="stop"))
    assert (result.ending, result.error_type) == (Ending.STOPPED, UNHANDLED)
    assert "asleep now\nGET /pre-stop\nFC Invoke End RequestId: request-1, Error: Process exited" in lab.log


@pytest.mark.parametrize("status", ["404", "500", "exit", "hang"])
def test_whatever_comes_of_pre_stop_the_instance_ends(lab, status):
    function = lab.function(
        pre_stop="stop", pre_stop_timeout_seconds=1, environment={"STATUS_PRE_STOP": status}
    )
    lab.ask("x", function)
    assert ("FC PreStop End RequestId: " in lab.log_at_the_end) == (status in ("exit", "hang"))


def test_after_a_request_the_server_is_told_that_it_will_be_frozen(lab):
    async def story(instance):
        await ask(instance, "x")
        position = instance.log_position()
        asked = json.loads((await ask(instance, "asked")).payload)
        return position, asked

    _, asked = lab.run(story, lab.function(pre_freeze="freeze"))
    assert asked == ["POST /invoke", "GET /pre-freeze", "POST /invoke"]


@pytest.mark.parametrize(("status", "lives_on"), [("404", True), ("500", False)])
def test_only_a_pre_freeze_of_500_costs_the_instance(lab, status, lives_on):
    async def story(instance):
        await ask(instance, "x")
        await log_shows(instance, "GET /pre-freeze")
        await instance._quiet.wait()
        return instance.is_alive

    function = lab.function(pre_freeze="freeze", environment={"STATUS_PRE_FREEZE": status})
    assert lab.run(story, function) is lives_on


# --- ends (5.2, 5.3, 5.6) ---------------------------------------------------------------------------------


def test_a_server_that_dies_fails_the_request(lab):
    result = lab.ask("exit 3")
    assert (result.ending, result.error_type) == (Ending.EXITED, UNHANDLED)
    assert EXIT_TEXT.fullmatch(result.payload)
    assert not lab.is_alive
    text = json.loads(result.payload)["errorMessage"]
    assert lab.log.endswith(f"\nFC Invoke End RequestId: request-1, Error: {text}\n")


def test_an_answer_with_its_last_breath_counts(lab):
    result = lab.ask("answer-and-exit")
    assert (result.ending, result.payload) == (Ending.RETURNED, b"last words")


def test_a_request_that_takes_too_long_ends_the_instance(lab):
    result = lab.ask("sleep x", lab.function(timeout_seconds=1))
    assert (result.ending, result.error_type) == (Ending.TIMED_OUT, UNHANDLED)
    assert re.fullmatch(
        r"Function timed out after 1 seconds \(maxMemoryUsage: \d+\.\d\dMB\)",
        json.loads(result.payload)["errorMessage"],
    )
    assert not lab.is_alive
    assert "Error: Function timed out after 1 seconds" in lab.log


def test_a_server_that_ignores_the_request_to_end_is_killed(lab):
    lab.grace_seconds = 0.1
    lab.ask("x", lab.function(environment={"STUBBORN": "1"}))


def test_whoever_gives_up_takes_the_instance_along(lab):
    async def story(instance):
        running = asyncio.create_task(ask(instance, "sleep now"))
        await log_shows(instance, "asleep now")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return instance.is_alive

    assert lab.run(story) is False


@linux
def test_a_server_that_takes_too_much_memory_is_killed(lab):
    result = lab.ask("greedy 200", lab.function(memory_mb=128))
    assert (result.ending, result.error_type) == (Ending.EXITED, UNHANDLED)
    assert result.memory_mb > 128
    assert "fun-local: killed: the process and its children use" in lab.log


@linux
def test_a_killed_daemon_leaves_no_server(tmp_path):
    server = os.path.join(FUNCTIONS, "custom_server", "server.py")
    (tmp_path / "bootstrap").write_text(f"#!/bin/sh\nsleep 600 &\nexec {sys.executable} {server}\n")
    (tmp_path / "bootstrap").chmod(0o755)
    instance_id = killed_daemon(tmp_path, str(tmp_path), shows="POST /invoke", runtime="custom")
    assert all_gone(instance_id) == []


# --- several at a time (5.4) ------------------------------------------------------------------------------


def test_requests_run_at_the_same_time(lab):
    function = lab.function(instance_concurrency=3, environment={"TOGETHER": "3"})

    async def story(instance):
        return await asyncio.gather(*(ask(instance, "together") for _ in range(3)))

    assert [result.payload for result in lab.run(story, function)] == [b"together"] * 3


def test_a_crash_fails_all_that_are_under_way(lab):
    async def story(instance):
        running = [asyncio.create_task(ask(instance, f"sleep {n}")) for n in range(2)]
        for n in range(2):
            await log_shows(instance, f"asleep {n}")
        return [await ask(instance, "exit 1"), *await asyncio.gather(*running)]

    results = lab.run(story, lab.function(instance_concurrency=3))
    assert [result.ending for result in results] == [Ending.EXITED] * 3


def test_a_time_out_lets_the_others_finish(lab):
    function = lab.function(instance_concurrency=2, timeout_seconds=1, environment={"TOGETHER": "2"})

    async def story(instance):
        late = await ask(instance, "sleep x")
        assert not instance.is_alive
        others = await asyncio.gather(*(ask(instance, "together") for _ in range(2)))
        return late, others

    late, others = lab.run(story, function)
    assert late.ending is Ending.TIMED_OUT
    assert [result.payload for result in others] == [b"together"] * 2


def test_whoever_gives_up_leaves_the_instance_to_the_others(lab):
    async def story(instance):
        running = asyncio.create_task(ask(instance, "sleep now"))
        await log_shows(instance, "asleep now")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return instance.is_alive, (await ask(instance, "x")).payload

    assert lab.run(story, lab.function(instance_concurrency=2)) == (True, b"x")


# --- ports (4.1) ------------------------------------------------------------------------------------------


def pooled(lab, story):
    """Run a story with a pool over one runtime."""

    async def act():
        runtime = lab.runtime()
        pool = Pool(runtime, max_instances=5, idle_seconds=300)
        try:
            return await story(pool)
        finally:
            await pool.close()

    return asyncio.run(act())


async def invoke(lab, pool, function, text="x"):
    slot = await pool.take(function)
    try:
        instance = await slot.ready()
        lab.instances.append(instance)
        return instance, await ask(instance, text)
    finally:
        slot.release()


def test_servers_that_heed_the_port_run_side_by_side(lab):
    function = lab.function()

    async def story(pool):
        await invoke(lab, pool, function)
        slots = [pool.try_take(function) for _ in range(3)]
        assert None not in slots
        instances = [await slot.ready() for slot in slots]
        lab.instances += instances
        results = [await ask(instance, "x") for instance in instances]
        for slot in slots:
            slot.release()
        return {instance.id for instance in instances}, [result.payload for result in results]

    ids, payloads = pooled(lab, story)
    assert (len(ids), payloads) == (3, [b"x"] * 3)


def test_a_server_that_insists_on_its_port_has_one_instance_that_all_share(lab):
    function = fixed(lab)

    async def story(pool):
        found = await asyncio.gather(*(invoke(lab, pool, function) for _ in range(4)))
        slots = [pool.try_take(function) for _ in range(2)]
        assert slots[1] is None
        slots[0].release()
        return {instance.id for instance, _ in found}, [result.payload for _, result in found], found[0][0]

    ids, payloads, instance = pooled(lab, story)
    assert (len(ids), payloads) == (1, [b"x"] * 4)
    assert "fun-local: the server listens on port" in read(instance)


def test_until_it_is_known_a_function_starts_one_instance(lab):
    function = lab.function()

    async def story(pool):
        found = await asyncio.gather(*(invoke(lab, pool, function) for _ in range(4)))
        return [result.payload for _, result in found]

    assert pooled(lab, story) == [b"x"] * 4


def test_two_functions_that_insist_on_one_port_take_turns(lab):
    port = listening.free_port()
    functions = [fixed(lab, name, port=port) for name in ("a", "b")]

    async def story(pool):
        seen = []
        for _ in range(2):
            for function in functions:
                _, result = await invoke(lab, pool, function, "seen")
                seen.append(dict(json.loads(result.payload)[2])["x-fc-function-name"])
        return seen

    assert pooled(lab, story) == ["a", "b", "a", "b"]


def test_functions_that_start_at_the_same_time_on_one_port_are_all_served(lab):
    port = listening.free_port()
    functions = [fixed(lab, name, port=port) for name in ("a", "b", "c")]

    async def story(pool):
        calls = [invoke(lab, pool, function, "seen") for function in functions for _ in range(2)]
        results = [result for _, result in await asyncio.gather(*calls)]
        return [dict(json.loads(result.payload)[2])["x-fc-function-name"] for result in results]

    assert pooled(lab, story) == ["a", "a", "b", "b", "c", "c"]


def test_a_server_that_has_its_port_finishes_before_it_makes_room(lab):
    port = listening.free_port()
    first = fixed(lab, "a", port=port, instance_concurrency=2)
    first.environment["TOGETHER"] = "2"
    second = fixed(lab, "b", port=port)

    async def story(pool):
        slots = [await pool.take(first) for _ in range(2)]
        instance = await slots[0].ready()
        lab.instances.append(instance)
        waiting = asyncio.create_task(ask(instance, "together"))
        await log_shows(instance, "POST /invoke")
        rival = asyncio.create_task(invoke(lab, pool, second))
        while instance.is_alive:
            await asyncio.sleep(0.001)
        results = [await ask(instance, "together"), await waiting]
        for slot in slots:
            slot.release()
        return results, (await rival)[1].payload

    results, payload = pooled(lab, story)
    assert [result.payload for result in results] == [b"together"] * 2
    assert payload == b"x"


@pytest.mark.parametrize("why", ["gone", "silent.sh"])
def test_what_fails_for_reasons_of_its_own_ends_nobody_elses_instance(lab, monkeypatch, why):
    port = listening.free_port()
    holder = fixed(lab, "a", port=port)
    broken = lab.function("b", ca_port=port, code="custom_scripts", custom_command=(f"/code/{why}",))

    async def story(pool):
        instance, _ = await invoke(lab, pool, holder)
        monkeypatch.setattr(custom_start, "START_SECONDS", 0.2)
        with pytest.raises(Conflict):
            await invoke(lab, pool, broken)
        return instance.is_alive

    assert pooled(lab, story) is True


def test_a_deploy_while_the_old_server_has_the_port_starts_the_new_one_after_it(lab):
    old = fixed(lab)
    new = replace(old, environment={**old.environment, "VERSION": "2"})

    async def story(pool):
        slot = await pool.take(old)
        instance = await slot.ready()
        lab.instances.append(instance)
        started = asyncio.create_task(invoke(lab, pool, new, "environment"))
        while instance.is_alive and not started.done():
            await asyncio.sleep(0.001)
        slot.release()
        return json.loads((await started)[1].payload)[0]["VERSION"]

    assert pooled(lab, story) == "2"


def test_a_port_that_a_stranger_has_is_named(lab):
    with socket.socket() as stranger:
        stranger.bind(("", 0))
        stranger.listen()
        port = stranger.getsockname()[1]
        with pytest.raises(Conflict) as caught:
            lab.ask("x", fixed(lab, port=port))
    assert caught.value.code == "CAExited"
    assert "Address already in use" in caught.value.message
    assert f"Port {port} of this machine is in use by another program" in caught.value.hint
    assert "FC_SERVER_PORT" in caught.value.hint


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_what_would_not_be_reached_in_the_cloud_is_said_in_the_log(lab, address):
    assert lab.ask("x", lab.function(environment={"ADDRESS": address})).payload == b"x"
    assert ("fun-local: the server listens on 127.0.0.1 alone" in lab.log) == (address == "127.0.0.1")


@pytest.mark.parametrize("start", [lambda lab: lab.function(), fixed])
def test_where_the_system_does_not_tell_whose_a_port_is_a_connection_will_do(lab, monkeypatch, start):
    monkeypatch.setattr(listening, "can_tell", lambda: False)
    assert lab.ask("x", start(lab)).payload == b"x"


# --- what does not start (4.5) ----------------------------------------------------------------------------

SCRIPTS = os.path.join(FUNCTIONS, "custom_scripts")


@pytest.mark.parametrize(
    ("command", "code", "message", "hint"),
    [
        ((), "CAFileNotFound", "the file /code/bootstrap is not exist", "CustomRuntimeConfig"),
        (("/code/fails.sh", "x"), "CAExited", "(code 7, message:exit status 7)", ".log"),
        (("/code/gone",), "CAExited", "(code 2, message:no such file or directory)", SCRIPTS),
        (("no-such-program",), "CAExited", "(code 2, message:no such file or directory)", SCRIPTS),
        (("./bad_shebang",), "CAExited", "(code 2, message:no such file or directory)", "first line"),
        (("./no_shebang",), "CAExited", "(code 8, message:exec format error)", "#!/bin/sh"),
        (("./not_executable",), "CAExited", "(code 13, message:permission denied)", "chmod +x"),
    ],
)
def test_what_cannot_be_started_is_told_in_the_vendors_words(lab, command, code, message, hint):
    with pytest.raises(Conflict) as caught:
        lab.ask("x", lab.function(code="custom_scripts", custom_command=command))
    assert caught.value.code == code
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_the_last_words_of_a_server_that_ends_at_once_are_told(lab):
    with pytest.raises(Conflict) as caught:
        lab.ask("x", lab.function(code="custom_scripts", custom_command=("/code/fails.sh",)))
    assert caught.value.message.endswith(f" with start command '{SCRIPTS}/fails.sh '. Logs:it can't be\n")


def test_a_bootstrap_that_may_not_be_run_is_told(lab, tmp_path):
    (tmp_path / "bootstrap").write_text("#!/bin/sh\n")
    with pytest.raises(Conflict) as caught:
        lab.ask("x", lab.function(code=tmp_path))
    assert caught.value.code == "CAFilePermission"
    assert "chmod +x" in caught.value.hint


def test_a_server_that_does_not_listen_is_ended_and_told(lab, monkeypatch):
    monkeypatch.setattr(custom_start, "START_SECONDS", 0.2)
    with pytest.raises(Conflict) as caught:
        lab.ask("x", lab.function(code="custom_scripts", custom_command=("./silent.sh",)))
    assert caught.value.code == "FunctionNotStarted"
    assert caught.value.message.startswith("Function instance health check failed on port 9000 in ")
    assert "FC_SERVER_PORT" in caught.value.hint
    assert not [name for name in os.listdir(lab.run_dir) if name.endswith(".json")]


@linux
def test_a_server_on_a_port_that_nobody_meant_is_told_which(lab, monkeypatch):
    monkeypatch.setattr(custom_start, "START_SECONDS", 1.0)
    other = listening.free_port()
    function = lab.function(environment={"FIXED_PORT": str(other)}, ca_port=listening.free_port({other}))
    with pytest.raises(Conflict) as caught:
        lab.ask("x", function)
    assert f"It listens on {other}." in caught.value.hint


def test_code_that_is_gone_is_told(lab):
    with pytest.raises(CorruptState):
        lab.ask("x", lab.function(code="no_such_folder"))


@pytest.mark.parametrize(
    ("runtime", "reason", "step"),
    [
        ("python2.7", "Python 2", "python3.10"),
        ("java8", "no Java worker", "CustomRuntimeConfig"),
        ("java11", "no Java worker", "CustomRuntimeConfig"),
        ("php7.2", "no PHP worker", "custom"),
        ("dotnetcore2.1", "no .NET worker", "CustomRuntimeConfig"),
        ("dotnetcore3.1", "no .NET worker", "CustomRuntimeConfig"),
        ("go1", "interface of the platform", "bootstrap"),
        ("custom-container", "an image", "runtime custom"),
        ("micro-sandbox", "sandbox", "another runtime"),
        ("cobol", "not known", "These run here"),
        ("", "not known", "These run here"),
    ],
)
def test_a_runtime_that_cannot_run_here_says_what_is_missing(lab, runtime, reason, step):
    with pytest.raises(InvalidRequest) as caught:
        lab.ask("x", lab.function(runtime=runtime))
    assert caught.value.code == "RuntimeNotSupported"
    assert repr(runtime) in caught.value.message
    assert reason in caught.value.message
    assert step in caught.value.hint
    assert caught.value.hint.endswith("These run here: python3*, nodejs*, custom.")

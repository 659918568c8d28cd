"""Facts of the runtime contract that no other test needs, one each; docs/fidelity.md lists them all."""

import asyncio
import json
import sys
import textwrap

import pytest

from fun_local.model.outcome import Ending
from fun_local.runtime.census import Tree
from tests.contract.test_runtime import Lab, log_shows, read


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


@pytest.fixture
def code(tmp_path):
    """Writes a function of one file; its folder."""
    folder = tmp_path / "code"
    folder.mkdir()

    def write(text, name="index.py"):
        (folder / name).write_text(textwrap.dedent(text))
        return folder

    return write


def seen(lab, **configuration):
    return json.loads(lab.invoke("context_dump", "index.process", **configuration).payload)["environment"]


def test_the_variable_of_the_version_depends_on_the_runtimes_base_system(lab):
    older = seen(lab, runtime="python3.10", version="7")
    newer = seen(lab, runtime="python3.12", version="7")
    assert (older["FC_VER_ID"], "FC_FUNCTION_VERSION" in older) == ("7", False)
    assert (newer["FC_FUNCTION_VERSION"], "FC_VER_ID" in newer) == ("7", False)


def test_times_are_utc_unless_the_function_says_otherwise(lab):
    environment = seen(lab)
    assert (environment["TZ"], environment["LANG"]) == ("UTC", "C.UTF-8")
    assert seen(lab, environment={"TZ": "Asia/Shanghai"})["TZ"] == "Asia/Shanghai"


def test_libraries_are_looked_for_beside_the_code_first(lab):
    environment = seen(lab)
    folder = environment["FC_FUNC_CODE_PATH"]
    assert environment["LD_LIBRARY_PATH"].startswith(f"{folder}:{folder}/lib:/usr/local/lib")


def test_the_interpreter_ignores_warnings(lab, code):
    folder = code("""
        import sys
        def handler(event, context):
            return sys.warnoptions
    """)
    assert json.loads(lab.invoke(folder).payload) == ["ignore"]


def test_loading_the_code_is_in_the_first_requests_time(lab, code):
    folder = code("""
        import time
        time.sleep(60)
    """)
    result = lab.invoke(folder, timeout_seconds=1)
    assert result.ending is Ending.TIMED_OUT
    assert "FC Invoke Start RequestId: request-1" in lab.log


def test_the_code_is_not_loaded_before_the_first_request(lab, code):
    folder = code("""
        print("loaded")
        def handler(event, context):
            return "called"
    """)

    async def story():
        async with lab.instance(folder) as instance:
            await log_shows(instance, "runtime inited")
            before = read(instance)
            await instance.invoke("r", b"", attempts=1)
            return before, read(instance)

    before, after = asyncio.run(story())
    assert "loaded" not in before
    assert "FC Invoke Start RequestId: r\nloaded\n" in after


def test_the_initializers_time_is_not_the_functions(lab, code):
    folder = code("""
        import time
        def init(context):
            time.sleep(1.2)
        def handler(event, context):
            return "in time"
    """)
    result = lab.invoke(
        folder, initializer="index.init", initialization_timeout_seconds=20, timeout_seconds=1
    )
    assert result.payload == b"in time"


def test_a_module_is_known_by_its_whole_path(lab, code):
    folder = code("""
        import sys
        def handler(event, context):
            return sorted(name for name in sys.modules if name.endswith("index"))
    """)
    assert json.loads(lab.invoke(folder).payload) == ["index"]


def test_threads_of_a_python_function_go_on_between_two_requests(lab, code):
    folder = code("""
        import threading
        done = threading.Event()
        def handler(event, context):
            if event == b"start":
                threading.Timer(0.05, lambda: (print("ran between"), done.set())).start()
            return str(done.is_set())
    """)

    async def story():
        async with lab.instance(folder) as instance:
            first = await instance.invoke("r1", b"start", attempts=1)
            await log_shows(instance, "ran between")
            return first, await instance.invoke("r2", b"", attempts=1)

    first, second = asyncio.run(story())
    assert (first.payload, second.payload) == (b"False", b"True")


def test_what_is_not_among_the_four_kinds_of_requests_is_an_invocation(lab):
    """The daemon asks for nothing else; a worker that outlives it might be asked by a newer one."""

    async def story():
        async with lab.instance("echo") as instance:
            asked = await instance._ask(
                instance._phases.invoke.question("r", 0, b"event").replace(b'"kind":0', b'"kind":9'), 20
            )
            return asked, read(instance)

    asked, log = asyncio.run(story())
    assert asked == ("ok", b"event")
    assert "FC Invoke End RequestId: r\n" in log


def test_an_instance_keeps_its_files_from_request_to_request(lab, code):
    folder = code("""
        import os, tempfile
        def handler(event, context):
            path = os.path.join(tempfile.gettempdir(), "counted")
            with open(path, "a+") as file:
                file.write("x")
                file.seek(0)
                return str(len(file.read()))
    """)

    async def story():
        async with lab.instance(folder) as instance:
            return [(await instance.invoke("r", b"", attempts=1)).payload for _ in range(3)]

    assert asyncio.run(story()) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("runtime", ["nodejs16", "nodejs20"])
def test_the_level_of_node_s_console_can_be_chosen(lab, code, runtime):
    folder = code(
        """
        exports.handler = (event, context, callback) => {
          console.debug('detail');
          console.warn('warning');
          callback(null, typeof console.setLogLevel);
        };
        """,
        "index.js",
    )
    result = lab.invoke(folder, runtime=runtime, environment={"ALIYUN_FC_LOG_LEVEL": "warn"})
    assert "warning" in lab.log
    # Up to 16 the variable means nothing, and the function itself sets the level.
    assert ("detail" in lab.log, result.payload) == (
        (True, b"function") if runtime == "nodejs16" else (False, b"undefined")
    )


def test_a_short_peak_of_memory_passes(lab, code):
    """The limit is looked at ten times a second, and a peak between two looks costs nothing."""
    folder = code("""
        def handler(event, context):
            return str(len(b"x" * (160 << 20)) >> 20)
    """)
    lab.look = lambda roots: [Tree(0.0, 1) for _ in roots]  # what is seen between two such peaks
    result = lab.invoke(folder, memory_mb=128)
    assert result.payload == b"160"
    assert result.memory_mb > 128


def test_a_connection_to_a_server_is_used_again(lab, code):
    folder = code(
        f"""\
        #!{sys.executable}
        import os
        from http.server import BaseHTTPRequestHandler, HTTPServer

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                body = b"%d" % self.client_address[1]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        HTTPServer(("0.0.0.0", int(os.environ["FC_SERVER_PORT"])), Handler).serve_forever()
        """,
        "bootstrap",
    )
    (folder / "bootstrap").chmod(0o700)

    async def story():
        async with lab.instance(folder, runtime="custom") as instance:
            return [(await instance.invoke("r", b"event", attempts=1)).payload for _ in range(3)]

    ports = asyncio.run(story())
    assert len(set(ports)) == 1 and int(ports[0]) > 0

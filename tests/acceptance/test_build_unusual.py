"""`fun build` and `fun package` where things are not as usual: interrupted, at once, odd templates."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import textwrap
import zipfile
from pathlib import Path

import pytest

from fun_local.runtime.processes import bearers
from tests.acceptance.test_build import (
    ARTIFACTS,
    NODE,
    PYTHON,
    build,
    function,
    npm,
    package,
    serverless,
    wheel,
)
from tests.acceptance.test_local import said_by
from tests.conftest import wait_for

MANIFEST = "../wheels/dep-1.0-py3-none-any.whl\n"


@pytest.fixture
def order(shell):
    """A project with a Python function that needs the package dep."""
    wheel(Path(shell.project) / "wheels", "dep")
    shell.write("order/index.py", PYTHON)
    shell.write("order/requirements.txt", MANIFEST)
    shell.write("template.yml", serverless(order=function("order")))
    return shell


# --- interruptions


@pytest.fixture
def slow(order):
    """It needs another package, whose building never ends. Its processes can be told by FC_INSTANCE_ID."""
    build(order)
    order.write(
        "slow/pyproject.toml",
        '[project]\nname = "slow"\nversion = "1.0"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    )
    begun = os.path.join(order.project, "begun")
    order.write(
        "slow/backend.py",
        textwrap.dedent(f"""\
            import subprocess, sys, time
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            open({begun!r}, "w").close()
            time.sleep(600)
            """),
    )
    order.write("order/requirements.txt", MANIFEST + "../slow\n")
    order.environment["FC_INSTANCE_ID"] = f"slow-{os.getpid()}"
    order.begun = begun
    return order


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1)]
)
@pytest.mark.parametrize("command", ["build", "install"])
def test_an_interrupt_ends_everything_and_leaves_what_was_there(slow, command, number, code):
    with slow.start("fun", command) as process:
        wait_for(lambda: os.path.exists(slow.begun))
        assert len(bearers(slow.environment["FC_INSTANCE_ID"])) > 2
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == code
    assert bearers(slow.environment["FC_INSTANCE_ID"]) == []
    assert not [name for name in os.listdir(Path(slow.project) / ARTIFACTS) if name.startswith(".")]
    assert sorted(os.listdir(Path(slow.project) / "order")) == ["index.py", "requirements.txt"]
    slow.write("order/requirements.txt", MANIFEST)
    assert build(slow) == {"shop/order": "Unchanged"}
    assert slow.fun("local", "invoke", "order").out == "1.0"


def test_a_second_build_at_the_same_time_is_refused(slow):
    with slow.start("fun", "build") as process:
        wait_for(lambda: os.path.exists(slow.begun))
        assert "another build is at work" in slow.fun("build", check=1).err
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_what_a_killed_build_has_left_goes_with_the_next(slow):
    with slow.start("fun", "build") as process:
        wait_for(lambda: os.path.exists(slow.begun))
        process.kill()
        process.communicate(timeout=60)
    for pid in bearers(slow.environment["FC_INSTANCE_ID"]):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not bearers(slow.environment["FC_INSTANCE_ID"]))
    slow.write("order/requirements.txt", MANIFEST)
    assert build(slow) == {"shop/order": "Unchanged"}
    assert not [name for name in os.listdir(Path(slow.project) / ARTIFACTS) if name.startswith(".")]


# --- machines


def only(shell, *programs: str) -> None:
    """Leave these programs on the PATH, and no others."""
    folder = Path(shell.project) / "programs"
    folder.mkdir()
    for name in programs:
        (folder / name).symlink_to(shutil.which(name))
    shell.environment["PATH"] = str(folder)


@npm
def test_a_missing_npm_is_named_with_the_function(order):
    order.write("order/package.json", json.dumps({"dependencies": {"dep": "1"}}))
    order.write("template.yml", serverless(order=function("order", "nodejs18")))
    only(order, "node")
    for command in ("build", "install"):
        refused = order.fun(command, check=1).err
        assert "shop/order" in refused
        assert "'npm'" in refused
    assert os.listdir(Path(order.project) / ARTIFACTS) == []


def test_a_place_that_can_not_be_written_to_is_named(order):
    order.write(".fun", "a file")
    assert ".fun/build" in order.fun("build", check=1).err
    order.write("order/.fun", "a file")
    assert "order/.fun" in order.fun("install", check=1).err
    assert ".fun/package" in order.fun("package", check=1).err


@pytest.mark.parametrize("place", [".fun", ".fun/build", ARTIFACTS, f"{ARTIFACTS}/shop", "order/.fun"])
def test_nothing_is_replaced_where_a_link_of_the_project_leads(order, place):
    """A project from somewhere must not have us delete what is elsewhere."""
    mine = Path(order.project + "-mine")
    for name in (
        "artifacts/shop/order",
        "build/artifacts/shop/order",
        "shop/order",
        "order",
        "python",
        "shop/x",
    ):
        (mine / name).mkdir(parents=True, exist_ok=True)
        (mine / name / "thesis").write_text("years of work")
    before = sorted(mine.rglob("*"))
    link = Path(order.project) / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(mine)
    command = "install" if place == "order/.fun" else "build"
    refused = order.fun(command, check=1).err
    assert str(mine) in refused
    assert sorted(mine.rglob("*")) == before
    shutil.rmtree(mine)


def test_modules_of_the_code_are_not_taken_for_the_librarys(order):
    order.write("order/logging.py", "raise SystemExit('not yours')\n")
    build(order)
    assert (Path(order.project) / ARTIFACTS / "shop/order/logging.py").exists()


def test_settings_of_pip_do_not_lead_packages_elsewhere(order):
    order.environment |= {"PIP_USER": "1", "PIP_TARGET": "/nowhere", "PIP_REQUIRE_VIRTUALENV": "1"}
    build(order)
    assert order.fun("local", "invoke", "order").out == "1.0"


def test_the_password_of_an_index_is_not_shown(order):
    order.write("order/requirements.txt", "../wheels/missing-1.0-py3-none-any.whl\n")
    refused = order.fun("build", "--index-url", "http://ann:secret@127.0.0.1:9/simple", check=1)
    assert "****@127.0.0.1" in refused.err
    assert "secret" not in refused.err


def test_a_home_inside_the_project_is_no_code(order):
    order.home = order.environment["FUN_LOCAL_HOME"] = os.path.join(order.project, "home")
    order.write("index.py", PYTHON)
    order.write("requirements.txt", "wheels/dep-1.0-py3-none-any.whl\n")
    order.write("template.yml", serverless(order=function(".")))
    order.fun("mns", "queue", "create", "q")
    build(order)
    assert "home" not in os.listdir(Path(order.project) / ARTIFACTS / "shop" / "order")
    order.fun("deploy")
    order.fun("package")
    order.fun("deploy")
    assert order.invk("order", "-s", "").out == "1.0"


# --- templates


@npm
def test_one_folder_may_be_the_code_of_functions_in_two_languages(order):
    package(Path(order.project) / "nodes", "dep", "2.0.0")
    order.write("order/index.js", NODE)
    order.write("order/package.json", json.dumps({"dependencies": {"dep": "file:../nodes"}}))
    order.write(
        "template.yml",
        serverless(a=function("order"), b=function("order", "nodejs18"), c=function("./order/")),
    )
    assert build(order) == {"shop/a": "Built", "shop/b": "Built", "shop/c": "Built"}
    order.fun("deploy")
    assert [order.invk(name, "-s", "").out for name in ("a", "b", "c")] == ["1.0", "2.0.0", "1.0"]
    built = {path.name for path in (Path(order.project) / ARTIFACTS / "shop" / "b").iterdir()}
    assert ".fun" not in built
    order.write("order/index.py", PYTHON + "# changed\n")
    assert build(order, "c") == {"shop/c": "Copied"}
    assert "order/index.py" in order.fun("deploy", check=1).err  # a is still as it was
    assert build(order)["shop/a"] == "Copied"
    order.fun("deploy")


def test_runtimes_that_nothing_here_installs_for_do_not_keep_others_from_being_built(order):
    order.write("old/requirements.txt", "anything\n")
    order.write("old/pom.xml", "<project/>")
    order.write("old/index.py", "")
    order.write(
        "template.yml",
        serverless(order=function("order"), old=function("old", "python2.7"), java=function("old", "java8")),
    )
    done = order.fun("build", "--json")
    assert [f["action"] for f in done.json["functions"]] == ["Built", "Skipped", "Skipped"]
    assert "warning: shop/old: requirements.txt is for python2.7" in done.err
    assert "warning: shop/java: pom.xml is for Maven" in done.err
    assert "python2.7" in order.fun("install", "-f", "old", "dep", check=1).err


ODD = """\
ROSTemplateFormatVersion: '2015-09-01'
Parameters:
  Place: {Type: String, Default: ./源 代码}
  Name: {Type: String, Default: 'fertig ü'}
  Bucket: {Type: String, Default: far}
  Big: {Type: String, Default: 'no'}
Conditions:
  IsBig: {'Fn::Equals': ['yes', {Ref: Big}]}
Resources:
  S: {Type: 'ALIYUN::FC::Service', Properties: {ServiceName: odd}}
  Folder:
    Type: ALIYUN::FC::Function
    Properties:
      {ServiceName: odd, FunctionName: folder, Handler: index.handler, Runtime: python3, CodeUri: !Ref Place,
       EnvironmentVariables: {A: '012', B: 'yes', C: "1\\x85\\u2028\\t\\r\\n2"}}
  Archive:
    Type: ALIYUN::FC::Function
    Properties: {ServiceName: odd, FunctionName: archive, Handler: index.handler, Runtime: python3,
                 CodeUri: !Sub './${Name}.zip'}
  Jar:
    Type: ALIYUN::FC::Function
    Properties: {ServiceName: odd, FunctionName: jar, Handler: a.B, Runtime: java8, CodeUri: app.jar}
  Text:
    Type: ALIYUN::FC::Function
    Properties: {ServiceName: odd, FunctionName: text, Handler: index.handler, Runtime: python3,
                 Code: {SourceCode: "def handler(e, c): return 'text'"}}
  Far:
    Type: ALIYUN::FC::Function
    Condition: IsBig
    Properties: {ServiceName: odd, FunctionName: far, Handler: index.handler, Runtime: python3,
                 CodeUri: !Sub 'oss://${Bucket}/key.zip'}
  Never:
    Type: ALIYUN::FC::Function
    Condition: IsBig
    Properties: {ServiceName: odd, FunctionName: never, Handler: index.handler, Runtime: python3,
                 CodeUri: {'Fn::If': [IsBig, ./源 代码, ./gone]}}
"""


def test_odd_names_and_computed_places_are_built_packaged_and_deployed(order):
    look = "import dep, os\ndef handler(e, c): return dep.version + repr([os.environ[n] for n in 'ABC'])\n"
    order.write("源 代码/index.py", look)
    order.write("源 代码/requirements.txt", MANIFEST)
    for name in ("fertig ü.zip", "app.jar"):
        with zipfile.ZipFile(Path(order.project) / name, "w") as archive:
            archive.writestr("index.py", "def handler(e, c): return 'archive'\n")
    order.write("template.yml", ODD)
    expected = ["1.0['012', 'yes', '1\\x85\\u2028\\t\\r\\n2']", "archive", "text"]

    def deployed(*arguments: str) -> list[str]:
        order.fun("deploy", "--stack-name", "odd", *arguments)
        return [order.invk(f"odd/{name}", "-s", "").out for name in ("folder", "archive", "text")]

    assert build(order) == {"odd/folder": "Built"}
    assert deployed() == expected
    built = f"{ARTIFACTS}/template.yml"
    refused = order.fun("deploy", "--stack-name", "odd", "-t", built, "-p", "Big=yes", check=1)
    assert "oss://far/key.zip" in refused.err
    packages = [found["function"] for found in order.fun("package", "--json").json["packages"]]
    assert packages == ["odd/folder", "odd/archive", "odd/jar", "odd/text"]
    assert deployed() == expected
    order.fun("validate", "-t", "template.packaged.yml", "-p", "Big=yes")


def test_a_template_elsewhere_is_built_where_it_is(order):
    done = subprocess.run(
        [shutil.which("fun"), "build", "-t", os.path.join(order.project, "template.yml"), "--json"],
        cwd="/",
        env=order.environment,
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["template"] == os.path.join(order.project, ARTIFACTS, "template.yml")
    assert order.fun("local", "invoke", "order").out == "1.0"


SERVER = """\
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
import dep

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(dep.version.encode())

HTTPServer(("0.0.0.0", int(os.environ["FC_SERVER_PORT"])), Handler).serve_forever()
"""


def test_a_custom_runtime_finds_its_packages_whatever_python_its_command_finds(order):
    order.write("order/server.py", SERVER)
    order.write("order/bootstrap", "#!/bin/sh\nexec python3 server.py\n")
    (Path(order.project) / "order" / "bootstrap").chmod(0o755)
    order.write("template.yml", serverless(order=function("order", "custom")))
    assert build(order) == {"shop/order": "Built"}
    order.fun("deploy")
    assert order.invk("order", "-s", "").out == "1.0"


def test_a_watched_deploy_tells_that_a_build_is_due_and_takes_it(order):
    build(order)
    with order.start("fun", "deploy", "--watch") as watching:
        try:
            said_by(watching, "Watching for changes")
            order.write("order/index.py", "def handler(event, context): return 'new'\n")
            said_by(watching, "Do it again: fun build")
            build(order)
            wait_for(lambda: order.invk("order", "-s", "").out == "new")
        finally:
            watching.send_signal(signal.SIGINT)
            watching.communicate(timeout=60)


def test_damaged_notes_of_a_build_are_mended_by_the_next(order):
    build(order)
    order.write(f"{ARTIFACTS}/meta.json", "{")
    assert "fun build" in order.fun("deploy", check=1).err
    assert build(order) == {"shop/order": "Built"}
    order.fun("deploy")

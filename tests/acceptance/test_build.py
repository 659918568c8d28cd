"""`fun build` and `fun install`: dependencies end up where functions find them. No network is used."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import textwrap
import zipfile
from pathlib import Path

import pytest

npm = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm")

ARTIFACTS = ".fun/build/artifacts"


def wheel(path: Path, name: str, version: str = "1.0", code: str = "", program: str = "") -> Path:
    """A package for pip, which needs nothing to be built. ``program`` names a script that runs it."""
    path.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    file = path / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", code or f"version = {version!r}\ndef main(): print(version)\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        if program:
            archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{program} = {name}:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return file


def package(path: Path, name: str, version: str = "1.0.0") -> Path:
    """A package for npm: a folder."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "package.json").write_text(json.dumps({"name": name, "version": version, "main": "main.js"}))
    (path / "main.js").write_text(f"module.exports = {json.dumps(version)}\n")
    return path


def function(uri: str, runtime: str = "python3.10", **extra: str) -> dict:
    return {
        "Type": "Aliyun::Serverless::Function",
        "Properties": {"Handler": "index.handler", "Runtime": runtime, "CodeUri": uri, **extra},
    }


def serverless(**functions: dict) -> str:
    """A template of Funcraft's with one service, shop."""
    return json.dumps(
        {
            "ROSTemplateFormatVersion": "2015-09-01",
            "Transform": "Aliyun::Serverless-2018-04-03",
            "Resources": {"shop": {"Type": "Aliyun::Serverless::Service", **functions}},
        }
    )


PYTHON = "import dep\ndef handler(event, context): return dep.version\n"
NODE = "exports.handler = (event, context, callback) => callback(null, require('dep'))\n"


@pytest.fixture
def order(shell):
    """A project with a Python function that needs the package dep, and one that needs nothing."""
    wheel(Path(shell.project) / "wheels", "dep", program="show-dep")
    shell.write("order/index.py", PYTHON)
    shell.write("order/requirements.txt", "# what it needs\n../wheels/dep-1.0-py3-none-any.whl\n")
    shell.write("plain/index.py", "def handler(event, context): return 'plain'\n")
    shell.write("template.yml", serverless(order=function("order"), plain=function("./plain")))
    return shell


def build(shell, *arguments: str) -> dict[str, str]:
    """What a build has done for each function."""
    done = shell.fun("build", *arguments, "--json").json
    return {found["function"]: found["action"] for found in done["functions"]}


# --- build


def test_a_built_function_finds_its_packages_locally_and_deployed(order):
    assert build(order) == {"shop/order": "Built", "shop/plain": "Skipped"}
    assert order.fun("local", "invoke", "order").out == "1.0"
    order.fun("deploy")
    assert order.invk("order", "-s", "").out == "1.0"
    assert order.invk("plain", "-s", "").out == "plain"


def test_packages_and_programs_lie_where_funcraft_puts_them(order):
    build(order)
    code = Path(order.project) / ARTIFACTS / "shop" / "order"
    assert (code / "index.py").read_text() == PYTHON
    base = code / ".fun" / "python"
    assert len(list(base.glob("lib/python3.*/site-packages/dep.py"))) == 1
    assert (base / "bin" / "show-dep").exists()
    assert not list(base.glob("lib/python3.*/site-packages/bin"))


def test_a_function_with_nothing_to_install_stays_where_it_is(order):
    build(order)
    root = Path(order.project) / ARTIFACTS
    assert os.listdir(root / "shop") == ["order"]
    order.write("plain/index.py", "def handler(event, context): return 'new'\n")
    assert order.fun("local", "invoke", "plain").out == "new"


def test_a_second_build_does_nothing_and_says_so(order):
    build(order)
    code = Path(order.project) / ARTIFACTS / "shop" / "order"
    before = code.stat().st_ino
    assert build(order) == {"shop/order": "Unchanged", "shop/plain": "Skipped"}
    assert code.stat().st_ino == before
    assert "building" not in order.fun("build").err


def test_changed_code_is_copied_and_its_packages_stay(order):
    build(order)
    site = next((Path(order.project) / ARTIFACTS).glob("shop/order/.fun/python/lib/*/site-packages"))
    (site / "dep.py").write_text("version = 'not installed again'\n")
    order.write("order/index.py", PYTHON + "# changed\n")
    assert build(order)["shop/order"] == "Copied"
    assert order.fun("local", "invoke", "order").out == "not installed again"


@pytest.mark.parametrize("changed", ["manifest", "included", "package", "clean"])
def test_what_packages_depend_on_is_installed_again_when_it_has_changed(order, changed):
    order.write("order/requirements.txt", "-r more.txt\n")
    order.write("order/more.txt", "../wheels/dep-1.0-py3-none-any.whl\n")
    build(order)
    wheels = Path(order.project) / "wheels"
    if changed == "manifest":
        wheel(wheels, "dep", "2.0")
        order.write("order/requirements.txt", "../wheels/dep-2.0-py3-none-any.whl\n")
    elif changed == "included":
        wheel(wheels, "dep", "2.0")
        order.write("order/more.txt", "../wheels/dep-2.0-py3-none-any.whl\n")
    elif changed == "package":
        wheel(wheels, "dep", code="version = '2.0'\n")
    else:
        assert build(order, "--clean")["shop/order"] == "Built"
        return
    assert build(order)["shop/order"] == "Built"
    assert order.fun("local", "invoke", "order").out == "2.0"
    assert build(order)["shop/order"] == "Unchanged"


def test_what_was_built_of_changed_sources_is_not_deployed(order):
    build(order)
    order.write("order/index.py", PYTHON + "# changed\n")
    refused = order.fun("deploy", check=1)
    assert "order/index.py" in refused.err
    assert "fun build" in refused.err
    build(order)
    order.fun("deploy")


@pytest.mark.parametrize("uri", ["order", "."])
def test_a_new_file_is_a_change_and_what_was_ignored_is_none(order, uri):
    order.write("template.yml", serverless(order=function(uri)))
    order.write("requirements.txt", "wheels/dep-1.0-py3-none-any.whl\n")
    order.write("index.py", PYTHON)
    order.write(".funignore", "*.log\n")
    build(order)
    order.write("order/run.log", "said")
    order.write("order/__pycache__/index.pyc", "compiled")
    order.fun("deploy")
    order.write("order/more/data.json", "{}")
    refused = order.fun("deploy", check=1)
    assert "order/more/data.json" in refused.err
    assert "run.log" not in refused.err
    build(order)
    order.fun("deploy")
    order.write(".funignore", "*.json\n")
    assert ".funignore" in order.fun("deploy", check=1).err


def test_a_touched_file_needs_a_build_but_no_work(order):
    build(order)
    os.utime(Path(order.project) / "order" / "index.py", (1, 1))
    order.fun("deploy", check=1)
    assert build(order)["shop/order"] == "Unchanged"
    order.fun("deploy")


def test_one_function_can_be_built_alone(order):
    order.write("other/index.py", PYTHON)
    order.write("other/requirements.txt", "../wheels/dep-1.0-py3-none-any.whl\n")
    order.write("template.yml", serverless(order=function("order"), other=function("other")))
    assert build(order, "order") == {"shop/order": "Built"}
    assert os.listdir(Path(order.project) / ARTIFACTS / "shop") == ["order"]
    assert build(order, "shop/other") == {"shop/other": "Built"}
    assert order.fun("local", "invoke", "order").out == "1.0"
    missing = order.fun("build", "nothing", check=1)
    assert "'nothing'" in missing.err
    assert "shop/order" in missing.err


def test_what_was_built_of_a_function_that_is_gone_goes(order):
    build(order)
    order.write("template.yml", serverless(renamed=function("order")))
    assert build(order) == {"shop/renamed": "Built"}
    assert os.listdir(Path(order.project) / ARTIFACTS / "shop") == ["renamed"]


def test_ignored_files_are_not_built_but_an_ignored_manifest_counts(order):
    order.write(".funignore", "requirements.txt\nnotes\n")
    order.write("order/notes", "for ourselves")
    build(order)
    code = Path(order.project) / ARTIFACTS / "shop" / "order"
    assert sorted(os.listdir(code)) == [".fun", "index.py"]
    assert order.fun("local", "invoke", "order").out == "1.0"


def test_a_manifest_that_names_nothing_is_no_problem(order):
    order.write("order/requirements.txt", "# nothing yet\n\n")
    order.write("order/index.py", "def handler(event, context): return 'fine'\n")
    assert build(order)["shop/order"] == "Built"
    assert order.fun("local", "invoke", "order").out == "fine"


def test_a_ros_template_is_built_too_and_keeps_its_references(order):
    order.write(
        "template.yml",
        textwrap.dedent("""\
            ROSTemplateFormatVersion: '2015-09-01'
            Parameters:
              Memory: {Type: Number, Default: 256}
              Old: {Type: String, Default: 'no'}
            Conditions:
              IsOld: !Equals ['yes', !Ref Old]
            Resources:
              Service:
                Type: ALIYUN::FC::Service
                Properties: {ServiceName: !Join ['-', [shop, one]]}
              Function:
                Type: ALIYUN::FC::Function
                DependsOn: Service
                Properties:
                  ServiceName: !GetAtt Service.ServiceName
                  FunctionName: order
                  Handler: index.handler
                  Runtime: python3.10
                  MemorySize: !Ref Memory
                  CodeUri: ./order   # a comment
              Unused:
                Type: ALIYUN::FC::Function
                Condition: IsOld
                Properties:
                  {ServiceName: x, FunctionName: y, Handler: a.b, Runtime: python3, CodeUri: ./plain}
            """),
    )
    assert build(order) == {"shop-one/order": "Built"}
    order.fun("deploy", "--stack-name", "demo", "-p", "Memory=512")
    shown = order.fun("info", "--json").json["functions"]
    assert [(f["serviceName"], f["memorySize"]) for f in shown] == [("shop-one", 512)]
    assert order.invk("order", "-s", "").out == "1.0"
    order.fun("validate", "-t", f"{ARTIFACTS}/template.yml", "-p", "Old=yes", "--json")


def test_functions_that_share_a_folder_are_built_once(order):
    order.write("template.yml", serverless(a=function("order"), b=function("order", Handler="index.handler")))
    assert build(order) == {"shop/a": "Built", "shop/b": "Built"}
    order.fun("deploy")
    assert order.invk("b", "-s", "").out == "1.0"


def test_a_file_of_serverless_devs_is_refused_with_the_way_that_works(order):
    os.unlink(Path(order.project) / "template.yml")
    code = {"functionName": "order", "runtime": "python3.10", "handler": "index.handler", "code": "./order"}
    resources = {"o": {"component": "fc3", "props": {"region": "cn-hangzhou", **code}}}
    order.write("s.yaml", json.dumps({"edition": "3.0.0", "resources": resources}))
    refused = order.fun("build", check=1)
    assert "s.yaml" in refused.err
    assert "fun install" in refused.err
    order.fun("install")
    order.fun("deploy")
    assert order.invk("order", "-s", "").out == "1.0"


def test_containers_and_recipes_for_them_are_declined(order):
    assert "no containers" in order.fun("build", "--use-docker", check=2).err
    order.write("order/Funfile", "RUNTIME python3\n")
    assert "warning: shop/order: Funfile" in order.fun("build").err


def test_what_pip_says_is_shown_with_the_function_and_the_command_to_repeat_it(order):
    build(order)
    order.write("order/requirements.txt", "../wheels/missing-1.0-py3-none-any.whl\n")
    refused = order.fun("build", check=1)
    assert "shop/order" in refused.err
    assert "missing-1.0" in refused.err
    command = refused.err.rpartition("To see it again: ")[2].strip()
    again = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert again.returncode != 0
    assert "missing-1.0" in again.stdout + again.stderr
    assert "fun build" in order.fun("deploy", check=1).err  # what was built before is not what is wanted now


def test_a_failed_build_leaves_what_was_built_before(order):
    build(order)
    before = (Path(order.project) / "order" / "requirements.txt").stat()
    order.write("order/requirements.txt", "../wheels/missing-1.0-py3-none-any.whl\n")
    order.fun("build", check=1)
    order.write("order/requirements.txt", "# what it needs\n../wheels/dep-1.0-py3-none-any.whl\n")
    os.utime(Path(order.project) / "order" / "requirements.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert order.fun("local", "invoke", "order").out == "1.0"
    assert not [name for name in os.listdir(Path(order.project) / ARTIFACTS) if name.startswith(".new")]


def test_an_index_that_does_not_answer_is_told_from_a_package_that_is_wrong(order):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and never listens
        order.environment |= {"PIP_RETRIES": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "0"}
        order.environment.pop("PIP_FIND_LINKS", None)
        order.environment.pop("PIP_EXTRA_INDEX_URL", None)
        order.write("order/requirements.txt", "nobody-has-this\n")
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/simple"
        refused = order.fun("build", "--index-url", url, "--json", check=1).json["error"]
    assert refused["code"] == "PackageIndexUnreachable"
    assert "--index-url" in refused["hint"]


def test_a_package_of_code_outside_may_be_a_folder(order):
    """Built by a backend of its own, so that pip needs nothing for it."""
    order.write(
        "dep/pyproject.toml",
        '[project]\nname = "dep"\nversion = "3.0"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    )
    order.write(
        "dep/backend.py",
        textwrap.dedent("""\
            import os, shutil
            def build_wheel(directory, config_settings=None, metadata_directory=None):
                name = "dep-3.0-py3-none-any.whl"
                shutil.copy(os.path.join(os.path.dirname(__file__), name), directory)
                return name
            """),
    )
    wheel(Path(order.project) / "dep", "dep", "3.0")
    order.write("order/requirements.txt", "../dep\n")
    build(order)
    assert order.fun("local", "invoke", "order").out == "3.0"
    assert build(order)["shop/order"] == "Unchanged"
    wheel(Path(order.project) / "dep", "dep", "3.0", code="version = '3.1'\n")
    assert build(order)["shop/order"] == "Built"


# --- Node.js


@pytest.fixture
def cart(shell):
    """A project with a Node.js function that needs the package dep, a folder beside its code."""
    package(Path(shell.project) / "dep", "dep")
    shell.write("cart/index.js", NODE)
    shell.write(
        "cart/package.json",
        json.dumps({"dependencies": {"dep": "file:../dep"}, "devDependencies": {"nobody-has-this": "9"}}),
    )
    shell.write("template.yml", serverless(cart=function("cart", "nodejs16")))
    return shell


@npm
def test_a_node_function_finds_its_packages_locally_and_deployed(cart):
    source = (Path(cart.project) / "cart" / "package.json").read_text()
    assert build(cart) == {"shop/cart": "Built"}
    assert cart.fun("local", "invoke", "cart").out == "1.0.0"
    cart.fun("deploy")
    assert cart.invk("cart", "-s", "").out == "1.0.0"
    code = Path(cart.project) / ARTIFACTS / "shop" / "cart"
    assert sorted(os.listdir(code)) == ["index.js", "node_modules", "package.json"]
    assert (code / "package.json").read_text() == source
    assert not (code / "node_modules" / "dep").is_symlink()
    assert sorted(os.listdir(Path(cart.project) / "cart")) == ["index.js", "package.json"]


@npm
def test_equal_node_code_is_equal_however_often_it_is_built(cart):
    build(cart)
    cart.fun("deploy")
    build(cart, "--clean")
    assert cart.fun("deploy", "--json").json["functions"][0]["action"] == "Unchanged"


@npm
def test_node_packages_are_installed_again_when_they_have_changed_and_else_kept(cart):
    build(cart)
    assert build(cart)["shop/cart"] == "Unchanged"
    cart.write("cart/index.js", NODE + "// changed\n")
    assert build(cart)["shop/cart"] == "Copied"
    package(Path(cart.project) / "dep", "dep", "2.0.0")
    assert build(cart)["shop/cart"] == "Built"
    assert cart.fun("local", "invoke", "cart").out == "2.0.0"


@npm
def test_what_lies_in_node_modules_already_is_not_taken_over(cart):
    package(Path(cart.project) / "cart" / "node_modules" / "dep", "dep", "0.1.0")
    package(Path(cart.project) / "cart" / "node_modules" / "tool", "tool")
    build(cart)
    assert os.listdir(Path(cart.project) / ARTIFACTS / "shop" / "cart" / "node_modules") == ["dep"]
    assert cart.fun("local", "invoke", "cart").out == "1.0.0"


@npm
def test_scripts_of_the_project_see_its_code_and_what_they_make_is_built(cart):
    manifest = {"scripts": {"postinstall": "node make.js"}, "dependencies": {"dep": "file:../dep"}}
    cart.write("cart/package.json", json.dumps(manifest))
    cart.write(
        "cart/make.js", "require('fs').writeFileSync('made.js', 'module.exports = ' + require('dep')[0])\n"
    )
    cart.write("cart/index.js", "exports.handler = (e, c, done) => done(null, require('./made.js'))\n")
    build(cart)
    assert cart.fun("local", "invoke", "cart").out == "1"
    cart.write("cart/make.js", "require('fs').writeFileSync('made.js', 'module.exports = 7')\n")
    assert build(cart)["shop/cart"] == "Built"
    assert cart.fun("local", "invoke", "cart").out == "7"


@npm
def test_what_npm_says_is_shown_with_the_function(cart):
    cart.write("cart/package.json", json.dumps({"dependencies": {"dep": "file:../gone"}}))
    refused = cart.fun("build", check=1)
    assert "shop/cart" in refused.err
    assert "gone" in refused.err
    cart.write("cart/package.json", "{")
    assert "cart/package.json can't be read" in cart.fun("build", check=1).err


# --- install


def test_install_puts_packages_beside_the_code(order):
    assert order.fun("install", "--json").json["functions"][0]["manifests"] == ["requirements.txt"]
    assert list((Path(order.project) / "order").glob(".fun/python/lib/python3.*/site-packages/dep.py"))
    assert order.fun("local", "invoke", "order").out == "1.0"
    order.fun("deploy")
    assert order.invk("order", "-s", "").out == "1.0"


def test_installing_again_drops_what_is_no_longer_asked_for(order):
    order.fun("install")
    wheel(Path(order.project) / "wheels", "other")
    order.write("order/requirements.txt", "../wheels/other-1.0-py3-none-any.whl\n")
    order.fun("install", "-f", "order")
    site = next((Path(order.project) / "order").glob(".fun/python/lib/python3.*/site-packages"))
    assert sorted(path.name for path in site.glob("*.py")) == ["other.py"]
    assert sorted(os.listdir(Path(order.project) / "order" / ".fun")) == ["python"]


def test_a_failed_installation_leaves_what_was_there(order):
    order.fun("install")
    order.write("order/requirements.txt", "../wheels/missing-1.0-py3-none-any.whl\n")
    order.fun("install", check=1)
    assert order.fun("local", "invoke", "order").out == "1.0"


def test_named_packages_are_saved_when_asked(order):
    more = wheel(Path(order.project) / "wheels", "more")
    order.fun("install", "-f", "order", str(more))
    assert "more" not in (Path(order.project) / "order" / "requirements.txt").read_text()
    order.fun("install", "-f", "order", "--save", str(more))
    order.fun("install", "-f", "order", "--save", str(more))
    manifest = (Path(order.project) / "order" / "requirements.txt").read_text()
    assert manifest.splitlines()[-1] == str(more)
    assert manifest.count(str(more)) == 1
    order.write("order/index.py", "import dep, more\ndef handler(e, c): return dep.version + more.version\n")
    build(order)
    assert order.fun("local", "invoke", "order").out == "1.01.0"


def test_another_version_of_a_named_package_replaces_the_one_before(order):
    for version in ("1.0", "2.0"):
        order.fun("install", "-f", "order", str(wheel(Path(order.project) / "wheels", "dep", version)))
    site = next((Path(order.project) / "order").glob(".fun/python/lib/python3.*/site-packages"))
    assert [path.name for path in site.glob("dep-*")] == ["dep-2.0.dist-info"]
    assert order.fun("local", "invoke", "order").out == "2.0"


@npm
def test_named_node_packages_are_installed_and_saved_by_npm(cart):
    cart.write("cart/package.json", "{}")
    path = str(Path(cart.project) / "dep")
    cart.fun("install", path)
    assert cart.fun("local", "invoke", "cart").out == "1.0.0"
    assert (Path(cart.project) / "cart" / "package.json").read_text() == "{}"
    cart.fun("install", "--save", path)
    manifest = json.loads((Path(cart.project) / "cart" / "package.json").read_text())
    assert manifest["dependencies"]["dep"].endswith("/dep")


@pytest.mark.parametrize(
    ("arguments", "code", "needle"),
    [
        (["dep"], 2, "--function"),
        (["--save"], 2, "--save goes with names"),
        (["-f", "nothing", "dep"], 1, "nothing"),
        (["-f", "order", "env"], 2, "fun install env"),
        (["-f", "order", "-r", "nodejs16"], 1, "python3.10"),
        (["-f", "order", "-p", "npm", "dep"], 1, "python3.10"),
        (["-f", "order", "--", "-rx"], 2, "'-rx'"),
        (["-f", "order", "-e", "X"], 2, "--env"),
    ],
)
def test_wrong_use_of_install_is_refused(order, arguments, code, needle):
    done = order.fun("install", *arguments, check=code)
    assert needle in done.err
    assert not (Path(order.project) / "order" / ".fun").exists()

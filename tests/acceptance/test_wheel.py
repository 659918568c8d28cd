"""What people install: a wheel out of a source archive, with all that it needs in it and nothing else."""

from __future__ import annotations

import json
import os
import re
import site
import subprocess
import sys
import tarfile
import urllib.parse
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

import fun_local
from tests.conftest import ROOT

NAME = f"fun_local-{fun_local.__version__}"

#: Left in a source tree by tools; never part of anything.
LEFT_BEHIND = ("__pycache__", ".mypy_cache", ".ruff_cache", ".DS_Store")


def files_below(folder: str) -> set[str]:
    """What is in a folder of the source tree, by paths in it."""
    return {
        path.relative_to(ROOT / folder).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not set(path.parts) & set(LEFT_BEHIND)
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with both archives; the wheel is built from what is in the other one."""
    folder = tmp_path_factory.mktemp("built")
    # No isolation: that would fetch the builder anew.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    return built / f"{NAME}-py3-none-any.whl"


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A fresh environment with the wheel in it, outside of the source tree: the folder of its programs."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-compile"]
    # What we depend on is taken from the environment that runs us: there need be no network here.
    subprocess.run([*command, "--no-deps", "--no-index", str(wheel)], check=True, timeout=300)
    (ours,) = (folder / "venv").glob("lib/python*/site-packages")
    (ours / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return folder / "venv" / "bin"


class Installed:
    """The programs of an environment, run where nothing of the source tree is near."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self.folder = folder
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "VIRTUAL_ENV", "FUN_LOCAL_"))
        } | {"FUN_LOCAL_HOME": str(folder / "home"), "FUN_LOCAL_PORT": "0"}

    def run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self._programs / program, *arguments],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def use(installed, tmp_path):
    return Installed(installed, tmp_path)


def test_the_wheel_is_for_every_machine_and_needs_no_compiler(wheel):
    assert wheel.exists()
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.endswith((".so", ".pyd", ".c", ".pyx"))]
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    assert "Requires-Python: >=3.11" in text
    needed = set(re.findall(r"^Requires-Dist: ([\w-]+)[^;\n]*$", text, re.M))
    # Each of them comes as a wheel, or is plain Python. What does not (jq) is an extra.
    assert needed == {
        "aiohttp",
        "click",
        "cronsim",
        "jsonschema",
        "orjson",
        "pyyaml",
        "rich",
        "tinydb",
        "tzdata",
    }


def test_the_wheel_holds_the_package_its_examples_and_templates_and_nothing_else(wheel):
    expected = {f"fun_local/{name}" for name in files_below("fun_local")}
    expected |= {f"fun_local/examples/{name}" for name in files_below("examples")}
    expected |= {f"fun_local/templates/{name}" for name in files_below("templates")}
    about = {f"{NAME}.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt")}
    expected |= {*about, f"{NAME}.dist-info/licenses/LICENSE", f"{NAME}.data/scripts/invk"}
    with zipfile.ZipFile(wheel) as archive:
        assert set(archive.namelist()) == expected
    for must in (
        "fun_local/console/static/index.html",
        "fun_local/runtime/node_worker.js",
        "fun_local/py.typed",
    ):
        assert must in expected


def test_the_source_archive_can_build_all_this_and_holds_no_tests(built):
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        names = {member.name.removeprefix(f"{NAME}/") for member in archive.getmembers() if member.isfile()}
    folders = {name.partition("/")[0] for name in names if "/" in name}
    assert folders == {"fun_local", "bin", "examples", "templates", "docs"}
    assert {name for name in names if "/" not in name} == {
        *("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "PKG-INFO", ".gitignore")
    }
    for folder in ("fun_local", "examples", "templates", "docs"):
        assert {name.partition("/")[2] for name in names if name.startswith(f"{folder}/")} == files_below(
            folder
        )


def test_no_archive_tells_where_it_was_made(built, wheel):
    here = [str(ROOT).encode(), sys.prefix.encode()]
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        for member in archive.getmembers():
            assert not member.name.startswith("/") and ".." not in member.name
            if file := archive.extractfile(member):
                contents[member.name] = file.read()
    assert [name for name, content in contents.items() for path in here if path in content] == []


def test_the_installed_programs_work_where_no_source_is(use, installed):
    where = use.run("python", "-c", "import fun_local; print(fun_local.__file__)")
    assert where.startswith(str(installed.parent))
    assert use.run("fun", "--version") == f"{fun_local.__version__}\n"
    assert "Usage: invk" in use.run("invk", "--help")
    listed = json.loads(use.run("fun", "init", "--json"))["templates"]
    assert {template["name"] for template in listed} == {path.name for path in (ROOT / "templates").iterdir()}


@pytest.mark.parametrize("template", ["event-python", "custom-runtime"])
def test_an_installed_template_becomes_a_project_that_runs(use, template):
    use.run("fun", "init", template, "-n", "shop", "--no-input")
    use.folder /= "shop"
    result = json.loads(use.run("fun", "local", "invoke", "-f", "event.json", "--json"))
    assert result["statusCode"] == 200 and not result["errorType"]


def test_the_installed_daemon_shows_the_console(use):
    use.run("fun", "daemon", "start")
    try:
        url = json.loads(use.run("fun", "console", "--no-browser", "--json"))["url"].partition("#")[0]
        page = urllib.request.urlopen(url).read().decode()
        (script,) = re.findall(r'<script[^>]*src="([^"]+)"', page)
        assert urllib.request.urlopen(urllib.parse.urljoin(url, script)).status == 200
    finally:
        use.run("fun", "daemon", "stop")

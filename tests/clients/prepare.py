"""Installs the vendor's clients, each into an environment of its own: python tests/clients/prepare.py FOLDER

Needs nothing but the standard library, and npm for the two that are Node.js packages. What is there already
is left alone. What can't be installed leaves its reason in FOLDER/NAME.failed, which the tests of that client
fail with; the others go on.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

#: What the two generated SDKs stand on. Their own requirements leave the versions open.
_TEA = (
    "alibabacloud-tea==0.4.3",
    "alibabacloud-tea-openapi==0.4.6",
    "alibabacloud-tea-util==0.3.15",
    "darabonba-core==1.0.9",
)

#: In environments of their own, because the two for MNS are both called `mns`.
PYTHON = {
    "aliyun-fc2": ("aliyun-fc2==2.5.2",),
    "fc-open20210406": ("alibabacloud-fc-open20210406==2.0.12", *_TEA),
    "fc20230330": ("alibabacloud-fc20230330==4.8.3", *_TEA),
    "aliyun-mns-sdk": ("aliyun-mns-sdk==1.3.0",),
    "aliyun-mns": ("aliyun-mns==1.1.5",),
}

NODE = {
    "fc2": {"@alicloud/fc2": "2.6.6", "jszip": "3.10.1"},  # jszip: Node.js itself packs no zip files
    "fun": {"@alicloud/fun": "3.6.24"},
}

#: Seconds. Funcraft brings hundreds of packages.
_PATIENCE = 900


def main(folder: Path) -> int:
    """0 if everything is there, 1 if something could not be installed."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [*PYTHON, *NODE]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        problems = list(pool.map(lambda name: _prepare(folder, name), names))
    for name, problem in zip(names, problems, strict=True):
        if problem:
            print(f"{name} could not be installed: {problem}", file=sys.stderr)
    return int(any(problems))


def _prepare(folder: Path, name: str) -> str:
    """Make one environment; why not, if that failed."""
    environment = folder / name
    failed = folder / f"{name}.failed"
    wanted = json.dumps(PYTHON.get(name) or NODE[name])
    mark = environment / "complete.json"
    if mark.exists() and mark.read_text() == wanted:
        return ""
    shutil.rmtree(environment, ignore_errors=True)
    problem = ""
    try:
        if name in PYTHON:
            _python(environment, PYTHON[name])
        else:
            _node(environment, NODE[name])
        # Last: an environment without it is one whose making was cut short.
        mark.write_text(wanted)
        failed.unlink(missing_ok=True)
    except subprocess.CalledProcessError as error:
        problem = f"{' '.join(map(str, error.cmd))}\n{error.stdout}"
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem:
        failed.write_text(problem)
    return problem


def _python(environment: Path, requirements: tuple[str, ...]) -> None:
    venv.create(environment, with_pip=True)
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _run(environment / "bin" / "python", *install, *requirements, cwd=environment)


def _node(environment: Path, packages: dict[str, str]) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("it needs Node.js and npm: install them, and run this again")
    environment.mkdir()
    (environment / "package.json").write_text(json.dumps({"private": True, "dependencies": packages}))
    _run(npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error", cwd=environment)


def _run(*command: str | Path, cwd: Path) -> None:
    subprocess.run(
        command,
        cwd=cwd,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PATIENCE,
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve()))

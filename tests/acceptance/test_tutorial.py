"""The tutorial: somebody who types what it says, in its order, gets what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()

#: A file (its name and text), commands, or what the commands before it print.
STEP = re.compile(r"(?:^`([^`\n]+)`:\n\n)?^```(\w+)\n(.*?)^```$", re.M | re.S)


class Reader:
    """One shell for the whole document, so that variables stay; it tells how each command ended."""

    def __init__(self, shell) -> None:
        self._shell = shell
        self._process = subprocess.Popen(
            ["bash"],
            cwd=shell.project,
            env={
                **shell.environment,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "FUN_LOCAL_RETRY_FIRST_SECONDS": "0.05",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, command: str) -> tuple[str, int]:
        """What a command prints, and its exit code. It has no standard input: there is a shell's in it."""
        assert self._process.stdin and self._process.stdout
        marked = f'{{ {command}\n}} </dev/null; printf "\\n<<ended %s>>\\n" "$?"\n'
        self._process.stdin.write(marked)
        self._process.stdin.flush()
        printed = ""
        for line in self._process.stdout:
            if ended := re.fullmatch(r"<<ended (\d+)>>\n", line):
                return printed, int(ended[1])
            printed += line
        raise AssertionError(f"the shell is gone after: {command}\n{printed}")

    def close(self) -> None:
        self._process.communicate(timeout=30)


def shows(printed: str, line: str) -> bool:
    """Whether a line was printed, as far as the document shows it; widths of columns do not matter."""
    words = [".*".join(map(re.escape, word.split("…"))) for word in line.split()]
    return re.search("^ *" + " +".join(words) + " *$", printed, re.M) is not None


def test_what_the_tutorial_says_can_be_typed_and_is_printed(shell):
    reader = Reader(shell)
    printed, typed = "", 0
    try:
        for name, language, text in STEP.findall(TUTORIAL):
            if language == "console":
                printed = ""
                for command in re.findall(r"^\$ (.*)$", text, re.M):
                    expected = re.search(r"# exit (\d+)$", command)
                    output, code = reader.type(command)
                    assert code == (int(expected[1]) if expected else 0), f"{command}\n{output}"
                    printed, typed = printed + output, typed + 1
            elif language == "text":
                missing = [line for line in text.splitlines() if not shows(printed, line)]
                assert missing == [], printed
            else:
                shell.write(name, text)
    finally:
        reader.close()
    assert typed > 30


def test_no_step_of_the_tutorial_is_left_out():
    assert len(STEP.findall(TUTORIAL)) == TUTORIAL.count("```") / 2
    assert not [
        name
        for name, language, _ in STEP.findall(TUTORIAL)
        if language not in ("console", "text") and not name
    ]

"""Fn::Jq: a jq program over JSON text. Needs the package jq, an extra of ours because it has compiled parts.

A jq program can run for ever, so it runs in a process of its own, with little time and little memory.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import Any

from fun_local.template.functions import MAX_RESULT, BadArgument
from fun_local.template.problems import shown

_SECONDS = 2

_PROGRAM = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
import jq
method, script, text = json.load(sys.stdin)
try:
    found = jq.compile(script).input_text(text)
    print(json.dumps(found.first() if method == "First" else found.all()))
except StopIteration:
    print("null")
except ValueError as error:
    sys.exit(str(error))
"""


def jq(argument: Any) -> Any:
    """``[First or All, script, JSON text]``: the first result, or all (ROS documentation: Fn::Jq)."""
    if not isinstance(argument, list) or len(argument) != 3 or argument[0] not in ("First", "All"):
        raise BadArgument(f"[First or All, script, JSON text] is expected, found {shown(argument)}")
    method, script, text = argument
    if not isinstance(script, str):
        raise BadArgument(f"a script is expected, found {shown(script)}")
    if importlib.util.find_spec("jq") is None:
        raise BadArgument("the package jq is missing. Install it with: pip install jq")
    given = json.dumps([method, script, text if isinstance(text, str) else json.dumps(text)])
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=given,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BadArgument(f"{shown(script)} was not done after {_SECONDS} seconds") from None
    if done.returncode or len(done.stdout) > MAX_RESULT:
        reason = (done.stderr.strip().splitlines() or ["its result is too large"])[-1]
        raise BadArgument(f"{shown(script)}: {reason}")
    return json.loads(done.stdout)

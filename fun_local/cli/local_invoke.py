"""`fun local invoke`: a function run from the template in this folder, without a deploy or the daemon."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import tempfile
from typing import TYPE_CHECKING

import click

from fun_local import settings
from fun_local.cli import events, output, templates
from fun_local.cli.templates import Given
from fun_local.model.selection import one_function

if TYPE_CHECKING:
    from fun_local.model.outcome import Result
    from fun_local.model.resources import Function
    from fun_local.runtime.debugger import Debugger

#: Exit code of a process that a signal has ended: this and the signal's number.
_BY_SIGNAL = 128


@click.command()
@click.argument("function", metavar="[[SERVICE/]FUNCTION]", required=False)
@click.option("-e", "--event", help="The event, as text.")
@click.option("-f", "--event-file", type=click.Path(allow_dash=True), help="A file with the event.")
@click.option("-s", "--event-stdin", is_flag=True, help="Read the event from stdin.")
@templates.debug_options
@click.option(
    "--tmp-dir",
    type=click.Path(exists=True, file_okay=False, resolve_path=True),
    help="The function's TMPDIR.",
)
@click.option("--no-reuse", is_flag=True, help="As always here: nothing is left from an earlier run.")
@templates.layered_options
@output.json_option
def invoke(
    function: str | None,
    given: Given,
    event: str | None,
    event_file: str | None,
    event_stdin: bool,
    debug_port: int | None,
    editor: str | None,
    tmp_dir: str | None,
    no_reuse: bool,
    as_json: bool,
) -> None:
    """Run a function of the template in this folder, once. Nothing is deployed, no daemon is needed.

    The code runs where it lies. Its log is shown on stderr as it comes, the result on stdout. Without a
    name it is the first function of the last service.

    \b
    Examples:
      fun local invoke shop/order -e '{"k": 1}'
      echo '{"k": 1}' | fun local invoke
      fun local invoke order -f event.json -t template.yml -t local.yml
      fun local invoke order -d 5678 --config vscode
    """
    payload = events.chosen(event, event_file, event_stdin)
    with tempfile.TemporaryDirectory(prefix="fun-local-") as folder:
        session = _Session(folder, tmp_dir)
        chosen = session.find(given, function)
        debugger = None if debug_port is None else _debugger(chosen, debug_port, editor)
        request_id, result = session.run(chosen, payload, debugger)
    _show(chosen, request_id, result, as_json=as_json)
    if result.error_type:
        raise output.Stop(output.FUNCTION_FAILED)


class _Session:
    """One run, from the template to the result. What it needs is in ``folder``, which exists and is empty."""

    def __init__(self, folder: str, tmp_dir: str | None) -> None:
        from fun_local.local.code import CodeInPlace

        self._folder = folder
        self._home = settings.default_home()
        self._code = CodeInPlace(os.path.join(folder, "code"))
        self._tmp_dir = tmp_dir

    def find(self, given: Given, name: str | None) -> Function:
        """The function in the template. Raises as templates.load and one_function."""
        loaded = templates.load(self._home, given, kind="local", keep=self._code.keep)
        output.hint(f"using template: {loaded.file}")
        function = one_function(loaded.resources, name)
        if name is None:
            output.hint(f"no function was named, so this is {function.path}")
        for warning in loaded.resources.warnings:
            if warning.startswith(f"function {function.path}:"):
                output.warn(warning)
        return function

    def run(self, function: Function, payload: bytes, debugger: Debugger | None) -> tuple[str, Result]:
        """The id of the request, and what came of it."""
        from fun_local.invk import new_request_id
        from fun_local.local.run import Interrupted, Place, invoke

        chosen, _ = settings.load(self._home)
        place = Place(
            folder=self._folder,
            settings=chosen,
            environment=self._environment(chosen),
            code_path=self._code.path,
            hand_on=_to_stderr,
            debugger=debugger,
        )
        request_id = new_request_id()
        try:
            return request_id, invoke(place, function, request_id, payload)
        except Interrupted as error:
            raise output.Stop(_BY_SIGNAL + error.number) from None

    def _environment(self, chosen: settings.Settings) -> dict[str, str]:
        """What functions find beyond the vendor's variables: this home's key, if it has one yet."""
        from fun_local.store.keys import existing_pair, fixed_pair

        # The code is the user's own folder: nothing of ours is to turn up there, nor to be out of date there.
        found = {"PYTHONDONTWRITEBYTECODE": "1"}
        if pair := fixed_pair(chosen.access_key_id, chosen.access_key_secret) or existing_pair(self._home):
            found["ALIBABA_CLOUD_ACCESS_KEY_ID"] = pair.id
            found["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = pair.secret
        if self._tmp_dir is not None:
            found["TMPDIR"] = self._tmp_dir
        return found


def _debugger(function: Function, port: int, editor: str | None) -> Debugger:
    """A debugger to be waited for, once people know where."""
    from fun_local.cli import editors
    from fun_local.runtime.debugger import listening

    debugger = listening(function, port)
    for line in editors.how_to_attach(function, debugger, editor):
        output.say(line, err=True)
    return debugger


def _to_stderr(part: bytes) -> None:
    with contextlib.suppress(OSError):  # nobody reads it any more; the result may still be wanted
        sys.stderr.buffer.write(part)
        sys.stderr.flush()


def _show(function: Function, request_id: str, result: Result, *, as_json: bool) -> None:
    """The summary on stderr, in Funcraft's words (fun-cli 14), and the result on stdout."""
    parts = (
        f"RequestId: {request_id}",
        f"Billed Duration: {math.ceil(result.duration_ms)} ms",
        f"Memory Size: {function.memory_mb} MB",
        f"Max Memory Used: {result.memory_mb:.2f} MB",
    )
    click.echo("\n\n" + output.painted("\t".join(parts), fg="green"), err=True)
    if result.error_type:
        output.hint(f"Error type: {result.error_type}")
    if as_json:
        output.print_json(
            {
                "statusCode": 200,
                "requestId": request_id,
                "errorType": result.error_type,
                "durationMs": math.ceil(result.duration_ms),
                "maxMemoryUsageMb": round(result.memory_mb, 2),
                "instanceId": result.instance_id,
                "payload": result.payload.decode(errors="replace"),
            }
        )
        return
    output.print_bytes(result.payload)

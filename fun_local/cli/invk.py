"""`invk` and `fun invoke` with all their options (the hot form of `invk` is fun_local/invk.py)."""

from __future__ import annotations

import base64
import os
import sys
import time
from dataclasses import fields
from typing import Any

import click

from fun_local import accept, settings
from fun_local.cli import events, output
from fun_local.cli.client import Client
from fun_local.cli.times import Duration
from fun_local.cli.words import Words
from fun_local.errors import Conflict, InvalidRequest
from fun_local.http.answers import accepted
from fun_local.model.deployed import Deployed
from fun_local.ports import Message
from fun_local.store import database, queue, registry

_TYPES = Words(("Sync", "Async"))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("function", metavar="[SERVICE/]FUNCTION")
@click.option(
    "-t", "--type", "kind", type=_TYPES, default="Sync", show_default=True, help="Wait for it, or queue it."
)
@click.option("-s", "--event-str", help="The event, as text.")
@click.option(
    "-f", "--event-file", type=click.Path(allow_dash=True), help="A file with the event; - reads stdin."
)
@click.option("-o", "--output-file", type=click.Path(dir_okay=False), help="Write the response here.")
@click.option("-e", "--encode", is_flag=True, help="Print the response in base64.")
@click.option("-q", "--qualifier", default="", help="A version or alias.")
@click.option("--invocation-id", default="", help="An id of your choice: a second one is refused.")
@click.option("--delay", type=click.IntRange(0, accept.MAX_DELAY_SECONDS), help="Run so many seconds later.")
@click.option("--stateful/--no-stateful", default=None, help="Async: keep a record of this one, or none.")
@click.option("--fault", default="", help="Have it fail on purpose: crash, timeout@1 … (fun faults --help).")
@click.option("--wait", is_flag=True, help="Async: wait for the end and print the record.")
@click.option("--timeout", type=Duration(), help="With --wait: give up after this long (exit 4).")
@click.option("--follow", is_flag=True, help="Async: print the log as it grows, until the end.")
@click.option("--no-daemon", is_flag=True, help="Async: only put into the queue, start no daemon.")
@click.option("-v", "--verbose", is_flag=True, help="Sync: print the log to stderr.")
@output.json_option
@click.pass_obj
def invk(
    request_id: str,
    function: str,
    kind: str,
    event_str: str | None,
    event_file: str | None,
    output_file: str | None,
    encode: bool,
    qualifier: str,
    invocation_id: str,
    delay: int | None,
    stateful: bool | None,
    fault: str,
    wait: bool,
    timeout: float | None,
    follow: bool,
    no_daemon: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Invoke a deployed function.

    \b
    Examples:
      invk main -s '{"k": 1}'
      id=$(invk main -t Async -s '{"failure": true}')
      invk demo/main -t Async -f event.json --wait --timeout 60
    """
    payload = _payload(event_str, event_file)
    if kind == "Async":
        _invoke_async(
            function,
            payload,
            request_id=request_id,
            qualifier=qualifier,
            invocation_id=invocation_id,
            delay_seconds=delay or 0,
            stateful=stateful,
            fault=fault,
            wait=wait,
            timeout=timeout,
            follow=follow,
            no_daemon=no_daemon,
            as_json=as_json,
        )
        return
    only_async = {
        "--invocation-id": invocation_id,
        "--delay": delay,
        "--stateful": stateful,
        "--no-stateful": stateful is False,
        "--wait": wait,
        "--follow": follow,
        "--no-daemon": no_daemon,
    }
    for option, value in only_async.items():
        if value:
            raise click.UsageError(f"{option} goes with -t Async")
    _invoke_sync(
        function,
        payload,
        request_id=request_id,
        qualifier=qualifier,
        fault=fault,
        output_file=output_file,
        encode=encode,
        verbose=verbose,
        as_json=as_json,
    )


def _payload(event_str: str | None, event_file: str | None) -> bytes:
    if event_str is not None and event_file is not None:
        raise click.UsageError("give --event-str or --event-file, not both")
    if event_str is not None:
        return os.fsencode(event_str)
    return b"" if event_file is None else events.read_file(event_file)


def _invoke_async(
    function: str,
    payload: bytes,
    *,
    request_id: str,
    qualifier: str,
    invocation_id: str,
    delay_seconds: int,
    stateful: bool | None,
    fault: str,
    wait: bool,
    timeout: float | None,
    follow: bool,
    no_daemon: bool,
    as_json: bool,
) -> None:
    home = settings.default_home()
    if wait or follow:
        _require_records(registry.read(home), function, qualifier, stateful)
    message = put(
        home,
        function,
        payload,
        request_id=request_id,
        qualifier=qualifier,
        invocation_id=invocation_id,
        delay_seconds=delay_seconds,
        stateful=stateful,
        fault=fault,
        no_daemon=no_daemon,
    )
    if follow or wait:
        # Loaded late: a call that does not wait does without the reading side.
        from fun_local.cli import waiting
        from fun_local.cli.execution_changes import finish

        if follow:
            for part in waiting.follow_log(home, message.invocation_id):
                sys.stderr.buffer.write(part)
                sys.stderr.flush()
        finish(home, message.invocation_id, timeout, as_json)
    if as_json:
        output.print_json(accepted(message))
        return
    click.echo(message.invocation_id)
    output.hint(f"202 Accepted. Follow it with: fun executions logs {message.invocation_id} -f")


def _require_records(deployed: Deployed, function: str, qualifier: str, stateful: bool | None) -> None:
    """Before anything is accepted: of a stateless invocation there is nothing to wait for."""
    if stateful is False:
        raise click.UsageError("--no-stateful leaves no record to wait for")
    ref = deployed.resolve(function, qualifier)
    if not stateful and not deployed.async_config(ref).stateful:
        raise InvalidRequest(
            "InvalidArgument",
            f"{ref} keeps no records (StatefulInvocation is false), so there is nothing to wait for",
            hint="Add --stateful, or set StatefulInvocation in the template.",
        )


def put(
    home: str, function: str, payload: bytes, *, request_id: str, no_daemon: bool = False, **options: Any
) -> Message:
    """Accept an asynchronous invocation without asking the daemon, then wake or start it.

    This is the way that works in every state of the daemon. ``fun_local/invk.py`` asks a daemon that is
    up first, which is faster; with the same ``request_id`` both together accept once.

    Raises:
        FunLocalError: as accept.draft and the queue.
    """
    draft = accept.draft(
        registry.read(home),
        function,
        payload,
        now_ms=time.time_ns() // 1_000_000,
        request_id=request_id,
        **options,
    )
    try:
        message = database.write_once(home, lambda connection: queue.insert(connection, draft))
    except Conflict:
        if draft.invocation_id != request_id:
            raise
        # Nobody else has our request id: the daemon accepted this, ran it, and died before it could say so.
        return Message(seq=0, **{f.name: getattr(draft, f.name) for f in fields(draft)})
    if not no_daemon:
        Client(home).nudge_or_spawn()
    return message


def _invoke_sync(
    function: str,
    payload: bytes,
    *,
    request_id: str,
    qualifier: str,
    fault: str,
    output_file: str | None,
    encode: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    headers = {"X-Fc-Trace-Id": request_id, "X-Fc-Log-Type": "Tail" if verbose else "None"}
    if fault:
        headers["X-Fun-Fault"] = fault
    _, answer, body = Client(settings.default_home()).invoke(function, payload, headers, qualifier=qualifier)
    error_type = answer.get("x-fc-error-type", "")
    if verbose:
        click.echo(base64.b64decode(answer.get("x-fc-log-result", "")), err=True, nl=False)
    if encode:
        body = base64.b64encode(body)
    if output_file:
        with open(output_file, "wb") as file:
            file.write(body)
    elif not as_json:
        output.print_bytes(body)
    if as_json:
        output.print_json(
            {
                "statusCode": 200,
                "requestId": request_id,
                "errorType": error_type,
                "durationMs": int(answer["x-fc-invocation-duration"]),
                "maxMemoryUsageMb": float(answer["x-fc-max-memory-usage"]),
                "instanceId": answer["x-fc-instance-id"],
                "payload": body.decode(errors="replace"),
            }
        )
    if error_type:
        output.hint(f"Error type: {error_type}")
        raise output.Stop(output.FUNCTION_FAILED)


def main(request_id: str) -> None:
    """`invk`, when the hot form does not apply."""
    if "_INVK_COMPLETE" in os.environ:  # a shell asks what to offer
        from fun_local.cli.completion import attach

        attach(invk, ("invk",))
    output.run(invk, obj=request_id)


@click.command("invoke")
@click.argument("function", metavar="[[SERVICE/]FUNCTION]", required=False)
@click.option(
    "-t",
    "--type",
    "kind",
    type=_TYPES,
    default="Sync",
    show_default=True,
    help="Wait for the answer, or queue it.",
)
@click.option("-e", "--event", help="The event, as text.")
@click.option("-f", "--event-file", type=click.Path(allow_dash=True), help="A file with the event.")
@click.option("-s", "--event-stdin", is_flag=True, help="Read the event from stdin.")
@click.option("-q", "--qualifier", default="", help="A version or alias.")
@click.option(
    "--trigger", "trigger_name", metavar="NAME", help="Fire a trigger: send what its source would send."
)
@click.option("--print", "only_print", is_flag=True, help="With --trigger: print the event, invoke nothing.")
@output.json_option
@click.pass_context
def fun_invoke(
    context: click.Context,
    function: str | None,
    kind: str,
    event: str | None,
    event_file: str | None,
    event_stdin: bool,
    qualifier: str,
    trigger_name: str | None,
    only_print: bool,
    as_json: bool,
) -> None:
    """Invoke a deployed function, with Funcraft's options.

    \b
    Examples:
      fun invoke main -e '{"k": 1}'
      fun invoke demo/main -t Async -f event.json
      fun invoke --trigger on-upload
      fun invoke --trigger demo/main/on-upload --print > event.json
    """
    from fun_local.invk import new_request_id

    count = sum((event is not None, event_file is not None, event_stdin))
    if count > 1:
        raise click.UsageError("give one of --event, --event-file and --event-stdin")
    if trigger_name is not None:
        from fun_local.cli import triggers

        home = settings.default_home()
        trigger = triggers.find(registry.read(home), trigger_name, function or "")
        function, qualifier = trigger.function_path, qualifier or trigger.qualifier
        if not count:
            sample = triggers.event_of(home, trigger)
            if only_print:
                triggers.show(sample)
                return
            event = os.fsdecode(sample.payload)
    if only_print:
        raise click.UsageError("--print goes with --trigger, and without an event of your own")
    if function is None:
        raise click.UsageError("name a function, or a trigger with --trigger")
    context.obj = new_request_id()
    context.invoke(
        invk,
        function=function,
        kind=kind,
        event_str=event,
        event_file="-" if event_stdin else event_file,
        qualifier=qualifier,
        as_json=as_json,
    )

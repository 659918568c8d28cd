"""Firing a trigger by hand: which one is meant, and the event that its source would send."""

from __future__ import annotations

import sys
import time

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.errors import InvalidRequest, NotFound
from fun_local.invk import new_request_id
from fun_local.model.deployed import Deployed
from fun_local.model.occasion import Around
from fun_local.model.resources import Trigger
from fun_local.model.samples import Sample, sample


def find(deployed: Deployed, text: str, function: str = "") -> Trigger:
    """The trigger that a person means by ``service/function/trigger`` or the end of that.

    Raises:
        NotFound: there is none, or no such function.
        InvalidRequest: several triggers are called that.
    """
    of = deployed.resolve(function).path if function else ""
    there = [trigger for trigger in deployed.triggers.values() if of in ("", trigger.function_path)]
    found = [trigger for trigger in there if f"/{trigger.path}".endswith(f"/{text}")]
    if not found:
        where = f" of function '{of}'" if of else ""
        paths = ", ".join(sorted(trigger.path for trigger in there))
        hint = f"There are: {paths}." if there else f"There are no triggers{where}: add one to the template."
        raise NotFound("TriggerNotFound", f"trigger '{text}'{where} does not exist", hint=hint)
    if len(found) > 1:
        candidates = ", ".join(sorted(trigger.path for trigger in found))
        raise InvalidRequest(
            "AmbiguousTriggerName",
            f"several triggers are called '{text}': {candidates}",
            hint="Write one of them in full.",
        )
    return found[0]


def event_of(home: str, trigger: Trigger) -> Sample:
    """A sample event of a trigger, of this moment. Raises InvalidRequest where there is none."""
    chosen, _ = settings.load(home)
    now_ms = time.time_ns() // 1_000_000
    event = sample(trigger, Around(chosen.region, chosen.account_id, new_request_id(), now_ms))
    if event.note:
        output.say(f"note: {event.note}", err=True)
    return event


def show(event: Sample) -> None:
    """Print an event: byte for byte into a pipe, readably on a terminal."""
    if output.is_terminal():
        click.echo(event.shown or event.payload.decode())
        return
    sys.stdout.buffer.write(event.payload)
    sys.stdout.flush()

"""`fun faults`: have functions fail on purpose, so that retries, dead letters and alarms can be tried."""

from __future__ import annotations

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.cli.client import Client
from fun_local.model.faults import Rule
from fun_local.store import faults as stored


@click.group()
def faults() -> None:
    """Have functions fail on purpose. Nothing fails so unless it is said here, or with `invk --fault`.

    \b
    FAULT is one of
      crash              the process dies in the middle
      timeout            it takes longer than it may (the time itself is not spent)
      oom                it is killed for its memory
      error[:TYPE]       the handler raises TYPE
      throttle           there is no room for an instance
      destination-down   the outcome of an asynchronous call can't be delivered
    followed by @N where only the first N attempts of a call are to fail.

    \b
    Examples:
      fun faults set shop/pay crash --rate 0.2 --seed 7
      fun faults list
      fun faults clear shop/pay
    """


@faults.command("set")
@click.argument("function")
@click.argument("fault")
@click.option("--rate", type=float, default=1.0, show_default=True, help="The part of attempts that fails.")
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Which ones: the same for the same seed."
)
@output.json_option
def set_(function: str, fault: str, rate: float, seed: int, as_json: bool) -> None:
    """Have calls of FUNCTION meet FAULT from now on, until it is cleared; synchronous calls, too.

    With the same seed the same calls, in the same order or with the same ids, meet the same failures.

    \b
    Examples:
      fun faults set shop/pay crash --rate 0.2 --seed 7
      fun faults set shop/pay error:ValueError@1
      fun faults set shop/pay destination-down
    """
    answer = _client().call("fault-set", function=function, fault=fault, rate=rate, seed=seed)
    if as_json:
        output.print_json(_as_json(Rule.from_dict(answer)))
        return
    output.say(f"{answer['function']} meets {answer['fault']} from now on (rate {rate:g}, seed {seed})")
    output.hint(f"End it with: fun faults clear {answer['function']}")


@faults.command("list")
@output.json_option
def list_(as_json: bool) -> None:
    """List which functions fail on purpose. Needs no daemon.

    \b
    Examples:
      fun faults list
    """
    rules = stored.read(settings.default_home())
    if as_json:
        output.print_json({"faults": [_as_json(rule) for rule in rules]})
        return
    rows = [[rule.function, str(rule.fault), f"{rule.rate:g}", str(rule.seed)] for rule in rules]
    output.print_table(("FUNCTION", "FAULT", "RATE", "SEED"), rows)


@faults.command()
@click.argument("function", required=False)
@click.option("--all", "everything", is_flag=True, help="Of all functions.")
@output.json_option
def clear(function: str | None, everything: bool, as_json: bool) -> None:
    """Have FUNCTION work again.

    \b
    Examples:
      fun faults clear shop/pay
      fun faults clear --all
    """
    if everything == (function is not None):
        raise click.UsageError("name a function, or give --all")
    cleared = _client().call("fault-clear", function=function or "")["cleared"]
    if as_json:
        output.print_json({"cleared": cleared})
    else:
        output.say(f"{cleared} cleared")


def _client() -> Client:
    return Client(settings.default_home())


def _as_json(rule: Rule) -> dict[str, object]:
    return {"functionName": rule.function, "fault": str(rule.fault), "rate": rule.rate, "seed": rule.seed}

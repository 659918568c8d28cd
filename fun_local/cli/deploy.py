"""`fun deploy` and `fun validate`: from the template in this folder to what is deployed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import click

from fun_local import settings
from fun_local.cli import output
from fun_local.cli.client import Client
from fun_local.home import code_folder
from fun_local.model.resources import Resources


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{option} takes NAME=VALUE, not {text!r}")
        pairs[key] = value
    return pairs


def _template_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that reads a template, in this order."""
    options = (
        click.option("-t", "--template", help="The template file (default: found in this folder)."),
        click.option(
            "-p",
            "--parameter-override",
            "parameters",
            multiple=True,
            metavar="K=V",
            help="A parameter's value.",
        ),
        click.option(
            "--replace", "replacements", multiple=True, metavar="NAME=VALUE", help="A {placeholder}'s value."
        ),
        click.option("--use-ros", is_flag=True, help="Deploy as a stack (plain ROS templates always are)."),
        click.option("--stack-name", help="The stack's name (default: from the folder's name)."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@_template_options
@click.option("-y", "--assume-yes", is_flag=True, help="Do not ask.")
@click.option("--create-queues", is_flag=True, help="Create destination queues that do not exist.")
@output.json_option
def deploy(
    template: str | None,
    parameters: tuple[str, ...],
    replacements: tuple[str, ...],
    use_ros: bool,
    stack_name: str | None,
    assume_yes: bool,
    create_queues: bool,
    as_json: bool,
) -> None:
    """Deploy the template in this folder.

    The stack owns what it deploys: what leaves the template is deleted. Deploying again changes nothing.

    \b
    Examples:
      fun deploy --use-ros --stack-name demo-1 --replace please_replace_me=my-dlq
      fun deploy --stack-name demo-1 -p Memory=256 --create-queues --json
    """
    home = settings.default_home()
    ask = sys.stdin.isatty() and sys.stdout.isatty() and not assume_yes and not as_json
    stack, resources = _read_template(
        home,
        template,
        stack_name=stack_name,
        use_ros=use_ros,
        parameters=parameters,
        replacements=replacements,
        ask=ask,
        stage=True,
    )
    client = Client(home)
    request: dict[str, Any] = {
        "stack": stack,
        "resources": resources.to_dict(),
        "create_queues": create_queues,
    }
    if ask:
        planned = client.call("deploy", dry_run=True, **request)
        if not planned["unchanged"]:
            _print_changes(planned)
            click.confirm("Deploy this?", default=True, abort=True)
    done = client.call("deploy", dry_run=False, **request)
    if as_json:
        output.print_json(_as_json(stack, done, resources))
        return
    if done["unchanged"]:
        what = f"stack {stack} is" if stack else "what is deployed is"
        click.echo(f"Nothing to change: {what} as the template says.")
    elif not ask:
        _print_changes(done)
    _print_rest(done, resources)
    if not done["unchanged"]:
        click.echo(f"\nstack {stack} deployed" if stack else "\ndeployed")


@click.command()
@_template_options
@output.json_option
def validate(
    template: str | None,
    parameters: tuple[str, ...],
    replacements: tuple[str, ...],
    use_ros: bool,
    stack_name: str | None,
    as_json: bool,
) -> None:
    """Check a template. Prints nothing when it is good.

    \b
    Examples:
      fun validate
      fun validate -t other.yml --json
    """
    _, resources = _read_template(
        settings.default_home(),
        template,
        stack_name=stack_name,
        use_ros=use_ros,
        parameters=parameters,
        replacements=replacements,
        ask=False,
        stage=False,
    )
    if as_json:
        output.print_json({"valid": True, "warnings": list(resources.warnings)})


def _default_stack() -> str:
    """Funcraft's name for the stack of a folder (fun-cli section 11)."""
    return "fun_default_stack_for_" + os.path.basename(os.getcwd())


def _read_template(
    home: str,
    template: str | None,
    *,
    stack_name: str | None,
    use_ros: bool,
    parameters: tuple[str, ...],
    replacements: tuple[str, ...],
    ask: bool,
    stage: bool,
) -> tuple[str, Resources]:
    """The stack (empty for a direct deploy, which owns nothing) and what the template asks for."""
    # YAML and JSON Schema cost 200 ms, so only here.
    from fun_local.store.code import CodeStore
    from fun_local.template.build import build
    from fun_local.template.devs import is_devs
    from fun_local.template.discover import discover
    from fun_local.template.load import load
    from fun_local.template.placeholders import find
    from fun_local.template.serverless import is_serverless

    # Relative, so that problems name the file as its user sees it.
    document = load(discover("", template))
    values = _pairs("--replace", replacements)
    if ask:
        for name in dict.fromkeys(placeholder.name for placeholder in find(document)):
            if name not in values:
                values[name] = click.prompt(f"{{{name}}} in {document.path}", err=True)
    chosen, _ = settings.load(home)
    is_direct = (is_serverless(document) or is_devs(document)) and not use_ros
    stack = "" if is_direct else stack_name or _default_stack()
    resources = build(
        document,
        stack_name=stack or _default_stack(),
        use_ros=use_ros,
        environ=os.environ,
        region=chosen.region,
        account_id=chosen.account_id,
        parameters=_pairs("--parameter-override", parameters),
        replacements=values,
        stage=CodeStore(code_folder(home)).add if stage else lambda source: "",
    )
    return stack, resources


def _print_changes(deployment: dict[str, Any]) -> None:
    output.print_table(
        ("RESOURCE", "TYPE", "ACTION", "PROPERTIES"),
        [[c["resource"], c["type"], c["action"], ", ".join(c["properties"])] for c in deployment["changes"]],
    )


def _print_rest(deployment: dict[str, Any], resources: Resources) -> None:
    for function in deployment["functions"]:
        config = function["async_config"]
        if config is None:
            continue
        click.echo(f"\nAsynchronous configuration of {function['service']}/{function['name']}")
        click.echo(f"  stateful:   {'yes' if config['statefulInvocation'] else 'no'}")
        click.echo(f"  retries:    {config['maxAsyncRetryAttempts']}")
        click.echo(f"  age:        {config['maxAsyncEventAgeInSeconds']} s")
        for key, label in (("onSuccess", "on success"), ("onFailure", "on failure")):
            destination = config["destinationConfig"].get(key)
            click.echo(f"  {label}: {destination['destination'] if destination else '-'}")
    if resources.without_effect:
        click.echo("\nNot emulated")
        for accepted in resources.without_effect:
            click.echo(f"  {accepted.name} ({accepted.type}): {accepted.reason}")
    if resources.outputs:
        click.echo("\nOutputs")
        for name, value in resources.outputs.items():
            click.echo(f"  {name}: {value}")
    for warning in deployment["warnings"]:
        output.warn(warning)


def _as_json(stack: str, deployment: dict[str, Any], resources: Resources) -> dict[str, Any]:
    actions = {(c["type"], c["resource"]): c for c in deployment["changes"]}
    services = [s.name for s in resources.services]
    return {
        "stackName": stack,
        "unchanged": deployment["unchanged"],
        "services": [
            {"serviceName": name, "action": actions["Service", name]["action"]} for name in services
        ],
        "functions": [
            {
                "serviceName": f["service"],
                "functionName": f["name"],
                "action": actions["Function", f"{f['service']}/{f['name']}"]["action"],
                "changedProperties": actions["Function", f"{f['service']}/{f['name']}"]["properties"],
                "runtime": f["runtime"],
                "handler": f["handler"],
                "memorySize": f["memory_mb"],
                "timeout": f["timeout_seconds"],
                "environmentVariables": f["environment"],
                "asyncConfig": f["async_config"],
            }
            for f in deployment["functions"]
        ],
        "deleted": [
            {"resource": c["resource"], "type": c["type"]}
            for c in deployment["changes"]
            if c["action"] == "Delete"
        ],
        "queues": [
            {"queueName": c["resource"], "action": c["action"]}
            for c in deployment["changes"]
            if c["type"] == "Queue"
        ],
        "notEmulated": [
            {"name": a.name, "type": a.type, "reason": a.reason} for a in resources.without_effect
        ],
        "outputs": resources.outputs,
        "warnings": deployment["warnings"],
    }

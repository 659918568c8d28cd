"""What a deploy or a removal did, for people and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from fun_local.cli import addresses, output
from fun_local.cli.language import said
from fun_local.cli.templates import Loaded
from fun_local.model.deployed import Deployed

Answer = Mapping[str, Any]

#: What of a deploy is listed by name alone: its key in JSON, the type in the changes, the key of the name.
_LISTS = (
    ("versions", "Version", "version"),
    ("aliases", "Alias", "alias"),
    ("triggers", "Trigger", "trigger"),
    ("customDomains", "Domain", "domainName"),
    ("queues", "Queue", "queueName"),
    ("topics", "Topic", "topicName"),
    ("subscriptions", "Subscription", "subscription"),
)


def show(loaded: Loaded, answer: Answer, *, with_changes: bool) -> None:
    """All that a person should know after a deploy."""
    stack = loaded.stack
    if answer["unchanged"]:
        what = f"stack {stack} is" if stack else "what is deployed is"
        output.say(f"Nothing to change: {what} as the template says.")
    elif with_changes:
        print_changes(answer)
    for function in answer["functions"]:
        if function["async_config"] is not None:
            output.say(f"\nAsynchronous configuration of {function['service']}/{function['name']}")
            print_async_config(function["async_config"])
    resources = loaded.resources
    if resources.not_emulated:
        output.say("\nNot emulated")
        for accepted in resources.not_emulated:
            output.say(f"  {accepted.name} ({accepted.type}): {accepted.reason}")
    if resources.outputs:
        output.say("\nOutputs")
        for name, value in resources.outputs.items():
            click.echo(f"  {name}: {value}")
    for warning in answer["warnings"]:
        output.warn(warning)
    if not answer["unchanged"]:
        output.say(f"\nstack {stack} deployed" if stack else "\ndeployed")


def print_changes(answer: Answer, *, only_changed: bool = False) -> None:
    """A table of what happened (or would) to each resource."""
    rows = [
        [c["resource"], c["type"], c["action"], ", ".join(c["properties"])]
        for c in answer["changes"]
        if not (only_changed and c["action"] == "Unchanged")
    ]
    output.print_table(("RESOURCE", "TYPE", "ACTION", "PROPERTIES"), rows)


def print_async_config(config: Mapping[str, Any]) -> None:
    """An asynchronous configuration, in the vendor's field names, as indented lines."""
    output.field("  stateful", said("yes" if config["statefulInvocation"] else "no"), 14)
    output.field("  retries", str(config["maxAsyncRetryAttempts"]), 14)
    output.field("  age", f"{config['maxAsyncEventAgeInSeconds']} s", 14)
    for key, label in (("onSuccess", "on success"), ("onFailure", "on failure")):
        destination = config["destinationConfig"].get(key)
        output.field(f"  {label}", destination["destination"] if destination else "-", 14)


def as_json(loaded: Loaded, answer: Answer, deployed: Deployed, base_url: str) -> dict[str, Any]:
    """The document of `fun deploy --json` (contract of the command line, section 2).

    ``deployed`` is what is there now, ``base_url`` where its functions are called by HTTP.
    """
    changes = {(c["type"], c["resource"]): c for c in answer["changes"]}
    lists = {
        key: [
            {name: c["resource"], "action": c["action"]}
            for c in answer["changes"]
            if c["type"] == kind and c["action"] != "Delete"
        ]
        for key, kind, name in _LISTS
    }
    for shown in lists["triggers"]:
        if (trigger := deployed.triggers.get(shown["trigger"])) and trigger.type == "http":
            shown["urlInternet"] = addresses.of_trigger(base_url, trigger)
    for shown in lists["customDomains"]:
        if domain := deployed.domains.get(shown["domainName"]):
            shown["url"] = addresses.of_domain(base_url, domain)
    return {
        "stackName": loaded.stack,
        "unchanged": answer["unchanged"],
        "services": [
            {"serviceName": s.name, "action": changes["Service", s.name]["action"]}
            for s in loaded.resources.services
        ],
        "functions": [
            function_json(f) | _what_changed(changes["Function", f"{f['service']}/{f['name']}"])
            for f in answer["functions"]
        ],
        **lists,
        "deleted": deleted(answer),
        "notEmulated": [
            {"name": a.name, "type": a.type, "reason": a.reason} for a in loaded.resources.not_emulated
        ],
        "outputs": loaded.resources.outputs,
        "warnings": answer["warnings"],
    }


def deleted(answer: Answer) -> list[dict[str, Any]]:
    return [
        {"resource": c["resource"], "type": c["type"]} for c in answer["changes"] if c["action"] == "Delete"
    ]


def function_json(function: Mapping[str, Any]) -> dict[str, Any]:
    """A function (as model.resources.Function stores it) in the vendor's field names."""
    return {
        "serviceName": function["service"],
        "functionName": function["name"],
        "runtime": function["runtime"],
        "handler": function["handler"],
        "memorySize": function["memory_mb"],
        "timeout": function["timeout_seconds"],
        "environmentVariables": function["environment"],
        "asyncConfig": function["async_config"],
    }


def _what_changed(change: Mapping[str, Any]) -> dict[str, Any]:
    return {"action": change["action"], "changedProperties": change["properties"]}

"""Templates that come over the wire, for a stack: read like files, but for the files that they name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fun_local.model.resources import Resources
from fun_local.template.build import build
from fun_local.template.code import CodeSource
from fun_local.template.load import parse_document
from fun_local.template.problems import invalid_template
from fun_local.template.stored import Fetch, on_this_machine

#: What stands for a file's name in problems: the parameter that held the template.
NAME = "TemplateBody"

_HIDDEN = "******"


@dataclass(frozen=True, slots=True)
class Sent:
    """A template that was sent, read. ``shown`` are its parameters as anybody may see them."""

    resources: Resources
    shown: dict[str, str]


def read_sent(
    body: bytes,
    *,
    stack_name: str,
    region: str,
    account_id: str,
    parameters: Mapping[str, str],
    previous: Mapping[str, str],
    stage: Callable[[CodeSource], str],
    fetch: Fetch,
    stack_outputs: Mapping[str, Mapping[str, object]],
) -> Sent:
    """What a template asks for, as a stack.

    ``previous`` are parameters that count where they are declared still and not given anew.

    Raises:
        InvalidTemplate: with all that is wrong with it.
    """
    document = replace(parse_document(NAME, body), is_sent=True)
    if "ROSTemplateFormatVersion" not in document.data:
        message = "Missing property ROSTemplateFormatVersion"
        raise invalid_template(NAME, [document.problem("required", (), message)])
    declared = document.data.get("Parameters")
    definitions: dict[str, Any] = declared if isinstance(declared, dict) else {}
    kept = {name: value for name, value in previous.items() if name in definitions}
    resources = build(
        document,
        stack_name=stack_name,
        region=region,
        account_id=account_id,
        parameters={**kept, **parameters},
        replacements={},
        stage=on_this_machine(stage),
        use_ros=True,
        fetch=fetch,
        stack_outputs=stack_outputs,
    )
    shown = {
        name: _HIDDEN if _is_secret(definitions.get(name)) else value
        for name, value in resources.parameters.items()
    }
    return Sent(resources, shown)


def _is_secret(definition: object) -> bool:
    return isinstance(definition, dict) and str(definition.get("NoEcho")).lower() == "true"

"""The Outputs of a template."""

from __future__ import annotations

from fun_local.template.evaluator import Evaluator
from fun_local.template.load import Document
from fun_local.template.markers import NO_VALUE, is_invalid
from fun_local.template.written import sections

#: What is shown of an output with NoEcho.
_HIDDEN = "******"


def evaluate_outputs(document: Document, evaluator: Evaluator) -> tuple[dict[str, object], list[str]]:
    """The outputs whose conditions hold, and a warning for each that has no value on this machine.

    What they refer to must exist; that is the evaluator's to report.
    """
    values: dict[str, object] = {}
    warnings = []
    for name, output in sections(document, "Outputs").items():
        path = ("Outputs", name)
        condition = output.get("Condition")
        if isinstance(condition, str) and evaluator.condition(condition, (*path, "Condition")) is not True:
            continue
        known = len(evaluator.problems)
        evaluator.is_lenient = True
        value = evaluator.value(output.get("Value"), (*path, "Value"))
        evaluator.is_lenient = False
        if is_invalid(value):
            if len(evaluator.problems) == known:
                warnings.append(f"output {name} can't be given a value on this machine")
        elif value is not NO_VALUE:
            values[name] = _HIDDEN if str(output.get("NoEcho")).lower() == "true" else value
    return values, warnings

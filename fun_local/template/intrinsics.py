"""The functions of ROS: a table from their names to what resolves them.

``functions.py`` holds what depends on its argument alone; here is what looks something up, or leaves part
of its argument unevaluated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fun_local.template.functions import FUNCTIONS, BadArgument, text_of
from fun_local.template.load import Path
from fun_local.template.markers import INVALID, NO_VALUE, is_invalid, size_of
from fun_local.template.problems import nearest, shown

if TYPE_CHECKING:
    from fun_local.template.evaluator import Evaluator

#: Gives the value of a call from the evaluator, the argument as written, and where it stands.
Resolver = Callable[["Evaluator", Any, Path], Any]

#: Known to ROS, without a meaning here: they look into the vendor's catalogue, or their
#: arguments are not documented well enough to imitate.
UNSUPPORTED = frozenset(
    {
        "Fn::Any",
        "Fn::Cidr",
        "Fn::Contains",
        "Fn::EachMemberIn",
        "Fn::FormatTime",
        "Fn::Indent",
        "Fn::MarketplaceImage",
        "Fn::MatchPattern",
        "Fn::MemberListToMap",
    }
)

_VARIABLE = re.compile(r"\$\{(!?)([^${}]{0,256})\}")


def _ref(scope: Evaluator, argument: Any, path: Path) -> Any:
    if not isinstance(argument, str):
        return scope.fail(path, f"Ref takes a name, found {shown(argument)}")
    return scope.look_up(argument, path)


def _get_att(scope: Evaluator, argument: Any, path: Path) -> Any:
    parts = scope.value(argument, path)
    if is_invalid(parts):
        return INVALID
    if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(p, str) for p in parts):
        return scope.fail(path, f"Fn::GetAtt takes [resource, attribute], found {shown(parts)}")
    return scope.attribute(parts[0], parts[1], path)


def _sub(scope: Evaluator, argument: Any, path: Path) -> Any:
    text: Any = argument
    variables: Any = {}
    if isinstance(argument, list) and len(argument) == 2:
        text, variables = argument[0], scope.value(argument[1], (*path, 1))
    if not isinstance(text, str) or not isinstance(variables, dict):
        if variables is INVALID:
            return INVALID
        return scope.fail(path, f"Fn::Sub takes text or [text, variables], found {shown(argument)}")
    parts: list[str] = []
    end = 0
    is_good = True
    for match in _VARIABLE.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match[1]:  # ${!name} is how ${name} itself is written
            parts.append(f"${{{match[2]}}}")
            continue
        value = variables[match[2]] if match[2] in variables else _sub_value(scope, match[2], path)
        if is_invalid(value):
            is_good = False
            continue
        try:
            parts.append("" if value is NO_VALUE else text_of(value))
        except BadArgument as error:
            scope.fail(path, f"Fn::Sub: ${{{match[2]}}}: {error}")
            is_good = False
            continue
        scope.spend(len(parts[-1]) // 16, path)
    return "".join((*parts, text[end:])) if is_good else INVALID


def _sub_value(scope: Evaluator, name: str, path: Path) -> Any:
    resource, dot, attribute = name.partition(".")
    if dot and name not in scope.resources:
        return scope.attribute(resource, attribute, path)
    return scope.look_up(name, path)


def _if(scope: Evaluator, argument: Any, path: Path) -> Any:
    if not isinstance(argument, list) or len(argument) != 3:
        shape = "[condition name, value if true, value if false]"
        return scope.fail(path, f"Fn::If takes {shape}, found {shown(argument)}")
    # The name of a condition, never an expression (ROS documentation: Fn::If).
    holds = scope.condition(argument[0], (*path, 0))
    if holds is INVALID:
        return INVALID
    branch = 1 if holds else 2
    return scope.value(argument[branch], (*path, branch))


def _all_of(scope: Evaluator, name: str, argument: Any, path: Path) -> Any:
    if not isinstance(argument, list) or len(argument) < 2:
        return scope.fail(path, f"{name} takes a list of two or more conditions, found {shown(argument)}")
    truths = [scope.truth(item, (*path, i)) for i, item in enumerate(argument)]
    if INVALID in truths:
        return INVALID
    return all(truths) if name == "Fn::And" else any(truths)


def _not(scope: Evaluator, argument: Any, path: Path) -> Any:
    # Documented with the bare condition; lists of one are what many people write.
    if isinstance(argument, list) and len(argument) == 1:
        argument, path = argument[0], (*path, 0)
    truth = scope.truth(argument, path)
    return truth if truth is INVALID else not truth


def _find_in_map(scope: Evaluator, argument: Any, path: Path) -> Any:
    names = scope.value(argument, path)
    if is_invalid(names):
        return INVALID
    if not isinstance(names, list) or len(names) != 3 or any(isinstance(n, dict | list) for n in names):
        return scope.fail(path, f"Fn::FindInMap takes [map, key, key], found {shown(names)}")
    found: Any = scope.document.data.get("Mappings")
    for name in names:
        if not isinstance(found, dict) or str(name) not in found:
            known = list(found) if isinstance(found, dict) else []
            message = f"Fn::FindInMap: Mappings has no {'/'.join(map(str, names))}"
            return scope.fail(path, message, nearest(str(name), known), is_reference=True)
        found = found[str(name)]
    return found


def _get_azs(scope: Evaluator, argument: Any, path: Path) -> Any:
    region = scope.value(argument, path)
    if is_invalid(region):
        return INVALID
    if not isinstance(region, str):
        return scope.fail(path, f"Fn::GetAZs takes a region, found {shown(region)}")
    region = region or scope.pseudo.get("ALIYUN::Region", "")
    # Which zones a region has is not known here: the first three letters, as most regions have them.
    return [f"{region}-{letter}" for letter in "abc"]


def _get_stack_output(scope: Evaluator, argument: Any, path: Path) -> Any:
    parts = scope.value(argument, path)
    if is_invalid(parts):
        return INVALID
    if not isinstance(parts, list) or len(parts) not in (2, 3) or not all(isinstance(p, str) for p in parts):
        return scope.fail(path, f"Fn::GetStackOutput takes [stack, output], found {shown(parts)}")
    # Stacks go by their ids there; here the name is as good. There is one region.
    stack, output = parts[:2]
    outputs = scope.stack_outputs.get(stack)
    if outputs is None:
        hint = nearest(stack, list(scope.stack_outputs)) or "Deploy that stack first."
        return scope.fail(path, f"no stack {shown(stack)} is deployed", hint, is_reference=True)
    return outputs.get(output)


def _applied(name: str) -> Resolver:
    """A function that takes its argument evaluated."""

    def resolve(scope: Evaluator, argument: Any, path: Path) -> Any:
        evaluated = scope.value(argument, path)
        if is_invalid(evaluated):
            return INVALID
        scope.spend(size_of(evaluated), path)
        try:
            result = _function(name)("" if evaluated is NO_VALUE else evaluated)
            if isinstance(result, float) and not math.isfinite(result):
                raise OverflowError
        except BadArgument as error:
            return scope.fail(path, f"{name}: {error}")
        except (OverflowError, ValueError):
            return scope.fail(path, f"{name}: a number too large")
        return result

    return resolve


def _function(name: str) -> Callable[[Any], Any]:
    if name == "Fn::Jq":
        from fun_local.template.jq import jq  # few templates need it

        return jq
    return FUNCTIONS[name]


RESOLVERS: Mapping[str, Resolver] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::And": lambda scope, argument, path: _all_of(scope, "Fn::And", argument, path),
    "Fn::Or": lambda scope, argument, path: _all_of(scope, "Fn::Or", argument, path),
    "Fn::Not": _not,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _get_azs,
    "Fn::GetStackOutput": _get_stack_output,
    **{name: _applied(name) for name in (*FUNCTIONS, "Fn::Jq")},
}

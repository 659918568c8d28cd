"""The sums of Fn::Calculate: numbers, ``+ - * / // %``, brackets, nothing else."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

#: Characters. A sum in a template is a line at most.
_MAX_LENGTH = 500

_PLACE = re.compile(r"\{([0-9]{1,6})\}")

Number = int | float


class BadSum(Exception):
    """The text is no sum, or it has no result."""


def _divide(left: Number, right: Number) -> Number:
    """Between integers the fraction is cut off (ROS documentation: Fn::Calculate)."""
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return left / right


_BINARY: dict[type, Callable[[Any, Any], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divide,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def calculate(expression: str, numbers: Sequence[Number]) -> Number:
    """The value of ``expression``, where ``{0}`` stands for the first of ``numbers``.

    Raises:
        BadSum: it is no sum, names a number that is not there, or divides by zero.
    """
    if len(expression) > _MAX_LENGTH:
        raise BadSum(f"a sum has at most {_MAX_LENGTH} characters")

    def put_in(match: re.Match[str]) -> str:
        if int(match[1]) >= len(numbers):
            raise BadSum(f"there is no number {match[0]}")
        return f"({numbers[int(match[1])]!r})"

    text = _PLACE.sub(put_in, expression).strip()
    try:
        value = _value(ast.parse(text, mode="eval").body)
        # A number too long for text or a float would fail later, far from here.
        return value if abs(value) < 1e300 else _too_large()
    except ZeroDivisionError:
        raise BadSum("it divides by zero") from None
    except OverflowError:
        return _too_large()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise BadSum("it is not a sum of numbers") from None


def _too_large() -> Number:
    raise BadSum("its result is too large")


def _value(node: ast.expr) -> Number:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left), _value(node.right))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        operand = _value(node.operand)
        return -operand if isinstance(node.op, ast.USub) else operand
    raise BadSum("only numbers, + - * / // % and brackets may stand in a sum")

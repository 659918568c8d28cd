"""What a project template asks for, and what is a good answer. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fun_local.errors import InvalidRequest
from fun_local.projects.rendering import fill


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that is filled in. ``default`` may use variables before it; None: there is no default.

    ``pattern`` is a regular expression for the whole value, ``expected`` says the same to people.
    """

    name: str
    prompt: str
    default: str | None = None
    pattern: str = r"[^\x00-\x1f\x7f]+"
    expected: str = "one line of text"
    choices: tuple[str, ...] = ()

    def check(self, value: str) -> None:
        """Raise InvalidRequest unless ``value`` is a good answer."""
        if self.choices:
            is_good, expected = value in self.choices, f"one of {', '.join(self.choices)}"
        else:
            is_good, expected = bool(re.fullmatch(self.pattern, value)), self.expected
        if not is_good:
            raise InvalidRequest(
                "InvalidArgument", f"{value!r} is not good for {self.name}", hint=f"It must be {expected}."
            )


#: Every project has a name. It ends up in names of services, queues and stacks, so it is what is legal in
#: all of them (fc-api section 4, mns section 6), and short enough to have something appended. Where it stands
#: alone in a template, some words would be values instead of names.
NAME = Variable(
    "name",
    "Name of the project",
    pattern=r"(?!(?i:yes|no|on|off|true|false|null)$)[A-Za-z][A-Za-z0-9-]{0,39}",
    expected="1 to 40 letters, digits and '-', starting with a letter; no word that YAML reads as a value",
)

#: How a person is asked: for a variable, with its default.
Ask = Callable[[Variable, str | None], str]


def name_from(folder: str) -> str | None:
    """A name for the project in a folder of this name; None when nothing in it can be used."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", folder).lstrip("-0123456789")[:40].rstrip("-")
    return name if re.fullmatch(NAME.pattern, name) else None


def resolve(
    variables: Sequence[Variable], given: Mapping[str, str], ask: Ask | None = None
) -> dict[str, str]:
    """The value of each variable: what was given, else the answer of ``ask``, else its default.

    Raises:
        InvalidRequest: a value is no good, belongs to no variable, or is missing.
    """
    _check_known(variables, given)
    values: dict[str, str] = {}
    for variable in variables:
        default = None if variable.default is None else fill(variable.default, values)
        if variable.name in given:
            value = given[variable.name]
        elif ask is not None:
            value = ask(variable, default)
        elif default is not None:
            value = default
        else:
            raise InvalidRequest(
                "MissingVariable",
                f"{variable.name} has no value ({variable.prompt})",
                hint=f"Give it with --var {variable.name}=VALUE.",
            )
        variable.check(value)
        values[variable.name] = value
    return values


def _check_known(variables: Sequence[Variable], given: Mapping[str, str]) -> None:
    names = [variable.name for variable in variables]
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            also = f" Did you mean {near[0]}?" if near else ""
            raise InvalidRequest(
                "InvalidArgument",
                f"this template has no variable called {name!r}",
                hint=f"It has: {', '.join(names)}.{also}",
            )

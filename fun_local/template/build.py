"""From a template to the model: the whole way, with all problems of the template in one answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fun_local.errors import InvalidRequest, InvalidTemplate
from fun_local.model.resources import Accepted, Function, Queue, Resources, Service
from fun_local.template import convert, placeholders, ros, types
from fun_local.template.code import CodeSource, find_code
from fun_local.template.load import Document, Path, path_text
from fun_local.template.markers import is_invalid
from fun_local.template.problems import Problem, invalid_template, shown
from fun_local.template.schema import check

__all__ = ["CodeSource", "build"]

_TRANSFORM = "Aliyun::Serverless-2018-04-03"


@dataclass(slots=True)
class _Found:
    """What has been read so far. ``code`` runs parallel to ``functions``."""

    services: list[Service] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    code: list[tuple[CodeSource | None, Path]] = field(default_factory=list)
    queues: list[Queue] = field(default_factory=list)
    not_emulated: list[Accepted] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    names: dict[tuple[str, str], str] = field(default_factory=dict)


def build(
    document: Document,
    *,
    stack_name: str,
    region: str,
    account_id: str,
    parameters: Mapping[str, str],
    replacements: Mapping[str, str],
    stage: Callable[[CodeSource], str],
) -> Resources:
    """What the template asks for, everything in it resolved.

    ``parameters`` and ``replacements`` are what the command line gives with ``-p`` and ``--replace``.
    ``stage`` puts code into the code store and returns its digest; it is called once for each function,
    and only when the template has no problem.

    Raises:
        InvalidTemplate: with all problems.
    """
    _check_dialect(document)
    context = ros.Context(stack_name, region, account_id, parameters, replacements)
    try:
        found = _read_all(document, context)
    except RecursionError:  # values put into values by way of parameters and attributes
        raise _refused(document, (), "values are nested too deeply") from None
    if found.problems:
        raise invalid_template(document.path, found.problems)
    return Resources(
        services=tuple(found.services),
        functions=_staged(document, found, stage),
        queues=tuple(found.queues),
        not_emulated=tuple(found.not_emulated),
        warnings=tuple(found.warnings),
    )


def _check_dialect(document: Document) -> None:
    """Refuse what is not a plain ROS template by its own name, not by a hundred unexpected properties."""
    data, name = document.data, os.path.basename(document.path)
    transform = data.get("Transform")
    found = ""
    path: Path = ()
    if transform in (_TRANSFORM, [_TRANSFORM]):
        found, path = f"an {_TRANSFORM} template", ("Transform",)
    elif transform is not None:
        message = f'Value is not accepted. Found {shown(transform)}. Valid values: "{_TRANSFORM}"'
        raise _refused(document, ("Transform",), message)
    elif "ROSTemplateFormatVersion" in data:
        return
    elif "edition" in data or name in ("s.yaml", "s.yml"):
        found = "a Serverless Devs file (s.yaml)"
    elif "function-compute" in data or name in ("faas.yml", "faas.yaml"):
        found = "an early Funcraft file (faas.yml)"
    if found:
        message = f"this is {found}; this release deploys plain ROS templates only"
        hint = (
            "A plain ROS template has ROSTemplateFormatVersion and ALIYUN::FC:: resources, and no Transform."
        )
        raise _refused(document, path, message, hint)


def _refused(document: Document, path: Path, message: str, hint: str = "") -> InvalidTemplate:
    return invalid_template(document.path, [document.problem("value", path, message, hint)])


def _read_all(document: Document, context: ros.Context) -> _Found:
    evaluated = ros.evaluate(document, context)
    found = _Found(warnings=list(evaluated.warnings), problems=list(evaluated.problems))
    for resource in evaluated.resources:
        if resource.reason:
            found.not_emulated.append(Accepted(resource.name, resource.type, resource.reason))
        else:
            _read(document, resource, context.stack_name, found)
    return found


def _read(document: Document, resource: ros.Resource, stack: str, found: _Found) -> None:
    """Check one resource that is run and, when it is good, add it to the model."""
    path = resource.path
    properties, problems = check(document, resource.type, resource.properties, path)
    problems += convert.name_problems(document, properties, path)
    problems += placeholders.unresolved(document, properties, path)
    source: CodeSource | None = None
    if resource.type == types.FUNCTION:
        code = _code(document, properties, path, problems)
        if isinstance(code, Problem):
            problems.append(code)
        else:
            source = code
    found.problems += problems
    if problems or is_invalid(properties):
        return
    if resource.type == types.SERVICE:
        service = convert.service(properties, stack)
        found.services.append(service)
        found.warnings += convert.service_warnings(service, properties)
        _claim(document, found, "service", service.name, (*path, "ServiceName"))
    elif resource.type == types.FUNCTION:
        function = convert.function(properties, stack)
        found.functions.append(function)
        found.code.append((source, path))
        found.warnings += convert.function_warnings(function, properties)
        _claim(document, found, "function", function.path, (*path, "FunctionName"))
    else:
        queue = convert.queue(properties)
        found.queues.append(queue)
        _claim(document, found, "queue", queue.name, (*path, "QueueName"))


def _code(
    document: Document, properties: dict[str, Any], path: Path, problems: Iterable[Problem]
) -> CodeSource | Problem | None:
    """The function's code, or None when there is none to find or the properties for it are not good."""
    keys = ("Code", "CodeUri", "Runtime")
    concerned = tuple(path_text((*path, key)) for key in keys)
    if any(problem.path.startswith(concerned) for problem in problems):
        return None
    if any(is_invalid(properties.get(key)) for key in keys):
        return None
    if properties.get("Runtime") == "custom-container":
        return None  # its code is the image
    return find_code(document, properties, path)


def _claim(document: Document, found: _Found, kind: str, name: str, path: Path) -> None:
    """Note that a name is taken; a problem when it was already."""
    if (first := found.names.setdefault((kind, name), path_text(path))) != path_text(path):
        message = f"{kind} {name} is there twice, the other is {first}"
        found.problems.append(document.problem("value", path, message))


def _staged(document: Document, found: _Found, stage: Callable[[CodeSource], str]) -> tuple[Function, ...]:
    functions, problems = [], []
    for function, (source, path) in zip(found.functions, found.code, strict=True):
        try:
            functions.append(function if source is None else replace(function, code=stage(source)))
        except InvalidRequest as error:
            where: Path = (*path, "CodeUri")
            problems.append(document.problem("value", where, error.message, error.hint))
    if problems:
        raise invalid_template(document.path, problems)
    return tuple(functions)

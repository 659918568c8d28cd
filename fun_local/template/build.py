"""From a template to the model: the whole way, with all problems of the template in one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from fun_local.errors import InvalidRequest, InvalidTemplate
from fun_local.model.resources import Function, Resources
from fun_local.template import devs, faas, serverless, stored
from fun_local.template.code import CodeSource
from fun_local.template.load import Document, Path
from fun_local.template.problems import Problem, invalid_template, shown
from fun_local.template.readers import Found, read
from fun_local.template.ros import evaluate
from fun_local.template.written import Context, plain

__all__ = ["CodeSource", "build"]


def build(
    document: Document,
    *,
    stack_name: str,
    region: str,
    account_id: str,
    parameters: Mapping[str, str],
    replacements: Mapping[str, str],
    stage: Callable[[CodeSource], str],
    use_ros: bool = False,
    environ: Mapping[str, str] | None = None,
    oss_folder: str | None = None,
    fetch: stored.Fetch | None = None,
    stack_outputs: Mapping[str, Mapping[str, object]] | None = None,
) -> Resources:
    """What the template asks for, everything in it resolved.

    ``parameters`` and ``replacements`` are what the command line gives with ``-p`` and ``--replace``.
    ``use_ros`` is how a template of Funcraft's dialect is deployed: as a stack, where services have a suffix
    to their names, or directly, where they have not. Plain ROS templates are always a stack.
    ``environ`` is what ``${env(X)}`` of a Serverless Devs file may name.
    ``fetch`` gets code out of this home's OSS; ``oss_folder`` stands in for OSS: code there is the archive
    FOLDER/BUCKET/KEY.
    ``stack_outputs`` are those of the deployed stacks, for Fn::GetStackOutput.
    ``stage`` puts code into the code store and returns its digest; it is called once for each function,
    and only when the template has no problem.

    Raises:
        InvalidTemplate: with all problems.
    """
    _check_dialect(document)
    outputs: dict[str, object] = {}
    names: dict[str, str] = {}
    context = Context(stack_name, region, account_id, parameters, replacements, use_ros, stack_outputs or {})
    try:
        if devs.is_devs(document) and "ROSTemplateFormatVersion" not in document.data:
            found = _read_devs(document, context, environ or {})
        else:
            found, outputs = _read_all(document, context)
            names = {f"{kind}/{name}": _logical_name(at) for (kind, name), at in found.names.items()}
    except RecursionError:  # values put into values by way of parameters and attributes
        raise _refused(document, (), "values are nested too deeply") from None
    if found.problems:
        raise invalid_template(document.path, found.problems)

    def find(source: CodeSource) -> CodeSource | Problem:
        if oss_folder is not None:
            return stored.local(document, source, oss_folder)
        return stored.fetched(document, source, fetch) if fetch else source

    functions = _staged(document, found, stage, find)
    return Resources(
        services=tuple(found.services),
        functions=functions,
        queues=tuple(found.queues),
        not_emulated=tuple(found.not_emulated),
        warnings=tuple(found.warnings),
        triggers=tuple(found.triggers),
        publications=tuple(found.publications),
        aliases=tuple(found.aliases),
        topics=tuple(found.topics),
        subscriptions=tuple(found.subscriptions),
        domains=tuple(found.domains),
        calls=tuple(found.calls),
        outputs=outputs,
        parameters=dict(parameters),
        names=names,
    )


def _logical_name(at: str) -> str:
    """What a template calls the resource that has a name at this place.

    In Funcraft's dialect what stands in another has the ids of both, one after the other (fun-cli 11).
    """
    _, *ids = at.partition("/Properties/")[0].split("/")
    return "".join(part for part in ids if part != "Events")


def _check_dialect(document: Document) -> None:
    """Refuse other languages by their own names, not by a hundred unexpected properties."""
    transform = document.data.get("Transform")
    if serverless.is_serverless(document):
        return
    if transform is not None:
        message = f'Value is not accepted. Found {shown(transform)}. Valid values: "{serverless.TRANSFORM}"'
        raise _refused(document, ("Transform",), message)
    if faas.is_faas(document):
        raise invalid_template(document.path, [faas.problem(document)])


def _refused(document: Document, path: Path, message: str, hint: str = "") -> InvalidTemplate:
    return invalid_template(document.path, [document.problem("value", path, message, hint)])


def _read_devs(document: Document, context: Context, environ: Mapping[str, str]) -> Found:
    return devs.read(
        document,
        stack_name=context.stack_name,
        region=context.region,
        account_id=context.account_id,
        environ=environ,
        replacements=context.replacements,
    )


def _read_all(document: Document, context: Context) -> tuple[Found, dict[str, object]]:
    is_serverless = serverless.is_serverless(document)
    expansion = serverless.expand(document, context) if is_serverless else plain(document)
    evaluated = evaluate(document, expansion, context, is_serverless=is_serverless)
    found = Found(warnings=list(evaluated.warnings), problems=list(evaluated.problems))
    for resource in evaluated.resources:
        read(document, context, resource, found)
    return found, evaluated.outputs


def _staged(
    document: Document,
    found: Found,
    stage: Callable[[CodeSource], str],
    find: Callable[[CodeSource], CodeSource | Problem],
) -> tuple[Function, ...]:
    """The functions with their code. What is to be said of code in OSS joins the warnings."""
    functions, problems = [], []
    for function, (written, _) in zip(found.functions, found.code, strict=True):
        if written is None:
            functions.append(function)
            continue
        source = find(written)
        if isinstance(source, Problem):
            problems.append(source)
            continue
        if source.stored is not None:
            found.warnings.append(stored.warning(function.path, source))
        try:
            functions.append(replace(function, code=stage(source)))
        except InvalidRequest as error:
            problems.append(document.problem("value", source.at, error.message, error.hint))
    if problems:
        raise invalid_template(document.path, problems)
    return tuple(functions)

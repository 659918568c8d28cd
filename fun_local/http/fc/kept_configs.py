"""Configurations of a function that are kept for their owner: provisioned instances and the like.

Little of it has a meaning here (model/kept.py says which). No instance is started before it is needed, yet
there are said to be as many as were asked for, because clients wait for that.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fun_local.http.fc.call import Answer, Call
from fun_local.http.fc.dialects import Dialect
from fun_local.http.fc.listing import page
from fun_local.http.fc.reading import Body, invalid
from fun_local.http.fc.rendering import Json, function_arn
from fun_local.model import kept
from fun_local.model.kept import Kind, Setting
from fun_local.model.names import LATEST, FunctionRef

Handler = Callable[[Call], Awaitable[Answer]]

_MOST = 100_000


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind: the key of its list, the numbers in it, and what else is taken.

    With ``has_qualifier`` each qualifier has its own. Of ``needs`` one must be there.
    """

    kind: Kind
    listed: str
    numbers: tuple[str, ...]
    others: dict[str, type] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    has_qualifier: bool = True

    @property
    def fields(self) -> tuple[str, ...]:
        return (*self.numbers, *self.others)


PROVISION = Kept(
    Kind.PROVISION,
    "provisionConfigs",
    ("target", "defaultTarget"),
    {
        "scheduledActions": list,
        "targetTrackingPolicies": list,
        "alwaysAllocateCPU": bool,
        "alwaysAllocateGPU": bool,
    },
    needs=("target", "defaultTarget"),
)
ON_DEMAND = Kept(Kind.ON_DEMAND, "configs", ("maximumInstanceCount",), needs=("maximumInstanceCount",))
SCALING = Kept(
    Kind.SCALING,
    "scalingConfigs",
    ("minInstances", "maxInstances"),
    {"scheduledPolicies": list, "horizontalScalingPolicies": list, "residentPoolId": str},
)
CONCURRENCY = Kept(
    Kind.CONCURRENCY,
    "configs",
    ("reservedConcurrency",),
    needs=("reservedConcurrency",),
    has_qualifier=False,
)
ALL = (PROVISION, ON_DEMAND, SCALING, CONCURRENCY)


def put(what: Kept) -> Handler:
    async def handle(call: Call) -> Answer:
        ref, content = _ref(call, what), _content(what, call.fields)
        deployed = await call.edit(lambda old, now: kept.put(old, what.kind, ref, content, now))
        return Answer(_shown(call, kept.need(deployed, what.kind, ref)))

    return handle


def get(what: Kept) -> Handler:
    async def handle(call: Call) -> Answer:
        return Answer(_shown(call, kept.need(call.deployed, what.kind, _ref(call, what))))

    return handle


def delete(what: Kept) -> Handler:
    async def handle(call: Call) -> Answer:
        ref = _ref(call, what)
        await call.edit(lambda old, now: kept.drop(old, what.kind, ref))
        return Answer(status=204)

    return handle


def list_all(what: Kept) -> Handler:
    async def handle(call: Call) -> Answer:
        settings = [
            setting
            for setting in call.deployed.settings.values()
            if setting.kind == what.kind and _is_wanted(call, setting)
        ]
        return Answer(
            page(
                what.listed,
                settings,
                call.query,
                key=lambda setting: _resource(call.dialect, setting.ref),
                shown=lambda setting: _shown(call, setting),
            )
        )

    return handle


def _ref(call: Call, what: Kept) -> FunctionRef:
    """Whose it is. Raises NotFound."""
    if what.has_qualifier:
        call.need()
        return call.ref
    call.need_function()
    return FunctionRef(call.ref.service, call.ref.function)


def _content(what: Kept, fields: Body) -> Json:
    """What was sent. Raises InvalidRequest."""
    content: Json = {}
    for name in what.numbers:
        if fields.get(name, int) is not None:
            content[name] = fields.whole(name, 0, 0, _MOST)
    for name, kind in what.others.items():
        if (value := fields.get(name, kind)) is not None:
            content[name] = value
    if what.needs and not any(name in content for name in what.needs):
        raise invalid(f"{what.needs[0]} is missing")
    return content


def _is_wanted(call: Call, setting: Setting) -> bool:
    query, ref = call.query, setting.ref
    service, function = query.get("serviceName"), query.get("functionName")
    qualifier = query.get("qualifier")
    return (
        (not service or service == ref.service)
        and (not function or function == ref.function)
        and (not qualifier or qualifier == ref.qualifier)
    )


def _resource(dialect: Dialect, ref: FunctionRef) -> str:
    """What a list is sorted by, and in FC 2.0 how a function is named."""
    if not dialect.has_services:
        return f"{ref.path} {ref.qualifier}"
    return f"services/{ref.service}.{ref.qualifier}/functions/{ref.function}"


def _shown(call: Call, setting: Setting) -> Json:
    shown = dict(setting.content)
    if setting.kind == Kind.PROVISION:
        target = shown.setdefault("target", shown.get("defaultTarget", 0))
        shown["current"] = target
    if call.dialect.has_services:
        shown["resource"] = _resource(call.dialect, setting.ref)
    else:
        has_qualifier = setting.kind != Kind.CONCURRENCY
        arn = function_arn(FunctionRef(setting.service, setting.function), call.arn_prefix)
        shown["functionArn"] = f"{arn}/{setting.qualifier or LATEST}" if has_qualifier else arn
    return shown


async def disable(call: Call) -> Answer:
    """Have a function refuse calls; what was accepted before still runs."""
    fields, path = call.fields, call.need_function().path
    content = {
        "reason": fields.text("reason"),
        "abortOngoingRequest": fields.flag("abortOngoingRequest", False),
    }
    ref = _plain(path)
    await call.edit(lambda old, now: kept.put(old, Kind.DISABLED, ref, content, now))
    return Answer({"success": True})


async def enable(call: Call) -> Answer:
    ref = _plain(call.need_function().path)
    await call.edit(lambda old, now: kept.drop(old, Kind.DISABLED, ref))
    return Answer({"success": True})


def _plain(path: str) -> FunctionRef:
    service, _, function = path.partition("/")
    return FunctionRef(service, function)

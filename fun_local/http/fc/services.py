"""Services (fc-api 5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fun_local.http.fc import rendering, tags
from fun_local.http.fc.call import Answer, Call
from fun_local.http.fc.listing import page
from fun_local.http.fc.reading import Body
from fun_local.model import editing, publishing
from fun_local.model.names import LATEST, FunctionRef
from fun_local.model.resources import Service

#: What is kept for its owner and has no meaning here.
KEPT: dict[str, type] = {
    "vpcConfig": dict,
    "nasConfig": dict,
    "tracingConfig": dict,
    "ossMountConfig": dict,
    "useSLRAuthentication": bool,
}
#: What has one.
READ = ("serviceName", "description", "role", "internetAccess", "logConfig")
#: What only answers hold: clients send whole answers back.
_SHOWN = ("serviceId", "createdTime", "lastModifiedTime")


async def create(call: Call) -> Answer:
    name = call.fields.required("serviceName", most=128)
    service = _changed(Service(name), call.fields)
    deployed = await call.edit(lambda old, now: editing.create_service(old, service, now))
    return _answer(deployed.services[name])


async def get(call: Call) -> Answer:
    service = editing.service_of(call.deployed, call.service)
    if call.qualifier == LATEST:
        return _answer(service)
    # As it was when that version was published (fc-api 5).
    number = call.qualifier
    if alias := call.deployed.aliases.get(f"{call.service}.{number}"):
        number = alias.version
    version = publishing.version_of(call.deployed, call.service, number)
    return _answer(version.service)


async def update(call: Call) -> Answer:
    name, fields = call.service, call.fields
    deployed = await call.edit(
        lambda old, now: editing.update_service(
            old, name, lambda service: _changed(service, fields), call.check, now
        )
    )
    return _answer(deployed.services[name])


async def delete(call: Call) -> Answer:
    await call.edit(lambda old, now: editing.delete_service(old, call.service, call.check, now))
    return Answer(status=204)


async def list_all(call: Call) -> Answer:
    # As the clients of 2016 ask for tags: tag_KEY=VALUE.
    wanted = {name[4:]: value for name, value in call.query.items() if name.startswith("tag_")}
    found = [
        service
        for service in call.deployed.services.values()
        if tags.has(call.deployed, FunctionRef(service.name, ""), wanted)
    ]
    return Answer(page("services", found, call.query, key=lambda s: s.name, shown=rendering.service))


def _answer(service: Service) -> Answer:
    return Answer(rendering.service(service), headers={"ETag": editing.etag(service)})


def _changed(service: Service, fields: Body) -> Service:
    """A service with what was sent; the rest as it was."""
    extra: dict[str, Any] = {**service.extra, **fields.rest((*READ, *_SHOWN), KEPT)}
    project, store = service.log_project, service.log_store
    if (log := fields.object("logConfig")) is not None:
        project, store = log.text("project"), log.text("logstore")
        extra["logConfig"] = log.rest(("project", "logstore"))
    return replace(
        service,
        description=fields.text("description", service.description),
        role=fields.text("role", service.role),
        internet_access=fields.flag("internetAccess", service.internet_access),
        log_project=project,
        log_store=store,
        extra=extra,
    )

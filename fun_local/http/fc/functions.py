"""Functions and their code (fc-api 6)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from fun_local.errors import FunLocalError, InvalidRequest, NotFound
from fun_local.http.fc import downloads, rendering, tags
from fun_local.http.fc.call import Answer, Call, Context
from fun_local.http.fc.function_fields import changed
from fun_local.http.fc.listing import page
from fun_local.http.fc.reading import choice, from_base64, invalid
from fun_local.model import editing, kept, publishing
from fun_local.model.kept import Kind
from fun_local.model.names import IMPLICIT_SERVICE, LATEST, FunctionRef, version_scope
from fun_local.model.resources import Function
from fun_local.store.archives import Archives
from fun_local.store.crc64 import crc64

#: Bytes of an archive that is a part of the request (fc-api 17).
_MOST_BYTES = 100 * 1024 * 1024


async def create(call: Call) -> Answer:
    fields = call.fields
    name = fields.required("functionName", most=call.dialect.longest_function_name)
    fields.required("runtime")
    fields.required("handler")
    if call.dialect.has_services:
        editing.service_of(call.deployed, call.service)
    new = changed(_bare(call, name), fields)
    code = await _code(call)
    if code is None:
        hint = "Send the archive in base64 as code.zipFile, or upload it to OSS and name it there."
        raise invalid("code is missing", hint=hint)
    function = replace(new, code=code)
    ref = FunctionRef(function.service, function.name)
    deployed = await call.edit(
        lambda old, now: tags.with_sent(editing.create_function(old, function, now), ref, fields, now)
    )
    return await _answer(call, deployed.functions[function.path])


async def update(call: Call) -> Answer:
    fields, path = call.fields, call.need_function().path
    code = await _code(call)

    def change(old: Function) -> Function:
        new = changed(old, fields)
        return replace(new, code=code) if code else new

    deployed = await call.edit(lambda old, now: editing.update_function(old, path, change, call.check, now))
    return await _answer(call, deployed.functions[path])


async def get(call: Call) -> Answer:
    return await _answer(call, call.need())


async def delete(call: Call) -> Answer:
    path = call.need_function().path
    await call.edit(lambda old, now: editing.delete_function(old, path, call.check, now))
    return Answer(status=204)


async def list_all(call: Call) -> Answer:
    """All of a service, as a version has it if one is named; in FC 3.0 all there are."""
    found = _of_service(call) if call.dialect.has_services else _everywhere(call)

    def name(function: Function) -> str:
        return function.name if call.dialect.has_services else rendering.public_name(function, function.name)

    answer = page("functions", found, call.query, key=name, shown=lambda function: function)
    answer["functions"] = [await _shown(call, function) for function in answer["functions"]]
    return Answer(answer)


def _of_service(call: Call) -> Iterable[Function]:
    deployed, service = call.deployed, call.service
    editing.service_of(deployed, service)
    if call.qualifier == LATEST:
        return [function for function in deployed.functions.values() if function.service == service]
    number = call.qualifier
    if alias := deployed.aliases.get(f"{service}.{number}"):
        number = alias.version
    return publishing.version_of(deployed, version_scope(service, ""), number).functions


def _everywhere(call: Call) -> Iterable[Function]:
    query = call.query
    generation = query.get("fcVersion", "")
    if generation:
        choice(generation, "fcVersion", ("v2", "v3"))
    wanted = tags.wanted_in(query, "tags")
    for function in call.deployed.functions.values():
        is_new = function.service == IMPLICIT_SERVICE
        is_meant = not generation or is_new == (generation.lower() == "v3")
        is_runtime = query.get("runtime") in (None, "", function.runtime)
        is_named = query.get("functionName", "") in function.name
        is_described = query.get("description", "") in function.description
        has_tags = tags.has(call.deployed, FunctionRef(function.service, function.name), wanted)
        if is_meant and is_runtime and is_named and is_described and has_tags:
            yield function


async def get_code(call: Call) -> Answer:
    """Where the code can be fetched for some minutes, and its checksum."""
    digest = call.need().code
    archive = await asyncio.to_thread(call.context.archives.of, digest)
    return Answer({"url": downloads.link(call.context, digest), "checksum": archive.checksum})


def _bare(call: Call, name: str) -> Function:
    """A new function, with what the version of the API gives one by itself."""
    return Function(
        service=call.service,
        name=name,
        runtime="",
        handler="",
        code="",
        timeout_seconds=call.dialect.default_timeout,
    )


async def _code(call: Call) -> str | None:
    """Keep the code that came with a request; its digest, None where there was none."""
    code = call.fields.object("code")
    if code is None:
        return None
    wanted = call.headers.get("X-Fc-Code-Checksum", "") or code.text("checksum")
    text = code.get("zipFile", str)
    if text:
        if len(text) > _MOST_BYTES * 4 // 3 + 4:
            raise InvalidRequest(
                "EntityTooLarge", f"the archive exceeds maximum allowed size ({_MOST_BYTES} bytes)"
            )
        return await asyncio.to_thread(lambda: _keep(call.context, from_base64(text, "code.zipFile"), wanted))
    bucket, key = code.text("ossBucketName"), code.text("ossObjectName")
    if bucket or key:
        return await asyncio.to_thread(
            lambda: _keep(call.context, _stored(call.context, bucket, key), wanted)
        )
    return None


def _keep(context: Context, archive: bytes, wanted: str) -> str:
    if wanted and wanted != crc64(archive):
        raise invalid(f"the CRC-64 of the code is {crc64(archive)}, not {wanted[:40]}")
    return context.archives.add(archive)


def _stored(context: Context, bucket: str, key: str) -> bytes:
    """An archive that was uploaded to OSS before (wire 4)."""
    try:
        return context.objects.read(bucket, key)[1]
    except NotFound as error:
        hint = "Upload the archive to this home's OSS first, or send it in base64 as code.zipFile."
        raise invalid(f"code.ossBucketName and code.ossObjectName: {error.message}", hint=hint) from None


async def _answer(call: Call, function: Function) -> Answer:
    return Answer(await _shown(call, function), headers={"ETag": editing.etag(function)})


async def _shown(call: Call, function: Function) -> rendering.Json:
    size, checksum = await asyncio.to_thread(_measured, call.context.archives, function.code)
    shown = rendering.function(call.dialect, function, (size, checksum), call.arn_prefix)
    if call.dialect.has_services:
        return shown
    ref = FunctionRef(function.service, function.name)
    if found := tags.shown(call.deployed, ref):
        shown["tags"] = found
    if disabled := kept.find(call.deployed, Kind.DISABLED, ref):
        shown["invocationRestriction"] = {
            "disable": True,
            "reason": disabled.content.get("reason", ""),
            "lastModifiedTime": rendering.time(disabled.modified_ms),
        }
    return shown


def _measured(archives: Archives, digest: str) -> tuple[int, str]:
    """Size and checksum of code. A home whose code was lost still shows its functions."""
    try:
        archive = archives.of(digest)
    except FunLocalError:
        return 0, ""
    return archive.bytes, archive.checksum

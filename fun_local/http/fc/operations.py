"""Every operation of the Function Compute API, once: its paths, what it reads, and the function that does it.

The three versions (dialects.py) are served by the same rows. FC 2.0 has functions in services, FC 3.0 has
none: so a row has two paths, either of which may be missing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from fun_local.http.fc import (
    account,
    async_configs,
    domains,
    executions,
    function_fields,
    functions,
    invocations,
    kept_configs,
    services,
    tags,
    triggers,
    versions,
)
from fun_local.http.fc.call import Answer, Call
from fun_local.http.fc.dialects import DIALECTS, Dialect
from fun_local.http.fc.kept_configs import CONCURRENCY, ON_DEMAND, PROVISION, SCALING, Kept

Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Operation:
    """``paths`` are that of FC 2.0 and that of FC 3.0, both below the version; empty: there is none.

    ``name_3`` is FC 3.0's name where it has another one. ``only``: the one version that has it. ``gives`` is
    what a success answers: json, bytes, or nothing.
    """

    name: str
    method: str
    paths: tuple[str, str]
    handle: Handler
    query: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    gives: str = "json"
    name_3: str = ""
    only: str = ""

    def path_in(self, dialect: Dialect) -> str:
        """The whole path in one version; empty where that has no such operation."""
        if self.only and self.only != dialect.version:
            return ""
        path = self.paths[0 if dialect.has_services else 1]
        return f"/{dialect.version}{path}" if path else ""

    async def serve(self, call: Call) -> Answer:
        """The answer, unless what was published is to be changed by an operation that takes no qualifier."""
        if self.method != "GET" and "qualifier" not in self.query:
            call.check_latest()
        return await self.handle(call)

    def name_in(self, dialect: Dialect) -> str:
        return self.name if dialect.has_services else self.name_3 or self.name


def _on_function(path: str) -> tuple[str, str]:
    return f"/services/{{service}}/functions/{{function}}{path}", f"/functions/{{function}}{path}"


def _on_scope(path: str) -> tuple[str, str]:
    """What versions and aliases belong to."""
    return f"/services/{{service}}{path}", f"/functions/{{function}}{path}"


_PAGE = ("limit", "nextToken")
_NAMED_PAGE = (*_PAGE, "prefix", "startKey")
_VERSION_PAGE = (*_PAGE, "startKey", "direction")
_FUNCTION_PAGE = (*_NAMED_PAGE, "qualifier", "fcVersion", "runtime", "functionName", "description", "tags")
_EXECUTION_PAGE = (
    *(*_PAGE, "qualifier", "invocationIdPrefix", "status", "sortOrderByTime"),
    *("startedTimeBegin", "startedTimeEnd", "includePayload"),
)
_QUALIFIER = ("qualifier",)
_IF_MATCH = ("If-Match",)
_CODE_CHECKSUM = ("X-Fc-Code-Checksum",)

_SERVICES = ("/services", "")
_SERVICE = ("/services/{service}", "")
_FUNCTIONS = ("/services/{service}/functions", "/functions")
_FUNCTION = _on_function("")
_INVOCATIONS = _on_function("/invocations")
_VERSIONS = _on_scope("/versions")
_VERSION = _on_scope("/versions/{version}")
_ALIASES = _on_scope("/aliases")
_ALIAS = _on_scope("/aliases/{alias}")
_TRIGGERS = _on_function("/triggers")
_TRIGGER = _on_function("/triggers/{trigger}")
_CONFIG = _on_function("/async-invoke-config")
_CONFIGS = (f"{_CONFIG[0]}s", "/async-invoke-configs")
_EXECUTIONS = (_on_function("/stateful-async-invocations")[0], _on_function("/async-tasks")[1])
_EXECUTION = (f"{_EXECUTIONS[0]}/{{id}}", f"{_EXECUTIONS[1]}/{{id}}")
_STOP = (_EXECUTION[0], f"{_EXECUTION[1]}/stop")

_SERVICE_FIELDS = (*services.READ, *services.KEPT)
_FUNCTION_FIELDS = (*function_fields.READ, *function_fields.KEPT)

_ON_SERVICES = (
    Operation("CreateService", "POST", _SERVICES, services.create, fields=_SERVICE_FIELDS),
    Operation("ListServices", "GET", _SERVICES, services.list_all, _NAMED_PAGE),
    Operation("GetService", "GET", _SERVICE, services.get, _QUALIFIER),
    Operation("UpdateService", "PUT", _SERVICE, services.update, (), _SERVICE_FIELDS, _IF_MATCH),
    Operation("DeleteService", "DELETE", _SERVICE, services.delete, headers=_IF_MATCH, gives="nothing"),
)

_ON_FUNCTIONS = (
    Operation("CreateFunction", "POST", _FUNCTIONS, functions.create, (), _FUNCTION_FIELDS, _CODE_CHECKSUM),
    Operation("ListFunctions", "GET", _FUNCTIONS, functions.list_all, _FUNCTION_PAGE),
    Operation("GetFunction", "GET", _FUNCTION, functions.get, _QUALIFIER),
    Operation(
        *("UpdateFunction", "PUT", _FUNCTION, functions.update),
        fields=_FUNCTION_FIELDS,
        headers=(*_CODE_CHECKSUM, *_IF_MATCH),
    ),
    Operation("DeleteFunction", "DELETE", _FUNCTION, functions.delete, headers=_IF_MATCH, gives="nothing"),
    Operation("GetFunctionCode", "GET", _on_function("/code"), functions.get_code, _QUALIFIER),
    Operation(
        *("InvokeFunction", "POST", _INVOCATIONS, invocations.invoke, _QUALIFIER),
        headers=invocations.REQUEST_HEADERS,
        gives="bytes",
    ),
)

_ON_VERSIONS = (
    Operation(
        *("PublishServiceVersion", "POST", _VERSIONS, versions.publish, (), ("description",), _IF_MATCH),
        name_3="PublishFunctionVersion",
    ),
    Operation(
        *("ListServiceVersions", "GET", _VERSIONS, versions.list_versions, _VERSION_PAGE),
        name_3="ListFunctionVersions",
    ),
    Operation(
        *("DeleteServiceVersion", "DELETE", _VERSION, versions.delete_version),
        gives="nothing",
        name_3="DeleteFunctionVersion",
    ),
    Operation("CreateAlias", "POST", _ALIASES, versions.create_alias, fields=versions.ALIAS_FIELDS),
    Operation("ListAliases", "GET", _ALIASES, versions.list_aliases, _NAMED_PAGE),
    Operation("GetAlias", "GET", _ALIAS, versions.get_alias),
    Operation("UpdateAlias", "PUT", _ALIAS, versions.update_alias, (), versions.ALIAS_FIELDS[1:], _IF_MATCH),
    Operation("DeleteAlias", "DELETE", _ALIAS, versions.delete_alias, headers=_IF_MATCH, gives="nothing"),
)

_ON_TRIGGERS = (
    Operation("CreateTrigger", "POST", _TRIGGERS, triggers.create, fields=triggers.FIELDS),
    Operation("ListTriggers", "GET", _TRIGGERS, triggers.list_all, _NAMED_PAGE),
    Operation("GetTrigger", "GET", _TRIGGER, triggers.get),
    Operation("UpdateTrigger", "PUT", _TRIGGER, triggers.update, (), triggers.FIELDS[2:], _IF_MATCH),
    Operation("DeleteTrigger", "DELETE", _TRIGGER, triggers.delete, headers=_IF_MATCH, gives="nothing"),
)

_ON_EXECUTIONS = (
    Operation(
        *("PutFunctionAsyncInvokeConfig", "PUT", _CONFIG, async_configs.put, _QUALIFIER),
        fields=async_configs.FIELDS,
        name_3="PutAsyncInvokeConfig",
    ),
    Operation(
        *("GetFunctionAsyncInvokeConfig", "GET", _CONFIG, async_configs.get, _QUALIFIER),
        name_3="GetAsyncInvokeConfig",
    ),
    Operation(
        *("DeleteFunctionAsyncInvokeConfig", "DELETE", _CONFIG, async_configs.delete, _QUALIFIER),
        gives="nothing",
        name_3="DeleteAsyncInvokeConfig",
    ),
    Operation(
        *("ListFunctionAsyncInvokeConfigs", "GET", _CONFIGS, async_configs.list_all),
        query=(*_PAGE, "functionName"),
        name_3="ListAsyncInvokeConfigs",
    ),
    Operation(
        *("ListStatefulAsyncInvocations", "GET", _EXECUTIONS, executions.list_all, _EXECUTION_PAGE),
        name_3="ListAsyncTasks",
    ),
    Operation(
        *("GetStatefulAsyncInvocation", "GET", _EXECUTION, executions.get, _QUALIFIER),
        name_3="GetAsyncTask",
    ),
    Operation(
        *("StopStatefulAsyncInvocation", "PUT", _STOP, executions.stop, _QUALIFIER),
        name_3="StopAsyncTask",
    ),
    Operation(
        *("ListStatefulAsyncInvocationFunctions", "GET", ("/stateful-async-invocation-functions", "")),
        handle=executions.list_functions,
        query=_PAGE,
    ),
)


def _nothing(name: str, paths: tuple[str, str], key: str, *, only: str = "") -> Operation:
    return Operation(name, "GET", paths, account.nothing(key), _PAGE, only=only)


_CAPACITIES = ("ListReservedCapacities", "reservedCapacities")
_ON_ACCOUNT = (
    Operation("GetAccountSettings", "GET", ("/account-settings", ""), account.settings),
    Operation("GetAccountConfigs", "GET", ("/accountConfigs", ""), account.configs, only="2016-08-15"),
    Operation("DescribeRegions", "GET", ("/regions", "/regions"), account.regions),
    _nothing("ListLayers", ("/layers", "/layers"), "layers"),
    # Spelled differently in the two versions that have it.
    _nothing(_CAPACITIES[0], ("/reservedCapacities", ""), _CAPACITIES[1], only="2016-08-15"),
    _nothing(_CAPACITIES[0], ("/reserved-capacities", ""), _CAPACITIES[1], only="2021-04-06"),
)


def _kept(
    name: str, what: Kept, paths: tuple[str, str], *, can_be_deleted: tuple[bool, bool]
) -> list[Operation]:
    """To put, get and delete what is kept; the last where FC 2.0 and FC 3.0 can do that."""
    query = _QUALIFIER if what.has_qualifier else ()
    old, new = (path if can else "" for path, can in zip(paths, can_be_deleted, strict=True))
    return [
        Operation(f"Put{name}", "PUT", paths, kept_configs.put(what), query, what.fields),
        Operation(f"Get{name}", "GET", paths, kept_configs.get(what), query),
        Operation(f"Delete{name}", "DELETE", (old, new), kept_configs.delete(what), query, gives="nothing"),
    ]


def _list_kept(name: str, what: Kept, paths: tuple[str, str]) -> Operation:
    query = (*_PAGE, "serviceName", "functionName", "qualifier")
    return Operation(f"List{name}s", "GET", paths, kept_configs.list_all(what), query)


_IN_2, _IN_3 = (True, False), (False, True)
_PROVISION = _on_function("/provision-config")
_ON_DEMAND = (_on_function("/on-demand-config")[0], "")
_SCALING = ("", _on_function("/scaling-config")[1])
_CONCURRENCY = ("", _on_function("/concurrency")[1])
_ON_SETTINGS = (
    *_kept("ProvisionConfig", PROVISION, _PROVISION, can_be_deleted=_IN_3),
    _list_kept("ProvisionConfig", PROVISION, ("/provision-configs", "/provision-configs")),
    *_kept("FunctionOnDemandConfig", ON_DEMAND, _ON_DEMAND, can_be_deleted=_IN_2),
    _list_kept("OnDemandConfig", ON_DEMAND, ("/on-demand-configs", "")),
    *_kept("ScalingConfig", SCALING, _SCALING, can_be_deleted=_IN_3),
    _list_kept("ScalingConfig", SCALING, ("", "/scaling-configs")),
    *_kept("ConcurrencyConfig", CONCURRENCY, _CONCURRENCY, can_be_deleted=_IN_3),
    _list_kept("ConcurrencyConfig", CONCURRENCY, ("", "/concurrency-configs")),
    Operation(
        *("DisableFunctionInvocation", "POST", ("", _on_function("/invoke/disable")[1])),
        handle=kept_configs.disable,
        fields=("reason", "abortOngoingRequest"),
    ),
    Operation(
        *("EnableFunctionInvocation", "POST", ("", _on_function("/invoke/enable")[1])),
        handle=kept_configs.enable,
    ),
    Operation("TagResource", "POST", ("/tag", ""), tags.tag, fields=tags.FIELDS),
    Operation("GetResourceTags", "GET", ("/tag", ""), tags.get, ("resourceArn",)),
    Operation("UntagResource", "PUT", ("/tag", ""), tags.untag, fields=tags.REMOVED_FIELDS),
    # As the clients of 2016 ask for it.
    Operation("DeleteResourceTags", "DELETE", ("/tag", ""), tags.untag, fields=tags.REMOVED_FIELDS),
    Operation("TagResources", "POST", ("", "/tags-v2"), tags.tag_all, fields=tags.LIST_FIELDS),
    Operation(
        *("ListTagResources", "GET", ("", "/tags-v2"), tags.list_all),
        query=("ResourceId", "ResourceType", "Tag", "Limit", "NextToken"),
    ),
    Operation(
        *("UntagResources", "DELETE", ("", "/tags-v2"), tags.untag_all),
        query=("ResourceId", "ResourceType", "TagKey", "All"),
        gives="nothing",
    ),
)

_DOMAINS = ("/custom-domains", "/custom-domains")
_DOMAIN = ("/custom-domains/{domain}", "/custom-domains/{domain}")
_ON_DOMAINS = (
    Operation("CreateCustomDomain", "POST", _DOMAINS, domains.create, fields=domains.FIELDS),
    Operation("ListCustomDomains", "GET", _DOMAINS, domains.list_all, _NAMED_PAGE),
    Operation("GetCustomDomain", "GET", _DOMAIN, domains.get),
    Operation("UpdateCustomDomain", "PUT", _DOMAIN, domains.update, fields=domains.FIELDS[1:]),
    Operation("DeleteCustomDomain", "DELETE", _DOMAIN, domains.delete, gives="nothing"),
)

OPERATIONS = (
    *_ON_SERVICES,
    *_ON_FUNCTIONS,
    *_ON_VERSIONS,
    *_ON_TRIGGERS,
    *_ON_EXECUTIONS,
    *_ON_ACCOUNT,
    *_ON_SETTINGS,
    *_ON_DOMAINS,
)


def rows() -> Iterator[tuple[Dialect, Operation, str]]:
    """Every operation of every version, with its path there."""
    for dialect in DIALECTS:
        for operation in OPERATIONS:
            if path := operation.path_in(dialect):
                yield dialect, operation, path

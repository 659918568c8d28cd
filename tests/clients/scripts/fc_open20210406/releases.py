"""Versions, aliases, asynchronous configurations and triggers with `alibabacloud-fc-open20210406`."""

import json

from alibabacloud_fc_open20210406 import models
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_util.models import RuntimeOptions
from claims import claim, refused, run
from laptop import function, here, invoke, record, start


def publish(name, description=""):
    request = models.PublishServiceVersionRequest(description=description)
    return here.publish_service_version(name, request).body.version_id


def configured(names, **fields):
    return here.put_function_async_invoke_config(
        *names, models.PutFunctionAsyncInvokeConfigRequest(**fields)
    ).body


@claim
def a_version_stays_as_it_was_published():
    names = function(environment_variables={"STATE": "old"})
    assert publish(names[0], "the first") == "1"
    new = models.UpdateFunctionRequest(environment_variables={"STATE": "new"})
    here.update_function(*names, new)
    assert invoke(names, b"environment STATE", "1").body == b'"old"'
    assert invoke(names, b"environment STATE").body == b'"new"'
    found = here.list_service_versions(names[0], models.ListServiceVersionsRequest()).body.versions
    assert [(one.version_id, one.description) for one in found] == [("1", "the first")]


@claim
def an_alias_leads_to_its_version_until_it_is_moved():
    names = function()
    publish(names[0])
    here.update_function(*names, models.UpdateFunctionRequest(description="second"))
    publish(names[0])
    request = models.CreateAliasRequest(
        alias_name="prod", version_id="1", description="live", additional_version_weight={"2": 0.25}
    )
    made = here.create_alias(names[0], request).body
    assert (made.alias_name, made.version_id, made.additional_version_weight) == ("prod", "1", {"2": 0.25})
    moved = here.update_alias(
        names[0], "prod", models.UpdateAliasRequest(version_id="2", additional_version_weight={})
    ).body
    assert (moved.version_id, moved.description) == ("2", "live")
    assert here.get_alias(names[0], "prod").body.version_id == "2"
    assert json.loads(invoke(names, b"where", "prod").body)[2] == "prod"
    found = here.list_aliases(names[0], models.ListAliasesRequest()).body.aliases
    assert [one.alias_name for one in found] == ["prod"]


@claim
def an_alias_that_gives_all_calls_to_its_second_version_runs_that():
    names = function(environment_variables={"STATE": "old"})
    publish(names[0])
    here.update_function(*names, models.UpdateFunctionRequest(environment_variables={"STATE": "new"}))
    publish(names[0])
    weights = {"2": 1.0}
    request = models.CreateAliasRequest(alias_name="prod", version_id="1", additional_version_weight=weights)
    made = here.create_alias(names[0], request)
    assert {invoke(names, b"environment STATE", "prod").body for _ in range(5)} == {b'"new"'}
    stale = models.UpdateAliasHeaders(if_match="no longer")
    change = models.UpdateAliasRequest(description="x")
    error = refused(
        ClientException,
        lambda: here.update_alias_with_options(names[0], "prod", change, stale, RuntimeOptions()),
    )
    assert (error.status_code, error.code) == (412, "PreconditionFailed")
    fresh = models.UpdateAliasHeaders(if_match=made.headers["etag"])
    assert (
        here.update_alias_with_options(names[0], "prod", change, fresh, RuntimeOptions()).status_code == 200
    )


@claim
def what_is_published_is_not_changed_by_naming_it():
    names = function()
    publish(names[0])
    version = f"{names[0]}.1"
    for call in (
        lambda: here.delete_function(version, names[1]),
        lambda: here.update_function(version, names[1], models.UpdateFunctionRequest(description="x")),
        lambda: here.delete_service(version),
    ):
        error = refused(ClientException, call)
        assert (error.status_code, error.code) == (400, "InvalidArgument"), error
    assert here.get_function(*names, models.GetFunctionRequest()).status_code == 200


@claim
def what_an_alias_needs_is_not_deleted():
    name = function()[0]
    publish(name)
    here.create_alias(name, models.CreateAliasRequest(alias_name="prod", version_id="1"))
    assert refused(ClientException, lambda: here.delete_service_version(name, "1")).status_code in (400, 409)
    here.delete_alias(name, "prod")
    assert here.delete_service_version(name, "1").status_code == 204
    assert refused(ClientException, lambda: here.get_alias(name, "prod")).code == "AliasNotFound"


@claim
def an_asynchronous_configuration_comes_back_as_it_was_put():
    names = function()
    queue = "acs:mns:::/queues/letters/messages"
    configured(
        names,
        stateful_invocation=True,
        max_async_retry_attempts=2,
        max_async_event_age_in_seconds=600,
        destination_config=models.DestinationConfig(on_failure=models.Destination(destination=queue)),
    )

    def get():
        request = models.GetFunctionAsyncInvokeConfigRequest()
        return here.get_function_async_invoke_config(*names, request).body

    found = get()
    assert (found.service, found.function, found.qualifier) == (*names, "LATEST")
    assert (found.stateful_invocation, found.max_async_retry_attempts) == (True, 2)
    assert found.max_async_event_age_in_seconds == 600
    assert found.destination_config.on_failure.destination == queue
    assert not found.destination_config.on_success
    listed = here.list_function_async_invoke_configs(*names, models.ListFunctionAsyncInvokeConfigsRequest())
    assert len(listed.body.configs) == 1
    here.delete_function_async_invoke_config(*names, models.DeleteFunctionAsyncInvokeConfigRequest())
    assert refused(ClientException, get).code == "AsyncConfigNotExists"
    assert refused(ClientException, lambda: configured(names, max_async_retry_attempts=9)).status_code == 400


@claim
def an_alias_has_a_configuration_of_its_own():
    names = function()
    publish(names[0])
    here.create_alias(names[0], models.CreateAliasRequest(alias_name="prod", version_id="1"))
    configured(names, qualifier="prod", stateful_invocation=True, max_async_retry_attempts=0)
    found = record(names, start(names, b"x", qualifier="prod"), "Succeeded")
    assert found.qualifier == "prod"
    answer = invoke(names, b"x", x_fc_invocation_type="Async")
    assert "x-fc-stateful-async-invocation-id" not in answer.headers


@claim
def triggers_come_back_as_they_were_made_and_changed():
    names = function()
    config = {"payload": "tick", "cronExpression": "@every 60m", "enable": False}
    request = models.CreateTriggerRequest(
        trigger_name="clock", trigger_type="timer", trigger_config=json.dumps(config), qualifier="LATEST"
    )
    made = here.create_trigger(*names, request).body
    assert (made.trigger_name, json.loads(made.trigger_config)) == ("clock", config)
    web = json.dumps({"authType": "anonymous", "methods": ["GET"]})
    here.create_trigger(
        *names, models.CreateTriggerRequest(trigger_name="web", trigger_type="http", trigger_config=web)
    )
    config["payload"] = "tock"
    here.update_trigger(*names, "clock", models.UpdateTriggerRequest(trigger_config=json.dumps(config)))
    assert json.loads(here.get_trigger(*names, "clock").body.trigger_config) == config
    found = here.list_triggers(*names, models.ListTriggersRequest()).body.triggers
    assert [(one.trigger_name, one.trigger_type) for one in found] == [("clock", "timer"), ("web", "http")]
    for name in ("clock", "web"):
        assert here.delete_trigger(*names, name).status_code == 204
    assert refused(ClientException, lambda: here.get_trigger(*names, "web")).code == "TriggerNotFound"


run()

"""Versions, aliases, asynchronous configurations and triggers with `alibabacloud-fc20230330`."""

import json

from alibabacloud_fc20230330 import models
from alibabacloud_tea_openapi.exceptions import ClientException
from claims import claim, refused, run
from laptop import configure, function, here, invoke, result, start, task, update


def publish(name, description=""):
    body = models.PublishVersionInput(description=description)
    return here.publish_function_version(
        name, models.PublishFunctionVersionRequest(body=body)
    ).body.version_id


def alias(name, version, **fields):
    body = models.CreateAliasInput(alias_name="prod", version_id=version, **fields)
    return here.create_alias(name, models.CreateAliasRequest(body=body)).body


def trigger(name, trigger_name, kind, config):
    body = models.CreateTriggerInput(
        trigger_name=trigger_name, trigger_type=kind, trigger_config=json.dumps(config)
    )
    return here.create_trigger(name, models.CreateTriggerRequest(body=body)).body


@claim
def a_version_stays_as_it_was_published():
    name = function(environment_variables={"STATE": "old"})
    assert publish(name, "the first") == "1"
    update(name, environment_variables={"STATE": "new"})
    assert result(name, b"environment STATE", "1") == b'"old"'
    assert result(name, b"environment STATE") == b'"new"'
    found = here.list_function_versions(name, models.ListFunctionVersionsRequest()).body.versions
    assert [(one.version_id, one.description) for one in found] == [("1", "the first")]


@claim
def an_alias_leads_to_its_version_until_it_is_moved():
    name = function()
    publish(name)
    update(name, description="second")
    publish(name)
    made = alias(name, "1", description="live", additional_version_weight={"2": 0.25})
    assert (made.alias_name, made.version_id, made.additional_version_weight) == ("prod", "1", {"2": 0.25})
    body = models.UpdateAliasInput(version_id="2", additional_version_weight={})
    moved = here.update_alias(name, "prod", models.UpdateAliasRequest(body=body)).body
    assert (moved.version_id, moved.description) == ("2", "live")
    assert here.get_alias(name, "prod").body.version_id == "2"
    assert json.loads(result(name, b"where", "prod"))[2] == "prod"
    found = here.list_aliases(name, models.ListAliasesRequest()).body.aliases
    assert [one.alias_name for one in found] == ["prod"]


@claim
def what_an_alias_needs_is_not_deleted():
    name = function()
    publish(name)
    alias(name, "1")
    assert refused(ClientException, lambda: here.delete_function_version(name, "1")).status_code in (400, 409)
    assert here.delete_alias(name, "prod").status_code == 204
    assert here.delete_function_version(name, "1").status_code == 204
    assert refused(ClientException, lambda: here.get_alias(name, "prod")).code == "AliasNotFound"


@claim
def an_asynchronous_configuration_comes_back_as_it_was_put():
    name = function()
    queue = "acs:mns:::/queues/letters/messages"
    configure(
        name,
        async_task=True,
        max_async_retry_attempts=2,
        max_async_event_age_in_seconds=600,
        destination_config=models.DestinationConfig(on_failure=models.Destination(destination=queue)),
    )

    def get():
        return here.get_async_invoke_config(name, models.GetAsyncInvokeConfigRequest()).body

    found = get()
    assert (found.async_task, found.max_async_retry_attempts) == (True, 2)
    assert found.max_async_event_age_in_seconds == 600
    assert found.destination_config.on_failure.destination == queue
    request = models.ListAsyncInvokeConfigsRequest(function_name=name)
    assert len(here.list_async_invoke_configs(request).body.configs) == 1
    here.delete_async_invoke_config(name, models.DeleteAsyncInvokeConfigRequest())
    assert refused(ClientException, get).code == "AsyncConfigNotExists"
    assert refused(ClientException, lambda: configure(name, max_async_retry_attempts=9)).status_code == 400


@claim
def an_alias_has_a_configuration_of_its_own():
    name = function()
    publish(name)
    alias(name, "1")
    configure(name, "prod", async_task=True, max_async_retry_attempts=0)
    assert task(name, start(name, b"x", qualifier="prod"), "Succeeded").qualifier == "prod"
    answer = invoke(name, b"x", x_fc_invocation_type="Async")
    assert "x-fc-async-task-id" not in answer.headers


@claim
def triggers_come_back_as_they_were_made_and_changed():
    name = function()
    config = {"payload": "tick", "cronExpression": "@every 60m", "enable": False}
    made = trigger(name, "clock", "timer", config)
    assert (made.trigger_name, json.loads(made.trigger_config)) == ("clock", config)
    trigger(name, "web", "http", {"authType": "anonymous", "methods": ["GET"]})
    config["payload"] = "tock"
    body = models.UpdateTriggerInput(trigger_config=json.dumps(config))
    here.update_trigger(name, "clock", models.UpdateTriggerRequest(body=body))
    assert json.loads(here.get_trigger(name, "clock").body.trigger_config) == config
    found = here.list_triggers(name, models.ListTriggersRequest()).body.triggers
    assert [(one.trigger_name, one.trigger_type) for one in found] == [("clock", "timer"), ("web", "http")]
    for trigger_name in ("clock", "web"):
        assert here.delete_trigger(name, trigger_name).status_code == 204
    assert refused(ClientException, lambda: here.get_trigger(name, "web")).code == "TriggerNotFound"


run()

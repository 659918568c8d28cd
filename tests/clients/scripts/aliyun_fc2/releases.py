"""Versions, aliases, asynchronous configurations and triggers with `aliyun-fc2`."""

import json

import fc2
from claims import claim, refused, run
from laptop import function, here, start, stateful


@claim
def a_version_stays_as_it_was_published():
    names = function()
    here.update_function(*names, environmentVariables={"STATE": "old"})
    version = here.publish_version(names[0], "the first").data["versionId"]
    assert version == "1"
    here.update_function(*names, environmentVariables={"STATE": "new"})

    def read(qualifier):
        return here.invoke_function(*names, b"environment STATE", qualifier=qualifier).data

    assert (read("1"), read("LATEST"), read(None)) == (b'"old"', b'"new"', b'"new"')
    found = here.list_versions(names[0]).data["versions"]
    assert [(one["versionId"], one["description"]) for one in found] == [("1", "the first")]


@claim
def nothing_new_is_not_published_again():
    name = function()[0]
    here.publish_version(name)
    assert refused(fc2.FcError, lambda: here.publish_version(name)).status_code in (400, 409)


@claim
def an_alias_leads_to_its_version_until_it_is_moved():
    names = function()
    here.publish_version(names[0])
    here.update_function(*names, description="second")
    here.publish_version(names[0])
    made = here.create_alias(names[0], "prod", "1", description="live").data
    assert (made["aliasName"], made["versionId"], made["description"]) == ("prod", "1", "live")
    assert here.get_function(*names, qualifier="prod").data["description"] != "second"
    here.update_alias(names[0], "prod", "2")
    assert here.get_alias(names[0], "prod").data["versionId"] == "2"
    assert json.loads(here.invoke_function(*names, b"where", qualifier="prod").data)[2] == "prod"
    assert [one["aliasName"] for one in here.list_aliases(names[0]).data["aliases"]] == ["prod"]


@claim
def what_an_alias_needs_is_not_deleted():
    name = function()[0]
    here.publish_version(name)
    here.create_alias(name, "prod", "1")
    error = refused(fc2.FcError, lambda: here.create_alias(name, "prod", "1"))
    assert (error.status_code, error.err_code) == (409, "AliasAlreadyExists")
    assert refused(fc2.FcError, lambda: here.delete_version(name, "1")).status_code in (400, 409)
    here.delete_alias(name, "prod")
    here.delete_version(name, "1")
    assert here.list_versions(name).data["versions"] == []


@claim
def an_alias_of_a_missing_version_is_refused():
    error = refused(fc2.FcError, lambda: here.create_alias(function()[0], "prod", "9"))
    assert (error.status_code, error.err_code) == (404, "VersionNotFound")


@claim
def an_asynchronous_configuration_comes_back_as_it_was_put():
    service, name = function()
    config = {
        "maxAsyncRetryAttempts": 2,
        "maxAsyncEventAgeInSeconds": 600,
        "statefulInvocation": True,
        "destinationConfig": {"onFailure": {"destination": "acs:mns:::/queues/letters/messages"}},
    }
    here.put_function_async_invoke_config(service, "LATEST", name, config)
    found = here.get_function_async_invoke_config(service, "LATEST", name).data
    assert {key: found[key] for key in config} == config
    assert (found["service"], found["function"], found["qualifier"]) == (service, name, "LATEST")
    assert len(here.list_function_async_invoke_configs(service, name).data["configs"]) == 1
    here.delete_function_async_invoke_config(service, "LATEST", name)
    error = refused(fc2.FcError, lambda: here.get_function_async_invoke_config(service, "LATEST", name))
    assert (error.status_code, error.err_code) == (404, "AsyncConfigNotExists")


@claim
def a_configuration_out_of_bounds_is_refused_and_named():
    service, name = function()
    for field, value in (("maxAsyncRetryAttempts", 9), ("maxAsyncEventAgeInSeconds", 2_592_001)):
        put = here.put_function_async_invoke_config
        error = refused(fc2.FcError, put, service, "LATEST", name, {field: value})
        assert error.status_code == 400 and field in error.message, error


@claim
def a_trigger_comes_back_as_it_was_made_and_changed():
    names = function()
    config = {"payload": "tick", "cronExpression": "@every 60m", "enable": False}
    made = here.create_trigger(*names, "clock", "timer", config, "", "").data
    assert (made["triggerName"], made["triggerType"], made["triggerConfig"]) == ("clock", "timer", config)
    changed = here.update_trigger(*names, "clock", {**config, "payload": "tock"}).data
    assert changed["triggerConfig"]["payload"] == "tock"
    assert here.get_trigger(*names, "clock").data["triggerId"] == made["triggerId"]
    assert [one["triggerName"] for one in here.list_triggers(*names).data["triggers"]] == ["clock"]
    assert refused(fc2.FcError, lambda: here.delete_function(*names)).err_code == "FunctionNotEmpty"
    here.delete_trigger(*names, "clock")
    here.delete_function(*names)


@claim
def a_timer_that_can_never_fire_is_refused():
    config = {"payload": "", "cronExpression": "every day", "enable": True}
    wanted = (*function(), "clock", "timer", config, "", "")
    assert refused(fc2.FcError, here.create_trigger, *wanted).status_code == 400


@claim
def an_invocation_through_an_alias_obeys_the_configuration_of_the_alias():
    service, name = stateful()
    here.publish_version(service)
    here.create_alias(service, "prod", "1")
    put = {"statefulInvocation": True, "maxAsyncRetryAttempts": 0}
    here.put_function_async_invoke_config(service, "prod", name, put)
    start((f"{service}.prod", name), b"through the alias")
    found = here.list_function_async_invoke_configs(service, name).data["configs"]
    assert sorted(config["qualifier"] for config in found) == ["LATEST", "prod"]


run()

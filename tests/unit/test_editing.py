"""One change at a time: what the operations of the API make of what is deployed."""

import pytest

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.model import editing, publishing
from fun_local.model.deployed import Deployed
from fun_local.model.names import FunctionRef
from fun_local.model.resources import Alias, AsyncConfig, Function, Service, Trigger

NOW = 1_700_000_000_000


def fn(name="f", service="s", **fields):
    return Function(service, name, "python3", "i.h", "code", **fields)


@pytest.fixture
def deployed():
    with_service = editing.create_service(Deployed(), Service("s", stack=""), NOW)
    return editing.create_function(with_service, fn(), NOW)


def test_a_change_leaves_what_was_deployed_alone(deployed):
    before = deployed.functions["s/f"]
    after = editing.update_function(
        deployed, "s/f", lambda old: fn(description="new"), editing.unchecked, NOW + 1
    )
    assert deployed.functions["s/f"] is before
    assert after.functions["s/f"].description == "new"


def test_a_change_is_noted_with_its_time(deployed):
    assert deployed.functions["s/f"].created_ms == NOW
    after = editing.update_service(deployed, "s", lambda old: old, editing.unchecked, NOW + 7)
    assert (after.services["s"].created_ms, after.services["s"].modified_ms) == (NOW, NOW + 7)


def test_a_resource_stays_its_stacks(deployed):
    owned = editing.update_function(deployed, "s/f", lambda old: fn(stack="shop"), editing.unchecked, NOW)
    changed = editing.update_function(
        owned, "s/f", lambda old: fn(stack=old.stack, description="d"), editing.unchecked, NOW
    )
    assert changed.functions["s/f"].stack == "shop"


def test_the_tag_changes_with_every_change_and_only_then(deployed):
    service = deployed.services["s"]
    assert editing.etag(service) == editing.etag(Service.from_dict(service.to_dict()))
    later = editing.update_service(deployed, "s", lambda old: old, editing.unchecked, NOW + 1)
    assert editing.etag(later.services["s"]) != editing.etag(service)


def test_a_check_that_fails_prevents_the_change(deployed):
    def refuse(_):
        raise Conflict("PreconditionFailed", "no")

    for change in (
        lambda: editing.update_service(deployed, "s", lambda old: old, refuse, NOW),
        lambda: editing.delete_service(deployed, "s", refuse, NOW),
        lambda: editing.update_function(deployed, "s/f", lambda old: old, refuse, NOW),
        lambda: editing.delete_function(deployed, "s/f", refuse, NOW),
    ):
        with pytest.raises(Conflict, match="no"):
            change()


def test_with_a_function_go_the_configurations_of_its_qualifiers(deployed):
    published = publishing.publish(deployed, "s", "", NOW)
    aliased = publishing.create_alias(published, Alias("s", "prod", "1"), NOW)
    ref = FunctionRef("s", "f", "prod")
    configured = editing.put_async_config(aliased, ref, {"statefulInvocation": True}, NOW)
    assert configured.async_config(ref).stateful
    gone = publishing.delete_alias(configured, "s", "prod", editing.unchecked, NOW)
    assert gone.async_configs == {}


def test_with_a_function_of_fc_3_go_its_versions_and_aliases():
    created = editing.create_function(Deployed(), fn(service="_default"), NOW)
    published = publishing.publish(created, "_default/f", "", NOW)
    aliased = publishing.create_alias(published, Alias("_default/f", "prod", "1"), NOW)
    gone = editing.delete_function(aliased, "_default/f", editing.unchecked, NOW)
    assert (gone.functions, gone.versions, gone.aliases) == ({}, {}, {})


def test_the_service_of_functions_without_one_can_not_be_published():
    created = editing.create_function(Deployed(), fn(service="_default"), NOW)
    with pytest.raises(InvalidRequest, match="one by one"):
        publishing.publish(created, "_default", "", NOW)


@pytest.mark.parametrize("weights", [{"2": 1.5}, {"2": -0.1}, {"2": 0.6, "3": 0.6}, {"2": float("nan")}])
def test_shares_that_do_not_add_up_are_refused(deployed, weights):
    for number in range(3):
        deployed = editing.update_service(
            deployed, "s", lambda old, n=number: Service("s", description=str(n)), editing.unchecked, NOW
        )
        deployed = publishing.publish(deployed, "s", "", NOW)
    with pytest.raises(InvalidRequest):
        publishing.create_alias(deployed, Alias("s", "a", "1", additional_weights=weights), NOW)


def test_what_a_trigger_leads_to_is_not_deleted(deployed):
    published = publishing.publish(deployed, "s", "", NOW)
    aliased = publishing.create_alias(published, Alias("s", "prod", "1"), NOW)
    for qualifier, delete in (
        ("1", lambda there: publishing.delete_version(there, "s", "1", NOW)),
        ("prod", lambda there: publishing.delete_alias(there, "s", "prod", editing.unchecked, NOW)),
    ):
        started = editing.create_trigger(aliased, Trigger("s", "f", "t", "http", qualifier=qualifier), NOW)
        with pytest.raises(Conflict, match="trigger 't' leads to it"):
            delete(started)


def test_a_configuration_made_elsewhere_is_added_to(deployed):
    ref = FunctionRef("s", "f")
    made = editing.update_function(
        deployed, "s/f", lambda old: fn(async_config=AsyncConfig(max_retries=5)), editing.unchecked, NOW
    )
    put = editing.put_async_config(made, ref, {"statefulInvocation": True}, NOW)
    config = put.async_config(ref)
    assert (config.max_retries, config.stateful) == (5, True)
    assert config.written == {**AsyncConfig(max_retries=5).to_dict(), "statefulInvocation": True}


def test_taking_away_a_configuration_that_is_not_there_changes_nothing(deployed):
    assert editing.delete_async_config(deployed, FunctionRef("s", "f"), NOW) is deployed
    with pytest.raises(NotFound):
        editing.delete_async_config(deployed, FunctionRef("s", "g"), NOW)

"""What a deploy or a removal makes of what is there."""

from dataclasses import replace

import pytest

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.model.changes import Change, Mns
from fun_local.model.deployed import Deployed
from fun_local.model.deploying import plan, removal, with_async_config
from fun_local.model.names import FunctionRef
from fun_local.model.resources import (
    Alias,
    AsyncConfig,
    Call,
    Domain,
    Function,
    Publication,
    Queue,
    Resources,
    Service,
    Subscription,
    Topic,
    Trigger,
)


def function(service, name, **options):
    return Function(service, name, "python3", "index.handler", "0", **options)


A = Service("a")
B = Service("b")
A_MAIN = function("a", "main", async_config=AsyncConfig(max_retries=1, stateful=True))
A_OTHER = function("a", "other")
B_MAIN = function("b", "main")
TIMER = Trigger("a", "main", "tick", "timer", {"cronExpression": "@every 1m"})

EMPTY = Deployed()
NO_MNS = Mns()
KINDS = {
    "services": Service,
    "functions": Function,
    "queues": Queue,
    "triggers": Trigger,
    "publications": Publication,
    "aliases": Alias,
    "topics": Topic,
    "subscriptions": Subscription,
    "domains": Domain,
    "calls": Call,
}


def wanted(*items, **rest):
    kinds = {name: tuple(item for item in items if isinstance(item, kind)) for name, kind in KINDS.items()}
    return Resources(**kinds, **rest)


def planned(*items, stack="one", base=EMPTY, mns=NO_MNS, now_ms=1, **options):
    return plan(base, mns, stack, wanted(*items), now_ms=now_ms, **options)


def deployed(*items, **options):
    return planned(*items, **options).deployed


def actions(found):
    return {change.resource: change.action for change in found.changes}


# --- services and functions


def test_a_first_deploy_adds_everything():
    found = planned(A, A_MAIN)
    assert found.changes == (Change("a", "Service", "Add"), Change("a/main", "Function", "Add"))
    assert {f.stack for f in found.deployed.functions.values()} == {"one"}
    assert not found.is_unchanged


def test_the_same_again_changes_nothing():
    first = deployed(A, A_MAIN)
    again = planned(A, A_MAIN, base=first, now_ms=2)
    assert set(actions(again).values()) == {"Unchanged"}
    assert again.is_unchanged and again.deployed == first


def test_a_change_names_the_properties_that_differ():
    first = deployed(A, A_MAIN)
    changed = replace(A_MAIN, timeout_seconds=9, async_config=AsyncConfig(max_retries=2, stateful=True))
    second = planned(A, changed, base=first, now_ms=2)
    assert second.changes[1].action == "Modify"
    assert set(second.changes[1].properties) == {"timeout_seconds", "async_config"}
    now = second.deployed.functions["a/main"]
    assert now == replace(changed, stack="one")
    assert (now.created_ms, now.modified_ms) == (1, 2)
    assert first.functions["a/main"].timeout_seconds == 3, "what was deployed is left as it was"


def test_what_leaves_the_template_is_deleted():
    first = deployed(A, B, A_MAIN, A_OTHER, B_MAIN)
    second = planned(A, A_MAIN, base=first)
    assert actions(second) == {
        "a": "Unchanged",
        "a/main": "Unchanged",
        "a/other": "Delete",
        "b/main": "Delete",
        "b": "Delete",
    }
    assert set(second.deployed.functions) == {"a/main"}
    assert set(second.deployed.services) == {"a"}


def test_a_deploy_without_a_stack_deletes_nothing():
    first = deployed(A, A_MAIN, A_OTHER, stack="")
    second = planned(A, A_MAIN, base=first, stack="")
    assert set(second.deployed.functions) == {"a/main", "a/other"}
    assert second.is_unchanged


def test_another_stack_is_left_alone():
    first = deployed(A, A_MAIN)
    second = planned(B, B_MAIN, stack="two", base=first)
    assert actions(second) == {"b": "Add", "b/main": "Add"}
    assert set(second.deployed.functions) == {"a/main", "b/main"}
    third = deployed(stack="two", base=second.deployed)
    assert (third.services, third.functions) == (first.services, first.functions)


def test_a_function_can_join_a_service_of_another_stack():
    second = deployed(A_OTHER, stack="two", base=deployed(A, A_MAIN))
    assert second.functions["a/other"].stack == "two"


@pytest.mark.parametrize("resource", [A, A_MAIN])
def test_a_resource_of_another_stack_can_not_be_taken_over(resource):
    first = deployed(A, A_MAIN)
    with pytest.raises(Conflict) as caught:
        deployed(resource, stack="two", base=first)
    assert caught.value.code == "StackConflict"
    assert "stack 'one'" in caught.value.message


def test_a_service_can_not_go_while_it_holds_a_function_of_another_stack():
    second = deployed(A_MAIN, stack="two", base=deployed(A))
    with pytest.raises(Conflict) as caught:
        deployed(B, base=second)
    assert caught.value.code == "ServiceNotEmpty"
    assert "a/main" in caught.value.message


def test_a_function_needs_its_service():
    with pytest.raises(NotFound) as caught:
        deployed(A_MAIN)
    assert caught.value.code == "ServiceNotFound"


def test_only_the_configuration_can_be_deployed():
    first = deployed(A, A_MAIN)
    changed = replace(A_MAIN, code="", timeout_seconds=9)
    now = deployed(A, changed, base=first, only_config=True).functions["a/main"]
    assert (now.code, now.timeout_seconds) == ("0", 9)
    with pytest.raises(NotFound) as caught:
        deployed(A, changed, A_OTHER, base=first, only_config=True)
    assert "a/other" in caught.value.message and "--only-config" in caught.value.hint


# --- versions and aliases

V = Publication("a", "first")


def test_a_version_is_published_when_something_has_changed():
    first = planned(A, A_MAIN, V)
    assert actions(first)["a.1"] == "Add"
    version = first.deployed.versions["a.1"]
    assert version.functions == (replace(A_MAIN, async_config=None, stack="one"),)
    same = planned(A, A_MAIN, V, base=first.deployed)
    assert actions(same)["a.1"] == "Unchanged" and same.is_unchanged
    second = planned(A, replace(A_MAIN, code="new"), V, base=first.deployed)
    assert actions(second)["a.2"] == "Add"
    assert set(second.deployed.versions) == {"a.1", "a.2"}, "what is published stays"
    assert second.deployed.versions["a.1"] == version


def test_an_async_config_is_no_part_of_a_version():
    first = deployed(A, A_MAIN, V)
    same = planned(A, replace(A_MAIN, async_config=None), V, base=first)
    assert actions(same)["a.1"] == "Unchanged"


def test_a_number_is_never_given_twice():
    first = deployed(A, A_MAIN, V)
    without = planned(A, A_MAIN, base=first)
    assert actions(without)["a.1"] == "Delete"
    assert set(deployed(A, A_MAIN, V, base=without.deployed).versions) == {"a.2"}


def test_an_alias_of_the_newest_version_follows_it():
    alias = Alias("a", "prod")
    first = deployed(A, A_MAIN, V, alias)
    assert first.aliases["a.prod"].version == "1"
    second = planned(A, replace(A_MAIN, code="new"), V, alias, base=first)
    assert second.deployed.aliases["a.prod"].version == "2"
    assert Change("a.prod", "Alias", "Modify", ("version",)) in second.changes
    weighted = replace(alias, version="1", additional_weights={"": 0.1})
    third = deployed(A, replace(A_MAIN, code="new"), V, weighted, base=second.deployed)
    assert third.aliases["a.prod"].additional_weights == {"2": 0.1}


@pytest.mark.parametrize("alias", [Alias("a", "prod"), Alias("a", "prod", "7")])
def test_an_alias_of_a_version_that_is_not_there_is_refused(alias):
    with pytest.raises(NotFound) as caught:
        deployed(A, A_MAIN, alias)
    assert caught.value.code == "VersionNotFound"
    assert "ALIYUN::FC::Version" in caught.value.hint


def test_a_version_can_not_go_while_an_alias_of_somebody_else_leads_to_it():
    first = deployed(A, A_MAIN, V)
    second = deployed(Alias("a", "prod", "1"), stack="two", base=first)
    with pytest.raises(Conflict) as caught:
        deployed(A, A_MAIN, base=second)
    assert "alias 'prod'" in caught.value.message


def test_with_its_service_go_versions_aliases_and_their_configurations():
    base = deployed(A, A_MAIN, V, Alias("a", "prod"))
    base = with_async_config(base, FunctionRef("a", "main", "prod"), AsyncConfig(0), now_ms=2)
    assert base.async_configs == {"a.prod/main": AsyncConfig(0)}
    gone = deployed(base=base)
    assert not (gone.services or gone.versions or gone.aliases or gone.async_configs)


def test_a_function_of_fc_3_is_published_alone():
    one, two = function("_default", "one"), function("_default", "two")
    home = Service("_default")
    first = deployed(home, one, two, Publication("_default/one"))
    assert [f.name for f in first.versions["_default/one.1"].functions] == ["one"]
    same = planned(home, one, replace(two, code="new"), Publication("_default/one"), base=first)
    assert set(same.deployed.versions) == {"_default/one.1"}
    with pytest.raises(NotFound):
        deployed(home, one, Publication("_default/gone"))
    gone = removal(first, Mns(), "_default/one", now_ms=2)
    assert not gone.deployed.versions


# --- triggers, domains


def test_triggers_and_domains_belong_to_the_stack():
    domain = Domain("a.b", routes={"/*": ("a", "main", "LATEST")})
    first = planned(A, A_MAIN, TIMER, domain)
    assert actions(first)["a/main/tick"] == "Add" == actions(first)["a.b"]
    second = planned(A, A_MAIN, base=first.deployed)
    assert actions(second)["a/main/tick"] == "Delete" == actions(second)["a.b"]
    assert not (second.deployed.triggers or second.deployed.domains)


def test_a_trigger_goes_with_its_function_whoever_made_it():
    first = deployed(A, A_MAIN)
    second = deployed(TIMER, stack="two", base=first)
    assert not removal(second, Mns(), "a/main", now_ms=2).deployed.triggers


def test_a_trigger_needs_its_function():
    with pytest.raises(NotFound) as caught:
        deployed(A, TIMER)
    assert caught.value.code == "FunctionNotFound"
    later = deployed(A, A_MAIN, replace(TIMER, qualifier="prod"))
    assert later.triggers["a/main/tick"].qualifier == "prod", "it may be published later"
    newest = replace(TIMER, qualifier="")
    assert deployed(A, A_MAIN, V, newest).triggers["a/main/tick"].qualifier == "1"


def test_a_route_to_the_newest_version_gets_its_number():
    domain = Domain("a.b", routes={"/*": ("a", "main", ""), "/x": ("a", "main", "prod")})
    routes = deployed(A, A_MAIN, V, domain).domains["a.b"].routes
    assert routes == {"/*": ("a", "main", "1"), "/x": ("a", "main", "prod")}
    assert deployed(A, A_MAIN, domain).domains["a.b"].routes["/*"][2] == "LATEST"


# --- queues, topics, subscriptions


@pytest.mark.parametrize(
    ("kind", "item", "other"),
    [
        ("queues", Queue("q"), Queue("q", delay_seconds=1)),
        ("topics", Topic("q"), Topic("q", max_message_bytes=2000)),
        ("subscriptions", Subscription("t", "s", "x"), Subscription("t", "s", "y")),
    ],
)
def test_what_mns_holds_is_added_modified_left_and_dropped(kind, item, other):
    def there(found):
        return Mns(**{kind: {found.path: found}})

    first = planned(item)
    assert first.put == (replace(item, stack="one"),)
    assert first.put[0].stack == "one"
    same = planned(item, base=first.deployed, mns=there(first.put[0]))
    assert same.is_unchanged and not same.put
    changed = planned(other, base=first.deployed, mns=there(first.put[0]))
    assert [change.action for change in changed.changes] == ["Modify"]
    assert changed.put[0].stack == "one"
    gone = planned(base=first.deployed, mns=there(first.put[0]))
    assert gone.drop == (item,) and not gone.is_unchanged


def test_a_queue_made_by_hand_is_used_but_never_owned():
    by_hand = Mns(queues={"q": Queue("q")})
    first = planned(Queue("q", delay_seconds=5), mns=by_hand)
    assert first.put[0].stack == ""
    assert not planned(base=first.deployed, mns=by_hand).drop


def test_a_queue_of_another_stack_can_not_be_taken_over():
    with pytest.raises(Conflict):
        planned(Queue("q"), mns=Mns(queues={"q": Queue("q", stack="two")}))


# --- calls and outputs


def test_a_call_is_made_once_and_again_when_its_version_changes():
    call = Call("C", "a", "main", "x", execute_version=1)
    first = planned(A, A_MAIN, call)
    assert first.calls == (call,)
    again = planned(A, A_MAIN, call, base=first.deployed)
    assert not again.calls and again.is_unchanged
    assert planned(A, A_MAIN, replace(call, execute_version=2), base=first.deployed).calls
    with pytest.raises(NotFound):
        planned(A, call)
    newest = replace(call, qualifier="")
    assert planned(A, A_MAIN, V, newest).calls[0].qualifier == "1"
    assert planned(A, A_MAIN, newest).calls[0].qualifier == "LATEST"


def test_a_stack_keeps_its_outputs():
    first = plan(EMPTY, Mns(), "one", wanted(A, outputs={"Name": "a"}), now_ms=1)
    assert first.deployed.stacks["one"].outputs == {"Name": "a"}
    second = plan(first.deployed, Mns(), "one", wanted(A, outputs={"Name": "b"}), now_ms=2)
    assert not second.is_unchanged, "an output alone is a change too"
    assert second.deployed.stacks["one"].created_ms == 1


# --- removal


def test_a_stack_is_removed_with_all_it_owns():
    mns = Mns(queues={"mine": Queue("mine", stack="one"), "other": Queue("other")})
    base = deployed(A, A_MAIN, V, Alias("a", "prod"), TIMER)
    base = deployed(B, B_MAIN, stack="two", base=base)
    gone = removal(base, mns, "one", now_ms=2)
    assert set(gone.deployed.services) == {"b"} and set(gone.deployed.functions) == {"b/main"}
    assert not (gone.deployed.versions or gone.deployed.aliases or gone.deployed.triggers)
    assert [queue.name for queue in gone.drop] == ["mine"]
    assert set(gone.deployed.stacks) == {"two"}
    assert Change("one", "Stack", "Delete") in gone.changes


def test_a_service_is_removed_with_its_functions_and_a_function_alone():
    base = deployed(A, A_MAIN, A_OTHER, B, B_MAIN)
    assert set(removal(base, Mns(), "a", now_ms=2).deployed.functions) == {"b/main"}
    for name in ("a/other", "other"):
        assert set(removal(base, Mns(), name, now_ms=2).deployed.functions) == {"a/main", "b/main"}


def test_what_is_to_be_removed_must_be_there_and_unmistakable():
    base = deployed(A, A_MAIN, B, B_MAIN, stack="a")
    with pytest.raises(InvalidRequest) as caught:
        removal(base, Mns(), "a", now_ms=2)
    assert "--kind" in caught.value.hint
    assert set(removal(base, Mns(), "a", kind="service", now_ms=2).deployed.services) == {"b"}
    assert not removal(base, Mns(), "a", kind="stack", now_ms=2).deployed.services
    for name in ("gone", "a/gone", "c/main"):
        with pytest.raises(NotFound):
            removal(base, Mns(), name, now_ms=2)
    with pytest.raises(NotFound):
        removal(base, Mns(), "gone", kind="stack", now_ms=2)
    with pytest.raises(NotFound):
        removal(base, Mns(), "gone", kind="service", now_ms=2)


def test_a_configuration_can_be_given_and_taken_away_per_qualifier():
    base = deployed(A, A_MAIN, V)
    own = AsyncConfig(max_retries=5)
    for ref in (FunctionRef("a", "main"), FunctionRef("a", "main", "1")):
        given = with_async_config(base, ref, own, now_ms=2)
        assert given.async_config(ref) == own
        assert with_async_config(given, ref, None, now_ms=3).async_config(ref) == AsyncConfig()
    with pytest.raises(NotFound):
        with_async_config(base, FunctionRef("a", "main", "gone"), own, now_ms=2)

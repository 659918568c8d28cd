"""What names mean, and what a deploy makes of what is there."""

from dataclasses import replace

import pytest

from fun_local.errors import Conflict, InvalidRequest, NotFound
from fun_local.model.deployed import Change, Deployed, queue_change
from fun_local.model.names import FunctionRef
from fun_local.model.resources import AsyncConfig, Function, Queue, Resources, Service


def function(service, name, **options):
    return Function(service, name, "python3", "index.handler", "0", **options)


A = Service("a")
B = Service("b")
A_MAIN = function("a", "main", async_config=AsyncConfig(max_retries=1, stateful=True))
A_OTHER = function("a", "other")
B_MAIN = function("b", "main")

EMPTY = Deployed()


def deployed(*resources, stack="one", base=EMPTY):
    services = tuple(r for r in resources if isinstance(r, Service))
    functions = tuple(r for r in resources if isinstance(r, Function))
    return base.deploy(stack, Resources(services=services, functions=functions))


@pytest.fixture
def both():
    return deployed(A, B, A_MAIN, A_OTHER, B_MAIN)[0]


def actions(changes):
    return {change.resource: change.action for change in changes}


# --- names


def test_a_function_is_found_by_its_full_name(both):
    assert both.resolve("a/main") == FunctionRef("a", "main", "LATEST")
    assert both.resolve("a.LATEST/main") == FunctionRef("a", "main", "LATEST")
    assert both.resolve("b/main", "LATEST") == FunctionRef("b", "main", "LATEST")


def test_a_name_that_only_one_function_has_is_enough(both):
    assert both.resolve("other") == FunctionRef("a", "other", "LATEST")


def test_a_name_that_several_functions_have_is_refused_with_the_candidates(both):
    with pytest.raises(InvalidRequest) as caught:
        both.resolve("main")
    assert caught.value.code == "AmbiguousFunctionName"
    assert "a/main, b/main" in caught.value.message


@pytest.mark.parametrize(
    ("text", "qualifier", "code"),
    [
        ("c/main", "", "ServiceNotFound"),
        ("b/other", "", "FunctionNotFound"),
        ("nothing", "", "FunctionNotFound"),
        ("a.v1/main", "", "VersionNotFound"),
        ("a/main", "v1", "VersionNotFound"),
    ],
)
def test_what_is_not_there_is_named(both, text, qualifier, code):
    with pytest.raises(NotFound) as caught:
        both.resolve(text, qualifier)
    assert caught.value.code == code


def test_the_qualifier_asked_for_goes_before_the_one_in_the_name(both):
    assert both.resolve("a.v1/main", "LATEST").qualifier == "LATEST"


def test_where_nothing_is_deployed_the_hint_says_how_to_deploy():
    with pytest.raises(NotFound) as caught:
        EMPTY.resolve("main")
    assert "fun deploy" in caught.value.hint


def test_find_gives_nothing_for_what_is_gone_or_another_qualifier(both):
    assert both.find(FunctionRef("a", "main")) == replace(A_MAIN, stack="one")
    assert both.find(FunctionRef("a", "gone")) is None
    assert both.find(FunctionRef("a", "main", "v1")) is None


def test_a_function_without_async_config_has_the_defaults(both):
    assert both.async_config(FunctionRef("a", "main")).max_retries == 1
    assert both.async_config(FunctionRef("a", "other")) == AsyncConfig()
    assert both.async_config(FunctionRef("a", "gone")) == AsyncConfig()


# --- deploy


def test_a_first_deploy_adds_everything(both):
    _, changes = deployed(A, A_MAIN)
    assert changes == [Change("a", "Service", "Add"), Change("a/main", "Function", "Add")]
    assert {f.stack for f in both.functions.values()} == {"one"}


def test_the_same_again_changes_nothing():
    first, _ = deployed(A, A_MAIN)
    second, changes = deployed(A, A_MAIN, base=first)
    assert actions(changes) == {"a": "Unchanged", "a/main": "Unchanged"}
    assert second == first


def test_a_change_names_the_properties_that_differ():
    first, _ = deployed(A, A_MAIN)
    changed = replace(A_MAIN, timeout_seconds=9, async_config=AsyncConfig(max_retries=2, stateful=True))
    second, changes = deployed(A, changed, base=first)
    assert changes[1].action == "Modify"
    assert set(changes[1].properties) == {"timeout_seconds", "async_config"}
    assert second.functions["a/main"] == replace(changed, stack="one")
    assert first.functions["a/main"].timeout_seconds == 3, "what was deployed is left as it was"


def test_what_leaves_the_template_is_deleted():
    first, _ = deployed(A, B, A_MAIN, A_OTHER, B_MAIN)
    second, changes = deployed(A, A_MAIN, base=first)
    assert actions(changes) == {
        "a": "Unchanged",
        "a/main": "Unchanged",
        "a/other": "Delete",
        "b/main": "Delete",
        "b": "Delete",
    }
    assert set(second.functions) == {"a/main"}
    assert set(second.services) == {"a"}


def test_another_stack_is_left_alone():
    first, _ = deployed(A, A_MAIN)
    second, changes = deployed(B, B_MAIN, stack="two", base=first)
    assert actions(changes) == {"b": "Add", "b/main": "Add"}
    assert set(second.functions) == {"a/main", "b/main"}
    third, _ = deployed(stack="two", base=second)
    assert third == first


def test_a_function_can_join_a_service_of_another_stack():
    first, _ = deployed(A, A_MAIN)
    second, _ = deployed(A_OTHER, stack="two", base=first)
    assert second.functions["a/other"].stack == "two"


@pytest.mark.parametrize("resource", [A, A_MAIN])
def test_a_resource_of_another_stack_can_not_be_taken_over(resource):
    first, _ = deployed(A, A_MAIN)
    with pytest.raises(Conflict) as caught:
        deployed(resource, stack="two", base=first)
    assert caught.value.code == "StackConflict"
    assert "stack 'one'" in caught.value.message


def test_a_service_can_not_go_while_it_holds_a_function_of_another_stack():
    first, _ = deployed(A)
    second, _ = deployed(A_MAIN, stack="two", base=first)
    with pytest.raises(Conflict) as caught:
        deployed(B, base=second)
    assert caught.value.code == "ServiceNotEmpty"
    assert "a/main" in caught.value.message


def test_a_function_needs_its_service():
    with pytest.raises(NotFound) as caught:
        deployed(A_MAIN)
    assert caught.value.code == "ServiceNotFound"


def test_a_queue_is_added_modified_or_left():
    assert queue_change(None, Queue("q")) == Change("q", "Queue", "Add")
    assert queue_change(Queue("q"), Queue("q")) == Change("q", "Queue", "Unchanged")
    change = queue_change(Queue("q"), Queue("q", delay_seconds=1))
    assert change == Change("q", "Queue", "Modify", ("delay_seconds",))


def test_a_revision_changes_with_what_an_instance_can_not_take_up():
    same = replace(A_MAIN, description="x", async_config=None, stack="x")
    assert same.revision == A_MAIN.revision
    for change in (
        {"code": "1"},
        {"handler": "index.other"},
        {"runtime": "python3.10"},
        {"memory_mb": 256},
        {"timeout_seconds": 4},
        {"initializer": "index.init"},
        {"environment": {"A": "1"}},
    ):
        assert replace(A_MAIN, **change).revision != A_MAIN.revision, change


def test_what_is_deployed_comes_back_from_its_file():
    for service in (A, replace(A, role="r", log_project="p", stack="one")):
        assert Service.from_dict(service.to_dict()) == service
    for found in (A_MAIN, A_OTHER, replace(A_OTHER, environment={"A": "1"}, stack="one")):
        assert Function.from_dict(found.to_dict()) == found
    written = A_MAIN.to_dict() | {"a_field_of_a_newer_version": 1}
    assert Function.from_dict(written) == A_MAIN

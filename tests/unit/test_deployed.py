"""What names mean, and what a deploy makes of what is there."""

from dataclasses import replace

import pytest

from fun_local.errors import InvalidRequest, NotFound
from fun_local.model.deployed import Deployed, by_path
from fun_local.model.names import FunctionRef
from fun_local.model.resources import Alias, AsyncConfig, Function, Service, Version


def function(service, name, **options):
    return Function(service, name, "python3", "index.handler", "0", **options)


A = Service("a")
B = Service("b")
A_MAIN = function("a", "main", async_config=AsyncConfig(max_retries=1, stateful=True))
A_OTHER = function("a", "other")
B_MAIN = function("b", "main")

EMPTY = Deployed()


def version(scope, number, *functions):
    return Version(scope, number, "", 0, A, functions)


def everything(*items):
    """Deployed with these, each among its kind."""
    kinds = {"services": Service, "functions": Function, "versions": Version, "aliases": Alias}
    return Deployed(
        **{name: by_path(item for item in items if isinstance(item, kind)) for name, kind in kinds.items()}
    )


@pytest.fixture
def both():
    return everything(A, B, A_MAIN, A_OTHER, B_MAIN)


@pytest.fixture
def published():
    """Service a: version 1 has main, version 2 has other too; one alias for each, one for both."""
    old = replace(A_MAIN, code="old", async_config=None)
    return everything(
        A,
        A_MAIN,
        A_OTHER,
        version("a", "1", old),
        version("a", "2", replace(A_MAIN, async_config=None), A_OTHER),
        Alias("a", "prod", "1"),
        Alias("a", "next", "2"),
        Alias("a", "some", "1", additional_weights={"2": 0.25}),
    )


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
        ("a.v1/main", "", "AliasNotFound"),
        ("a/main", "v1", "AliasNotFound"),
        ("a/main", "1", "VersionNotFound"),
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
    assert both.find(FunctionRef("a", "main")) == A_MAIN
    assert both.find(FunctionRef("a", "gone")) is None
    assert both.find(FunctionRef("a", "main", "v1")) is None


def test_a_function_without_async_config_has_the_defaults(both):
    assert both.async_config(FunctionRef("a", "main")).max_retries == 1
    assert both.async_config(FunctionRef("a", "other")) == AsyncConfig()
    assert both.async_config(FunctionRef("a", "gone")) == AsyncConfig()


# --- qualifiers


def test_a_version_and_an_alias_lead_to_what_was_published(published):
    for qualifier in ("1", "prod"):
        found = published.find(FunctionRef("a", "main", qualifier))
        assert (found.code, found.version, found.qualifier) == ("old", "1", qualifier)
    assert published.find(FunctionRef("a", "main")).code == "0"
    assert published.find(FunctionRef("a", "other", "prod")) is None, "it came later"
    assert published.find(FunctionRef("a", "other", "next")).version == "2"


@pytest.mark.parametrize(("draw", "number"), [(0.0, "2"), (0.2499, "2"), (0.25, "1"), (0.9999, "1")])
def test_an_alias_shares_its_calls_out_by_weight(published, draw, number):
    assert published.find(FunctionRef("a", "main", "some"), draw).version == number


def test_qualifiers_are_resolved_and_those_that_are_missing_listed(published):
    assert published.resolve("a.prod/main") == FunctionRef("a", "main", "prod")
    assert published.resolve("main", "2") == FunctionRef("a", "main", "2")
    with pytest.raises(NotFound) as caught:
        published.resolve("a/main", "gone")
    assert caught.value.code == "AliasNotFound"
    assert "LATEST, 1, 2, next, prod, some" in caught.value.hint
    with pytest.raises(NotFound) as caught:
        published.resolve("a/other", "prod")
    assert caught.value.code == "FunctionNotFound" and "as of 'prod'" in caught.value.message


def test_functions_of_fc_3_are_versioned_alone():
    one, two = function("_default", "one"), function("_default", "two")
    found = everything(Service("_default"), one, two, version("_default/one", "1", one))
    assert found.resolve("one", "1") == FunctionRef("_default", "one", "1")
    with pytest.raises(NotFound) as caught:
        found.resolve("two", "1")
    assert "function 'two'" in caught.value.message


def test_each_qualifier_has_an_async_config_of_its_own(published):
    own = AsyncConfig(max_retries=7)
    found = replace(published, async_configs={"a.prod/main": own})
    assert found.async_config(FunctionRef("a", "main", "prod")) == own
    assert found.async_config(FunctionRef("a", "main", "1")) == AsyncConfig()
    assert found.async_config(FunctionRef("a", "main")).max_retries == 1


def test_instances_are_told_apart_by_qualifier_and_version(published):
    refs = [FunctionRef("a", "main", qualifier) for qualifier in ("LATEST", "1", "prod", "some")]
    keys = {published.find(ref).key for ref in refs} | {published.find(refs[-1], 0.0).key}
    assert len(keys) == 5


def test_an_instance_of_a_version_is_good_until_the_version_goes(published):
    found = published.find(FunctionRef("a", "main", "prod"))
    assert published.renewed(found) is found
    assert replace(published, versions={}).renewed(found) is None
    assert published.renewed(replace(A_MAIN, code="old")) == A_MAIN


def test_published_code_is_in_use(published):
    assert published.code_in_use() == {"0", "old"}


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

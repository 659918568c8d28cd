"""Which part of a template a name means."""

from dataclasses import replace

import pytest

from fun_local.errors import InvalidRequest, NotFound
from fun_local.model.resources import Accepted, Function, Queue, Resources, Service, Trigger
from fun_local.model.selection import one_function, select


def function(service, name):
    return Function(service, name, "python3", "index.handler", "0")


ALL = Resources(
    services=(Service("a"), Service("b")),
    functions=(function("a", "one"), function("a", "two"), function("b", "one")),
    triggers=(Trigger("a", "two", "t", "timer"), Trigger("b", "one", "t", "timer")),
    queues=(Queue("q"),),
    not_emulated=(Accepted("vpc", "ALIYUN::ECS::VPC", "no"),),
    outputs={"x": 1},
)


def names(resources):
    return (
        [service.name for service in resources.services],
        [function.path for function in resources.functions],
        [trigger.path for trigger in resources.triggers],
    )


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a", (["a"], ["a/one", "a/two"], ["a/two/t"])),
        ("b/one", (["b"], ["b/one"], ["b/one/t"])),
        ("two", (["a"], ["a/two"], ["a/two/t"])),
    ],
)
def test_a_service_or_function_comes_with_what_hangs_on_it(name, wanted):
    chosen = select(ALL, name)
    assert names(chosen) == wanted
    assert not (chosen.queues or chosen.not_emulated)


@pytest.mark.parametrize(
    ("name", "error", "needle"),
    [
        ("one", InvalidRequest, "a/one, b/one"),
        ("q", InvalidRequest, "can't be deployed alone"),
        ("vpc", InvalidRequest, "can't be deployed alone"),
        ("a/b/c", InvalidRequest, "names no part"),
        ("/one", InvalidRequest, "names no part"),
        ("a/gone", NotFound, "no service or function 'a/gone'"),
        ("gone", NotFound, "no service or function 'gone'"),
    ],
)
def test_other_names_are_refused(name, error, needle):
    with pytest.raises(error) as caught:
        select(ALL, name)
    assert needle in caught.value.message + caught.value.hint


def test_of_a_template_without_functions_there_is_no_part():
    with pytest.raises(NotFound):
        select(replace(ALL, services=(), functions=()), "a")


@pytest.mark.parametrize(("name", "path"), [("b/one", "b/one"), ("two", "a/two"), ("a.LATEST/two", "a/two")])
def test_a_name_means_one_function(name, path):
    assert one_function(ALL, name).path == path


@pytest.mark.parametrize(
    ("name", "error", "needle"),
    [
        ("one", InvalidRequest, "several functions are called 'one': a/one, b/one"),
        ("b/two", NotFound, "the template has no function 'b/two'"),
        ("a", NotFound, "the template has no function 'a'"),
        ("a.prod/two", InvalidRequest, "no version or alias 'prod'"),
        ("", InvalidRequest, "is not a function name"),
    ],
)
def test_a_name_of_no_function_is_refused(name, error, needle):
    with pytest.raises(error, match=needle):
        one_function(ALL, name)


def test_the_default_is_the_first_function_of_the_last_service_that_has_any():
    assert one_function(ALL).path == "b/one"
    assert one_function(replace(ALL, services=(*ALL.services, Service("empty")))).path == "b/one"
    assert one_function(replace(ALL, services=(Service("b"), Service("a")))).path == "a/one"
    with pytest.raises(NotFound, match="no functions"):
        one_function(Resources())

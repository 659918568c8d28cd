"""What a deploy's user is told of destinations that lead nowhere, are only recorded, or go in circles."""

import pytest

from fun_local.model.changes import Mns
from fun_local.model.circles import MAX_DEPTH, circles
from fun_local.model.deployed import Deployed, by_path
from fun_local.model.loose_ends import missing_destinations, warnings
from fun_local.model.names import FunctionRef
from fun_local.model.resources import AsyncConfig, Function, Queue, Resources, Service

BUS = "acs:eventbridge:::eventbus/orders"


def arn(name):
    return f"acs:fc:::services/svc/functions/{name}"


def function(name, on_success="", on_failure=""):
    config = AsyncConfig(on_success=on_success, on_failure=on_failure)
    return Function("svc", name, "python3", "index.handler", "0", async_config=config)


def deployed(*functions):
    return Deployed({"svc": Service("svc")}, by_path(functions))


def told(*functions):
    resources = Resources((Service("svc"),), functions)
    return warnings(deployed(*functions), resources, missing_destinations(resources, Mns()))


def names(found):
    return [[ref.function for ref in way] for way in found]


#: Who sends its successes, and its failures, to whom; the circles that this makes.
GRAPHS = {
    "none": ({"a": ("b", ""), "b": ("c", "")}, []),
    "itself": ({"a": ("a", "")}, [["a"]]),
    "two": ({"a": ("b", ""), "b": ("", "a")}, [["a", "b"]]),
    "three, entered from outside": (
        {"x": ("a", ""), "a": ("b", ""), "b": ("c", ""), "c": ("a", "")},
        [["a", "b", "c"]],
    ),
    "two circles": ({"a": ("a", "b"), "b": ("b", "")}, [["a"], ["b"]]),
    "the shorter of two ways": (
        {"a": ("b", "c"), "b": ("c", ""), "c": ("a", "")},
        [["a", "c"], ["b", "c", "a"]],
    ),
    "nowhere": ({"a": ("gone", "")}, []),
}


@pytest.mark.parametrize("graph", GRAPHS)
def test_circles_are_found(graph):
    targets, expected = GRAPHS[graph]
    functions = [function(name, *(to and arn(to) for to in tos)) for name, tos in targets.items()]
    found = circles(deployed(*functions), [FunctionRef("svc", name) for name in targets])
    assert names(found) == expected


def test_a_circle_is_told_with_its_way_and_its_limit():
    [warning] = told(function("a", arn("b")), function("b", arn("a")))
    assert "svc/a -> svc/b -> svc/a" in warning
    assert f"up to {MAX_DEPTH} more" in warning


def test_a_destination_that_is_only_recorded_is_told_and_not_missing():
    found = told(function("a", BUS, BUS), function("b", "acs:mq:::/instances/i/topic/t"))
    assert len(found) == 2
    assert all("is not emulated" in warning for warning in found)
    assert BUS in found[0] and "svc/a" in found[0]


def test_a_queue_that_is_missing_is_told_once_with_all_who_name_it():
    queue = "acs:mns:::/queues/q/messages"
    resources = Resources((Service("svc"),), (function("a", queue, queue), function("b", queue)))
    assert missing_destinations(resources, Mns()) == [(Queue("q"), ["svc/a", "svc/b"])]
    [warning] = told(*resources.functions)
    assert "fun mns queue create q" in warning


def test_what_leads_somewhere_needs_no_words():
    assert told(function("a", arn("b")), function("b")) == []

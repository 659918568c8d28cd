from dataclasses import replace

from fun_local.model.changes import Change, Mns
from fun_local.model.deployed import Deployed
from fun_local.model.resources import Domain, Function, Queue, Service, Stack, Topic, Trigger
from fun_local.model.stacks import ResourceChange, as_template, resource_changes, stack_id


def test_the_same_stack_has_the_same_id_and_no_other_has_it():
    assert stack_id("r", "a", "s") == stack_id("r", "a", "s")
    assert len({stack_id("r", "a", "s"), stack_id("r", "a", "t"), stack_id("q", "a", "s")}) == 3


def test_changes_are_told_in_the_words_of_ros():
    changes = [
        Change("shop", "Service", "Unchanged"),
        Change("shop/f", "Function", "Modify", ("timeout_seconds", "memory_mb", "handler")),
        Change("letters", "Queue", "Add"),
        Change("old", "Domain", "Delete"),
        Change("demo", "Stack", "Delete"),
    ]
    assert resource_changes(changes, {"function/shop/f": "Order"}) == (
        ResourceChange("Order", "ALIYUN::FC::Function", "Modify", ("Timeout", "MemorySize", "Handler")),
        ResourceChange("letters", "ALIYUN::MNS::Queue", "Add"),
        ResourceChange("old", "ALIYUN::FC::CustomDomain", "Remove"),
    )


def test_a_template_holds_what_the_stack_owns_and_nothing_else():
    def function(stack, service):
        return Function(service, "f", "python3", "index.handler", "", stack=stack)

    mine, others = function("demo", "shop"), function("", "other")
    trigger = Trigger("shop", "f", "t", "timer", {"cronExpression": "@every 1m"}, stack="demo")
    deployed = Deployed(
        services={"shop": Service("shop", stack="demo"), "other": Service("other")},
        functions={mine.path: mine, others.path: others},
        triggers={trigger.path: trigger},
        domains={"a.example": Domain("a.example", stack="demo")},
    )
    # A queue and a topic may be called like a service.
    mns = Mns(
        queues={"shop": Queue("shop", stack="demo"), "q": Queue("q")}, topics={"t": Topic("t", stack="demo")}
    )
    names = {"service/shop": "Service", "queue/shop": "Letters", "function/shop/f": "Order"}
    deployed = replace(deployed, stacks={"demo": Stack("demo", names=names)})
    resources = as_template(deployed, mns, "demo")["Resources"]
    assert {name: resource["Type"] for name, resource in resources.items()} == {
        "Service": "ALIYUN::FC::Service",
        "Order": "ALIYUN::FC::Function",
        "shop/f/t": "ALIYUN::FC::Trigger",
        "a.example": "ALIYUN::FC::CustomDomain",
        "Letters": "ALIYUN::MNS::Queue",
        "t": "ALIYUN::MNS::Topic",
    }
    assert resources["shop/f/t"]["Properties"]["TriggerConfig"] == trigger.config
    assert as_template(deployed, mns, "none")["Resources"] == {}

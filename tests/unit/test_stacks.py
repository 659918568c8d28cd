from fun_local.model.changes import Change, Mns
from fun_local.model.deployed import Deployed
from fun_local.model.resources import Domain, Function, Queue, Service, Topic, Trigger
from fun_local.model.stacks import ResourceChange, as_template, logical_name, resource_changes, stack_id


def test_the_same_stack_has_the_same_id_and_no_other_has_it():
    assert stack_id("r", "a", "s") == stack_id("r", "a", "s")
    assert len({stack_id("r", "a", "s"), stack_id("r", "a", "t"), stack_id("q", "a", "s")}) == 3


def test_a_name_that_ros_has_made_is_told_from_one_that_was_written():
    assert logical_name("demo", "demo-shop-0123456789AB") == "shop"
    assert logical_name("demo", "demo-shop-0123456789AB/order") == "shoporder"
    assert logical_name("demo", "demo-shop-0123456789AB/order/tick") == "shopordertick"
    assert logical_name("demo", "demo-shop/order") == "demo-shop/order"
    assert logical_name("d.mo", "demo-shop-0123456789AB") == "demo-shop-0123456789AB"


def test_changes_are_told_in_the_words_of_ros():
    changes = [
        Change("demo-shop-0123456789AB", "Service", "Unchanged"),
        Change("demo-shop-0123456789AB/f", "Function", "Modify", ("timeout_seconds", "memory_mb", "handler")),
        Change("letters", "Queue", "Add"),
        Change("old", "Domain", "Delete"),
        Change("demo", "Stack", "Delete"),
    ]
    assert resource_changes("demo", changes) == (
        ResourceChange("shopf", "ALIYUN::FC::Function", "Modify", ("Timeout", "MemorySize", "Handler")),
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
    resources = as_template(deployed, mns, "demo")["Resources"]
    assert {name: resource["Type"] for name, resource in resources.items()} == {
        "shop": "ALIYUN::FC::Service",
        "shop/f": "ALIYUN::FC::Function",
        "shop/f/t": "ALIYUN::FC::Trigger",
        "a.example": "ALIYUN::FC::CustomDomain",
        "shopQueue": "ALIYUN::MNS::Queue",
        "t": "ALIYUN::MNS::Topic",
    }
    assert resources["shop/f/t"]["Properties"]["TriggerConfig"] == trigger.config
    assert as_template(deployed, mns, "none")["Resources"] == {}

"""Functions with `alibabacloud-fc20230330`: made, changed, listed, deleted, and refused."""

import urllib.request

from alibabacloud_fc20230330 import models
from alibabacloud_tea_openapi.exceptions import ClientException
from claims import archive, claim, fresh, refused, run
from laptop import ENDPOINT, client, code, create, function, get, here, invoke, result, update


def listed(**query):
    return here.list_functions(models.ListFunctionsRequest(**query)).body


@claim
def a_function_comes_back_as_it_was_made_and_changed():
    name = fresh("work")
    made = create(
        name,
        description="does its work",
        memory_size=512,
        cpu=0.5,
        disk_size=512,
        timeout=20,
        environment_variables={"GREETING": "hello"},
        role="acs:ram::1234567890123456:role/reader",
        log_config=models.LogConfig(project="p", logstore="l"),
        vpc_config=models.VPCConfig(vpc_id="vpc-1", security_group_id="sg-1", v_switch_ids=["vsw-1"]),
        instance_concurrency=2,
    ).body
    found = get(name)
    assert found.to_map() == made.to_map()
    assert (found.memory_size, found.cpu, found.timeout) == (512, 0.5, 20)
    assert (found.role, found.log_config.logstore) == ("acs:ram::1234567890123456:role/reader", "l")
    assert found.vpc_config.v_switch_ids == ["vsw-1"]
    assert (found.state, found.code_size) == ("Active", len(archive()))
    assert found.function_arn.endswith(f"functions/{name}")
    assert result(name, b"environment GREETING") == b'"hello"'
    changed = update(name, timeout=30, environment_variables={"GREETING": "bye"})
    assert (changed.timeout, changed.memory_size) == (30, 512)
    assert result(name, b"environment GREETING") == b'"bye"'


@claim
def what_has_no_meaning_here_is_kept_all_the_same():
    layer = "acs:fc:cn-shanghai:1234567890123456:layers/common/versions/1"
    name = function(layers=[layer], tags=[models.Tag(key="team", value="films")])
    assert [one.arn for one in get(name).layers] == [layer]
    assert [(one.key, one.value) for one in get(name).tags] == [("team", "films")]
    wanted = models.ListFunctionsRequest(tags=[models.Tag(key="team", value="films")])
    assert [one.function_name for one in here.list_functions(wanted).body.functions] == [name]
    name = function(idle_timeout=60, disable_ondemand=True, session_affinity="NONE")
    found = get(name)
    assert (found.idle_timeout, found.disable_ondemand, found.session_affinity) == (60, True, "NONE")


@claim
def new_code_is_what_runs_next_and_can_be_downloaded():
    name = function()
    old = get(name).code_checksum
    update(name, code=code("def handler(event, context):\n    return 'new code'\n"))
    assert result(name) == b"new code"
    answer = here.get_function_code(name, models.GetFunctionCodeRequest()).body
    with urllib.request.urlopen(answer.url) as download:
        assert download.read() == archive("def handler(event, context):\n    return 'new code'\n")
    assert answer.checksum == get(name).code_checksum != old


@claim
def functions_are_listed_a_page_at_a_time():
    names = sorted(create(f"paged-{n}").body.function_name for n in range(3))
    first = listed(prefix="paged-", limit=2)
    rest = listed(prefix="paged-", limit=2, next_token=first.next_token)
    assert [found.function_name for found in first.functions + rest.functions] == names
    assert not rest.next_token


@claim
def what_is_not_there_is_said_with_its_code():
    for call in (
        lambda: get("nowhere"),
        lambda: update("nowhere", timeout=3),
        lambda: here.delete_function("nowhere"),
        lambda: invoke("nowhere"),
    ):
        error = refused(ClientException, call)
        assert (error.status_code, error.code) == (404, "FunctionNotFound"), error


@claim
def conflicts_and_invalid_values_are_refused_and_named():
    name = function()
    error = refused(ClientException, lambda: create(name))
    assert (error.status_code, error.code) == (409, "FunctionAlreadyExists")
    for word, call in (
        ("1st", lambda: create("1st")),
        ("cobol", lambda: create(fresh("work"), runtime="cobol")),
        ("timeout", lambda: update(name, timeout=-1)),
    ):
        error = refused(ClientException, call)
        assert (error.status_code, error.code) == (400, "InvalidArgument"), error
        assert word in str(error), error


@claim
def a_wrong_secret_or_key_is_refused():
    request = models.ListFunctionsRequest()
    error = refused(ClientException, lambda: client(access_key_secret="wrong").list_functions(request))
    assert (error.status_code, error.code) == (403, "SignatureNotMatch")
    error = refused(ClientException, lambda: client(access_key_id="nobody").list_functions(request))
    assert (error.status_code, error.code) == (403, "InvalidAccessKeyID")


@claim
def an_endpoint_with_its_scheme_and_a_token_do_as_well():
    other = client(endpoint=f"http://{ENDPOINT}", protocol=None, security_token="a+token/=")
    assert other.list_functions(models.ListFunctionsRequest()).status_code == 200


@claim
def what_is_deleted_is_gone():
    name = function()
    assert here.delete_function(name).status_code == 204
    assert refused(ClientException, lambda: get(name)).code == "FunctionNotFound"


@claim
def regions_and_layers_can_be_asked_for():
    assert here.describe_regions(models.DescribeRegionsRequest()).body
    assert here.list_layers(models.ListLayersRequest()).body.layers == []


run()

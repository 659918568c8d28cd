"""Services and functions with `alibabacloud-fc-open20210406`: made, changed, listed, deleted, and refused."""

import urllib.request

from alibabacloud_fc_open20210406 import models
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_util.models import RuntimeOptions
from claims import archive, archive64, claim, fresh, refused, run
from laptop import ENDPOINT, client, function, here, invoke, service, work


@claim
def a_service_comes_back_as_it_was_made_and_changed():
    name = fresh("service")
    made = here.create_service(
        models.CreateServiceRequest(
            service_name=name,
            description="first",
            role="acs:ram::1234567890123456:role/reader",
            internet_access=False,
            log_config=models.LogConfig(project="p", logstore="l", enable_request_metrics=True),
            vpc_config=models.VPCConfig(vpc_id="vpc-1", security_group_id="sg-1", v_switch_ids=["vsw-1"]),
        )
    )
    assert made.headers["etag"] and made.headers["x-fc-request-id"]
    found = here.get_service(name, models.GetServiceRequest()).body
    assert (found.description, found.internet_access) == ("first", False)
    assert found.to_map() == made.body.to_map()
    assert (found.log_config.project, found.log_config.enable_request_metrics) == ("p", True)
    assert found.vpc_config.v_switch_ids == ["vsw-1"]
    changed = here.update_service(name, models.UpdateServiceRequest(description="second")).body
    assert (changed.description, changed.role, changed.service_id) == ("second", found.role, found.service_id)


@claim
def services_and_functions_are_listed_a_page_at_a_time():
    names = sorted(
        here.create_service(models.CreateServiceRequest(service_name=f"paged-{n}")).body.service_name
        for n in range(3)
    )

    def page(**at):
        return here.list_services(models.ListServicesRequest(limit=2, prefix="paged-", **at)).body

    first = page()
    rest = page(next_token=first.next_token)
    assert [found.service_name for found in first.services + rest.services] == names
    for name in ("b", "a", "c"):
        here.create_function(names[0], work(function_name=name))
    first = here.list_functions(names[0], models.ListFunctionsRequest(limit=2)).body
    rest = here.list_functions(names[0], models.ListFunctionsRequest(next_token=first.next_token)).body
    assert [found.function_name for found in first.functions + rest.functions] == ["a", "b", "c"]


@claim
def a_function_comes_back_as_it_was_made_and_changed():
    names = function(
        description="does its work",
        memory_size=512,
        timeout=20,
        environment_variables={"GREETING": "hello"},
        layers=["acs:fc:cn-shanghai:1:layers/tools/versions/1"],
        instance_type="e1",
    )
    found = here.get_function(*names, models.GetFunctionRequest()).body
    assert (found.memory_size, found.timeout, found.instance_type) == (512, 20, "e1")
    assert found.layers == ["acs:fc:cn-shanghai:1:layers/tools/versions/1"]
    assert found.code_size == len(archive())
    assert invoke(names, b"environment GREETING").body == b'"hello"'
    changed = here.update_function(*names, models.UpdateFunctionRequest(timeout=30)).body
    assert (changed.timeout, changed.memory_size, changed.code_checksum) == (30, 512, found.code_checksum)
    code = models.Code(zip_file=archive64("def handler(event, context):\n    return 'new code'\n"))
    here.update_function(*names, models.UpdateFunctionRequest(code=code))
    assert invoke(names).body == b"new code"


@claim
def code_is_downloaded_as_it_was_uploaded():
    names = function()
    answer = here.get_function_code(*names, models.GetFunctionCodeRequest()).body
    with urllib.request.urlopen(answer.url) as download:
        assert download.read() == archive()
    assert answer.checksum == here.get_function(*names, models.GetFunctionRequest()).body.code_checksum


@claim
def what_is_not_there_is_said_with_its_code():
    name = service()
    for code, call in (
        ("ServiceNotFound", lambda: here.get_service("nowhere", models.GetServiceRequest())),
        ("FunctionNotFound", lambda: here.get_function(name, "f", models.GetFunctionRequest())),
        ("FunctionNotFound", lambda: here.update_function(name, "f", models.UpdateFunctionRequest())),
        ("FunctionNotFound", lambda: invoke((name, "f"))),
    ):
        error = refused(ClientException, call)
        assert (error.status_code, error.code) == (404, code), error
        assert "request id: " in str(error) and "None" not in str(error)


@claim
def conflicts_and_invalid_names_are_refused():
    names = function()
    request = models.CreateServiceRequest(service_name=names[0])
    error = refused(ClientException, lambda: here.create_service(request))
    assert (error.status_code, error.code) == (409, "ServiceAlreadyExists")
    error = refused(ClientException, lambda: here.create_function(names[0], work()))
    assert (error.status_code, error.code) == (409, "FunctionAlreadyExists")
    error = refused(ClientException, lambda: here.create_function(names[0], work(function_name="1st")))
    assert (error.status_code, error.code) == (400, "InvalidArgument") and "1st" in str(error)
    error = refused(
        ClientException, lambda: here.create_function(names[0], work(function_name="m", memory_size=1))
    )
    assert (error.status_code, error.code) == (400, "InvalidArgument") and "memorySize" in str(error)
    error = refused(ClientException, lambda: here.delete_service(names[0]))
    assert error.code == "ServiceNotEmpty"


@claim
def only_who_has_seen_the_last_state_changes_it():
    names = function()
    seen = here.get_function(*names, models.GetFunctionRequest()).headers["etag"]

    def update(text):
        headers = models.UpdateFunctionHeaders(if_match=seen)
        request = models.UpdateFunctionRequest(description=text)
        return here.update_function_with_options(*names, request, headers, RuntimeOptions())

    assert update("1").body.description == "1"
    error = refused(ClientException, lambda: update("2"))
    assert (error.status_code, error.code) == (412, "PreconditionFailed")


@claim
def a_wrong_secret_or_key_is_refused():
    request = models.ListServicesRequest()
    error = refused(ClientException, lambda: client(access_key_secret="wrong").list_services(request))
    assert (error.status_code, error.code) == (403, "SignatureNotMatch")
    error = refused(ClientException, lambda: client(access_key_id="nobody").list_services(request))
    assert (error.status_code, error.code) == (403, "InvalidAccessKeyID")


@claim
def an_endpoint_with_its_scheme_and_a_token_do_as_well():
    other = client(endpoint=f"http://{ENDPOINT}", protocol=None, security_token="a+token/=")
    assert other.list_services(models.ListServicesRequest()).status_code == 200


@claim
def what_is_deleted_is_gone():
    names = function()
    assert here.delete_function(*names).status_code == 204
    assert here.delete_service(names[0]).status_code == 204
    error = refused(ClientException, lambda: here.get_service(names[0], models.GetServiceRequest()))
    assert error.code == "ServiceNotFound"


run()

"""Services and functions with `aliyun-fc2`: made, changed, listed, deleted, and refused."""

import os
import tempfile
import urllib.request

import fc2
from claims import archive, claim, fresh, refused, run
from laptop import client, function, here, service, zip_file


@claim
def a_service_comes_back_as_it_was_made_and_changed():
    name = fresh("service")
    role = "acs:ram::1234567890123456:role/reader"
    logs = {"project": "p", "logstore": "l"}
    made = here.create_service(name, description="first", role=role, logConfig=logs, internetAccess=False)
    assert made.headers["etag"], made.headers
    found = here.get_service(name).data
    assert (found["description"], found["role"], found["internetAccess"]) == ("first", role, False)
    assert found["logConfig"]["logstore"] == "l"
    changed = here.update_service(name, description="second").data
    assert (changed["description"], changed["role"]) == ("second", role)
    assert changed["serviceId"] == made.data["serviceId"]


@claim
def a_service_is_listed_a_page_at_a_time():
    names = sorted(here.create_service(f"paged-{n}").data["serviceName"] for n in range(3))
    first = here.list_services(limit=2, prefix="paged-").data
    rest = here.list_services(limit=2, prefix="paged-", nextToken=first["nextToken"]).data
    assert [found["serviceName"] for found in first["services"] + rest["services"]] == names
    assert not rest.get("nextToken")
    after = here.list_services(prefix="paged-", startKey="paged-1").data["services"]
    assert [found["serviceName"] for found in after] == names[1:]


@claim
def a_service_has_tags_and_is_found_by_them():
    name = service()
    here.tag_resource(f"services/{name}", {"team": "films", "stage": "test"})
    found = here.list_services(tags={"team": "films"}).data["services"]
    assert [one["serviceName"] for one in found] == [name]
    assert not here.list_services(tags={"team": "books"}).data["services"]
    here.untag_resource(f"services/{name}", ["team"])
    assert here.get_resource_tags(f"services/{name}").data["tags"] == {"stage": "test"}
    here.untag_resource(f"services/{name}", [], True)
    assert here.get_resource_tags(f"services/{name}").data["tags"] == {}


@claim
def a_service_with_functions_is_not_deleted():
    names = function()
    assert refused(fc2.FcError, lambda: here.delete_service(names[0])).err_code == "ServiceNotEmpty"
    here.delete_function(*names)
    here.delete_service(names[0])
    assert refused(fc2.FcError, lambda: here.get_service(names[0])).err_code == "ServiceNotFound"


@claim
def a_name_in_use_is_a_conflict():
    names = function()
    error = refused(fc2.FcError, lambda: here.create_service(names[0]))
    assert (error.status_code, error.err_code) == (409, "ServiceAlreadyExists")
    again = {"codeZipFile": zip_file()}
    error = refused(fc2.FcError, lambda: here.create_function(*names, "python3", "index.handler", **again))
    assert (error.status_code, error.err_code) == (409, "FunctionAlreadyExists")


@claim
def an_invalid_name_is_refused_and_named():
    for name in ("1st", "with space"):
        error = refused(fc2.FcError, lambda name=name: here.create_service(name))
        assert (error.status_code, error.err_code) == (400, "InvalidArgument"), error
        assert name in error.message, error


@claim
def what_is_not_there_is_said_with_the_codes_that_tools_branch_on():
    name = service()
    for code, call in (
        ("ServiceNotFound", lambda: here.get_service("nowhere")),
        ("ServiceNotFound", lambda: here.get_function("nowhere", "f")),
        ("FunctionNotFound", lambda: here.get_function(name, "f")),
        ("FunctionNotFound", lambda: here.delete_function(name, "f")),
        ("FunctionNotFound", lambda: here.invoke_function(name, "f", b"")),
        ("TriggerNotFound", lambda: here.get_trigger(*function(), "t")),
        ("AliasNotFound", lambda: here.get_alias(name, "a")),
    ):
        error = refused(fc2.FcError, call)
        assert (error.status_code, error.err_code) == (404, code), error
        assert error.request_id


@claim
def a_function_comes_back_as_it_was_made_and_changed():
    name = service()
    made = here.create_function(
        *(name, "work", "python3", "index.handler"),
        codeZipFile=zip_file(),
        description="does its work",
        memorySize=512,
        timeout=20,
        environmentVariables={"GREETING": "hello"},
    )
    assert made.data["codeSize"] == len(archive())
    found = here.get_function(name, "work")
    assert found.data == made.data
    assert (found.data["memorySize"], found.data["timeout"]) == (512, 20)
    assert here.invoke_function(name, "work", b"environment GREETING").data == b'"hello"'
    changed = here.update_function(name, "work", environmentVariables={"GREETING": "bye"}).data
    assert (changed["memorySize"], changed["codeChecksum"]) == (512, made.data["codeChecksum"])
    assert here.invoke_function(name, "work", b"environment GREETING").data == b'"bye"'


@claim
def code_comes_from_a_folder_and_new_code_is_what_runs_next():
    names = function()
    folder = tempfile.mkdtemp()
    with open(os.path.join(folder, "index.py"), "w") as file:
        file.write("def handler(event, context):\n    return 'from a folder'\n")
    before = here.get_function(*names).data["codeChecksum"]
    after = here.update_function(*names, codeDir=folder).data["codeChecksum"]
    assert after != before
    assert here.invoke_function(*names, b"").data == b"from a folder"


@claim
def code_is_downloaded_as_it_was_uploaded():
    names = function()
    answer = here.get_function_code(*names).data
    with urllib.request.urlopen(answer["url"]) as download:
        assert download.read() == archive()
    assert answer["checksum"] == here.get_function(*names).data["codeChecksum"]


@claim
def what_is_no_zip_file_is_refused():
    path = zip_file()
    with open(path, "wb") as file:
        file.write(b"no zip file")
    wanted = (service(), "f", "python3", "index.handler")
    assert refused(fc2.FcError, here.create_function, *wanted, codeZipFile=path).status_code == 400


@claim
def only_who_has_seen_the_last_state_changes_it():
    names = function()
    seen = {"if-match": here.get_function(*names).headers["etag"]}
    assert here.update_function(*names, description="1", headers=seen).data["description"] == "1"
    error = refused(fc2.FcError, lambda: here.update_function(*names, description="2", headers=seen))
    assert (error.status_code, error.err_code) == (412, "PreconditionFailed")
    error = refused(fc2.FcError, lambda: here.delete_function(*names, headers=seen))
    assert (error.status_code, error.err_code) == (412, "PreconditionFailed")
    assert here.get_function(*names).data["description"] == "1"


@claim
def functions_are_listed_a_page_at_a_time():
    name = service()
    for function_name in ("b", "a", "c"):
        here.create_function(name, function_name, "python3", "index.handler", codeZipFile=zip_file())
    first = here.list_functions(name, limit=2).data
    rest = here.list_functions(name, limit=2, nextToken=first["nextToken"]).data
    assert [found["functionName"] for found in first["functions"] + rest["functions"]] == ["a", "b", "c"]


@claim
def a_wrong_secret_or_key_is_refused():
    error = refused(fc2.FcError, lambda: client(accessKeySecret="wrong").list_services())
    assert (error.status_code, error.err_code) == (403, "SignatureNotMatch")
    error = refused(fc2.FcError, lambda: client(accessKeyID="nobody").list_services())
    assert (error.status_code, error.err_code) == (403, "InvalidAccessKeyID")


@claim
def the_account_and_its_capacities_can_be_asked_for():
    assert here.get_account_settings().data
    assert here.list_reserved_capacities().data["reservedCapacities"] == []


run()

"""A template that is moved to another folder means what it meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fun_local.build.relocation import relocated, written
from fun_local.template.load import Document, parse_document

FUNCTION = {"Type": "ALIYUN::FC::Function"}


def moved(uri, folder="/p/.fun/build", code=None):
    """The properties of a function with this CodeUri, in a template that goes from /p to ``folder``."""
    data = {"Resources": {"F": {**FUNCTION, "Properties": {"CodeUri": uri, "Timeout": 3}}}}
    found = relocated(Document("/p/template.yml", data), folder, code or {})
    assert data["Resources"]["F"]["Properties"]["CodeUri"] == uri  # what was given is as it was
    return found["Resources"]["F"]["Properties"]


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("./order", "../../order"),
        ("order/", "../../order"),
        ("../beside", "../../../beside"),
        (".", "../.."),
        ("/absolute", "/absolute"),
        ("oss://bucket/key", "oss://bucket/key"),
        ({"Ref": "Dir"}, {"Fn::Join": ["/", ["../..", {"Ref": "Dir"}]]}),
        ({"Fn::Sub": "oss://${Bucket}/key"}, {"Fn::Sub": "oss://${Bucket}/key"}),
    ],
)
def test_paths_lead_to_where_they_led(uri, expected):
    assert moved(uri) == {"CodeUri": expected, "Timeout": 3}


def test_code_that_is_elsewhere_now_is_named_there():
    place = ("Resources", "F", "Properties", "CodeUri")
    assert moved({"Ref": "Dir"}, code={place: "/p/.fun/build/s/f"})["CodeUri"] == "s/f"


def test_code_in_the_template_gives_way_to_a_file():
    properties = {"Code": {"SourceCode": "x"}, "Timeout": 3}
    data = {"Resources": {"F": {**FUNCTION, "Properties": properties}}}
    place = ("Resources", "F", "Properties", "Code", "SourceCode")
    found = relocated(Document("/p/template.yml", data), "/p", {place: "/p/f.zip"})
    assert found["Resources"]["F"]["Properties"] == {"CodeUri": "f.zip", "Timeout": 3}


def test_functions_inside_services_are_found_and_other_things_left():
    function = {"Type": "Aliyun::Serverless::Function", "Properties": {"CodeUri": "a"}}
    service = {"Type": "Aliyun::Serverless::Service", "Properties": {"CodeUri": "a"}, "f": function}
    data = {"Resources": {"s": service, "odd": 1, "empty": {"Type": "ALIYUN::FC::Function"}}}
    found = relocated(Document("/p/template.yml", data), "/p/q", {})["Resources"]
    assert found["s"]["f"]["Properties"]["CodeUri"] == "../a"
    assert found["s"]["Properties"]["CodeUri"] == "a"
    assert (found["odd"], found["empty"]) == (1, {"Type": "ALIYUN::FC::Function"})


WORDS = [
    "012",
    "yes",
    "1e3",
    "2020-01-01",
    "12:30",
    "0o17",
    "~",
    "null",
    "*a",
    "a: b",
    "x\x85y",
    "\u2028",
    "<<",
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("aß0:-#", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_a_written_template_reads_as_it_was(value):
    data = {"Outputs": value}
    text = written(data, "made by a test")
    assert parse_document("t.yml", text).data == data
    assert text.startswith(b"# made by a test\n")

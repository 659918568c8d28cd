"""Several templates as one: what wins, and where each value is said to stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fun_local.errors import InvalidTemplate
from fun_local.template.build import build
from fun_local.template.load import parse_document
from fun_local.template.merge import Merged, load_all, merge


def merged(*texts):
    return merge([parse_document(f"{i}.yml", text.encode()) for i, text in enumerate(texts)])


@pytest.mark.parametrize(
    ("below", "above", "both"),
    [
        ("{a: 1, b: 2}", "{b: 3, c: 4}", {"a": 1, "b": 3, "c": 4}),
        ("{a: {b: {c: 1, d: 2}}}", "{a: {b: {c: 3}}}", {"a": {"b": {"c": 3, "d": 2}}}),
        ("{a: [1, 2, 3]}", "{a: [9]}", {"a": [9, 2, 3]}),
        ("{a: [1]}", "{a: [9, 8]}", {"a": [9, 8]}),
        ("{a: [{b: 1, c: 2}]}", "{a: [{b: 9}]}", {"a": [{"b": 9, "c": 2}]}),
        ("{a: 1}", "{a: {b: 1}}", {"a": {"b": 1}}),
        ("{a: {b: 1}}", "{a: [1]}", {"a": [1]}),
        ("{a: {b: 1}}", "{a: text}", {"a": "text"}),
        ("{a: 1}", "{a: null}", {"a": None}),
    ],
)
def test_mappings_by_key_lists_by_place_and_the_rest_replaced(below, above, both):
    assert merged(below, above).data == both


@pytest.mark.parametrize(
    ("below", "above", "both"),
    [
        ("{a: {Ref: X}}", "{a: {'Fn::Sub': y}}", {"Fn::Sub": "y"}),
        ("{a: {Ref: X}}", "{a: {b: 1}}", {"b": 1}),
        ("{a: {b: 1}}", "{a: !GetAtt c.d}", {"Fn::GetAtt": ["c", "d"]}),
        ("{a: {Ref: X}}", "{a: {Ref: Y}}", {"Ref": "Y"}),
        ("{a: {'Fn::Join': ['-', [x, y]]}}", "{a: {'Fn::Join': ['', [z]]}}", {"Fn::Join": ["", ["z", "y"]]}),
    ],
)
def test_one_function_does_not_mix_with_another(below, above, both):
    assert merged(below, above).data["a"] == both


def test_the_last_of_many_wins():
    assert merged("{a: 1, b: 1, c: 1}", "{a: 2, b: 2}", "{a: 3}").data == {"a": 3, "b": 2, "c": 1}


def test_one_template_is_itself():
    document = parse_document("a.yml", b"a: 1")
    assert merge([document]) is document


def test_what_was_merged_is_as_it_was():
    below, above = parse_document("a", b"{a: {b: [1]}}"), parse_document("b", b"{a: {b: [2, 3]}}")
    merge([below, above])
    assert (below.data, above.data) == ({"a": {"b": [1]}}, {"a": {"b": [2, 3]}})


def place(document, *path):
    return (document.file(path), *document.position(path))


def test_a_value_stands_where_it_came_from():
    document = merged("a:\n  b: 1\n  c: 2\nl: [1, 2]\n", "\n\na:\n  c: 3\nl: [9]\nn: 1\n")
    assert place(document, "a", "b") == ("0.yml", 2, 3)
    assert place(document, "a", "c") == ("1.yml", 4, 3)
    assert place(document, "l", 0) == ("1.yml", 5, 5)
    assert place(document, "l", 1) == ("0.yml", 4, 8)
    assert place(document, "n") == ("1.yml", 6, 1)
    assert document.value_position(("a", "c")) == (4, 6)


def test_a_mapping_of_several_is_the_firsts():
    document = merged("a: {b: {c: 1}}\nx: 1\n", "\nx: {}\na: {b: {d: 2}}\n", "\n\n\na: {b: {e: 2}}\n")
    assert place(document, "a", "b") == ("0.yml", 1, 5)
    # What replaced another thing is not that thing's.
    assert place(document, "x") == ("1.yml", 2, 1)


def test_what_is_nowhere_stands_where_its_nearest_ancestor_does():
    document = merged("a: {b: 1}\n", "\na: {c: {d: 1}}\n")
    assert place(document, "a", "c", "nope", 7) == ("1.yml", 2, 5)
    assert place(document, "nope") == ("0.yml", 1, 1)


def test_other_values_keep_the_places():
    document = merged("a: 1\n", "\nb: 1\n").with_data({"a": 1, "b": 5})
    assert isinstance(document, Merged)
    assert place(document, "b") == ("1.yml", 2, 1)


TEMPLATE = """\
ROSTemplateFormatVersion: '2015-09-01'
Resources:
  F:
    Type: ALIYUN::FC::Function
    Properties:
      ServiceName: s
      FunctionName: f
      Handler: index.handler
      Runtime: python3
      Code: {SourceCode: "x = 1"}
"""


def resources(document):
    return build(
        document,
        stack_name="stack",
        region="cn-hangzhou",
        account_id="1",
        parameters={},
        replacements={},
        stage=lambda source: "digest",
    )


def write(folder, override):
    (folder / "template.yml").write_text(TEMPLATE)
    (folder / "template.override.yml").write_text(override)
    return [str(folder / "template.yml"), str(folder / "template.override.yml")]


def test_an_override_changes_what_is_deployed(tmp_path):
    files = write(tmp_path, "Resources: {F: {Properties: {MemorySize: 512}}}")
    (function,) = resources(load_all(files)).functions
    assert (function.name, function.memory_mb, function.handler) == ("f", 512, "index.handler")


def test_a_problem_names_the_file_it_is_in(tmp_path):
    destination = "acs:mns:::/queues/{fill_me_in}/messages"
    override = (
        "\nResources:\n  F:\n    Properties:\n      MemorySize: much\n"
        f"      AsyncConfiguration: {{Destination: {{OnFailure: '{destination}'}}}}\n"
    )
    files = write(tmp_path, override)
    with pytest.raises(InvalidTemplate) as error:
        resources(load_all(files))
    places = {(problem.file, problem.line) for problem in error.value.problems}
    assert places == {(files[1], 5), (files[1], 6)}
    assert error.value.message.startswith(f"{files[1]}, line 5: ")


def test_problems_of_the_template_come_before_those_of_its_override(tmp_path):
    files = write(tmp_path, "Resources: {F: {Properties: {MemorySize: much}}}")
    (tmp_path / "template.yml").write_text(TEMPLATE.replace("Runtime: python3", "Runtime: cobol"))
    with pytest.raises(InvalidTemplate) as error:
        resources(load_all(files))
    assert [problem.file for problem in error.value.problems] == files


values = st.recursive(
    st.none() | st.integers() | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "Ref"]), inner),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from(["a", "b", "c"]), values)


def as_document(name, data):
    # JSON is YAML.
    import json

    return parse_document(name, json.dumps(data).encode())


@given(documents, documents, documents)
def test_merging_step_by_step_is_merging_at_once(first, second, third):
    a, b, c = (as_document(name, data) for name, data in zip("abc", (first, second, third), strict=True))
    assert merge([merge([a, b]), c]).data == merge([a, b, c]).data


@given(documents)
def test_merging_a_template_over_itself_changes_nothing(data):
    document = as_document("a", data)
    assert merge([document, document]).data == document.data

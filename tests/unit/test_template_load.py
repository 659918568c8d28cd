"""Reading templates: what they say, where they say it, and what can't be read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fun_local.errors import InvalidRequest, InvalidTemplate
from fun_local.template import load as loading
from fun_local.template.load import load, parse_document


def read(text: str | bytes):
    return parse_document("t.yml", text.encode() if isinstance(text, str) else text)


def refused(text: str | bytes):
    """The problems of a text that can't be read."""
    with pytest.raises(InvalidTemplate) as error:
        read(text)
    assert all(problem.kind == "syntax" and problem.file == "t.yml" for problem in error.value.problems)
    return error.value.problems


def test_scalars_mean_what_yaml_1_1_says_but_dates_stay_text():
    text = "[2015-09-01, 1, -2, 0x1f, 017, 1_000, 1.5, yes, Off, ~, '1', 'yes', 1e3, text, 089, +3, .5]"
    expected = ["2015-09-01", 1, -2, 31, 15, 1000, 1.5, True, False, None, "1", "yes", "1e3"]
    assert read(f"a: {text}").data["a"] == [*expected, "text", "089", 3, 0.5]


def test_what_json_does_not_know_stays_text():
    assert read("a: [.inf, -.INF, .nan, 1.5e+999, 12:30, 1:3]").data["a"] == [
        ".inf",
        "-.INF",
        ".nan",
        "1.5e+999",
        "12:30",
        "1:3",
    ]


def test_standard_tags_choose_the_type():
    assert read("a: [!!str 1, !!int '3', ! 4, !!bool 'no']").data["a"] == ["1", 3, "4", False]


def test_keys_are_always_text():
    assert read("{1: a, yes: b, ~: c, 1.50: d}").data == {"1": "a", "yes": "b", "~": "c", "1.50": "d"}


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("!Ref x", {"Ref": "x"}),
        ("!GetAtt a.b.c", {"Fn::GetAtt": ["a", "b.c"]}),
        ("!GetAtt [a, b]", {"Fn::GetAtt": ["a", "b"]}),
        ("!Sub 'x-${y}'", {"Fn::Sub": "x-${y}"}),
        ("!Join [',', [a, !Ref b]]", {"Fn::Join": [",", ["a", {"Ref": "b"}]]}),
        ("!If [c, 1, 2]", {"Fn::If": ["c", 1, 2]}),
        ("!Not true", {"Fn::Not": True}),
    ],
)
def test_short_tags_are_the_long_form(short, long):
    assert read(f"a: {short}").data["a"] == long


def test_positions_are_those_of_keys_items_and_values():
    document = read("a:\n  b:\n    - x\n    -\n      c: |\n        text\n  d:\n    e\n")
    assert document.position(("a",)) == (1, 1)
    assert document.position(("a", "b")) == (2, 3)
    assert document.position(("a", "b", 0)) == (3, 7)
    assert document.position(("a", "b", 1, "c")) == (5, 7)
    assert document.position(("a", "d")) == (7, 3)
    assert document.value_position(("a", "d")) == (8, 5)


def test_the_position_of_what_is_missing_is_its_nearest_ancestor():
    document = read("a:\n  b: 1\n")
    assert document.position(("a", "z", 3, "y")) == (1, 1)
    assert document.position(("a", "b", "c")) == (2, 3)
    assert document.position(("q",)) == (1, 1)


def test_positions_go_through_short_tags_and_merged_keys():
    document = read("base: &b\n  k: 1\na:\n  <<: *b\n  z: !Join [',',\n    [!Ref q]]\n")
    assert document.position(("a", "k")) == (2, 3)
    assert document.position(("a", "z", "Fn::Join", 1, 0)) == (6, 6)
    assert document.position(("a", "z", "Fn::Join", 1, 0, "Ref")) == (6, 6)


def test_a_problem_names_file_line_column_and_path():
    problem = read("a:\n  - b: 1\n").problem("value", ("a", 0, "b"), "bad", "Do this.")
    assert str(problem) == "t.yml:2:5: a/0/b: bad\n    Do this."


def test_merge_keys_are_overridden_by_own_keys_and_earlier_ones():
    text = "x: &x {p: 1, q: 1}\ny: &y {q: 2, r: 2}\nz:\n  <<: [*x, *y]\n  r: 3\n"
    assert read(text).data["z"] == {"p": 1, "q": 1, "r": 3}


def test_aliases_are_copies():
    data = read("a: &a [1]\nb: *a\n").data
    assert data["b"] == [1]
    assert data["b"] is not data["a"]


def test_windows_line_ends_and_a_byte_order_mark_are_fine():
    document = read(b"\xef\xbb\xbfa: 1\r\nb:\r\n  c: 2\r\n")
    assert document.data == {"a": 1, "b": {"c": 2}}
    assert document.position(("b", "c")) == (3, 3)


def test_all_duplicate_keys_are_reported_together():
    problems = refused("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n")
    assert [(p.line, p.column, p.path) for p in problems] == [(4, 3, "b/c"), (5, 1, "a")]


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: [1\nb: 2\n", 2, "not valid YAML"),
        ("a:\n\t- b\n", 2, "not valid YAML"),
        (b"a: 1\nb: \xff\n", 2, "UTF-8"),
        ("a: b".encode("utf-16"), 1, "UTF-8"),
        ("a: \x00", 1, "character"),
        ("", 1, "empty"),
        ("# nothing\n", 1, "empty"),
        ("- a\n", 1, "mapping"),
        ("text\n", 1, "mapping"),
        ("!Ref x\n", 1, "mapping"),
        ("a: 1\n---\nb: 1\n", 2, "one document"),
        ("a: *nobody\n", 1, "anchor"),
        ("? [a]\n: 1\n", 1, "key must be text"),
        ("<<: 3\n", 1, "merged"),
        ("a: !!python/object:os.system x\n", 1, "tag"),
        ("a: !!binary eA==\n", 1, "tag"),
        ("a: !weird/tag x\n", 1, "tag"),
    ],
)
def test_what_is_no_template_is_refused_with_its_line(text, line, word):
    problems = refused(text)
    assert problems[0].line == line
    assert word in problems[0].message


@pytest.mark.parametrize("text", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused_however_deep(text):
    assert "nested more than 100 deep" in refused(text * 200_000)[0].message


def test_nesting_up_to_the_bound_is_fine():
    assert read("{a: " * 100 + "1" + "}" * 100).data


def test_alias_bombs_are_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    assert "aliases" in refused("\n".join(lines))[0].message


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: *a}", "a: &a {<<: *a}"])
def test_aliases_inside_what_they_name_are_refused(text):
    assert "alias" in refused(text)[0].message


def test_long_text_can_not_be_multiplied_by_aliases():
    text = f"a: &a {'x' * 1_000_000}\nb: [{', '.join(['*a'] * 1000)}]"
    assert "aliases" in refused(text)[0].message


def test_too_many_values_are_refused():
    assert "values" in refused("a: [" + "1," * 400_000 + "]")[0].message


def test_files_over_the_limit_are_refused_unread(tmp_path):
    path = tmp_path / "t.yml"
    path.write_bytes(b"a: 1\n" + b"#" * loading.MAX_BYTES)
    with pytest.raises(InvalidTemplate, match="larger than 2 MB"):
        load(str(path))


def test_a_file_that_is_not_there_is_an_invalid_request(tmp_path):
    with pytest.raises(InvalidRequest, match="No such file"):
        load(str(tmp_path / "t.yml"))


def test_the_pure_python_parser_gives_the_same(monkeypatch):
    import yaml

    text = "a: &x {b: [1, 'two', !Ref c]}\nd:\n  <<: *x\n  e: |\n    text\nf: \"\\x41\"\n"
    with_c = read(text)
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    without = read(text)
    assert with_c.data == without.data
    path = ("a", "b", 2)
    assert with_c.position(path) == without.position(path) == (1, 22)
    assert "nested" in refused("[" * 5000)[0].message


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{},&*!|>'\"#?% \n\t<~01.", max_size=80))
def test_anything_at_all_is_either_read_or_refused(content):
    try:
        document = read(content)
    except InvalidTemplate as error:
        assert error.problems
        assert all(p.line >= 1 and p.column >= 1 for p in error.problems)
    else:
        assert isinstance(document.data, dict)


def test_the_other_place_of_a_key_that_is_there_twice_is_named():
    (problem,) = refused("A: 1\nB:\n  C: 1\n  D: 2\n  C: 3\n")
    assert (problem.line, problem.path) == (5, "B/C")
    assert problem.message == "this key is there twice, the other is in line 3"


def test_a_tab_is_called_one():
    (problem,) = refused("A:\n\tB: 1\n")
    assert (problem.line, problem.column) == (2, 1)
    assert "tab" in problem.message and "spaces" in problem.message

"""ROS functions: what each gives, and that a wrong use is a problem with its place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fun_local.errors import InvalidTemplate
from fun_local.template.evaluator import Evaluator, Target
from fun_local.template.intrinsics import RESOLVERS, UNSUPPORTED
from fun_local.template.load import parse_document
from fun_local.template.markers import INVALID, NO_VALUE

CONTEXT = """
Mappings: {Zones: {cn-shanghai: {first: a, 2: b}}}
Conditions:
  IsTrue: {Fn::Equals: [1, "1"]}
  IsFalse: {Fn::Not: IsTrue}
  ViaName: IsTrue
"""


def scope(text: str = "", *, context: str = CONTEXT) -> Evaluator:
    return Evaluator(
        parse_document("t.yml", f"{context}\n{text}\n".encode()),
        pseudo={"ALIYUN::StackName": "demo", "ALIYUN::Region": "cn-shanghai", "ALIYUN::NoValue": NO_VALUE},
        parameters={"Size": 12, "Names": ["a", "b"], "Word": "w", "Flag": True, "Bad": INVALID},
        resources={
            "Run": Target("run-name", {"Arn": "arn:run"}),
            "Open": Target("open-name", {}, is_open=True),
            "Dropped": "its condition X does not hold",
            "Broken": None,
        },
        stack_outputs={"one": {"Name": "n", "List": [1, 2]}},
    )


def evaluate(text: str):
    evaluator = scope(f"V: {text}")
    value = evaluator.value(evaluator.document.data["V"], ("V",))
    assert not evaluator.problems, [str(p) for p in evaluator.problems]
    return value


def failed(text: str):
    """The one problem of a value."""
    evaluator = scope(f"V:\n  {text}")
    assert evaluator.value(evaluator.document.data["V"], ("V",)) is INVALID
    (problem,) = evaluator.problems
    assert problem.kind == "value"
    return problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{Ref: Word}", "w"),
        ("{Ref: Names}", ["a", "b"]),
        ("{Ref: 'ALIYUN::StackName'}", "demo"),
        ("{Ref: Run}", "run-name"),
        ("{Fn::GetAtt: [Run, Arn]}", "arn:run"),
        ("!GetAtt Run.Arn", "arn:run"),
        ("{Fn::GetAtt: [Open, Anything]}", "not-emulated:Open.Anything"),
        ("{Fn::Replace: [{<x>: {Ref: Word}, <y>: 2}, '<x>-<y>-<x>']}", "w-2-w"),
        ("{Fn::Replace: [{a: b, b: a}, ab]}", "ba"),
        ("{Fn::Replace: [{}, ab]}", "ab"),
        ("{Fn::Join: ['', [a, 1, true]]}", "a1true"),
        ("{Fn::Join: [',', {Ref: Names}]}", "a,b"),
        ("{Fn::Join: ['-', []]}", ""),
        ("{Fn::Sub: '${Word}-${Size}-${ALIYUN::StackName}-${Run}-${Run.Arn}'}", "w-12-demo-run-name-arn:run"),
        ("{Fn::Sub: '$${!Lit} $x {y_z} ${Flag} ${Names}'}", "$${Lit} $x {y_z} true a,b"),
        ("{Fn::Sub: ['${v}${Word}', {v: {Ref: Size}, Word: x}]}", "12x"),
        ("{Fn::GetStackOutput: [one, Name]}", "n"),
        ("{Fn::GetStackOutput: [one, {Fn::Join: ['', [Li, st]]}, cn-beijing]}", [1, 2]),
        ("{Fn::GetStackOutput: [one, Other]}", None),
        ("""{Fn::Jq: [First, '.a[1]', '{"a": [1, {"b": 2}]}']}""", {"b": 2}),
        ("{Fn::Jq: [All, '.[] | .x', [{x: 1}, {x: 2}]]}", [1, 2]),
        ("{Fn::Jq: [First, 'empty', '{}']}", None),
        ("{Fn::Select: [1, [a, b]]}", "b"),
        ("{Fn::Select: ['-1', [a, b]]}", "b"),
        ("{Fn::Select: [9, [a, b]]}", ""),
        ("{Fn::Select: ['1:3', [a, b, c, d]]}", ["b", "c"]),
        ("{Fn::Select: [1:3, [a, b, c, d]]}", ["b", "c"]),
        ("{Fn::Select: ['::2', [a, b, c, d]]}", ["a", "c"]),
        ("{Fn::Select: ['7:9', [a, b]]}", []),
        ("{Fn::Select: [k, {k: v}]}", "v"),
        ("{Fn::Select: [z, {k: v}]}", ""),
        ("{Fn::Select: [1, 'a, b']}", "b"),
        ("{Fn::Split: ['-', a-b]}", ["a", "b"]),
        (r'{Fn::Split: ["\n", "a\nb"]}', ["a", "b"]),
        ("{Fn::FindInMap: [Zones, {Ref: 'ALIYUN::Region'}, first]}", "a"),
        ("{Fn::FindInMap: [Zones, cn-shanghai, 2]}", "b"),
        ("{Fn::Base64Encode: é}", "w6k="),
        ("{Fn::Base64Decode: w6k=}", "é"),
        ("{Fn::Str: {Ref: Size}}", "12"),
        ("{Fn::GetJsonValue: [k, '{\"k\": [1]}']}", [1]),
        ("{Fn::If: [IsTrue, a, {Ref: Nowhere}]}", "a"),
        ("{Fn::If: [IsFalse, a, b]}", "b"),
        ("{a: {Fn::If: [IsFalse, a, {Ref: 'ALIYUN::NoValue'}]}, b: 1}", {"b": 1}),
        ("[1, {Ref: 'ALIYUN::NoValue'}]", [1]),
        ("{Fn::Equals: [a, b]}", False),
        ("{Fn::Equals: [{Ref: Size}, '12']}", True),
        ("{Fn::Equals: [{Ref: Flag}, 'true']}", True),
        ("{Fn::And: [IsTrue, ViaName, {Fn::Equals: [1, 1]}]}", True),
        ("{Fn::Or: [IsFalse, {Fn::Not: IsFalse}]}", True),
        ("{Fn::Not: [IsFalse]}", True),
        ("{Fn::Not: {Fn::Equals: [1, 1]}}", False),
        ("{Fn::GetAZs: ''}", ["cn-shanghai-a", "cn-shanghai-b", "cn-shanghai-c"]),
        ("{Fn::ListMerge: [[1], [2, 3], {Ref: Names}]}", [1, 2, 3, "a", "b"]),
        ("{Fn::MergeMapToList: [{k: [1, 2]}, {j: [3]}]}", [{"k": 1, "j": 3}, {"k": 2, "j": 3}]),
        ("{Fn::SelectMapList: [k, [{k: 1}, {j: 2}, {k: 3}]]}", [1, 3]),
        ("{Fn::Add: [1, '2', 0.5]}", 3.5),
        ("{Fn::Add: [[1], [2]]}", [1, 2]),
        ("{Fn::Add: [{a: 1}, {a: 2, b: 3}]}", {"a": 2, "b": 3}),
        ("{Fn::Avg: [1, [1, 2]]}", 1.5),
        ("{Fn::Avg: [0, [1, 2, 3]]}", 2),
        ("{Fn::Calculate: ['(2+3)/2*3-1', 1, []]}", 5),
        ("{Fn::Calculate: ['{0}/2+{1}', 1, [5, 0.5]]}", 2.5),
        ("{Fn::Calculate: ['-7/2', 0, []]}", -3),
        ("{Fn::Max: [1, {Ref: Size}, 3.5]}", 12),
        ("{Fn::Min: [1, '-2']}", -2),
        ("{Fn::Index: [b, [a, b]]}", 1),
        ("{Fn::Index: [z, [a, b]]}", ""),
        ("{Fn::Length: {Ref: Names}}", 2),
        ("{Fn::Length: abc}", 3),
    ],
)
def test_functions_give_what_ros_documents(text, expected):
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("{Ref: Wrod}", "nothing in this template is called 'Wrod'", "Did you mean Word?"),
        ("{Ref: 'ALIYUN::StackNam'}", "nothing", "Did you mean ALIYUN::StackName?"),
        ("{Ref: [a]}", "Ref takes a name", ""),
        ("{Ref: Dropped}", "its condition X does not hold", ""),
        ("{Fn::GetAtt: [Runn, Arn]}", "no resource", "Did you mean Run?"),
        ("{Fn::GetAtt: [Run, Atn]}", "has no attribute", "Did you mean Arn?"),
        ("{Fn::GetAtt: Run}", "takes [resource, attribute]", ""),
        ("{Fn::Sub: '${Nope}'}", "nothing in this template is called", ""),
        ("{Fn::Sub: [a]}", "takes text or", ""),
        ("{Fn::Sub: ['${v}', {v: {k: 1}}]}", "text or a number", ""),
        ("{Fn::Replace: [a, b]}", "a mapping of old to new", ""),
        ("{Fn::Replace: [{a: [1]}, b]}", "text is expected", ""),
        ("{Fn::Replace: [{'': x}, b]}", "a mapping of old to new", ""),
        ("{Fn::Join: [a]}", "[delimiter, [items]] is expected", ""),
        ("{Fn::Join: [',', [{a: 1}]]}", "text or a number", ""),
        ("{Fn::Select: ['::0', [1]]}", "step 0", ""),
        ("{Fn::Select: [x, [1]]}", "a number is expected", ""),
        ("{Fn::Split: ['', a]}", "a delimiter", ""),
        ("{Fn::FindInMap: [Zones, cn-shangha, first]}", "has no", "Did you mean cn-shanghai?"),
        ("{Fn::FindInMap: [Zones]}", "takes [map, key, key]", ""),
        ("{Fn::Base64Decode: '***'}", "base64", ""),
        ("{Fn::GetJsonValue: [k, '{']}", "JSON", ""),
        ("{Fn::GetJsonValue: [k, '{}']}", "no key", ""),
        ("{Fn::If: [{Fn::Equals: [1, 1]}, a, b]}", "no condition is called", ""),
        ("{Fn::If: [IsTru, a, b]}", "no condition", "Did you mean IsTrue?"),
        ("{Fn::If: [IsTrue, a]}", "takes [condition name", ""),
        ("{Fn::And: [IsTrue]}", "two or more", ""),
        ("{Fn::Not: 3}", "a condition is expected", ""),
        ("{Fn::Add: [1]}", "at least two", ""),
        ("{Fn::Add: [1, a]}", "a number is expected", ""),
        ("{Fn::Max: []}", "at least one", ""),
        ("{Fn::Add: [1.0e+308, 1.0e+308]}", "too large", ""),
        ("{Fn::Length: 3}", "expected", ""),
        ("{Fn::Calculate: ['1/0', 0, []]}", "zero", ""),
        ("{Fn::Calculate: ['{3}', 0, [1]]}", "no number {3}", ""),
        ("{Fn::Calculate: ['__import__(1)', 0, []]}", "only numbers", ""),
        ("{Fn::Calculate: ['9**9**9', 0, []]}", "only numbers", ""),
        ("{Fn::Calculate: ['1+', 0, []]}", "not a sum", ""),
        ("{Fn::Calculate: ['(((', 0, []]}", "not a sum", ""),
        ("{Fn::Cidr: [a, 1, 2]}", "the function Fn::Cidr is not supported", ""),
        ("{Fn::Jq: [Second, ., '{}']}", "[First or All, script, JSON text] is expected", ""),
        ("{Fn::Jq: [First, 1, '{}']}", "a script is expected", ""),
        ("{Fn::Jq: [First, '.[', '{}']}", "'.['", ""),
        ("{Fn::Jq: [First, ., '{']}", "Fn::Jq", ""),
        ("{Fn::Jq: [All, '[range(3000000)]', 'null']}", "too large", ""),
        ("{Fn::Jq: [First, 'last(range(1e12))', 'null']}", "not done after", ""),
        ("{Fn::GetStackOutput: [other, N]}", "no stack 'other' is deployed", "Deploy that stack first."),
        ("{Fn::GetStackOutput: [ones, Name]}", "no stack 'ones' is deployed", "Did you mean one?"),
        ("{Fn::GetStackOutput: [one]}", "Fn::GetStackOutput takes [stack, output]", ""),
        ("{Fn::Jion: [',', []]}", "no function is called", "Did you mean Fn::Join?"),
        ("{Fn::Str: 1, Other: 2}", "only key", ""),
    ],
)
def test_wrong_use_is_a_problem_with_its_line(text, message, hint):
    problem = failed(text)
    assert message in problem.message
    assert hint in problem.hint
    assert problem.line >= 9
    assert problem.path.startswith("V/")


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_functions_without_a_meaning_here_are_named(name):
    assert name in failed(f"{{{name}: [a]}}").message


def test_a_bad_value_is_reported_once_however_often_it_is_used():
    evaluator = scope("V: {Fn::Join: ['', [{Ref: Bad}, {Fn::Str: {Ref: Broken}}, {Fn::Sub: '${Bad}'}]]}")
    assert evaluator.value(evaluator.document.data["V"], ("V",)) is INVALID
    assert evaluator.problems == []


def test_every_problem_of_a_value_is_found():
    evaluator = scope("V: [{Ref: A1}, {Ref: B2}, {Fn::Join: ['', [{Ref: C3}, {Ref: D4}]]}]")
    evaluator.value(evaluator.document.data["V"], ("V",))
    assert [p.path for p in evaluator.problems] == [
        "V/0/Ref",
        "V/1/Ref",
        "V/2/Fn::Join/1/0/Ref",
        "V/2/Fn::Join/1/1/Ref",
    ]


def test_conditions_in_a_circle_are_a_problem():
    evaluator = scope(context="Conditions: {A: {Fn::Not: B}, B: {Fn::Not: C}, C: A}")
    assert evaluator.condition("A", ("Conditions", "A")) is INVALID
    (problem,) = evaluator.problems
    assert "depends on itself" in problem.message


def test_long_chains_of_conditions_are_a_problem_not_a_crash():
    names = "".join(f"  C{i}: {{Fn::Not: C{i + 1}}}\n" for i in range(3000))
    evaluator = scope(context=f"Conditions:\n{names}  C3000: {{Fn::Equals: [1, 1]}}\n")
    assert evaluator.condition("C0", ("Conditions", "C0")) is INVALID
    assert "deep" in evaluator.problems[0].message


def test_values_that_grow_without_bound_are_refused():
    evaluator = scope(f"V: [{'{Ref: Big}, ' * 60_000}]")
    evaluator.parameters = {"Big": "x" * 1000}
    with pytest.raises(InvalidTemplate, match="too large"):
        evaluator.value(evaluator.document.data["V"], ("V",))


def test_replacing_can_not_blow_up_a_text():
    inner = "x"
    for _ in range(12):
        inner = f"{{Fn::Replace: [{{x: xxxxxxxxxxxxxxxx}}, {inner}]}}"
    assert "larger than" in failed(inner).message


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.builds(
            lambda name, argument: {name: argument},
            st.sampled_from([*sorted(RESOLVERS), *sorted(UNSUPPORTED)[:2], "Fn::No"]),
            inner | st.lists(inner, min_size=2, max_size=3),
        )
        | st.sampled_from(["Run", "Names", "IsTrue", "0:2", "{0}+1", "${Word}", "Zones", '{"a": 1}'])
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(VALUES)
def test_no_value_at_all_makes_it_crash(value):
    evaluator = scope()
    result = evaluator.value(value, ("V",))
    assert evaluator.problems or "(invalid)" not in repr(result) or result is NO_VALUE
    if not evaluator.problems and result is not NO_VALUE:
        json.dumps(result)

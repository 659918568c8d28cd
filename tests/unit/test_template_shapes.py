"""The quick answer to whether a value fits: held against the library, which has the last word."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from fun_local.errors import InvalidTemplate
from fun_local.template import schema as schema_module
from fun_local.template.build import build
from fun_local.template.load import Document, parse_document
from fun_local.template.markers import INVALID
from fun_local.template.schema import check
from fun_local.template.shapes import Shapes, Unsure

FOLDER = Path(schema_module.__file__).parent
DEFINITIONS = {
    name: shape
    for file in ("schema.json", "serverless.json", "devs.json")
    for name, shape in json.loads((FOLDER / file).read_text())["$defs"].items()
}
SHAPES = Shapes(DEFINITIONS)

TEXTS = st.sampled_from(
    ["", "x", "512", "-1", "1.0", "true", "False", "x" * 128, "x" * 129, "/a", "Auto", "é"]
)
NUMBERS = st.sampled_from([0, 1, -1, 64, 128, 3072, 3136, 4096, 10**18, 10**30])
FLOATS = st.sampled_from([0.0, 1.0, -1.0, 0.05, 1.5, 64.0, 512.0, 4096.0, 1e300])
SCALARS = TEXTS | NUMBERS | st.booleans() | st.none() | st.just(INVALID)


def anything(scalars):
    """Values of every kind, and what stands for a value that had a problem."""
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2)
    )


@st.composite
def near(draw, shape, scalars=SCALARS):
    """A value that fits a shape, or nearly: something in it may be missing, too much or of another kind."""
    if "$ref" in shape:
        shape = DEFINITIONS[shape["$ref"].rpartition("/")[2]]
    if draw(st.integers(0, 15)) == 15:
        return draw(anything(scalars))
    if "oneOf" in shape:
        return draw(near(draw(st.sampled_from(shape["oneOf"])), scalars))
    if "enum" in shape:
        return draw(st.sampled_from(shape["enum"]))
    kinds = shape.get("type", ["string"])
    kind = kinds if isinstance(kinds, str) else draw(st.sampled_from(kinds))
    if kind == "object":
        return draw(near_mapping(shape, scalars))
    if kind == "array":
        return [draw(near(shape.get("items", {}), scalars)) for _ in range(draw(st.integers(0, 3)))]
    if kind in ("integer", "number"):
        edge = draw(st.sampled_from([shape.get("minimum", 0), shape.get("maximum", 64)]))
        step = shape.get("multipleOf", 1)
        number = edge + draw(st.sampled_from([0, step, -step]))
        # As ROS takes them, numbers may be written as text.
        return str(number) if draw(st.integers(0, 5)) == 5 else number
    if kind == "boolean":
        return draw(st.sampled_from([True, False, "true", "False"]))
    return None if kind == "null" else draw(TEXTS)


@st.composite
def near_mapping(draw, shape, scalars):
    bases = [DEFINITIONS[each["$ref"].rpartition("/")[2]] for each in shape.get("allOf", ())]
    inner = {name: part for each in (*bases, shape) for name, part in each.get("properties", {}).items()}
    required = [*shape.get("required", ()), *shape.get("else", {}).get("required", ())]
    optional = draw(st.lists(st.sampled_from(sorted(inner)), max_size=5)) if inner else []
    names = dict.fromkeys([*required, *optional])
    value = {name: draw(near(inner[name], scalars)) for name in names if draw(st.integers(0, 30)) < 30}
    rest = shape.get("additionalProperties") or next(iter(shape.get("patternProperties", {}).values()), {})
    for name in draw(st.lists(st.sampled_from(["a", "B-1", "9", "/path", "TypeX", "a.b"]), max_size=2)):
        if rest or draw(st.integers(0, 10)) == 10:
            value[name] = draw(near(rest, scalars))
    return value


NAMED = st.sampled_from(sorted(DEFINITIONS))


def is_valid(definition, value):
    schema = {"$ref": f"#/$defs/{definition}", "$defs": DEFINITIONS}
    return Draft202012Validator(schema).is_valid(value)


@contextmanager
def slowly():
    """While in there, every answer comes from the library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shapes, "accept", lambda *_: False)
        yield


def written(value):
    """Values as text, in which 1, 1.0 and true are not the same."""
    return json.dumps(value, default=repr)


@pytest.mark.parametrize("definition", sorted(DEFINITIONS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_quick_answer_is_that_of_the_library(definition, data):
    value = data.draw(near(DEFINITIONS[definition]))
    # It is never unsure where there are no floats, so there is no keyword in our files that it does not know.
    assert SHAPES.test(definition)(value) is is_valid(definition, value)


@settings(max_examples=400, deadline=None)
@given(definition=NAMED, data=st.data())
def test_with_floats_it_may_leave_the_answer_open_but_never_says_yes_alone(definition, data):
    value = data.draw(near(DEFINITIONS[definition], FLOATS | SCALARS))
    if SHAPES.accept(definition, value):
        assert is_valid(definition, value)


@settings(max_examples=400, deadline=None)
@given(definition=NAMED, data=st.data())
def test_a_check_gives_what_it_would_give_without_the_quick_answer(definition, data):
    value = data.draw(near(DEFINITIONS[definition], FLOATS | SCALARS))
    document = Document("t.yml", {})
    quick = check(document, definition, value, ("Resources", "x"))
    with slowly():
        slow = check(document, definition, value, ("Resources", "x"))
    assert (written(quick[0]), quick[1]) == (written(slow[0]), slow[1])


TEMPLATES = {
    "template.yml": """
ROSTemplateFormatVersion: '2015-09-01'
Transform: 'Aliyun::Serverless-2018-04-03'
Resources:
  shop:
    Type: 'Aliyun::Serverless::Service'
    Properties: {LogConfig: Auto, VpcConfig: Auto, Policies: [AliyunLogFullAccess]}
    main:
      Type: 'Aliyun::Serverless::Function'
      Properties:
        Handler: index.handler
        Runtime: python3
        CodeUri: ./
        MemorySize: '512'
        EnvironmentVariables: {A: 1, B: true}
        AsyncConfiguration:
          Destination: {OnFailure: 'acs:mns:::/queues/q/messages'}
          StatefulInvocation: true
      Events:
        tick: {Type: Timer, Properties: {CronExpression: '@every 1m', Enable: 'true'}}
        web: {Type: HTTP, Properties: {AuthType: anonymous, Methods: [GET]}}
  example.com:
    Type: 'Aliyun::Serverless::CustomDomain'
    Properties: {Protocol: HTTP, RouteConfig: {routes: {'/*': {ServiceName: shop, FunctionName: main}}}}
""",
    "ros.yml": """
ROSTemplateFormatVersion: '2015-09-01'
Parameters: {Size: {Type: Number, Default: 512, AllowedValues: [512, 1024]}}
Resources:
  Home: {Type: ALIYUN::FC::Service, Properties: {ServiceName: shop, InternetAccess: 'false'}}
  Main:
    Type: ALIYUN::FC::Function
    DependsOn: [Jobs]
    Properties:
      ServiceName: {Ref: Home}
      FunctionName: {'Fn::Sub': '${Home}-main'}
      Handler: index.handler
      Runtime: nodejs12
      Code: {SourceCode: 'exports.handler = 1'}
      MemorySize: {Ref: Size}
      CAPort: 9000.0
  Jobs: {Type: ALIYUN::MNS::Queue, Properties: {QueueName: jobs, DelaySeconds: 5}}
Outputs: {Name: {Value: {'Fn::GetAtt': [Main, FunctionName]}}}
""",
    "s.yaml": """
edition: 3.0.0
name: app
vars: {region: cn-hangzhou, memory: 512}
resources:
  one:
    component: fc3
    props:
      region: ${vars.region}
      functionName: main
      runtime: python3
      handler: index.handler
      code: {src: ./}
      memorySize: ${vars.memory}
      triggers:
        - {triggerName: t, triggerType: timer, triggerConfig: {cronExpression: '@every 1m', enable: 'true'}}
""",
}


@st.composite
def damaged(draw, text):
    """A template with up to three of its values gone, replaced, misnamed or joined by another."""
    data = yaml.safe_load(text)
    for _ in range(draw(st.integers(0, 3))):
        holder = draw(st.sampled_from(list(holders(data))))
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        change = draw(st.sampled_from(["gone", "replaced", "misnamed", "joined"]))
        junk = draw(anything(TEXTS | NUMBERS | FLOATS | st.booleans() | st.none()))
        if change == "replaced":
            holder[key] = junk
        elif isinstance(holder, list):
            holder.append(junk)
        elif change == "joined":
            holder[f"{key}x"] = junk
        else:
            value = holder.pop(key)
            if change == "misnamed":
                holder[key.swapcase()] = value
    return yaml.safe_dump(data)


def holders(value):
    """All mappings and lists of a value that have something in them."""
    if isinstance(value, dict | list) and value:
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from holders(item)


def outcome(name, text):
    """What a template comes to, or its problems."""
    try:
        return build(
            parse_document(name, text.encode()),
            stack_name="stack",
            region="cn-hangzhou",
            account_id="1234567890123456",
            parameters={},
            replacements={},
            stage=lambda source: "digest",
        )
    except InvalidTemplate as error:
        return error.problems


@pytest.mark.parametrize("name", TEMPLATES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_template_comes_to_the_same_without_the_quick_answer(name, data):
    text = data.draw(damaged(TEMPLATES[name]))
    quick = outcome(name, text)
    with slowly():
        slow = outcome(name, text)
    assert quick == slow
    assert repr(quick) == repr(slow)


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_is_damaged_there_is_good_before(name):
    assert outcome(name, TEMPLATES[name]).functions


def test_a_template_without_a_mistake_does_not_load_the_library(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(TEMPLATES["s.yaml"])
    code = f"""
import sys
from fun_local.template.build import build
from fun_local.template.load import load
build(load({str(path)!r}), stack_name="s", region="r", account_id="1", parameters={{}}, replacements={{}},
      stage=lambda source: "")
print("jsonschema" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


#: Every keyword, alone and inside those that would turn a wrong no into a wrong yes; LEFT are too special.
KEYWORDS = [
    True,
    False,
    *({"type": kind} for kind in ("object", "array", "string", "boolean", "null", "integer", "number")),
    {"type": ["integer", "null"]},
    {"enum": [1, "x", True, None]},
    {"const": 0},
    {"enum": [1.5, 1.0]},
    {"const": []},
    {"minimum": 1, "maximum": 64},
    {"exclusiveMinimum": 1},
    {"multipleOf": 64},
    {"minLength": 1, "maxLength": 2},
    {"pattern": "^x"},
    {"minItems": 1, "maxItems": 2, "items": {"type": "integer"}},
    {"required": ["a"], "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    {"minProperties": 1, "additionalProperties": {"type": "integer"}},
    {"patternProperties": {"^a": {"minimum": 1}, "b$": {"maximum": 1}}, "additionalProperties": False},
    {"properties": {"ab": {"type": "integer"}}, "patternProperties": {"^a": {"minimum": 1}}},
    {"allOf": [{"type": "integer"}, {"minimum": 1}]},
    {"oneOf": [{"type": "string"}, {"maxLength": 1}]},
    {"oneOf": [{"type": "integer"}, {"type": "number"}]},
    {"oneOf": [{"enum": [1, 64]}, {"type": "number"}]},
    {"if": {"type": "integer"}, "then": {"minimum": 1}, "else": {"type": "string"}},
    {"if": {"multipleOf": 0.1}, "then": False},
    {"then": False, "else": False},
    {"$ref": "#/$defs/word", "maxLength": 2},
]
LEFT = [{"enum": [1.5, 1.0]}, {"const": []}, {"if": {"multipleOf": 0.1}, "then": False}]
VALUES = [
    *(None, True, False, INVALID, "", "x", "xy", "xyz", "1"),
    *(-1, 0, 1, 2, 63, 64, 65, 128, 3, 10**30, 0.0, 1.0, 1.5, 3.0, 64.0, -0.5),
    *([], [1], [1, 2], [1, 2, 3], ["x"], [True], [[]]),
    *(
        {},
        {"a": 1},
        {"a": "x"},
        {"ab": 1},
        {"ab": 0},
        {"ab": 2},
        {"b": 1},
        {"b": 2},
        {"c": 1},
        {"a": 1, "c": 1},
    ),
]


@pytest.mark.parametrize("shape", KEYWORDS, ids=json.dumps)
def test_a_keyword_means_what_the_library_says(shape):
    definitions = {"it": shape, "word": {"type": "string"}}
    library = Draft202012Validator({"$ref": "#/$defs/it", "$defs": definitions})
    shapes = Shapes(definitions)
    for value in VALUES:
        try:
            assert shapes.test("it")(value) is library.is_valid(value), value
        except Unsure:
            assert isinstance(value, float) or shape in LEFT, value


def test_a_whole_float_is_not_passed_where_an_integer_is_made_of_it():
    value, problems = check(Document("t.yml", {}), "Devs:Timeout", 60.0, ())
    assert (written(value), problems) == ("60", [])


def test_a_keyword_that_it_does_not_know_leaves_the_answer_to_the_library():
    shapes = Shapes({"it": {"type": "string", "format": "date"}})
    assert not shapes.accept("it", "2020-01-01")
    with pytest.raises(Unsure):
        shapes.test("it")("2020-01-01")


def test_a_definition_may_hold_itself():
    shapes = Shapes({"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}})
    assert shapes.accept("tree", [[], [[]]])
    assert not shapes.accept("tree", [[], [1]])

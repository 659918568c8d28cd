"""Serverless Devs files among others: a file that extends one, ``.env`` files, and what nobody knows."""

from __future__ import annotations

import os

import pytest

from fun_local.template import devs
from fun_local.template.load import load

BASE = """edition: 3.0.0
name: app
vars:
  region: cn-hangzhou
  memory: 512
resources:
  one:
    component: fc3
    props:
      region: ${vars.region}
      functionName: main
      runtime: python3
      handler: index.handler
      code: ./code
      memorySize: ${vars.memory}
      layers: [a, b]
      environmentVariables: {STAGE: base, KEPT: kept}
"""
OWN = """extend: s.base.yaml
vars:
  memory: 1024
resources:
  one:
    props:
      functionName: main-prod
      layers: [c]
      environmentVariables: {STAGE: prod}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "app" / "code").mkdir(parents=True)
    return tmp_path / "app"


@pytest.fixture
def make(project):
    def read(files, *, environ=()):
        """What the first of ``files`` asks for: texts by name."""
        for name, text in files.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        document = load(str(project / next(iter(files))))
        assert devs.is_devs(document)
        return devs.read(
            document,
            stack_name="demo-1",
            region="cn-shanghai",
            account_id="1",
            environ=dict(environ),
            replacements={},
        )

    return read


@pytest.fixture
def good(make):
    def read(files, **options):
        found = make(files, **options)
        assert [str(problem) for problem in found.problems] == []
        return found

    return read


@pytest.fixture
def only(make):
    def read(files, **options):
        (problem,) = make(files, **options).problems
        return problem

    return read


# --- extend ------------------------------------------------------------------------------------


def test_a_file_lies_over_the_one_that_it_extends(good):
    found = good({"s.prod.yaml": OWN, "s.base.yaml": BASE})
    (function,) = found.functions
    assert (function.name, function.runtime, function.memory_mb) == ("main-prod", "python3", 1024)
    assert function.environment == {"STAGE": "prod", "KEPT": "kept"}
    assert found.warnings == ["function _default/main-prod: layers has no effect: layers are not loaded"]


def test_files_of_the_first_edition_extend_others_too(good):
    base = """edition: 1.0.0
services:
  one:
    component: fc
    props:
      region: r
      service: {name: shop}
      function: {name: main, runtime: python3, codeUri: ./code, environmentVariables: {A: 1}}
"""
    own = """extend: s.yaml
services:
  one:
    props:
      function:
        name: dev
        environmentVariables:
          # nothing yet
"""
    (function,) = good({"s.dev.yaml": own, "s.yaml": base}).functions
    assert (function.path, function.environment) == ("shop/dev", {})


def test_the_other_file_may_be_in_another_folder_and_code_is_seen_from_the_first(good, project):
    own = OWN.replace("s.base.yaml", "../shared/base.yaml").replace("STAGE: prod", "STAGE: '${path(x)}'")
    base = BASE.replace("KEPT: kept", "KEPT: '${path(x)}'")
    found = good({"s.yaml": own, "../shared/base.yaml": base})
    (function,) = found.functions
    assert function.environment == {"STAGE": str(project / "x"), "KEPT": str(project.parent / "shared" / "x")}
    assert found.code[0][0].folder == str(project / "code")


def test_a_problem_names_the_file_in_which_the_value_stands(make, project):
    base = BASE.replace("runtime: python3", "runtime: pyton3")
    own = OWN.replace("functionName: main-prod", "timeout: soon")
    runtime, timeout = sorted(make({"s.yaml": own, "s.base.yaml": base}).problems, key=lambda p: p.file)
    assert (os.path.basename(runtime.file), runtime.line) == ("s.base.yaml", 12)
    assert (os.path.basename(timeout.file), timeout.line) == ("s.yaml", 7)


@pytest.mark.parametrize("name", ["nowhere.yaml", "code", "'a\\0b'"])
def test_what_can_not_be_extended_is_named(only, name):
    if name.startswith("'"):
        name = name.replace("'", '"')
    problem = only({"s.yaml": OWN.replace("s.base.yaml", name)})
    assert problem.path == "extend"
    assert "can't extend" in problem.message
    assert problem.hint


def test_a_mistake_in_the_other_files_yaml_is_shown_there(only):
    problem = only({"s.yaml": OWN, "s.base.yaml": "a: [\n"})
    assert (os.path.basename(problem.file), problem.kind) == ("s.base.yaml", "syntax")


def test_environments_and_extend_exclude_each_other(only):
    problem = only({"s.yaml": OWN + "env: env.yaml\n", "s.base.yaml": BASE})
    assert problem.path == "env"
    assert "exclude each other" in problem.message


def test_environments_alone_are_said_to_have_no_effect(good):
    found = good({"s.yaml": BASE + "env: env.yaml\n"})
    assert any("env has no effect" in warning for warning in found.warnings)


def test_only_the_first_extend_is_followed(good):
    files = {"s.yaml": OWN, "s.base.yaml": BASE + "extend: other.yaml\n"}
    assert any("its own extend is not followed" in warning for warning in good(files).warnings)


def test_an_extend_that_names_no_file_is_said_to_have_no_effect(good):
    found = good({"s.yaml": BASE + "extend: {file: s.base.yaml}\n"})
    assert any("extend has no effect" in warning for warning in found.warnings)


# --- .env --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("NAME=value", "value"),
        ("export NAME = value  # said why", "value"),
        ("NAME='a # b' # c", "a # b"),
        ('NAME="a\\nb"', "a\nb"),
        ("NAME=", ""),
        ("NAME=a=b#c", "a=b#c"),
        ("OTHER=o\nNAME=${OTHER}-$OTHER-${NONE:-d}", "o-o-d"),
        ("# NAME=no\nno line\nNAME=yes\nNAME=later", "yes"),
    ],
)
def test_an_env_file_answers_env(good, line, value):
    text = BASE.replace("STAGE: base", "STAGE: \"${env('NAME')}\"")
    (function,) = good({"s.yaml": text, ".env": f"{line}\n"}).functions
    assert function.environment["STAGE"] == value


def test_what_is_set_wins_over_files_and_the_codes_file_over_the_projects(good):
    text = BASE.replace("STAGE: base", "STAGE: '${env(A)}-${env(B)}-${env(C)}'")
    files = {"s.yaml": text, ".env": "A=project\nB=project\nC=project\n", "code/.env": "A=code\nB=code\n"}
    (function,) = good(files, environ={"A": "set"}).functions
    assert function.environment["STAGE"] == "set-code-project"


def test_an_env_file_that_can_not_be_read_is_as_none(only, project):
    (project / ".env").mkdir()
    problem = only({"s.yaml": BASE.replace("STAGE: base", "STAGE: '${env(NAME)}'")})
    assert "NAME is not set" in problem.message


# --- what nobody knows -------------------------------------------------------------------------


def test_unknown_properties_are_let_pass_as_the_components_do(good):
    text = BASE.replace(
        "layers: [a, b]", "events: [{name: x}]\n      triggers: []\n      asyncInvokeConfig: {b: }"
    )
    found = good({"s.yaml": text + "    stray: 1\nother: 1\n"})
    (function,) = found.functions
    assert function.name == "main"
    assert sorted(warning.partition(" ")[0] for warning in found.warnings) == [
        "resources/one/props/events",
        "resources/one/stray",
    ]
    assert all("is not known and has no effect (line" in warning for warning in found.warnings)


def test_a_name_that_is_almost_a_known_one_is_a_mistake(only):
    problem = only({"s.yaml": BASE.replace("layers: [a, b]", "enviromentVariables: {A: 1}")})
    assert (problem.kind, problem.path) == ("additional", "resources/one/props/enviromentVariables")
    assert problem.line == 16


def test_a_property_with_nothing_behind_it_is_not_there(good):
    text = BASE.replace(
        "layers: [a, b]",
        "layers:\n      vpcConfig:\n      triggers:\n      asyncInvokeConfig: {destinationConfig: }",
    )
    found = good({"s.yaml": text})
    assert found.warnings == []
    assert found.functions[0].async_config is not None


@pytest.mark.parametrize("value", ["", "null", "{b: 1}", "[1]"])
def test_an_environment_variable_is_a_text_a_number_or_a_word(only, value):
    problem = only({"s.yaml": BASE.replace("STAGE: base", f"STAGE: {value}")})
    assert (problem.kind, problem.path) == ("type", "resources/one/props/environmentVariables/STAGE")


def test_a_file_of_something_else_is_told_what_is_missing(only):
    problem = only({"s.yaml": "port: 7890\nrules: []\n"})
    assert problem.message == "Missing property services"
    assert "has an edition" in problem.hint


# --- what only a deployment or another tool would know -----------------------------------------


def test_what_another_module_will_be_like_stands_for_itself(good):
    other = """  two:
    component: fc3
    props:
      region: r
      functionName: two
      runtime: python3
      handler: index.handler
      code: ./code
      logConfig: ${resources.one.output.logConfig}
      environmentVariables: {URL: "${resources.one.info.url.system_url}"}
"""
    found = good({"s.yaml": BASE + other})
    assert found.functions[1].environment == {"URL": "not-emulated:one.url.system_url"}


def test_double_braces_are_no_placeholder_of_ours(good):
    text = BASE.replace("layers: [a, b]", "role: 'acs:ram::1:role/{{role_name}}'")
    assert good({"s.yaml": text}).warnings == []

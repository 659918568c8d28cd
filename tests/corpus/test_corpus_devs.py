"""Real Serverless Devs files of other people: all functions of theirs arrive, or there is a reason.

What is expected is worked out here from the plain YAML, without any code of ours. The corpus is looked for
where FUN_LOCAL_CORPUS says, else next to the project; where it is missing these tests are skipped, but in CI
they fail.
"""

from __future__ import annotations

import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from fun_local.template import devs, faas
from fun_local.template.build import build
from fun_local.template.load import load
from tests.conftest import ROOT, corpus_file

FOLDER = Path(os.environ.get("FUN_LOCAL_CORPUS", ROOT.parent / "shared" / "corpus"))

REGION, ACCOUNT = "cn-shanghai", "1234567890123456"
ENVIRON = {"USER": "somebody", "DEV_ENV": "test", "image": "registry.example.com/image"}

EARLY = "its properties are those of fc3 before its first release, which the released component refuses"
OTHER = "none of its modules is a function of Function Compute"

#: Files that are refused: why, and what problems they have.
REFUSED = {
    "Serverless-Devs__Serverless-Devs/tests____e2e__deploy__s.yml": (EARLY, ["additional"]),
    "Serverless-Devs__Serverless-Devs/tests____e2e__error__invalid-flow.yml": (EARLY, ["additional"] * 2),
    "Serverless-Devs__Serverless-Devs/tests____fixtures__basic__verify.yml": (
        "two of its modules are the same function",
        ["value"],
    ),
    "Serverless-Devs__Serverless-Devs/tests____fixtures__deploy__s_en.yml": (EARLY, ["additional"]),
    "Serverless-Devs__Serverless-Devs/tests____fixtures__environment__s.yml": (OTHER, ["value"] * 2),
    "Serverless-Devs__Serverless-Devs/tests____fixtures__error__component-not-found.yml": (
        EARLY,
        ["additional"],
    ),
    "Serverless-Devs__Serverless-Devs/tests____fixtures__error__pre-deploy-format-error.yml": (
        EARLY,
        ["additional"],
    ),
    "Serverless-Devs__Serverless-Devs/tests____fixtures__verify__template.yml": (
        "a test of the tool's own validator: its runtime and timeout are wrong on purpose",
        ["value", "type"],
    ),
    "devsapp__fc-local-invoke/example__s.yml": (OTHER, ["value"]),
    "devsapp__fc3/tests____build__python__s.yml": (OTHER, ["value"]),
    "devsapp__fc3/tests____examples__nodejs__s.yml": (EARLY, ["additional"]),
    "devsapp__ros/examples__s.yml": (OTHER, ["value"]),
    "devsapp__ros/examples__s2.yml": (OTHER, ["value"]),
    "seed/s.e963f04.yml": (OTHER, ["value"]),
}


def files(is_wanted) -> list[str]:
    """Names of the files that hold what is wanted, by what a plain YAML loader gives."""
    found = []
    for path in sorted(FOLDER.glob("*/*.y*ml")):
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
        except yaml.YAMLError:
            continue
        if isinstance(data, dict) and is_wanted(data):
            found.append(f"{path.parent.name}/{path.name}")
    return found


FILES = files(lambda data: "edition" in data)
FAAS = files(lambda data: "function-compute" in data)


def test_the_corpus_is_there():
    corpus_file("INDEX.md")
    assert len(FILES) == 68
    assert len(FAAS) == 6
    assert set(FILES) >= set(REFUSED)


def read(path: Path):
    document = load(str(path))
    assert devs.is_devs(document)
    return devs.read(
        document,
        stack_name="demo-1",
        region=REGION,
        account_id=ACCOUNT,
        environ=ENVIRON,
        replacements={"please_replace_me": "dlq"},
    )


def built(path: Path):
    """All the way: what is deployed."""
    return build(
        load(str(path)),
        stack_name="demo-1",
        region=REGION,
        account_id=ACCOUNT,
        parameters={},
        replacements={"please_replace_me": "dlq"},
        stage=lambda source: "digest",
        environ=ENVIRON,
    )


# --- what is expected --------------------------------------------------------------------------


class Resolver:
    """Just enough of the tool's expressions for these files."""

    def __init__(self, data: dict, modules: dict, folder: Path) -> None:
        self.data, self.modules, self.folder = data, modules, folder

    def value(self, value, module: str):
        if isinstance(value, dict):
            return {key: self.value(item, module) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, module) for item in value]
        if not isinstance(value, str):
            return value
        whole = re.fullmatch(r"\$\{([^}]*)\}", value)
        if whole:
            return self.expression(whole[1].strip(), module)
        return re.sub(r"\$\{([^}]*)\}", lambda match: str(self.expression(match[1].strip(), module)), value)

    def expression(self, text: str, module: str):
        if match := re.fullmatch(r"env\((\w+)\)", text):
            return ENVIRON[match[1]]
        if match := re.fullmatch(r"env\('(\w+)'\)", text):
            return ENVIRON[match[1]]
        if match := re.fullmatch(r"env\('(\w+)', (.*)\)", text):
            return ENVIRON.get(match[1]) or self.expression(match[2], module)
        if match := re.fullmatch(r"'(.*)'", text):
            return match[1]
        if match := re.fullmatch(r"""path\(['"]?(.*?)['"]?\)""", text):
            return os.path.normpath(self.folder / match[1])
        if re.fullmatch(r"""config\(['"]AccountID['"]\)""", text):
            return ACCOUNT
        parts = text.removeprefix("resources.").split(".")
        if parts[0] == "vars":
            return self.value(self.look(self.data["vars"], parts[1:]), module)
        if parts[0] == "this":
            parts[0] = module
        if parts[1] == "output":
            return f"not-emulated:{parts[0]}.{'.'.join(parts[2:])}"
        own = {"name": parts[0], "access": self.data.get("access")}
        if parts[1] in own:
            return own[parts[1]]
        assert parts[1] == "props", text
        return self.value(self.look(self.modules[parts[0]], parts[1:]), parts[0])

    @staticmethod
    def look(value, parts: list[str]):
        for part in parts:
            value = value[part]
        return value


def with_templates(data: dict, modules: dict) -> dict:
    """Modules with what they take from templates; no mapping stands on both sides in these files."""
    result = {}
    for name, module in modules.items():
        props = dict(module.get("props") or {})
        if extend := module.get("extend"):
            ignore = extend.get("ignore", [])
            base = data["template"][extend["name"]]
            props = {key: value for key, value in base.items() if key not in ignore} | props
        result[name] = {**module, "props": props}
    return result


def as_text(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def from_fc(props: dict) -> dict:
    function, service = props["function"], props["service"]
    settings = function.get("asyncConfiguration")
    destination = (settings or {}).get("destination", {})
    return common(function) | {
        "service": service["name"],
        "name": function["name"],
        "memory_mb": function.get("memorySize", 128),
        "initializer": function.get("initializer", ""),
        "initialization_timeout_seconds": function.get("initializationTimeout", 3),
        "ca_port": function.get("caPort", 9000),
        "uri": function["codeUri"],
        "async": settings
        and {
            "max_retries": settings["maxAsyncRetryAttempts"],
            "max_age_seconds": settings["maxAsyncEventAgeInSeconds"],
            "stateful": settings["statefulInvocation"],
            "on_success": destination["onSuccess"].replace("{please_replace_me}", "dlq"),
            "on_failure": destination["onFailure"].replace("{please_replace_me}", "dlq"),
        },
        "triggers": [(t["name"], t["type"]) for t in props.get("triggers", [])],
    }


def from_fc3(props: dict) -> dict:
    assert "asyncInvokeConfig" not in props
    return common(props) | {
        "service": "_default",
        "name": props["functionName"],
        "memory_mb": props.get("memorySize", 512),
        "uri": props["code"],
        "async": None,
        "triggers": [(t["triggerName"], t["triggerType"]) for t in props.get("triggers", [])],
    }


def common(function: dict) -> dict:
    variables = function.get("environmentVariables", {})
    return {
        "description": function.get("description", ""),
        "runtime": function["runtime"],
        "handler": function.get("handler", "index.handler"),
        "timeout_seconds": function.get("timeout", 3),
        "instance_concurrency": function.get("instanceConcurrency", 1),
        "environment": {key: as_text(value) for key, value in variables.items()},
    }


def expected(path: Path) -> tuple[list[dict], set[str]]:
    """The functions of a file in its order, and its services."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    modules = with_templates(data, data.get("services") or data.get("resources"))
    resolver = Resolver(data, modules, path.parent)
    functions, services = [], set()
    for name, module in modules.items():
        written = module["props"]
        if "service" in written:
            props = resolver.value(written, name)
            services.add(props["service"]["name"])
            if "function" in props:
                functions.append(from_fc(props))
        elif "functionName" in written:
            services.add("_default")
            functions.append(from_fc3(resolver.value(written, name)))
    return functions, services


def copied(name: str, folder: Path) -> Path:
    """A copy of a file, deep enough for what is above it, with code where its functions say it is."""
    path = folder / "a" / "b" / "c" / "d" / "e" / Path(name).name
    path.parent.mkdir(parents=True)
    path.write_text((FOLDER / name).read_text(encoding="utf-8"), encoding="utf-8")
    for uri in re.findall(r"\b(?:codeUri|code):\s*['\"]?([^'\"\s#{]+)", path.read_text(encoding="utf-8")):
        target = path.parent / uri
        if target.exists():
            continue
        if target.suffix == ".jar":
            target.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(target, "w") as archive:
                archive.writestr("a", "")
        elif target.suffix == ".js":
            target.write_text("")
        else:
            target.mkdir(parents=True)
    return path


# --- the tests ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in FILES if name not in REFUSED])
def test_all_functions_of_a_file_arrive(name, tmp_path, record_property):
    record_property("corpus verdict", ["s.yaml", "n/a", "ok, all functions arrive"])
    path = copied(name, tmp_path)
    found = read(path)
    assert [str(problem) for problem in found.problems] == []
    functions, services = expected(path)
    assert {service.name for service in found.services} == services
    assert len(found.functions) == len(found.code) == len(functions)
    assert [replace(function, code="") for function in built(path).functions] == found.functions
    for function, (source, _), wanted in zip(found.functions, found.code, functions, strict=True):
        uri, triggers, settings = wanted.pop("uri"), wanted.pop("triggers"), wanted.pop("async")
        for key, value in wanted.items():
            assert getattr(function, key) == value, (name, key)
        if settings is None:
            assert function.async_config is None
        else:
            for key, value in settings.items():
                assert getattr(function.async_config, key) == value, (name, key)
        if function.runtime == "custom-container":
            assert source is None
        elif (path.parent / uri).is_dir():
            assert source.folder == os.path.normpath(path.parent / uri)
        else:
            assert source.archive or source.files
        own = [
            (t.name, t.type)
            for t in found.triggers
            if (t.service, t.function) == (function.service, function.name)
        ]
        assert own == triggers


@pytest.mark.parametrize("name", [name for name in FILES if name in REFUSED])
def test_what_is_refused_is_refused_for_its_reason(name, tmp_path, record_property):
    record_property("corpus verdict", ["s.yaml", "n/a", "refused, with a reason"])
    path = copied(name, tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines()
    problems = read(path).problems
    assert [problem.kind for problem in problems] == REFUSED[name][1]
    for problem in problems:
        key = problem.path.rpartition("/")[2]
        assert lines[problem.line - 1][problem.column - 1 :].startswith(key)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("error")
def test_no_file_ends_in_a_traceback(name):
    """As it is, in a folder without any code, and with an empty environment."""
    document = load(str(FOLDER / name))
    found = devs.read(
        document, stack_name="s", region=REGION, account_id=ACCOUNT, environ={}, replacements={}
    )
    for problem in found.problems:
        assert problem.line >= 1
        assert problem.message


@pytest.mark.parametrize("name", FILES)
def test_no_module_is_dropped_in_silence(name, tmp_path):
    path = copied(name, tmp_path)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    modules = data.get("services") or data.get("resources")
    found = read(path)
    said = {accepted.name for accepted in found.not_emulated}
    said |= {problem.path.split("/")[1] for problem in found.problems}
    said |= {path[1] for _, path in found.code}
    for module, body in modules.items():
        props = body.get("props") or {}
        is_else = "domainName" in props or ("service" in props and "function" not in props)
        assert module in said or (is_else and (found.domains or found.services))


@pytest.mark.parametrize("name", FAAS)
def test_funcrafts_first_format_is_told_apart(name, record_property):
    record_property("corpus verdict", ["faas", "n/a", "refused, says how to convert"])
    document = load(str(FOLDER / name))
    assert faas.is_faas(document)
    assert not devs.is_devs(document)
    assert "Aliyun::Serverless-2018-04-03" in faas.problem(document).hint


def test_the_seeds_first_edition(tmp_path):
    corpus_file("seed/s.77cf135.yml")
    found = read(copied("seed/s.77cf135.yml", tmp_path))
    (function,) = found.functions
    assert function.path == "fc-job/fc-job-function"
    assert (function.async_config.max_retries, function.async_config.max_age_seconds) == (1, 172_800)
    assert function.async_config.stateful
    assert function.async_config.on_failure == "acs:mns:::/queues/dlq/messages"


def test_the_seeds_second_edition_says_what_to_deploy_instead():
    corpus_file("seed/s.e963f04.yml")
    (problem,) = read(FOLDER / "seed" / "s.e963f04.yml").problems
    assert problem.hint.endswith(f"fun deploy -t {FOLDER / 'seed' / 's.yaml.json'}")

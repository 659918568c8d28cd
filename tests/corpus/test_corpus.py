"""142 real templates of other people: what Funcraft's own validator says of them, and what we say.

The corpus is not part of this project. It is looked for where FUN_LOCAL_CORPUS says, else next to the
project; where it is missing these tests are skipped, but in CI they fail.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from fun_local.errors import InvalidTemplate
from fun_local.template.build import build
from fun_local.template.load import load
from tests.conftest import ROOT, corpus_file

FOLDER = Path(os.environ.get("FUN_LOCAL_CORPUS", ROOT.parent / "shared" / "corpus"))

#: Files of which we say something else than Funcraft, each with the reason.
DIFFERENT = {
    "seed/template.a17dbe3.yml": "AsyncConfiguration is what this project is about; Funcraft's schema of "
    "plain ROS functions is older than that",
    "seed/s.yaml.e963f04.json": "the same template as JSON",
    "devsapp__ros/examples__s2.yml": "a Serverless Devs file with a template somewhere inside it: refused by "
    "its name, where Funcraft finds all its keys unexpected",
}

#: What `fun init` fills in; before that they are no YAML, however Funcraft's loader reads some of them.
IS_TO_BE_FILLED_IN = re.compile(r"\{\{(.*?)\}\}")

DEFAULTS = {"Timeout": 3, "MemorySize": 128, "InitializationTimeout": 3, "Initializer": ""}

STACK, REGION, ACCOUNT = "demo-1", "cn-shanghai", "1234567890123456"


@dataclass(frozen=True)
class Entry:
    """A line of the corpus's index."""

    kind: str
    file: str
    parse: str
    verdict: str


def entries() -> list[Entry]:
    index = FOLDER / "INDEX.md"
    found, kind, columns = [], "", []
    for line in index.read_text(encoding="utf-8").splitlines() if index.exists() else ():
        cells = [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split(" | ")]
        if match := re.match(r"## (\S+) \(\d+\)", line):
            kind = match[1]
        elif cells[0] == "file":
            columns = cells
        elif line.startswith("|") and "---" not in cells[0]:
            row = dict(zip(columns, cells, strict=True))
            found.append(Entry(kind, row["file"], row["parse"], row["fun validate"]))
    return found


ENTRIES = entries()
TEMPLATES = [entry for entry in ENTRIES if entry.kind in ("serverless", "ros")]


def files(chosen):
    return pytest.mark.parametrize("entry", chosen, ids=[entry.file for entry in chosen])


def test_the_corpus_is_there():
    corpus_file("INDEX.md")
    assert len(ENTRIES) == 142
    assert {entry.file for entry in TEMPLATES} >= set(DIFFERENT)
    for entry in ENTRIES:
        assert (FOLDER / entry.file).is_file()


def make(path: Path, *, use_ros: bool = False, stage=lambda source: "digest"):
    document = load(str(path))
    parameters = document.data.get("Parameters") or {}
    return build(
        document,
        stack_name=STACK,
        region=REGION,
        account_id=ACCOUNT,
        parameters={name: f"my-{name}" for name, p in parameters.items() if "Default" not in p},
        replacements={"please_replace_me": "dlq"} if "please_replace_me" in path.read_text("utf-8") else {},
        stage=stage,
        use_ros=use_ros,
    )


def copied(entry: Entry, folder: Path, *, is_filled_in: bool = False) -> Path:
    """A copy of a template with code where its functions say it is."""
    text = (FOLDER / entry.file).read_text(encoding="utf-8")
    if is_filled_in:
        text = IS_TO_BE_FILLED_IN.sub(lambda match: re.sub(r"\W+", "-", match[1].strip()), text)
    # Deep enough for code that is above the template.
    path = folder / "a" / "b" / "c" / Path(entry.file).name
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    for uri in re.findall(r"\bCodeUri['\"]?:\s*['\"]?([^'\"\s#]+)", text):
        if not uri.startswith("oss://"):
            put_code(path.parent / uri)
    return path


def put_code(target: Path) -> None:
    if target.exists():
        return
    if not target.suffix or target.name in (".", ".."):
        target.mkdir(parents=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix in (".zip", ".jar", ".war"):
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("index.py", "")
    else:
        target.write_text("")


# --- verdicts ----------------------------------------------------------------------------------


def counted(verdict: str) -> Counter[str]:
    """``ERR required`` times 2 as a figure; nothing for ``ok``."""
    return Counter({kind: int(number) for kind, number in re.findall(r"(\w+)\W(\d+)", verdict)})


@files(TEMPLATES)
def test_our_verdict_is_funcrafts(entry, tmp_path, record_property):
    is_init_template = IS_TO_BE_FILLED_IN.search((FOLDER / entry.file).read_text(encoding="utf-8"))
    try:
        make(copied(entry, tmp_path))
        problems = []
    except InvalidTemplate as error:
        problems = error.problems
    ours = Counter(problem.kind for problem in problems)
    shown = ", ".join(f"{kind} x {number}" for kind, number in ours.items()) or "ok"
    if is_init_template:
        shown += " (to be filled in by fun init)"
    elif entry.file in DIFFERENT:
        shown += " (differs with a reason)"
    record_property("corpus verdict", [entry.kind, entry.verdict, shown])
    for problem in problems:
        assert problem.line >= 1
        assert problem.message
    if is_init_template and entry.parse != "yes":
        assert ours.keys() == {"syntax"}
    elif entry.file in DIFFERENT:
        assert ours != counted(entry.verdict), "no longer different: take it off the list"
    else:
        assert ours == counted(entry.verdict), [str(problem) for problem in problems]


def test_what_funcraft_misses_we_miss_at_the_same_place(tmp_path):
    corpus_file("INDEX.md")
    (entry,) = (e for e in TEMPLATES if e.verdict.startswith("ERR") and e.kind == "serverless")
    with pytest.raises(InvalidTemplate) as error:
        make(copied(entry, tmp_path))
    (problem,) = error.value.problems
    assert (problem.path, problem.message) == ("Resources/ssr/page/Properties", "Missing property CodeUri")


def test_init_templates_are_good_once_they_are_filled_in(tmp_path):
    corpus_file("INDEX.md")
    chosen = [entry for entry in TEMPLATES if entry.parse != "yes"]
    assert len(chosen) == 16
    for number, entry in enumerate(chosen):
        path = copied(entry, tmp_path / str(number), is_filled_in=True)
        assert make(path).functions, entry.file


@files(ENTRIES)
@pytest.mark.filterwarnings("error")
def test_no_file_ends_in_a_traceback(entry):
    try:
        make(FOLDER / entry.file)
    except InvalidTemplate as error:
        assert error.problems


# --- what becomes of them ----------------------------------------------------------------------


def asynchronous(settings, plain) -> dict | None:
    """An AsyncConfiguration as it should arrive; ``plain`` evaluates what stands in it."""
    if settings is None:
        return None
    destination = settings.get("Destination", {})
    return {
        "max_retries": settings.get("MaxAsyncRetryAttempts", 3),
        "max_age_seconds": settings.get("MaxAsyncEventAgeInSeconds", 86_400),
        "stateful": settings.get("StatefulInvocation", False),
        "on_success": plain(destination.get("OnSuccess", "")).replace("{please_replace_me}", "dlq"),
        "on_failure": plain(destination.get("OnFailure", "")).replace("{please_replace_me}", "dlq"),
    }


def settings_of(function) -> dict | None:
    config = function.async_config
    keys = ("max_retries", "max_age_seconds", "stateful", "on_success", "on_failure")
    return config and {key: getattr(config, key) for key in keys}


def expected(path: Path) -> dict[str, dict]:
    """The functions of a template in Funcraft's dialect, read without any code of ours."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    parameters = data.get("Parameters") or {}

    def plain(value):
        if isinstance(value, dict) and "Ref" in value:
            name = value["Ref"]
            return parameters[name].get("Default", f"my-{name}")
        if isinstance(value, dict):
            return value["Fn::GetAtt"][0]
        return value if isinstance(value, str) else str(value)

    functions = {}
    for service_id, service in data["Resources"].items():
        if service["Type"] != "Aliyun::Serverless::Service":
            continue
        for name, function in service.items():
            if name in ("Type", "Properties", "DependsOn"):
                continue
            properties = DEFAULTS | function["Properties"]
            variables = properties.get("EnvironmentVariables", {})
            functions[f"{service_id}/{name}"] = {
                "runtime": properties["Runtime"],
                "handler": properties["Handler"],
                "memory_mb": properties["MemorySize"],
                "timeout_seconds": properties["Timeout"],
                "initializer": properties["Initializer"],
                "initialization_timeout_seconds": properties["InitializationTimeout"],
                "environment": {key: plain(value) for key, value in variables.items()},
                "async": asynchronous(properties.get("AsyncConfiguration"), plain),
                "events": {
                    (trigger, event["Type"]) for trigger, event in (function.get("Events") or {}).items()
                },
            }
    return functions


GOOD = [entry for entry in TEMPLATES if entry.parse == "yes" and entry.verdict == "ok"]


@files([entry for entry in GOOD if entry.kind == "serverless"])
def test_all_functions_of_a_template_arrive(entry, tmp_path):
    words = {
        "HTTP": "http",
        "Timer": "timer",
        "OSS": "oss",
        "Log": "log",
        "RDS": "rds",
        "MNSTopic": "mns_topic",
        "TableStore": "tablestore",
        "CDN": "cdn_events",
    }
    path = copied(entry, tmp_path)
    resources = make(path)
    wanted = expected(path)
    assert {function.path for function in resources.functions} == set(wanted)
    for function in resources.functions:
        for key, value in wanted[function.path].items():
            if key not in ("events", "async"):
                assert getattr(function, key) == value, (function.path, key)
        assert settings_of(function) == wanted[function.path]["async"]
        assert function.code == "digest"
        triggers = {
            (t.name, t.type)
            for t in resources.triggers
            if (t.service, t.function) == tuple(function.path.split("/"))
        }
        assert triggers == {(name, words[kind]) for name, kind in wanted[function.path]["events"]}


@files([entry for entry in GOOD if entry.kind == "serverless"])
def test_nothing_of_a_template_is_dropped_in_silence(entry, tmp_path):
    path = copied(entry, tmp_path)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    resources = make(path)
    known = {item.name for kind in ("services", "functions", "topics", "domains", "not_emulated")
             for item in getattr(resources, kind)}  # fmt: skip
    for name, resource in data["Resources"].items():
        if resource["Type"] == "Aliyun::Serverless::CustomDomain":
            assert resources.domains
        else:
            assert name in known
        for inner, part in resource.items():
            if isinstance(part, dict) and inner != "Properties":
                assert inner in known or f"{name}/{inner}" in known
    warned = "\n".join(resources.warnings)
    for resource in data["Resources"].values():
        for key in ("VpcConfig", "NasConfig"):
            assert key not in (resource.get("Properties") or {}) or key in warned


@files([entry for entry in GOOD if entry.kind == "serverless"])
def test_in_a_stack_services_have_a_suffix_and_functions_have_none(entry, tmp_path):
    path = copied(entry, tmp_path)
    direct, stack = make(path), make(path, use_ros=True)
    assert make(path, use_ros=True) == stack
    for one, other in zip(direct.services, stack.services, strict=True):
        assert re.fullmatch(f"{STACK}-{re.escape(one.name)}-[0-9A-F]{{12}}", other.name)
    assert [f.name for f in direct.functions] == [f.name for f in stack.functions]
    renamed = {one.name: other.name for one, other in zip(direct.services, stack.services, strict=True)}
    assert [renamed[f.service] for f in direct.functions] == [f.service for f in stack.functions]
    assert [renamed[t.service] for t in direct.triggers] == [t.service for t in stack.triggers]


def in_ros(path: Path) -> dict[str, dict]:
    """The functions of a plain ROS template, read without any code of ours: just what these files use."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    parameters = data.get("Parameters") or {}
    pseudo = {"StackName": STACK, "Region": REGION, "TenantId": ACCOUNT, "AccountId": ACCOUNT}

    def plain(value):
        if isinstance(value, dict) and "Ref" in value:
            name = value["Ref"]
            if name.startswith("ALIYUN::"):
                return pseudo[name.removeprefix("ALIYUN::")]
            return parameters[name].get("Default", f"my-{name}")
        if isinstance(value, dict) and "Fn::Replace" in value:
            table, text = value["Fn::Replace"]
            text = plain(text)
            for old, new in table.items():
                text = text.replace(old, plain(new))
            return text
        if isinstance(value, dict) and "Fn::GetAtt" in value:
            name, attribute = value["Fn::GetAtt"]
            return plain(data["Resources"][name]["Properties"][attribute])
        return value if isinstance(value, str) else str(value)

    functions = {}
    for resource in data["Resources"].values():
        if resource["Type"] != "ALIYUN::FC::Function":
            continue
        properties = DEFAULTS | resource["Properties"]
        functions[f"{plain(properties['ServiceName'])}/{plain(properties['FunctionName'])}"] = {
            "runtime": properties["Runtime"],
            "handler": properties["Handler"],
            "memory_mb": properties["MemorySize"],
            "timeout_seconds": properties["Timeout"],
            "environment": {k: plain(v) for k, v in properties.get("EnvironmentVariables", {}).items()},
            "async": asynchronous(properties.get("AsyncConfiguration"), plain),
            "source": plain(properties["Code"]["SourceCode"]),
        }
    return functions


@files([entry for entry in TEMPLATES if entry.kind == "ros" and not entry.file.endswith("s2.yml")])
def test_all_functions_of_a_plain_ros_template_arrive(entry, tmp_path):
    path = copied(entry, tmp_path)
    sources = []
    resources = make(path, stage=lambda source: sources.append(source) or "digest")
    wanted = in_ros(path)
    assert [function.path for function in resources.functions] == list(wanted)
    for function, source in zip(resources.functions, sources, strict=True):
        given = wanted[function.path]
        for key in ("runtime", "handler", "memory_mb", "timeout_seconds", "environment"):
            assert getattr(function, key) == given[key], (function.path, key)
        assert settings_of(function) == given["async"]
        assert source.files == {"index.py": given["source"].encode()}


def test_plain_ros_templates_arrive(tmp_path):
    corpus_file("INDEX.md")
    found = {}
    chosen = [entry for entry in TEMPLATES if entry.kind == "ros" and entry.file.count("s2.yml") == 0]
    for number, entry in enumerate(chosen):
        resources = make(copied(entry, tmp_path / str(number)))
        found[entry.file] = [(f.path, f.runtime, f.handler, f.memory_mb, f.timeout_seconds)
                             for f in resources.functions]  # fmt: skip
    seed = [("Stateful-Invocation-demo-1/main", "python3", "index.handler", 128, 120)]
    assert found == {
        "awesome-fnf__subflow-best-practice/ros.yml": [
            ("audit_demo-demo-1/audit", "python3", "index.handler", 128, 120)
        ],
        "devsapp__ros/best-practice__ros__infra__template.yml": [],
        "devsapp__ros/examples__ros_template.yml": [],
        "seed/s.yaml.e963f04.json": seed,
        "seed/template.a17dbe3.yml": seed,
    }

"""The explanations in docs/ say what the code says."""

from __future__ import annotations

import json
import re
from dataclasses import fields

import pytest

from fun_local import accept
from fun_local.model import circles, outcome
from fun_local.model.execution import FINAL, TRANSITIONS, Execution, Status
from fun_local.model.names import FunctionRef
from fun_local.runtime import limits
from fun_local.settings import Settings
from fun_local.store.documents import to_document
from fun_local.template import convert, devs_convert, devs_modules, triggers, types
from tests import words
from tests.conftest import ROOT

STATES = (ROOT / "docs" / "states.md").read_text()
ENGLISH = (ROOT / "README.md").read_text()
CHINESE = (ROOT / "README.zh-CN.md").read_text()
DIFFERENCES = (ROOT / "docs" / "differences.md").read_text()
TROUBLE = (ROOT / "docs" / "troubleshooting.md").read_text()


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = re.search(r"(^\|.*\|\n)+", part, re.M)
    assert table
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table[0].splitlines()[2:]]


def test_the_table_of_transitions_is_the_code_s():
    found = [(row[0], row[1]) for row in rows(STATES, "Each transition")]
    assert len(found) == len(set(found))
    assert set(found) == {(source.value, target.value) for source, to in TRANSITIONS.items() for target in to}


def test_every_state_is_explained_and_only_final_ones_never_end():
    ends = {row[0]: row[2] for row in rows(STATES, "Each state")}
    assert set(ends) == {status.value for status in Status}
    assert {name for name, end in ends.items() if not end} == {status.value for status in FINAL}


def test_the_fields_of_a_record_exist():
    execution = Execution.accepted(
        seq=1,
        invocation_id="i",
        request_id="r",
        function=FunctionRef("s", "f", "LATEST"),
        accepted_ms=1,
        payload=b"{}",
    ).having(result=b"{}", throttles=1, faults=("crash@1",))
    named = [name for row in rows(STATES, "What the record shows") for name in re.findall(r"`(\w+)`", row[0])]
    assert len(named) > 15
    assert set(named) <= set(to_document(execution))


def test_the_error_types_are_the_code_s():
    for name in (outcome.UNHANDLED, outcome.HANDLED, outcome.INITIALIZATION, outcome.INVOCATION):
        assert f"| `{name}` |" in STATES
    for name in (outcome.EXPIRED, outcome.INVALID, outcome.EXHAUSTED):
        assert f"| `{name}` |" in STATES


def test_every_code_that_a_command_may_end_with_is_explained_once():
    found = re.findall(r"^\| `(\w+)` \|", TROUBLE, re.M)
    assert len(found) == len(set(found))
    assert set(found) == words.codes()


def test_all_that_has_no_effect_is_among_the_differences():
    idle = [convert._IDLE_SERVICE, convert._IDLE_FUNCTION, convert._IDLE_INVOKER, convert._IDLE_SUBSCRIPTION]
    for name in [name for table in (*idle, devs_convert._IDLE) for name in table]:
        assert f"`{name}`" in DIFFERENCES, name
    for name in (*types._ACCEPTED, *types._SERVERLESS_ACCEPTED, *types._REFUSED, *triggers._NEVER_FIRED):
        assert f"`{name}`" in DIFFERENCES, name
    for name in devs_modules._RUN:
        assert f"`{name}`" in DIFFERENCES or name == "fc-deploy", name


def test_every_runtime_that_does_not_run_is_among_the_differences():
    schema = json.loads((ROOT / "fun_local" / "template" / "schema.json").read_text())
    known = set(re.findall(r'"((?:java|php|dotnetcore|go|python|nodejs|custom)[\w.-]*)"', json.dumps(schema)))
    assert "java8" in known
    for name in sorted(known - {"python", "nodejs"}):
        runs = name.startswith(("python3", "nodejs")) or (
            name.startswith("custom") and "container" not in name
        )
        assert runs or f"`{name}`" in DIFFERENCES, name


def test_the_figures_among_the_differences_are_the_code_s():
    settings = Settings()
    for number in (
        f"`max_instances` ({settings.max_instances})",
        f"up to {settings.retry_cap_seconds:g} s",
        f"{settings.throttle_limit_seconds / 3600:g} hours",
        f"after {settings.stop_grace_seconds:g} s SIGKILL",
        f"{settings.history_days:g} days",
        f"{accept.MAX_SYNC_PAYLOAD >> 20} MB synchronous, {accept.MAX_ASYNC_PAYLOAD >> 10} KB asynchronous",
        f"up to {accept.MAX_DELAY_SECONDS} s",
        f"{limits.TASKS} in an instance",
        f"{limits.LOG_BYTES >> 20} MB",
        f"cut after {circles.MAX_DEPTH} outcomes",
    ):
        assert number in DIFFERENCES, number


@pytest.mark.parametrize(
    "path", sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("README*.md")]), ids=lambda path: path.name
)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
        assert target.startswith("http") or (path.parent / target).exists(), target


def test_the_index_lists_every_document():
    index = (ROOT / "docs" / "README.md").read_text()
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} <= set(
        re.findall(r"\((\S+)\)", index)
    )


def commands(text: str) -> list[str]:
    """Every command line of the console blocks, in order."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.S)
    return [line for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def test_both_readmes_have_the_same_commands():
    assert commands(CHINESE) == commands(ENGLISH)


def test_both_readmes_have_the_same_sections():
    assert re.findall(r"^#+(?= )", CHINESE, re.M) == re.findall(r"^#+(?= )", ENGLISH, re.M)


def test_every_setting_is_in_the_chinese_readme_with_its_default():
    for setting in fields(Settings):
        assert f"`{setting.name}`" in CHINESE, setting.name
        if isinstance(setting.default, float):
            assert f"{setting.default:g}" in CHINESE

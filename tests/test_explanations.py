"""The explanations in docs/ say what the code says."""

from __future__ import annotations

import re

import pytest

from fun_local.model import outcome
from fun_local.model.execution import FINAL, TRANSITIONS, Execution, Status
from fun_local.model.names import FunctionRef
from fun_local.store.documents import to_document
from tests import words
from tests.conftest import ROOT

STATES = (ROOT / "docs" / "states.md").read_text()
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


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
        assert target.startswith("http") or (path.parent / target).exists(), target

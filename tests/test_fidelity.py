"""docs/fidelity.md says of every fact whether it is so here, and names a test that there is."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.conftest import ROOT
from tests.integration.test_odd_functions import CASES

TEXT = (ROOT / "docs" / "fidelity.md").read_text()

WORDS = ("same", "differs", "not emulated")


def rows():
    """Fact, verdict, and the test that shows it."""
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] not in ("Fact", "---") and not row[0].startswith("---")]


@cache
def named_in(path):
    tree = ast.parse((ROOT / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, kinds) and node.name.startswith("test_")}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_fact_has_a_verdict_and_a_test_that_shows_it(row):
    assert len(row) == 3, row
    _, verdict, shown_by = row
    word = next((word for word in WORDS if verdict == word or verdict.startswith(f"{word}: ")), None)
    assert word, f"none of {WORDS}: {verdict}"
    assert (verdict == "same") == (word == "same"), "a difference says why"
    if word == "not emulated":
        assert shown_by == ""
        return
    named = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)(?:\[(.+)\])?`", shown_by)
    assert named, f"no test is named: {shown_by!r}"
    path, name, case = named.groups()
    assert name in named_in(path)
    assert case is None or case in CASES


def test_all_kinds_of_runtimes_are_there():
    assert len(rows()) > 150
    assert {"Python", "Node.js", "Custom runtimes", "Instances"} <= set(re.findall(r"^## (.+)", TEXT, re.M))

"""What becomes of clients that are missing or can't be installed: never a silent pass."""

from __future__ import annotations

import json

import pytest

from tests.clients import prepare
from tests.clients.conftest import environment


def test_a_client_that_cannot_be_installed_leaves_its_reason_for_its_tests(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(prepare, "PYTHON", {"broken": ("./nowhere",)})
    monkeypatch.setattr(prepare, "NODE", {})
    monkeypatch.setenv("FUN_LOCAL_CLIENTS", str(tmp_path))
    assert prepare.main(tmp_path) == 1
    assert "broken could not be installed" in capsys.readouterr().err
    with pytest.raises(pytest.fail.Exception, match="nowhere"):
        environment("broken")


def test_without_npm_its_clients_alone_are_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "PYTHON", {})
    monkeypatch.setattr(prepare, "NODE", {"fun": {"@alicloud/fun": "3.6.24"}})
    monkeypatch.setenv("PATH", str(tmp_path))
    assert prepare.main(tmp_path / "clients") == 1
    assert "npm" in (tmp_path / "clients" / "fun.failed").read_text()


def test_what_is_there_already_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "PYTHON", {"there": ("./nowhere",)})
    monkeypatch.setattr(prepare, "NODE", {})
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "complete.json").write_text(json.dumps(("./nowhere",)))
    assert prepare.main(tmp_path) == 0


def test_without_any_clients_their_tests_are_skipped_and_fail_in_ci(monkeypatch):
    monkeypatch.delenv("FUN_LOCAL_CLIENTS", raising=False)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"prepare\.py"):
        environment("fun")
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match=r"prepare\.py"):
        environment("fun")


def test_a_client_that_is_not_in_the_folder_fails_its_tests(tmp_path, monkeypatch):
    monkeypatch.setenv("FUN_LOCAL_CLIENTS", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match=r"fun is not installed\. run: python tests/clients"):
        environment("fun")

"""The access keys of a home: made once, kept private, replaced without a break."""

import json
import os
import re

import pytest

from fun_local.errors import Conflict, CorruptState, InvalidRequest, Unavailable
from fun_local.store import keys
from fun_local.store.keys import KeyPair, Keyring, existing_pair, fixed_pair


def mode(path):
    return os.stat(path).st_mode & 0o777


def test_a_key_is_made_with_the_home_and_stays(tmp_path):
    first = Keyring(str(tmp_path))
    assert re.fullmatch("LTAI[A-Za-z0-9]{20}", first.current.id)
    assert re.fullmatch("[A-Za-z0-9]{30}", first.current.secret)
    assert Keyring(str(tmp_path)).current == first.current


def test_who_only_looks_for_a_key_makes_none(tmp_path):
    assert existing_pair(str(tmp_path)) is None
    assert os.listdir(tmp_path) == []
    assert existing_pair(str(tmp_path / "gone")) is None
    assert Keyring(str(tmp_path)).rotate(revoke=False) == existing_pair(str(tmp_path))


def test_two_homes_have_different_keys(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert Keyring(str(tmp_path / "a")).current != Keyring(str(tmp_path / "b")).current


def test_the_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "keys.json"
    old = os.umask(0)
    try:
        Keyring(str(tmp_path))
    finally:
        os.umask(old)
    assert mode(path) == 0o600
    path.chmod(0o644)
    Keyring(str(tmp_path))
    assert mode(path) == 0o600


def test_the_old_key_is_valid_until_the_next_rotation(tmp_path):
    ring = Keyring(str(tmp_path))
    first = ring.current
    second = ring.rotate(revoke=False)
    assert ring.current == second != first
    for again in (ring, Keyring(str(tmp_path))):
        assert again.current == second
        assert {first.id: first.secret, second.id: second.secret}.items() <= again.secrets().items()
    ring.rotate(revoke=False)
    assert first.id not in ring.secrets()
    assert second.id in ring.secrets()


def test_a_revoked_key_ends_at_once(tmp_path):
    ring = Keyring(str(tmp_path))
    first = ring.current
    second = ring.rotate(revoke=False)
    third = ring.rotate(revoke=True)
    for again in (ring, Keyring(str(tmp_path))):
        assert third.id in again.secrets()
        assert first.id not in again.secrets()
        assert second.id not in again.secrets()


def test_a_rotation_that_can_not_be_written_changes_nothing(tmp_path, monkeypatch):
    ring = Keyring(str(tmp_path))
    first = ring.current

    def full(path, data):
        raise Unavailable("StorageFull", "no space left")

    monkeypatch.setattr(keys, "write_atomically", full)
    with pytest.raises(Unavailable):
        ring.rotate(revoke=True)
    assert ring.current == first == Keyring(str(tmp_path)).current


def test_functions_have_a_key_that_outlives_rotations_but_not_the_daemon(tmp_path):
    ring = Keyring(str(tmp_path))
    session = ring.session
    assert session.id.startswith("STS.")
    ring.rotate(revoke=True)
    assert ring.secrets()[session.id] == session.secret
    assert session.id not in Keyring(str(tmp_path)).secrets()
    assert session.secret not in (tmp_path / "keys.json").read_text()


def test_a_pair_of_the_settings_counts_alone(tmp_path):
    ring = Keyring(str(tmp_path), KeyPair("ci-key", "ci-secret"))
    assert ring.current == KeyPair("ci-key", "ci-secret")
    assert set(ring.secrets()) == {"ci-key", ring.session.id}
    assert not (tmp_path / "keys.json").exists()
    with pytest.raises(Conflict) as caught:
        ring.rotate(revoke=False)
    assert "access_key_id" in caught.value.message


def test_a_pair_of_the_settings_leaves_the_homes_own_as_it_is(tmp_path):
    own = Keyring(str(tmp_path)).current
    assert own.id not in Keyring(str(tmp_path), KeyPair("ci-key", "ci-secret")).secrets()
    assert Keyring(str(tmp_path)).current == own


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": 1}',
        '{"format": 1, "keys": []}',
        '{"format": 1, "keys": [{"accessKeyId": "a", "accessKeySecret": ""}]}',
        '{"format": "x", "keys": []}',
    ],
)
def test_a_file_that_holds_no_key_is_damaged_and_named(tmp_path, text):
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(CorruptState) as caught:
        Keyring(str(tmp_path))
    assert str(path) in caught.value.message
    assert "Remove the file" in caught.value.hint
    assert path.read_text() == text


def test_a_newer_file_is_refused(tmp_path):
    (tmp_path / "keys.json").write_text(json.dumps({"format": 2, "keys": []}))
    with pytest.raises(CorruptState) as caught:
        Keyring(str(tmp_path))
    assert "upgrade" in caught.value.hint


def test_what_a_killed_write_left_is_removed(tmp_path):
    (tmp_path / "keys.json.00000000.tmp").write_text("{")
    (tmp_path / "other.00000000.tmp").write_text("{")
    Keyring(str(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"keys.json", "other.00000000.tmp"}


def test_a_pair_does_not_show_its_secret():
    assert "hidden" not in repr(KeyPair("id", "hidden"))


def test_no_setting_means_no_fixed_pair():
    assert fixed_pair("", "") is None
    assert fixed_pair("id", "secret") == KeyPair("id", "secret")


@pytest.mark.parametrize(
    ("key_id", "secret", "named"),
    [
        ("id", "", "access_key_secret"),
        ("", "secret", "access_key_id"),
        ("a:b", "secret", "access_key_id"),
        ("a,b", "secret", "access_key_id"),
        ("é", "secret", "access_key_id"),
    ],
)
def test_half_a_pair_or_one_that_can_not_be_sent_is_refused(key_id, secret, named):
    with pytest.raises(InvalidRequest) as caught:
        fixed_pair(key_id, secret)
    assert named in caught.value.message

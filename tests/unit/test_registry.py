"""Everything deployed, in one file."""

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fun_local.errors import CorruptState, Unavailable
from fun_local.model.deployed import Deployed
from fun_local.model.kept import Setting
from fun_local.model.resources import (
    Alias,
    AsyncConfig,
    Domain,
    Function,
    Service,
    Stack,
    Trigger,
    Version,
)
from fun_local.store import registry

names = st.text("abcDEF_-123", min_size=1, max_size=8)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
configs = st.builds(
    AsyncConfig, st.integers(0, 8), st.integers(1, 9), st.booleans(), on_success=texts, on_failure=texts
)
services = st.builds(Service, names, texts, stack=names)
functions = st.builds(
    Function,
    names,
    names,
    st.just("python3"),
    st.just("index.handler"),
    texts,
    memory_mb=st.integers(128, 3072),
    environment=st.dictionaries(names, texts, max_size=3),
    custom_command=st.lists(texts, max_size=2).map(tuple),
    custom_args=st.lists(texts, max_size=2).map(tuple),
    async_config=st.none() | configs,
    stack=names,
)


def deployed(found_services=(), found_functions=()):
    return Deployed({s.name: s for s in found_services}, {f.path: f for f in found_functions})


SOME = deployed([Service("shop")], [Function("shop", "order", "python3", "index.handler", "0" * 64)])


EVERYTHING = Deployed(
    services=SOME.services,
    functions=SOME.functions,
    versions={"shop.1": Version("shop", "1", "d", 5, Service("shop"), tuple(SOME.functions.values()), "one")},
    aliases={"shop.prod": Alias("shop", "prod", "1", "", {"2": 0.5}, "one", 1, 2)},
    triggers={"shop/order/t": Trigger("shop", "order", "t", "timer", {"payload": "x"}, stack="one")},
    domains={"a.b": Domain("a.b", routes={"/*": ("shop", "order", "LATEST")}, extra={"apiVersion": "v1"})},
    async_configs={"shop.prod/order": AsyncConfig(1, 2, True, "a", "b")},
    stacks={"one": Stack("one", {"Out": [1, "x"]}, {"Call": 3}, 1, 2)},
    published={"shop": 4},
    settings={"provision shop/order": Setting("provision", "shop", "order", content={"target": 1})},
)


def test_every_kind_of_thing_is_kept(tmp_path):
    registry.write(str(tmp_path), EVERYTHING)
    read = registry.read(str(tmp_path))
    assert read == EVERYTHING
    assert read.aliases["shop.prod"].modified_ms == 2, "times are kept, though they are not compared"


def test_the_file_of_an_earlier_version_is_read(tmp_path):
    data = {
        "format": 1,
        **{
            name: [item.to_dict() for item in getattr(SOME, name).values()]
            for name in ("services", "functions")
        },
    }
    (tmp_path / "registry.json").write_text(json.dumps(data))
    assert registry.read(str(tmp_path)) == SOME


def test_a_file_without_settings_is_read(tmp_path):
    registry.write(str(tmp_path), replace(EVERYTHING, settings={}))
    path = tmp_path / "registry.json"
    data = json.loads(path.read_text())
    del data["settings"]
    path.write_text(json.dumps({**data, "format": 2}))
    assert registry.read(str(tmp_path)) == replace(EVERYTHING, settings={})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(services, max_size=4), st.lists(functions, max_size=4))
def test_what_is_written_is_read(tmp_path, some_services, some_functions):
    before = deployed(some_services, some_functions)
    registry.write(str(tmp_path), before)
    assert registry.read(str(tmp_path)) == before
    registry.write(str(tmp_path), deployed())
    assert registry.read(str(tmp_path)) == deployed()


def test_a_new_home_has_nothing_deployed(tmp_path):
    assert registry.read(str(tmp_path)) == Deployed()
    assert registry.read(str(tmp_path / "missing")) == Deployed()


def test_a_person_can_read_the_file(tmp_path):
    registry.write(str(tmp_path), deployed([Service("shop", "Bücher 书")]))
    text = (tmp_path / "registry.json").read_text()
    assert "Bücher 书" in text and text.count("\n") > 5
    assert json.loads(text)["format"] == registry.FORMAT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"format": "one", "services": [], "functions": []}',
        '{"format": 1, "services": []}',
        '{"format": 2, "services": [], "functions": []}',
        '{"format": 1, "services": {"shop": {}}, "functions": []}',
        '{"format": 1, "services": [{}], "functions": []}',
        '{"format": 1, "services": [], "functions": [{"name": "order"}]}',
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_file_is_named_with_the_next_step(tmp_path, text):
    path = tmp_path / "registry.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CorruptState) as caught:
        registry.read(str(tmp_path))
    assert str(path) in caught.value.message
    assert "fun deploy" in caught.value.hint


def test_the_file_of_a_newer_version_is_refused_and_left(tmp_path):
    path = tmp_path / "registry.json"
    path.write_text(text := json.dumps({"format": registry.FORMAT + 1, "everything": "is different"}))
    with pytest.raises(CorruptState) as caught:
        registry.read(str(tmp_path))
    assert f"format {registry.FORMAT + 1}" in caught.value.message
    assert "upgrade" in caught.value.hint
    assert path.read_text() == text


def test_fields_of_a_later_version_are_passed_over(tmp_path):
    registry.write(str(tmp_path), SOME)
    path = tmp_path / "registry.json"
    data = json.loads(path.read_text())
    data["more"] = 1
    data["functions"][0]["gpu"] = True
    data["services"][0]["colour"] = "blue"
    path.write_text(json.dumps(data))
    assert registry.read(str(tmp_path)) == SOME


def test_fields_of_an_earlier_version_are_filled_in(tmp_path):
    registry.write(str(tmp_path), SOME)
    path = tmp_path / "registry.json"
    data = json.loads(path.read_text())
    for field in ("environment", "async_config", "stack", "ca_port"):
        del data["functions"][0][field]
    path.write_text(json.dumps(data))
    assert registry.read(str(tmp_path)) == SOME


def test_a_write_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    registry.write(str(tmp_path), SOME)

    def full(path, data):
        raise Unavailable("StorageFull", "no space")

    monkeypatch.setattr(registry, "write_atomically", full)
    with pytest.raises(Unavailable):
        registry.write(str(tmp_path), deployed())
    assert registry.read(str(tmp_path)) == SOME


def test_what_a_deploy_left_that_was_cut_off_is_removed(tmp_path):
    registry.write(str(tmp_path), SOME)
    for name in ("registry.json.0.tmp", "settings.toml.0.tmp"):
        (tmp_path / name).write_text("{")
    registry.remove_leftovers(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["registry.json", "settings.toml.0.tmp"]
    assert registry.read(str(tmp_path)) == SOME

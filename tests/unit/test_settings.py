"""Settings: which source wins, and what is refused."""

import os
from dataclasses import fields

import pytest

from fun_local.errors import CorruptState, InvalidRequest
from fun_local.settings import Settings, default_home, load


def write(home, text):
    (home / "settings.toml").write_text(text)


def test_a_home_without_a_file_has_the_defaults(tmp_path):
    settings, origins = load(str(tmp_path), {})
    assert settings == Settings()
    assert set(origins.values()) == {"default"}
    assert set(origins) == {field.name for field in fields(Settings)}


def test_the_environment_goes_before_the_file(tmp_path):
    write(tmp_path, 'max_instances = 3\nregion = "cn-beijing"\nidle_seconds = 7\n')
    settings, origins = load(str(tmp_path), {"FUN_LOCAL_MAX_INSTANCES": "5", "MAX_INSTANCES": "9"})
    assert (settings.max_instances, settings.region, settings.idle_seconds) == (5, "cn-beijing", 7.0)
    assert origins["max_instances"] == "environment FUN_LOCAL_MAX_INSTANCES"
    assert origins["region"] == str(tmp_path / "settings.toml")
    assert origins["account_id"] == "default"
    assert isinstance(settings.idle_seconds, float)


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_can_be_set_by_its_variable(tmp_path, field):
    value = {"int": "4", "float": "2.5", "str": "x", "bool": "True"}[field.type]
    value = {"host": "::1"}.get(field.name, value)
    settings, origins = load(str(tmp_path), {f"FUN_LOCAL_{field.name.upper()}": value})
    assert str(getattr(settings, field.name)) == value
    assert origins[field.name] == f"environment FUN_LOCAL_{field.name.upper()}"


@pytest.mark.parametrize("value", ["many", "-1", "", "1.5", "0"])
def test_a_number_must_be_one(tmp_path, value):
    with pytest.raises(InvalidRequest) as caught:
        load(str(tmp_path), {"FUN_LOCAL_MAX_INSTANCES": value})
    assert "max_instances" in caught.value.message
    assert "FUN_LOCAL_MAX_INSTANCES" in caught.value.message


@pytest.mark.parametrize("value", ["true", '"x"', "[]", "-0.5"])
def test_a_value_of_the_wrong_kind_in_the_file_is_named_with_the_file(tmp_path, value):
    write(tmp_path, f"idle_seconds = {value}\n")
    with pytest.raises(InvalidRequest) as caught:
        load(str(tmp_path), {})
    assert "idle_seconds" in caught.value.message
    assert "settings.toml" in caught.value.message


def test_a_name_that_is_no_setting_is_refused_with_the_names_there_are(tmp_path):
    write(tmp_path, "max_instance = 3\n")
    with pytest.raises(InvalidRequest) as caught:
        load(str(tmp_path), {})
    assert "'max_instance'" in caught.value.message
    assert "max_instances" in caught.value.hint


def test_a_file_that_is_not_toml_is_damaged(tmp_path):
    write(tmp_path, "max_instances = \n")
    with pytest.raises(CorruptState) as caught:
        load(str(tmp_path), {})
    assert "settings.toml" in caught.value.message


def test_the_home_is_a_variable_or_a_folder_in_the_users(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_home({}) == "/home/somebody/.fun-local"
    assert default_home({"FUN_LOCAL_HOME": ""}) == "/home/somebody/.fun-local"
    assert default_home({"FUN_LOCAL_HOME": "/x/../y"}) == "/y"
    assert default_home({"FUN_LOCAL_HOME": "here"}) == os.path.abspath("here")


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "two", "2.7"])
def test_a_number_that_counts_nothing_is_refused(tmp_path, value):
    with pytest.raises(InvalidRequest):
        load(str(tmp_path), {"FUN_LOCAL_MAX_INSTANCES": value})
    (tmp_path / "settings.toml").write_text("max_instances = 2.7\n")
    with pytest.raises(InvalidRequest):
        load(str(tmp_path), {})


@pytest.mark.parametrize("value", ["0", "17987", "65535"])
def test_a_port_is_a_number_that_there_is(tmp_path, value):
    assert load(str(tmp_path), {"FUN_LOCAL_PORT": value})[0].port == int(value)


@pytest.mark.parametrize("value", ["65536", "-1", "http", ""])
def test_any_other_port_is_refused(tmp_path, value):
    with pytest.raises(InvalidRequest) as caught:
        load(str(tmp_path), {"FUN_LOCAL_PORT": value})
    assert "setting port (environment FUN_LOCAL_PORT)" in caught.value.message


@pytest.mark.parametrize("value", ["127.0.0.1", "127.0.0.53", "::1", "localhost"])
def test_the_host_is_an_address_of_this_machine_alone(tmp_path, value):
    assert load(str(tmp_path), {"FUN_LOCAL_HOST": value})[0].host == value


@pytest.mark.parametrize("value", ["0.0.0.0", "::", "192.168.1.2", "example.com", ""])
def test_an_address_that_others_can_reach_is_refused(tmp_path, value):
    with pytest.raises(InvalidRequest) as caught:
        load(str(tmp_path), {"FUN_LOCAL_HOST": value})
    assert "of this machine alone" in caught.value.message


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("TRUE", True), ("1", True), ("false", False), ("0", False)]
)
def test_a_switch_is_on_or_off(tmp_path, value, expected):
    assert load(str(tmp_path), {"FUN_LOCAL_INSECURE_NO_AUTH": value})[0].insecure_no_auth is expected


@pytest.mark.parametrize("value", ['"yes"', "2", '""'])
def test_a_switch_that_is_neither_is_refused(tmp_path, value):
    write(tmp_path, f"insecure_no_auth = {value}\n")
    with pytest.raises(InvalidRequest) as caught:
        load(str(tmp_path), {})
    assert "true or false" in caught.value.message


def test_a_switch_in_the_file_is_a_truth_value(tmp_path):
    write(tmp_path, "insecure_no_auth = true\n")
    assert load(str(tmp_path), {})[0].insecure_no_auth is True

"""Which file is the template, and whether it may be used as it is."""

from __future__ import annotations

import json
import os

import pytest

from fun_local.errors import InvalidRequest
from fun_local.template import built
from fun_local.template.discover import CANDIDATES, Chosen, Kind, check_deployable, choose

PACKAGED = "template.packaged.yml"
BUILT = (".fun/build/artifacts/template.yml", ".fun/build/artifacts/template.yaml")


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a: 1")


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Kind.DEPLOY, (PACKAGED, *BUILT, *CANDIDATES)),
        (Kind.LOCAL, (*BUILT, *CANDIDATES)),
        (Kind.PACKAGE, (*BUILT, *CANDIDATES)),
        (Kind.SOURCE, CANDIDATES),
    ],
)
def test_each_command_tries_its_candidates_in_order(tmp_path, kind, names):
    write(tmp_path, PACKAGED, *BUILT, *CANDIDATES)
    for i, name in enumerate(names):
        chosen = choose(str(tmp_path), kind=kind)
        assert chosen.path == str(tmp_path / name)
        assert chosen.passed_over == tuple(str(tmp_path / later) for later in names[i + 1 :])
        (tmp_path / name).unlink()
    with pytest.raises(InvalidRequest, match="no template"):
        choose(str(tmp_path), kind=kind)


def test_a_folder_with_a_templates_name_is_no_template(tmp_path):
    (tmp_path / "template.yml").mkdir()
    write(tmp_path, "template.yaml")
    assert choose(str(tmp_path), kind=Kind.SOURCE).path == str(tmp_path / "template.yaml")


def test_a_named_file_is_taken_whatever_else_is_there(tmp_path):
    write(tmp_path, PACKAGED, "template.yml", "other.YAML")
    assert choose(str(tmp_path), "other.YAML", kind=Kind.DEPLOY) == Chosen(str(tmp_path / "other.YAML"))


def test_names_stay_relative_to_the_folder_one_is_in(tmp_path, monkeypatch):
    write(tmp_path, "template.yml")
    monkeypatch.chdir(tmp_path)
    assert choose("", kind=Kind.SOURCE).path == "template.yml"
    assert choose("", "template.yml", kind=Kind.SOURCE).path == "template.yml"


def test_of_several_named_files_the_later_go_over_the_first(tmp_path):
    write(tmp_path, "a.yml", "b.yml", "c.yml", "template.override.yml")
    chosen = choose(str(tmp_path), ["b.yml", "a.yml", "c.yml"], kind=Kind.LOCAL)
    assert [os.path.basename(path) for path in chosen.files] == ["b.yml", "a.yml", "c.yml"]


@pytest.mark.parametrize(("kind", "is_used"), [(kind, kind is Kind.LOCAL) for kind in Kind])
def test_the_override_beside_a_template_is_for_local_commands(tmp_path, kind, is_used):
    write(tmp_path, "template.yml", "template.override.yml")
    override = str(tmp_path / "template.override.yml")
    assert choose(str(tmp_path), kind=kind).overrides == ((override,) if is_used else ())
    assert choose(str(tmp_path), "template.yml", kind=kind).overrides == ()


def test_a_built_template_has_the_override_of_its_own_folder(tmp_path):
    write(tmp_path, "template.yml", "template.override.yml", BUILT[0])
    assert choose(str(tmp_path), kind=Kind.LOCAL).overrides == ()


def test_a_missing_template_is_named(tmp_path):
    with pytest.raises(InvalidRequest) as error:
        choose(str(tmp_path), kind=Kind.SOURCE)
    assert str(tmp_path) in error.value.message
    assert all(name in error.value.hint for name in CANDIDATES)
    with pytest.raises(InvalidRequest, match=r"nope\.yml is not there"):
        choose(str(tmp_path), "nope.yml", kind=Kind.SOURCE)
    with pytest.raises(InvalidRequest, match="folder"):
        choose(str(tmp_path), ".", kind=Kind.SOURCE)


def test_a_template_is_called_yml_yaml_or_json(tmp_path):
    write(tmp_path, "template.json", "template.txt", "templateyml")
    assert choose(str(tmp_path), "template.json", kind=Kind.SOURCE).path.endswith("template.json")
    for name in ("template.txt", "templateyml"):
        with pytest.raises(InvalidRequest, match=rf"{name} is not called \.yml, \.yaml or \.json"):
            choose(str(tmp_path), name, kind=Kind.SOURCE)


STORED = (
    {"Resources": {"s": {"f": {"Properties": {"CodeUri": "oss://bucket/key"}}}}},
    {"Resources": {"f": {"Properties": {"Code": {"OssBucketName": "b", "OssObjectName": "o"}}}}},
    {"Resources": {"f": {"Properties": {"Code": [{"OssBucketName": {"Ref": "B"}}]}}}},
)


@pytest.mark.parametrize("data", STORED)
def test_a_packaged_template_says_which_to_deploy_instead(tmp_path, data):
    write(tmp_path, PACKAGED, BUILT[0], "template.yml")
    chosen = choose(str(tmp_path), kind=Kind.DEPLOY)
    with pytest.raises(InvalidRequest, match="object storage") as error:
        check_deployable(chosen, data)
    assert f"-t {tmp_path / 'template.yml'}" in error.value.hint


def test_a_packaged_template_is_good_when_its_code_is_here_or_it_was_asked_for(tmp_path):
    write(tmp_path, PACKAGED, "template.yml")
    chosen = choose(str(tmp_path), kind=Kind.DEPLOY)
    check_deployable(chosen, {"Resources": {"f": {"Properties": {"CodeUri": "./code.zip"}}}})
    check_deployable(choose(str(tmp_path), PACKAGED, kind=Kind.DEPLOY), STORED[0])
    (tmp_path / PACKAGED).unlink()
    check_deployable(choose(str(tmp_path), kind=Kind.DEPLOY), STORED[0])


def test_what_was_written_is_told_from_what_was_made_of_it(tmp_path):
    write(tmp_path, PACKAGED, *BUILT, "template.yml")
    assert choose(str(tmp_path), kind=Kind.DEPLOY).source == str(tmp_path / "template.yml")
    assert choose(str(tmp_path), kind=Kind.LOCAL).source == str(tmp_path / "template.yml")
    assert choose(str(tmp_path), kind=Kind.SOURCE).source == ""


@pytest.fixture
def build(tmp_path):
    """A built project: its template, and what it was built from."""
    write(tmp_path, BUILT[0], "template.yml", "requirements.txt")
    template = tmp_path / BUILT[0]
    files = [str(tmp_path / name) for name in ("requirements.txt", "template.yml")]
    (template.parent / built.META).write_text(json.dumps(built.meta(files, {"useDocker": False})))
    return str(template), files


def touch(path, milliseconds):
    os.utime(path, ns=(0, milliseconds * 1_000_000))


def test_times_of_a_build_are_recorded_as_funcraft_does(build):
    _, files = build
    for path in files:
        touch(path, 1_600_000_000_123)
    assert built.meta(files, {"buildName": "a/b"}) == {
        "modifiedTimestamps": dict.fromkeys(files, "1600000000123"),
        "buildOps": {"buildName": "a/b"},
    }


def test_a_build_is_good_while_its_sources_are_as_they_were(build):
    template, files = build
    built.check_fresh(template)
    # Funcraft may have rounded up.
    recorded = built.meta(files, {})
    path = os.path.join(os.path.dirname(template), built.META)
    stamps = {name: str(int(stamp) + 1) for name, stamp in recorded["modifiedTimestamps"].items()}
    with open(path, "w") as file:
        json.dump({"modifiedTimestamps": stamps}, file)
    built.check_fresh(template)


def test_a_build_is_refused_with_all_that_has_changed_since(build):
    template, (requirements, written) = build
    touch(requirements, 5)
    with pytest.raises(InvalidRequest) as error:
        built.check_fresh(template)
    assert requirements in error.value.message and written not in error.value.message
    assert "fun build" in error.value.hint
    os.unlink(written)
    with pytest.raises(InvalidRequest) as error:
        built.check_fresh(template)
    assert requirements in error.value.message and written in error.value.message


def test_a_build_without_its_times_can_not_be_checked(build):
    template, files = build
    touch(files[0], 5)
    os.unlink(os.path.join(os.path.dirname(template), built.META))
    built.check_fresh(template)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"modifiedTimestamps": 1}', '{"modifiedTimestamps": {"a": "x"}}']
)
def test_damaged_times_of_a_build_are_named(build, content):
    template, _ = build
    path = os.path.join(os.path.dirname(template), built.META)
    with open(path, "w") as file:
        file.write(content)
    with pytest.raises(InvalidRequest, match=r"meta\.json can't be read"):
        built.check_fresh(template)


def test_a_template_that_was_not_built_has_nothing_to_be_older_than(build, tmp_path):
    _, files = build
    touch(files[0], 5)
    built.check_fresh(str(tmp_path / "template.yml"))


def test_a_build_belongs_to_the_project_it_is_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert built.project_folder(BUILT[0]) == str(tmp_path)
    assert built.project_folder("template.yml") == str(tmp_path)
    assert built.project_folder("sub/template.yml") == str(tmp_path / "sub")

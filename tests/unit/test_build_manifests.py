"""What requirements.txt and package.json ask for, as far as a build has to know."""

from __future__ import annotations

import json
import os

import pytest

from fun_local.build import manifest, requirements
from fun_local.errors import InvalidRequest


@pytest.fixture
def code(tmp_path):
    """A folder of code, with packages of this machine in and beside it."""
    (tmp_path / "code" / "lib").mkdir(parents=True)
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "a.whl").write_text("")
    (tmp_path / "code" / "humanize").mkdir()
    return tmp_path / "code"


def read(code, text, **more):
    (code / "requirements.txt").write_text(text)
    for name, content in more.items():
        (code / f"{name}.txt").write_text(content)
    return requirements.read(str(code / "requirements.txt"))


def places(code, text, **more):
    return [os.path.relpath(place, code) for place in read(code, text, **more).places]


@pytest.mark.parametrize(
    "line",
    [
        "../beside/a.whl",
        "a @ file:///{beside}/a.whl",
        "../beside/a.whl ; python_version > '3'",
        "../beside/a.whl --hash=sha256:00",
        "../beside/a.whl  # a comment",
        "../beside/\\\na.whl",
    ],
)
def test_a_package_of_this_machine_is_found_however_it_is_named(code, line):
    line = line.format(beside=str(code.parent / "beside").lstrip("/"))
    assert places(code, line) == ["../beside/a.whl"]


@pytest.mark.parametrize("line", ["-e ./lib", "--editable=./lib", "-e./lib", "./lib[extra,more]", "./lib"])
def test_so_is_a_folder(code, line):
    assert places(code, line) == ["lib"]
    assert not read(code, line).is_empty


@pytest.mark.parametrize("line", ["-f ../beside", "--find-links ../beside", "--find-links=../beside"])
def test_a_folder_to_look_in_counts_but_asks_for_nothing(code, line):
    assert places(code, line) == ["../beside"]
    assert read(code, line).is_empty


@pytest.mark.parametrize(
    "line", ["humanize", "humanize==4.0", "git+https://example.com/lib", "./${HERE}/lib", "./gone", "\0"]
)
def test_other_requirements_name_nothing_here(code, line):
    """Not even a folder that happens to be called like a package."""
    found = read(code, line)
    assert (found.places, found.is_empty) == ([], False)


@pytest.mark.parametrize("option", ["-r more.txt", "-rmore.txt", "--requirement=more.txt", "-c more.txt"])
def test_included_files_count_and_may_include_each_other(code, option):
    found = read(code, option, more="./lib\n-r requirements.txt\n")
    assert [os.path.basename(path) for path in found.files] == ["requirements.txt", "more.txt"]
    assert [os.path.basename(place) for place in found.places] == ["lib"]


def test_an_included_file_that_is_not_there_is_for_pip_to_refuse(code):
    assert not read(code, "-r gone.txt").is_empty


@pytest.mark.parametrize("text", ["", "# nothing\n\n", "--index-url https://example.com/simple\n"])
def test_a_file_may_ask_for_nothing(code, text):
    assert read(code, text).is_empty


def test_a_file_that_is_no_text_is_refused_by_its_name(code):
    (code / "requirements.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InvalidRequest, match=r"requirements\.txt can't be read: it is not UTF-8"):
        requirements.read(str(code / "requirements.txt"))


@pytest.mark.parametrize(
    ("text", "packages", "expected"),
    [
        ("", ["a"], "a\n"),
        ("a", ["b", "b"], "a\nb\n"),
        ("a\r\nb\r\n", ["a"], "a\r\nb\r\n"),
        ("# ours\nMy_Pack==1  # old\nb\n", ["my-pack>=2"], "# ours\nmy-pack>=2\nb\n"),
        ("a[x] == 1; python_version > '3'\n", ["a"], "a\n"),
        ("a @ https://example.com/a.whl\n", ["a==2"], "a==2\n"),
        ("ab==1\n-r a\n./a\n", ["a==2"], "ab==1\n-r a\n./a\na==2\n"),
        ("a-1.whl\n", ["a==2", "../x/a-1.whl"], "a-1.whl\na==2\n../x/a-1.whl\n"),
    ],
)
def test_a_saved_package_replaces_its_other_version(text, packages, expected):
    assert requirements.with_packages(text, packages) == expected


def package_json(code, **content):
    (code / "package.json").write_text(json.dumps(content))
    return manifest.read(str(code))


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ("file:../beside", "../beside"),
        ("file:lib", "lib"),
        ("./lib", "lib"),
        ("../beside", "../beside"),
        ("^1.2", None),
        ("github:some/lib", None),
        ("https://example.com/lib.tgz", None),
    ],
)
def test_paths_in_package_json_lead_to_the_same_from_elsewhere(code, spec, place):
    found = package_json(code, dependencies={"dep": spec}, devDependencies={"tool": "1"})
    assert found.places == ([os.path.normpath(code / place)] if place else [])
    elsewhere = json.loads(found.elsewhere())
    assert elsewhere == {"dependencies": {"dep": f"file:{found.places[0]}" if place else spec}}


@pytest.mark.parametrize(
    ("content", "is_empty", "has_scripts"),
    [
        ({"name": "x", "devDependencies": {"tool": "1"}, "scripts": {"test": "x"}}, True, False),
        ({"dependencies": {"dep": "1"}}, False, False),
        ({"workspaces": ["lib"]}, False, False),
        ({"scripts": {"postinstall": "x"}}, False, True),
        ({"dependencies": [], "scripts": "x"}, True, False),
    ],
)
def test_npm_is_run_for_what_needs_it(code, content, is_empty, has_scripts):
    found = package_json(code, **content)
    assert (found.is_empty, found.has_scripts) == (is_empty, has_scripts)


@pytest.mark.parametrize("text", ["", "[]", "{", "\ufeff{", '"x"', "[" * 100_000])
def test_a_package_json_that_is_none_is_refused_by_its_name(code, text):
    (code / "package.json").write_text(text)
    with pytest.raises(InvalidRequest, match=r"package\.json can't be read"):
        manifest.read(str(code))

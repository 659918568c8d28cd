"""Which files are not part of the code: what is written in `.funignore`, and what never is."""

from __future__ import annotations

import os
import random
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fun_local.errors import InvalidRequest
from fun_local.store.code_entries import folder_entries
from fun_local.template.code import find_code
from fun_local.template.ignore import DEVS, FUNCRAFT, Ignored
from fun_local.template.ignore_patterns import is_ignored, parse
from fun_local.template.load import parse_document

ROS = b"ROSTemplateFormatVersion: '2015-09-01'"


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def left(folder, *, template="template.yml", base=None, runtime="python3", file=FUNCRAFT):
    """The files of a code folder that are not ignored."""
    rules = Ignored(str(folder), template=str((base or folder) / template), runtime=runtime, file=file)
    return {entry.name for entry in folder_entries(str(folder), without="", ignored=rules) if entry.open}


NEVER = (".git/x", ".svn/x", ".env", ".DS_Store", "template.packaged.yml", ".nas.yml", "__pycache__/x.pyc")


def test_what_is_never_deployed_is_ignored_at_every_level(tmp_path):
    write(tmp_path, *NEVER, *(f"a/b/{name}" for name in NEVER), "a/b/index.py", ".environment")
    assert left(tmp_path) == {"a/b/index.py", ".environment"}


def test_of_the_tools_folder_dependencies_are_deployed_and_the_rest_is_not(tmp_path):
    places = ("nas", "tmp", "package", "build/artifacts/s/f", "python", "root")
    write(tmp_path, *(f".fun/{place}/x" for place in places), ".s/build/x")
    assert left(tmp_path) == {".fun/python/x", ".fun/root/x", ".s/build/x"}
    write(tmp_path, *(f".s/{place}/x" for place in places))
    assert {name for name in left(tmp_path, file=DEVS) if name.startswith(".s")} == {
        ".s/python/x",
        ".s/root/x",
    }


@pytest.mark.parametrize(
    ("runtime", "names"),
    [
        ("python2.7", {".fun/python/x", "a/vendor/x"}),
        ("python3.10", {".fun/python/x", "a/vendor/x"}),
        ("nodejs6", {"node_modules/x", "a/node_modules/x", "a/vendor/x"}),
        ("nodejs14", {"node_modules/x", "a/node_modules/x", "a/vendor/x"}),
        ("php7.2", {"a/vendor/x"}),
        ("java8", {".fun/python/x", "node_modules/x", "a/node_modules/x", "a/vendor/x"}),
        ("custom", {".fun/python/x", "node_modules/x", "a/node_modules/x", "a/vendor/x"}),
    ],
)
def test_dependencies_of_other_languages_are_ignored(tmp_path, runtime, names):
    write(tmp_path, ".fun/python/x", "node_modules/x", "a/node_modules/x", "a/vendor/x")
    assert left(tmp_path, runtime=runtime) == names


@pytest.mark.parametrize(
    ("rules", "names"),
    [
        ("", {"a.log", "src/a.log", "src/index.py", "docs/a.md", "src/docs/b.md"}),
        ("# *\n\n   \n", {"a.log", "src/a.log", "src/index.py", "docs/a.md", "src/docs/b.md"}),
        ("*.log", {"src/index.py", "docs/a.md", "src/docs/b.md"}),
        ("*.log\r\n!src/a.log\r\n", {"src/a.log", "src/index.py", "docs/a.md", "src/docs/b.md"}),
        ("/*.log", {"src/a.log", "src/index.py", "docs/a.md", "src/docs/b.md"}),
        ("docs/", {"a.log", "src/a.log", "src/index.py"}),
        ("/docs", {"a.log", "src/a.log", "src/index.py", "src/docs/b.md"}),
        ("src/docs", {"a.log", "src/a.log", "src/index.py", "docs/a.md"}),
        ("**/docs/*.md", {"a.log", "src/a.log", "src/index.py"}),
        ("*\n!*/\n!*.py", {"src/index.py"}),
        ("src/*\n!src/index.py", {"a.log", "docs/a.md", "src/index.py"}),
        # As in git: what is in an ignored folder can't be taken back in.
        ("src\n!src/index.py", {"a.log", "docs/a.md"}),
        # Nor does a folder that is taken back in take with it what other rules say of its content.
        ("/*\n!/src\n", {"src/a.log", "src/index.py", "src/docs/b.md"}),
        ("docs\n*.log\n!src\n", {"src/index.py"}),
        ("a.log/", {"a.log", "src/a.log", "src/index.py", "docs/a.md", "src/docs/b.md"}),
    ],
)
def test_rules_are_gits(tmp_path, rules, names):
    write(tmp_path, "a.log", "src/a.log", "src/index.py", "docs/a.md", "src/docs/b.md")
    (tmp_path / ".funignore").write_bytes(rules.encode())
    assert left(tmp_path) - {".funignore"} == names


def test_what_is_written_can_take_back_what_never_is(tmp_path):
    write(tmp_path, ".env", "sub/.env", "node_modules/x")
    (tmp_path / ".funignore").write_text("!/.env\n!node_modules\n")
    assert left(tmp_path) == {".env", "node_modules/x", ".funignore"}


def test_a_folder_taken_back_in_leaves_out_what_never_is_deployed(tmp_path):
    write(tmp_path, "src/index.py", "src/__pycache__/x", "src/node_modules/x", "other/x")
    (tmp_path / ".funignore").write_text("/*\n!/src\n")
    assert left(tmp_path) == {"src/index.py"}


def test_rules_are_relative_to_the_templates_folder(tmp_path):
    write(tmp_path, "src/a.log", "src/data/x", "src/src/data/y", "src/.fun/tmp/x")
    (tmp_path / ".funignore").write_text("/src/data\n/a.log\n")
    assert left(tmp_path / "src", base=tmp_path) == {"a.log", "src/data/y", ".fun/tmp/x"}


def test_a_file_of_rules_inside_the_code_is_just_a_file(tmp_path):
    write(tmp_path, "src/a.log")
    (tmp_path / "src" / ".funignore").write_text("*.log")
    assert left(tmp_path / "src", base=tmp_path) == {"a.log", ".funignore"}


def test_code_outside_the_templates_folder_has_no_rules_but_those_for_all(tmp_path):
    write(tmp_path, "code/a.log", "code/.git/x", "code/.fun/tmp/x", "project/x", ".funignore")
    (tmp_path / "project" / ".funignore").write_text("*.log\n")
    assert left(tmp_path / "code", base=tmp_path / "project") == {"a.log"}
    # Beginning with the same letters is not being inside.
    write(tmp_path, "project-2/a.log")
    assert left(tmp_path / "project-2", base=tmp_path / "project") == {"a.log"}


def test_built_code_is_deployed_and_what_was_not_built_has_the_projects_rules(tmp_path):
    built = tmp_path / ".fun" / "build" / "artifacts"
    write(tmp_path, "src/index.py", "src/a.log", ".fun/build/artifacts/s/f/a.log")
    (tmp_path / ".funignore").write_text("*.log\n")
    assert left(built / "s" / "f", base=built) == {"a.log"}
    assert left(tmp_path / "src", base=built) == {"index.py"}
    # Also when somebody points there by hand.
    (tmp_path / ".funignore").unlink()
    assert left(built / "s" / "f", base=tmp_path) == {"a.log"}


def test_code_that_is_ignored_as_a_whole_is_refused(tmp_path):
    write(tmp_path, "a/src/index.py")
    (tmp_path / ".funignore").write_text("/a\n")
    with pytest.raises(InvalidRequest, match="src is ignored") as error:
        left(tmp_path / "a" / "src", base=tmp_path)
    assert str(tmp_path / ".funignore") in error.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ok\n!\n", r"line 2: '!' is not a pattern"),
        (b"[z-a]", "line 1"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_rules_that_are_none_are_named_with_their_place(tmp_path, content, message):
    write(tmp_path, "index.py")
    (tmp_path / ".funignore").write_bytes(content)
    with pytest.raises(InvalidRequest, match=message) as error:
        left(tmp_path)
    assert str(tmp_path / ".funignore") in error.value.message


def test_rules_that_can_not_be_read_are_not_taken_for_none(tmp_path):
    write(tmp_path, "index.py")
    (tmp_path / ".funignore").mkdir()
    with pytest.raises(InvalidRequest, match="can't be read"):
        left(tmp_path)


def test_rules_may_begin_with_a_byte_order_mark(tmp_path):
    write(tmp_path, "a.log", "index.py")
    (tmp_path / ".funignore").write_bytes(b"\xef\xbb\xbf*.log\n")
    assert left(tmp_path) == {"index.py", ".funignore"}


def source(folder, text, uri, runtime="python3"):
    document = parse_document(str(folder / "template.yml"), text)
    return find_code(document, {"CodeUri": uri, "Runtime": runtime}, ("Resources", "F", "Properties"))


def test_the_code_of_a_template_has_its_rules(tmp_path):
    write(tmp_path, "src/a.log", "src/.fun/python/x", "src/node_modules/x", "src/index.py")
    (tmp_path / ".funignore").write_text("*.log")
    for runtime, names in (
        ("python3", {"index.py", ".fun/python/x"}),
        ("nodejs12", {"index.py", ".fun/python/x", "node_modules/x"}),
    ):
        found = source(tmp_path, ROS, "src", runtime)
        entries = folder_entries(found.folder, without="", ignored=found.ignored)
        assert {entry.name for entry in entries if entry.open} == names


def test_serverless_devs_has_a_file_of_its_own(tmp_path):
    write(tmp_path, "src/a.log", "src/b.txt", "src/.s/python/x", "src/index.py")
    (tmp_path / ".funignore").write_text("*.log")
    (tmp_path / ".fcignore").write_text("*.txt")
    found = source(tmp_path, b"edition: 1.0.0", "src")
    entries = folder_entries(found.folder, without="", ignored=found.ignored)
    assert {entry.name for entry in entries if entry.open} == {"a.log", ".s/python/x", "index.py"}


def test_serverless_devs_may_have_it_beside_the_code(tmp_path):
    write(tmp_path, "src/a.log", "src/sub/b.log")
    (tmp_path / ".fcignore").write_text("sub")
    (tmp_path / "src" / ".fcignore").write_text("/*.log\n.fcignore")
    found = source(tmp_path, b"edition: 3.0.0", "src")
    entries = folder_entries(found.folder, without="", ignored=found.ignored)
    assert {entry.name for entry in entries if entry.open} == {"sub/b.log"}


def test_names_are_judged_as_they_are_spelled(tmp_path):
    odd = os.fsdecode(b"\xff.log")
    write(tmp_path, odd, "back\\slash.log", "a b.log", "keep.txt")
    (tmp_path / ".funignore").write_text("*.log\n")
    assert left(tmp_path) == {"keep.txt", ".funignore"}


def said(line, *paths):
    """The paths that one line ignores; those that end in a slash are folders."""
    pattern = parse(line)
    return {path for path in paths if is_ignored([pattern], path.rstrip("/"), path.endswith("/"))}


@pytest.mark.parametrize(
    ("line", "yes", "no"),
    [
        ("a", ["a", "a/", "x/a"], ["ab", "a/b", "A"]),
        ("a/", ["a/", "x/a/"], ["a", "x/a"]),
        ("/a", ["a", "a/"], ["x/a"]),
        ("a/b", ["a/b"], ["x/a/b", "b"]),
        ("**/b", ["b", "a/b", "a/x/b"], ["ab"]),
        ("a/**", ["a/b", "a/b/c"], ["a/", "x/a/b"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb"]),
        ("*", ["a", "a/", "a/b"], []),
        ("*/", ["a/", "a/b/"], ["a", "a/b"]),
        ("/*.py", ["a.py", ".py"], ["a/a.py", "a.pyc"]),
        ("a**b", ["ab", "axb"], ["a/b"]),
        ("?", ["a", "x/a"], ["ab", ""]),
        ("/a?b", ["axb"], ["a/b"]),
        ("[a-c]", ["a", "c"], ["d", "-"]),
        ("[!a-c]", ["d", "-"], ["a"]),
        ("[^a]", ["b"], ["a"]),
        ("/a[!x]b", ["a-b"], ["a/b"]),
        ("[]x]", ["]", "x"], ["a"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[+--]", ["+", ",", "-"], ["."]),
        ("[[:digit:]_]", ["7", "_"], ["a", ":"]),
        (r"[\]\-]", ["]", "-"], ["\\"]),
        (r"\*", ["*"], ["a"]),
        (r"\!a", ["!a"], ["a"]),
        (r"\#a", ["#a"], ["a"]),
        ("a  ", ["a"], ["a  "]),
        ("a\\ ", ["a "], ["a"]),
        ("a.b+", ["a.b+"], ["axb", "a.bb"]),
    ],
)
def test_a_pattern_is_about_a_path_itself(line, yes, no):
    assert said(line, *yes, *no) == set(yes)


@pytest.mark.parametrize("line", ["!", "/", "!/", "[", "a[b", "a\\", "[z-a]", "[[:nope:]]"])
def test_a_pattern_that_no_path_matches_is_refused(line):
    with pytest.raises(ValueError):
        parse(line)


@settings(max_examples=300, deadline=None)
@given(st.text("ab*?[]!^-\\/ #:.", max_size=12))
def test_any_line_is_a_pattern_or_refused(line):
    try:
        pattern = parse(line)
    except ValueError:
        return
    assert pattern is None or is_ignored([pattern], "a/b", False) in (True, False)


PIECES = (
    *("a", "/a", "a/", "src", "/src/", "*.py", "*", "/*", "**", "a/**", "a/*", "**/b", "a/**/b", "x/a", "?"),
    *("!a", "!/src", "!*/", "!*.py", "!src/a", "!b/", "!a/**", "!x/", "!**/c.py", "[ab]", "[!s]*", "s[a-r]c"),
    *("src/*.log", "*.[pl][yo]*", "**/a/b", "[[:alpha:]]", "a**", "src/**/", "/**", "!/**/c.py", "e ", "#a"),
)


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git")
@pytest.mark.parametrize("seed", range(20))
def test_what_is_left_is_what_git_leaves(tmp_path, seed):
    chosen = random.Random(seed)
    folders = [""] + ["/".join(chosen.choices(("a", "b", "src", "x"), k=1 + i % 3)) + "/" for i in range(15)]
    write(tmp_path, *(folder + name for folder in folders for name in ("c.py", "d.log", "e")))
    rules = "\n".join(chosen.choices(PIECES, k=5)) + "\n"
    (tmp_path / ".funignore").write_text(rules)
    git = ["git", f"--git-dir={tmp_path}-git", f"--work-tree={tmp_path}"]
    subprocess.run([*git, "init", "-q"], check=True)
    listing = [*git, "ls-files", "--others", "--exclude-per-directory=.funignore"]
    theirs = subprocess.run(listing, check=True, capture_output=True, text=True, cwd=tmp_path).stdout.split()
    assert left(tmp_path) == set(theirs), rules

"""New projects: filling in, reading templates, and writing all or nothing."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fun_local.errors import Conflict, FunLocalError, InvalidRequest, NotFound
from fun_local.projects import source, variables, writing
from fun_local.projects.rendering import File, fill, render
from fun_local.projects.variables import NAME, Variable

TEXT = st.text(alphabet=st.characters(exclude_characters="{}"))


@given(before=TEXT, after=TEXT, value=st.text())
def test_a_variable_is_replaced_by_its_value_and_nothing_else_changes(before, after, value):
    before = before.rstrip("$")  # `${{` is another thing
    assert fill(f"{before}{{{{ name }}}}{after}", {"name": value}) == before + value + after


@pytest.mark.parametrize(
    "text",
    [
        "${{ name }}",
        "${{ secrets.NAME }}",
        "{{ a.b }}",
        "{{ range .Items }}",
        "{{}}",
        "{name}",
        "{{ {",
        "}} {{",
    ],
)
def test_what_only_looks_like_a_variable_stays(text):
    assert fill(text, {"name": "shop"}) == text


def test_a_value_is_not_filled_in_again():
    assert fill("{{ a }}", {"a": "{{ b }}", "b": "no"}) == "{{ b }}"


def test_an_undeclared_variable_is_named_with_its_file_and_line():
    with pytest.raises(InvalidRequest) as caught:
        render([File("code/index.py", b"first\n{{ nmae }}\n")], {"name": "shop"})
    assert caught.value.message == "code/index.py: line 2 uses the variable 'nmae', which is not declared"
    assert "Declared: name." in caught.value.hint


@pytest.mark.parametrize("value", ["..", ".", "", "a/b", "/etc", "../up", "a\\b", "a\0b"])
def test_a_value_in_a_file_name_leads_nowhere_else(value):
    with pytest.raises(InvalidRequest, match="can't be the name of a file"):
        render([File("code/{{ name }}", b"")], {"name": value})


@pytest.mark.parametrize(
    "paths", [("{{ name }}", "shop"), ("{{ name }}", "SHOP"), ("shop/x", "{{ name }}"), ("Shop", "shop/x")]
)
def test_two_files_can_not_have_one_place(paths):
    with pytest.raises(InvalidRequest, match="two files of the template would both be called"):
        render([File(path, b"") for path in paths], {"name": "shop"})


@given(st.text())
def test_what_is_made_of_a_folders_name_is_a_good_name_or_none(folder):
    name = variables.name_from(folder)
    if name is not None:
        NAME.check(name)


def test_a_default_may_use_the_variables_before_it():
    queue = Variable("queue", "Queue", default="{{ name }}-lost")
    assert variables.resolve([NAME, queue], {"name": "shop"}) == {"name": "shop", "queue": "shop-lost"}
    asked = []

    def ask(variable, default):
        asked.append((variable.name, default))
        return default or "shop"

    variables.resolve([NAME, queue], {}, ask)
    assert asked == [("name", None), ("queue", "shop-lost")]


@pytest.mark.parametrize("value", ["", "two\nlines", "bell\a"])
def test_a_value_is_one_line_of_text(value):
    with pytest.raises(InvalidRequest, match="is not good for note"):
        variables.resolve([Variable("note", "A note")], {"note": value})


def test_an_answer_is_checked_like_a_given_value():
    with pytest.raises(InvalidRequest, match="'x' is not good for size"):
        variables.resolve([Variable("size", "Size", choices=("s", "m"))], {}, lambda *_: "x")


# Reading.

MISTAKES = {
    "": "there is no description",
    "description = 3": "description must be a text",
    "description = ": "Invalid value",
    "colour = 'red'": "colour is not known here. Known: description, next, variables",
    "next = 'fun deploy'": "next must be a list of texts",
    "next = [1]": "next must be a list of texts",
    "[variables]\nx = 1": "variables.x must be a table",
    "[variables.x]\ndefualt = 'a'": "variables.x.defualt is not known here",
    "[variables.x]\ndefault = 1": "variables.x.default must be a text",
    "[variables.x]\npattern = '['\nexpected = 'a'": "variables.x.pattern: unterminated",
    "[variables.x]\npattern = 'a'": "variables.x needs both pattern and expected",
    "[variables.name]": "variables.name: every project has a name",
    "[variables.'a b']": "variables.a b: a name has letters",
}


@pytest.mark.parametrize("text", MISTAKES, ids=[repr(text) for text in MISTAKES])
def test_a_mistake_in_the_metadata_is_named_with_its_file(tmp_path, text):
    start = "" if text in ("",) or text.startswith("description") else "description = 'x'\n"
    (tmp_path / "template.toml").write_text(start + text)
    with pytest.raises(InvalidRequest) as caught:
        source.read(str(tmp_path))
    assert caught.value.message.startswith(f"{tmp_path}/template.toml: ")
    assert MISTAKES[text] in caught.value.message


def test_metadata_that_is_no_text_is_a_mistake(tmp_path):
    (tmp_path / "template.toml").write_bytes(b"\xff")
    with pytest.raises(InvalidRequest, match=r"template\.toml"):
        source.read(str(tmp_path))


def template(tmp_path, name="ours"):
    folder = tmp_path / name
    (folder / "files").mkdir(parents=True)
    (folder / "template.toml").write_text("description = 'x'\n")
    return folder


def test_a_template_without_files_is_a_mistake(tmp_path):
    with pytest.raises(InvalidRequest, match="there are no files"):
        source.read(str(template(tmp_path))).files()


def test_a_template_whose_files_are_missing_is_a_mistake(tmp_path):
    (template(tmp_path) / "files").rmdir()
    with pytest.raises(InvalidRequest, match="No such file"):
        source.read(str(tmp_path / "ours")).files()


@pytest.mark.parametrize("target", ["/etc/hostname", "/etc", "missing"])
def test_a_link_in_a_template_is_refused(tmp_path, target):
    folder = template(tmp_path)
    os.symlink(target, folder / "files" / "link")
    with pytest.raises(InvalidRequest, match="plain files and folders only"):
        source.read(str(folder)).files()


def test_ours_are_found_by_name_even_where_a_folder_is_called_the_same(tmp_path, monkeypatch):
    template(tmp_path, "event-python")
    monkeypatch.chdir(tmp_path)
    assert source.find("event-python").folder == os.path.join(source.shipped("templates"), "event-python")
    assert source.find("./event-python").folder == "./event-python"


def test_what_is_not_installed_is_named():
    with pytest.raises(FunLocalError, match="'paintings' is not part of this installation"):
        source.shipped("paintings")


def test_an_unknown_template_is_answered_with_those_that_there_are():
    with pytest.raises(NotFound) as caught:
        source.find("nothing-like-it")
    assert all(found.name in caught.value.hint for found in source.ours())


@pytest.mark.parametrize("found", source.ours(), ids=lambda found: found.name)
def test_each_of_our_templates_uses_all_it_asks_for_and_asks_with_a_default(found):
    values = variables.resolve(found.variables, {"name": "shop"})
    together = "".join(file.path + file.data.decode() for file in found.files())
    for variable in found.variables:
        assert f"{{{{ {variable.name} }}}}" in together
    for file in render(found.files(), values):
        assert b"{{" not in file.data.replace(b"${{", b"")


# Writing.

FILES = (File("a.txt", b"a"), File("code/b.txt", b"b"), File("code/deep/c.txt", b"c"))


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(path, file, undo):
        write(path, file, undo)
        if file is FILES[-1]:
            raise KeyboardInterrupt

    write = writing._write
    monkeypatch.setattr(writing, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        writing.create(str(tmp_path / "new" / "project"), FILES)
    assert list(tmp_path.iterdir()) == []


def test_what_comes_in_between_is_neither_overwritten_nor_taken_back(tmp_path, monkeypatch):
    def somebody_else_is_quicker(path, file, undo):
        if file is FILES[-1]:
            with open(path, "wb") as other:
                other.write(b"theirs")
        write(path, file, undo)

    write = writing._write
    monkeypatch.setattr(writing, "_write", somebody_else_is_quicker)
    with pytest.raises(Conflict, match=r"already holds code/deep/c\.txt"):
        writing.create(str(tmp_path / "project"), FILES)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in left] == [b"theirs"]


def test_the_names_of_many_obstacles_are_cut_short(tmp_path):
    files = [File(f"{number:02}", b"") for number in range(30)]
    writing.create(str(tmp_path), files)
    with pytest.raises(Conflict, match="09 and 20 more"):
        writing.create(str(tmp_path), files)


def test_a_file_on_the_way_is_an_obstacle(tmp_path):
    (tmp_path / "code").write_text("mine")
    with pytest.raises(Conflict, match="already holds code;"):
        writing.create(str(tmp_path), FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["code"]


def test_the_output_folder_may_be_a_link_of_the_users_own(tmp_path):
    (tmp_path / "real").mkdir()
    os.symlink("real", tmp_path / "link")
    writing.create(str(tmp_path / "link"), FILES)
    assert (tmp_path / "real" / "code" / "deep" / "c.txt").read_bytes() == b"c"

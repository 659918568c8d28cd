# ruff: noqa: RUF001 - Chinese has colons and brackets of its own
"""All that is said has its Chinese, and is found in it whatever was filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import click
import pytest

from fun_local.cli import language
from fun_local.cli.chinese_help import Formatter, wrapped
from fun_local.cli.fun import fun
from fun_local.cli.language import Catalogue, choose, width
from tests import words
from tests.conftest import ROOT

TEXT = (ROOT / "fun_local" / "cli" / "chinese.json").read_text()
ENTRIES = json.loads(TEXT)
CATALOGUE = Catalogue(ENTRIES)


def places(chinese: str) -> list[int]:
    """Which of the values stand in a translation, by their numbers, in its order."""
    found = re.findall(r"\{(\d*)!?\}", chinese)
    return [int(number) if number else position for position, number in enumerate(found, 1)]


def filled(text: str, values: list[str]) -> str:
    for value in values:
        text = text.replace("{}", value, 1)
    return text


def test_every_message_is_in_the_catalogue():
    missing = {text: where for text, where in words.in_source() if text and text not in ENTRIES}
    assert missing == {}


def test_every_entry_is_said_somewhere():
    said, pieces = {text for text, _ in words.in_source()}, words.fragments()
    unused = [entry for entry in ENTRIES if entry not in said | pieces and not words.is_from_click(entry)]
    assert [entry for entry in unused if not words.is_composed(entry, said, pieces)] == []


def test_an_entry_is_there_once_and_in_order():
    pairs = json.loads(TEXT, object_pairs_hook=lambda pairs: [key for key, _ in pairs])
    assert pairs == sorted(set(pairs))


def test_a_translation_has_what_was_filled_in():
    wrong = [e for e, chinese in ENTRIES.items() if sorted(places(chinese)) != [*range(1, e.count("{}") + 1)]]
    assert wrong == []


def test_no_entry_is_all_gaps():
    assert [entry for entry in ENTRIES if not re.search(r"[A-Za-z]{2}", entry.replace("{}", ""))] == []


def test_a_message_is_found_whatever_was_filled_in():
    for entry, chinese in ENTRIES.items():
        values = [f"x{number}y" for number in range(1, entry.count("{}") + 1)]
        expected = filled(re.sub(r"\{\d*!?\}", "{}", chinese), [values[n - 1] for n in places(chinese)])
        assert CATALOGUE.translated(filled(entry, values)) == expected


def test_what_has_several_words_and_is_known_is_translated_inside():
    assert CATALOGUE.translated("setting port (environment FUN_LOCAL_PORT): 'x' is not a whole number") == (
        "设置 port（环境变量 FUN_LOCAL_PORT）：'x' 不是整数"
    )


def test_a_name_that_is_a_word_of_ours_stays_a_name():
    assert CATALOGUE.translated("no setting is called queue") == "没有名为 queue 的设置项"
    assert CATALOGUE.translated("queue 'queue' does not exist") == "队列 'queue' 不存在"


def test_a_value_may_hold_anything():
    assert CATALOGUE.translated("can't write /a b/(c)[d]{}: x\ny") == "无法写入 /a b/(c)[d]{}：x\ny"


def test_no_message_is_taken_to_begin_in_the_line_before():
    assert CATALOGUE.translated("Nobody says so\nError: Do not ask.") == "Nobody says so\n错误：不询问。"


def test_lines_and_sentences_are_translated_one_by_one():
    assert CATALOGUE.translated("Error: something new\nAborted.") == "错误：something new\n已中止。"
    assert CATALOGUE.translated("Remove it. Deploy the function again.") == "请删除它。请重新部署该函数。"


def test_what_stands_before_a_message_stays_there():
    assert (
        CATALOGUE.translated("${env(X)}: environment variable X is not set")
        == "${env(X)}：环境变量 X 没有设置"
    )
    assert CATALOGUE.translated("Fn::Join: a list of items is expected, found 256") == (
        "Fn::Join：应为列表，实际为 256"
    )


def test_of_two_readings_the_one_that_leaves_less_unknown_is_taken():
    assert CATALOGUE.translated(
        "  api (Aliyun::Serverless::Api): there is no API gateway on this machine"
    ) == ("  api (Aliyun::Serverless::Api)：本机没有 API 网关")
    assert CATALOGUE.translated("warning: module x: component y is not known, it is taken for fc") == (
        "警告：模块 x：未知的组件 y，按 fc 处理"
    )


def test_the_documented_mistakes_are_told_in_chinese():
    text = (ROOT / "docs" / "mistakes.md").read_text()
    for output in re.findall(r"```console\n\$ fun \w+\n(.*?)```", text, re.S):
        for line in output.splitlines():
            message = re.sub(r"^(\S+:\d+:\d+: (\S+: )?|error: )", "", line)
            assert re.search("[\u4e00-\u9fff]", CATALOGUE.translated(message)), line


def test_what_is_not_known_stays_english():
    text = "Nobody has translated this. Not even in part."
    assert CATALOGUE.translated(text) == text


def test_white_space_around_a_message_stays():
    assert CATALOGUE.translated("\n  Nothing to change: what is deployed is as the template says.\n") == (
        "\n  无需变更：已部署的内容与模板一致。\n"
    )


@pytest.mark.parametrize(
    ("environ", "is_chinese"),
    [
        ({}, False),
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "de_DE.UTF-8"}, False),
        ({"LANG": "C", "LC_ALL": "zh_TW"}, True),
        ({"LANG": "zh_CN", "LC_ALL": ""}, True),
        ({"LANG": "zh_CN", "FUN_LOCAL_LANG": "en"}, False),
        ({"LANG": "C", "FUN_LOCAL_LANG": "ZH"}, True),
    ],
)
def test_the_setting_comes_before_the_locale(environ, is_chinese, monkeypatch, tmp_path):
    monkeypatch.setenv("FUN_LOCAL_HOME", str(tmp_path))
    assert choose(environ) is is_chinese


def test_the_setting_in_the_file_comes_before_the_locale(monkeypatch, tmp_path):
    monkeypatch.setenv("FUN_LOCAL_HOME", str(tmp_path))
    (tmp_path / "settings.toml").write_text('lang = "zh"\n')
    assert choose({"LANG": "de_DE"}) is True
    assert choose({"FUN_LOCAL_LANG": "en"}) is False


def test_a_damaged_file_of_settings_leaves_the_locale(monkeypatch, tmp_path):
    monkeypatch.setenv("FUN_LOCAL_HOME", str(tmp_path))
    (tmp_path / "settings.toml").write_text("lang = \n")
    assert choose({"LANG": "zh_CN"}) is True


def test_english_never_opens_the_catalogue(monkeypatch):
    monkeypatch.setattr(language, "is_chinese", lambda: False)
    monkeypatch.setattr(language, "catalogue", lambda: pytest.fail("it was opened"))
    assert language.said("Aborted.") == "Aborted."


def commands(group: click.Group, parent: click.Context) -> Iterator[click.Context]:
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        context = click.Context(command, info_name=name, parent=parent)
        yield context
        if isinstance(command, click.Group):
            yield from commands(command, context)


ROOT_CONTEXT = click.Context(fun, info_name="fun")
CONTEXTS = [ROOT_CONTEXT, *commands(fun, ROOT_CONTEXT)]


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.command_path)
def test_help_is_in_chinese_to_the_last_line(context):
    formatter = Formatter(width=300)
    context.command.format_help(context, formatter)
    usage, *lines = formatter.getvalue().splitlines()
    assert usage.startswith("用法：fun")
    examples = lines.index("  示例：") if "  示例：" in lines else len(lines)
    options = lines.index("选项：")
    for line in [*lines[:examples], *lines[options:]]:
        is_term = line.startswith("  -") and "  " not in line.strip()
        assert line == "" or is_term or re.search("[\u4e00-\u9fff]|  \\[", line), line


def test_click_shortens_help_to_one_line_and_chinese_follows():
    assert CATALOGUE.beginning("Stop the daemon.") == "停止守护进程。"
    assert CATALOGUE.beginning("Take in what `fun executions export` has...").startswith("导入")
    assert CATALOGUE.beginning("Nobody says so...") == "Nobody says so..."


def test_nothing_is_printed_past_the_translation():
    assert list(words.unspoken()) == []


@pytest.mark.parametrize("columns", [10, 24, 40, 78])
def test_no_line_of_help_is_wider_than_the_page(columns):
    for chinese in ENTRIES.values():
        lines = list(wrapped(chinese, columns))
        assert "".join(lines).replace(" ", "") == "".join(chinese.split())
        # One word of a program may be longer than a line, and punctuation hangs over by one character.
        assert all(width(line) <= columns + 2 or not re.search(r"\S\s", line) for line in lines)

# ruff: noqa: RUF001 - Chinese has colons and brackets of its own
"""The command line as somebody meets it whose locale is Chinese."""

from __future__ import annotations

import re

import pytest

from fun_local.cli.language import width

TEMPLATE = """\
ROSTemplateFormatVersion: '2015-09-01'
Transform: Aliyun::Serverless-2018-04-03
Resources:
  demo:
    Type: Aliyun::Serverless::Service
    main:
      Type: Aliyun::Serverless::Function
      Properties:
        Handler: index.handler
        Runtime: python3
        CodeUri: .
        AsyncConfiguration:
          StatefulInvocation: true
"""


def in_locale(shell, name: str):
    for variable in ("FUN_LOCAL_LANG", "LC_ALL", "LC_MESSAGES"):
        shell.environment.pop(variable, None)
    shell.environment["LANG"] = name
    return shell


@pytest.fixture
def chinese(shell):
    return in_locale(shell, "zh_CN.UTF-8")


def test_errors_and_their_hints_are_in_chinese(chinese):
    done = chinese.fun("executions", "get", "nix", check=1)
    assert done.err == "错误: 没有 ID 为 'nix' 的执行\n  查看全部执行：fun executions list\n"
    assert done.out == ""


def test_so_are_those_that_the_daemon_gives(chinese):
    done = chinese.fun("mns", "queue", "info", "nix", check=1)
    assert done.err == "错误: 队列 'nix' 不存在\n  创建它：fun mns queue create nix\n"


def test_wrong_usage_keeps_its_exit_code(chinese):
    done = chinese.fun("executions", "list", "--limit", "500", check=2)
    assert done.err.splitlines()[0] == "用法：fun executions list [OPTIONS] [FUNCTION]"
    assert done.err.splitlines()[-1] == "错误：'--limit' 的值无效：500 不在范围 1<=x<=100 内。"


def test_programs_read_the_same_json_in_every_language(chinese):
    there = chinese.fun("executions", "get", "nix", "--json", check=1)
    usage = chinese.fun("executions", "list", "--limit", "500", "--json", check=2)
    in_locale(chinese, "en_GB.UTF-8")
    assert chinese.fun("executions", "get", "nix", "--json", check=1).out == there.out
    assert chinese.fun("executions", "list", "--limit", "500", "--json", check=2).out == usage.out
    assert there.json["error"]["message"] == "no execution has the id 'nix'"


def test_the_setting_wins_over_the_locale(shell):
    in_locale(shell, "C.UTF-8")
    shell.fun("config", "set", "lang", "zh")
    assert "没有" in shell.fun("executions", "get", "nix", check=1).err
    shell.environment["FUN_LOCAL_LANG"] = "en"
    assert "no execution" in shell.fun("executions", "get", "nix", check=1).err


def test_problems_of_a_template_are_in_chinese_each_in_its_place(chinese):
    chinese.write("template.yml", TEMPLATE.replace("Handler", "Handlr"))
    done = chinese.fun("validate", check=1)
    assert "template.yml:8:7: Resources/demo/main/Properties: 缺少属性 Handler\n" in done.err
    assert "    您要找的是 Handler 吗？\n" in done.err
    assert done.err.endswith("错误: 模板有 2 个问题\n")


def test_a_deploy_and_a_call_are_told_in_chinese_with_columns_in_line(chinese):
    chinese.write("template.yml", TEMPLATE)
    chinese.write("index.py", "def handler(event, context):\n    return event\n")
    deployed = chinese.fun("deploy")
    assert deployed.out.splitlines()[0].split() == ["资源", "类型", "操作", "属性"]
    assert deployed.out.endswith("\n已部署\n")
    assert chinese.fun("deploy").out.startswith("无需变更：已部署的内容与模板一致。")
    found = chinese.invk("main", "-t", "Async", "-s", "{}", "--invocation-id", "one", "--wait").out
    labels = [line.partition(":")[0] for line in found.partition("\n\n")[0].splitlines()]
    assert labels[:4] == ["ID", "函数", "状态", "接受时间"]
    assert not [label for label in labels if re.search("[A-Za-z]", label.replace("ID", ""))]
    assert {width(line[: line.index(line.split()[1])]) for line in found.splitlines()[:4]} == {12}
    table = chinese.fun("executions", "list").out.splitlines()
    assert table[0].split() == ["ID", "函数", "状态", "开始时间", "执行时长", "重试", "目标"]
    # A heading and what is below it begin in the same column of the terminal.
    assert width(table[0][: table[0].index("状态")]) == table[1].index("Succeeded")

"""Code in OSS as a user meets it: checked, refused, and deployed from a folder that stands in."""

from __future__ import annotations

import zipfile
from pathlib import Path

TEMPLATE = """ROSTemplateFormatVersion: '2015-09-01'
Transform: Aliyun::Serverless-2018-04-03
Resources:
  shop:
    Type: Aliyun::Serverless::Service
    main:
      Type: Aliyun::Serverless::Function
      Properties: {Handler: index.handler, Runtime: python3, CodeUri: 'oss://bucket/a/b'}
"""


def test_code_in_oss_is_good_to_check_and_refused_to_deploy(shell):
    shell.write("template.yml", TEMPLATE)
    checked = shell.fun("validate", "--json").json
    assert checked["valid"]
    assert "oss://bucket/a/b" in checked["warnings"][0]
    done = shell.fun("deploy", check=None)
    assert done.code != 0
    assert "Resources/shop/main/Properties/CodeUri" in done.err
    assert "--oss-dir" in done.err


def test_a_folder_stands_in_for_oss(shell):
    shell.write("template.yml", TEMPLATE)
    archive = Path(shell.project) / "oss" / "bucket" / "a" / "b"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("index.py", "def handler(event, context): return b'from oss'")
    deployed = shell.fun("deploy", "--oss-dir", "oss", "--json").json
    assert [function["functionName"] for function in deployed["functions"]] == ["main"]
    assert shell.invk("shop/main", "-s", "{}").out.strip() == "from oss"

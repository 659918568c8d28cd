"""Code in OSS as a user meets it: checked, refused, and deployed from a folder that stands in."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from fun_local.home import objects_folder
from fun_local.store.objects import Objects

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


def put(shell, key: str, code: str) -> None:
    """Upload an archive to the home's own bucket, as its daemon does it."""
    objects = Objects(objects_folder(shell.home))
    objects.make_bucket("bucket")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as written:
        written.writestr("index.py", code)
    objects.put("bucket", key, content.getvalue())


def test_what_was_uploaded_to_the_home_is_deployed_like_a_folder(shell):
    shell.write("template.yml", TEMPLATE)
    put(shell, "a/b", "def handler(event, context): return b'uploaded'")
    assert shell.fun("validate", "--json").json["warnings"] == []
    shell.fun("deploy")
    assert shell.invk("shop/main", "-s", "{}").out.strip() == "uploaded"
    assert shell.fun("local", "invoke", "main", "-e", "{}").out.strip() == "uploaded"


def test_a_packaged_template_is_deployed_when_its_code_is_in_the_home(shell):
    shell.write("template.yml", TEMPLATE)
    shell.write("template.packaged.yml", TEMPLATE)
    put(shell, "a/other", "")
    refused = shell.fun("deploy", check=None)
    assert refused.code != 0
    assert "-t template.yml" in refused.err
    put(shell, "a/b", "def handler(event, context): return b'packaged'")
    shell.fun("deploy")
    assert shell.invk("shop/main", "-s", "{}").out.strip() == "packaged"


def test_a_folder_stands_in_for_oss(shell):
    shell.write("template.yml", TEMPLATE)
    archive = Path(shell.project) / "oss" / "bucket" / "a" / "b"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("index.py", "def handler(event, context): return b'from oss'")
    deployed = shell.fun("deploy", "--oss-dir", "oss", "--json").json
    assert [function["functionName"] for function in deployed["functions"]] == ["main"]
    assert shell.invk("shop/main", "-s", "{}").out.strip() == "from oss"

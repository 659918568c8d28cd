"""`fun package`: the archives that would be uploaded, and a template that deploys from them."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path

import pytest

from tests.acceptance.templates import template
from tests.acceptance.test_build import PYTHON, function, serverless, wheel

CODE = "def handler(event, context): return 'one'\n"


@pytest.fixture
def shop(shell):
    """A project with a function, files it ignores, and its template."""
    shell.write("order/index.py", CODE)
    shell.write("order/notes.txt", "for ourselves")
    shell.write(".funignore", "notes.txt\n")
    shell.write("template.yml", serverless(order=function("order")))
    return shell


def packages(shell, *arguments: str) -> list[dict]:
    return shell.fun("package", *arguments, "--json").json["packages"]


def names(path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_a_package_is_what_would_be_uploaded_and_says_so(shop):
    (found,) = packages(shop)
    content = Path(found["path"]).read_bytes()
    assert found == {
        "function": "shop/order",
        "path": os.path.realpath(Path(shop.project) / ".fun/package/shop/order.zip"),
        "files": 1,
        "bytes": len(content),
        "md5": hashlib.md5(content).hexdigest(),
    }
    assert names(found["path"]) == ["index.py"]
    assert found["md5"] in shop.fun("package").out


def test_a_deploy_takes_the_packaged_code(shop):
    packages(shop)
    shop.fun("deploy")
    assert shop.invk("order", "-s", "").out == "one"
    # The folder holds the same: nothing is left to be done.
    again = shop.fun("deploy", "-t", "template.yml", "--json").json
    assert again["functions"][0]["action"] == "Unchanged"


def test_packaged_code_that_is_out_of_date_is_not_deployed_by_itself(shop):
    packages(shop)
    shop.write("order/index.py", CODE.replace("one", "two"))
    refused = shop.fun("deploy", check=1)
    assert "order/index.py" in refused.err
    assert "fun package" in refused.err
    shop.fun("deploy", "-t", "template.yml")
    assert shop.invk("order", "-s", "").out == "two"
    packages(shop)
    shop.fun("deploy")


@pytest.mark.parametrize("uri", ["order", "."])
def test_a_new_file_makes_packaged_code_out_of_date(shop, uri):
    shop.write("index.py", CODE)
    shop.write("template.yml", serverless(order=function(uri)))
    packages(shop)
    packages(shop)  # what the first has left is nothing new
    shop.fun("deploy")
    shop.write("order/data.json", "{}")
    assert "order/data.json" in shop.fun("deploy", check=1).err


def test_what_was_built_is_packaged_and_goes_out_of_date_with_its_sources(shop):
    wheel(Path(shop.project), "dep")
    shop.write("order/index.py", PYTHON)
    shop.write("order/requirements.txt", "../dep-1.0-py3-none-any.whl\n")
    shop.fun("build")
    (found,) = packages(shop)
    assert any(name.endswith("site-packages/dep.py") for name in names(found["path"]))
    shop.fun("deploy")
    assert shop.invk("order", "-s", "").out == "1.0"
    shop.write("order/index.py", PYTHON + "# changed\n")
    assert "order/index.py" in shop.fun("deploy", check=1).err
    assert "fun build" in shop.fun("package", check=1).err


def test_output_goes_where_it_is_wanted_and_never_into_the_next_package(shop):
    shop.write("index.py", CODE)
    shop.write("template.yml", serverless(order=function("."), more=function(".")))
    for _ in range(2):
        found = packages(shop, "-d", "release", "-o", "release.yml")
        assert [names(f["path"]) for f in found] == [
            [".funignore", "index.py", "order/index.py", "template.yml"],
        ] * 2
    assert not (Path(shop.project) / "template.packaged.yml").exists()
    shop.fun("deploy", "-t", "release.yml")
    assert shop.invk("more", "-s", "").out == "one"


def test_archives_and_single_files_and_written_code_are_packaged_too(shop):
    with zipfile.ZipFile(Path(shop.project) / "ready.zip", "w") as archive:
        archive.writestr("index.py", CODE)
    shop.write("template.yml", serverless(a=function("ready.zip"), b=function("order/index.py")))
    assert [names(found["path"]) for found in packages(shop)] == [["index.py"], ["index.py"]]
    shop.fun("deploy")
    assert [shop.invk(name, "-s", "").out for name in ("a", "b")] == ["one", "one"]
    shop.write("template.yml", template(CODE, queue=""))
    (found,) = packages(shop)
    assert names(found["path"]) == ["index.py"]
    shop.fun("deploy", "--stack-name", "demo-1")
    assert shop.invk("demo/main", "-s", "").out == "one"


def test_one_function_can_be_packaged_and_leaves_the_template_alone(shop):
    shop.write("template.yml", serverless(order=function("order"), more=function("order")))
    done = shop.fun("package", "shop/more", "-d", "out", "--json").json
    assert [found["function"] for found in done["packages"]] == ["shop/more"]
    assert done["template"] == ""
    assert not (Path(shop.project) / "template.packaged.yml").exists()
    assert "whole template" in shop.fun("package", "more", "-o", "x.yml", check=2).err


def test_a_file_of_serverless_devs_gets_archives_only(shop):
    os.unlink(Path(shop.project) / "template.yml")
    props = {
        "region": "cn-hangzhou",
        "functionName": "order",
        "runtime": "python3.10",
        "handler": "index.handler",
    }
    resources = {"o": {"component": "fc3", "props": {**props, "code": "./order"}}}
    shop.write("s.yaml", json.dumps({"edition": "3.0.0", "resources": resources}))
    done = shop.fun("package", "--json").json
    assert [found["function"] for found in done["packages"]] == ["_default/order"]
    assert done["template"] == ""


def test_code_in_oss_is_left_there_with_a_warning(shop):
    shop.write("template.yml", serverless(order=function("order"), far=function("oss://bucket/far.zip")))
    done = shop.fun("package", "--json", "-b", "bucket")
    assert [found["function"] for found in done.json["packages"]] == ["shop/order"]
    assert "oss://bucket/far.zip" in done.err
    assert "oss://bucket/far.zip" in (Path(shop.project) / "template.packaged.yml").read_text()
    assert "--oss-bucket" in done.err


def test_a_template_with_mistakes_is_not_packaged(shop):
    shop.write("template.yml", serverless(order=function("nowhere")))
    assert "nowhere" in shop.fun("package", check=1).err
    assert not (Path(shop.project) / ".fun").exists()

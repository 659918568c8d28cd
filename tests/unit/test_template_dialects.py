"""What is the same in every dialect: code in OSS, where bad code is shown, environment variables."""

from __future__ import annotations

import io
import os
import zipfile

import pytest

from fun_local.errors import InvalidRequest, InvalidTemplate
from fun_local.template.build import build
from fun_local.template.load import load
from fun_local.template.stored import on_this_machine

ROS = """ROSTemplateFormatVersion: '2015-09-01'
Resources:
  Home: {Type: 'ALIYUN::FC::Service', Properties: {ServiceName: shop}}
  Main:
    Type: ALIYUN::FC::Function
    Properties:
      ServiceName: shop
      FunctionName: main
      Handler: index.handler
      Runtime: python3
      CODE
"""
SERVERLESS = """ROSTemplateFormatVersion: '2015-09-01'
Transform: Aliyun::Serverless-2018-04-03
Resources:
  shop:
    Type: Aliyun::Serverless::Service
    main:
      Type: Aliyun::Serverless::Function
      Properties:
        Handler: index.handler
        Runtime: python3
        CODE
"""
FC = """edition: 1.0.0
services:
  one:
    component: fc
    props:
      region: cn-hangzhou
      service: {name: shop}
      function:
        name: main
        runtime: python3
        CODE
"""
FC3 = """edition: 3.0.0
resources:
  one:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: main
      runtime: python3
      handler: index.handler
      CODE
"""

#: How a template says it, and the path of that.
FORMS = {
    "plain ROS": (
        ROS,
        "Code: {OssBucketName: bucket, OssObjectName: a/b.zip}",
        "Resources/Main/Properties/Code/OssObjectName",
    ),
    "plain ROS, CodeUri": (ROS, "CodeUri: oss://bucket/a/b.zip", "Resources/Main/Properties/CodeUri"),
    "Funcraft": (SERVERLESS, "CodeUri: oss://bucket/a/b.zip", "Resources/shop/main/Properties/CodeUri"),
    "fc": (FC, "codeUri: oss://bucket/a/b.zip", "services/one/props/function/codeUri"),
    "fc, two keys": (
        FC,
        "ossBucket: bucket\n        ossKey: a/b.zip",
        "services/one/props/function/ossKey",
    ),
    "fc3": (FC3, "code: oss://bucket/a/b.zip", "resources/one/props/code"),
    "fc3, a mapping": (
        FC3,
        "code: {ossBucketName: bucket, ossObjectName: a/b.zip}",
        "resources/one/props/code/ossObjectName",
    ),
}
every_form = pytest.mark.parametrize(("template", "code", "path"), FORMS.values(), ids=FORMS)


@pytest.fixture
def make(tmp_path):
    def read(template, code, *, stage=lambda source: "digest", oss_folder=None):
        file = tmp_path / ("s.yaml" if "edition" in template else "template.yml")
        file.write_text(template.replace("CODE", code))
        return build(
            load(str(file)),
            stack_name="demo-1",
            region="cn-shanghai",
            account_id="1",
            parameters={},
            replacements={},
            stage=stage,
            environ={},
            oss_folder=oss_folder,
        )

    return read


@pytest.fixture
def refused(make):
    def read(*arguments, **options):
        with pytest.raises(InvalidTemplate) as error:
            make(*arguments, **options)
        (problem,) = error.value.problems
        return problem

    return read


@pytest.fixture
def buckets(tmp_path):
    """A folder that stands in for OSS, with one archive in it."""
    archive = tmp_path / "oss" / "bucket" / "a" / "b.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("index.py", "")
    return tmp_path / "oss"


@every_form
def test_a_template_with_code_in_oss_is_good_with_a_warning(make, template, code, path):
    resources = make(template, code)
    assert [function.name for function in resources.functions] == ["main"]
    (warning,) = [warning for warning in resources.warnings if "oss://" in warning]
    assert "its code, oss://bucket/a/b.zip, is not on this machine" in warning
    assert "--oss-dir" in warning


@every_form
def test_staging_it_is_refused_with_the_way_out(refused, template, code, path):
    problem = refused(template, code, stage=on_this_machine(lambda source: "digest"))
    assert (problem.kind, problem.path) == ("value", path)
    assert "oss://bucket/a/b.zip" in problem.message
    assert "--oss-dir" in problem.hint


@every_form
def test_a_folder_stands_in_for_the_buckets(make, buckets, template, code, path):
    sources = []

    def stage(source):
        sources.append(source)
        return "digest"

    resources = make(template, code, stage=on_this_machine(stage), oss_folder=str(buckets))
    assert resources.functions[0].code == "digest"
    assert not any("OSS" in warning or "oss://" in warning for warning in resources.warnings)
    (source,) = sources
    with zipfile.ZipFile(io.BytesIO(source.archive)) as archive:
        assert archive.namelist() == ["index.py"]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("a/c.zip", "there is no file"),
        ("a", "there is no file"),
        ("../../../etc/hosts", "is outside"),
        ("text", "is not a zip archive"),
    ],
)
def test_what_can_not_stand_in_is_a_problem_of_its_property(refused, buckets, key, message):
    (buckets / "bucket" / "text").write_text("text")
    problem = refused(SERVERLESS, f"CodeUri: oss://bucket/{key}", oss_folder=str(buckets))
    assert problem.path == "Resources/shop/main/Properties/CodeUri"
    assert message in problem.message


def test_a_link_does_not_lead_out_of_the_folder(refused, buckets, tmp_path):
    os.symlink(tmp_path, buckets / "bucket" / "link")
    problem = refused(SERVERLESS, "CodeUri: oss://bucket/link/template.yml", oss_folder=str(buckets))
    assert "is outside" in problem.message


@pytest.mark.parametrize(
    ("template", "code", "path", "message"),
    [
        (SERVERLESS, "CodeUri: oss://bucket", "Resources/shop/main/Properties/CodeUri", "names no object"),
        (FC, "codeUri: oss://bucket/", "services/one/props/function/codeUri", "names no object"),
        (
            ROS,
            "Code: {OssBucketName: b}",
            "Resources/Main/Properties/Code",
            "Missing property OssObjectName",
        ),
        (
            ROS,
            "Code: {OssObjectName: b}",
            "Resources/Main/Properties/Code",
            "Missing property OssBucketName",
        ),
    ],
)
def test_half_an_address_is_refused(refused, template, code, path, message):
    problem = refused(template, code)
    assert problem.path == path
    assert message in problem.message


@pytest.mark.parametrize(
    ("template", "code", "path"),
    [
        (ROS, "CodeUri: code", "Resources/Main/Properties/CodeUri"),
        (ROS, "Code: {SourceCode: pass}", "Resources/Main/Properties/Code/SourceCode"),
        (SERVERLESS, "CodeUri: code", "Resources/shop/main/Properties/CodeUri"),
        (FC, "codeUri: code", "services/one/props/function/codeUri"),
        (FC3, "code: code", "resources/one/props/code"),
        (FC3, "code: {src: code}", "resources/one/props/code/src"),
    ],
)
def test_code_that_the_store_refuses_is_a_problem_of_the_property_that_names_it(
    refused, tmp_path, template, code, path
):
    def stage(source):
        raise InvalidRequest("InvalidCode", "a link leads out of it", hint="Copy it.")

    (tmp_path / "code").mkdir()
    problem = refused(template, code, stage=stage)
    assert (problem.path, problem.message, problem.hint) == (path, "a link leads out of it", "Copy it.")


# --- environment variables, the same in every dialect ------------------------------------------

WITH_VARIABLES = {
    "plain ROS": (ROS, "Code: {SourceCode: pass}\n      EnvironmentVariables: {A: VALUE}"),
    "Funcraft": (SERVERLESS, "CodeUri: .\n        EnvironmentVariables: {A: VALUE}"),
    "fc": (FC, "codeUri: .\n        environmentVariables: {A: VALUE}"),
    "fc3": (FC3, "code: .\n      environmentVariables: {A: VALUE}"),
}
every_dialect = pytest.mark.parametrize(
    ("template", "code"), WITH_VARIABLES.values(), ids=list(WITH_VARIABLES)
)


@every_dialect
@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("12", "12"),
        ("1.5", "1.5"),
        ("true", "true"),
        ("'007'", "007"),
        ("''", ""),
        ("2015-09-01", "2015-09-01"),
    ],
)
def test_numbers_and_words_become_text(make, template, code, written, text):
    assert make(template, code.replace("VALUE", written)).functions[0].environment == {"A": text}


@every_dialect
@pytest.mark.parametrize("written", ["null", "{b: 1}", "[1]"])
def test_what_is_no_text_is_refused_by_the_variables_name(refused, template, code, written):
    """fun-cli 10: objects and null are errors."""
    problem = refused(template, code.replace("VALUE", written))
    assert (problem.kind, problem.path.rpartition("/")[2]) == ("type", "A")

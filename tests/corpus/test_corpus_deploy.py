"""`fun deploy --json` of every good file of the corpus, all into one home, by way of a real daemon."""

import json
import os
import shutil
import tempfile

import pytest
import yaml

from fun_local.cli.fun import fun
from tests.conftest import corpus_file
from tests.corpus import test_corpus as templates
from tests.corpus import test_corpus_devs as devs

#: What is asked of the document that `fun deploy --json` prints, and the name of it in what is expected.
KEYS = {
    "runtime": "runtime",
    "handler": "handler",
    "memorySize": "memory_mb",
    "timeout": "timeout_seconds",
    "environmentVariables": "environment",
}


@pytest.fixture(scope="module")
def home():
    """A home for all of them; its daemon ends with the module."""
    root = tempfile.mkdtemp(prefix="fl-")
    before = dict(os.environ)
    os.environ.update({"FUN_LOCAL_HOME": os.path.join(root, "home"), "FUN_LOCAL_PORT": "0", **devs.ENVIRON})
    os.environ.update({"FUN_LOCAL_REGION": templates.REGION, "FUN_LOCAL_ACCOUNT_ID": templates.ACCOUNT})
    yield root
    fun.main(["daemon", "stop"], standalone_mode=False)
    os.environ.clear()
    os.environ.update(before)
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def deploy(home, monkeypatch, capsys):
    def deploy(path, *options):
        monkeypatch.chdir(path.parent)
        if "please_replace_me" in path.read_text("utf-8"):
            options = (*options, "--replace", "please_replace_me=dlq")
        fun.main(["deploy", "-t", path.name, "--json", *options], standalone_mode=False)
        return json.loads(capsys.readouterr().out)

    return deploy


def check(done, wanted):
    found = {f"{f['serviceName']}/{f['functionName']}": f for f in done["functions"]}
    assert set(found) == set(wanted)
    for path, function in found.items():
        for key, name in KEYS.items():
            if name in wanted[path]:
                assert function[key] == wanted[path][name], (path, key)
        check_async(function["asyncConfig"], wanted[path]["async"])


def check_async(config, wanted):
    if wanted is None:
        assert config is None
        return
    told = {
        "max_retries": config["maxAsyncRetryAttempts"],
        "max_age_seconds": config["maxAsyncEventAgeInSeconds"],
        "stateful": config["statefulInvocation"],
        "on_success": config["destinationConfig"].get("onSuccess", {}).get("destination", ""),
        "on_failure": config["destinationConfig"].get("onFailure", {}).get("destination", ""),
    }
    assert {key: told[key] for key in wanted} == wanted


def test_the_corpus_is_there():
    corpus_file("INDEX.md")


@templates.files([entry for entry in templates.GOOD if entry.kind == "serverless"])
def test_templates_of_funcraft(entry, tmp_path, deploy):
    path = templates.copied(entry, tmp_path)
    given = parameters(path)
    if "oss://" in path.read_text("utf-8"):
        given += ["--oss-dir", str(buckets(path, tmp_path))]
    done = deploy(path, *given)
    check(done, templates.expected(path))
    assert deploy(path, *given)["unchanged"], "the second time"


def parameters(path):
    written = yaml.safe_load(path.read_text("utf-8")).get("Parameters") or {}
    return [f"-p{name}=my-{name}" for name, parameter in written.items() if "Default" not in parameter]


def buckets(path, folder):
    """A folder that stands in for OSS, with an archive for every object that a template names."""
    for uri in templates.re.findall(r"oss://([^'\"\s#]+)", path.read_text("utf-8")):
        target = folder / "oss" / uri
        target.parent.mkdir(parents=True, exist_ok=True)
        with templates.zipfile.ZipFile(target, "w") as archive:
            archive.writestr("index.py", "")
    return folder / "oss"


@templates.files([e for e in templates.TEMPLATES if e.kind == "ros" and not e.file.endswith("s2.yml")])
def test_plain_ros_templates(entry, tmp_path, deploy):
    path = templates.copied(entry, tmp_path)
    done = deploy(path, "--stack-name", templates.STACK, *parameters(path))
    check(done, templates.in_ros(path))
    fun.main(["remove", templates.STACK, "--kind", "stack", "-y"], standalone_mode=False)


@pytest.mark.parametrize("name", [name for name in devs.FILES if name not in devs.REFUSED])
def test_files_of_serverless_devs(name, tmp_path, deploy):
    path = devs.copied(name, tmp_path)
    done = deploy(path)
    functions, services = devs.expected(path)
    assert {service["serviceName"] for service in done["services"]} == services
    check(done, {f"{f['service']}/{f['name']}": f for f in functions})

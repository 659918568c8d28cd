"""Each client does its whole job: what the scripts beside this say of it, one process a script, is so."""

from __future__ import annotations

import re

import pytest

from tests.clients.conftest import SCRIPTS

#: The scripts of a client. Both clients of MNS have the same shape, so the same scripts.
PYTHON = {
    "aliyun-fc2": "aliyun_fc2",
    "fc-open20210406": "fc_open20210406",
    "fc20230330": "fc20230330",
    "aliyun-mns-sdk": "mns",
    "aliyun-mns": "mns",
}


def scripts(folder: str, ending: str) -> list[str]:
    return sorted(path.name for path in (SCRIPTS / folder).glob(f"*{ending}") if path.stem != "laptop")


def rows() -> list[tuple[str, str]]:
    return [
        (name, f"{folder}/{script}") for name, folder in PYTHON.items() for script in scripts(folder, ".py")
    ]


def holds(done) -> None:
    """Fails with the claims that do not hold; with everything where the script did not come to an end."""
    parts = re.split(r"^(?=holds: |DOES NOT HOLD: )", done.stdout, flags=re.M)
    wrong = [part for part in parts if not part.startswith("holds: ")]
    assert done.returncode == 0, "".join(wrong) or f"{done.stdout}{done.stderr}"


@pytest.mark.parametrize(("client", "script"), rows())
def test_a_python_client_does_what_its_script_claims(laptop, client, script):
    holds(laptop.python(client, SCRIPTS / script, check=False))


@pytest.mark.parametrize("script", scripts("node_fc2", ".js"))
def test_the_node_client_does_what_its_script_claims(laptop, script):
    holds(laptop.node("fc2", SCRIPTS / "node_fc2" / script, check=False))

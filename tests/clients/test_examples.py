"""What the examples say of the vendor's clients works as it stands there."""

from __future__ import annotations

import os
import shutil

from tests.acceptance import readme as console
from tests.clients import readme
from tests.conftest import ROOT


def copied(laptop, name: str) -> str:
    """A copy of an example, after the commands of its README."""
    folder = os.path.join(laptop.shell.project, name)
    shutil.copytree(ROOT / "examples" / name, folder)
    laptop.shell.project = folder
    console.run(laptop.shell)
    return folder


def test_every_client_of_the_example_does_what_its_readme_says(laptop):
    folder = copied(laptop, "sdk")
    found = readme.blocks(ROOT / "examples" / "sdk" / "README.md")
    # Results come as indented JSON: one line is enough here.
    said = {block.client: " ".join(readme.run(laptop, block, folder).split()) for block in found}
    assert said["fc-open20210406"] == 'Succeeded { "words": 4 }'
    assert said["fc2"] == 'Succeeded { "words": 2 }'
    assert said["aliyun-mns-sdk"] == 'not counted: {"text": " "} (there is nothing to count)'
    assert '"words": 4' in said["fun"]


def test_the_consumer_of_dead_letters_works_with_the_sdk(laptop):
    folder = copied(laptop, "dead-letters")
    (block,) = readme.blocks(ROOT / "examples" / "dead-letters" / "README.md")
    said = readme.run(laptop, block, folder)
    assert said.startswith("pay failed 2 times with")
    assert "the card of Bob is not good for 500" in said
    info = laptop.shell.fun("mns", "queue", "info", "payments-dead-letters", "--json").json
    assert (info["activeMessages"], info["inactiveMessages"]) == (0, 0)
    assert readme.run(laptop, block, folder) == ""

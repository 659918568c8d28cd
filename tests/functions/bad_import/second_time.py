"""Fails when it is imported for the first time in a process."""

import os

if "TRIED" not in os.environ:
    os.environ["TRIED"] = "yes"
    raise RuntimeError("try again")


def handler(event, context):
    return "at last"

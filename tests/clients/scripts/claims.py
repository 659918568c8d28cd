"""What a script says of a client, one function a claim, each by itself.

Standard library alone: every client's environment runs it.

The last line of a script is ``run()``. It says on standard output how each claim did, and exits with 1 if one
does not hold.
"""

import base64
import contextlib
import io
import itertools
import logging
import sys
import time
import traceback
import zipfile

_claims = []
_numbers = itertools.count(1)


def claim(function):
    """Marks a claim. They run in their order, and none needs another."""
    _claims.append(function)
    return function


def run():
    logging.disable()  # some clients log every refusal, and most claims here are about some
    failures = 0
    for function in _claims:
        # Kept from the output: one of the clients prints every signature.
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                function()
                problem = ""
            except Exception:
                problem = traceback.format_exc()
        failures += bool(problem)
        print(f"{'DOES NOT HOLD' if problem else 'holds'}: {function.__name__}\n{problem}", end="")
    sys.exit(1 if failures or not _claims else 0)


def fresh(word):
    """A name that nobody else has."""
    return f"{word}-{next(_numbers)}"


def refused(kind, call, *arguments, **options):
    """The error of exactly this class that a call ends with."""
    try:
        answer = call(*arguments, **options)
    except kind as error:
        assert type(error) is kind, type(error)
        return error
    raise AssertionError(f"was not refused: {answer}")


def eventually(value, wanted, seconds=30):
    """Asks again until ``value()`` is ``wanted``, or makes that true; gives it."""
    deadline = time.monotonic() + seconds
    is_it = wanted if callable(wanted) else lambda found: found == wanted
    while not is_it(found := value()):
        assert time.monotonic() < deadline, f"still {found}"
        time.sleep(0.05)
    return found


#: Does what its event says.
SOURCE = """\
import json
import os
import time


def handler(event, context):
    word, _, rest = event.decode().partition(" ")
    if word == "raise":
        raise ValueError(rest)
    if word == "sleep":
        time.sleep(float(rest))
    if word == "say":
        print(rest)
    if word == "environment":
        return json.dumps(os.environ.get(rest))
    if word == "where":
        return json.dumps([context.service.name, context.function.name, context.service.qualifier])
    return event
"""


def archive(source=SOURCE):
    """A zip file with the function in it."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as packed:
        # With a time of its own: the same bytes whenever it is made.
        packed.writestr(zipfile.ZipInfo("index.py"), source)
    return held.getvalue()


def archive64(source=SOURCE):
    return base64.b64encode(archive(source)).decode()

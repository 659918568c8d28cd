"""Message bodies as they travel and as people read them (mns section 12).

MNS has no flag for the encoding of a body: its clients encode and decode in base64 unless told otherwise.
What came over the wire is kept and given back as it is. What was put in here (outcomes, the command line's
messages) is kept plain, and travels in base64, so that a client with its defaults reads what was put in.
"""

from __future__ import annotations

import base64
import binascii
import re

# What no XML can hold, however it is written.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def on_the_wire(body: bytes, *, is_wire: bool) -> str:
    """The text that a client receives. What can't travel as text does so in base64."""
    if is_wire:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            pass
        else:
            if not _NOT_XML.search(text):
                return text
    return base64.b64encode(body).decode()


def readable(body: bytes, *, is_wire: bool) -> bytes:
    """The body for people: decoded where a client has encoded a text, else as it is.

    A guess, as every viewer's: text that merely happens to be base64 decodes to something that is no text.
    """
    if not is_wire:
        return body
    try:
        decoded = base64.b64decode(body, validate=True)
        is_text = not _CONTROL.search(decoded.decode())
    except (binascii.Error, ValueError):
        return body
    return decoded if is_text else body

"""The access keys of a home: made with it, kept from others, replaced without a break.

The file holds the newest pair first, and the one before it, which stays valid until the next rotation: who
has the old pair in the environment has until then to take up the new one.
"""

from __future__ import annotations

import json
import os
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass

from fun_local.errors import Conflict, CorruptState, InvalidRequest
from fun_local.store.files import raise_unavailable, remove_temporaries, sync_folder, write_atomically

_FILE = "keys.json"
_FORMAT = 1
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An access key id and its secret."""

    id: str
    secret: str

    def __repr__(self) -> str:
        return f"KeyPair({self.id!r})"  # logs and tracebacks are no place for the secret


class Keyring:
    """The keys that are valid in a home while its daemon lives. One per home: nobody else writes the file.

    ``fixed`` is a pair from the settings: then it alone counts, and no file is made.
    ``session`` is for functions: theirs as long as the daemon lives, whatever is rotated.

    Raises:
        CorruptState: the file is damaged.
        Unavailable: it can't be written.
    """

    def __init__(self, home: str, fixed: KeyPair | None = None) -> None:
        self._home = home
        self._fixed = fixed
        self._pairs = [fixed] if fixed else _read_or_make(home)
        # Like a role's temporary keys, down to the prefix that tells clients to send a token along.
        self.session = KeyPair(f"STS.{_random(26)}", _random(44))
        self.session_token = _random(64)

    @property
    def current(self) -> KeyPair:
        return self._pairs[0]

    def secrets(self) -> Mapping[str, str]:
        """The secret of every valid key id."""
        return {pair.id: pair.secret for pair in (*self._pairs, self.session)}

    def rotate(self, *, revoke: bool) -> KeyPair:
        """Make a new pair. The old one stays valid until the next rotation, unless it is to end at once.

        Raises:
            Conflict: the pair is from the settings.
            Unavailable: the file can't be written; the old pair is still the current one.
        """
        if self._fixed:
            raise Conflict(
                "KeysFixed",
                "the access key is set by the settings access_key_id and access_key_secret",
                hint="Change it there, then: fun daemon restart.",
            )
        pairs = [_new_pair()] if revoke else [_new_pair(), self.current]
        _write(self._home, pairs)
        self._pairs = pairs
        return self.current


def fixed_pair(key_id: str, secret: str) -> KeyPair | None:
    """The pair that two settings make; None where neither is set.

    Raises:
        InvalidRequest: one without the other, or an id that no signature can carry.
    """
    if not key_id and not secret:
        return None
    if not key_id or not secret:
        missing = "access_key_secret" if key_id else "access_key_id"
        raise InvalidRequest(
            "InvalidArgument",
            f"setting {missing} is missing",
            hint="Set both parts of an access key, or none.",
        )
    if not all(c.isascii() and (c.isalnum() or c in "-_.") for c in key_id):
        raise InvalidRequest(
            "InvalidArgument", "setting access_key_id holds more than letters, digits, '-', '_' and '.'"
        )
    return KeyPair(key_id, secret)


def existing_pair(home: str) -> KeyPair | None:
    """The newest pair of a home, for who has no business with making one; None where there is none yet.

    Raises:
        CorruptState: the file is damaged.
        Unavailable: it can't be read.
    """
    path = os.path.join(home, _FILE)
    try:
        with open(path, "rb") as file:
            return _parsed(path, file.read())[0]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise_unavailable(path, error)


def _read_or_make(home: str) -> list[KeyPair]:
    path = os.path.join(home, _FILE)
    remove_temporaries(home, of=_FILE)
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:  # somebody has copied it, say
                os.fchmod(file.fileno(), 0o600)
            document = file.read()
    except FileNotFoundError:
        pairs = [_new_pair()]
        _write(home, pairs)
        return pairs
    except OSError as error:
        raise_unavailable(path, error)
    return _parsed(path, document)


def _parsed(path: str, document: bytes) -> list[KeyPair]:
    try:
        content = json.loads(document)
        if content["format"] > _FORMAT:
            raise CorruptState(
                path,
                f"format {content['format']}, this version knows up to {_FORMAT}",
                hint="A newer fun-local wrote it: upgrade, or use another FUN_LOCAL_HOME.",
            )
        pairs = [KeyPair(str(key["accessKeyId"]), str(key["accessKeySecret"])) for key in content["keys"]]
        if not pairs or not all(pair.id and pair.secret for pair in pairs):
            raise ValueError("it holds no key")
    except (ValueError, KeyError, TypeError) as error:
        hint = "Remove the file: the next start makes a new key, to be taken up with fun env."
        raise CorruptState(path, f"{type(error).__name__}: {error}", hint=hint) from None
    return pairs


def _write(home: str, pairs: list[KeyPair]) -> None:
    keys = [{"accessKeyId": pair.id, "accessKeySecret": pair.secret} for pair in pairs]
    content = json.dumps({"format": _FORMAT, "keys": keys}, indent=1)
    write_atomically(os.path.join(home, _FILE), content.encode())
    sync_folder(home)


def _new_pair() -> KeyPair:
    """Of the vendor's form: tools that look for leaked keys know it, and so do people."""
    return KeyPair(f"LTAI5t{_random(18)}", _random(30))


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))

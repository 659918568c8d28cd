"""Buckets and the objects in them: what stands here for OSS.

root/BUCKET/DIGEST    an object; DIGEST is that of its key, so no key leads anywhere else

A file begins with a line of JSON that says what it is; the object follows. Written by the daemon alone, read
by anybody: a file is replaced as a whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass
from typing import IO

from fun_local.errors import Conflict, CorruptState, InvalidRequest, NotFound
from fun_local.store.files import (
    make_private_folder,
    raise_unavailable,
    remove_temporaries,
    sync_folder,
    write_atomically,
)

_FORMAT = 1

#: OSS documentation: "Bucket naming", "Object naming". No name can lead out of the folder.
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_LONGEST_KEY = 1023

#: Of the first line of a file.
_LONGEST_HEAD = 16 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """An object without its content. ``md5`` is in hex."""

    key: str
    content_type: str
    md5: str
    bytes: int
    modified: float


class Objects:
    """Buckets in ``root``. All methods may take long: they are for other threads than the event loop's."""

    def __init__(self, root: str) -> None:
        self._root = root

    def make_bucket(self, bucket: str) -> None:
        """Make a bucket, unless it is there.

        Raises:
            InvalidRequest: no name for one.
            Unavailable: the disk refuses.
        """
        if not _BUCKET.fullmatch(bucket):
            raise InvalidRequest(
                "InvalidBucketName",
                f"{bucket[:80]!r} is not the name of a bucket",
                hint="3 to 63 small letters, digits and hyphens, no hyphen first or last.",
            )
        make_private_folder(os.path.join(self._root, bucket))
        sync_folder(self._root)

    def check_bucket(self, bucket: str) -> None:
        """Raise NotFound unless there is such a bucket."""
        self._folder(bucket)

    def remove_bucket(self, bucket: str) -> None:
        """Raises NotFound, and Conflict where something is in it."""
        folder = self._folder(bucket)
        try:
            os.rmdir(folder)
        except OSError:
            message = f"bucket '{bucket}' is not empty"
            raise Conflict("BucketNotEmpty", message, hint="Delete its objects first.") from None
        sync_folder(self._root)

    def put(self, bucket: str, key: str, content: bytes, content_type: str = "") -> Stored:
        """Keep an object, in place of the one of this key. When it returns, the object is safe.

        Raises:
            NotFound: no such bucket.
            InvalidRequest: no name for an object.
            Unavailable: the disk refuses; what was there is there.
        """
        folder, path = self._folder(bucket), self._path(bucket, key)
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        head = {"format": _FORMAT, "key": key, "type": content_type, "md5": md5}
        write_atomically(path, json.dumps(head).encode() + b"\n", content)
        sync_folder(folder)
        return self.find(bucket, key)

    def find(self, bucket: str, key: str) -> Stored:
        """An object without its content. Raises NotFound, and CorruptState for one that is damaged."""
        with self._opened(bucket, key) as file:
            return _head(file)

    def read(self, bucket: str, key: str) -> tuple[Stored, bytes]:
        """An object and its content. Raises as ``find``."""
        with self._opened(bucket, key) as file:
            stored, content = _head(file), file.read()
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != stored.md5:
            raise CorruptState(file.name, "its content has changed", hint="Upload the object again.")
        return stored, content

    def has(self, bucket: str, key: str) -> bool:
        """Whether there is such an object."""
        try:
            return bool(self.find(bucket, key).key)
        except (NotFound, InvalidRequest):
            return False

    def get(self, bucket: str, key: str) -> bytes | None:
        """The content of an object, None where there is none. Raises CorruptState."""
        try:
            return self.read(bucket, key)[1]
        except (NotFound, InvalidRequest):
            return None

    def remove(self, bucket: str, key: str) -> None:
        """Delete an object, if it is there. Raises NotFound for a bucket that is not."""
        folder = self._folder(bucket)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(bucket, key))
            sync_folder(folder)

    def remove_leftovers(self) -> None:
        """Delete what uploads have left that a crash has cut off. For the start of a daemon."""
        with contextlib.suppress(FileNotFoundError):
            for bucket in os.listdir(self._root):
                if _BUCKET.fullmatch(bucket):
                    remove_temporaries(os.path.join(self._root, bucket))

    def _folder(self, bucket: str) -> str:
        folder = os.path.join(self._root, bucket)
        if not _BUCKET.fullmatch(bucket) or not os.path.isdir(folder):
            raise NotFound("NoSuchBucket", f"bucket '{bucket[:80]}' does not exist")
        return folder

    def _path(self, bucket: str, key: str) -> str:
        try:
            name = key.encode()
        except UnicodeEncodeError:  # bytes that are no UTF-8
            name = b""
        if not 0 < len(name) <= _LONGEST_KEY:
            message = f"the name of an object has 1 to {_LONGEST_KEY} bytes of UTF-8"
            raise InvalidRequest("InvalidObjectName", message)
        return os.path.join(self._root, bucket, hashlib.sha256(name).hexdigest())

    def _opened(self, bucket: str, key: str) -> IO[bytes]:
        self._folder(bucket)
        path = self._path(bucket, key)
        try:
            return open(path, "rb")
        except FileNotFoundError:
            raise NotFound("NoSuchKey", f"there is no object '{key}' in bucket '{bucket}'") from None
        except OSError as error:
            raise_unavailable(path, error)


def _head(file: IO[bytes]) -> Stored:
    line = file.readline(_LONGEST_HEAD)
    try:
        head = json.loads(line)
        if head["format"] > _FORMAT:
            raise ValueError(f"format {head['format']}, this version knows up to {_FORMAT}")
        status = os.fstat(file.fileno())
        return Stored(head["key"], head["type"], head["md5"], status.st_size - len(line), status.st_mtime)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptState(file.name, str(error), hint="Upload the object again.") from None

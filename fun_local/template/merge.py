"""Several templates as one: the later say what is to be different (fun-cli section 4, template.md 2).

Mappings are merged key by key and lists item by item; anything else replaces what was there. So does a
function such as `Ref` or `Fn::Sub` that meets another value: half of one and half of another is neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from fun_local.template.load import Document, Path, load

_ABSENT = object()


@dataclass(frozen=True, slots=True, eq=False)
class Merged(Document):
    """The merged data under the first one's name; every value keeps its place in the file it came from."""

    layers: tuple[Document, ...] = ()

    def position(self, path: Path) -> tuple[int, int]:
        return self._layer(path).position(path)

    def value_position(self, path: Path) -> tuple[int, int]:
        return self._layer(path).value_position(path)

    def file(self, path: Path) -> str:
        return self._layer(path).path

    def _layer(self, path: Path) -> Document:
        """Where ``path``, or its nearest ancestor that is anywhere, got its value.

        A mapping that several have is the first one's, to which the others only added.
        """
        for end in range(len(path), 0, -1):
            holders = [
                (layer, value)
                for layer in self.layers
                if (value := _value(layer.data, path[:end])) is not _ABSENT
            ]
            if holders:
                found, value = holders.pop()
                while holders and _is_merged(holders[-1][1], value):
                    found, value = holders.pop()
                return found
        return self.layers[0]


def load_all(paths: Sequence[str]) -> Document:
    """Read templates (at least one) and merge them, the first below all others. Raises as ``load`` does."""
    return merge([load(path) for path in paths])


def merge(documents: Sequence[Document]) -> Document:
    """One document of several (at least one), the first below all others."""
    first = documents[0]
    if len(documents) == 1:
        return first
    data: dict[str, Any] = reduce(_over, (document.data for document in documents))
    return Merged(first.path, data, first.root, tuple(documents))


def _over(below: Any, above: Any) -> Any:
    if not _is_merged(below, above):
        return above
    if isinstance(below, dict):
        added = {key: _over(below[key], value) if key in below else value for key, value in above.items()}
        return {**below, **added}
    return [*map(_over, below, above), *below[len(above) :], *above[len(below) :]]


def _is_merged(below: Any, above: Any) -> bool:
    """Whether two values become one that has something of both."""
    if isinstance(below, dict) and isinstance(above, dict):
        return _function(below) == _function(above)
    return isinstance(below, list) and isinstance(above, list)


def _function(value: dict[str, Any]) -> str:
    """The name of the function that a mapping calls; empty for other mappings."""
    name = next(iter(value), "") if len(value) == 1 else ""
    return name if name == "Ref" or name.startswith("Fn::") else ""


def _value(data: Any, path: Path) -> Any:
    for part in path:
        if isinstance(data, dict):
            data = data.get(part, _ABSENT)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return _ABSENT
    return data

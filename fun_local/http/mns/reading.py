"""Query, headers and elements as values; what is wrong with them is named (mns sections 5 and 9). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from fun_local.errors import InvalidRequest
from fun_local.http.mns.document import Element, parse
from fun_local.mns import NewMessage
from fun_local.mns.attributes import Bounds
from fun_local.mns.message import DEFAULT_PRIORITY, Extras

#: Longer ones are no numbers that anything here takes.
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")

#: What a message has beyond its body, and how the values inside are called (mns section 9.1).
_PROPERTIES = {"UserProperties": "PropertyValue", "SystemProperties": "SystemPropertyValue"}
_PROPERTY = ("Name", "Value", "Type")
_GROUP = "MessageGroupId"


def query(raw: str) -> dict[str, str]:
    """The items of a query by lower-case key. A ``+`` stays one (mns section 2, rule 9)."""
    items: dict[str, str] = {}
    for part in raw.split("&"):
        key, _, value = part.partition("=")
        key = unquote(key).lower()
        if key in items:
            raise InvalidRequest("InvalidQueryString", f"the query has {key!r} twice")
        if key:
            items[key] = unquote(value)
    return items


def query_number(items: Mapping[str, str], key: str) -> int | None:
    """A number of the query; None when it is not there."""
    text = items.get(key.lower())
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise InvalidRequest(
            "InvalidQueryString", f"{key} of the query must be a whole number, not {text[:50]!r}"
        )
    return int(text)


def root(body: bytes, *names: str) -> Element:
    """The document in a body, whose root must have one of these names."""
    found = parse(body)
    if found.name not in names:
        raise _invalid(f"the root element must be {' or '.join(names)}, not {found.name[:50]!r}")
    return found


def fields(element: Element) -> dict[str, Element]:
    """The children of an element by name."""
    found: dict[str, Element] = {}
    for child in element.children:
        if child.name in found:
            raise _invalid(f"{element.name} has {child.name[:50]!r} twice")
        found[child.name] = child
    return found


def attributes(body: bytes, name: str, known: Mapping[str, Bounds]) -> dict[str, object]:
    """What a document sets of the known attributes, by their fields. No body is an empty document.

    Elements that are not known are passed over: newer clients send more than version 2015-06-06 has.
    """
    if not body:
        return {}
    found = fields(root(body, name))
    changed: dict[str, object] = {}
    for element, bounds in known.items():
        if element in found:
            value = number(found[element])
            bounds.check(element, value)
            changed[bounds.field] = value
    if "LoggingEnabled" in found:
        changed["logging_enabled"] = boolean(found["LoggingEnabled"])
    return changed


def number(element: Element) -> int:
    text = element.text.strip()
    if element.children or not _NUMBER.fullmatch(text):
        raise _invalid(f"{element.name} must be a whole number, not {text[:50]!r}")
    return int(text)


def boolean(element: Element) -> bool:
    text = element.text.strip().lower()
    if element.children or text not in ("true", "false"):
        raise _invalid(f"{element.name} must be True or False, not {element.text[:50]!r}")
    return text == "true"


def text(found: Mapping[str, Element], name: str, default: str = "") -> str:
    """The text of a child, exactly as it is."""
    element = found.get(name)
    if element is None:
        return default
    if element.children:
        raise _invalid(f"{name} must be text, and holds elements")
    return element.text


def new_messages(body: bytes) -> tuple[list[NewMessage], bool]:
    """The messages to be sent, and whether they are a batch (mns sections 9.1 and 9.2)."""
    document = root(body, "Message", "Messages")
    if document.name == "Message":
        return [_new_message(document)], False
    for child in document.children:
        if child.name != "Message":
            raise _invalid(f"Messages must hold Message, not {child.name[:50]!r}")
    return [_new_message(child) for child in document.children], True


def body_of(found: Mapping[str, Element]) -> bytes:
    """The body of a message to be sent or published."""
    if "MessageBody" not in found:
        raise _invalid("Message must hold a MessageBody")
    return text(found, "MessageBody").encode()


def receipts(body: bytes) -> list[str]:
    """The receipt handles of a batch (mns section 9.6)."""
    found = []
    for child in root(body, "ReceiptHandles").children:
        receipt = child.text.strip()
        if child.name != "ReceiptHandle" or not receipt:
            raise _invalid("ReceiptHandles must hold ReceiptHandle, and each of them a handle")
        found.append(receipt)
    return found


def _new_message(element: Element) -> NewMessage:
    found = fields(element)
    return NewMessage(
        body_of(found),
        priority=number(found["Priority"]) if "Priority" in found else DEFAULT_PRIORITY,
        delay_seconds=number(found["DelaySeconds"]) if "DelaySeconds" in found else None,
        is_wire=True,
        extras=_extras(found),
    )


def _extras(found: Mapping[str, Element]) -> Extras:
    extras: dict[str, object] = {}
    if group := text(found, _GROUP):
        extras[_GROUP] = group
    for name, item in _PROPERTIES.items():
        if name in found:
            extras[name] = [_property(child, item) for child in found[name].children]
    return extras


def _property(element: Element, name: str) -> dict[str, str]:
    inner = fields(element)
    if element.name != name or set(inner) != set(_PROPERTY):
        raise _invalid(f"a property must be a {name} with {', '.join(_PROPERTY)}")
    return {key: text(inner, key) for key in _PROPERTY}


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest("InvalidArgument", message)

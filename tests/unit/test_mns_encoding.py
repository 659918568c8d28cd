"""Message bodies on the wire and for people (mns section 12)."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fun_local.mns.encoding import on_the_wire, readable


@given(st.binary())
def test_what_was_put_in_here_is_read_by_a_client_that_decodes(body):
    assert base64.b64decode(on_the_wire(body, is_wire=False)) == body


@given(st.text("abc\t\n\r <&你\U0001f600"))
def test_what_came_over_the_wire_goes_back_as_it_is(text):
    assert on_the_wire(text.encode(), is_wire=True) == text


@pytest.mark.parametrize("body", [b"\xff", b"a\x00b", b"\x1b[0m", "\ufffe".encode()])
def test_what_no_xml_can_hold_travels_in_base64(body):
    assert base64.b64decode(on_the_wire(body, is_wire=True)) == body


@given(st.text("abc\t\n\r <&你\U0001f600", min_size=1))
def test_people_read_what_a_client_has_encoded(text):
    assert readable(base64.b64encode(text.encode()), is_wire=True) == text.encode()


@pytest.mark.parametrize(
    "body", [b"test", b"hello", b"AAAA", b'{"k": 1}', b"dGVz dA==", "你好".encode(), b"\xff", b"Pz8_"]
)
def test_people_read_what_is_not_encoded_as_it_is(body):
    assert readable(body, is_wire=True) == body


def test_nothing_is_guessed_of_what_was_put_in_here():
    assert readable(b"dGVzdA==", is_wire=False) == b"dGVzdA=="

"""Both ends of the wire between the daemon and an instance: frames.py and the worker's own copy."""

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fun_local.runtime import frames, python_worker

HEADER = b'{"kind":0,"request_id":"r \\u00e9"}'


@given(header=st.binary(max_size=200), body=st.binary(max_size=500), rest=st.binary(max_size=50))
def test_a_frame_is_read_as_it_was_written(header, body, rest):
    frame = frames.pack(header, body)
    assert frames.unpack(frame + rest) == (header, body, len(frame))
    assert frames.unpack(bytearray(frame)) == (header, body, len(frame))


@given(header=st.binary(max_size=50), body=st.binary(max_size=50), data=st.data())
def test_a_part_of_a_frame_is_no_frame(header, body, data):
    frame = frames.pack(header, body)
    length = data.draw(st.integers(0, len(frame) - 1))
    assert frames.unpack(frame[:length]) is None


def test_lengths_that_cannot_be_ours_are_refused_before_the_rest_arrives():
    with pytest.raises(frames.BodyTooLarge):
        frames.unpack(b"\0\0\0\2" + (frames.MAX_BODY + 1).to_bytes(4, "big"))
    with pytest.raises(ValueError, match="a header of"):
        frames.unpack(b"\0\2\0\0" + b"\0\0\0\0")


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as reader, open(writing, "wb", buffering=0) as writer:
        yield reader, writer


@pytest.mark.parametrize("length", [0, 10, 1_000_000])
def test_the_worker_reads_what_the_daemon_writes(pipe, length):
    reader, writer = pipe
    body = b"b" * length
    # More than a pipe holds: somebody else has to write it meanwhile.
    sender = threading.Thread(target=python_worker.write_frame, args=(writer.fileno(), HEADER, body))
    sender.start()
    header, received = python_worker.read_frame(reader.fileno())
    sender.join()
    assert (header, received) == ({"kind": 0, "request_id": "r é"}, body)


def test_the_daemon_reads_what_the_worker_writes(pipe):
    reader, writer = pipe
    python_worker.write_frame(writer.fileno(), HEADER, b"body")
    data = reader.read(1000)
    assert data == frames.pack(HEADER, b"body")
    assert frames.unpack(data) == (HEADER, b"body", len(data))


@pytest.mark.parametrize("length", [0, 4, 8, 20])
def test_the_worker_sees_the_end_in_the_middle_of_a_frame(pipe, length):
    reader, writer = pipe
    writer.write(frames.pack(HEADER, b"body")[:length])
    writer.close()
    assert python_worker.read_frame(reader.fileno()) is None


def test_both_sides_have_the_same_limit():
    assert python_worker.RESPONSE_LIMIT == frames.MAX_BODY

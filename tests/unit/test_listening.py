"""Whose a port is, from the system's own tables (runtime.md 4.1)."""

import os
import socket
import subprocess
import sys

import pytest

from fun_local.runtime import listening
from fun_local.runtime.listening import Listener

linux = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs /proc")

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = "   0: {} 00000000:0000 {} 00000000:00000000 00:00000000 00000000     0        0 {} 1 0 100 0 0 10 0\n"


def test_listening_sockets_are_read_and_others_left_out():
    text = HEAD + ROW.format("0100007F:2328", "0A", "11") + ROW.format("0100007F:2329", "01", "12")
    assert listening.read_table(text) == [("11", Listener(9000, "127.0.0.1"))]


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("00000000", "0.0.0.0"),
        ("0100007F", "127.0.0.1"),
        ("00000000000000000000000000000000", "::"),
        ("00000000000000000000000001000000", "::1"),
        ("B80D012000000000000000000000EFBE", "2001:db8::beef:0"),
    ],
)
def test_addresses_are_read(written, address):
    ((_, listener),) = listening.read_table(HEAD + ROW.format(f"{written}:0050", "0A", "1"))
    assert (listener.address, listener.port) == (address, 80)


@pytest.mark.parametrize("text", ["", HEAD, HEAD + "\n", "nonsense\nmore of it\n"])
def test_what_is_no_table_has_no_sockets(text):
    assert listening.read_table(text) == []


@pytest.mark.parametrize(
    ("address", "hosts", "is_loopback"),
    [
        ("", ("127.0.0.1", "::1"), False),
        ("0.0.0.0", ("127.0.0.1", "::1"), False),
        ("::", ("127.0.0.1", "::1"), False),
        ("127.0.0.1", ("127.0.0.1",), True),
        ("127.0.0.2", ("127.0.0.2",), True),
        ("::1", ("::1",), True),
        ("192.168.1.2", ("192.168.1.2",), False),
    ],
)
def test_a_listener_is_reached_where_it_listens(address, hosts, is_loopback):
    listener = Listener(9000, address)
    assert (listener.hosts, listener.is_loopback) == (hosts, is_loopback)


@linux
def test_only_the_processes_own_sockets_count():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        found = listening.listeners(os.getpid(), "c-none", {port})
        assert found == [Listener(port, "127.0.0.1")]
        assert listening.listeners(os.getpid(), "c-none", {port + 1}) == []
        command = [sys.executable, "-c", "input()"]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as other:
            assert listening.listeners(other.pid, "c-none", {port}) == []
            other.communicate(b"\n")


def test_a_free_port_is_none_of_those_that_are_taken(monkeypatch):
    offers = iter([7, 7, 8])

    class Socket:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def bind(self, address):
            assert address == ("", 0)

        def getsockname(self):
            return "0.0.0.0", next(offers)

    monkeypatch.setattr(listening.socket, "socket", Socket)
    assert listening.free_port({7}) == 8

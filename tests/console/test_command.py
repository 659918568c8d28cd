"""`fun console`."""

import os
import re
import socket
from pathlib import Path

from tests.conftest import wait_for

LINK = re.compile(r"http://127\.0\.0\.1:\d+/console/#token=[\w-]{20,}")


def test_it_starts_the_daemon_and_prints_the_address(shell):
    assert LINK.fullmatch(shell.fun("console", "--no-browser").out.strip())
    assert shell.fun("daemon", "status", "--json").json["endpoint"]
    assert LINK.fullmatch(shell.fun("console", "--json", "--no-browser").json["url"])


def test_every_address_is_a_new_one(shell):
    first, second = (shell.fun("console", "--no-browser").out for _ in range(2))
    assert first != second


def test_it_opens_the_browser(shell):
    seen = os.path.join(shell.project, "seen")
    browser = shell.write("browser", f'#!/bin/sh\necho "$1" > {seen}.new && mv {seen}.new {seen}\n')
    browser.chmod(0o755)
    shell.environment["BROWSER"] = str(browser)
    url = shell.fun("console").out.strip()
    wait_for(lambda: os.path.exists(seen))
    assert Path(seen).read_text().strip() == url


def test_where_there_is_no_browser_the_address_is_printed(shell):
    shell.environment |= {"PATH": "/nowhere", "BROWSER": ""}
    assert LINK.fullmatch(shell.fun("console").out.strip())


def test_a_port_that_is_taken_is_named(shell):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        shell.environment["FUN_LOCAL_PORT"] = str(port)
        done = shell.fun("console", "--no-browser", check=1)
    assert f"port {port}" in done.err and "fun config set port" in done.err


def test_without_signatures_the_page_needs_no_session(shell):
    import http.client
    from urllib.parse import urlsplit

    shell.environment["FUN_LOCAL_INSECURE_NO_AUTH"] = "true"
    url = shell.fun("console", "--no-browser").out.strip()
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    connection.request("GET", "/local/executions")
    assert connection.getresponse().status == 200
    connection.close()

"""Who gets in, who does not, and that nothing a function says becomes a part of the page."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fun_local.console.sessions import KEY_HEADER
from tests.console.stand import dumps
from tests.console.visitor import Visitor, expect

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`${alert(3)}</pre>{{7*7}}"


# Coming in


def test_a_link_lets_in_and_leaves_the_address(browser, stand):
    visitor = Visitor(browser, stand).enter()
    assert "token" not in visitor.page.url
    visitor.page.reload()
    expect(visitor.page.get_by_role("heading", name="Executions")).to_be_visible()
    visitor.context.close()


def test_a_link_works_once(browser, stand):
    link = stand.link()
    first = Visitor(browser, stand)
    first.page.goto(link)
    expect(first.page.locator("header")).to_be_visible()
    second = Visitor(browser, stand)
    second.page.goto(link)
    expect(second.page.get_by_role("alert")).to_contain_text("this link was used")
    expect(second.page.get_by_text("fun console", exact=True)).to_be_visible()
    for visitor in (first, second):
        visitor.context.close()


def test_who_comes_without_a_link_can_paste_one(browser, stand):
    visitor = Visitor(browser, stand)
    page = visitor.page
    page.goto(f"{stand.url}/console/functions")
    expect(page.get_by_text("This browser is not let in yet")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)  # nobody has done anything wrong
    page.get_by_label("Or paste the link here").fill(stand.link())
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("heading", name="Functions")).to_be_visible()
    visitor.context.close()


def test_the_command_prints_an_address_that_lets_in(browser, stand):
    visitor = Visitor(browser, stand)
    visitor.page.goto(stand.shell.fun("console", "--no-browser").out.strip())
    expect(visitor.page.locator("header")).to_be_visible()
    visitor.context.close()


def test_a_session_outlives_the_daemon(browser):
    from tests.console.stand import serving

    with serving() as stand:
        visitor = Visitor(browser, stand).enter()
        port = stand.url.rpartition(":")[2]
        stand.shell.fun("daemon", "stop")
        stand.shell.environment["FUN_LOCAL_PORT"] = port
        stand.shell.fun("daemon", "start")
        visitor.page.reload()
        expect(visitor.page.get_by_role("heading", name="Executions")).to_be_visible()
        expect(visitor.page.locator(".live")).to_have_text("Live")
        visitor.context.close()


def test_a_list_that_lost_the_daemon_comes_back_to_life(browser):
    from tests.console.stand import serving

    with serving() as stand:
        visitor = Visitor(browser, stand).enter()
        expect(visitor.page.locator(".live")).to_have_text("Live")
        port = stand.url.rpartition(":")[2]
        stand.shell.fun("daemon", "stop")
        expect(visitor.page.locator(".live")).to_have_text("Connecting")
        stand.shell.environment["FUN_LOCAL_PORT"] = port
        stand.shell.fun("daemon", "start")
        expect(visitor.page.locator(".live")).to_have_text("Live", timeout=20_000)
        id = stand.invoke("fast")
        expect(visitor.row(id).locator(".status")).to_have_text("Succeeded")
        visitor.context.close()


@pytest.mark.parametrize("missing", ["Cookie", KEY_HEADER])
def test_neither_half_of_a_session_is_enough(stand, missing):
    half = {name: value for name, value in stand.session.items() if name != missing}
    assert stand.ask("GET", "/local/executions", headers=half).status in (401, 403)
    path = "/2016-08-15/services/shop/functions/fast/invocations"
    assert stand.ask("POST", path, headers=half).status in (401, 403)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/local/executions", 403),
        ("/local/status", 403),
        ("/local/events", 403),
        ("/local/health", 403),
        ("/queues", 400),  # mns 5: the header with the signature is missing
        ("/2016-08-15/services", 403),
    ],
)
def test_nothing_is_told_to_who_is_not_let_in(stand, target, status):
    answer = stand.ask("GET", target, headers={})
    assert answer.status == status
    assert b"Authorization" in answer.body or b"AccessDenied" in answer.body


def test_the_cookie_is_kept_from_scripts_and_other_sites(stand):
    token = stand.link().rpartition("=")[2]
    cookie = stand.ask("POST", "/console/session", json={"token": token}, headers={}).headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert cookie.startswith("fun-local-" + stand.url.rpartition(":")[2] + "=")


# Other sites


@pytest.fixture
def other_site(stand):
    """A page of somebody else's on this machine, whose requests carry our cookie."""
    page = """<script>
      const asked = async (method, path, headers = {}) => {
        try {
          const answer = await fetch(TARGET + path, {method, headers, credentials: "include"});
          return "answered " + answer.status;
        } catch (error) { return "refused"; }
      };
    </script>
    <form id="form" method="post" action="TARGET/console/session"></form>""".replace(
        "TARGET", f'"{stand.url}"', 1
    )
    page = page.replace("TARGET", stand.url)

    class Site(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_pages_of_other_sites_get_nothing(browser, stand, other_site):
    visitor = Visitor(browser, stand).enter()
    key = visitor.page.evaluate("localStorage.getItem('fun-local-console-key')")
    page = visitor.context.new_page()
    answers = []
    page.on("response", lambda answer: answer.url.startswith(stand.url) and answers.append(answer.status))
    page.goto(other_site)
    path = "/2016-08-15/services/shop/functions/fast/invocations"
    for method, target in (("GET", "/local/executions"), ("POST", path), ("POST", "/local/purge")):
        assert page.evaluate("([m, p]) => asked(m, p)", [method, target]) == "refused"
    # Even one that had got hold of the key: it may not send the header.
    stolen = {KEY_HEADER: key, "X-Fc-Invocation-Type": "Async"}
    assert page.evaluate("([m, p, h]) => asked(m, p, h)", ["POST", path, stolen]) == "refused"
    page.evaluate("document.getElementById('form').submit()")
    page.wait_for_url(stand.url + "/**")
    assert set(answers) == {403}
    visitor.context.close()
    assert stand.get("/local/executions?function=shop/fast")["rows"] == []


def test_a_link_on_another_site_leads_to_a_view(browser, stand, other_site):
    visitor = Visitor(browser, stand).enter()
    page = visitor.context.new_page()
    page.goto(other_site)
    page.evaluate("url => { location.href = url; }", f"{stand.url}/console/functions")
    expect(page.get_by_role("heading", name="Functions")).to_be_visible()
    visitor.context.close()


def test_the_page_can_not_be_framed(browser, stand, other_site):
    visitor = Visitor(browser, stand).enter()
    page = visitor.context.new_page()
    page.goto(other_site)
    page.evaluate(
        """url => new Promise(done => {
             const frame = document.createElement("iframe");
             frame.onload = done; frame.src = url; document.body.append(frame);
           })""",
        f"{stand.url}/console/",
    )
    assert 'id="app"' not in page.frames[1].content()
    visitor.context.close()


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://127.0.0.1:1"}, {"Sec-Fetch-Site": "same-site"}, {"Host": "evil.example"}]
)
def test_a_session_does_not_help_requests_of_other_origins(stand, headers):
    answer = stand.ask("GET", "/local/executions", headers={**stand.session, **headers})
    assert answer.status == 403


def test_the_policy_of_the_page_allows_nothing_but_its_own_files(stand):
    for target in ("/console/", "/console/executions/a/b/c", "/console/static/app.js"):
        headers = stand.ask("GET", target, headers={}).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"


def test_the_policy_holds_in_the_browser(browser, stand):
    visitor = Visitor(browser, stand).enter()
    page = visitor.page
    page.evaluate(
        """() => { const script = document.createElement("div");
                   try { script.innerHTML = "<img src=x onerror='broken=1'>"; } catch { window.held = 1; }
                   document.body.append(script); }"""
    )
    assert page.evaluate("[window.held, window.broken]") == [1, None]
    visitor.context.close()


# What functions say


def test_scripts_in_payloads_logs_results_and_errors_are_text(browser, stand):
    visitor = Visitor(browser, stand).enter()
    page = visitor.page
    stand.invoke(id="evil", fail=EVIL, name=EVIL, steps=1, say=EVIL)
    stand.settled("evil")
    visitor.go("executions/shop/work/evil")
    expect(page.get_by_role("log")).to_contain_text(EVIL)
    expect(page.get_by_role("region", name="Outcome")).to_contain_text(f"ValueError: {EVIL}")
    expect(page.get_by_role("region", name="Event").first).to_contain_text("<script>alert(1)</script>")
    page.get_by_label("Search the log").fill("<script>")
    expect(page.locator("mark").first).to_have_text("<script>")
    visitor.go("queues/letters")
    expect(page.locator("article").first).to_contain_text("<script>alert(1)</script>")
    visitor.go("submit?function=shop/work")
    expect(page.get_by_role("button", name=re.compile("alert"))).to_be_visible()
    assert page.locator("main img, main script").count() == 0
    visitor.context.close()
    assert not visitor.troubles  # a dialog would be one


def test_scripts_in_addresses_and_descriptions_are_text(browser, stand):
    visitor = Visitor(browser, stand).enter()
    page = visitor.page
    path = "/2016-08-15/services/shop/functions/fast"
    body = {"description": EVIL, "environmentVariables": {"EVIL": EVIL}}
    assert stand.ask("PUT", path, json=body).status == 200
    visitor.go("functions/shop/fast")
    expect(page.get_by_text(EVIL).first).to_be_visible()
    visitor.go("executions/shop/work/%3Cimg%20src=x%20onerror=alert(1)%3E")
    expect(page.get_by_role("alert")).to_be_visible()
    visitor.go("executions?prefix=%3Cscript%3Ealert(1)%3C/script%3E&function=%22%3E%3Cimg%3E")
    expect(page.get_by_role("alert")).to_contain_text("is not a function name")
    assert page.locator("main img, main script").count() == 0
    visitor.context.close()
    assert not [trouble for trouble in visitor.troubles if "status of 400" not in trouble]


def test_a_message_of_anybody_is_text(browser, stand):
    visitor = Visitor(browser, stand).enter()
    stand.send("inbox", EVIL)
    stand.send(
        "inbox", dumps({"requestContext": {"functionArn": "acs:fc:::services/a/functions/<b>"}}).decode()
    )
    page = visitor.go("queues/inbox")
    expect(page.locator("article").first).to_contain_text(EVIL)
    assert page.locator("main img, main script").count() == 0
    visitor.context.close()
    assert not visitor.troubles

"""Links, cookies and keys of the console."""

import pytest

from fun_local.console.sessions import LINK_SECONDS, SESSION_SECONDS, Sessions


class Stage:
    def __init__(self):
        self.now = 1_000_000.0
        self.secrets = {"ak": "secret"}
        self.current = "ak"
        self.sessions = self.restarted()

    def restarted(self):
        return Sessions(
            port=17987,
            pair=lambda: (self.current, self.secrets[self.current]),
            all_secrets=lambda: self.secrets,
            now=lambda: self.now,
        )

    def open(self):
        return self.sessions.open(self.sessions.new_link())


@pytest.fixture
def stage():
    return Stage()


def test_a_link_opens_one_session(stage):
    link = stage.sessions.new_link()
    session = stage.sessions.open(link)
    assert stage.sessions.proves(session.cookie, session.key)
    assert stage.sessions.open(link) is None


def test_a_link_that_is_too_old_opens_nothing(stage):
    link = stage.sessions.new_link()
    stage.now += LINK_SECONDS + 1
    assert stage.sessions.open(link) is None


def test_links_are_bounded_and_the_oldest_goes_first(stage):
    links = [stage.sessions.new_link() for _ in range(51)]
    assert stage.sessions.open(links[0]) is None
    assert stage.sessions.open(links[1]) is not None


@pytest.mark.parametrize("token", ["", "x", "\u00e9", "None"])
def test_a_token_of_nobody_opens_nothing(stage, token):
    stage.sessions.new_link()
    assert stage.sessions.open(token) is None


def test_a_key_belongs_to_its_own_cookie(stage):
    one, other = stage.open(), stage.open()
    assert not stage.sessions.proves(one.cookie, other.key)
    assert not stage.sessions.proves(other.cookie, one.key)


def test_a_session_ends(stage):
    session = stage.open()
    stage.now += SESSION_SECONDS - 1
    assert stage.sessions.proves(session.cookie, session.key)
    stage.now += 2
    assert not stage.sessions.proves(session.cookie, session.key)


def test_a_session_outlives_the_daemon_but_not_its_key(stage):
    session = stage.open()
    stage.secrets["new"], stage.current = "other", "new"
    assert stage.restarted().proves(session.cookie, session.key)
    del stage.secrets["ak"]
    assert not stage.restarted().proves(session.cookie, session.key)


def test_nothing_of_a_session_can_be_changed(stage):
    session = stage.open()
    key_id, name, expires, signature = session.cookie.split(".")
    forged = [
        f"{key_id}.{name}.{int(expires) + 1}.{signature}",
        f"{key_id}.other.{expires}.{signature}",
        f"none.{name}.{expires}.{signature}",
        f"{key_id}.{name}.{expires}.",
        f"{key_id}.{name}.{expires}.{signature}é",
        session.cookie.upper(),
        "",
        "...",
        "ak.x.99999999999",
    ]
    assert not [cookie for cookie in forged if stage.sessions.proves(cookie, session.key)]
    assert not [key for key in ("", "é", session.key[:-1]) if stage.sessions.proves(session.cookie, key)]


def test_the_cookie_does_not_tell_the_key(stage):
    session = stage.open()
    assert session.key not in session.cookie
    assert "secret" not in session.cookie + session.key


def test_two_homes_on_one_machine_have_cookies_of_their_own(stage):
    assert stage.sessions.cookie_name == "fun-local-17987"

"""People of the users' file: login form, session cookie, CSRF, lock-out, role."""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from adapter.api.security.users import User, add_user, remove_user
from adapter.errors import ConfigurationError
from adapter.server_settings import ServerLimits
from tests.lib.secured import ORIGIN, app_of, client_of, private, secured

PASSWORD = "correct horse battery"  # noqa: S105
COOKIE = "raiway-session"


def at(folder: Path, **server: Any) -> TestClient:
    """A server that anna (patient level) and bert (aggregates) can log in to."""
    users = folder / "users.json"
    if not users.exists():
        add_user(users, User("anna", "", patient_level=True, policy="none"), PASSWORD)
        add_user(users, User("bert", ""), PASSWORD)
        private(folder, "session.key", secrets.token_hex(32))
    return client_of(
        secured(folder, users_file=users, session_key=str(folder / "session.key"), **server),
        follow_redirects=False,
    )


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return at(tmp_path)


def csrf(client: TestClient) -> str:
    """The token of a fresh form."""
    found = re.search(r'name="csrf" value="(\w+)"', client.get("/auth/login").text)
    assert found is not None
    return found[1]


def login(
    client: TestClient, name: str = "anna", password: str = PASSWORD, **more: str
) -> httpx2.Response:
    form = {"name": name, "password": password, "csrf": csrf(client), "to": "/", **more}
    return client.post("/auth/login", data=form)


def who(client: TestClient, **headers: str) -> httpx2.Response:
    return client.get("/fhir/Measure", headers=headers)


@pytest.mark.parametrize(
    ("name", "policy", "patient_level"), [("anna", "none", True), ("bert", "public", False)]
)
def test_a_person_logs_in_and_reads(
    client: TestClient, name: str, policy: str, patient_level: bool
) -> None:
    assert who(client).status_code == 401
    answer = login(client, f" {name.upper()} ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert who(client).json() == {
        "id": name,
        "kind": "user",
        "scopes": ["user/*.rs"],
        "policy": policy,
        "patient_level": patient_level,
    }
    assert client.post("/fhir/MeasureReport").status_code == 403


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_a_wrong_login_does_not_tell_what_is_wrong(
    client: TestClient, name: str, password: str
) -> None:
    answer = login(client, name, password)
    assert answer.status_code == 401
    assert "The name or the password is wrong." in answer.text
    assert COOKIE not in client.cookies
    assert who(client).status_code == 401


def test_the_session_cookie_is_guarded(client: TestClient) -> None:
    cookies = [text for text in login(client).headers.get_list("set-cookie") if COOKIE in text]
    (cookie,) = cookies
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie


def test_on_https_cookies_are_secure_and_bound_to_the_host(tmp_path: Path) -> None:
    origin = "https://raiway.example"
    app = at(tmp_path, public_url=origin, behind_proxy=True).app
    client = TestClient(app, base_url=origin, follow_redirects=False)
    (cookie,) = [text for text in login(client).headers.get_list("set-cookie") if COOKIE in text]
    assert cookie.startswith(f"__Host-{COOKIE}=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert who(client).status_code == 200


def test_a_changed_or_foreign_cookie_is_no_session(client: TestClient, tmp_path: Path) -> None:
    login(client)
    right = client.cookies[COOKIE]
    form_cookie = at(tmp_path)
    form_cookie.get("/auth/login")
    for text in (right[:-3] + "AAA", form_cookie.cookies["raiway-form"], "x", right + "x"):
        assert who(at(tmp_path), Cookie=f"{COOKIE}={text}").status_code == 401
    assert who(at(tmp_path), Cookie=f"{COOKIE}={right}").status_code == 200


# CSRF


def test_a_login_form_must_be_ours(client: TestClient) -> None:
    form = {"name": "anna", "password": PASSWORD}
    assert client.post("/auth/login", data=form).status_code == 403
    stale = csrf(client)
    csrf(client)
    assert client.post("/auth/login", data={**form, "csrf": stale}).status_code == 403
    mine = {**form, "csrf": csrf(client)}
    answer = client.post("/auth/login", data=mine, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    answer = client.post("/auth/login", data=mine, headers={"Origin": ORIGIN})
    assert answer.status_code == 303


def test_a_change_by_a_browser_needs_the_sessions_token(client: TestClient) -> None:
    login(client)
    answer = client.post("/fhir/MeasureReport")
    assert answer.status_code == 403
    assert "CSRF" in answer.json()["issue"][0]["diagnostics"]
    people = app_of(client).state.admission.people
    session = people.cookies.read(_Cookies({COOKIE: client.cookies[COOKIE]}), "session")
    token = people.cookies.csrf(session["sid"])
    answer = client.post("/fhir/MeasureReport", headers={"X-CSRF-Token": token})
    assert "CSRF" not in answer.text
    assert answer.status_code == 403  # a reader's scopes do not create


class _Cookies:
    def __init__(self, cookies: dict[str, str]) -> None:
        self.cookies = cookies


def test_logout_needs_the_token_and_ends_the_session_everywhere(client: TestClient) -> None:
    login(client)
    kept = client.cookies[COOKIE]
    assert client.post("/auth/logout").status_code == 403
    assert who(client).status_code == 200
    people = app_of(client).state.admission.people
    session = people.cookies.read(_Cookies({COOKIE: kept}), "session")
    form = {"csrf": people.cookies.csrf(session["sid"])}
    assert client.post("/auth/logout", data=form).status_code == 303
    assert who(client).status_code == 401
    assert who(client, Cookie=f"{COOKIE}={kept}").status_code == 401


# The end of a session


def test_a_session_ends_in_time(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    login(client)
    kept, later = client.cookies[COOKIE], time.time() + 8 * 3600 + 1
    monkeypatch.setattr("adapter.api.security.sessions.time.time", lambda: later)
    assert who(client, Cookie=f"{COOKIE}={kept}").status_code == 401


def test_a_session_ends_with_its_password_or_user(client: TestClient, tmp_path: Path) -> None:
    login(client)
    add_user(tmp_path / "users.json", User("anna", ""), PASSWORD)
    assert who(client).status_code == 401
    login(client)
    assert who(client).json()["patient_level"] is False
    remove_user(tmp_path / "users.json", "anna")
    assert who(client).status_code == 401


# Guesses


def test_guesses_are_slowed_down(tmp_path: Path) -> None:
    client = at(tmp_path, limits=ServerLimits(logins_per_minute=3))
    assert [login(client, "anna", "guess").status_code for _ in range(3)] == [401] * 3
    answer = login(client)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert login(client, "bert").status_code == 303


def test_a_right_password_starts_the_count_anew(tmp_path: Path) -> None:
    client = at(tmp_path, limits=ServerLimits(logins_per_minute=2))
    for _ in range(3):
        assert login(client, "anna", "guess").status_code == 401
        assert login(client).status_code == 303


# Where to go on, and set-up


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "evil",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: x=1",
        "",
    ],
)
def test_a_login_never_leads_elsewhere(client: TestClient, to: str) -> None:
    assert login(client, to=to).headers["location"] == "/"
    page = client.get("/auth/login", params={"to": to}).text
    assert 'name="to" value="/"' in page


def test_what_the_form_shows_is_escaped(client: TestClient) -> None:
    page = client.get("/auth/login", params={"to": '/"><script>'}).text
    assert "<script>" not in page
    assert login(client, to="/cohort?stage=4").headers["location"] == "/cohort?stage=4"


@pytest.mark.parametrize(
    ("key", "mode", "said"),
    [("short", 0o600, "less than 32"), ("x" * 64, 0o644, "can be read by others")],
)
def test_a_session_key_is_long_and_private(tmp_path: Path, key: str, mode: int, said: str) -> None:
    add_user(tmp_path / "users.json", User("anna", ""), PASSWORD)
    file = private(tmp_path, "session.key", key)
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match=said) as error:
        secured(tmp_path, users_file=tmp_path / "users.json", session_key=str(file))
    assert key not in str(error.value)


def test_without_people_there_is_no_login(tmp_path: Path) -> None:
    client = client_of(secured(tmp_path))
    assert client.get("/auth/login").status_code == 404


def test_people_behind_one_address_are_counted_apart(tmp_path: Path) -> None:
    client = at(tmp_path, limits=ServerLimits(requests_per_minute=6))
    login(client)
    assert [who(client).status_code for _ in range(7)] == [200] * 6 + [429]
    bert = client_of(app_of(client), follow_redirects=False)
    login(bert, "bert")
    assert who(bert).status_code == 200

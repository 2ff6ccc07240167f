"""Who may do what, on every route that there is: a route that is added is asked the same questions."""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.conftest import FakeReader, FakeRecognizer
from tests.server.conftest import ADMIN_KEY, submission
from werkzeug.test import TestResponse

from inkdigit.access import Key, KeyFile, Scope
from inkdigit.config import Settings
from inkdigit.errors import ConfigError, KeysError
from inkdigit.feedback import FeedbackStore, Submission
from inkdigit.server import create_app, keyring
from inkdigit.server.keyring import KeyRing
from inkdigit.server.keys import current_key, refuse_exposure
from inkdigit.server.rules import ADMIN, OPEN, RULES, Rule, rule_of
from inkdigit.server.state import state_of

ELSEWHERE: Final = {"REMOTE_ADDR": "192.0.2.7"}
SAFE: Final = {"GET", "HEAD", "OPTIONS"}
DOCS: Final = Path(__file__).parents[2] / "docs"


class World:
    """A server with everything, its keys, and all that a request could change."""

    def __init__(self, store: FeedbackStore, keys: Path, settings: Settings) -> None:
        self.file = KeyFile(keys)
        self.store = store
        self.recognizer, self.reader = FakeRecognizer(), FakeReader()
        self.key = {scope: self.file.make(scope, [scope])[1] for scope in Scope}
        ring = KeyRing(self.file, settings.admin_key)
        self.app = create_app(self.recognizer, settings, self.reader, lambda: store, keys=ring)
        self.receipt = store.add(Submission(1, 7, 0.9, "fake-1", b"drawing"))

    def state(self) -> tuple[object, ...]:
        """What must be the same after a request that was refused."""
        kept = [(one.id, one.status, one.truth) for one in self.store.drawings()]
        files = {p: p.read_bytes() for p in self.file.path.parent.iterdir() if p.name != ".lock"}
        return kept, files, len(self.recognizer.seen), len(self.reader.seen)

    def ask(self, method: str, path: str, key: str | None = None, **headers: str) -> TestResponse:
        """A request from elsewhere; what it sends would do something if it got that far."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        path = (
            path.replace("<receipt>", self.receipt)
            .replace("<path:filename>", "page.css")
            .replace("<version>", "fake-1")
        )
        return self.app.test_client().open(
            re.sub(r"<[^>]+>", "1", path),
            method=method,
            json=None if method in SAFE else body_of(path),
            headers=given,
            environ_overrides=ELSEWHERE,
            buffered=True,
        )


def body_of(path: str) -> dict[str, Any]:
    if path.endswith("/verdicts"):
        return {"verdicts": [{"id": 1, "status": "accepted", "truth": 3}]}
    if path.endswith("/infer"):
        return {"inputs": [{"name": "image", "shape": [1, 28, 28], "datatype": "FP32", "data": [0.5] * 784}]}
    if path.endswith("/adapt"):
        return {"drawings": [{"strokes": [[[80, 72], [200, 70], [132, 230]]], "label": 7}]}
    return submission() if path.endswith("/feedback") else {"image": submission()["image"]}


@pytest.fixture
def world(store: FeedbackStore, tmp_path: Path) -> World:
    return World(store, tmp_path / "home" / "keys.json", Settings(admin_key=ADMIN_KEY, admin_tries_per_minute=0))


@pytest.fixture
def public_world(store: FeedbackStore, tmp_path: Path) -> World:
    return World(
        store, tmp_path / "home" / "keys.json", Settings(admin_key=ADMIN_KEY, public=True, admin_tries_per_minute=0)
    )


def told(answer: TestResponse) -> tuple[int, str]:
    """Status and kind of a problem; the Open Inference Protocol has errors of another shape, without a kind."""
    body = answer.get_json(force=True)
    assert ("type" in body) is (answer.mimetype == "application/problem+json")
    assert "type" in body or (body.keys() == {"error"} and (answer.request.path.startswith("/v2")))
    return answer.status_code, body.get("type", "")


def routes(app: Flask) -> Iterator[tuple[str, str, Rule]]:
    """Method, path and rule of every route, but HEAD, which is GET without the body."""
    for route in app.url_map.iter_rules():
        for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, route.rule, rule_of(route.endpoint)


# --- every route


def test_every_route_says_who_may_use_it(world: World) -> None:
    undeclared = {route.endpoint for route in world.app.url_map.iter_rules()} - set(RULES)

    assert undeclared == set(), "say in server/rules.py, and in the table of docs/security.md, who may use these"
    assert set(RULES) == {route.endpoint for route in world.app.url_map.iter_rules()}


def test_a_route_that_says_nothing_is_for_admins_alone(world: World) -> None:
    world.app.add_url_rule("/forgotten", "forgotten", lambda: "all the secrets")

    assert rule_of("forgotten") == ADMIN
    assert world.ask("GET", "/forgotten").status_code == 401
    assert world.ask("GET", "/forgotten", world.key[Scope.PREDICT]).status_code == 403
    assert world.ask("GET", "/forgotten", ADMIN_KEY).text == "all the secrets"


def test_without_a_good_key_every_route_that_needs_one_refuses_and_changes_nothing(world: World) -> None:
    before, app_key = world.state(), world.key[Scope.PREDICT]
    wrong = [None, "", "sesame", f"{app_key}x", app_key[:-1], f"{ADMIN_KEY}x", "inkdigit_00000000_x"]
    asked = [(m, path, rule, world.ask(m, path, key)) for m, path, rule in routes(world.app) for key in wrong]

    refused = [answer for _, _, rule, answer in asked if rule.scope]
    assert refused
    assert {answer.status_code for answer in refused} == {401}
    assert {told(answer)[1] for answer in refused} - {""} == {"key-required", "admin-key-required"}
    assert all(answer.headers["WWW-Authenticate"].startswith("Bearer realm=inkdigit") for answer in refused)
    assert all(answer.status_code < 400 for _, _, rule, answer in asked if not rule.scope and answer.status_code != 404)
    assert world.state()[0] == []  # the receipt alone deleted its drawing, as it is meant to
    assert world.state()[1:] == before[1:]


@pytest.mark.parametrize("path", ["/api/v1/model", "/api/v1/review/drawings"])
def test_a_key_that_is_no_good_is_told_as_that_and_not_why(world: World, path: str) -> None:
    made, revoked = world.file.make("old", [Scope.ADMIN])
    world.file.revoke(made.id)
    none, empty, *bad = (
        world.ask("GET", path, key).get_json()["detail"] for key in (None, "", "sesame", revoked, f"{revoked}x")
    )

    assert none.startswith("Send an ")
    assert empty == none
    assert {detail.lower() for detail in bad} == {f"the key that was sent is wrong, expired or revoked; {none.lower()}"}


@pytest.mark.parametrize("scope", Scope)
def test_a_key_opens_what_it_is_for_and_nothing_else(world: World, scope: Scope) -> None:
    for method, path, rule in routes(world.app):
        if rule.scope is None:
            continue
        before = world.state()
        answer = world.ask(method, path, world.key[scope])
        if rule.scope == scope or scope is Scope.ADMIN:
            assert answer.status_code in {200, 201, 501}, (path, answer.text)
        else:
            assert told(answer) in {(403, "scope-missing"), (403, "")}, path
            challenge = answer.headers["WWW-Authenticate"].replace('"', "")
            assert challenge.endswith(f"error=insufficient_scope, scope={rule.scope}")
            assert world.state() == before


def test_a_public_server_asks_nobody_but_for_what_is_the_admins(public_world: World) -> None:
    statuses = {
        (method, path): (rule.when_public, public_world.ask(method, path).status_code)
        for method, path, rule in routes(public_world.app)
    }

    assert {path for (_, path), (asks, status) in statuses.items() if asks != (status == 401)} == set()
    assert statuses["POST", "/api/v1/predict"] == (False, 200)


def test_every_unsafe_route_refuses_other_sites_and_changes_nothing(world: World) -> None:
    unsafe = [(method, path) for method, path, _ in routes(world.app) if method not in SAFE]
    before = world.state()
    cross = [{"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "http://evil.example"}]

    answers = [world.ask(*route, ADMIN_KEY, **headers) for route in unsafe for headers in cross]
    assert len(answers) >= 3 * 7
    assert {told(answer) for answer in answers} - {(403, "")} == {(403, "cross-site-request")}
    assert world.state() == before


def test_every_route_refuses_a_strange_host_before_it_looks_at_the_key(world: World) -> None:
    before = world.state()
    answers = [
        world.ask(method, path, key, Host=host)
        for method, path, _ in routes(world.app)
        for host in ("evil.example", "localhost.evil.example", "192.0.2.1")
        for key in (None, ADMIN_KEY)
    ]

    assert {told(answer) for answer in answers} - {(400, "")} == {(400, "bad-host")}
    assert world.state() == before


def test_safe_routes_change_nothing(world: World) -> None:
    before = world.state()
    statuses = {world.ask(m, path, ADMIN_KEY).status_code for m, path, _ in routes(world.app) if m in SAFE}

    assert statuses == {200}
    assert world.state() == before


TRICKS: Final = (
    "..", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/keys.json", "a%00b", "....//", "\\..\\x", "/etc/passwd",
)  # fmt: skip


def test_no_name_in_a_path_leads_anywhere_else(world: World) -> None:
    before = world.state()
    tried = [
        (route.rule, trick, world.ask(method, trick.join(re.split(r"<[^>]+>", route.rule)), ADMIN_KEY))
        for route in world.app.url_map.iter_rules()
        if route.arguments
        for method in (route.methods or set()) - {"OPTIONS"}
        for trick in TRICKS
    ]

    assert tried
    assert [one[:2] for one in tried if one[2].status_code not in {204, 400, 404, 405}] == []
    assert [one[:2] for one in tried if "root:" in one[2].text or "sha256" in one[2].text] == []
    assert world.state() == before


def test_the_document_says_of_every_route_who_may_use_it(world: World) -> None:
    text = (DOCS / "security.md").read_text("utf-8")
    rows = re.findall(r"^\| `([A-Z]+) (\S+)` \| (\w+) \| (\w+) \| (\w+) \|$", text, re.MULTILINE)

    def asked(rule: Rule) -> tuple[str, str, str]:
        scope = str(rule.scope or "open")
        return (scope if rule.at_home else "open"), scope, (scope if rule.when_public else "open")

    expected = {(method, path, *asked(rule)) for method, path, rule in routes(world.app)}
    assert set(rows) == expected
    assert len(rows) == len(expected)


# --- who is asked


def statuses(app: Flask, **environ: str) -> tuple[int, int]:
    """Of reading the model's card, and of a route for admins."""
    host = {"HTTP_HOST": environ.pop("HTTP_HOST", "localhost")}
    client = app.test_client()
    card, review = (
        client.get(path, environ_overrides=host | environ) for path in ("/api/v1/model", "/api/v1/review/drawings")
    )
    return card.status_code, review.status_code


def app_with(ring: KeyRing | None = None, **settings: Any) -> Flask:
    return create_app(FakeRecognizer(), Settings(**settings), keys=ring)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    KeyFile(tmp_path / "keys.json").make("app", [Scope.PREDICT])
    return KeyRing(KeyFile(tmp_path / "keys.json"))


def test_this_computer_needs_no_key(ring: KeyRing) -> None:
    app = app_with(ring)
    for address in ("127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1"):
        for host in ("localhost:5000", "127.0.0.1", "[::1]:5000"):
            assert statuses(app, REMOTE_ADDR=address, HTTP_HOST=host)[0] == 200


def test_who_comes_from_elsewhere_does(ring: KeyRing) -> None:
    app = app_with(ring)
    for address in ("192.0.2.7", "10.0.0.1", "::ffff:192.0.2.7", "2001:db8::1", "", "unix:", "localhost.evil"):
        assert statuses(app, REMOTE_ADDR=address)[0] == 401, address


def test_what_a_proxy_hands_on_with_its_name_comes_from_elsewhere(ring: KeyRing) -> None:
    app = app_with(ring, trusted_hosts=("digits.example.org",))

    assert statuses(app, HTTP_HOST="digits.example.org")[0] == 401
    assert statuses(app, HTTP_HOST="digits.example.org", HTTP_X_FORWARDED_FOR="127.0.0.1")[0] == 401


def test_this_computer_can_be_asked_too(ring: KeyRing) -> None:
    assert statuses(app_with(ring, require_key=True))[0] == 401


def test_where_no_key_was_ever_made_a_proxy_decides_who_reads_but_not_who_administers() -> None:
    app = app_with(trusted_hosts=("digits.example.org",))

    assert statuses(app, HTTP_HOST="digits.example.org") == (200, 403)


def test_a_server_on_another_address_asks_even_if_there_is_no_key() -> None:
    assert statuses(app_with(host="192.0.2.1"), REMOTE_ADDR="192.0.2.7") == (401, 403)


def test_a_revoked_key_opens_nothing_by_being_the_last(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    made, _ = file.make("app", [Scope.PREDICT])
    file.revoke(made.id)
    app = app_with(KeyRing(file), trusted_hosts=("digits.example.org",))

    assert statuses(app, HTTP_HOST="digits.example.org")[0] == 401


def test_a_wrong_key_does_no_harm_where_none_is_needed(client: FlaskClient) -> None:
    assert client.get("/api/v1/model", headers={"Authorization": "Bearer wrong"}).status_code == 200


def test_the_scheme_is_read_as_http_has_it_and_no_other_is_taken(world: World) -> None:
    taken = ("Bearer {}", "bearer {}", "BEARER {}", "Bearer  {} ")
    others = ("Basic {}", "{}", "Bearer {0},Bearer {0}", "Bearer: {}", "Token {}", "Bearer")
    answers = {
        how: world.ask("GET", "/api/v1/model", Authorization=how.format(world.key[Scope.PREDICT])).status_code
        for how in (*taken, *others)
    }

    assert answers == dict.fromkeys(taken, 200) | dict.fromkeys(others, 401)


def test_a_key_in_an_address_or_a_cookie_is_none(world: World) -> None:
    key = world.key[Scope.PREDICT]

    assert world.ask("GET", f"/api/v1/model?key={key}&access_token={key}").status_code == 401
    assert world.ask("GET", "/api/v1/model", Cookie=f"inkdigit={key}; Authorization={key}").status_code == 401


def test_a_view_can_know_whose_key_it_was(world: World) -> None:
    seen: list[Key | None] = []

    def mine() -> str:
        seen.append(current_key())
        return ""

    world.app.add_url_rule("/mine", "mine", mine)

    world.ask("GET", "/mine", world.key[Scope.ADMIN])
    world.ask("GET", "/mine", ADMIN_KEY)

    assert [key and key.name for key in seen] == ["admin", "INKDIGIT_ADMIN_KEY"]


def test_what_is_open_has_nothing_to_do_with_keys() -> None:
    assert Rule(None) == OPEN
    assert [rule for rule in RULES.values() if rule.at_home and not rule.when_public] == []


# --- guessing


def tried(app: Flask, key: str, path: str = "/api/v1/model") -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return app.test_client().get(path, headers=headers, environ_overrides=ELSEWHERE).status_code


def test_the_admin_key_cannot_be_guessed_on_any_route(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    _, made = file.make("app", [Scope.PREDICT])
    app = app_with(KeyRing(file, ADMIN_KEY), admin_key=ADMIN_KEY, admin_tries_per_minute=3)

    paths = ["/api/v1/model", "/review", "/api/v1/review/drawings"]
    statuses_of_guesses = [tried(app, f"guess-{n}-of-many-more", path) for n, path in enumerate(paths)]
    assert statuses_of_guesses == [401, 200, 401]  # the page asks for no key, and tells nothing of one
    assert tried(app, ADMIN_KEY) == 429
    assert tried(app, made) == 200  # nobody guesses this one, so somebody's guesses do not keep its owner out


# --- keys that change under way


def test_a_key_counts_from_the_next_request_on_and_a_revoked_one_no_more(world: World) -> None:
    made, key = world.file.make("new", [Scope.PREDICT])
    before = world.ask("GET", "/api/v1/model", key).status_code
    world.file.revoke(made.id)

    assert (before, world.ask("GET", "/api/v1/model", key).status_code) == (200, 401)


def test_two_servers_over_one_file_agree(world: World, fake_recognizer: FakeRecognizer) -> None:
    other = create_app(fake_recognizer, Settings(), keys=KeyRing(world.file)).test_client()
    made, key = world.file.make("new", [Scope.PREDICT])
    headers = {"Authorization": f"Bearer {key}"}
    before = other.get("/api/v1/model", headers=headers, environ_overrides=ELSEWHERE).status_code
    world.file.revoke(made.id)

    assert before == 200
    assert other.get("/api/v1/model", headers=headers, environ_overrides=ELSEWHERE).status_code == 401


def test_an_expired_key_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, key = world.file.make("short", [Scope.PREDICT], days=1)
    before = world.ask("GET", "/api/v1/model", key).status_code

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Tomorrow":
            return cls.fromtimestamp((datetime.now(tz) + timedelta(days=1, seconds=1)).timestamp(), UTC)

    monkeypatch.setattr(keyring, "datetime", Tomorrow)
    assert (before, world.ask("GET", "/api/v1/model", key).status_code) == (200, 401)


@pytest.mark.parametrize("harm", ["damaged", "gone", "writable", "folder"])
def test_keys_that_cannot_be_trusted_any_more_let_nobody_in_until_they_can(
    world: World, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, key = world.file.path, world.key[Scope.PREDICT]
    whole = path.read_bytes()
    if harm == "damaged":
        path.write_bytes(whole[:-9])
    elif harm == "writable":
        path.chmod(0o666)
    else:
        path.unlink()
    if harm == "folder":
        path.mkdir()

    refused = [world.ask("GET", "/api/v1/model", key), world.ask("POST", "/api/v1/feedback", key)]
    at_home = world.app.test_client().get("/api/v1/model", headers={"Authorization": f"Bearer {key}"})
    by_environment = world.ask("GET", "/api/v1/model", ADMIN_KEY)
    if path.is_dir():
        path.rmdir()
    path.write_bytes(whole)
    path.chmod(0o600)

    assert [(one.status_code, one.get_json()["type"]) for one in refused] == [(503, "keys-unavailable")] * 2
    assert [one.headers["Retry-After"] for one in refused] == ["30", "30"]
    assert (at_home.status_code, by_environment.status_code) == (200, 200)
    assert str(path) in caplog.text
    assert str(path) not in refused[0].text
    assert key not in caplog.text
    assert world.ask("GET", "/api/v1/model", key).status_code == 200


def test_a_damaged_file_keeps_a_server_from_starting(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("[]")

    with pytest.raises(KeysError, match="are damaged"):
        KeyRing(KeyFile(tmp_path / "keys.json"))


def test_a_file_that_has_not_changed_is_not_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[KeyFile] = []

    def read(file: KeyFile) -> tuple[Key, ...]:
        reads.append(file)
        return ()

    monkeypatch.setattr(KeyFile, "read", read)
    for _ in range(5):
        world.ask("GET", "/api/v1/model", world.key[Scope.PREDICT])

    assert reads == []


def test_keys_are_compared_by_digest_in_constant_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(first: bytes, second: bytes) -> bool:
        compared.append((first, second))
        return first == second

    monkeypatch.setattr("hmac.compare_digest", compare)
    good = world.key[Scope.PREDICT]
    unknown = f"inkdigit_00000000_{good.split('_', 2)[2]}"
    for key in (good, f"{good}x", unknown, "sesame"):
        world.ask("GET", "/api/v1/model", key)

    assert [first for first, _ in compared] == [
        hashlib.sha256(key.encode()).digest() for key in (good, f"{good}x", unknown, "sesame")
    ]
    assert {len(second) for _, second in compared} == {32}


def test_a_made_key_works_as_the_admin_key_of_the_environment_too() -> None:
    key = "inkdigit_0a1b2c3d_" + "x" * 43
    client = app_with(admin_key=key).test_client()

    answer = client.get("/api/v1/review/drawings", headers={"Authorization": f"Bearer {key}"})
    assert answer.get_json()["type"] == "missing-store"


def test_the_review_is_open_to_a_made_key_and_shut_without_any(store: FeedbackStore, tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "home" / "keys.json")
    client = create_app(FakeRecognizer(), Settings(), feedback=lambda: store, keys=KeyRing(file)).test_client()
    shut = [client.get(path) for path in ("/review", "/api/v1/review/drawings")]
    _, key = file.make("teacher", [Scope.ADMIN])

    assert [(one.status_code, "inkdigit keys make" in one.text) for one in shut] == [(403, True), (403, True)]
    assert client.get("/review").status_code == 200
    assert client.get("/api/v1/review/drawings", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_no_answer_tells_a_key(world: World) -> None:
    secrets = [*world.key.values(), ADMIN_KEY]
    answers = [world.ask(m, path, key).text for m, path, _ in routes(world.app) for key in secrets]

    assert [secret for secret in secrets for text in answers if secret in text] == []
    assert ADMIN_KEY not in repr(state_of(world.app).settings)


# --- starting


def test_a_server_that_others_can_reach_does_not_start_without_a_key(ring: KeyRing) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "printer.lan"):
        with pytest.raises(ConfigError, match=r"inkdigit keys make --name NAME\), or add --public"):
            refuse_exposure(Settings(host=host), KeyRing())
        refuse_exposure(Settings(host=host), ring)
        refuse_exposure(Settings(host=host), KeyRing(admin_key=ADMIN_KEY))
        refuse_exposure(Settings(host=host, public=True), KeyRing())


def test_one_that_this_computer_alone_reaches_does() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2", "LOCALHOST"):
        refuse_exposure(Settings(host=host), KeyRing())

    assert statuses(app_with()) == (200, 403)

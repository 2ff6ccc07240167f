from dataclasses import FrozenInstanceError, fields, replace
from importlib import metadata
from pathlib import Path

import pytest

from inkdigit import ConfigError
from inkdigit.config import MAX_BODY_BYTES, SECRETS, VARIABLES, Settings, host_name, is_address, package_version
from inkdigit.image import MAX_IMAGE_BYTES


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_env({})

    assert settings == Settings()
    assert settings.host == "127.0.0.1"
    assert settings.port == 5000


def test_every_variable_sets_its_field() -> None:
    env = {
        "INKDIGIT_HOST": "0.0.0.0",
        "INKDIGIT_PORT": "8080",
        "INKDIGIT_MODEL": "2026-11",
        "INKDIGIT_READER": "lines-1",
        "INKDIGIT_HOME": "/models",
        "INKDIGIT_TRUSTED_HOSTS": "digits.example.org, other.example.org:8443,",
        "INKDIGIT_WORKERS": "auto",
        "INKDIGIT_THREADS": "2",
        "INKDIGIT_PAGE_THREADS": "3",
        "INKDIGIT_QUEUE": "10",
        "INKDIGIT_QUEUE_TIMEOUT": "1.5",
        "INKDIGIT_REQUEST_TIMEOUT": "90",
        "INKDIGIT_CLIENT_RATE": "0.5",
        "INKDIGIT_CLIENT_BURST": "20",
        "INKDIGIT_FEEDBACK_RATE": "6",
        "INKDIGIT_ADMIN_TRIES": "5",
        "INKDIGIT_CONNECTION_LIMIT": "50",
        "INKDIGIT_DRAIN_NOTICE": "2.5",
        "INKDIGIT_DRAIN_TIMEOUT": "9",
        "INKDIGIT_DATABASE": "/data/drawings.sqlite",
        "INKDIGIT_ADMIN_KEY": "a key of sixteen".replace(" ", "-"),
        "INKDIGIT_RETENTION_DAYS": "365",
        "INKDIGIT_KEYS": "/data/keys.json",
        "INKDIGIT_REQUIRE_KEY": "1",
        "INKDIGIT_PUBLIC": "no",
        "INKDIGIT_LOG": "json",
        "INKDIGIT_TRACING": "yes",
    }

    settings = Settings.from_env(env)

    assert set(env) == set(VARIABLES)
    assert settings == Settings(
        host="0.0.0.0",
        port=8080,
        model="2026-11",
        reader="lines-1",
        home=Path("/models"),
        trusted_hosts=("digits.example.org", "other.example.org:8443"),
        workers=0,
        threads=2,
        page_threads=3,
        log="json",
        tracing=True,
        queue_limit=10,
        queue_timeout_s=1.5,
        request_timeout_s=90.0,
        client_rate=0.5,
        client_burst=20,
        feedback_per_minute=6,
        admin_tries_per_minute=5,
        connection_limit=50,
        drain_notice_s=2.5,
        drain_timeout_s=9.0,
        database="/data/drawings.sqlite",
        admin_key="a-key-of-sixteen",
        retention_days=365,
        keys=Path("/data/keys.json"),
        require_key=True,
        public=False,
    )


def test_every_variable_names_a_field_of_its_own() -> None:
    named = [field for field, _ in VARIABLES.values()]

    assert len(set(named)) == len(named)
    assert set(named) <= {field.name for field in fields(Settings)}


def test_an_empty_variable_counts_as_unset() -> None:
    assert Settings.from_env({"INKDIGIT_PORT": "", "INKDIGIT_HOME": ""}) == Settings()


@pytest.mark.parametrize("text", ["0", "257", "-1"])
def test_workers_are_some_or_auto(text: str) -> None:
    with pytest.raises(ConfigError, match=f"INKDIGIT_WORKERS must be a number from 1 to 256, or auto, not {text}"):
        Settings.from_env({"INKDIGIT_WORKERS": text})


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_stand_in_a_file_that_ends_with_a_line_or_without(name: str, tmp_path: Path) -> None:
    (tmp_path / "bare").write_text("of-sixteen-letters")
    (tmp_path / "line").write_text("of-sixteen-letters\n")

    found = [Settings.from_env({f"{name}_FILE": str(tmp_path / file)}) for file in ("bare", "line")]

    assert found == [Settings.from_env({name: "of-sixteen-letters"})] * 2


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read \\(No such file"), (b"\n", "is empty"), (b"\xff\xfe", "cannot be read \\(it is no text")],
)
def test_a_file_without_a_secret_is_named(content: bytes | None, message: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigError, match=f"INKDIGIT_ADMIN_KEY_FILE names .*key, which {message}"):
        Settings.from_env({"INKDIGIT_ADMIN_KEY_FILE": str(file)})


def test_a_secret_in_both_places_is_refused_without_being_shown(tmp_path: Path) -> None:
    env = {"INKDIGIT_ADMIN_KEY": "of-sixteen-letters", "INKDIGIT_ADMIN_KEY_FILE": str(tmp_path / "key")}

    with pytest.raises(ConfigError, match="INKDIGIT_ADMIN_KEY and INKDIGIT_ADMIN_KEY_FILE are both set") as told:
        Settings.from_env(env)

    assert "of-sixteen" not in str(told.value)


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("OFF", False)])
def test_a_switch_is_on_or_off(text: str, value: bool) -> None:
    assert Settings.from_env({"INKDIGIT_PUBLIC": text}).public is value


def test_a_switch_that_is_neither_is_refused_by_the_name_of_its_variable() -> None:
    with pytest.raises(ConfigError, match="INKDIGIT_REQUIRE_KEY must be 1 or 0, not 'maybe'"):
        Settings.from_env({"INKDIGIT_REQUIRE_KEY": "maybe"})


def test_a_server_cannot_ask_everybody_for_a_key_and_nobody() -> None:
    with pytest.raises(ConfigError, match="take one of them away"):
        Settings(public=True, require_key=True)


@pytest.mark.parametrize("name", ["INKDIGIT_PORT", "INKDIGIT_THREADS", "INKDIGIT_DRAIN_NOTICE"])
def test_a_word_for_a_number_is_refused_by_the_name_of_its_variable(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be a number, not 'many'"):
        Settings.from_env({name: "many"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"INKDIGIT_PORT": "65536"}, "port must lie between 0 and 65535"),
        ({"INKDIGIT_PORT": "-1"}, "port must lie"),
        ({"INKDIGIT_THREADS": "0"}, "threads must lie"),
        ({"INKDIGIT_CONNECTION_LIMIT": "3"}, "connection limit must lie"),
        ({"INKDIGIT_DRAIN_NOTICE": "nan"}, "drain notice must lie"),
        ({"INKDIGIT_DRAIN_TIMEOUT": "inf"}, "drain timeout must lie"),
        ({"INKDIGIT_TRUSTED_HOSTS": "two words"}, "'two words' is not a host name"),
        ({"INKDIGIT_ADMIN_KEY": "fifteen-letters"}, "admin key must have 16 to 256"),
        ({"INKDIGIT_ADMIN_KEY": "sixteen letters or more"}, "no spaces"),
        ({"INKDIGIT_RETENTION_DAYS": "0"}, "retention in days must lie"),
    ],
)
def test_an_impossible_value_is_refused(values: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings.from_env(values)


def test_values_given_in_code_are_checked_too() -> None:
    with pytest.raises(ConfigError, match="host is empty"):
        replace(Settings(), host="")


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


def test_the_largest_picture_fits_the_largest_body_in_base64() -> None:
    base64_bytes = 4 * -(-MAX_IMAGE_BYTES // 3)

    assert base64_bytes < MAX_BODY_BYTES < base64_bytes * 1.05


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "localhost"),
        ("LOCALHOST:5000", "localhost"),
        ("digits.example.org.", "digits.example.org"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:5000", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("::1", None),
        ("[::1", None),
        ("[:]", None),
        ("[127.0.0.1]", None),
        ("", None),
        ("a b", None),
        ("a, b", None),
        ("a/b", None),
        ("user@host", None),
        ("host:port", None),
        ("host:123456", None),
        ("ho\u017ft", None),
    ],
)
def test_a_host_header_gives_its_name_or_nothing(host: str, name: str | None) -> None:
    assert host_name(host) == name


def test_addresses_are_told_from_names() -> None:
    assert [is_address(name) for name in ("10.0.0.1", "::1", "localhost", "10.0.0")] == [True, True, False, False]


def test_the_version_of_a_source_tree_says_that_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", not_installed)

    assert package_version() == "0+source"


def test_secrets_are_not_shown() -> None:
    settings = Settings(admin_key="abcdefghijklmnop", database="postgresql+psycopg://me:secret@/db")

    assert "abcdefghijklmnop" not in repr(settings)
    assert "secret" not in repr(settings)

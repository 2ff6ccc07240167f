"""The command that shows the settings; what all commands share is in `inkdigit.terminal`."""

import contextlib
import difflib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import click

from inkdigit.config import SECRETS, VARIABLES, Settings
from inkdigit.errors import ConfigError, InkdigitError
from inkdigit.terminal import aligned, database_of, examples, home_of, keys_of, settings_of, visible

HIDDEN = "(hidden)"
ELSEWHERE = ("INKDIGIT_CASES",)  # read by other commands than the server's


@dataclass(frozen=True, slots=True)
class Setting:
    """What a variable sets, and where that comes from."""

    variable: str
    value: Any
    source: str  # "default", "environment", or the file that a variable names


@click.command(epilog=examples("inkdigit config", "inkdigit config --json | jq -r 'select(.source != \"default\")'"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per setting.")
def config(as_json: bool) -> None:
    """Show every setting, its value, and where it comes from.

    Settings are variables of the environment. What is printed is what `inkdigit serve` would use here if it were
    given no option: --host, --port, --public, --workers, --log, --model and --reader stand above the variables. Keys
    and passwords are hidden. Variables that look like settings and are none are told on standard error.
    """
    found = list(settings_in(os.environ))
    if as_json:
        for one in found:
            click.echo(json.dumps(asdict(one), default=str))
    else:
        rows = [(one.variable, visible(_written(one.value)), visible(one.source)) for one in found]
        click.echo(aligned([("variable", "value", "from"), *rows]))
    for name in _unknown(os.environ):
        near = difflib.get_close_matches(name, VARIABLES, 1)
        click.echo(f"{visible(name)} is no setting{f'; did you mean {near[0]}?' if near else '.'}", err=True)


def settings_in(env: Mapping[str, str]) -> Iterator[Setting]:
    """Every setting, with what is used where nothing is set.

    Raises:
        ConfigError: a value cannot work.
    """
    settings = settings_of()
    _check(settings)
    derived = {
        "INKDIGIT_HOME": home_of(settings),
        "INKDIGIT_DATABASE": database_of(settings),
        "INKDIGIT_KEYS": keys_of(settings).path,
    }
    for variable, (field, _) in VARIABLES.items():
        value = _shown(variable, derived.get(variable, getattr(settings, field)))
        yield Setting(variable, value, _source(variable, env))


def _check(settings: Settings) -> None:
    """Refuse what a server would find out when it loads its models and opens the store.

    Raises:
        ConfigError: there is no such model, it is damaged or of the other kind; or there is no such kind of database.
    """
    home = home_of(settings)
    if settings.model is not None:
        from inkdigit.recognizer import find_model, read_model_folder

        with _named("INKDIGIT_MODEL"):
            read_model_folder(find_model(settings.model, home))
    if settings.reader is not None:
        from inkdigit.reader import read_reader_folder
        from inkdigit.recognizer import find_model

        with _named("INKDIGIT_READER"):
            read_reader_folder(find_model(settings.reader, home))
    if settings.database is not None and "://" in settings.database:
        from inkdigit.feedback.database import url_of

        with _named("INKDIGIT_DATABASE"):
            url_of(settings.database)


@contextlib.contextmanager
def _named(variable: str) -> Iterator[None]:
    try:
        yield
    except InkdigitError as error:
        raise ConfigError(f"{variable}: {error}") from error


def _source(variable: str, env: Mapping[str, str]) -> str:
    file = env.get(f"{variable}_FILE") if variable in SECRETS else None
    return "environment" if env.get(variable) else file or "default"


def _shown(variable: str, value: Any) -> Any:
    """The value, unless it is a key, or the URL of a database, which may hold a password."""
    if variable == "INKDIGIT_WORKERS":
        return value or "auto"
    secret = variable in SECRETS and value is not None and (variable != "INKDIGIT_DATABASE" or "://" in str(value))
    return HIDDEN if secret else value


def _written(value: Any) -> str:
    """As the variable would have it."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


def _unknown(env: Mapping[str, str]) -> list[str]:
    known = {*VARIABLES, *ELSEWHERE, *(f"{name}_FILE" for name in SECRETS)}
    return sorted(name for name in env if name.startswith("INKDIGIT_") and name not in known)

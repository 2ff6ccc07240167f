"""The commands for API keys; what all commands share is in `inkdigit.terminal`."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from inkdigit.terminal import SOME_FAILED, aligned, examples, keys_of, settings_of, usage, visible

if TYPE_CHECKING:
    from inkdigit.access import Key


@click.group(
    epilog=examples(
        "inkdigit keys make --name app",
        "inkdigit keys make --name class --scope predict --scope feedback --limit 600/min --expires 90",
        "inkdigit keys list",
        "inkdigit keys revoke 0a1b2c3d",
    )
)
def keys() -> None:
    """The API keys that a server takes.

    They are kept as hashes in keys.json in the models folder; INKDIGIT_KEYS names another file. A server that runs
    takes a new key, and refuses a revoked one, from the next request on.
    """


@keys.command(
    "make",
    epilog=examples(
        "inkdigit keys make --name app",
        "KEY=$(inkdigit keys make --name ci --expires 7)",
        "inkdigit keys make --name teacher --scope admin",
    ),
)
@click.option("--name", required=True, help="What the key is for, to know it again in the list.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(["predict", "feedback", "admin"]),
    multiple=True,
    default=("predict",),
    show_default=True,
    help="What it is good for; may be given several times. predict reads, feedback hands corrections in, and admin does"
    " all, reviews, and sees metrics and status.",
)
@click.option(
    "--limit",
    metavar="N/UNIT",
    help="Requests that it may make, as in 600/min, 10/s or 5000/h; else those of its address count.",
)
@click.option("--expires", "days", metavar="DAYS", type=int, help="Days for which it is good [default: until revoked].")
def make_key(name: str, scopes: tuple[str, ...], limit: str | None, days: int | None) -> None:
    """Make a key and print it, once: nobody can show it again.

    Programs send it in the header Authorization: Bearer KEY; the page asks for it.
    """
    from inkdigit.access import Limit, Scope

    keys = keys_of(settings_of())
    with usage():
        most = None if limit is None else Limit.parse(limit)
        made, key = keys.make(name, [Scope(scope) for scope in scopes], limit=most, days=days)
    try:
        click.echo(key)
    except BaseException:  # whatever it was, nobody has seen the key
        keys.take_back(made.id)
        click.echo("The key could not be printed, and is taken back.", err=True)
        raise
    click.echo(f"Key {made.id} for {visible(name)}: {_scopes(made)}. It is shown this once; keep it safe.", err=True)


@keys.command("list", epilog=examples("inkdigit keys list", "inkdigit keys list --json"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_keys(as_json: bool) -> None:
    """List the keys that were made, the oldest first: all but the keys themselves.

    The state is good, expired or revoked. The id is the part of a key between its first two underscores.
    """
    rows = [_record(key) for key in keys_of(settings_of()).read()]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    cells = [tuple("-" if cell is None else visible(str(cell)) for cell in _told(row).values()) for row in rows]
    click.echo(aligned([("id", "name", "scopes", "state", "limit", "created", "expires"), *cells]))


@keys.command("revoke", epilog=examples("inkdigit keys revoke 0a1b2c3d"))
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
def revoke_keys(ids: tuple[str, ...]) -> None:
    """Revoke keys for good, by their ids.

    A server that runs refuses them from the next request on. The exit code is 1 if there is no key for one of the ids.
    """
    from inkdigit.errors import ConfigError

    file, failed = keys_of(settings_of()), False
    for id in ids:  # noqa: A001 - the name of the argument
        try:
            click.echo(f"{id}: revoked, {visible(file.revoke(id).name)}", err=True)
        except ConfigError as error:
            failed = True
            click.echo(visible(str(error)), err=True)
    if failed:
        click.get_current_context().exit(SOME_FAILED)


def _record(key: "Key") -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "state": key.standing(datetime.now(UTC)),
        "limit": None if key.limit is None else str(key.limit),
        "created": key.created.isoformat(),
        "expires": None if key.expires is None else key.expires.isoformat(),
    }


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """The same for a table: days alone."""
    days = {name: row[name] and row[name][:10] for name in ("created", "expires")}
    return row | {"scopes": ", ".join(row["scopes"])} | days


def _scopes(key: "Key") -> str:
    return " and ".join(sorted(key.scopes))

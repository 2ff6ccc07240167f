"""The command that examines an installation; what all commands share is in `inkdigit.terminal`."""

import dataclasses
import json

import click

from inkdigit.terminal import CANNOT_START, SOME_FAILED, aligned, database_of, examples, home_of, keys_of, settings_of
from inkdigit.terminal import visible as shown


@click.command(epilog=examples("inkdigit doctor", "inkdigit doctor --json | jq 'select(.level != \"fine\")'"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per finding.")
def doctor(as_json: bool) -> None:
    """Examine this installation, and say what is unsafe or broken, and what helps.

    It looks at packages, models, the store of corrections, keys, rights of files, disk, address and clock, with the
    settings that the environment gives it here: run it as the user who serves. It needs no network, changes nothing,
    and prints no key, password or drawing, so that all of it can stand in a report.

    The exit code is 0 if all is well, 1 if something is unsafe, and 3 if something is broken.
    """
    from inkdigit.doctor import Installation, Level, examine

    settings = settings_of()
    found = Installation(settings, home_of(settings), keys_of(settings), database_of(settings))
    findings = list(examine(found))
    if as_json:
        for finding in findings:
            click.echo(json.dumps(dataclasses.asdict(finding)))
    else:
        click.echo(aligned([(one.level, shown(one.about), shown(one.text)) for one in findings]))
        for one in findings:
            if one.remedy and one.level is not Level.FINE:
                click.echo(f"{shown(one.about)}: {shown(one.remedy)}", err=True)
    levels = {finding.level for finding in findings}
    if Level.BROKEN in levels or Level.UNSAFE in levels:
        click.get_current_context().exit(CANNOT_START if Level.BROKEN in levels else SOME_FAILED)

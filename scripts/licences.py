"""Prints docs/licences.md: what is installed beside Inkdigit to serve, and under which licences.

    .venv-test/bin/python scripts/licences.py > docs/licences.md

The packages are those of constraints/container.txt; what they say of themselves comes from their own metadata, as it is
installed here. A test sees to it that the page is as this program prints it.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

LOCK = Path(__file__).parent.parent / "constraints" / "container.txt"
SHORT = {  # what some packages say in their own words
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "Zope Public License": "ZPL-2.1",
}
HEAD = """\
# Licences

Inkdigit is under the MIT licence. To serve, these packages are installed beside it (`constraints/container.txt`, on
Linux); none of their code is copied into this project.
`scripts/licences.py` prints this page from what is installed.

| Package | Licence |
|---|---|
"""
TAIL = """
Others are installed elsewhere only (Windows, Intel Macs): {elsewhere}.

Wheels bring libraries of their own along, such as OpenBLAS in numpy, FFmpeg in OpenCV and libpq in psycopg-binary;
their licences lie in the wheels' `dist-info` folders. Swagger UI (Apache-2.0) is part of this project:
`src/inkdigit/server/static/swagger`, with its licence beside it. What the models learnt from is in the
[data card](data-card.md).
"""


def locked() -> list[str]:
    """The names of the locked packages, each once."""
    return sorted(
        set(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9,-]+\])?==", LOCK.read_text("utf-8"), flags=re.MULTILINE))
    )


def licence_of(name: str) -> str | None:
    """What an installed package says of its licence; None if it is not installed."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return None
    classifiers = [text.rsplit(" :: ", 1)[1] for text in told.get_all("Classifier", []) if text.startswith("License")]
    named = " and ".join(text for text in classifiers if text != "OSI Approved")
    stated = told.get("License-Expression") or named or (told.get("License") or "not stated").split("\n")[0]
    return SHORT.get(stated, stated)


def page() -> str:
    """The whole page."""
    licences = {name: licence_of(name) for name in locked()}
    rows = [f"| {name} | {licence} |\n" for name, licence in licences.items() if licence]
    elsewhere = ", ".join(name for name, licence in licences.items() if not licence)
    return HEAD + "".join(rows) + TAIL.format(elsewhere=elsewhere)


if __name__ == "__main__":
    sys.stdout.write(page())

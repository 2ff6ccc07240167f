"""Pages that need no other file: their layout, their plots as inline SVG, and no script."""

from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader


def page(package: str, template: str, **context: Any) -> str:
    """The HTML of a page.

    Args:
        package: whose folder `templates` holds the template; it may build on the ones of this package.
        template: its name.
        context: what it shows; all text is escaped.
    """
    loader = ChoiceLoader([PackageLoader(package), PackageLoader("inkdigit.reports")])
    pages = Environment(loader=loader, autoescape=True, trim_blocks=True)
    pages.filters["share"] = share
    return pages.get_template(template).render(context)


def write_page(path: Path, package: str, template: str, **context: Any) -> None:
    """Write a page, as `page` makes it."""
    path.write_text(page(package, template, **context), "utf-8")


def share(value: float, places: int = 2) -> str:
    """A share of 1 in per cent.

    >>> share(0.9959)
    '99.59 %'
    """
    return f"{100 * value:.{places}f} %"

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
    pages.filters |= {"share": share, "sureness": sureness}
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


def sureness(probability: float) -> str:
    """A probability in per cent, as the page to draw on tells it: never rounded to a certainty that is none.

    >>> [sureness(probability) for probability in (1.0, 0.99996, 0.9981, 0.0004, 0.0)]
    ['100 %', '99.9 %', '99.8 %', 'under 0.1 %', '0 %']
    """
    if probability in {0, 1}:
        return f"{100 * probability:.0f} %"
    return "under 0.1 %" if probability < 0.001 else share(min(probability, 0.999), 1)

"""Model cards as people read them."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from inkdigit.errors import ModelError

_PAGE = Path(__file__).parents[1] / "model_card.md"
_READER_PAGE = _PAGE.with_name("reader_card.md")
_MEASURED = {"held_out": "MNIST, held out of training", "test": "MNIST test"}
_KINDS = {"mnist": "MNIST training images", "drawn": "digits drawn from strokes", "negative": "pictures of no digit"}
_KEPT = {"held_out"}  # pictures that a run counts and does not train on
_CLASSES = (
    "It has no class for anything else: what is not a digit gets the probabilities of the digits that\nit resembles.",
    "An eleventh class is for what is not a digit; where that\nis likely, all ten digits are about equally probable.",
)
_NETWORKS = {"digits-joined": "Keras networks side by side, joined before their one last layer,"}
_POINTS = [["confidence asked for", "digits accepted", "error among these", "non-digits accepted"], ["---"] * 4]


def card_as_markdown(card: Mapping[str, Any]) -> str:
    """A card as a page to read; what training did not write (seeds, rejection, a temperature) is left out of it.

    Raises:
        ModelError: the card leaves out something that training always writes.
    """
    try:
        if card.get("kind") == "reader":
            return _reader_page(card)
        return _PAGE.read_text("utf-8").format(
            **card,
            parameters=card["network"]["parameters"],
            network_kind=_NETWORKS.get(card["network"]["name"], "A Keras Sequential network"),
            classes=_CLASSES[len(card.get("labels", ())) > 10],
            pictures=", ".join(_pictures(card["training"])),
            settings=", ".join(_further_settings(card["training"])),
            figures="\n".join(_figures(_MEASURED.get(key, key), found) for key, found in card["metrics"].items()),
            spread=_spread(card.get("seeds", ())),
            more="".join(_rejection(card) + _calibration(card)),
            used=", ".join(f"{library} {version}" for library, version in card["libraries"].items()),
            difference=max(card["agreement"]["batch_of_1"], card["agreement"]["batch_of_n"]),
            digests=_digests(card),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the card is incomplete or damaged at {error}; run `inkdigit models verify`") from error


@dataclass(frozen=True, slots=True)
class Difference:
    """What two cards say differently.

    Attributes:
        name: of the figure or setting, with a dot before each part of a part.
        first: what the one card says; None where it says nothing.
        second: what the other says.
    """

    name: str
    first: str | int | float | bool | None
    second: str | int | float | bool | None

    @property
    def by(self) -> float | None:
        """The second less the first, where both are numbers."""
        if _is_number(self.first) and _is_number(self.second):
            return float(self.second) - float(self.first)
        return None


def compare_cards(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Difference]:
    """What two cards say differently: the figures, then the rest in the order of the first; not the canaries.

    >>> compare_cards({"metrics": {"errors": 19, "n": 5000}}, {"metrics": {"errors": 17, "n": 5000}})
    [Difference(name='metrics.errors', first=19, second=17)]
    """
    said, answered = (dict(_leaves("", card)) for card in (first, second))
    names = sorted(said | answered, key=lambda name: not name.startswith("metrics."))
    rows = [Difference(name, said.get(name), answered.get(name)) for name in names]
    return [row for row in rows if row.first != row.second and not row.name.startswith("canary.")]


def _leaves(name: str, part: Any) -> Iterator[tuple[str, Any]]:
    """The figures and settings of a card, each with the way to it."""
    if isinstance(part, Mapping):
        for key, inner in part.items():
            yield from _leaves(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(part, list) and any(isinstance(inner, Mapping) for inner in part):
        for place, inner in enumerate(part, 1):
            which = next(iter(inner.values()), place) if isinstance(inner, Mapping) else place  # such as a seed
            yield from _leaves(f"{name}[{which}]", inner)
    else:
        yield name, ", ".join(map(str, part)) if isinstance(part, list) else part


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _reader_page(card: Mapping[str, Any]) -> str:
    return _READER_PAGE.read_text("utf-8").format(
        **card,
        parameters=card["network"]["parameters"],
        found=card["metrics"]["held_out"],
        used=", ".join(f"{library} {version}" for library, version in card["libraries"].items()),
        difference=card["agreement"]["greatest_difference_of_a_logit"],
        digests=_digests(card),
        **_characters(card),
    )


def _characters(card: Mapping[str, Any]) -> dict[str, str]:
    """What the page of a reader says of its network of characters; older readers have none."""
    if "characters" not in card:
        return {"lookers": "the recognizer of single digits has", "characters_made": "", "averaged": ""}
    own, share = card["characters"], card["trust"]["characters"]
    training, found = own["training"], own["metrics"]["held_out"]
    made = (
        f"A second network of {own['network']['parameters']:,} parameters looks at characters alone"
        f" (`{own['command']}`). It learnt on"
        f" {training['characters']:,} of them, cut from new lines of the same kind as the reader cuts\nthem, for"
        f" {training['epochs']} epochs ({training['cpu_minutes']} CPU minutes), and tells {found['accuracy']:.1%} of"
        f" {found['n']:,} digits that were cut from held-out lines, as crowded and spoilt as these are.\n\n"
    )
    averaged = f"Its network of characters has {share:.0%} of a look, the recognizer of single digits the rest. "
    lookers = "its network of characters and the recognizer of single digits have"
    return {"lookers": lookers, "characters_made": made, "averaged": averaged}


def _digests(card: Mapping[str, Any]) -> str:
    return "\n".join(f"| {name} | `{digest}` |" for name, digest in card["data"]["sha256"].items())


def _pictures(training: Mapping[str, Any]) -> list[str]:
    """What trained, by number and kind."""
    counts = {key.removesuffix("_images"): count for key, count in training.items() if key.endswith("_images")}
    return [
        f"{count:,} {_KINDS.get(kind, kind.replace('_', ' '))}" for kind, count in counts.items() if kind not in _KEPT
    ]


def _further_settings(training: Mapping[str, Any]) -> list[str]:
    told = {"epochs", "batch_size", "minutes", "cpu_minutes"}
    return [
        f"{key.replace('_', ' ')} {value}"
        for key, value in training.items()
        if key not in told and not key.endswith("_images") and not isinstance(value, Mapping)
    ]


def _figures(name: str, found: Mapping[str, Any]) -> str:
    accuracy = f"{found['accuracy']:.2%} | {found['errors']}"
    return f"| {name} | {found['n']:,} | {accuracy} | {found['nll']:.4f} | {found['ece']:.2%} |"


def _spread(seeds: Sequence[Mapping[str, Any]]) -> str:
    """The runs of several seeds side by side, with mean and standard deviation; or that there was one run only."""
    if len(seeds) < 2:
        return "\nOne training run, so there is no spread to state."
    names = [name for name in seeds[0] if name != "seed" and all(name in run for run in seeds)]
    runs = [[_cell(name, run[name]) for name in names] for run in seeds]
    mean = [_cell(name, statistics.mean(run[name] for run in seeds)) for name in names]
    deviation = [_cell(name, statistics.stdev(run[name] for run in seeds)) for name in names]
    rows = [
        ["seed", *(name.replace("_", " ") for name in names)],
        ["---"] * (len(names) + 1),
        *([str(run["seed"]), *cells] for run, cells in zip(seeds, runs, strict=True)),
        ["mean", *mean],
        ["standard deviation", *deviation],
    ]
    return f"\n\nThe same recipe with {len(seeds)} seeds:\n\n{_table(rows)}"


def _cell(name: str, value: float) -> str:
    return f"{value:.3%}" if name.endswith(("accuracy", "ece", "error", "accepted")) else f"{value:.4g}"


def _rejection(card: Mapping[str, Any]) -> list[str]:
    """Paragraphs on what is refused as no digit: what taught that, and what each threshold lets in."""
    found = card.get("rejection", {})
    taught = found.get("negatives", card["training"].get("negatives"))
    parts = []
    if isinstance(taught, Mapping):
        kinds = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in taught.items() if count)
        photographed = any(count and kind.startswith("photographs") for kind, count in taught.items())
        source = "Pictures made by programs, and photographs" if photographed else "Pictures made by programs alone"
        parts.append(f"**What taught it what is no digit.** {source}: {kinds}.\n\n")
    if "threshold" in found:
        parts.append(f"**What is refused.** A picture whose eleventh class gets {found['threshold']:g} or more.\n\n")
    if found.get("operating_points"):
        rows = [*_POINTS, *(_point(point) for point in found["operating_points"])]
        heading = "**What a threshold lets in** (`--threshold`, `min_confidence`)"
        parts.append(f"{heading}{_tried(found)}\n\n{_table(rows)}\n\n")
    return parts


def _tried(found: Mapping[str, Any]) -> str:
    names = {"n_digits": "digits", "n_non_digits": "pictures that show none"}
    counts = [f"{found[key]:,} {name}" for key, name in names.items() if key in found]
    return f", of {' and '.join(counts)}:" if counts else ":"


def _point(point: Mapping[str, Any]) -> list[str]:
    shares = [point.get(name) for name in ("digits_accepted", "error_accepted", "non_digits_accepted")]
    return [f"{point['min_confidence']:g}", *("" if share is None else f"{share:.2%}" for share in shares)]


def _calibration(card: Mapping[str, Any]) -> list[str]:
    if "temperature" not in card:
        return []
    divided = f"**Calibration.** The network's logits are divided by {card['temperature']:.4g}"
    return [f"{divided} (temperature scaling, fitted on the held-out images; the file does so itself).\n\n"]


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)

"""What is expected of a number, and the search for the likeliest reading that keeps to it.

An `Expectation` is a list of rules (`length=4; check=luhn`) that all must hold. Each has a shape, a `Pattern` that
every text it allows must match; some have a check of the whole text besides, such as a check digit or a calendar.
`choose` goes through what a reader thinks possible, the likeliest first. Shapes end a wrong beginning at once.
"""

import heapq
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache, partial
from importlib import import_module
from types import ModuleType
from typing import Any, Final, Self

from inkdigit.errors import ConfigError, MissingExtraError, NoReadingError
from inkdigit.number import LABELS, SIGNS, Alternative, value_of
from inkdigit.pattern import Pattern, compile_pattern, escape

MAX_EXPECTATION: Final = 4096  # characters
MAX_PATTERN: Final = 200  # characters
MAX_LENGTH: Final = 64  # characters of a text that is allowed
FLOOR: Final = 0.03  # of the likeliest reading's likelihood: what is allowed but less likely is a guess, no repair
MAX_STEPS: Final = 50_000  # of the search, each a place further: some 5,000 texts, in 0.2 s
_MAX_NODES: Final = 2_000  # of all lattices, to compute how likely all texts together are
_ENOUGH_TEXTS: Final = 300  # to estimate how many of the others are allowed
_SETTLED: Final = 0.001  # of the best one's likelihood: what is still open is nothing to it
_NEGLIGIBLE: Final = 0.03  # of the same: its confidence may be as far off
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way of dividing a line into places.

    Attributes:
        probability: of this way, in [0, 1]; those of all ways handed over sum to 1 at most.
        places: for each place what may stand there, apart from what stands in others; an alternative labelled "" says
            that no character does. The confidences of a place sum to 1 at most.
    """

    probability: float
    places: tuple[tuple[Alternative, ...], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """The reading that was chosen.

    Attributes:
        hypothesis: which of those handed over shows this text best.
        labels: one for each of its places; "" where no character stands.
        confidence: the chance of this text being right, in [0, 1]: its likelihood as a share of that of all texts that
            are allowed.
        likelihood: of the text over all hypotheses, before any text was ruled out, in [0, 1].
    """

    hypothesis: int
    labels: tuple[str, ...]
    confidence: float
    likelihood: float

    @property
    def text(self) -> str:
        """What was read."""
        return "".join(self.labels)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of an expectation.

    Attributes:
        name: as in its text form.
        value: what is behind the "="; "" for a rule without one.
        shape: what every text that it allows looks like.
        check: what such a text must pass besides; None where the shape says all.
    """

    name: str
    value: str
    shape: Pattern = field(compare=False, repr=False)
    check: Callable[[str], bool] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.name}={self.value}" if self.value else self.name


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a number must be like: rules that all hold. Without any rule, every text is allowed.

    >>> amount = Expectation.parse("decimal=,; decimals=2; range=1..500")
    >>> [amount.allows(text) for text in ("12,50", "12.50", "12,5", "812,50")]
    [True, False, False, False]
    """

    rules: tuple[Rule, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form: rules with ";" between them, in any order, each at most once.

        Raises:
            ConfigError: a rule is unknown, given twice, or has a value that cannot be; or no text of a list keeps
                to the rest.
            MissingExtraError: a check digit is asked for and python-stdnum is not installed.
        """
        if len(text) > MAX_EXPECTATION:
            raise ConfigError(f"an expectation has at most {MAX_EXPECTATION:,} characters")
        rules = [_rule(part.strip()) for part in text.split(";") if part.strip()]
        names = [rule.name for rule in rules]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"{name} is expected twice; give it once")
        expectation = cls(tuple(sorted(rules, key=lambda rule: list(RULES).index(rule.name))))
        listed = next((rule.value.split(",") for rule in rules if rule.name == "one-of"), [])
        if listed and not any(map(expectation.allows, listed)):
            raise ConfigError("none of the texts of one-of keeps to the other rules")
        return expectation

    def __str__(self) -> str:
        return ";".join(map(str, self.rules))

    @property
    def shapes(self) -> tuple[Pattern, ...]:
        """What a text must look like; all hold."""
        return tuple(rule.shape for rule in self.rules)

    @property
    def has_checks(self) -> bool:
        """Whether the shapes do not say all."""
        return any(rule.check for rule in self.rules)

    def allows(self, text: str) -> bool:
        """Whether a text of digits and signs keeps to every rule."""
        return all(shape.matches(text) for shape in self.shapes) and self.passes(text)

    def passes(self, text: str) -> bool:
        """Whether a text that has all the shapes passes the checks too."""
        return not self.rules or (
            len(text) <= MAX_LENGTH and all(rule.check(text) for rule in self.rules if rule.check is not None)
        )


# ---- rules ----


def _rule(text: str) -> Rule:
    name, equals, value = (part.strip() for part in text.partition("="))
    if name not in RULES:
        meant = get_close_matches(name, RULES, n=1)
        hint = f"did you mean {meant[0]}?" if meant else f"there are {', '.join(RULES)}"
        raise ConfigError(f"{_brief(name)!r} is nothing that can be expected; {hint}")
    if bool(equals) != bool(value) or bool(value) != (name != "integer"):
        raise ConfigError(f"{_brief(text)!r} is not how {name} is expected; write {EXAMPLES[name]}")
    return RULES[name](value)


def _brief(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _impossible(name: str, value: str, why: str = "") -> ConfigError:
    return ConfigError(f"{name}={_brief(value)} cannot be expected{why and ': '}{why}; write it as in {EXAMPLES[name]}")


def _length(value: str) -> Rule:
    match = re.fullmatch(r"([0-9]{1,3})(?:\.\.([0-9]{1,3}))?", value)
    if match is None:
        raise _impossible("length", value)
    low, high = int(match[1]), int(match[2] or match[1])
    if low > high:
        raise _impossible("length", value, "its end lies below its beginning")
    if not 1 <= low <= high <= MAX_LENGTH:
        raise _impossible("length", value, f"it lies between 1 and {MAX_LENGTH}")
    return Rule("length", f"{low}..{high}" if low < high else f"{low}", compile_pattern(f".{{{low},{high}}}"))


def _pattern(value: str) -> Rule:
    if len(value) > MAX_PATTERN:
        raise ConfigError(f"a pattern has at most {MAX_PATTERN} characters; this one has {len(value)}")
    return Rule("pattern", value, compile_pattern(value))


def _one_of(value: str) -> Rule:
    texts = list(dict.fromkeys(text.strip() for text in value.split(",")))
    for text in texts:
        if not text or set(text) - set(LABELS):
            raise _impossible("one-of", value, f"{_brief(text)!r} is no number")
    shape = compile_pattern("|".join(map(escape, texts)), max_places=MAX_EXPECTATION)
    return Rule("one-of", ",".join(texts), shape)


def _integer(_: str) -> Rule:
    return Rule("integer", "", compile_pattern("-?[0-9]+"))


def _decimal(value: str) -> Rule:
    if value not in (".", ","):
        raise _impossible("decimal", value)
    # Strokes for "no cents", as in 12.-- and 12=, are part of the number as it is written.
    return Rule("decimal", value, compile_pattern(f"-?[0-9]+([{value}][0-9]+|[{value}]?[-=]{{1,2}})?"))


def _decimals(value: str) -> Rule:
    if not re.fullmatch("[0-9]", value):
        raise _impossible("decimals", value)
    return Rule("decimals", value, compile_pattern(f"-?[0-9]+[.,][0-9]{{{value}}}" if value != "0" else "-?[0-9]+"))


def _range(value: str) -> Rule:
    match = re.fullmatch(r"(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)\.\.(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)", value)
    if match is None:
        raise _impossible("range", value)
    low, high = float(match[1]), float(match[2])
    if low > high:
        raise _impossible("range", value, "its end lies below its beginning")
    return Rule("range", value, compile_pattern("-?[0-9][-=.,0-9]*"), partial(_within, low, high))


def _within(low: float, high: float, text: str) -> bool:
    value = value_of(text)
    return value is not None and low <= value <= high


_DATE_PARTS: Final = {  # with two digits, and with one where a sign tells how far it goes
    "%d": ("(0[1-9]|[12][0-9]|3[01])", "[1-9]"),
    "%m": ("(0[1-9]|1[0-2])", "[1-9]"),
    "%Y": ("[0-9]{4}", ""),
    "%y": ("[0-9]{2}", ""),
    "%H": ("([01][0-9]|2[0-3])", "[0-9]"),
    "%M": ("[0-5][0-9]", "[0-9]"),
    "%S": ("[0-5][0-9]", "[0-9]"),
}


def _date(value: str) -> Rule:
    parts = re.findall(r"%?.", value)
    if any(part not in _DATE_PARTS and part not in LABELS for part in parts):
        raise _impossible("date", value, f"its parts are {' '.join(_DATE_PARTS)}, with digits and signs between")
    fields = [part.replace("%y", "%Y") for part in parts if part in _DATE_PARTS]
    if not fields or len(fields) > len(set(fields)):
        raise _impossible("date", value, "each part stands in it once")
    around = zip(["", *parts], parts, [*parts[1:], ""], strict=False)
    return Rule("date", value, compile_pattern("".join(map(_date_shape, around))), partial(_is_date, value))


def _date_shape(around: tuple[str, str, str]) -> str:
    """The shape of a part of a date between its neighbours."""
    before, part, after = around
    if part not in _DATE_PARTS:
        return escape(part)
    long, short = _DATE_PARTS[part]
    return f"({long}|{short})" if short and {before, after} <= {"", *SIGNS} else long


def _is_date(form: str, text: str) -> bool:
    if "%y" not in form.lower():
        form, text = f"{form} %Y", f"{text} 2000"  # a leap year: a date without a year may be the 29th of February
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


_GROUPED: Final = "([0-9]-?)"  # a digit of an account number, with perhaps a hyphen behind it
_CHECKS: Final[Mapping[str, str]] = {  # and the shape of what is checked
    "luhn": f"{_GROUPED}+[0-9]",
    "ean13": f"{_GROUPED}{{12}}[0-9]",
    "isbn10": f"{_GROUPED}{{9}}[0-9]",
    "isbn13": f"9-?7-?[89]-?{_GROUPED}{{9}}[0-9]",
    "iban": f"{_GROUPED}{{10,33}}[0-9]",
}


def _check(value: str) -> Rule:
    name, colon, prefix = value.partition(":")
    name, prefix = name.lower(), prefix.upper()
    if name not in _CHECKS or (colon and not (name == "iban" and re.fullmatch(r"[A-Z]{2}([0-9]{2})?", prefix))):
        raise _impossible("check", value)
    if prefix and not _iban_length(prefix[:2]):
        raise _impossible("check", value, f"no country {prefix[:2]} gives out IBANs of digits alone")
    _stdnum("luhn")  # whether it is there, before anything is read
    check = partial(_is_iban, prefix) if name == "iban" else partial(_is_valid, name)
    return Rule("check", f"{name}:{prefix}" if prefix else name, compile_pattern(_CHECKS[name]), check)


def _is_valid(name: str, text: str) -> bool:
    digits = text.replace("-", "")
    module = _stdnum({"luhn": "luhn", "ean13": "ean"}.get(name, "isbn"))
    return bool(module.is_valid(digits))


def _is_iban(prefix: str, text: str) -> bool:
    """Whether the digits make an IBAN behind the prefix; without one, behind the letters of any country."""
    digits, iban = text.replace("-", ""), _stdnum("iban")
    if prefix:
        return bool(iban.is_valid(prefix + digits))
    return any(iban.is_valid(country + digits) for country in _countries().get(len(digits) + 2, ()))


@lru_cache(maxsize=1)
def _countries() -> Mapping[int, tuple[str, ...]]:
    """The countries whose IBANs hold no letters but the first two, by their IBANs' length."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    lengths = {country: _iban_length(country) for country in (one + two for one in letters for two in letters)}
    return {
        length: tuple(country for country in lengths if lengths[country] == length)
        for length in set(lengths.values()) - {0}
    }


def _iban_length(country: str) -> int:
    """The length of a country's IBANs; 0 where it gives out none, or some with further letters."""
    _stdnum("iban")
    info: Mapping[str, Any] = _stdnum("numdb").get("iban").info(country)[0][1]
    parts = re.findall(r"([0-9]+)!([nac])", info.get("bban", ""))
    return 4 + sum(int(length) for length, _ in parts) if parts and all(kind == "n" for _, kind in parts) else 0


def _stdnum(name: str) -> ModuleType:
    """A module of python-stdnum, which knows the check digits."""
    try:
        return import_module(f"stdnum.{name}")
    except ModuleNotFoundError as error:
        raise MissingExtraError("python-stdnum", "read") from error


RULES: Final[Mapping[str, Callable[[str], Rule]]] = {
    "length": _length,
    "pattern": _pattern,
    "one-of": _one_of,
    "integer": _integer,
    "decimal": _decimal,
    "decimals": _decimals,
    "range": _range,
    "date": _date,
    "check": _check,
}
"""Everything that can be expected, in the order of the text form."""

EXAMPLES: Final[Mapping[str, str]] = {
    "length": "length=4 or length=4..6",
    "pattern": "pattern=[0-9]{3}-[0-9]{2}",
    "one-of": "one-of=12,15,18",
    "integer": "integer",
    "decimal": "decimal=. or decimal=,",
    "decimals": "decimals=2",
    "range": "range=1..500",
    "date": "date=%d.%m.%Y",
    "check": "check=luhn, ean13, isbn10, isbn13, iban or iban:DE",
}


# ---- the search ----


def choose(hypotheses: Sequence[Hypothesis], expectation: Expectation | None = None, *, floor: float = FLOOR) -> Choice:
    """The likeliest text that is allowed.

    Equal texts of several hypotheses, or of several ways through one, count together.

    Args:
        hypotheses: all that a reader thinks possible, in any order.
        expectation: what the text must be like; None for anything.
        floor: how likely, at least, the text must be, as a share of the likelihood of the likeliest of all; in [0, 1].

    Raises:
        NoReadingError: no text that is allowed is as likely as that.
    """
    ways = _ways(hypotheses)
    as_read = _likeliest(ways, Expectation(), least=0)
    if as_read is None:
        raise NoReadingError("nothing was read: no character is likely anywhere")
    if expectation is None:
        return as_read
    least = floor * as_read.likelihood
    found = _likeliest(ways, expectation, least)
    if found is None or found.likelihood < least:
        what = f"{as_read.text} was read" if as_read.text else "nothing was read"
        raise NoReadingError(
            f"{what}, and no reading that is likely enough keeps to {_brief(str(expectation))}; look at it again"
        )
    return found


@dataclass(frozen=True, slots=True)
class _Way:
    """A hypothesis, ready to be searched.

    Attributes:
        index: of the hypothesis.
        probability: of it.
        places: for each place its labels with their confidences, the likeliest first, each label once.
        most: for each place, and the end, the largest likelihood of what stands from there on.
        mass: the same of the sum of all likelihoods.
    """

    index: int
    probability: float
    places: tuple[tuple[tuple[str, float], ...], ...]
    most: tuple[float, ...]
    mass: tuple[float, ...]

    @property
    def paths(self) -> float:
        """How many paths, at most, show the same text."""
        open_places = sum(len(place) > 1 and any(not label for label, _ in place) for place in self.places)
        return 2.0 ** min(open_places, 1000)

    def likelihood_of(self, text: str) -> float:
        """Of a text, over all paths that show it."""
        ends = {0: self.probability}  # how likely the beginnings of the text are, by their length
        for place in self.places:
            longer: dict[int, float] = {}
            for end, likelihood in ends.items():
                for label, confidence in place:
                    if text.startswith(label, end):
                        longer[end + len(label)] = longer.get(end + len(label), 0) + likelihood * confidence
            ends = longer
        return ends.get(len(text), 0)


def _ways(hypotheses: Sequence[Hypothesis]) -> list[_Way]:
    """All that are possible, in an order that does not depend on the given one."""
    ways = []
    for index, hypothesis in enumerate(hypotheses):
        places = tuple(_sorted_labels(place) for place in hypothesis.places)
        if hypothesis.probability > 0 and places and all(places):
            most = _products(tuple(place[0][1] for place in places))
            mass = _products(tuple(math.fsum(confidence for _, confidence in place) for place in places))
            ways.append(_Way(index, hypothesis.probability, places, most, mass))
    return sorted(ways, key=lambda way: (-way.probability, way.places))


def _sorted_labels(place: Sequence[Alternative]) -> tuple[tuple[str, float], ...]:
    confidences: dict[str, list[float]] = {}
    for alternative in place:
        confidences.setdefault(alternative.label, []).append(alternative.confidence)
    sums = [(-math.fsum(several), label) for label, several in confidences.items()]
    return tuple((label, -negative) for negative, label in sorted(sums) if negative < 0)


def _products(factors: Sequence[float]) -> tuple[float, ...]:
    """For every position, and the end, the product of all from there on."""
    products = [1.0]
    for factor in reversed(factors):
        products.append(products[-1] * factor)
    return tuple(reversed(products))


def _likeliest(ways: Sequence[_Way], expectation: Expectation, least: float) -> Choice | None:
    """The likeliest text that is allowed; None where there is none, or none of a likelihood of `least`."""
    steps: dict[tuple[_States, str], _States] = {}
    lattices = [_Lattice(way, expectation.shapes, steps) for way in ways]
    for lattice in lattices:
        lattice.settle(_MAX_NODES // len(ways))
    mass = math.fsum(lattice.mass for lattice in lattices)
    tally = _Tally(expectation, mass, sum(way.paths for way in ways))
    for path in _Search(lattices).paths():
        tally.add(path)
        if tally.best + tally.unseen < least:
            return None
        if tally.settled:
            break
    return tally.choice(ways) if tally.best else None


_States = tuple[int, ...]  # of every shape the set of places that a beginning leads to


class _Node:
    """A place of a way with the states that some beginning leads to; everything behind it is the same for all of them.

    Attributes:
        at: which place, or the end.
        states: where the shapes stand.
        most: the largest likelihood of what stands from here on; a bound from above until `settle` was called.
        mass: the sum of the likelihoods of all that may; the same.
        options: the labels that may follow, the most promising first: confidence, label and the next node.
    """

    __slots__ = ("at", "mass", "most", "options", "states")

    def __init__(self, at: int, states: _States, most: float, mass: float) -> None:
        self.at = at
        self.states = states
        self.most = most
        self.mass = mass
        self.options: list[tuple[float, str, _Node]] | None = None

    def settle(self) -> None:
        """Learn from the options what is possible from here on; those that lead nowhere are left out."""
        options = [option for option in self.options or () if option[2].most > 0]
        self.options = sorted(options, key=lambda option: -option[0] * option[2].most)
        self.most = self.options[0][0] * self.options[0][2].most if options else 0.0
        self.mass = math.fsum(confidence * after.mass for confidence, _, after in options)


class _Lattice:
    """The nodes of one way, made as they are asked for."""

    def __init__(self, way: _Way, shapes: Sequence[Pattern], steps: dict[tuple[_States, str], _States]) -> None:
        self.way = way
        self.shapes = shapes
        self.steps = steps  # where labels lead; shared with other lattices of the same shapes
        self.viable = self._viable()
        self.nodes: dict[tuple[int, _States], _Node | None] = {}
        self.start = self._node(0, tuple(shape.start for shape in shapes))

    def _viable(self) -> list[_States]:
        """For each place, and the end, the states from which some labels lead to a match of each shape."""
        viable = [tuple(shape.ends for shape in self.shapes)]
        for place in reversed(self.way.places):
            labels = "".join(label for label, _ in place)
            stays = any(not label for label, _ in place)
            pairs = zip(self.shapes, viable[-1], strict=True)
            viable.append(tuple(shape.back(states, labels) | (states if stays else 0) for shape, states in pairs))
        return viable[::-1]

    def _node(self, at: int, states: _States) -> _Node | None:
        """None where no labels lead from there to a match of each shape."""
        if (at, states) not in self.nodes:
            viable = all(state & some for state, some in zip(states, self.viable[at], strict=True))
            self.nodes[at, states] = _Node(at, states, self.way.most[at], self.way.mass[at]) if viable else None
        return self.nodes[at, states]

    def options(self, node: _Node) -> list[tuple[float, str, _Node]]:
        """The labels that may follow a node; those that no match has here are left out."""
        if node.options is None:
            node.options = []
            for label, confidence in self.way.places[node.at]:
                after = self._node(node.at + 1, self._step(node.states, label))
                if after is not None:
                    node.options.append((confidence, label, after))
        return node.options

    def _step(self, states: _States, label: str) -> _States:
        if (states, label) not in self.steps:
            pairs = zip(self.shapes, states, strict=True)
            self.steps[states, label] = tuple(shape.step(state, label) for shape, state in pairs)
        return self.steps[states, label]

    def settle(self, max_nodes: int) -> None:
        """Find out how likely texts can become from each node on; bounds stay where that takes too many nodes."""
        layers = [[self.start] if self.start else []]
        for _ in self.way.places:
            if len(self.nodes) > max_nodes:
                break
            layers.append(list(dict.fromkeys(after for node in layers[-1] for *_, after in self.options(node))))
        for node in itertools.chain.from_iterable(reversed(layers[:-1])):
            node.settle()

    @property
    def mass(self) -> float:
        """The likelihood of all texts that have the shapes, together."""
        return self.way.probability * self.start.mass if self.start else 0.0


@dataclass(frozen=True, slots=True)
class _Path:
    """One label for each place of a way; `way` is its number."""

    way: int
    labels: tuple[str, ...]
    likelihood: float


class _Search:
    """Goes through all paths of all ways whose texts have the shapes, the likeliest first.

    The heap holds beginnings, each with its likelihood and the rank of the option from which on it is still to be
    followed, ordered by how likely they can become.
    """

    def __init__(self, lattices: Sequence[_Lattice]) -> None:
        self.lattices = lattices
        self.heap: list[tuple[float, int, int, _Node, int, float, tuple[str, ...]]] = []
        self.pushed = 0  # breaks ties, so that no nodes are ever compared

    def paths(self) -> Iterator[_Path]:
        """Whole paths, the likeliest first."""
        for number, lattice in enumerate(self.lattices):
            if lattice.start:
                probability = lattice.way.probability
                self._push(probability * lattice.start.most, number, lattice.start, 0, probability, ())
        while self.heap and self.pushed < MAX_STEPS:
            path = self._follow(*heapq.heappop(self.heap)[2:])
            if path is not None:
                yield path

    def _follow(self, number: int, node: _Node, rank: int, likelihood: float, labels: tuple[str, ...]) -> _Path | None:
        """Go on with the likeliest options to the end, and leave the others for later.

        A beginning that falls behind another one is left for later as a whole, and the answer is None.
        """
        lattice, heap = self.lattices[number], self.heap
        while node.at < len(lattice.way.places):
            options = node.options or lattice.options(node)
            if not options:
                return None
            confidence, label, after = options[rank]
            if rank + 1 < len(options):
                further, _, otherwise = options[rank + 1]
                self._push(likelihood * further * otherwise.most, number, node, rank + 1, likelihood, labels)
            node, rank, likelihood, labels = after, 0, likelihood * confidence, (*labels, label)
            if heap and likelihood * node.most < -heap[0][0] * (1 - _ROUNDING):
                self._push(likelihood * node.most, number, node, 0, likelihood, labels)
                return None
        return _Path(number, labels, likelihood)

    def _push(
        self, bound: float, number: int, node: _Node, rank: int, likelihood: float, labels: tuple[str, ...]
    ) -> None:
        self.pushed += 1
        heapq.heappush(self.heap, (-bound, self.pushed, number, node, rank, likelihood, labels))


class _Tally:
    """What the search has found so far.

    Attributes:
        best: the likelihood, as far as it is seen, of the likeliest text that is allowed; 0 before there is any.
        left: the likelihood of all paths that were not seen yet, together.
        unseen: how much likelier any one text can still turn out to be.
    """

    def __init__(self, expectation: Expectation, mass: float, paths: float) -> None:
        self.expectation = expectation
        self.shown: dict[str, _Path] = {}  # the likeliest path of each text
        self.likelihoods: dict[str, float] = {}  # of all texts that are allowed, as far as seen
        self.left = mass
        self.paths = paths
        self.unseen = mass
        self.text = ""
        self.best = self.second = 0.0

    @property
    def seen(self) -> int:
        """How many texts."""
        return len(self.shown)

    @property
    def rate(self) -> float:
        """The share of the texts that were not seen which may be allowed: a little more than of those seen."""
        return (len(self.likelihoods) + 1) / (self.seen + 1) if self.expectation.has_checks else 1.0

    @property
    def settled(self) -> bool:
        """Whether neither the text nor its confidence can still change much."""
        if self.best - self.second < self.unseen and self.unseen > _SETTLED * self.best:
            return False
        if not self.expectation.has_checks:
            return True
        return self.best > 0 and (self.seen >= _ENOUGH_TEXTS or self.rate * self.left <= _NEGLIGIBLE * self.best)

    def add(self, path: _Path) -> None:
        """Count a path; they come in the order of their likelihoods."""
        text = "".join(path.labels)
        self.left = max(0.0, self.left - path.likelihood)
        self.unseen = min(self.left, path.likelihood * self.paths)
        if text not in self.shown:
            self.shown[text] = path
            if self.expectation.passes(text):
                self.likelihoods[text] = 0.0
        if text in self.likelihoods:
            self.likelihoods[text] += path.likelihood
            self._rank(text, self.likelihoods[text])

    def _rank(self, text: str, likelihood: float) -> None:
        if text == self.text and self.best:
            self.best = likelihood
        elif likelihood > self.best:
            self.text, self.best, self.second = text, likelihood, self.best
        else:
            self.second = max(self.second, likelihood)

    def choice(self, ways: Sequence[_Way]) -> Choice:
        """The best text, with its confidence."""
        path = self.shown[self.text]
        likelihood = math.fsum(way.likelihood_of(self.text) for way in ways)
        still_hidden = max(0.0, likelihood - self.best)
        others = math.fsum(self.likelihoods.values()) - self.best + self.rate * max(0.0, self.left - still_hidden)
        confidence = likelihood / (likelihood + max(0.0, others))
        return Choice(ways[path.way].index, path.labels, confidence, likelihood)

"""Regular expressions over the characters of numbers, matched in linear time and character by character.

A pattern becomes Glushkov's automaton: one place for each character class that is written, and for every place the set
of those that may follow it. A set is an integer with a bit for each place, so a text costs one step for each of its
characters whatever the pattern is: there is no backtracking, hence no pattern that takes forever. `re` cannot say
whether a text may still be continued to a match, which a search needs to give up a wrong beginning at once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from inkdigit.errors import ConfigError
from inkdigit.number import LABELS, SIGNS

MAX_PLACES: Final = 256  # of an automaton that someone else wrote; counted repeats are written out
MAX_DEPTH: Final = 20  # of groups
MAX_REPEATS: Final = 64
_MAX_COPIES: Final = 4096  # of parts that are repeated, empty ones too

_START: Final = 1  # the set that holds only place 0, where nothing is read yet


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a text must look like.

    Sets of places are integers: bit p stands for place p, and bit 0 for the beginning.

    Attributes:
        source: the regular expression.
        classes: for every character the set of places at which it may stand.
        follow: for every place the set of those that may come next.
        precede: for every place the set of those that may come before.
        ends: the places at which a text may end.
    """

    source: str
    classes: dict[str, int] = field(compare=False, repr=False)
    follow: tuple[int, ...] = field(compare=False, repr=False)
    precede: tuple[int, ...] = field(compare=False, repr=False)
    ends: int = field(compare=False, repr=False)

    @property
    def start(self) -> int:
        """The places before anything is read."""
        return _START

    def step(self, places: int, character: str) -> int:
        """The places after one character more; 0 where no match begins like that. "" changes nothing."""
        if not character:
            return places
        return _union(self.follow, places) & self.classes.get(character, 0)

    def back(self, places: int, characters: str) -> int:
        """The places from which one of some characters leads to one of `places`."""
        reading = 0
        for character in characters:
            reading |= self.classes.get(character, 0)
        return _union(self.precede, places & reading)

    def matches(self, text: str) -> bool:
        """Whether the whole text matches."""
        places = _START
        for character in text:
            places = self.step(places, character)
            if not places:
                return False
        return bool(places & self.ends)


def compile_pattern(source: str, max_places: int = MAX_PLACES) -> Pattern:
    r"""Make the automaton of a regular expression that must match whole texts.

    It may use digits and signs, ``\d``, ``.``, classes such as ``[0-9,]`` and ``[^0]``, groups, ``|``, ``?``, ``*``,
    ``+``, ``{3}`` and ``{1,3}``; ``^`` at the beginning and ``$`` at the end change nothing.

    Args:
        source: the regular expression.
        max_places: most characters and classes, with counted repeats written out.

    Raises:
        ConfigError: it is malformed, too large, or uses more than that.

    >>> [compile_pattern("[0-9]{3}-?[0-9]").matches(text) for text in ("123-4", "1234", "12-34")]
    [True, True, False]
    """
    grow = _Parser(source).whole()
    draft = _Draft(source, max_places)
    part = grow(draft)
    draft.link(_START, part.firsts)
    precede = [0] * len(draft.follow)
    for place, following in enumerate(draft.follow):
        for follower in _bits(following):
            precede[follower] |= 1 << place
    ends = part.lasts | (_START if part.nullable else 0)
    return Pattern(source, draft.classes, tuple(draft.follow), tuple(precede), ends)


def escape(text: str) -> str:
    """A regular expression for exactly this text."""
    return "".join(f"\\{character}" if character in ".-" else character for character in text)


def _bits(places: int) -> Iterator[int]:
    while places:
        lowest = places & -places
        yield lowest.bit_length() - 1
        places ^= lowest


def _union(sets: Sequence[int], places: int) -> int:
    """All that the sets of some places hold together."""
    if not places & (places - 1):  # one place, as nearly always
        return sets[places.bit_length() - 1] if places else 0
    together = 0
    for place in _bits(places):
        together |= sets[place]
    return together


# ---- building ----


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of the automaton: where it begins, where it ends, and whether it may be left out."""

    firsts: int
    lasts: int
    nullable: bool


_EMPTY: Final = _Part(0, 0, nullable=True)


class _Draft:
    """An automaton that grows."""

    def __init__(self, source: str, max_places: int) -> None:
        self.source = source
        self.max_places = max_places
        self.copies = 0
        self.follow = [0]
        self.classes = dict.fromkeys(LABELS, 0)

    def add(self, characters: str) -> _Part:
        """A new place for one of some characters."""
        if len(self.follow) > self.max_places:
            raise _unusable(self.source, f"it has more than {self.max_places} places once its repeats are written out")
        place = 1 << len(self.follow)
        self.follow.append(0)
        for character in characters:
            self.classes[character] |= place
        return _Part(place, place, nullable=False)

    def link(self, lasts: int, firsts: int) -> None:
        """Let the ones be followed by the others."""
        for place in _bits(lasts):
            self.follow[place] |= firsts

    def chain(self, part: _Part, further: _Part) -> _Part:
        """One behind the other."""
        self.link(part.lasts, further.firsts)
        firsts = part.firsts | (further.firsts if part.nullable else 0)
        lasts = further.lasts | (part.lasts if further.nullable else 0)
        return _Part(firsts, lasts, part.nullable and further.nullable)

    def count_copy(self) -> None:
        """Keep repeats of repeats of nothing from taking forever."""
        self.copies += 1
        if self.copies > _MAX_COPIES:
            raise _unusable(self.source, "it repeats repeats too often")


_Grow = Callable[[_Draft], _Part]


def _one_of(characters: str) -> _Grow:
    return lambda draft: draft.add(characters)


def _in_turn(grows: Sequence[_Grow]) -> _Grow:
    def grow(draft: _Draft) -> _Part:
        part = _EMPTY
        for each in grows:
            part = draft.chain(part, each(draft))
        return part

    return grow


def _either(grows: Sequence[_Grow]) -> _Grow:
    def grow(draft: _Draft) -> _Part:
        firsts = lasts = 0
        nullable = False
        for each in grows:
            part = each(draft)
            firsts, lasts, nullable = firsts | part.firsts, lasts | part.lasts, nullable or part.nullable
        return _Part(firsts, lasts, nullable)

    return grow


def _repeated(once: _Grow, low: int, high: int | None) -> _Grow:
    """At least `low` and at most `high` times; None for as often as one likes."""

    def grow(draft: _Draft) -> _Part:
        part = _EMPTY
        for turn in range(max(low, 1) if high is None else high):
            draft.count_copy()
            copy = once(draft)
            if high is None and turn == max(low, 1) - 1:
                draft.link(copy.lasts, copy.firsts)
            part = draft.chain(part, copy if turn < low else _optional(copy))
        return part

    return grow


def _optional(part: _Part) -> _Part:
    return _Part(part.firsts, part.lasts, nullable=True)


# ---- reading ----


class _Parser:
    """Recursive descent, one method for each level of the grammar."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.text = _without_anchors(source)
        self.at = 0
        self.depth = 0

    def whole(self) -> _Grow:
        grow = self.alternatives()
        if self.at < len(self.text):
            raise self.unusable("a ) closes nothing")
        return grow

    def alternatives(self) -> _Grow:
        branches = [self.sequence()]
        while self.take("|"):
            branches.append(self.sequence())
        return _either(branches) if len(branches) > 1 else branches[0]

    def sequence(self) -> _Grow:
        parts = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self.repeat())
        return _in_turn(parts)

    def repeat(self) -> _Grow:
        once = self.atom()
        counts = self.counts()
        if counts is None:
            return once
        if self.at < len(self.text) and self.text[self.at] in "?*+{":
            raise self.unusable("a repeat is repeated")
        return _repeated(once, *counts)

    def counts(self) -> tuple[int, int | None] | None:
        for sign, counts in (("?", (0, 1)), ("*", (0, None)), ("+", (1, None))):
            if self.take(sign):
                return counts
        return self.braces() if self.take("{") else None

    def braces(self) -> tuple[int, int | None]:
        inside, closing, _ = self.text[self.at :].partition("}")
        first, comma, last = inside.partition(",")
        if not closing or not all(_is_count(count) for count in (first, last if comma else first)):
            raise self.unusable("repeats are written {3}, {1,3} or {2,}")
        self.at += len(inside) + 1
        low = int(first or 0)
        high = (int(last) if last else None) if comma else low
        if max(low, high or 0) > MAX_REPEATS or (high is not None and high < low) or inside in ("", ","):
            raise self.unusable(f"{{{inside}}} does not count from few to many, {MAX_REPEATS} at most")
        return low, high

    def atom(self) -> _Grow:
        character = self.next()
        if character == "(":
            return self.group()
        if character == "[":
            return _one_of(self.characters())
        if character == ".":
            return _one_of(LABELS)
        if character == "\\":
            return _one_of(self.escaped())
        if character in LABELS:
            return _one_of(character)
        raise self.unusable(f"{character} can stand nowhere in it")

    def group(self) -> _Grow:
        if self.take("?") and not self.take(":"):
            raise self.unusable("of groups that begin with (? there is only (?: ")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.unusable(f"groups are nested more than {MAX_DEPTH} deep")
        grow = self.alternatives()
        self.depth -= 1
        if not self.take(")"):
            raise self.unusable("a ( is never closed")
        return grow

    def characters(self) -> str:
        """The rest of a class, behind its [."""
        others = self.take("^")
        found = self.member()
        while not self.take("]"):
            found += self.member()
        return "".join(character for character in LABELS if (character in found) != others)

    def member(self) -> str:
        """A character, an escape or a range of a class."""
        first = self.class_character()
        if self.text[self.at : self.at + 1] != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return first
        self.at += 1
        last = self.class_character()
        if len(first) != 1 or len(last) != 1 or not first.isdecimal() or not last.isdecimal() or last < first:
            raise self.unusable("ranges of a class go from digit to digit, as in [1-5]")
        return "".join(map(str, range(int(first), int(last) + 1)))

    def class_character(self) -> str:
        character = self.next()
        if character == "\\":
            return self.escaped()
        if character not in LABELS:
            raise self.unusable(f"{character} can stand nowhere in it")
        return character

    def escaped(self) -> str:
        character = self.next()
        if character == "d":
            return "0123456789"
        if character in SIGNS:
            return character
        raise self.unusable(f"\\{character} means nothing here")

    def take(self, character: str) -> bool:
        found = self.text.startswith(character, self.at)
        self.at += found
        return found

    def next(self) -> str:
        if self.at == len(self.text):
            raise self.unusable("it is cut short")
        self.at += 1
        return self.text[self.at - 1]

    def unusable(self, why: str) -> ConfigError:
        return _unusable(self.source, why)


def _without_anchors(source: str) -> str:
    text = source.removeprefix("^")
    return text.removesuffix("$") if not text.endswith("\\$") else text


def _is_count(text: str) -> bool:
    return text == "" or (text.isascii() and text.isdecimal() and len(text) <= 3)


def _unusable(source: str, why: str) -> ConfigError:
    shown = source if len(source) <= 60 else f"{source[:57]}..."
    return ConfigError(
        f"the pattern {shown} cannot be used: {why}; it may use digits and {SIGNS} \\d . [] () | ? * + {{}}"
    )

"""What a line network says, in texts: connectionist temporal classification (Graves et al., 2006).

The network names a class for every step along the line: 0 for "nothing here", else a character. A text is likely as
the sum of all ways to spell it: each of its characters at one or several neighbouring steps, with nothings anywhere
between, of which one at least stands between two characters that are the same.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Logs = NDArray[np.float64]  # (T, C) natural logarithms of probabilities
Classes = tuple[int, ...]  # a text, each character counted from 1

IMPOSSIBLE = -1e30  # a logarithm
SPAN = 4  # steps after which chances are scaled anew
TINIEST = 1e-290  # a probability
UNLIKELY = 1e-4  # probability of a class at one step under which the search lets it be


def condensed(logs: Logs) -> tuple[Logs, NDArray[np.intp]]:
    """The same with every run of steps at which all but certainly nothing stands as a single step.

    A line is mostly gaps and the insides of characters, so a third to a half of the steps are left. No text's
    probability changes by more than what the search leaves out as well.

    Args:
        logs: (T, C), the classes of each step.

    Returns:
        (T', C) logarithms, and (T' + 1,) which step each of them begins with; T at the end.
    """
    silent = logs[:, 1:].max(axis=1) < math.log(UNLIKELY)
    goes_on = silent & np.concatenate([[False], silent[:-1]])
    starts = np.flatnonzero(~goes_on)
    shorter = np.maximum.reduceat(logs, starts, axis=0)
    shorter[:, 0] = np.add.reduceat(logs[:, 0], starts)
    return shorter, np.append(starts, len(logs))


def search(logs: Logs, width: int) -> list[tuple[Classes, float]]:
    """The likeliest texts, by prefix beam search.

    Args:
        logs: (T, C), the classes of each step.
        width: how many beginnings are kept from step to step.

    Returns:
        At most `width` texts, the likeliest first, each with the part of its probability that the search came by.
    """
    beams: dict[Classes, tuple[float, float]] = {(): (1.0, 0.0)}  # of ending on nothing, and on the last character
    for step in np.exp(logs).tolist():
        beams = _extended(beams, step, [c for c, chance in enumerate(step) if c and chance > UNLIKELY])
        if len(beams) > width:
            beams = dict(sorted(beams.items(), key=lambda beam: -(beam[1][0] + beam[1][1]))[:width])
    found = ((text, sum(chances)) for text, chances in beams.items())
    return sorted((beam for beam in found if beam[1] > 0), key=lambda beam: -beam[1])


def _extended(
    beams: dict[Classes, tuple[float, float]], step: Sequence[float], likely: Sequence[int]
) -> dict[Classes, tuple[float, float]]:
    """The beginnings one step further."""
    nothing = step[0]
    further = {
        text: ((on_nothing + on_last) * nothing, on_last * step[text[-1]] if text else 0.0)
        for text, (on_nothing, on_last) in beams.items()
    }
    if not likely:
        return further
    for text, (on_nothing, on_last) in beams.items():
        last = text[-1] if text else 0
        for character in likely:
            chance = step[character] * (on_nothing if character == last else on_nothing + on_last)
            longer = (*text, character)
            ends_on_nothing, ends_on_last = further.get(longer, (0.0, 0.0))
            further[longer] = ends_on_nothing, ends_on_last + chance
    return further


def likelihoods(logs: Logs, texts: Sequence[Classes]) -> NDArray[np.float64]:
    """(N,) the logarithms of the probabilities of texts, each over all its spellings."""
    states, same = _states(texts)
    free = np.where(same[:, 2:], 0.0, 1.0)
    scale = np.zeros(len(texts))
    chances = np.zeros(states.shape)
    chances[:, 0] = 1.0
    for at, step in enumerate(np.exp(logs)):
        further = chances.copy()
        further[:, 1:] += chances[:, :-1]
        further[:, 2:] += chances[:, :-2] * free
        chances = further * step[states]
        if at % SPAN == SPAN - 1 or at == len(logs) - 1:  # no number is ever so small that it is lost
            largest = chances.max(axis=1).clip(TINIEST)
            chances /= largest[:, None]
            scale += np.log(largest)
    ends = _ends(chances, texts)
    return np.where(ends > 0, scale + np.log(ends.clip(TINIEST)), IMPOSSIBLE)


def _states(texts: Sequence[Classes]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Texts with nothings around each character, (N, 2 L + 1), and where no nothing may be left out."""
    longest = max(map(len, texts))
    states = np.zeros((len(texts), 2 * longest + 1), np.intp)
    for row, text in zip(states, texts, strict=True):
        row[1 : 2 * len(text) : 2] = text
    same = np.ones_like(states, np.bool_)
    same[:, 3::2] = states[:, 3::2] == states[:, 1:-2:2]
    return states, same


def _ends(chances: NDArray[np.float64], texts: Sequence[Classes]) -> NDArray[np.float64]:
    """The chance to end on a text's last character or on the nothing behind it."""
    rows, last = np.arange(len(texts)), np.array([2 * len(text) for text in texts])
    before = np.where(last > 0, chances[rows, last - 1], 0.0)
    return np.asarray(before + chances[rows, last])


def steps_of(logs: Logs, texts: Sequence[Classes]) -> list[list[tuple[int, int]]]:
    """At which steps the likeliest spelling has each character of each text: from the first up to behind the last."""
    states, same = _states(texts)
    chances = np.full(states.shape, IMPOSSIBLE)
    chances[:, :2] = logs[0][states[:, :2]]
    came = np.zeros((len(logs), *states.shape), np.int8)
    barred = np.where(same, IMPOSSIBLE, 0.0)[:, 2:]
    for at in range(1, len(logs)):
        best, way = chances.copy(), came[at]
        way[:, 1:] = chances[:, :-1] > best[:, 1:]
        np.maximum(best[:, 1:], chances[:, :-1], out=best[:, 1:])
        skipped = chances[:, :-2] + barred
        way[:, 2:][skipped > best[:, 2:]] = 2
        np.maximum(best[:, 2:], skipped, out=best[:, 2:])
        chances = best + logs[at][states]
    return [_traced(came[:, row].tolist(), chances[row], len(text)) for row, text in enumerate(texts)]


def _traced(came: list[list[int]], chances: NDArray[np.float64], length: int) -> list[tuple[int, int]]:
    """Back along the best way, from its last step."""
    state = 2 * length
    if length and chances[state - 1] > chances[state]:
        state -= 1
    spans = [(0, 0)] * length
    for at in range(len(came) - 1, -1, -1):
        if state % 2:
            _, behind = spans[state // 2]
            spans[state // 2] = (at, behind or at + 1)
        state -= came[at][state]
    return spans


def log_softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> Logs:
    """(T, C) logits as logarithms of probabilities."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    return np.asarray(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))


def probability(log: float) -> float:
    """The probability of a logarithm, at most 1."""
    return min(1.0, math.exp(log))

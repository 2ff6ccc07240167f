"""Measures of answers, from arrays to figures: calibration, selective reading, telling apart, comparing, fitting.

`confidence` is (N,), the probability of each answer in [0, 1]; `right` is (N,) bool, whether that answer was right.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Confidence = NDArray[np.floating]
Right = NDArray[np.bool_]

BINS = 15  # of confidence, equal in width
SMALLEST = 1e-30  # probability whose logarithm is taken where a network rounds to 0
COLDEST, HOTTEST = 0.05, 20.0  # bounds of a fitted temperature


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose confidence lies in [low, high): how many, how sure on average, and what share of them is right.

    `confidence` and `accuracy` are 0 where `n` is.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """What is gained by leaving the unsure answers out.

    Attributes:
        confidence: (K,) thresholds, falling.
        coverage: (K,) share of answers at least as confident, rising to 1.
        risk: (K,) share of wrong ones among those.
        area: under the curve: the risk at each answer's own confidence, averaged over the answers; in [0, 1].
    """

    confidence: NDArray[np.float64]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    area: float


def reliability(confidence: Confidence, right: Right) -> list[Bin]:
    """Accuracy beside confidence in 15 equal bins of confidence; the last one holds 1 too.

    >>> reliability(np.array([0.93, 0.97, 1.0]), np.array([True, False, True]))[14].n
    2
    """
    place = _bin(confidence)
    n, sure, hits = (np.bincount(place, weights, BINS) for weights in (None, confidence.astype(np.float64), right))
    return [
        Bin(i / BINS, (i + 1) / BINS, int(n[i]), float(sure[i] / max(n[i], 1)), float(hits[i] / max(n[i], 1)))
        for i in range(BINS)
    ]


def calibration_error(confidence: Confidence, right: Right) -> float:
    """Mean gap between confidence and accuracy over 15 equal bins of confidence, each weighted by its pictures."""
    place = _bin(confidence)
    gaps = np.bincount(place, confidence.astype(np.float64), BINS) - np.bincount(place, right, BINS)
    return float(np.abs(gaps).sum() / len(right))


def _bin(confidence: Confidence) -> NDArray[np.intp]:
    return np.minimum((confidence * BINS).astype(np.intp), BINS - 1)


def risk_coverage(confidence: Confidence, right: Right) -> RiskCoverage:
    """Error among the answers that are kept as the confidence threshold falls; equally confident ones go together.

    >>> risk_coverage(np.array([0.9, 0.8, 0.8, 0.5]), np.array([True, False, True, False])).risk.round(2).tolist()
    [0.0, 0.33, 0.5]
    """
    thresholds, place, counts = np.unique(-confidence, return_inverse=True, return_counts=True)
    kept = counts.cumsum()
    risk = np.bincount(place, ~right, len(thresholds)).cumsum() / kept
    return RiskCoverage(-thresholds.astype(np.float64), kept / len(right), risk, float(risk @ counts / len(right)))


def roc(
    wanted: NDArray[np.floating], unwanted: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of both that score at least t, for every t from high to low: (unwanted ones, wanted ones), from 0 to 1.

    Args:
        wanted: (N,) scores of what should be accepted; higher is more acceptable; N >= 1.
        unwanted: (M,) scores of what should not; M >= 1.
    """
    thresholds = np.unique(np.concatenate([wanted, unwanted]))[::-1]
    shares = [1 - np.searchsorted(np.sort(scores), thresholds) / len(scores) for scores in (unwanted, wanted)]
    passed, found = (np.concatenate([[0.0], share]) for share in shares)
    return passed, found


def auroc(wanted: NDArray[np.floating], unwanted: NDArray[np.floating]) -> float:
    """Probability that a wanted one scores above an unwanted one, a tie counting half; the area under `roc`.

    >>> auroc(np.array([0.9, 0.8]), np.array([0.8, 0.1]))
    0.875
    """
    passed, found = roc(wanted, unwanted)
    return float(np.diff(passed) @ (found[1:] + found[:-1]) / 2)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value that two readers are as good as each other (McNemar's test).

    Args:
        only_first: pictures that the first alone reads right.
        only_second: pictures that the second alone reads right.

    Returns:
        The probability of a split at least as uneven where each of these pictures falls to either by a fair coin.

    >>> mcnemar(5, 0)
    0.0625
    """
    n, fewer = only_first + only_second, min(only_first, only_second)
    term = total = 1
    for k in range(fewer):  # whole numbers, so that nothing is rounded before the end
        term = term * (n - k) // (k + 1)
        total += term
    return min(1.0, float(2 * total / 2**n))


def interval(count: int, n: int) -> tuple[float, float]:
    """95 % confidence interval of a share of count in n (Wilson, 1927); (0, 1) where n is 0.

    >>> [round(bound, 3) for bound in interval(0, 100)]
    [0.0, 0.037]
    """
    if n == 0:
        return 0.0, 1.0
    z = 1.959964
    middle, spread = count / n + z * z / (2 * n), z * math.sqrt(count / n * (1 - count / n) / n + z * z / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + z * z / n)), min(1.0, (middle + spread) / (1 + z * z / n))


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities (N, K) of logits (N, K), each row divided by the temperature first.

    >>> softmax(np.log(np.array([[0.2, 0.8]])), temperature=0.5).round(3).tolist()
    [[0.059, 0.941]]
    """
    scaled = np.asarray(logits, np.float64) / temperature
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def logits_of(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Logits (N, K) that give these probabilities (N, K); they are known up to a constant per row, which is no loss."""
    return np.asarray(np.log(np.asarray(probabilities, np.float64).clip(SMALLEST)))


def fit_temperature(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The temperature in [0.05, 20] that logits are best divided by: the one of least negative log-likelihood.

    That likelihood is convex in 1 / temperature, so halving an interval by the sign of its slope finds its one least
    value (Guo et al., 2017, describe the use of it).

    Args:
        logits: (N, K), of any K classes, before the softmax; `logits_of` makes them of probabilities.
        labels: (N,) the true classes, 0 to K - 1; of pictures that did not train the network.

    >>> sure = np.log(np.array([[0.99, 0.01]] * 4))
    >>> round(float(softmax(sure, fit_temperature(sure, np.array([0, 0, 0, 1])))[0, 0]), 3)
    0.75
    """
    above = np.asarray(logits, np.float64)
    above = above - above[np.arange(len(labels)), labels][:, None]  # of each class over the true one
    cold, hot = COLDEST, HOTTEST
    for _ in range(60):
        middle = math.sqrt(cold * hot)
        slope = float((softmax(above, middle) * above).sum())  # of the likelihood, by 1 / temperature
        cold, hot = (middle, hot) if slope > 0 else (cold, middle)
    return middle

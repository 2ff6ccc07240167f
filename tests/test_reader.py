"""The reader's own work, with a line network that says what it is told to."""

import itertools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.drawings import draw
from tests.versions import edit_card, network_beside, seal

from inkdigit.ctc import log_softmax
from inkdigit.errors import BlankImageError, ModelError, NoReadingError
from inkdigit.expect import Expectation
from inkdigit.number import LABELS
from inkdigit.reader import CHARACTERS, POINTER, VIEWS, Division, Reader, Trust, substitutions, weighed
from inkdigit.recognizer import Recognizer, current_model, find_model

pytest.importorskip("cv2", reason="OpenCV is not installed: pip install 'inkdigit[read]'")

NOTHING = 0
CARD: Mapping[str, Any] = {
    "version": "told", "temperature": 1.0, "trust": {"line": 1.0, "whole": 0.0, "cut": 0.0, "agree": 0.0},
}  # fmt: skip


class Told:
    """A line network that gives each of so many equal parts of any line one answer."""

    def __init__(self, *parts: Mapping[str, float]) -> None:
        self.parts = parts

    def get_inputs(self) -> list[Any]:
        return [type("Input", (), {"name": "image"})]

    def run(self, _: None, given: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        steps = given["image"].shape[2] // 2
        chances = np.full((1, steps, len(LABELS) + 1), 1e-6, np.float32)
        chances[..., NOTHING] = 1
        for at, part in enumerate(self.parts):
            step = chances[0, int((at + 0.5) / len(self.parts) * steps)]
            step[NOTHING] = max(1e-6, 1 - sum(part.values()))
            for label, chance in part.items():
                step[LABELS.index(label) + 1] = chance
        return [np.log(chances)]


def told(*parts: Mapping[str, float]) -> Reader:
    return Reader(Told(*parts), CARD, Recognizer.load())


def strokes(count: int) -> np.ndarray:
    """A page with so many upright strokes, evenly apart."""
    page = np.full((120, 60 + 60 * count), 255, np.uint8)
    for at in range(count):
        page[30:90, 50 + 60 * at : 60 + 60 * at] = 0
    return page


def test_a_line_is_read_character_by_character() -> None:
    [number] = told({"4": 0.98}, {"0": 0.97}, {"7": 0.99}).read(strokes(3))

    assert (number.text, number.value) == ("407", 407)
    assert [character.label for character in number.characters] == ["4", "0", "7"]
    assert 0.94 <= number.confidence <= 0.98  # the chance of all three, as a share of what was looked at


@pytest.mark.parametrize(
    ("page", "given"),
    [
        (np.zeros((20, 30, 3), np.uint8), r"\(20, 30, 3\) uint8"),
        (np.zeros((0, 0), np.uint8), r"\(0, 0\) uint8"),
        (np.zeros((20, 30)), r"\(20, 30\) float64"),
        (np.zeros((20, 30), np.bool_), r"\(20, 30\) bool"),
        (b"\x89PNG", "bytes"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_page_is_refused_with_what_it_should_be(page: Any, given: str) -> None:
    with pytest.raises(ValueError, match=rf"page must be \(H, W\) uint8 .*, not {given}; see inkdigit.read_page"):
        told({"4": 0.98}).read(page)


def test_rules_as_text_are_no_expectation() -> None:
    with pytest.raises(ValueError, match=r"expect must be an Expectation or None, not str; see Expectation\.parse"):
        told({"4": 0.98}).read(strokes(1), "length=4")  # type: ignore[arg-type]


def test_boxes_lie_round_their_own_strokes() -> None:
    [number] = told({"4": 0.98}, {"0": 0.97}, {"7": 0.99}).read(strokes(3))

    for at, character in enumerate(number.characters):
        box = character.box
        assert [box.x, box.y] == pytest.approx([50 + 60 * at, 30], abs=3)
        assert [box.width, box.height] == pytest.approx([10, 60], abs=5)
    assert number.box.width == pytest.approx(130, abs=5)


def test_a_doubtful_character_is_marked_and_has_alternatives() -> None:
    [number] = told({"4": 0.6, "9": 0.38}, {"1": 0.99}).read(strokes(2))

    doubtful, sure = number.characters
    assert (doubtful.label, doubtful.doubtful, doubtful.alternatives[0].label) == ("4", True, "9")
    assert doubtful.alternatives[0].confidence == pytest.approx(0.38, abs=0.03)
    assert (sure.doubtful, sure.alternatives) == (False, ())


def test_what_is_expected_repairs_a_character_and_says_so() -> None:
    [number] = told({"4": 0.6, "9": 0.38}, {"1": 0.99}).read(strokes(2), Expectation.parse("one-of=91,77"))

    assert number.text == "91"
    assert [character.repaired_from for character in number.characters] == ["4", None]


def test_a_number_that_cannot_be_what_is_expected_is_refused() -> None:
    with pytest.raises(NoReadingError):
        told({"4": 0.99}, {"1": 0.99}).read(strokes(2), Expectation.parse("one-of=88"))


class Apart(Told):
    """Sees 12, perhaps a point, and 7 on a wide line, and the one number or the other on its parts."""

    def run(self, _: None, given: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        width = given["image"].shape[2]
        whole: list[Mapping[str, float]] = [{"1": 0.99}, {}, {"2": 0.99}, {}, {}, {}, {".": 0.2}, {}, {}, {"7": 0.99}]
        parts = ({"1": 0.99}, {"2": 0.99}) if width > 33 else ({"7": 0.99},)
        self.parts = tuple(whole) if width > 45 else parts
        return super().run(_, given)


def two_numbers() -> np.ndarray:
    """A page with two strokes, a wide blank, and a third."""
    page = np.full((120, 220), 255, np.uint8)
    for left in (50, 75, 150):
        page[30:90, left : left + 10] = 0
    return page


@pytest.mark.parametrize("rules", ["", " ; "])
def test_no_rules_are_no_expectation(rules: str) -> None:
    found = Reader(Apart(), CARD, Recognizer.load()).read(two_numbers(), Expectation.parse(rules))

    assert [number.text for number in found] == ["12", "7"]


def test_parts_that_keep_to_what_is_expected_come_before_a_whole_that_has_to_be_repaired() -> None:
    reader = Reader(Apart(), CARD, Recognizer.load())

    apart = reader.read(two_numbers(), Expectation.parse("range=1..99"))
    [together] = reader.read(two_numbers(), Expectation.parse("length=4"))
    [as_it_stands] = reader.read(two_numbers(), Expectation.parse("length=3"))

    assert [number.text for number in apart] == ["12", "7"]
    assert [character.repaired_from for number in apart for character in number.characters] == [None] * 3
    assert (together.text, as_it_stands.text) == ("12.7", "127")


def test_a_line_on_which_nothing_stands_is_no_number() -> None:
    assert told({}, {}).read(strokes(2)) == []


def test_a_blank_page_is_refused() -> None:
    with pytest.raises(BlankImageError):
        told({"1": 0.9}).read(np.full((100, 100), 255, np.uint8))


def test_the_recognizer_has_its_say_where_it_is_trusted() -> None:
    card = {**CARD, "trust": {"line": 0.5, "whole": 1.0, "cut": 0.0, "agree": 0.0}}
    doubting = dict.fromkeys("147", 1 / 3)

    [number] = Reader(Told(doubting), card, Recognizer.load()).read(strokes(1))

    assert number.text == "1"
    assert number.confidence > 0.9


def test_opinions_multiply_with_their_exponents() -> None:
    by_line, by_look = np.array([[0.8, 0.2]]), np.array([[0.4, 0.6]])

    joined = Trust(line=1.0, whole=2.0, cut=0.0, agree=0.0).joined(by_line, by_look, np.array([True]))
    alone = Trust(line=1.0, whole=2.0, cut=0.0, agree=0.0).joined(by_line, by_look, np.array([False]))

    product = np.array([[0.8 * 0.16, 0.2 * 0.36]])
    np.testing.assert_allclose(joined, product / product.sum())
    np.testing.assert_allclose(alone, by_line)


def test_of_two_ways_to_divide_a_line_the_one_on_which_opinions_agree_gains() -> None:
    trust = Trust(line=1.0, whole=1.0, cut=0.0, agree=1.0)
    sure, other = np.array([[0.9, 0.1]]), np.array([[0.1, 0.9]])
    whole = np.array([True])

    agreed, differed = (Division(0.45, trust.agreement(sure, look, whole), sure, []) for look in (sure, other))
    [first, second] = weighed([agreed, differed])

    assert first.mass > 0.45 > second.mass
    assert first.mass + second.mass == pytest.approx(0.9)
    assert trust.agreement(sure, np.array([[0.5, 0.5]]), whole) == pytest.approx(1)


@pytest.mark.parametrize(("chance", "text"), [(0.6, "11"), (1.0, "1.1")])
def test_a_sign_that_would_have_no_ink_is_not_read_where_something_else_may_stand(chance: float, text: str) -> None:
    [number] = told({"1": 1.0}, {".": chance}, {"1": 1.0}).read(strokes(2))

    assert number.text == text


@pytest.mark.parametrize("rules", ["length=1..20", "length=2..3", "decimal=.", "pattern=[0-9.]*"])
def test_what_is_expected_brings_back_no_sign_without_ink_where_the_reading_keeps_to_it(rules: str) -> None:
    reader = told({"1": 1.0}, {".": 0.6}, {"1": 1.0})

    [expected] = reader.read(strokes(2), Expectation.parse(rules))

    [plain] = reader.read(strokes(2))
    assert expected.text == plain.text == "11"
    assert expected.confidence >= plain.confidence


@pytest.mark.parametrize("rules", ["length=3", "decimals=1"])
def test_a_sign_without_ink_is_read_where_what_is_expected_has_one(rules: str) -> None:
    [number] = told({"1": 1.0}, {".": 0.6}, {"1": 1.0}).read(strokes(2), Expectation.parse(rules))

    assert number.text == "1.1"
    assert [character.repaired_from for character in number.characters] == [None, "", None]


@pytest.mark.parametrize("text", ["-", "=", ".-"])
def test_signs_alone_are_no_number_unless_an_expectation_allows_them(text: str) -> None:
    reader = told(*({sign: 1.0} for sign in text))

    assert reader.read(strokes(len(text))) == []
    [number] = reader.read(strokes(len(text)), Expectation.parse(f"length={len(text)}"))
    assert number.text == text


def test_substitutions_are_the_chances_of_the_texts_with_one_character_exchanged() -> None:
    logs = log_softmax(np.random.default_rng(0).normal(0, 2, (6, 4)).astype(np.float32))
    spelt: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(4), repeat=6):
        text = tuple(c for c, before in zip(path, (0, *path), strict=False) if c and c != before)
        spelt[text] = spelt.get(text, 0.0) + float(np.exp(sum(logs[at, c] for at, c in enumerate(path))))

    [(found, mass), (alone, _)] = substitutions(logs, [(2, 3), (1,)], [[(0, 3), (3, 6)], [(0, 6)]])

    first = np.array([spelt[(c, 3)] for c in (1, 2, 3)])
    second = np.array([spelt[(2, c)] for c in (1, 2, 3)])
    np.testing.assert_allclose(found, [first / first.sum(), second / second.sum()])
    assert mass == pytest.approx(first.sum() * second.sum() / spelt[(2, 3)])
    single = np.array([spelt[(c,)] for c in (1, 2, 3)])
    np.testing.assert_allclose(alone, [single / single.sum()])


def test_a_model_of_digits_is_no_reader() -> None:
    with pytest.raises(ModelError, match="is a model of digits, no reader of whole numbers; --model takes it"):
        Reader.load(current_model())


class Watched(Told):
    """Counts how often it is asked, and answers other than at first from the second time on."""

    def __init__(self, first: Mapping[str, float], later: Mapping[str, float]) -> None:
        super().__init__(first)
        self.later = later
        self.asked = 0

    def run(self, _: None, given: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        self.asked += 1
        self.parts = self.parts if self.asked == 1 else (self.later,)
        return super().run(_, given)


def test_a_line_that_leaves_no_doubt_is_looked_at_once() -> None:
    line = Watched({"4": 0.99}, {})

    [number] = Reader(line, CARD, Recognizer.load()).read(strokes(1))

    assert (number.text, line.asked) == ("4", 1)


def test_a_line_that_leaves_doubt_is_looked_at_again_and_all_views_count_the_same() -> None:
    line = Watched({"4": 0.6, "9": 0.4}, {"4": 0.1, "9": 0.9})

    [number] = Reader(line, CARD, Recognizer.load()).read(strokes(1))

    assert (number.text, line.asked) == ("9", 1 + len(VIEWS))
    assert number.confidence == pytest.approx((0.4 + 0.9 * len(VIEWS)) / (1 + len(VIEWS)), abs=0.02)


@pytest.mark.parametrize("tall", [3, 5, 6, 8])
@pytest.mark.parametrize("height", [90, 110])
def test_a_short_one_beside_a_tall_digit_is_read_or_leaves_doubt(tall: int, height: int) -> None:
    page = np.full((280, 400), 255, np.uint8)
    page[:, :280] = draw(tall, height=180, left=60, top=50, pen=12)
    page[235 - height : 235, 245:257] = 0

    [number] = Reader.load().read(page)

    assert number.text == f"{tall}1" or (height == 90 and number.confidence < 0.92)


class Seen:
    """A network of characters that gives each of them the same answer."""

    def __init__(self, label: int) -> None:
        self.classes = np.full(11, 0.002, np.float32)
        self.classes[label] = 0.98

    def get_inputs(self) -> list[Any]:
        return [type("Input", (), {"name": "image"})]

    def run(self, _: None, given: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        return [np.repeat(self.classes[None], len(given["image"]), axis=0)]


@pytest.mark.parametrize(("share", "text"), [(0.0, "1"), (1.0, "7")])
def test_the_network_of_characters_has_its_share_in_what_they_are(share: float, text: str) -> None:
    card = {**CARD, "trust": {"line": 0.5, "whole": 1.0, "cut": 0.0, "agree": 0.0, "characters": share}}
    doubting = dict.fromkeys("147", 1 / 3)

    [number] = Reader(Told(doubting), card, Recognizer.load(), Seen(7)).read(strokes(1))

    assert number.text == text


def test_both_opinions_of_a_character_are_averaged() -> None:
    card = {**CARD, "trust": {"line": 1.0, "whole": 1.0, "cut": 0.0, "agree": 0.0, "characters": 0.5}}

    [number] = Reader(Told({"1": 0.5, "7": 0.5}), card, Recognizer.load(), Seen(7)).read(strokes(1))

    [character] = number.characters
    assert character.confidence == pytest.approx(0.5, abs=0.02)
    assert character.alternatives[0].confidence == pytest.approx(0.5, abs=0.02)
    assert {character.label, character.alternatives[0].label} == {"1", "7"}


@pytest.mark.parametrize("sign", "/,")
def test_a_look_at_a_mere_stroke_does_not_tell_a_sign_from_a_one(sign: str) -> None:
    card = {**CARD, "trust": {"line": 1.0, "whole": 1.0, "cut": 0.0, "agree": 0.0, "characters": 0.5}}

    line = Told({"1": 0.99}, {sign: 0.9, "1": 0.1})

    [number] = Reader(line, card, Recognizer.load(), Seen(1)).read(strokes(2))

    assert number.text == f"1{sign}"
    assert number.characters[1].confidence == pytest.approx(0.9, abs=0.02)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the shipped reader, to be spoilt."""
    return Path(shutil.copytree(find_model(None, None, POINTER), tmp_path / "lines"))


def test_a_reader_without_its_network_of_characters_is_refused(shipped: Path) -> None:
    (shipped / CHARACTERS).unlink()
    with pytest.raises(ModelError, match=CHARACTERS):
        Reader.load(shipped)

    seal(shipped)
    with pytest.raises(ModelError, match=f"{CHARACTERS} and no word"):
        Reader.load(shipped)


def test_another_network_of_characters_is_refused(shipped: Path) -> None:
    shutil.copyfile(find_model("small-3") / "model.onnx", shipped / CHARACTERS)

    with pytest.raises(ModelError, match="differs from its digest"):
        Reader.load(shipped)
    with pytest.raises(ModelError, match="does not give the answer that its card promises"):
        Reader.load(seal(shipped))


@pytest.mark.parametrize(
    ("character", "why"),
    [
        ({"image": "AAAA", "probabilities": [0.1] * 11}, "does not run"),
        ({"image": "AAAA", "probabilities": ["x"]}, "not the card of a reader"),
        ({"image": "AAAA"}, "not the card of a reader"),
        ("?", "not the card of a reader"),
        (None, "not the card of a reader"),
    ],
)
def test_a_damaged_word_of_the_network_of_characters_is_refused(shipped: Path, character: Any, why: str) -> None:
    canary = json.loads((shipped / "card.json").read_text())["canary"]
    edit_card(shipped, canary={**canary, "character": character})

    with pytest.raises(ModelError, match=why):
        Reader.load(shipped)


def test_a_network_of_characters_that_keeps_its_data_elsewhere_is_refused(shipped: Path) -> None:
    (shipped / CHARACTERS).write_bytes(network_beside(find_model("small-3")))

    with pytest.raises(ModelError, match="keeps data in other files"):
        Reader.load(seal(shipped))

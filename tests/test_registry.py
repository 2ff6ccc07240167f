import shutil
from pathlib import Path
from typing import Any

import pytest

from inkdigit import ModelError
from inkdigit.recognizer import find_model
from inkdigit.registry import card_as_markdown, get_version, list_versions, verify


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with one further version, `mine`."""
    shutil.copytree(find_model(None), tmp_path / "home" / "mine")
    return tmp_path / "home"


def test_exactly_one_shipped_version_of_either_kind_is_current() -> None:
    current = [version for version in list_versions() if version.current]

    assert {version.reads_lines: version.path for version in current} == {
        False: find_model(None),
        True: find_model(None, pointer="current-reader"),
    }
    assert len(current) == 2


def test_versions_of_a_home_folder_are_listed_beside_the_shipped_ones(home: Path) -> None:
    names = {version.name for version in list_versions(home)}

    assert names == {version.name for version in list_versions()} | {"mine"}


def test_a_home_folder_need_not_exist(tmp_path: Path) -> None:
    assert list_versions(tmp_path / "nowhere") == list_versions()


def test_a_folder_that_holds_no_model_is_not_a_version(home: Path) -> None:
    (home / "notes").mkdir()

    assert "notes" not in {version.name for version in list_versions(home)}


def test_a_folder_that_training_has_not_finished_is_not_a_version(home: Path) -> None:
    (home / "mine").rename(home / ".mine.unfinished")

    assert list_versions(home) == list_versions()


def test_a_shipped_version_is_the_one_listed_where_two_have_its_name(home: Path) -> None:
    shipped = find_model(None)
    shutil.copytree(shipped, home / shipped.name)

    assert [version.path for version in list_versions(home) if version.name == shipped.name] == [shipped]


def test_what_is_listed_is_what_is_loaded(home: Path) -> None:
    assert {version.name: version.path for version in list_versions(home)} == {
        version.name: find_model(version.name, home) for version in list_versions(home)
    }


def test_a_version_with_a_damaged_card_is_listed_without_it(home: Path) -> None:
    (home / "mine" / "card.json").write_text("[")

    assert {version.name: version.card for version in list_versions(home)}["mine"] == {}


def test_a_version_is_found_by_name_and_by_folder(home: Path) -> None:
    assert get_version("mine", home).path == home / "mine"
    assert get_version(home / "mine").name == "mine"
    assert get_version().current


def test_a_version_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ModelError, match="models list"):
        get_version("nowhere")


def test_shipped_versions_are_whole() -> None:
    versions = list_versions()
    for version in versions:
        verify(version.path)

    assert versions


@pytest.mark.parametrize("name", ["model.onnx", "model.keras", "card.json"])
def test_a_changed_file_is_found(home: Path, name: str) -> None:
    with (home / "mine" / name).open("ab") as file:
        file.write(b"\n")

    with pytest.raises(ModelError, match=name):
        verify(home / "mine")


def test_a_missing_file_is_found(home: Path) -> None:
    (home / "mine" / "model.keras").unlink()

    with pytest.raises(ModelError, match=r"model\.keras"):
        verify(home / "mine")


def test_the_model_card_in_the_documents_is_the_shipped_models() -> None:
    page = Path(__file__).parents[1] / "docs" / "model-card.md"

    assert page.read_text("utf-8") == card_as_markdown(get_version().card)


def test_the_readers_card_in_the_documents_is_the_shipped_readers() -> None:
    page = Path(__file__).parents[1] / "docs" / "reader-card.md"
    [reader] = [version for version in list_versions() if version.current and version.reads_lines]

    assert page.read_text("utf-8") == card_as_markdown(reader.card)


@pytest.fixture
def card() -> dict[str, Any]:
    """The card of the shipped model, without what a card may leave out."""
    optional = ("seeds", "rejection", "temperature")
    return {name: value for name, value in get_version().card.items() if name not in optional}


def rows_of(page: str) -> list[list[str]]:
    """The cells of every row of every table."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]


def test_a_plain_card_has_one_run_and_no_word_of_seeds_or_thresholds(card: dict[str, Any]) -> None:
    page = card_as_markdown(card | {"labels": [str(digit) for digit in range(10)]})

    assert "One training run" in page
    assert "no class for anything else" in page
    assert not any(word in page for word in ("seeds:", "min_confidence", "Calibration."))


def test_runs_with_several_seeds_stand_side_by_side_with_mean_and_deviation(card: dict[str, Any]) -> None:
    runs = [{"seed": seed, "test_accuracy": accuracy} for seed, accuracy in ((1, 0.996), (2, 0.997), (3, 0.998))]

    rows = rows_of(card_as_markdown(card | {"seeds": runs}))

    assert ["2", "99.700%"] in rows
    assert ["mean", "99.700%"] in rows
    assert ["standard deviation", "0.100%"] in rows


def test_a_card_tells_what_a_threshold_lets_in_and_what_taught_it(card: dict[str, Any]) -> None:
    points = [
        {"min_confidence": 0.5, "digits_accepted": 0.999, "error_accepted": 0.001, "non_digits_accepted": 0.01},
        {"min_confidence": 0.9, "digits_accepted": 0.99, "error_accepted": 0.0, "non_digits_accepted": None},
    ]
    negatives = {"scribbles": 12000, "upside_down": 900}
    rejection = {"threshold": 0.4, "negatives": negatives, "operating_points": points, "n_digits": 5000}

    page = card_as_markdown(card | {"labels": [*"0123456789", "none"], "rejection": rejection, "temperature": 1.25})

    assert ["0.5", "99.90%", "0.10%", "1.00%"] in rows_of(page)
    assert ["0.9", "99.00%", "0.00%", ""] in rows_of(page)
    assert "12,000 scribbles, 900 upside down" in page
    assert "gets 0.4 or more" in page
    assert "of 5,000 digits:" in page
    assert "divided by 1.25" in page
    assert "An eleventh class" in page


def test_a_page_names_every_kind_of_picture_and_every_setting_of_the_run(card: dict[str, Any]) -> None:
    training = card["training"] | {"traced_images": 1234, "teacher": "big-1", "ema": 0.999}

    page = card_as_markdown(card | {"training": training})

    assert "1,234 traced" in page
    assert "teacher big-1, ema 0.999" in page
    assert "held out," not in page


def test_what_did_not_train_a_model_is_said(card: dict[str, Any]) -> None:
    assert "**What it was not trained on.** MNIST's test images" in card_as_markdown(card)


@pytest.mark.parametrize("broken", [{"seeds": [{"seed": 1}, 2]}, {"rejection": []}, {"temperature": "warm"}])
def test_a_damaged_card_is_no_page(card: dict[str, Any], broken: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="incomplete or damaged"):
        card_as_markdown(card | broken)


def test_an_incomplete_card_is_no_page() -> None:
    with pytest.raises(ModelError, match="incomplete"):
        card_as_markdown({"version": "x"})

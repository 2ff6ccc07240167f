import shutil
from pathlib import Path

import pytest

from inkdigit import ModelError
from inkdigit.recognizer import find_model
from inkdigit.registry import card_as_markdown, get_version, list_versions, verify


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with one further version, `mine`."""
    shutil.copytree(find_model(None), tmp_path / "home" / "mine")
    return tmp_path / "home"


def test_exactly_one_shipped_version_is_current() -> None:
    assert [version.path for version in list_versions() if version.current] == [find_model(None)]


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


def test_an_incomplete_card_is_no_page() -> None:
    with pytest.raises(ModelError, match="incomplete"):
        card_as_markdown({"version": "x"})

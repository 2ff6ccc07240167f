"""Model versions on disk: which there are, which one is current, and whether their files are whole.

A version is a model folder, and the folder's name is the version's. The shipped ones lie in the package, further ones
in a home folder, where a pointer file names the one that is used where none is named.
"""

from inkdigit.registry.archive import export_archive, import_archive
from inkdigit.registry.cards import Difference, card_as_markdown, compare_cards
from inkdigit.registry.contents import SUMS
from inkdigit.registry.install import install
from inkdigit.registry.pointer import CURRENT, current, history, named, promote, rollback, version_folder
from inkdigit.registry.trial import verify
from inkdigit.registry.versions import Version, get_version, list_versions

__all__ = [
    "CURRENT",
    "SUMS",
    "Difference",
    "Version",
    "card_as_markdown",
    "compare_cards",
    "current",
    "export_archive",
    "get_version",
    "history",
    "import_archive",
    "install",
    "list_versions",
    "named",
    "promote",
    "rollback",
    "verify",
    "version_folder",
]

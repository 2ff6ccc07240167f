"""Model versions on disk: which there are, which one is current, and whether their files are whole.

A version is a model folder, and the folder's name is the version's. The shipped ones lie in the package, further ones
in a home folder, where a pointer file names the one that is used where none is named.
"""

from inkdigit.registry.cards import card_as_markdown
from inkdigit.registry.install import install
from inkdigit.registry.pointer import CURRENT, current, history, promote, rollback
from inkdigit.registry.versions import Version, get_version, list_versions, verify

__all__ = [
    "CURRENT",
    "Version",
    "card_as_markdown",
    "current",
    "get_version",
    "history",
    "install",
    "list_versions",
    "promote",
    "rollback",
    "verify",
]

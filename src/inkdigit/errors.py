"""The error tree. Every error the package raises on purpose is one of these.

InkdigitError
 ├── ImageError                 the picture is at fault
 │    ├── UnreadableImageError      damaged, truncated, or not what it says it is
 │    ├── UnsupportedFormatError    not PNG, JPEG or WebP
 │    ├── ImageTooLargeError        over a size limit
 │    ├── BlankImageError           no ink on it
 │    └── ShareError                a link or code that holds no drawing
 ├── NoReadingError             no likely reading keeps to what was expected
 ├── StoreError                 the corrections cannot be kept or found: disk, database, or an archive at fault
 │    ├── NoStoreError              there is none yet, and nothing may be written
 │    └── ConflictError             two different drawings under one idempotency key
 ├── BatchError                 a batch cannot begin or go on; what it has done is kept
 ├── ModelError                 a model folder is missing, damaged or made for another version
 ├── KeysError                  the file of API keys is damaged, unsafe or out of reach
 ├── DataError                  a data set is missing, damaged or not what its digest says
 ├── ConfigError                a setting has an impossible value
 └── MissingExtraError          an optional dependency is not installed

Errors carry no HTTP status and no exit code: the server and the command line each map them in one place.
"""


class InkdigitError(Exception):
    """Base of all errors raised on purpose; its text says what is wrong and what to do."""


class ImageError(InkdigitError):
    """The picture cannot be used."""


class UnreadableImageError(ImageError):
    """The bytes are damaged, truncated or empty."""


class UnsupportedFormatError(ImageError):
    """The bytes are not a PNG, JPEG or WebP picture."""


class ImageTooLargeError(ImageError):
    """The picture exceeds a size limit (bytes, pixels, sides, chunks or scans)."""


class BlankImageError(ImageError):
    """The picture holds no ink."""


class ShareError(ImageError):
    """A link or code that should hold a drawing holds none, or a damaged one."""


class NoReadingError(InkdigitError):
    """No reading that is likely enough keeps to what was expected of a number."""


class StoreError(InkdigitError):
    """The store of corrections cannot be opened, read or written, or an archive for it is not one."""


class NoStoreError(StoreError):
    """There is no store of corrections yet, and it was opened for reading only."""


class ConflictError(StoreError):
    """Another drawing was handed in before under the same idempotency key."""


class BatchError(InkdigitError):
    """A batch cannot begin or go on: its inputs, its folder, the disk or its processes are at fault."""


class ModelError(InkdigitError):
    """A model folder is missing, damaged, or was made for another version of the program."""


class KeysError(InkdigitError):
    """The file of API keys cannot be read, written or trusted, so that it lets nobody in."""


class DataError(InkdigitError):
    """A data set is missing, damaged, or does not match its digest."""


class ConfigError(InkdigitError):
    """A setting has a value that cannot work."""


class MissingExtraError(InkdigitError):
    """An optional part is not installed; the text holds the line that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'inkdigit[{extra}]'")
        self.package = package
        self.extra = extra

"""Counts for people; cells of tables and names of files as text that harms neither spreadsheet nor terminal."""


def safe_cell(text: str) -> str:
    """The text so that a spreadsheet never takes it for a formula; a plain negative number is none, and stays.

    >>> safe_cell("=1+1"), safe_cell("-1/2"), safe_cell("-12"), safe_cell("-3,50"), safe_cell("seven.png")
    ("'=1+1", "'-1/2", '-12', '-3,50', 'seven.png')
    """
    if not text.startswith(("=", "+", "-", "@", "\t", "\r")):
        return text
    whole, _, fraction = text.removeprefix("-").replace(",", ".", 1).partition(".")
    is_number = text.startswith("-") and whole.isdecimal() and (fraction or "0").isdecimal() and text.isascii()
    return text if is_number else f"'{text}"


def counted(count: int, noun: str) -> str:
    """So many of something.

    >>> counted(1, "row"), counted(2_000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"


def visible(file: str) -> str:
    r"""A file name that is safe to print: on one line, without control characters for the terminal.

    >>> print(visible("a\tb\x1b[2J.png"))
    a\tb\x1b[2J.png
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in in_letters(file))


def in_letters(file: str) -> str:
    r"""A file name as text that every program reads: its bytes that are no letters are written as numbers.

    Python keeps them as halves of letters, which strict readers of JSON refuse, and Parquet too.

    >>> print(in_letters("a\udcff.png"))
    a\xff.png
    """
    written = (f"\\x{ord(letter) - 0xDC00:02x}" if "\udc80" <= letter <= "\udcff" else letter for letter in file)
    return "".join(written).encode("utf-8", "backslashreplace").decode("utf-8")  # Windows has other halves in names

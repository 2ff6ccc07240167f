"""Cells of tables and names of files as text that harms neither spreadsheet nor terminal."""


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


def visible(file: str) -> str:
    r"""A file name that is safe to print: on one line, without control characters for the terminal.

    >>> print(visible("a\tb\x1b[2J.png"))
    a\tb\x1b[2J.png
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in file)

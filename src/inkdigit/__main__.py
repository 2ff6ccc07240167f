"""`python -m inkdigit` is `inkdigit`."""

from inkdigit.cli import main

if __name__ == "__main__":
    main(prog_name="inkdigit")

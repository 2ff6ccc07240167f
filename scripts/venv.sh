# Sourced by the scripts beside it. Makes a virtual environment that holds exactly the locked packages and this checkout, and
# leaves a finished one alone, without the network. Works with uv where it is present, else with python -m venv and pip.

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# find_python NEWEST: prints the first Python from 3.11 to 3.NEWEST on PATH, or nothing.
find_python() {
  local name
  for name in python3 python3.11 python3.12 python3.13 python3.14 python; do
    if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, int(sys.argv[1])))' "$1" >/dev/null 2>&1; then
      command -v "$name"
      return
    fi
  done
}

# What a finished environment was made of. A copy of it is written last, so an interrupted set-up never looks finished; the
# folder and the Python in it make a moved checkout, or one whose system Python has changed, count as unfinished.
dependencies_of() { printf '%s\n' "$root"; "$1/bin/python" -V 2>&1 || true; cat "$2"; }
is_made_of() { cmp -s - "$1"; }

# make_venv FOLDER LOCK NEWEST: FOLDER with the packages of LOCK, under a Python from 3.11 to 3.NEWEST.
make_venv() {
  local venv=$root/$1 lock=$root/$2 newest=$3
  if ! dependencies_of "$venv" "$lock" | is_made_of "$venv/.dependencies"; then
    install_dependencies "$venv" "$lock" "$newest"
    dependencies_of "$venv" "$lock" >"$venv/.dependencies"
  fi
  if ! is_made_of "$venv/.project" <"$root/pyproject.toml"; then
    install_project "$venv"
    cp "$root/pyproject.toml" "$venv/.project"
  fi
}

install_dependencies() {
  local venv=$1 lock=$2 newest=$3 python
  python=$(find_python "$newest")
  say "Setting up ${venv#"$root"/} with the packages of ${lock#"$root"/} (once; the next start needs no network)"
  if command -v uv >/dev/null; then
    rm -rf "$venv"
    uv venv --quiet --no-project --python "${python:-3.11}" "$venv"
    uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"
    return
  fi
  [[ -n $python ]] || die "Inkdigit needs Python 3.11 to 3.$newest, or uv, and found neither on PATH."
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    die "$python cannot make virtual environments. On Debian and Ubuntu run: apt install python3-venv"
  rm -rf "$venv"
  "$python" -m venv "$venv"
  pip_install "$venv" --require-hashes -r "$lock"
}

install_project() {
  if command -v uv >/dev/null; then
    uv pip install --quiet --python "$1/bin/python" --no-deps --no-build-isolation --editable "$root"
  else
    pip_install "$1" --no-deps --no-build-isolation --editable "$root"
  fi
}

pip_install() {
  local venv=$1 quiet=--quiet
  shift
  [[ -t 2 ]] && quiet=--no-input # On a terminal pip shows what it fetches.
  PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install "$quiet" "$@" >&2
}

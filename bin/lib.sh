# Shared by bin/demo, bin/test and .ci/run; source it from the project's root. No side effects.

# Prints the first Python that is new enough; with $PYTHON set, no other is looked at.
find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  echo "Raiway needs Python 3.11 or newer; ${PYTHON:-python3} here is $("${PYTHON:-python3}" --version 2>&1 || true)." >&2
  echo "Install one, or name it: PYTHON=/path/to/python3.12 $0" >&2
  return 2
}

make_environment() {
  local python
  [ -x .venv/bin/python ] && return
  python=$(find_python) || return 2
  echo "making .venv with $("$python" --version)" >&2
  if ! "$python" -m venv .venv >&2; then
    rm -rf .venv
    echo "$python cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2
    return 2
  fi
}

# install_locked base|dev: what requirements/NAME.txt pins, and the project itself, into .venv.
# A stamp in .venv holds the hash of what was installed, so that a second run costs nothing.
install_locked() {
  local name=$1 wanted stamp=.venv/raiway-$1.stamp
  make_environment || return
  wanted=$(cat "requirements/$name.txt" pyproject.toml | sha256sum)
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >&2
  echo "installing requirements/$name.txt into .venv (a minute or two, once)" >&2
  .venv/bin/python -m pip install --quiet --require-hashes -r "requirements/$name.txt" >&2
  .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable . >&2
  echo "$wanted" >"$stamp"
}

# left_out LOG: what a run of pytest left out. A green run that left tests out proves less.
left_out() {
  local skipped
  skipped=$(grep -oE '[0-9]+ skipped' "$1" | tail -n 1 || true)
  echo -n "${skipped:-0 skipped}"
  [ -z "$skipped" ] || echo -n ", for the reasons above"
  [ -d ../shared ] || echo -n "; ../shared, the reference material, is missing"
  echo
}

# shellcheck shell=bash
# One line per thing that was tested: PASS, FAIL or SKIP and its name; scripts/check counts them.

PASSED=0
FAILED=0
SKIPPED=0

pass() {
  PASSED=$((PASSED + 1))
  say "PASS $*"
}
fail() {
  FAILED=$((FAILED + 1))
  say "FAIL $*"
}
skip() {
  SKIPPED=$((SKIPPED + 1))
  say "SKIP $*"
}

# verify NAME COMMAND [ARG...]: passes if the command, mostly a function of the test, succeeds. It runs in a subshell with
# `set -e` and an undo list of its own, so that each test cleans up after itself. Its output is shown if it fails; the notes in
# it (the last few) if it succeeds.
verify() {
  local name=$1 log code
  shift
  log=$(mktemp "$RUN/verify.XXXXXX")
  set +e
  (
    UNDO=()
    trap undo_all EXIT
    set -e
    "$@"
  ) >"$log" 2>&1
  code=$?
  set -e
  if [ "$code" = 0 ]; then
    pass "$name"
    grep '^  · ' "$log" | tail -n 6 || true
  else
    fail "$name (exit code $code)"
    tail -n 25 "$log" | sed 's/^/    /'
  fi
  rm -f "$log"
}

# refused COMMAND [ARG...]: the command fails, as it should.
refused() { ! "$@"; }

# finish: the exit code of a test script.
finish() {
  [ "$FAILED" -eq 0 ] || exit 1
  exit 0
}

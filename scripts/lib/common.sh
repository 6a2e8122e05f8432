# shellcheck shell=bash
# What every script of Wherry starts with: strict mode, where things are, one directory per run, and the promise that
# what a run made (processes, mounts, loop devices) is gone when it ends, however it ends.
set -euo pipefail

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)
# Root's programs (losetup, mkfs, nbd-client) wherever they are.
export PATH=$PATH:/usr/sbin:/sbin
# Only Debian's own interpreter has the libnbd module.
PYTHON=/usr/bin/python3
export PYTHONDONTWRITEBYTECODE=1
# What is dear to make and the same every time (the guest kernel): kept between runs.
CACHE=${WHERRY_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/wherry}

say() { printf '%s\n' "$*"; }
note() { printf '  · %s\n' "$*"; }
die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}
usage() {
  printf '%s\n' "$*" >&2
  exit 2
}
now_ms() { date +%s%3N; }

# --- what a run leaves behind: nothing --------------------------------------------------------------------------------
UNDO=()

# later COMMAND [ARG...]: run at exit, the latest first. It may fail: what it undoes may be gone already.
later() { UNDO+=("$(printf '%q ' "$@")"); }

undo_all() {
  local code=$? i
  trap - EXIT
  trap '' INT TERM HUP
  set +e
  # WHERRY_LOGS: where the caller wants the logs of a run that failed.
  if [ "$code" -ne 0 ] && [ -n "${WHERRY_LOGS:-}" ] && [ -d "${RUN:-}" ]; then
    mkdir -p "$WHERRY_LOGS"
    find "$RUN" -maxdepth 2 -xdev -name '*.log' -exec cp -t "$WHERRY_LOGS" {} +
  fi
  for ((i = ${#UNDO[@]} - 1; i >= 0; i--)); do eval "${UNDO[i]}" >/dev/null 2>&1; done
  exit "$code"
}
trap undo_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# new_run NAME: makes the directory RUN of this run.
new_run() {
  RUN=$(mktemp -d "${TMPDIR:-/tmp}/wherry-$1.XXXXXX")
  if [ -z "${WHERRY_KEEP:-}" ]; then later rm -rf --one-file-system "$RUN"; else say "kept: $RUN"; fi
}

# wait_for SECONDS COMMAND [ARG...]: true as soon as the command is.
wait_for() {
  local end=$(($(now_ms) + $1 * 1000))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$(now_ms)" -lt "$end" ] || return 1
    sleep 0.02
  done
}

# A process that has ended, also where nobody waits for it (a container without an init that reaps).
gone() { [ ! -e "/proc/$1" ] || grep -q "^State:[[:space:]]*Z" "/proc/$1/status" 2>/dev/null; }

# stop PID [SECONDS]: TERM, and KILL for what does not listen. Only for processes that we started.
stop() {
  kill -TERM "$1" 2>/dev/null || return 0
  wait_for "${2:-5}" gone "$1" || kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# background LOG COMMAND [ARG...]: starts it with its output in LOG and stops it at exit. The process id is in PID.
background() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 </dev/null &
  PID=$!
  later stop "$PID"
}

size_of() { stat -c %s "$1"; }
not_empty() { [ -s "$1" ]; }
is_socket() { [ -S "$1" ]; }
# Bytes that a file takes on disk.
allocated() { echo $(($(stat -c '%b * %B' "$1"))); }

# The whole of a file system's caches, so that what is read next comes from the server.
drop_caches() {
  sync
  echo 3 >/proc/sys/vm/drop_caches 2>/dev/null || true
}

# shellcheck shell=bash
# The daemon under test: started, stopped, killed, and spoken to. Needs common.sh and a run directory.
#
# WHERRYD and WHERRY name other programs with the same command line (scripts/test/standin has the C servers dressed up
# as such), so that a harness can be tried against a server that is known to be good.

# start_wherryd DATA [OPTION...]: returns when it serves. Afterwards:
#   WHERRYD_PID · NBD_HOST, NBD_PORT · NBD_SOCKET · API (host:port) · WHERRY_API (exported for the CLI) · READY_MS
# The ports are free ones at the first start, and the same again after that.
start_wherryd() {
  local data=$1 log=$RUN/wherryd.log began line
  shift
  mkdir -p "$data"
  NBD_SOCKET=${NBD_SOCKET:-$data/nbd.sock}
  began=$(now_ms)
  : >"$RUN/wherryd.ready"
  "${WHERRYD:-$ROOT/scripts/wherryd}" --data "$data" --nbd "127.0.0.1:${NBD_PORT:-0}" --nbd-unix "$NBD_SOCKET" \
    --api "127.0.0.1:${API_PORT:-0}" --link 127.0.0.1:0 --rehearse false "$@" >"$RUN/wherryd.ready" 2>>"$log" </dev/null &
  WHERRYD_PID=$!
  later stop "$WHERRYD_PID" 10
  if ! wait_for 90 ready_or_gone || ! line=$(grep -m1 '^wherryd ready ' "$RUN/wherryd.ready"); then
    tail -n 20 "$log" >&2
    die "wherryd does not get ready (data directory $data)"
  fi
  READY_MS=$(($(now_ms) - began))
  NBD_HOST=$(sed -E 's/.* nbd=([^ ]*):[0-9]+ .*/\1/' <<<"$line")
  NBD_PORT=$(sed -E 's/.* nbd=[^ ]*:([0-9]+) api=.*/\1/' <<<"$line")
  API=$(sed -E 's/.* api=([^ ]+).*/\1/' <<<"$line")
  API_PORT=${API##*:}
  export WHERRY_API=http://$API READY_MS NBD_HOST NBD_PORT
}

ready_or_gone() { grep -q '^wherryd ready ' "$RUN/wherryd.ready" || gone "$WHERRYD_PID"; }

# stop_wherryd: SIGTERM, and waits for the end, which must come within a minute. Returns the exit code.
stop_wherryd() {
  kill -TERM "$WHERRYD_PID"
  if ! wait_for 60 gone "$WHERRYD_PID"; then
    kill -KILL "$WHERRYD_PID"
    die "wherryd does not end within a minute of SIGTERM"
  fi
  wait "$WHERRYD_PID"
}

kill_wherryd() {
  kill -KILL "$WHERRYD_PID" 2>/dev/null || true
  wait "$WHERRYD_PID" 2>/dev/null || true
}

wherry() { "${WHERRY:-$ROOT/scripts/wherry}" "$@"; }

# field SUID NAME: one field of a volume, as REST shows it.
field() { curl -sf "http://$API/api/v1/volumes/$1" | jq -r ".$2"; }

unix_uri() { echo "nbd+unix:///$1?socket=$NBD_SOCKET"; }
tcp_uri() { echo "nbd://$NBD_HOST:$NBD_PORT/$1"; }

# Resident memory of the daemon in KiB, and its open descriptors.
rss_kib() { awk '/^VmRSS:/ { print $2 }' "/proc/$WHERRYD_PID/status"; }
descriptors() { find "/proc/$WHERRYD_PID/fd" -mindepth 1 -maxdepth 1 | wc -l; }

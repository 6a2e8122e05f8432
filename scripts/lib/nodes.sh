# shellcheck shell=bash
# Several daemons on this machine, each a node by a name: on the loopback device, or each in a network namespace of its own.
# Needs common.sh and a run directory. scripts/lib/daemon.sh is about the one daemon of other tests.
#
#   join_nodes --net --delay 20 --rate 400 a b c     three nodes that know each other
#   on a volume create disk1 --size 1G               the command line, at a node
#   on a volume share disk1 --to b
#   kill_node a; start_node a                        on the same ports, with the same data
#   net cut a b; net heal a b                        see shaped_net.py
NODES=()
NODE_OPTIONS=()                                        # for every node
REHEARSE=${REHEARSE:-false}                            # hand-overs: no time for that in a short life
declare -A NODE_PID NODE_API NODE_LINK NODE_DATA NODE_SOCKET NODE_READY_MS
declare -A NODE_ADDRESS NODE_NAMESPACE                 # where there is a network
declare -A NODE_BOOT                                   # the boot id that a node sees; see new_boot
NET_PID=''

# nodes [--net [--delay MS] [--rate MBIT]] [--tls] NAME...: starts them; they do not know each other yet.
nodes() {
  local shape=() name with_net='' with_tls=''
  while [ $# -gt 0 ]; do
    case $1 in
      --net) with_net=1 ;;
      --delay | --rate)
        shape+=("$1" "$2")
        shift
        ;;
      --tls) with_tls=1 ;;
      *) break ;;
    esac
    shift
  done
  NODES=("$@")
  NODE_OPTIONS=()
  NODE_PID=() NODE_API=() NODE_LINK=() NODE_READY_MS=() NODE_ADDRESS=() NODE_NAMESPACE=() NET_PID=''
  for name in "${NODES[@]}"; do
    NODE_DATA[$name]=${NODE_DATA[$name]:-$RUN/$name}
    NODE_SOCKET[$name]=$RUN/$name.sock
  done
  [ -z "$with_net" ] || start_net ${shape[@]+"${shape[@]}"}
  if [ -n "$with_tls" ]; then
    for name in "${NODES[@]}"; do
      "$PYTHON" "$ROOT/scripts/lib/certificates.py" "$RUN/pki" "$name" "${NODE_ADDRESS[$name]:-127.0.0.1}"
    done
  fi
  [ -n "$with_tls" ] || [ -z "$with_net" ] || NODE_OPTIONS=(--insecure)
  [ -z "$with_tls" ] || NODE_OPTIONS=(--tls require)
  for name in "${NODES[@]}"; do start_node "$name"; done
}

# join_nodes ...: the same, and each knows every other.
join_nodes() {
  local a b
  nodes "$@"
  for a in "${NODES[@]}"; do
    for b in "${NODES[@]}"; do
      [ "$a" = "$b" ] || on "$a" node add "$b" --link "${NODE_LINK[$b]}" >/dev/null
    done
  done
  wait_for 60 all_connected || die "the nodes do not find each other: $(on "${NODES[0]}" node list 2>&1)"
}

all_connected() {
  local a
  for a in "${NODES[@]}"; do
    api "$a" nodes | jq -e --argjson n ${#NODES[@]} 'length == $n and all(.[]; .reason == null or .reason == "")' || return 1
  done
}

start_net() {
  local name address fd
  background "$RUN/net.log" "$ROOT/scripts/lib/shaped_net.py" --control "$RUN/net.control" "$@" "${NODES[@]}"
  NET_PID=$PID
  wait_for 60 net_ready_or_gone || true
  grep -q '^ready' "$RUN/net.log" || die "no network: $(tail -n 1 "$RUN/net.log")"
  while read -r name address fd; do
    [ -n "$fd" ] || continue
    NODE_ADDRESS[$name]=$address NODE_NAMESPACE[$name]=/proc/$NET_PID/fd/$fd
  done <"$RUN/net.log"
}
net_ready_or_gone() { grep -q '^ready' "$RUN/net.log" || gone "$NET_PID"; }

# net COMMAND...: tells the network (see shaped_net.py) and prints its answer.
net() { "$ROOT/scripts/lib/datagram" "$RUN/net.control" "$@"; }

# inside NAME COMMAND...: runs it where the node is. It becomes the command: its process id is the command's.
inside() {
  local name=$1
  shift
  if [ -n "${NODE_NAMESPACE[$name]:-}" ]; then exec nsenter --net="${NODE_NAMESPACE[$name]}" "$@"; else exec "$@"; fi
}

# new_boot NAME: it is on a machine of its own, as far as it knows, which has been started just now: for one that loses power.
new_boot() {
  NODE_BOOT[$1]=$RUN/$1.boot
  cat /proc/sys/kernel/random/uuid >"${NODE_BOOT[$1]}"
}

# start_node NAME [OPTION...]: returns when it serves; with ports of its own choice the first time, the same ones later.
start_node() {
  local name=$1 log=$RUN/$1.log ready=$RUN/$1.ready began line options=("${NODE_OPTIONS[@]}") boot=()
  shift
  [ ! -d "$RUN/pki/$name" ] || options+=(--tls-dir "$RUN/pki/$name")
  mkdir -p "${NODE_DATA[$name]}"
  [ -z "${NODE_BOOT[$name]:-}" ] ||
    boot=(unshare --mount "$ROOT/scripts/lib/with_boot" "${NODE_BOOT[$name]}" "$RUN" "${NODE_DATA[$name]}")
  began=$(now_ms)
  : >"$ready"
  inside "$name" ${boot[@]+"${boot[@]}"} "${WHERRYD:-$ROOT/scripts/wherryd}" --node "$name" --data "${NODE_DATA[$name]}" \
    --nbd 127.0.0.1:0 --nbd-unix "${NODE_SOCKET[$name]}" --api "${NODE_API[$name]:-127.0.0.1:0}" \
    --link "${NODE_LINK[$name]:-${NODE_ADDRESS[$name]:-127.0.0.1}:0}" --rehearse "$REHEARSE" ${options[@]+"${options[@]}"} "$@" \
    >"$ready" 2>>"$log" </dev/null &
  NODE_PID[$name]=$!
  later stop "${NODE_PID[$name]}" 10
  if ! wait_for 90 node_ready_or_gone "$name" || ! line=$(grep -m1 '^wherryd ready ' "$ready"); then
    tail -n 20 "$log" >&2
    die "node $name does not get ready"
  fi
  NODE_READY_MS[$name]=$(($(now_ms) - began))
  NODE_API[$name]=$(sed -E 's/.* api=([^ ]+).*/\1/' <<<"$line")
  NODE_LINK[$name]=$(sed -E 's/.* link=([^ ]+).*/\1/' <<<"$line")
}
node_ready_or_gone() { grep -q '^wherryd ready ' "$RUN/$1.ready" || gone "${NODE_PID[$1]}"; }

# stop_node NAME: SIGTERM; the end must come within a minute, with exit code 0.
stop_node() {
  local pid=${NODE_PID[$1]}
  kill -TERM "$pid"
  if ! wait_for 60 gone "$pid"; then
    kill -KILL "$pid"
    die "node $1 does not end within a minute of SIGTERM"
  fi
  wait "$pid"
}

kill_node() {
  kill -KILL "${NODE_PID[$1]}" 2>/dev/null || true
  wait "${NODE_PID[$1]}" 2>/dev/null || true
}

# on NAME ARGUMENT...: the command line, at a node.
on() {
  local name=$1
  shift
  (
    export WHERRY_API=http://${NODE_API[$name]}
    inside "$name" "${WHERRY:-$ROOT/scripts/wherry}" "$@"
  )
}

# api NAME PATH: what REST answers to a GET.
api() {
  if [ -n "${WHERRYD:-}" ]; then
    # A stand-in has no REST.
    case $2 in
      nodes) on "$1" --json node list ;;
      *) on "$1" --json volume show "${2#volumes/}" ;;
    esac
  else
    (inside "$1" curl -sf --max-time 30 "http://${NODE_API[$1]}/api/v1/$2")
  fi
}

# of NAME SUID FILTER: a part of a volume as a node shows it.
of() { api "$1" "volumes/$2" | jq -r "$3"; }
uri_at() { echo "nbd+unix:///$2?socket=${NODE_SOCKET[$1]}"; }

# owner_of SUID: the one node that calls itself the owner; fails when there is none, or more.
owner_of() {
  local name owner=''
  for name in "${NODES[@]}"; do
    [ "$(of "$name" "$1" .role 2>/dev/null)" = owner ] || continue
    [ -z "$owner" ] || return 1
    owner=$name
  done
  [ -n "$owner" ] && echo "$owner"
}

# is_at NAME SUID FILTER: whether the filter is true of the volume there.
is_at() { api "$1" "volumes/$2" | jq -e "$3"; }
# whole_at NAME SUID: all of it is there.
whole_at() { is_at "$1" "$2" '.role == "owner" and .blocks.here == .blocks.total'; }

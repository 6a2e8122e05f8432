# shellcheck shell=bash
# A volume on several nodes under load, and what happens to it. Needs all.sh and nodes.sh.
VOLUME=v

# choose VARIABLE VALUE...: one of them, by RANDOM. (Not by printing it: a subshell has its own RANDOM.)
choose() {
  local -n chosen=$1
  shift
  local -a values=("$@")
  chosen=${values[RANDOM % $#]}
}

# share_with NODE: by the owner, with policies by chance.
share_with() {
  local read='' write='' handover='' owner
  choose read "${READ_POLICIES[@]}"
  choose write "${WRITE_POLICIES[@]}"
  choose handover auto manual
  owner=$(owner_of "$VOLUME") || return 1
  [ "$owner" != "$1" ] || return 0
  on "$owner" volume share "$VOLUME" --to "$1" --read "$read" --write "$write" --handover "$handover"
}
READ_POLICIES=(move pull redirect) # not `fail`: what it does not have, it does not give
WRITE_POLICIES=(local back through)

has_volume() { of "$1" "$VOLUME" .role; }

# all_share: who was released, or let go, gets a part again.
all_share() {
  local node
  for node in "${NODES[@]}"; do
    wait_for 60 has_part "$node" || { tell_all; tail -n 2 "$RUN/shares.log"; die "cannot share with $node again"; }
  done
}

# has_part NODE: it has, or is given one. That is refused while the ownership moves, as it may by itself, and while the owner
# has no connection to a node that has just been started.
has_part() { has_volume "$1" || share_with "$1" >>"$RUN/shares.log" 2>&1; }

# change WHAT NODE: one thing that an operator does, said in a line. It may be refused: then nothing has changed.
change() {
  local owner node=$2 said
  owner=$(owner_of "$VOLUME") || owner=${NODES[0]}
  case $1 in
    activate) said=$(on "$node" volume activate "$VOLUME" 2>&1) && said="done" ;;
    back) said=$(on "$owner" volume return "$VOLUME" --to "$node" 2>&1) && said="done" ;;
    release) said=$(on "$node" volume release "$VOLUME" 2>&1) && said="done" ;;
    anew)
      said=$(on "$owner" volume unshare "$VOLUME" --from "$node" 2>&1) && said="done"
      ;;
    none) said="done" node='' ;;
  esac
  echo "$1 $node: ${said:-refused}"
}

# settled: one owner, and everybody who has a part knows who it is, and serves.
settled() {
  local owner node
  owner=$(owner_of "$VOLUME") || return 1
  for node in "${NODES[@]}"; do
    is_at "$node" "$VOLUME" ".owner == \"$owner\" and .state == \"online\"" || return 1
  done
}

tell_all() {
  local node
  for node in "${NODES[@]}"; do
    say "$node: $(api "$node" "volumes/$VOLUME" 2>&1 | jq -c '{role, owner, epoch, state, blocks, move}' 2>/dev/null)"
  done
}

# under_shared_load ACT WRITER-OPTION...: a host at every node; ACT with the number of the round is called in the middle, and
# makes $RUN/acted.NUMBER when it is over.
under_shared_load() {
  local act=$1 node uris=()
  shift
  for node in "${NODES[@]}"; do uris+=(--uri "$(uri_at "$node" "$VOLUME")"); done
  WRITER=shared_writer under_load "$act" "${uris[@]}" --acted "$RUN/acted" "$@"
}

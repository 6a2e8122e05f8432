# shellcheck shell=bash
# Verified load, and something that happens in the middle of it.

# under_load ON_CUT WRITER-OPTION...: runs verified_writer (or WRITER) and calls ON_CUT with the number of each round when it asks for
# it. Prints what it finds; its result (JSON) is in LOAD; true if all was well.
under_load() {
  local on_cut=$1 events word number rest
  shift
  LOAD='{}'
  exec {events}< <("$TEST_LIB/${WRITER:-verified_writer}" "$@" 2>&1)
  later stop $!
  while read -r -u "$events" word number rest; do
    case $word in
      cut) "$on_cut" "$number" ;;
      verified) note "round $number: $rest" ;;
      end) LOAD="$number $rest" ;;
      *) say "$word $number $rest" ;;
    esac
  done
  exec {events}<&-
  note "$LOAD"
  [ "$(jq -r .ok <<<"$LOAD")" = true ]
}

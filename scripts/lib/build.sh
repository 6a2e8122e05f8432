# shellcheck shell=bash
# The build, when something changed since the last one.

BUILT=$ROOT/target/built

up_to_date() {
  [ -e "$BUILT" ] || return 1
  compgen -G "$ROOT/daemon/target/*.jar" >/dev/null || return 1
  [ -z "$(find "$ROOT"/pom.xml "$ROOT"/*/pom.xml "$ROOT"/*/src/main "$ROOT"/.mvn -newer "$BUILT" -type f -print -quit)" ]
}

# build: packages the three modules without their tests. WHERRYD set means that another server is under test.
build() {
  [ -z "${WHERRYD:-}" ] || return 0
  up_to_date && return 0
  need_build_tools
  say "building (mvn -DskipTests package)"
  local log
  log=$(mktemp)
  if ! (cd "$ROOT" && mvn -B -q -DskipTests package) >"$log" 2>&1 </dev/null; then
    tail -n 40 "$log" >&2
    rm -f "$log"
    die "the build failed"
  fi
  rm -f "$log"
  mkdir -p "${BUILT%/*}"
  touch "$BUILT"
}

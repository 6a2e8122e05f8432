# shellcheck shell=bash
# The libraries that every test script uses, in the order of their dependence.
# shellcheck source-path=SCRIPTDIR
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
. "$ROOT/scripts/lib/packages.sh"
. "$ROOT/scripts/lib/build.sh"
. "$ROOT/scripts/lib/daemon.sh"
. "$ROOT/scripts/lib/results.sh"
. "$ROOT/scripts/lib/load.sh"

TEST_LIB=$ROOT/scripts/test/lib
# The disks of a run are written down in the run's own directory, not beside the host's.
attach() { WHERRY_RUN=$RUN "$ROOT/scripts/attach" "$@"; }
detach() { WHERRY_RUN=$RUN "$ROOT/scripts/detach" "$@"; }

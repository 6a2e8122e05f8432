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

# shellcheck shell=bash
# Disks with a volatile write cache under file systems of this host:
#   volatile_disk.py (nbdkit) -> nbdfuse -> loop device -> ext4, mounted at $VOLATILE
# so that power can be lost below a whole data directory. Needs common.sh. There is one, $RUN/volatile, unless a test wants
# more; the functions are about the one at $VOLATILE.
. "$ROOT/scripts/lib/disk.sh"
VOLATILE=$RUN/volatile
declare -A VOLATILE_DEVICE VOLATILE_FILE VOLATILE_WRITEBACK

# with_volatile PATH COMMAND...: about another disk.
with_volatile() {
  local VOLATILE=$1
  shift
  "$@"
}

# volatile_disk SIZE SEED: starts the disk, and an ext4 file system on it that is not mounted yet.
volatile_disk() {
  # The memory behind the disk is the file's page cache and a memfd: it is small, and gone at exit.
  rm -f "$VOLATILE".{sock,img,control}
  background "$VOLATILE-disk.log" nbdkit -f -t 8 -U "$VOLATILE.sock" python "$TEST_LIB/volatile_disk.py" \
    file="$VOLATILE.img" control="$VOLATILE.control" size="$1" seed="$2"
  wait_for 60 is_socket "$VOLATILE.control" || die "the volatile disk does not start"
  later with_volatile "$VOLATILE" volatile_unmount
  volatile_device
  # Nothing is left to be written later, and little is: the disk carries it through every loss of power.
  mkfs.ext4 -q -F -N 4096 -J size=8 -E lazy_itable_init=0,lazy_journal_init=0 "${VOLATILE_DEVICE[$VOLATILE]}"
  sync "${VOLATILE_DEVICE[$VOLATILE]}"
}

# volatile_device: a fresh block device on the disk; nothing of an older one's cache is in it.
volatile_device() {
  local file
  file=$(mktemp "$VOLATILE-file.XXXXXX")
  nbdfuse "$file" "nbd+unix:///?socket=$VOLATILE.sock" >>"$RUN/nbdfuse.log" 2>&1 </dev/null &
  wait_for 60 not_empty "$file" || die "nbdfuse does not start on the volatile disk"
  VOLATILE_FILE[$VOLATILE]=$file
  VOLATILE_DEVICE[$VOLATILE]=$(losetup -f --show --direct-io=on "$file")
}

volatile_mount() {
  mkdir -p "$VOLATILE"
  mount -t ext4 "${VOLATILE_DEVICE[$VOLATILE]}" "$VOLATILE"
  background "$RUN/writeback.log" "$TEST_LIB/writeback" "$VOLATILE"
  VOLATILE_WRITEBACK[$VOLATILE]=$PID
}

# volatile_unmount: by force, with whatever is still open on it.
volatile_unmount() {
  local device=${VOLATILE_DEVICE[$VOLATILE]:-} file=${VOLATILE_FILE[$VOLATILE]:-}
  [ -z "${VOLATILE_WRITEBACK[$VOLATILE]:-}" ] || stop "${VOLATILE_WRITEBACK[$VOLATILE]}"
  ! mountpoint -q "$VOLATILE" || umount "$VOLATILE" 2>/dev/null || umount -l "$VOLATILE"
  [ -z "$device" ] || losetup -d "$device" || true
  wait_for 5 device_free "$file" || true
  [ -z "$file" ] || wait_for 5 fusermount3 -u "$file" || fusermount3 -uz "$file" || true
  VOLATILE_DEVICE[$VOLATILE]='' VOLATILE_FILE[$VOLATILE]='' VOLATILE_WRITEBACK[$VOLATILE]=''
}

device_free() { [ -z "$(loops_on "$1")" ]; }

# volatile COMMAND...: tells the disk (see volatile_disk.py) and prints its answer.
volatile() { "$ROOT/scripts/lib/datagram" "$VOLATILE.control" "$@"; }

# volatile_power_cycle MODE: the power goes and comes back; the file system is repaired and mounted again. Whoever had
# files open on it must be dead by ON_DARK, a function that runs while there is no power.
volatile_power_cycle() {
  local code=0
  volatile cut "$1"
  "$ON_DARK"
  volatile_unmount
  volatile power on
  volatile_device
  e2fsck -fp "${VOLATILE_DEVICE[$VOLATILE]}" >>"$RUN/e2fsck.log" 2>&1 || code=$?
  [ "$code" -lt 4 ] || die "the file system is beyond repair: $(tail -n 3 "$RUN/e2fsck.log")"
  volatile_mount
}

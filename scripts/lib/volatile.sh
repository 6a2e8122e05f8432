# shellcheck shell=bash
# A disk with a volatile write cache under a file system of this host:
#   volatile_disk.py (nbdkit) -> nbdfuse -> loop device -> ext4, mounted at $RUN/volatile
# so that power can be lost below a whole data directory. Needs common.sh.
. "$ROOT/scripts/lib/disk.sh"
VOLATILE=$RUN/volatile

# volatile_disk SIZE SEED: starts the disk, and an ext4 file system on it that is not mounted yet.
volatile_disk() {
  # The memory behind the disk is the file's page cache and a memfd: it is small, and gone at exit.
  rm -f "$RUN"/volatile.{sock,img,control}
  background "$RUN/volatile-disk.log" nbdkit -f -t 8 -U "$RUN/volatile.sock" python "$TEST_LIB/volatile_disk.py" \
    file="$RUN/volatile.img" control="$RUN/volatile.control" size="$1" seed="$2"
  wait_for 10 is_socket "$RUN/volatile.control" || die "the volatile disk does not start"
  later volatile_unmount
  volatile_device
  mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "$VOLATILE_DEVICE"
  sync "$VOLATILE_DEVICE"
}

# volatile_device: a fresh block device on the disk; nothing of an older one's cache is in it.
volatile_device() {
  VOLATILE_FILE=$(mktemp "$RUN/volatile-file.XXXXXX")
  nbdfuse "$VOLATILE_FILE" "nbd+unix:///?socket=$RUN/volatile.sock" >>"$RUN/nbdfuse.log" 2>&1 </dev/null &
  wait_for 10 not_empty "$VOLATILE_FILE" || die "nbdfuse does not start on the volatile disk"
  VOLATILE_DEVICE=$(losetup -f --show --direct-io=on "$VOLATILE_FILE")
}

volatile_mount() {
  mkdir -p "$VOLATILE"
  mount -t ext4 "$VOLATILE_DEVICE" "$VOLATILE"
  background "$RUN/writeback.log" "$TEST_LIB/writeback" "$VOLATILE"
  VOLATILE_WRITEBACK=$PID
}

# volatile_unmount: by force, with whatever is still open on it.
volatile_unmount() {
  [ -z "${VOLATILE_WRITEBACK:-}" ] || stop "$VOLATILE_WRITEBACK"
  ! mountpoint -q "$VOLATILE" || umount "$VOLATILE" 2>/dev/null || umount -l "$VOLATILE"
  [ -z "${VOLATILE_DEVICE:-}" ] || losetup -d "$VOLATILE_DEVICE" || true
  wait_for 5 device_free || true
  [ -z "${VOLATILE_FILE:-}" ] || wait_for 5 fusermount3 -u "$VOLATILE_FILE" || fusermount3 -uz "$VOLATILE_FILE" || true
  VOLATILE_DEVICE='' VOLATILE_FILE='' VOLATILE_WRITEBACK=''
}

device_free() { [ -z "$(loops_on "$VOLATILE_FILE")" ]; }

# volatile COMMAND...: tells the disk (see volatile_disk.py) and prints its answer.
volatile() { "$ROOT/scripts/lib/datagram" "$RUN/volatile.control" "$@"; }

# volatile_power_cycle MODE: the power goes and comes back; the file system is repaired and mounted again. Whoever had
# files open on it must be dead by ON_DARK, a function that runs while there is no power.
volatile_power_cycle() {
  local code=0
  volatile cut "$1"
  "$ON_DARK"
  volatile_unmount
  volatile power on
  volatile_device
  e2fsck -fp "$VOLATILE_DEVICE" >>"$RUN/e2fsck.log" 2>&1 || code=$?
  [ "$code" -lt 4 ] || die "the file system is beyond repair: $(tail -n 3 "$RUN/e2fsck.log")"
  volatile_mount
}

# shellcheck shell=bash
# An NBD export as a disk of this host: through the kernel's nbd where it has that, else through nbdfuse and a loop device
# with direct I/O. Needs common.sh. What is attached is written down in a directory per SUID:
#
#   ATTACHED/SUID/uri      where it comes from          ATTACHED/SUID/kind     nbd or loop
#   ATTACHED/SUID/device   the block device             ATTACHED/SUID/disk     loop: the file that nbdfuse shows
#   ATTACHED/SUID/pid      loop: nbdfuse                ATTACHED/SUID/nbdfuse.log
ATTACHED=${WHERRY_RUN:-/run/wherry}/attach

is_suid() { [[ $1 =~ ^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$ ]]; }

# lock NAME: holds a lock until the script ends, so that two at once are one after the other.
lock() {
  local fd
  mkdir -p "$ATTACHED"
  exec {fd}>"$ATTACHED/.$1.lock"
  flock -w 60 "$fd" || die "$1: another attach or detach has held the lock for a minute"
}

recorded() { cat "$ATTACHED/$1/$2" 2>/dev/null; }

# Whether what is written down about a SUID is (still) true.
is_attached() {
  local device
  device=$(recorded "$1" device) || return 1
  case $(recorded "$1" kind) in
    nbd) nbd_in_use "${device##*/}" ;;
    loop) loops_on "$ATTACHED/$1/disk" | grep -qxF "$device" && ! gone "$(recorded "$1" pid)" ;;
    *) return 1 ;;
  esac
}

# in_use DEVICE: mounted, swapped on, or part of another device, in whichever namespace.
in_use() {
  ! "$PYTHON" -c 'import os, sys; os.close(os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL))' "$1" 2>/dev/null
}

# --- the kernel's nbd ---------------------------------------------------------------------------------------------------
kernel_has_nbd() {
  [ -e /sys/block/nbd0 ] || modprobe nbd 2>/dev/null || true
  [ -e /sys/block/nbd0 ] && command -v nbd-client >/dev/null
}

nbd_in_use() { [ -e "/sys/block/$1/pid" ] || [ "$(cat "/sys/block/$1/size" 2>/dev/null || echo 0)" -gt 0 ]; }

free_nbd_device() {
  local d
  for d in /sys/block/nbd*; do
    nbd_in_use "${d##*/}" || {
      echo "/dev/${d##*/}"
      return
    }
  done
  return 1
}

# The arguments of nbd-client for a URI, one per line.
nbd_client_arguments() {
  "$PYTHON" - "$1" <<'PYTHON'
import sys
from urllib.parse import parse_qs, unquote, urlsplit

u = urlsplit(sys.argv[1])
query = parse_qs(u.query)
arguments = ['-N', unquote(u.path[1:])]
if 'socket' in query:
    arguments += ['-unix', query['socket'][0]]
else:
    arguments += [u.hostname or 'localhost', str(u.port or 10809)]
if u.scheme.startswith('nbds'):
    directory = query.get('tls-certificates', ['/etc/pki/libnbd'])[0]
    arguments += ['-x', '-A', directory + '/ca-cert.pem', '-F', directory + '/client-cert.pem',
                  '-K', directory + '/client-key.pem']
print('\n'.join(arguments))
PYTHON
}

# attach_nbd SUID URI DEVICE (or empty): prints the device.
attach_nbd() {
  local suid=$1 uri=$2 device=$3 arguments connections=1
  lock nbd # the choice of a free device is one at a time
  if [ -z "$device" ]; then device=$(free_nbd_device) || die "no free /dev/nbd device: modprobe nbd nbds_max=N"; fi
  [ -b "$device" ] || die "$device is not a block device"
  ! nbd_in_use "${device##*/}" || die "$device is in use"
  ! nbdinfo --can multi-conn "$uri" 2>/dev/null || connections=4
  mapfile -t arguments < <(nbd_client_arguments "$uri")
  nbd-client "${arguments[@]}" "$device" -C "$connections" -persist >"$ATTACHED/$suid/nbd-client.log" 2>&1 ||
    die "nbd-client: $(tail -n 1 "$ATTACHED/$suid/nbd-client.log")"
  echo nbd >"$ATTACHED/$suid/kind"
  wait_for 10 nbd_in_use "${device##*/}" || die "$device stays empty: $(tail -n 1 "$ATTACHED/$suid/nbd-client.log")"
  echo "$device"
}

# --- nbdfuse and a loop device ------------------------------------------------------------------------------------------
# loops_on FILE: the loop devices on a file. Not by losetup, which looks at the file of every loop device of the host and
# hangs when one of them does, say on somebody else's dead server.
loops_on() {
  local f
  for f in /sys/block/loop*/loop/backing_file; do
    [ "$(cat "$f" 2>/dev/null)" != "$1" ] || echo "/dev/$(basename "$(dirname "$(dirname "$f")")")"
  done
}

# attach_loop SUID URI DEVICE (or empty): prints the device.
attach_loop() {
  local suid=$1 uri=$2 device=$3 dir=$ATTACHED/$1 read_only=
  command -v nbdfuse >/dev/null || die "neither the kernel's nbd with nbd-client nor nbdfuse is here: apt-get install libnbd-bin"
  ! nbdinfo --is read-only "$uri" 2>/dev/null || read_only=-r
  : >"$dir/disk"
  echo loop >"$dir/kind"
  # It outlives this script; the directory of the script, its locks and its terminal are none of its business.
  (
    cd /
    for fd in /proc/self/fd/*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || eval "exec $fd>&-" 2>/dev/null || true
    done
    exec setsid nbdfuse $read_only -P "$dir/pid" "$dir/disk" "$uri" >"$dir/nbdfuse.log" 2>&1 </dev/null
  ) &
  wait_for 15 not_empty "$dir/disk" || die "nbdfuse: $(tail -n 1 "$dir/nbdfuse.log")"
  wait_for 5 not_empty "$dir/pid" || die "nbdfuse wrote no process id"
  if [ -n "$device" ]; then
    losetup $read_only --direct-io=on "$device" "$dir/disk"
  else
    device=$(losetup $read_only --direct-io=on -f --show "$dir/disk")
  fi
  echo "$device"
}

# drop SUID: takes apart whatever there is of an attachment, whole or half.
drop() {
  local suid=$1 dir=$ATTACHED/$1 device pid
  device=$(recorded "$suid" device || true)
  case $(recorded "$suid" kind) in
    nbd) [ -z "$device" ] || nbd-client -d "$device" >/dev/null 2>&1 || true ;;
    loop)
      for device in $(loops_on "$dir/disk"); do losetup -d "$device" 2>/dev/null || true; done
      if mountpoint -q "$dir/disk" || ! stat "$dir/disk" >/dev/null 2>&1; then
        wait_for 5 fusermount3 -u "$dir/disk" || fusermount3 -uz "$dir/disk" || umount -l "$dir/disk" || true
      fi
      pid=$(recorded "$suid" pid || true)
      # It closes its connection in good order when it is unmounted; a stuck one must not stay.
      if [ -n "$pid" ] && ! wait_for 10 gone "$pid" && grep -qa nbdfuse "/proc/$pid/cmdline"; then kill -KILL "$pid"; fi
      ;;
  esac
  rm -rf --one-file-system "$dir"
}

# shellcheck shell=bash
# An NBD export as a disk of this host: through the kernel's nbd where it has that, else through nbdfuse and a loop device
# with direct I/O. Needs common.sh. What is attached is written down in a directory per SUID:
#
#   ATTACHED/SUID/uri      where it comes from          ATTACHED/SUID/kind     nbd or loop
#   ATTACHED/SUID/device   the block device             ATTACHED/SUID/disk     loop: the file that nbdfuse shows
#   ATTACHED/SUID/pid      loop: nbdfuse                ATTACHED/SUID/nbdfuse.log
#   ATTACHED/SUID/sockets  loop: how many connections nbdfuse has
#   ATTACHED/SUID/said     what the last probe or flush had to say
#
# nbd-client -persist connects again when a server went away and came back: a pause. nbdfuse does not: once one of its
# connections is lost, the disk behind it is lost too, and has to be attached anew.
ATTACHED=${WHERRY_RUN:-/run/wherry}/attach

is_suid() { [[ $1 =~ ^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$ ]]; }

# Locks are held until the script ends, so that two at once are one after the other. A volume may have any name: its lock
# and the one on the choice of a device are never the same file.
lock_volume() { lock_file "volume-$1.lock" "$1"; }
lock_devices() { lock_file devices.lock "the choice of a device"; }
lock_file() {
  local fd
  mkdir -p "$ATTACHED"
  exec {fd}>"$ATTACHED/.$1"
  flock -w 60 "$fd" || die "$2: another attach or detach has held the lock for a minute"
}

# What outlives a script (or is stuck in the kernel and cannot be killed) must not hold its locks: closes all but 0 to 2.
close_files() {
  local fd
  for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || eval "exec $fd>&-" 2>/dev/null || true
  done
}

recorded() { cat "$ATTACHED/$1/$2" 2>/dev/null; }

# has_device SUID: whether the device that is written down is (still) that of the SUID, dead or alive.
has_device() {
  local device
  device=$(recorded "$1" device) || return 1
  case $(recorded "$1" kind) in
    nbd) nbd_in_use "${device##*/}" ;;
    loop) loops_on "$ATTACHED/$1/disk" | grep -qxF "$device" ;;
    *) return 1 ;;
  esac
}

# is_lost SUID: nothing can reach the server through this device any more, now or later. An idle nbdfuse does not notice
# that its server is gone: ask after the device was used.
is_lost() {
  [ "$(recorded "$1" kind)" = loop ] || return 1
  ! is_served "$1" || [ "$(sockets_of "$(recorded "$1" pid)")" -lt "$(recorded "$1" sockets || echo 1)" ]
}

# is_served SUID: the nbdfuse that is written down runs; the process id may be another's by now.
is_served() { grep -qaF -- "$ATTACHED/$1/disk" "/proc/$(recorded "$1" pid)/cmdline" 2>/dev/null; }

sockets_of() { find "/proc/$1/fd" -lname 'socket:*' 2>/dev/null | wc -l; }

# in_use SUID DEVICE: mounted, swapped on, or part of another device, in whichever namespace. The last to close a device
# writes its cache out, which may hang: so the exclusive open is not the last one, and only its answer is waited for.
in_use() {
  local answer=$ATTACHED/$1/use pid
  rm -f "$answer"
  (
    close_files
    exec "$PYTHON" -c '
import errno, os, sys
last = os.open(sys.argv[1], os.O_RDONLY)
busy = "free"
try:
    os.close(os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL))
except OSError as e:
    busy = "busy" if e.errno == errno.EBUSY else "free"
print(busy, flush=True)' "$2" >"$answer" 2>/dev/null </dev/null
  ) &
  pid=$!
  disown "$pid"
  wait_for 20 not_empty "$answer" || die "$2 ($1) cannot be opened"
  wait_for 1 gone "$pid" || true
  [ "$(cat "$answer")" = busy ]
}

# use_of DEVICE: "in use", or where it is mounted.
use_of() {
  local target
  target=$(findmnt -rno TARGET -S "$1" | head -n 1) || true
  if [ -n "$target" ]; then echo "mounted on $target"; else echo "in use"; fi
}

# probe SUID DEVICE, flush SUID DEVICE: a read from the server, past the caches; everything written to it. Bounded in time.
# What failed, in one line, is `said SUID` afterwards.
probe() { within "$1" "${WHERRY_PROBE_SECONDS:-15}" dd if="$2" of=/dev/null bs=4096 count=1 iflag=direct status=none; }
flush() {
  within "$1" "${WHERRY_FLUSH_SECONDS:-60}" blockdev --flushbufs "$2" &&
    within "$1" "${WHERRY_FLUSH_SECONDS:-60}" sync "$2"
}
said() { tail -n 1 "$ATTACHED/$1/said" | sed 's/.*: //'; }

# within SUID SECONDS COMMAND...: 124 when it is not done by then. It is left behind: in the kernel no signal ends it.
within() {
  local said=$ATTACHED/$1/said seconds=$2 pid
  shift 2
  (
    close_files
    exec "$@" >/dev/null 2>"$said" </dev/null
  ) &
  pid=$!
  if wait_for "$seconds" gone "$pid"; then
    wait "$pid"
  else
    disown "$pid"
    kill -KILL "$pid" 2>/dev/null || true
    echo "no answer within $seconds s" >"$said.new"
    mv "$said.new" "$said"
    return 124
  fi
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
  lock_devices
  if [ -z "$device" ]; then device=$(free_nbd_device) || die "no free /dev/nbd device: modprobe nbd nbds_max=N"; fi
  [ -b "$device" ] || die "$device is not a block device"
  ! nbd_in_use "${device##*/}" || die "$device is in use"
  ! nbdinfo --can multi-conn "$uri" 2>/dev/null || connections=4
  mapfile -t arguments < <(nbd_client_arguments "$uri")
  nbd-client "${arguments[@]}" "$device" -C "$connections" -persist >"$ATTACHED/$suid/nbd-client.log" 2>&1 ||
    die "nbd-client: $(tail -n 1 "$ATTACHED/$suid/nbd-client.log")"
  echo nbd >"$ATTACHED/$suid/kind"
  wait_for 30 nbd_in_use "${device##*/}" || die "$device stays empty: $(tail -n 1 "$ATTACHED/$suid/nbd-client.log")"
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
    close_files
    exec setsid nbdfuse $read_only -P "$dir/pid" "$dir/disk" "$uri" >"$dir/nbdfuse.log" 2>&1 </dev/null
  ) &
  wait_for 30 not_empty "$dir/disk" || die "nbdfuse: $(tail -n 1 "$dir/nbdfuse.log")"
  wait_for 30 not_empty "$dir/pid" || die "nbdfuse wrote no process id"
  sockets_of "$(cat "$dir/pid")" >"$dir/sockets"
  if [ -n "$device" ]; then
    losetup $read_only --direct-io=on "$device" "$dir/disk"
  else
    device=$(losetup $read_only --direct-io=on -f --show "$dir/disk")
  fi
  echo "$device"
}

# cut_off SUID: ends nbdfuse first, so that everything that waits for a server fails at once instead of holding up the rest.
cut_off() {
  ! is_served "$1" || kill -KILL "$(recorded "$1" pid)" 2>/dev/null || true
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
      if [ -n "$pid" ] && is_served "$suid" && ! wait_for 10 gone "$pid"; then kill -KILL "$pid" || true; fi
      ;;
  esac
  rm -rf --one-file-system "$dir"
}

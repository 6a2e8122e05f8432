# shellcheck shell=bash
# Debian packages, installed when they are missing.

BUILD_PACKAGES=(openjdk-17-jdk-headless maven)
CLIENT_PACKAGES=(nbdkit libnbd-bin python3-libnbd qemu-utils fuse3 util-linux e2fsprogs curl jq iproute2)
TEST_PACKAGES=("${CLIENT_PACKAGES[@]}" nbdkit-plugin-python nbd-server nbd-client qemu-system-x86 qemu-block-extra fio
  xfsprogs btrfs-progs busybox-static cpio kmod socat openssl psmisc)

installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]; }

# need PACKAGE...: installs those that are missing, as root, once.
need() {
  local p missing=()
  for p in "$@"; do installed "$p" || missing+=("$p"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "these Debian packages (or their like) are needed: ${missing[*]}"
  [ "$(id -u)" = 0 ] || die "run as root once, or install: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local log
  log=$(mktemp)
  if ! apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null &&
    ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    die "apt-get could not install ${missing[*]}"
  fi
  rm -f "$log"
}

# A JDK 17 or later and Maven, from wherever they are.
need_build_tools() {
  if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then need "${BUILD_PACKAGES[@]}"; fi
}

# shellcheck shell=bash
# A guest kernel with nbd.ko under QEMU (TCG: no KVM is needed): Debian's cloud kernel, unpacked and not installed, and an
# initramfs of busybox and the programs of this host. Both are kept in CACHE.
GUEST=$CACHE/guest
GUEST_PROGRAMS=(bash nbd-client nbdinfo mkfs.ext4 e2fsck mkfs.xfs xfs_repair flock findmnt blockdev losetup
  /usr/bin/python3
  # What the scripts expect of their options, busybox does not have.
  basename cat date dirname mktemp readlink rm sleep stat sync timeout)
GUEST_MODULES=(virtio_pci virtio_blk virtio_net nbd ext4 xfs loop)

# guest_kernel: makes sure that the kernel is there; sets GUEST_ROOT, GUEST_VERSION.
guest_kernel() {
  local package
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n 1)
  [ -n "$package" ] || die "apt knows no linux-image-cloud-amd64; apt-get update?"
  GUEST_ROOT=$GUEST/$package
  GUEST_VERSION=${package#linux-image-}
  [ ! -e "$GUEST_ROOT/complete" ] || return 0
  say "unpacking a guest kernel ($package)"
  mkdir -p "$GUEST_ROOT"
  (
    cd "$GUEST_ROOT" || exit
    apt-get download "$package" >/dev/null 2>&1 || { apt-get update && apt-get download "$package"; } >/dev/null 2>&1 ||
      die "cannot download $package"
    dpkg-deb -x "$package"_*.deb .
    rm -f ./*.deb
  )
  depmod -b "$GUEST_ROOT" "$GUEST_VERSION"
  touch "$GUEST_ROOT/complete"
}

# The files of a module and of what it depends on, in the order of loading.
module_files() {
  local name=${1//_/[-_]} line
  line=$(grep -E "/$name\.ko:" "$GUEST_ROOT/lib/modules/$GUEST_VERSION/modules.dep") || return 0 # built in
  { tr ' ' '\n' <<<"${line#*:}" | tac; echo "${line%%:*}"; } | grep .
}

# guest_image: the initramfs, made when a program in it is newer. Sets GUEST_IMAGE.
guest_image() {
  local tree=$RUN/guest program path module file stamp
  stamp=$(for program in "${GUEST_PROGRAMS[@]}"; do stat -Lc '%n %Y %s' "$(command -v "$program")"; done |
    cat - "$ROOT/scripts/lib/guest.sh" | md5sum | cut -c 1-12)
  GUEST_IMAGE=$GUEST_ROOT/programs-$stamp.cpio
  [ ! -e "$GUEST_IMAGE" ] || return 0
  rm -f "$GUEST_ROOT"/programs-*.cpio
  mkdir -p "$tree"/{bin,dev,proc,sys,run,tmp,mnt,root,etc,modules,usr/{bin,sbin,lib}}
  cp /bin/busybox "$tree/bin/busybox"
  for program in $(busybox --list); do [ -e "$tree/bin/$program" ] || ln -s busybox "$tree/bin/$program"; done
  for program in "${GUEST_PROGRAMS[@]}"; do
    path=$(command -v "$program")
    rm -f "$tree/bin/${program##*/}"
    cp -L "$path" "$tree/bin/${program##*/}"
    { ldd "$path" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r file; do
      mkdir -p "$tree$(dirname "$file")"
      cp -Lu "$file" "$tree$file"
    done || true
  done
  ln -s /bin/python3 "$tree/usr/bin/python3"
  ln -s /bin/env "$tree/usr/bin/env"
  path=$("$PYTHON" -c 'import os; print(os.path.dirname(os.__file__))')
  mkdir -p "$tree$path"
  cp "$path"/*.py "$tree$path"
  cp -r "$path"/{collections,encodings,importlib,re,urllib} "$tree$path" 2>/dev/null || true
  cp --parents "$path"/lib-dynload/mmap.*.so "$tree"
  find "$tree$path" -name __pycache__ -prune -exec rm -rf {} +
  for module in "${GUEST_MODULES[@]}"; do
    for file in $(module_files "$module"); do
      [ -e "$tree/modules/${file##*/}" ] || {
        cp "$GUEST_ROOT/lib/modules/$GUEST_VERSION/$file" "$tree/modules"
        echo "${file##*/}" >>"$tree/modules/order"
      }
    done
  done
  printf 'root:x:0:0:root:/root:/bin/sh\n' >"$tree/etc/passwd"
  ln -s /proc/mounts "$tree/etc/mtab"
  (cd "$tree" && find . | cpio -o -H newc --quiet) >"$GUEST_IMAGE.new"
  mv "$GUEST_IMAGE.new" "$GUEST_IMAGE"
  rm -rf "$tree"
}

# guest_initrd SCRIPT [NAME=VALUE...]: the image with a script that is run, with those variables, by the guest's first process,
# as $RUN/initrd. Beside the script lie the programs in guest.d.
guest_initrd() {
  local script=$1 extra=$RUN/extra variable
  shift
  rm -rf "$extra"
  mkdir -p "$extra/wherry/scripts"
  cp -r "$ROOT/scripts/lib" "$ROOT/scripts/attach" "$ROOT/scripts/detach" "$extra/wherry/scripts"
  cp "$ROOT/scripts/test/guest.d/init" "$extra/init"
  cp "$ROOT"/scripts/test/guest.d/*.py "$extra"
  cp "$script" "$extra/script"
  for variable in "$@"; do printf 'export %q\n' "$variable"; done >"$extra/variables"
  (cd "$extra" && find . | cpio -o -H newc --quiet) | cat "$GUEST_IMAGE" - >"$RUN/initrd"
}

# guest_qemu MIB OPTION...: becomes (by GUEST_RUNNER) a virtual machine with that much memory, whose console goes to the first
# -serial.
guest_qemu() {
  local memory=$1
  shift
  # shellcheck disable=SC2086
  exec ${GUEST_RUNNER:-} qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$memory" -M pc -nodefaults -display none -no-reboot \
    -kernel "$GUEST_ROOT/boot/vmlinuz-$GUEST_VERSION" -initrd "$RUN/initrd" \
    -append "console=ttyS0 quiet panic=-1 edd=off rdinit=/init" "$@"
}

# in_guest SCRIPT LOG [NAME=VALUE...]: boots, runs the script with those variables and HOST (the way to this host's
# loopback) and powers off. True if the script ended well. Lines of the guest that start with PASS or FAIL are results.
in_guest() {
  local script=$1 log=$2
  shift 2
  guest_initrd "$script" HOST=10.0.2.2 "$@"
  (GUEST_RUNNER="timeout -k 5 ${GUEST_SECONDS:-180}" guest_qemu 768 -serial stdio -netdev user,id=n0 \
    -device virtio-net-pci,netdev=n0,romfile=) </dev/null 2>&1 | tr -d '\r' >"$log"
  grep -q '^GUEST ended well' "$log"
}

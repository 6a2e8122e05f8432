"""A disk with a volatile cache, for nbdkit's python plugin: what was not flushed dies with the process.

  nbdkit python forgetful.py file=PATH

The file must exist. Writes go to memory; FLUSH writes them to the file, FUA its own range.
"""

import os
import threading

import nbdkit

API_VERSION = 2
path = None
disk = -1
cache = bytearray()
unflushed = {}  # first byte -> (length), in order of writing; the data are in the cache
lock = threading.Lock()


def thread_model():
    return nbdkit.THREAD_MODEL_PARALLEL


def config(key, value):
    global path
    if key != "file":
        raise RuntimeError("unknown parameter " + key)
    path = os.path.abspath(value)


def after_fork():
    global disk, cache
    disk = os.open(path, os.O_RDWR)
    cache = bytearray(os.pread(disk, os.fstat(disk).st_size, 0))


def open(readonly):
    return 1


def get_size(h):
    return os.stat(path).st_size


def can_write(h):
    return True


def can_flush(h):
    return True


def can_fua(h):
    return nbdkit.FUA_NATIVE


def can_trim(h):
    return True


def can_zero(h):
    return True


def can_multi_conn(h):
    return True


def pread(h, buf, offset, flags):
    with lock:
        buf[:] = cache[offset : offset + len(buf)]


def change(offset, data, flags):
    with lock:
        cache[offset : offset + len(data)] = data
        if flags & nbdkit.FLAG_FUA:
            os.pwrite(disk, data, offset)
        else:
            unflushed[offset] = max(len(data), unflushed.get(offset, 0))


def pwrite(h, buf, offset, flags):
    change(offset, bytes(buf), flags)


def zero(h, count, offset, flags):
    change(offset, bytes(count), flags)


def trim(h, count, offset, flags):
    change(offset, bytes(count), flags)


def flush(h, flags):
    with lock:
        for offset, length in unflushed.items():
            os.pwrite(disk, cache[offset : offset + length], offset)
        unflushed.clear()

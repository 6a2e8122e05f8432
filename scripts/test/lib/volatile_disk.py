"""nbdkit plugin: a disk with a volatile write cache, that loses power or fails on command.

    nbdkit -t 4 python volatile_disk.py file=disk.img control=/path/socket [size=1G] [seed=1]

What is written stays in memory until a flush (or FUA, for its own range) puts it into the file. Commands are datagrams
on the control socket; each is answered when it has taken effect (send from a bound socket, see scripts/lib/datagram):

    cut all       every unflushed write is lost
    cut random    each unflushed write survives or not, by pieces of 4096 bytes
    cut torn      the same by pieces of 512 bytes
    cut none      none is lost, the disk just goes away
    power on      after a cut, until which every request fails with EIO
    fail writes | fail reads | fail nothing        EIO for those
    delay MS      each request takes so much longer
    stat          the counters, as JSON
"""
import errno
import json
import os
import random
import socket
import threading
import time

import nbdkit

API_VERSION = 2
PAGE = 4096

lock = threading.RLock()
settings = {'size': None, 'seed': 1}
durable = -1       # the file
current = -1       # what reads see: the file with the unflushed writes in it
unflushed = []     # (offset, length, bytes or None for zeroes), in order
powered = True
failing = set()
delay = 0.0
counters = dict(reads=0, writes=0, zeroes=0, trims=0, flushes=0, fua=0, cuts=0, lost=0, survived=0)
chance = random.Random(1)


def config(key, value):
    if key in ('file', 'control'):
        settings[key] = os.path.abspath(value)
    elif key == 'size':
        settings[key] = nbdkit.parse_size(value)
    elif key == 'seed':
        settings[key] = int(value)
    else:
        raise RuntimeError(f'unknown parameter {key}')


def config_complete():
    for key in ('file', 'control'):
        if key not in settings:
            raise RuntimeError(f'{key}= is needed')


def thread_model():
    return nbdkit.THREAD_MODEL_PARALLEL


def get_ready():
    global durable, chance
    durable = os.open(settings['file'], os.O_RDWR | os.O_CREAT, 0o600)
    if settings['size']:
        os.ftruncate(durable, settings['size'])
    settings['size'] = os.fstat(durable).st_size
    chance = random.Random(settings['seed'])


def after_fork():
    load()
    if os.path.exists(settings['control']):
        os.unlink(settings['control'])
    control = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    control.bind(settings['control'])
    threading.Thread(target=obey, args=(control,), daemon=True).start()


def load():
    """Makes what reads see the same as what is durable."""
    global current
    if current >= 0:
        os.close(current)
    current = os.memfd_create('current')
    os.ftruncate(current, settings['size'])
    end = 0
    while True:
        try:
            start = os.lseek(durable, end, os.SEEK_DATA)
        except OSError as e:
            if e.errno == errno.ENXIO:
                return
            raise
        end = os.lseek(durable, start, os.SEEK_HOLE)
        while start < end:
            start += os.pwrite(current, os.pread(durable, min(1 << 20, end - start), start), start)


def put(fd, offset, length, data):
    while length > 0:
        piece = min(length, 1 << 20)
        os.pwrite(fd, bytes(piece) if data is None else data[:piece], offset)
        data = None if data is None else data[piece:]
        offset += piece
        length -= piece


def cut(mode):
    global powered, unflushed
    powered = False
    counters['cuts'] += 1
    unit = 512 if mode == 'torn' else PAGE
    for offset, length, data in unflushed:
        done = 0
        while done < length:
            piece = min(length - done, unit - (offset + done) % unit)
            if mode == 'none' or (mode in ('random', 'torn') and chance.random() < 0.5):
                put(durable, offset + done, piece, None if data is None else data[done:done + piece])
                counters['survived'] += piece
            else:
                counters['lost'] += piece
            done += piece
    unflushed = []
    load()


def obey(control):
    global powered, failing, delay
    while True:
        message, sender = control.recvfrom(200)
        words = message.decode().split()
        answer = 'ok'
        with lock:
            if words[0] == 'cut' and words[1] in ('all', 'random', 'torn', 'none'):
                cut(words[1])
            elif words == ['power', 'on']:
                powered = True
            elif words[0] == 'fail':
                failing = set(words[1:]) - {'nothing'}
            elif words[0] == 'delay':
                delay = float(words[1]) / 1000
            elif words == ['stat']:
                answer = json.dumps(dict(counters, unflushed=len(unflushed), powered=powered))
            else:
                answer = 'unknown command'
        if sender:
            control.sendto(answer.encode(), sender)


def require(what):
    if delay:
        time.sleep(delay)
    if not powered or what in failing:
        nbdkit.set_error(errno.EIO)
        raise RuntimeError('no power' if not powered else f'{what} fail as ordered')


def change(offset, length, data, flags):
    global unflushed
    with lock:
        require('writes')
        put(current, offset, length, data)
        if not flags & nbdkit.FLAG_FUA:
            unflushed.append((offset, length, data))
            return
        counters['fua'] += 1
        put(durable, offset, length, data)
        os.fdatasync(durable)
        # Older writes to this range must not survive on top of it.
        rest = []
        for o, n, d in unflushed:
            if o < offset:
                head = min(n, offset - o)
                rest.append((o, head, None if d is None else d[:head]))
            if o + n > offset + length:
                skip = max(0, offset + length - o)
                rest.append((o + skip, n - skip, None if d is None else d[skip:]))
        unflushed = rest


def open(readonly):
    return 1


def get_size(h):
    return settings['size']


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
        require('reads')
        counters['reads'] += 1
        buf[:] = os.pread(current, len(buf), offset)


def pwrite(h, buf, offset, flags):
    counters['writes'] += 1
    change(offset, len(buf), bytes(buf), flags)


def zero(h, count, offset, flags):
    counters['zeroes'] += 1
    change(offset, count, None, flags)


def trim(h, count, offset, flags):
    counters['trims'] += 1
    change(offset, count, None, flags)


def flush(h, flags):
    global unflushed
    with lock:
        require('writes')
        counters['flushes'] += 1
        for offset, length, data in unflushed:
            put(durable, offset, length, data)
        unflushed = []
        os.fdatasync(durable)

"""What is measured of a move, one class per line of the table. Each yields rows: title, figure, bar, met, and the numbers."""
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time

import nbd
from lines import Line as Load
from servers import ROOT

MIB = 1 << 20
HERE = os.path.dirname(os.path.abspath(__file__))
BLOCK = 4096


def row(title, figure, bar, met, **numbers):
    return dict(title=title, figure=figure, bar=bar, met=bool(met), **numbers)


def percentile(values, p):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * p / 100))]


def iops(load, uri, seconds, length):
    done = subprocess.run(load.fio(uri, seconds, length), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=seconds * 10 + 120)
    if done.returncode:
        raise RuntimeError(f'fio: {done.stderr.strip() or done.stdout[-300:]}')
    job = json.loads(done.stdout[done.stdout.index('{'):])['jobs'][0]
    return job['write' if load.writes else 'read']['iops']


def connect(uri):
    h = nbd.NBD()
    h.connect_uri(uri)
    return h


class Writer:
    """A host that writes at QD1 (qd1_writer.py), in a process of its own."""

    def __init__(self, uri, span):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, 'qd1_writer.py'), uri, str(span)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != 'writing\n':
            raise RuntimeError('the writer does not start')

    def end(self):
        """[(when it began, seconds that it took)], the slowest of every few milliseconds."""
        written, _ = self.process.communicate(timeout=120)
        if self.process.returncode:
            raise RuntimeError('the writer failed')
        return json.loads(written)


class OnBoth:
    def on(self, path):
        return True


class OnShaped:
    def on(self, path):
        return path.shaped


class OnLoopback:
    def on(self, path):
        return not path.shaped


class HandOver(OnBoth):
    """The longest that a host at QD1 waits around a hand-over, many times to and fro."""

    SETTLE = 0.2  # seconds after the answer that still count

    def __init__(self, sparse):
        self.sparse = sparse

    def __call__(self, cluster, a):
        if self.sparse:
            length, title = 4 << 40, 'stall at hand-over, sparse 4 TiB'
            unflushed = 0
        else:
            length = min(a.size, 1 << 30)
            unflushed = length // 4
            title = f'stall at hand-over, {length >> 20} MiB, {unflushed >> 20} MiB unflushed'
        suid = cluster.shared(size=length)
        span = min(length, 64 * MIB)
        writer = Writer(cluster.a.uri(suid), span)
        windows, quiet, told = [], [], []
        try:
            owner, other = cluster.a, cluster.b
            for _ in range(a.handovers):
                if unflushed:
                    self.dirty(owner.uri(suid), length, unflushed)
                began = time.monotonic()
                time.sleep(0.3)
                quiet.append((began, time.monotonic()))
                began = time.monotonic()
                other.activate(suid)
                windows.append((began, time.monotonic() + self.SETTLE))
                told.append(other.volume(suid)['handover']['stallMillis'])
                time.sleep(self.SETTLE + 0.1)
                owner, other = other, owner
        finally:
            written = writer.end()
        stalls = [self.longest(written, window) for window in windows]
        own = max(self.longest(written, window) for window in quiet)
        median, worst = statistics.median(stalls), max(stalls)
        numbers = dict(stallsMs=stalls, ownWorstMs=own, toldMs=told)
        figure = f'median {median:.1f}, worst {worst:.1f} ms'
        if cluster.path.shaped:
            most = 3 * cluster.path.round_trip
            yield row(title, figure, f'worst <= {most} ms (3 round trips)', worst <= most, **numbers)
        else:
            most = max(50, 3 * own)
            yield row(title, figure, f'median <= 5, worst <= {most:.0f} ms', median <= 5 and worst <= most, **numbers)

    @staticmethod
    def longest(written, window):
        """Milliseconds, of the writes that were under way in the window."""
        begin, end = window
        return max((took * 1000 for at, took in written if at <= end and at + took >= begin), default=0.0)

    @staticmethod
    def dirty(uri, length, unflushed):
        h = connect(uri)
        data = os.urandom(MIB)
        for _ in range(unflushed // MIB):
            h.pwrite(data, random.randrange(length // MIB) * MIB)
        h.shutdown()


class Move(OnBoth):
    """How fast what cannot be compressed moves, against nbdcopy between two nbdkits."""

    def __call__(self, cluster, a):
        peer = self.nbdcopy(cluster, a)
        suid = cluster.shared(backing=a.image)
        began = time.monotonic()
        cluster.b.activate(suid)
        cluster.b.wait_whole(suid, 60 + a.size / MIB)
        ours = time.monotonic() - began
        ratio, bar = peer / ours, 0.85 if cluster.path.shaped else 0.8
        yield row(f'move of {a.size >> 20} MiB, to nbdcopy --flush', f'{ratio:.2f} ({a.size / MIB / ours:.0f} MiB/s)', f'>= {bar}',
                  ratio >= bar, ratio=ratio, seconds=ours, peerSeconds=peer)

    @staticmethod
    def nbdcopy(cluster, a):
        target = os.path.join(cluster.directory, 'copy')
        with open(target, 'wb') as f:
            f.truncate(a.size)
        source, destination = cluster.nbdkit('a', a.image, tcp=True), cluster.nbdkit('b', target, tcp=False)
        began = time.monotonic()
        cluster.run('b', 'nbdcopy', '--flush', source, destination)
        took = time.monotonic() - began
        cluster.end_others()
        os.unlink(target)
        return took


class SparseMove(OnBoth):
    """4 TiB with little data against as much data in a volume that has no more."""

    PIECES = 64

    def __call__(self, cluster, a):
        data = min(a.size, 1 << 30)
        dense = self.move(cluster, self.image(cluster, 'dense', data, data))
        sparse = self.move(cluster, self.image(cluster, 'sparse', 4 << 40, data))
        ratio = sparse / dense
        yield row(f'4 TiB sparse with {data >> 20} MiB moves like {data >> 20} MiB', f'{ratio:.2f} times as long ({sparse:.1f} s)',
                  '<= 1.25 times, or 0.5 s more', ratio <= 1.25 or sparse - dense <= 0.5, sparseSeconds=sparse,
                  denseSeconds=dense)

    def image(self, cluster, name, length, data):
        path = os.path.join(cluster.directory, name)
        piece = data // self.PIECES
        with open(path, 'wb') as f:
            f.truncate(length)
            for i in range(self.PIECES):
                f.seek(length // self.PIECES * i)
                f.write(os.urandom(piece))
            f.flush()
            os.fsync(f.fileno())
        return path

    @staticmethod
    def move(cluster, image):
        suid = cluster.shared(backing=image)
        began = time.monotonic()
        cluster.b.activate(suid)
        cluster.b.wait_whole(suid, 600)
        took = time.monotonic() - began
        cluster.forget()
        os.unlink(image)
        return took


class OnDemand(OnShaped):
    """A read of what is not here, while all the rest is on its way."""

    READS = 200

    def __call__(self, cluster, a):
        suid = cluster.shared(read='redirect', backing=a.image)
        cluster.b.activate(suid)
        idle = self.reads(cluster, suid, a.size, lambda: True)
        cluster.forget()
        suid = cluster.shared(read='move', backing=a.image)
        cluster.b.activate(suid)
        total = a.size // BLOCK
        moving = self.reads(cluster, suid, a.size, lambda: cluster.b.volume(suid)['blocks']['here'] < total * 0.6)
        median = statistics.median(moving) - statistics.median(idle)
        tail = percentile(moving, 99) - percentile(idle, 99)
        yield row(f'on-demand read in a move, above the idle path ({len(moving)} reads)',
                  f'median {median:+.1f}, p99 {tail:+.1f} ms', 'median <= 5, p99 <= 20 ms', median <= 5 and tail <= 20,
                  idleMs=idle, movingMs=moving)

    def reads(self, cluster, suid, length, go_on):
        """Milliseconds of each. In the last quarter: the move comes there last. No two within a megabyte: nothing is read ahead."""
        h = connect(cluster.b.uri(suid))
        first = length * 3 // 4 // MIB
        places = list(range(first, length // MIB))
        random.Random(1).shuffle(places)
        took = []
        for i in range(self.READS):
            if i % 10 == 0 and not go_on():
                break
            place = places[i % len(places)] * MIB + i // len(places) * BLOCK * 16
            began = time.monotonic()
            h.pread(BLOCK, place)
            took.append((time.monotonic() - began) * 1000)
        h.shutdown()
        if not took:
            raise RuntimeError('the move was over before the first read')
        return took


class Foreground(OnBoth):
    """Reads of what is here, while the rest comes."""

    LOAD = Load('foreground', 'randread', '4k', 16)

    def __call__(self, cluster, a):
        suid = cluster.shared(backing=a.image)
        uri = cluster.b.uri(suid)
        span = min(256 * MIB, a.size // 16)
        cluster.b.activate(suid)
        h = connect(uri)
        for offset in range(0, span, MIB):
            h.pread(MIB, offset)
        h.shutdown()
        # Java compiles what hosts use once; that is no part of what the move costs them.
        iops(self.LOAD, uri, a.seconds, span)
        before, began = cluster.b.volume(suid)['blocks'], time.monotonic()
        during = iops(self.LOAD, uri, a.seconds, span)
        after, took = cluster.b.volume(suid)['blocks'], time.monotonic() - began
        rate = (after['here'] - before['here']) * BLOCK / took / 1e6
        over = after['here'] == after['total']
        cluster.b.wait_whole(suid, 60 + a.size / MIB)
        without = iops(self.LOAD, uri, a.seconds, span)
        least = 20 if not cluster.path.shaped else min(20, cluster.path.rate / 8 / 5)
        ratio = during / without
        yield row('4k random reads of what is here, in a move to without',
                  f'{ratio:.2f} ({during / 1000:.1f} k), move {rate:.0f} MB/s' + (', over' if over else ''),
                  f'>= 0.8, move >= {least:.0f} MB/s', ratio >= 0.8 and (rate >= least or over), during=during, without=without,
                  moveMegabytesPerSecond=rate, moveWasOver=over)


class Writes(OnBoth):
    """Whole blocks, with fsync, on a volume of which nothing is here, against a plain local one."""

    LOAD = Load('writes', 'randwrite', '4k', 32, fsync=32)

    def __call__(self, cluster, a):
        span = min(1 << 30, a.size)
        plain_suid = cluster.new_suid()
        cluster.b.create(plain_suid, size=a.size)
        suid = cluster.shared(read='redirect', backing=a.image)
        cluster.b.activate(suid)
        ratios = []
        for _ in range(3):
            plain = iops(self.LOAD, cluster.b.uri(plain_suid), a.seconds, span)
            ratios.append(iops(self.LOAD, cluster.b.uri(suid), a.seconds, span) / plain)
        ratio = statistics.median(ratios)
        yield row('4k random write QD32, fsync every 32, nothing here, to local', f'{ratio:.2f} (local {plain / 1000:.1f} k)',
                  '>= 0.5', ratio >= 0.5, ratios=ratios, localIops=plain)


class PlainAfterwards(OnLoopback):
    """When all is here, committed and released, the handler is the plain local one."""

    def __call__(self, cluster, a):
        plain = cluster.new_suid()
        cluster.b.create(plain, size=64 * MIB)
        suid = cluster.shared(size=64 * MIB)
        cluster.b.activate(suid)
        cluster.b.wait_whole(suid, 60)
        cluster.a.call('POST', f'volumes/{suid}/release', {})
        end = time.monotonic() + 10
        wanted = cluster.b.volume(plain)['handler']
        while (is_now := cluster.b.volume(suid)['handler']) != wanted and time.monotonic() < end:
            time.sleep(0.1)
        yield row('the handler after the release', str(is_now), f'{wanted}, as a plain volume has', is_now == wanted)


class Map(OnLoopback):
    """What the block map costs, by its own benchmark: it says `NAME VALUE UNIT`, one line each."""

    BARS = (('memory', 0.4, 'MB per million blocks'), ('lookup', 100, 'ns a look-up'), ('open', 2, 's to open 64 TiB at 64 KiB'))

    def __call__(self, cluster, a):
        done = subprocess.run([os.path.join(HERE, 'map_figures'), cluster.directory, '16' if a.quick else '64'], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, timeout=600, cwd=ROOT)
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-300:])
        figures = dict(re.findall(r'^(\w+) ([0-9.]+)', done.stdout, re.M))
        for name, bar, unit in self.BARS:
            value = float(figures[name])
            yield row(f'block map: {unit}', f'{value:.3g}', f'<= {bar}', value <= bar, value=value)


LINES = (
    ('hand-over', HandOver(sparse=False)),
    ('hand-over-sparse', HandOver(sparse=True)),
    ('move', Move()),
    ('move-sparse', SparseMove()),
    ('on-demand', OnDemand()),
    ('foreground', Foreground()),
    ('writes', Writes()),
    ('plain', PlainAfterwards()),
    ('map', Map()),
)

"""Load on an NBD export that remembers what was answered: requests, the loop that sends them, and what is wrong."""
import errno
import json
import random
import select
import time

import nbd
from writer_model import GRAIN, Model, pattern

MAX_GRAINS = 16


class Disconnected(Exception):
    pass


class Wrong(Exception):
    pass


def say(*words):
    print(*words, flush=True)


class Writer:
    def __init__(self, args):
        self.args = args
        self.random = random.Random(args.seed)
        self.model = Model()
        self.grains = args.span * (1 << 20) // GRAIN
        self.sequence = 0
        self.busy = set()
        self.in_flight = 0
        self.unflushed = 0
        self.handles = []
        self.problem = None
        self.failed = 0
        self.cutting = False
        self.stalled = False
        self.counts = dict(writes=0, zeroes=0, trims=0, flushes=0, fua=0, reads=0, acknowledged=0, reconnects=0,
                           verified=0, errors=0, longest_ms=0)

    # --- connection -------------------------------------------------------------------------------------------------
    def connect(self, seconds):
        end = time.monotonic() + seconds
        while True:
            handles = []
            try:
                for _ in range(self.args.connections):
                    h = nbd.NBD()
                    h.set_handshake_flags(nbd.HANDSHAKE_FLAG_MASK)
                    h.connect_uri(self.args.uri)
                    handles.append(h)
                break
            except nbd.Error as e:
                if time.monotonic() > end:
                    raise Wrong(f'cannot connect within {seconds} s: {e.string}') from e
                time.sleep(0.05)
        self.handles = handles
        h = handles[0]
        if h.get_size() < self.grains * GRAIN:
            raise Wrong(f'the export has {h.get_size()} bytes, fewer than {self.grains * GRAIN}')
        if len(handles) > 1 and not h.can_multi_conn():
            raise Wrong('several connections were asked for and the server does not offer CAN_MULTI_CONN')
        self.can_fua = h.can_fua() and self.args.flush_every > 0
        self.can_zero = h.can_zero()
        self.can_trim = h.can_trim()

    def disconnect(self):
        for h in self.handles:
            del h
        self.handles = []
        self.busy.clear()
        self.in_flight = 0

    # --- requests ---------------------------------------------------------------------------------------------------
    def free_range(self):
        for _ in range(32):
            n = self.random.choice((1, 1, 1, 1, 2, 4, MAX_GRAINS))
            first = self.random.randrange(self.grains - n + 1)
            grains = range(first, first + n)
            if not any(g in self.busy for g in grains):
                return grains
        return None

    def issue(self):
        h = self.random.choice(self.handles)
        if self.args.flush_every and self.unflushed >= self.args.flush_every:
            self.unflushed = 0
            self.issue_flush(h)
            return True
        grains = self.free_range()
        if grains is None:
            return False
        kind = self.random.random()
        if kind < 0.15:
            self.issue_read(h, grains)
        elif kind < 0.22 and self.can_zero:
            self.issue_zero(h, grains)
        elif kind < 0.25 and self.can_trim:
            self.issue_trim(h, grains)
        else:
            self.issue_write(h, grains)
        return True

    def started(self, h, grains):
        self.in_flight += 1
        self.busy.update(grains)
        return time.monotonic()

    def answered(self, h, grains, since, error):
        self.in_flight -= 1
        self.busy.difference_update(grains)
        if error:
            self.failed = error
            return False
        self.counts['acknowledged'] += 1
        self.counts['longest_ms'] = max(self.counts['longest_ms'], round((time.monotonic() - since) * 1000))
        return True

    def issue_write(self, h, grains):
        self.sequence += 1
        data = bytearray(b''.join(pattern(g, self.sequence) for g in grains))
        fua = self.can_fua and self.random.random() < 0.05
        entry = self.model.issue(grains, self.sequence)
        since = self.started(h, grains)
        buffer = nbd.Buffer.from_bytearray(data)

        def done(error):
            if self.answered(h, grains, since, error.value):
                self.model.done(grains, entry, durable=fua)
                self.counts['writes'] += 1
                self.counts['fua'] += fua
                self.unflushed += 1
            return 1

        h.aio_pwrite(buffer, grains[0] * GRAIN, completion=done, flags=nbd.CMD_FLAG_FUA if fua else 0)

    def issue_zero(self, h, grains):
        entry = self.model.issue(grains, 0)
        since = self.started(h, grains)

        def done(error):
            if self.answered(h, grains, since, error.value):
                self.model.done(grains, entry)
                self.counts['zeroes'] += 1
            return 1

        flags = nbd.CMD_FLAG_NO_HOLE if self.random.random() < 0.5 else 0
        h.aio_zero(len(grains) * GRAIN, grains[0] * GRAIN, completion=done, flags=flags)

    def issue_trim(self, h, grains):
        self.model.issue(grains, 0)  # never "done": what a trim leaves is the server's choice, until it is read
        since = self.started(h, grains)

        def done(error):
            if self.answered(h, grains, since, error.value):
                self.counts['trims'] += 1
            return 1

        h.aio_trim(len(grains) * GRAIN, grains[0] * GRAIN, completion=done)

    def issue_flush(self, h):
        tick = self.model.tick
        since = self.started(h, ())

        def done(error):
            if self.answered(h, (), since, error.value):
                self.model.flushed(tick)
                self.counts['flushes'] += 1
            return 1

        h.aio_flush(completion=done)

    def issue_read(self, h, grains):
        buffer = nbd.Buffer(len(grains) * GRAIN)
        since = self.started(h, grains)

        def done(error):
            if self.answered(h, grains, since, error.value):
                self.counts['reads'] += 1
                self.compare(grains, buffer.to_bytearray(), False)
            return 1

        h.aio_pread(buffer, grains[0] * GRAIN, completion=done)

    def compare(self, grains, data, power_cut):
        data = bytes(data)
        for i, g in enumerate(grains):
            wrong = self.model.check(g, data[i * GRAIN:(i + 1) * GRAIN], power_cut)
            if wrong:
                self.counts['errors'] += 1
                if self.counts['errors'] <= 10:
                    say('wrong', wrong)

    # --- the loop ---------------------------------------------------------------------------------------------------
    def turn(self, issuing):
        """Issues what there is room for, and waits for an answer of any connection (at most a second)."""
        try:
            while issuing and self.in_flight < self.args.depth and self.issue():
                pass
            poll = select.poll()
            by_fd = {}
            for h in self.handles:
                wanted = 0
                direction = h.aio_get_direction()
                if direction & nbd.AIO_DIRECTION_READ:
                    wanted |= select.POLLIN
                if direction & nbd.AIO_DIRECTION_WRITE:
                    wanted |= select.POLLOUT
                by_fd[h.aio_get_fd()] = h
                poll.register(h.aio_get_fd(), wanted)
            events = poll.poll(1000)
            for fd, event in events:
                h = by_fd[fd]
                direction = h.aio_get_direction()
                if direction & nbd.AIO_DIRECTION_READ and event & (select.POLLIN | select.POLLHUP | select.POLLERR):
                    h.aio_notify_read()
                elif direction & nbd.AIO_DIRECTION_WRITE and event & (select.POLLOUT | select.POLLHUP | select.POLLERR):
                    h.aio_notify_write()
            if any(h.aio_is_dead() or h.aio_is_closed() for h in self.handles):
                raise Disconnected()
        except nbd.Error as e:
            self.failed = 0
            raise Disconnected() from e
        if self.failed:
            error, self.failed = self.failed, 0
            if not (self.cutting and self.args.lost == 'unflushed'):
                raise Wrong(f'a request failed: {errno.errorcode.get(error, error)}')
            self.stalled = True  # the disk below is dead; the server is next

    def run_until(self, acknowledged, seconds):
        end = time.monotonic() + seconds
        while self.counts['acknowledged'] < acknowledged:
            if time.monotonic() > end:
                raise Wrong(f'no progress: {self.in_flight} requests unanswered after {seconds} s')
            self.turn(True)

    def run_until_lost(self, seconds):
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self.turn(not self.stalled)
        except Disconnected:
            return
        raise Wrong(f'the connection was not lost within {seconds} s')

    def drain(self, seconds):
        end = time.monotonic() + seconds
        while self.in_flight:
            if time.monotonic() > end:
                raise Wrong(f'{self.in_flight} requests unanswered after {seconds} s')
            self.turn(False)

    def verify(self, power_cut):
        errors = self.counts['errors']
        h = self.handles[0]
        step = (1 << 20) // GRAIN
        for first in range(0, self.grains, step):
            grains = range(first, min(first + step, self.grains))
            self.compare(grains, h.pread(len(grains) * GRAIN, first * GRAIN), power_cut)
        if self.counts['errors'] > errors:
            raise Wrong(f"{self.counts['errors'] - errors} grains of {self.grains} are wrong")
        self.counts['verified'] += self.grains

    def reconnect(self, power_cut):
        self.disconnect()
        self.cutting = False
        self.stalled = False
        self.failed = 0
        self.connect(self.args.reconnect)
        self.counts['reconnects'] += 1
        self.verify(power_cut)

    def round(self, number):
        low, high = (int(x) for x in self.args.acks.split(':'))
        wanted = self.counts['acknowledged'] + self.random.randint(low, high)
        try:
            self.run_until(wanted, self.args.patience)
            say('cut', number)
            if self.args.lost == 'never':
                return
            self.cutting = True
            self.run_until_lost(self.args.patience)
        except Disconnected as e:
            if self.args.lost == 'never':
                raise Wrong('the connection was lost') from e
        self.reconnect(self.args.lost == 'unflushed')
        say('verified', number, f"{self.counts['acknowledged']} requests answered so far")

    def finish(self):
        self.run_until(self.counts['acknowledged'] + 500, self.args.patience)
        self.drain(self.args.patience)
        self.handles[0].flush()
        self.model.flushed(self.model.tick)
        self.verify(False)

    def run(self):
        try:
            self.connect(self.args.reconnect)
            self.verify(False)
            for number in range(1, self.args.rounds + 1):
                self.round(number)
            self.finish()
        except Disconnected:
            self.problem = 'the connection was lost'
        except (Wrong, nbd.Error) as e:
            self.problem = str(e)
        if self.counts['errors'] and not self.problem:
            self.problem = f"{self.counts['errors']} wrong grains were read"
        say('end', json.dumps(dict(ok=self.problem is None, problem=self.problem, **self.counts)))
        return 0 if self.problem is None else 1

"""What a disk must hold after writes, flushes, kills and power cuts.

The disk is looked at in grains of 4 KiB. A value of a grain is 0 (zeroes), a sequence number (the pattern that was
written under that number, different in every sector of every grain) or raw bytes (what a torn write left).

Per grain the model keeps what is durable, and behind it the later writes in the order of their issue: each either
answered ("done", with the tick at which it was) or not ("maybe": lost in flight, failed, or a trim, whose result is
undefined until it is read). From that follows what a read may return:

  * normally      the last answered write, or any "maybe" after it
  * after a kill  the same: an acknowledged write is never lost by the death of the server
  * after a cut   the durable value, or any later write, or a mixture of those at the grain of a sector
"""
import struct

GRAIN = 4096
SECTOR = 512
ZEROES = bytes(GRAIN)


def pattern(grain, value):
    """The 4,096 bytes that stand for a value."""
    if value == 0:
        return ZEROES
    if isinstance(value, bytes):
        return value
    return b''.join(struct.pack('<IIQ', grain, sector, value) * (SECTOR // 16) for sector in range(GRAIN // SECTOR))


class Entry:
    """One write to one or more grains. done: the tick of its answer, or None."""

    __slots__ = ('value', 'done')

    def __init__(self, value):
        self.value = value
        self.done = None


class Model:
    def __init__(self):
        self.tick = 0
        self.durable = {}
        self.later = {}

    def issue(self, grains, value):
        entry = Entry(value)
        for g in grains:
            self.later.setdefault(g, []).append(entry)
        return entry

    def done(self, grains, entry, durable=False):
        self.tick += 1
        entry.done = self.tick
        if durable:
            for g in grains:
                self._settle(g, self.tick)

    def flushed(self, since):
        """A flush that was sent at tick `since` has been answered."""
        for g in list(self.later):
            self._settle(g, since)

    def _settle(self, g, since):
        entries = self.later.get(g, [])
        for i in range(len(entries) - 1, -1, -1):
            if entries[i].done is not None and entries[i].done <= since:
                self.durable[g] = entries[i].value
                del entries[: i + 1]
                break
        if not entries:
            self.later.pop(g, None)

    def visible(self, g):
        """The values that a read may return while nothing has been lost, the answered one first."""
        allowed = [self.durable.get(g, 0)]
        for e in self.later.get(g, ()):
            if e.done is not None:
                allowed = [e.value]
            else:
                allowed.append(e.value)
        return allowed

    def surviving(self, g):
        """The values that may be there after a power cut."""
        return [self.durable.get(g, 0)] + [e.value for e in self.later.get(g, ())]

    def check(self, g, data, power_cut):
        """Returns None and remembers what was read, or says what is wrong with it."""
        allowed = self.surviving(g) if power_cut else self.visible(g)
        value = next((v for v in allowed if data == pattern(g, v)), None)
        if value is None and len(allowed) > 1 and _mixture(g, data, allowed, SECTOR if power_cut else 1):
            value = data
        if value is None:
            return f'grain {g} (offset {g * GRAIN}): expected {_names(allowed)}, found {_name(g, data)}'
        if power_cut:
            self.later.pop(g, None)
            self.durable[g] = value
        elif value != allowed[0] or len(allowed) > 1:
            # From now on this is what it holds: a later read may not return another of the possible values.
            self.done([g], self.issue([g], value))
        return None


def _mixture(g, data, allowed, unit):
    sources = [pattern(g, v) for v in allowed]
    return all(
        any(data[i:i + unit] == s[i:i + unit] for s in sources)
        for i in range(0, GRAIN, unit)
    )


def _names(values):
    return ' or '.join('torn bytes' if isinstance(v, bytes) else f'#{v}' for v in values[:6])


def _name(g, data):
    if data == ZEROES:
        return 'zeroes (#0)'
    grain, sector, value = struct.unpack_from('<IIQ', data)
    if grain == g and sector == 0 and data == pattern(g, value):
        return f'#{value}'
    return 'bytes ' + data[:16].hex() + '…'

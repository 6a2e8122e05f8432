"""Runs in a guest: writes numbered blocks to a disk, past the caches, reads them back, and says what it finds.

usage: write_and_verify.py DEVICE CONTROL      until a line comes from CONTROL (a serial line)

Four threads, each with blocks of its own. A block of 4 KiB says in every 16 bytes whose it is and which write it was; a
read must find exactly the last one. On stdout:
    WV ops=N errors=N wrong=N longest=MS       five times a second
    WV ERROR … / WV WRONG …                    as they come
    WV END PASS|FAIL ops=N …                   the last line, after every block was read once more
"""
import mmap
import os
import struct
import sys
import threading
import time

BLOCK = 4096
THREADS = 4
BLOCKS = 512  # of each thread
SYNC_EVERY = 64

counts = dict(ops=0, errors=0, wrong=0)
longest = 0.0
stopping = threading.Event()


def content(thread, block, sequence):
    return struct.pack('<IIQ', thread, block, sequence) * (BLOCK // 16)


class Worker(threading.Thread):
    def __init__(self, fd, number):
        super().__init__()
        self.fd = fd
        self.number = number
        self.sequences = [0] * BLOCKS
        self.buffer = mmap.mmap(-1, BLOCK)  # aligned, as O_DIRECT wants it
        self.chance = number * 7919 + 1

    def offset(self, block):
        return (self.number * BLOCKS + block) * BLOCK

    def check(self, block):
        os.preadv(self.fd, [self.buffer], self.offset(block))
        sequence = self.sequences[block]
        if sequence and self.buffer[:] != content(self.number, block, sequence):
            counts['wrong'] += 1
            print(f'WV WRONG thread {self.number} block {block}: wanted write {sequence}, found '
                  f'{struct.unpack_from("<IIQ", self.buffer)}', flush=True)

    def write(self, block):
        sequence = self.sequences[block] + 1
        self.buffer[:] = content(self.number, block, sequence)
        os.pwritev(self.fd, [self.buffer], self.offset(block))
        self.sequences[block] = sequence

    def run(self):
        global longest
        done = 0
        while not stopping.is_set():
            self.chance = (self.chance * 1103515245 + 12345) & 0x7FFFFFFF
            block = (self.chance >> 8) % BLOCKS
            began = time.monotonic()
            try:
                if self.chance & 16:
                    self.write(block)
                else:
                    self.check(block)
                done += 1
                if done % SYNC_EVERY == 0:
                    os.fdatasync(self.fd)
            except OSError as e:
                counts['errors'] += 1
                print(f'WV ERROR {e}', flush=True)
            longest = max(longest, time.monotonic() - began)
            counts['ops'] += 1
        for block in range(BLOCKS):
            self.check(block)


def state():
    return ' '.join(f'{k}={v}' for k, v in counts.items()) + f' longest={longest * 1000:.0f}'


def main():
    fd = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
    workers = [Worker(fd, number) for number in range(THREADS)]
    for w in workers:
        w.start()

    def wait_for_the_end():
        with open(sys.argv[2], 'rb', buffering=0) as control:
            control.readline()
        stopping.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    while not stopping.wait(0.2):
        print('WV', state(), flush=True)
    for w in workers:
        w.join()
    print('WV END', 'FAIL' if counts['errors'] or counts['wrong'] else 'PASS', state(), flush=True)


main()

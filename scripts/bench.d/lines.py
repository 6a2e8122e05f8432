"""What is measured, and what is wanted of it."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    name: str
    rw: str
    block: str
    depth: int
    connections: int = 1
    fsync: int = 0
    wanted: float = 0.95  # the least ratio to the best peer

    @property
    def title(self):
        kind = {'randread': 'random read', 'randwrite': 'random write', 'read': 'sequential read',
                'write': 'sequential write'}[self.rw]
        more = f', {self.connections} connections' if self.connections > 1 else ''
        return f'{self.block} {kind} QD{self.depth}{more}' + (f', fsync every {self.fsync}' if self.fsync else '')

    @property
    def writes(self):
        return 'write' in self.rw

    def fio(self, uri, seconds, size):
        """The command line. Each connection has the whole queue depth."""
        arguments = ['fio', f'--name={self.name}', '--ioengine=nbd', f'--uri={uri}', f'--rw={self.rw}',
                     f'--bs={self.block}', f'--iodepth={self.depth}', f'--numjobs={self.connections}', f'--size={size}',
                     '--time_based', f'--runtime={seconds}', '--norandommap', '--randrepeat=1', '--group_reporting',
                     '--output-format=json']
        return arguments + ([f'--fsync={self.fsync}'] if self.fsync else [])


LINES = (
    Line('4k-read-qd1', 'randread', '4k', 1, wanted=0.8),
    Line('4k-write-qd1', 'randwrite', '4k', 1, wanted=0.8),
    Line('4k-read-qd32', 'randread', '4k', 32, wanted=1.3),
    Line('4k-write-qd32', 'randwrite', '4k', 32, wanted=1.1),
    Line('4k-read-qd1-x4', 'randread', '4k', 1, connections=4, wanted=0.8),
    Line('4k-write-qd1-x4', 'randwrite', '4k', 1, connections=4, wanted=0.8),
    Line('4k-read-qd32-x4', 'randread', '4k', 32, connections=4, wanted=1.3),
    Line('4k-write-qd32-x4', 'randwrite', '4k', 32, connections=4, wanted=1.1),
    Line('128k-read', 'read', '128k', 16),
    Line('128k-write', 'write', '128k', 16),
    Line('1m-read', 'read', '1m', 8),
    Line('1m-write', 'write', '1m', 8),
    Line('4k-write-fsync32', 'randwrite', '4k', 32, fsync=32),
)

TLS_LINES = ('4k-read-qd32', '4k-write-qd32', '1m-read', '1m-write')
QUICK_LINES = ('4k-read-qd1', '4k-read-qd32', '4k-write-qd32', '128k-read', '1m-write')

CPU_WANTED = 0.8  # the most CPU per request, as a ratio to the best peer

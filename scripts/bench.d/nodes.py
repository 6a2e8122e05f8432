"""Two nodes of this machine against the bars of a move: joined by the loopback device, and by a shaped path.

Each line prints what was measured, the bar, and whether it is met. Where the bar is a ratio, the two are measured in turn on
the same path: the machine drifts. Results go to target/bench/nodes.json.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import moves
import nbd
from bench import LOAD_LIMIT, refuse_when_loaded
from cluster import PATHS, Cluster, Refused
from servers import ROOT

MIB = 1 << 20


def size(text):
    unit = {'M': MIB, 'G': MIB << 10}.get(text[-1:].upper())
    return int(text[:-1]) * unit if unit else int(text)


def options():
    names = [name for name, _ in moves.LINES]
    p = argparse.ArgumentParser(prog='bench --nodes', description=__doc__, epilog='lines: ' + ' '.join(names),
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--nodes', action='store_true', help=argparse.SUPPRESS)
    p.add_argument('--quick', action='store_true', help='small and few: shows that it runs, the figures mean little')
    p.add_argument('--size', type=size, help='of what is moved; default 4G, with --quick 64M')
    p.add_argument('--handovers', type=int, help='default 50, with --quick 4')
    p.add_argument('--seconds', type=int, help='of each load; default 5, with --quick 1')
    p.add_argument('--paths', default=','.join(path.name for path in PATHS), help='default %(default)s')
    p.add_argument('--lines', help='comma-separated names; default all')
    p.add_argument('--output', default=os.path.join(ROOT, 'target', 'bench'), help='default target/bench')
    p.add_argument('--wait', type=int, default=0, metavar='SECONDS', help='for the load to fall, before refusing')
    p.add_argument('--force', action='store_true', help=f'also when the load is above {LOAD_LIMIT}')
    a = p.parse_args()
    a.size = a.size or (64 * MIB if a.quick else 4096 * MIB)
    a.handovers = a.handovers or (4 if a.quick else 50)
    a.seconds = a.seconds or (1 if a.quick else 5)
    a.chosen = a.lines.split(',') if a.lines else names
    unknown = [n for n in a.chosen if n not in names]
    if unknown:
        p.error(f'no line {unknown[0]}; there are {", ".join(names)}')
    chosen = a.paths.split(',')
    a.paths = [path for path in PATHS if path.name in chosen]
    if len(a.paths) != len(chosen):
        p.error(f'no such path in {",".join(chosen)}; there are {", ".join(path.name for path in PATHS)}')
    return a


def refuse_without_room(a):
    """What is moved is there at a, at b, and once more for the peer."""
    wanted = 4 * a.size + (2 << 30)
    free = shutil.disk_usage(a.output).free
    if free < wanted:
        sys.exit(f'bench: {a.output} has {free >> 20} MiB free; moving {a.size >> 20} MiB wants {wanted >> 20} (see --size)')


def random_file(path, length):
    with open(path, 'wb') as f:
        for _ in range(length // MIB):
            f.write(os.urandom(MIB))
        f.flush()
        os.fsync(f.fileno())


HEADER = f'{"line":<58} {"path":<18} {"figure":>34}  {"bar":<30} met'


def show(row):
    print(f'{row["title"]:<58} {row["path"]:<18} {row["figure"]:>34}  {row["bar"]:<30} {"yes" if row["met"] else "NO"}',
          flush=True)


def measure(path, lines, directory, a):
    """The rows of some lines, in two nodes of their own."""
    where = tempfile.mkdtemp(prefix='run.', dir=directory)
    cluster = Cluster(path, where)
    try:
        for name, line in lines:
            try:
                for measured in line(cluster, a):
                    yield dict(measured, line=name, path=path.title)
                cluster.forget()
            except (RuntimeError, subprocess.SubprocessError, OSError, LookupError, TypeError, nbd.Error) as e:
                why = f'{type(e).__name__}: {e}'
                print(f'    {why}', flush=True)
                yield dict(title=name, figure='not measured', bar='', met=False, line=name, path=path.title, error=why)
    finally:
        cluster.stop()
        shutil.rmtree(where, ignore_errors=True)


def main():
    a = options()
    refuse_when_loaded(a)
    os.makedirs(a.output, exist_ok=True)
    refuse_without_room(a)
    directory = tempfile.mkdtemp(prefix='nodes.', dir=a.output)
    rows = []
    try:
        a.image = os.path.join(directory, 'image')
        random_file(a.image, a.size)
        print(HEADER)
        for path in a.paths:
            lines = [(name, line) for name, line in moves.LINES if name in a.chosen and line.on(path)]
            # New nodes for each line: what one leaves behind does not slow the next. Where figures mean nothing, one pair.
            for group in [lines] if a.quick else [[line] for line in lines]:
                for measured in measure(path, group, directory, a):
                    rows.append(measured)
                    show(measured)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    met = sum(row['met'] for row in rows)
    print(f'{met} of {len(rows)} bars are met')
    output = os.path.join(a.output, 'nodes.json')
    with open(output, 'w') as f:
        json.dump(dict(date=time.strftime('%Y-%m-%dT%H:%M:%S%z'), sizeBytes=a.size, handovers=a.handovers, quick=a.quick,
                       load=os.getloadavg()[0], cpus=os.cpu_count(), lines=rows), f, indent=1)
        f.write('\n')
    print(output)
    return 1 if any('error' in row for row in rows) else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (Refused, RuntimeError, subprocess.SubprocessError, OSError) as e:
        sys.exit(f'bench: {e}')

"""wherryd against nbdkit, nbd-server and qemu-nbd: fio's nbd engine, in turn, in one run, the same file.

Per line: the median over the rounds of our throughput divided by that of the best peer of the same round, and the spread;
beside it the 99th percentile of the latency and the server's CPU time per request. The order of the servers rotates from
round to round. The machine drifts: only the ratios mean anything. Results go to target/bench: JSON, and a plot (SVG).
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import certificates
import plot
from lines import CPU_WANTED, LINES, QUICK_LINES, TLS_LINES
from servers import PEERS, ROOT, Wherryd

LOAD_LIMIT = 0.5


def options():
    names = [line.name for line in LINES]
    p = argparse.ArgumentParser(prog='bench', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                epilog='lines: ' + ' '.join(names))
    p.add_argument('--quick', action='store_true', help='about a minute: a few lines, 2 rounds of 1 s, unix socket')
    p.add_argument('--lines', help='comma-separated names; default all')
    p.add_argument('--transports', help='of unix, tcp, tls; default unix,tcp,tls')
    p.add_argument('--peers', help='of ' + ','.join(s.name for s in PEERS) + '; default all')
    p.add_argument('--rounds', type=int, help='default 7')
    p.add_argument('--seconds', type=int, help='of each round; default 5')
    p.add_argument('--warmup', type=int, default=2, metavar='SECONDS', help='before the first round, not counted')
    p.add_argument('--size', type=int, default=1024, metavar='MIB', help='of the file; default 1024')
    p.add_argument('--image', help='file to serve; default a new one of random content in the output folder')
    p.add_argument('--output', default=os.path.join(ROOT, 'target', 'bench'), help='default target/bench')
    p.add_argument('--wait', type=int, default=0, metavar='SECONDS', help='for the load to fall, before refusing')
    p.add_argument('--force', action='store_true', help=f'also when the load is above {LOAD_LIMIT}')
    a = p.parse_args()
    a.rounds = a.rounds or (2 if a.quick else 7)
    a.seconds = a.seconds or (1 if a.quick else 5)
    if a.quick:
        a.warmup = min(a.warmup, 1)
    chosen = a.lines.split(',') if a.lines else list(QUICK_LINES) if a.quick else names
    unknown = [n for n in chosen if n not in names]
    if unknown:
        p.error(f'no line {unknown[0]}; there are {", ".join(names)}')
    a.chosen = [line for line in LINES if line.name in chosen]
    a.transports = (a.transports or ('unix' if a.quick else 'unix,tcp,tls')).split(',')
    unknown = [t for t in a.transports if t not in Wherryd.transports]
    if unknown:
        p.error(f'no transport {unknown[0]}; there are {", ".join(Wherryd.transports)}')
    by_name = {s.name: s for s in PEERS}
    wanted = a.peers.split(',') if a.peers else list(by_name)
    unknown = [n for n in wanted if n not in by_name]
    if unknown:
        p.error(f'no peer {unknown[0]}; there are {", ".join(by_name)}')
    a.peers = [by_name[n] for n in wanted]
    a.tls_lines = [n for n in chosen if a.lines or n in TLS_LINES]
    return a


def refuse_when_loaded(a):
    end = time.monotonic() + a.wait
    while os.getloadavg()[0] > LOAD_LIMIT:
        if a.force:
            print(f'the load is {os.getloadavg()[0]:.2f}: figures will be noisy', file=sys.stderr)
            return
        if time.monotonic() > end:
            sys.exit(f'bench: the load is {os.getloadavg()[0]:.2f}, above {LOAD_LIMIT}; stop what runs, or --force')
        time.sleep(2)


def make_image(a):
    if a.image:
        return os.path.abspath(a.image), os.path.getsize(a.image)
    path = os.path.join(a.output, 'disk.img')
    size = a.size << 20
    if not os.path.exists(path) or os.path.getsize(path) != size:
        with open('/dev/urandom', 'rb') as source, open(path, 'wb') as f:
            for _ in range(a.size):
                f.write(source.read(1 << 20))
    return path, size


def read_through(path):
    """Brings the file into the page cache, and what was written to the disk: neither is part of a measurement."""
    with open(path, 'rb', buffering=0) as f:
        os.fsync(f.fileno())
        while f.read(4 << 20):
            continue


def measure(server, line, seconds, size, home):
    command = line.fio(server.uri, seconds, size)
    environment = None
    if home:
        environment = dict(os.environ, HOME=home)
        if os.geteuid() == 0:
            # libnbd looks for certificates at home only where that is not root's.
            command = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', *command]
    cpu = server.cpu()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=seconds * 3 + 60, env=environment, cwd=home)
    if done.returncode:
        raise RuntimeError(f'fio on {server.name} ({line.name}): {done.stderr.strip() or done.stdout[-500:]}')
    time.sleep(0.05)  # a process per connection is waited for by its parent after fio is gone
    user, system = (b - x for b, x in zip(server.cpu(), cpu))
    job = json.loads(done.stdout[done.stdout.index('{'):])['jobs'][0]
    if job['error']:
        raise RuntimeError(f'fio on {server.name} ({line.name}): error {job["error"]}')
    side = job['write' if line.writes else 'read']
    requests = max(1, side['total_ios'])
    return dict(iops=side['iops'], mibPerSecond=side['bw_bytes'] / (1 << 20),
                p99us=side['clat_ns'].get('percentile', {}).get('99.000000', 0) / 1000,
                cpuUserUs=user * 1e6 / requests, cpuSystemUs=system * 1e6 / requests,
                cpuUs=(user + system) * 1e6 / requests)


def spread(values):
    return dict(median=statistics.median(values), min=min(values), max=max(values), rounds=values)


def compare(line, transport, rounds):
    """rounds: per round a dict of server name to what was measured."""
    ours = [r['wherryd'] for r in rounds]
    peers = [{n: m for n, m in r.items() if n != 'wherryd'} for r in rounds]
    medians = {n: {k: statistics.median([r[n][k] for r in rounds]) for k in rounds[0][n]} for n in rounds[0]}
    best = max((n for n in medians if n != 'wherryd'), key=lambda n: medians[n]['iops'])
    ratio = spread([o['iops'] / max(m['iops'] for m in p.values()) for o, p in zip(ours, peers)])
    cpu = spread([o['cpuUs'] / max(0.01, min(m['cpuUs'] for m in p.values())) for o, p in zip(ours, peers)])
    wanted = 0 if transport == 'tls' else line.wanted
    return dict(line=line.name, title=line.title, transport=transport, wanted=wanted, ratio=ratio, cpuRatio=cpu,
                cpuWanted=CPU_WANTED, best=best, servers=medians,
                met=ratio['median'] >= wanted and (transport == 'tls' or cpu['median'] <= CPU_WANTED))


def run_line(a, line, transport, servers, size, home):
    if a.warmup:
        for s in servers:
            measure(s, line, a.warmup, size, home)
    rounds = []
    for number in range(a.rounds):
        turn = number % len(servers)
        measured = {}
        for s in servers[turn:] + servers[:turn]:
            measured[s.name] = measure(s, line, a.seconds, size, home)
            if line.writes:
                read_through(servers[0].image)
        rounds.append(measured)
    return compare(line, transport, rounds)


HEADER = (f'{"line":<46} {"transport":<9} {"ratio":>6} {"min":>6} {"max":>6} {"wanted":>6}  {"CPU":>5}  '
          f'{"kIOPS":>7} {"MiB/s":>6} {"p99 µs":>7} {"µs/req":>6}  best peer')


def show(row):
    ours, best = row['servers']['wherryd'], row['servers'][row['best']]
    print(f'{row["title"]:<46} {row["transport"]:<9} {row["ratio"]["median"]:6.2f} {row["ratio"]["min"]:6.2f} '
          f'{row["ratio"]["max"]:6.2f} {row["wanted"] or "":>6}  {row["cpuRatio"]["median"]:5.2f}  '
          f'{ours["iops"] / 1000:7.1f} {ours["mibPerSecond"]:6.0f} {ours["p99us"]:7.0f} {ours["cpuUs"]:6.1f}  '
          f'{row["best"]}: {best["iops"] / 1000:.1f} k, p99 {best["p99us"]:.0f}, {best["cpuUs"]:.1f} µs'
          f'{"" if row["met"] else "  <- below"}', flush=True)


def ready_times(image, directory, starts=5):
    """Milliseconds from the start of the process to the ready line, a volume in the catalog."""
    times = []
    for number in range(starts):
        s = Wherryd(image, directory, 'unix', None)
        s.start()
        times.append(s.ready_ms)
        if number == 0 and not os.environ.get('WHERRYD'):
            s.create()
        s.stop()
    shutil.rmtree(os.path.join(directory, 'data-unix'), ignore_errors=True)
    return times


def main():
    a = options()
    refuse_when_loaded(a)
    os.makedirs(a.output, exist_ok=True)
    image, size = make_image(a)
    read_through(image)
    directory = tempfile.mkdtemp(prefix='wherry-bench.')
    os.chmod(directory, 0o755)
    result = dict(date=time.strftime('%Y-%m-%dT%H:%M:%S%z'), rounds=a.rounds, seconds=a.seconds, imageBytes=size,
                  peers=[s.name for s in a.peers], load=os.getloadavg()[0], cpus=os.cpu_count(), lines=[])
    everything = []
    try:
        ready = ready_times(image, directory)
        result['readyMs'] = spread(ready)
        print(f'ready {statistics.median(ready):.0f} ms after the start (of {len(ready)}: '
              f'{", ".join(f"{t:.0f}" for t in ready)}; wanted 1000)')
        print(HEADER)
        ours = None
        for transport in a.transports:
            pki = home = None
            if transport == 'tls':
                pki = certificates.make(os.path.join(directory, 'pki'), 'localhost')
                home = certificates.client_home(pki, os.path.join(directory, 'home'))
            if ours is None or ours.tls != pki:
                # One daemon serves unix socket and TCP alike: a new one for each would be measured cold.
                if ours:
                    ours.stop()
                ours = Wherryd(image, directory, transport, pki)
                everything.append(ours)
                ours.start()
                ours.create()
            ours.transport = transport
            peers = [c(image, directory, transport, pki) for c in a.peers if transport in c.transports]
            everything += peers
            for s in peers:
                s.start()
            servers = [ours, *peers]
            for line in a.chosen:
                if transport == 'tls' and line.name not in a.tls_lines:
                    continue
                row = run_line(a, line, transport, servers, size, home)
                result['lines'].append(row)
                show(row)
            result.setdefault('rssMiB', {})[transport] = ours.rss()
            for s in peers:
                s.stop()
    finally:
        for s in everything:
            s.stop()
        shutil.rmtree(directory, ignore_errors=True)
    print('resident memory after it: ' + ', '.join(f'{t} {m:.0f} MiB' for t, m in result['rssMiB'].items()))
    below = [r for r in result['lines'] if not r['met']]
    print(f'{len(result["lines"]) - len(below)} of {len(result["lines"])} lines have what is wanted')
    for name, text in (('bench.json', json.dumps(result, indent=1) + '\n'), ('bench.svg', plot.svg(result))):
        with open(os.path.join(a.output, name), 'w') as f:
            f.write(text)
    print(f'{a.output}/bench.json, {a.output}/bench.svg')


if __name__ == '__main__':
    try:
        main()
    except (RuntimeError, subprocess.SubprocessError, OSError) as e:
        sys.exit(f'bench: {e}')

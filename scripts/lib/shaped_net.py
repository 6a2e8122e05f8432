#!/usr/bin/python3
"""A network of this machine's own, for kernels without netem: one network namespace per name, joined by this program.

usage: shaped_net.py --control SOCKET [--delay MS] [--rate MBIT] [--queue KIB] NAME...

Each namespace has a loopback device and a TUN device with an address in 10.77.0.0/24; what is sent to another address
arrives here, and from here there. Namespaces have no name anywhere but here: they are gone when this program and what
runs in them are. On stdout, one line each, then "ready":

    NAME ADDRESS DESCRIPTOR     enter it with: nsenter --net=/proc/PID/fd/DESCRIPTOR COMMAND

Commands are datagrams on the control socket; each is answered when it has taken effect:

    cut [A [B]] · heal [A [B]]   everything; all that A sends and gets; between A and B. What is under way is lost
    delay MS · rate MBIT         one way, and of each direction of each pair (0: as fast as it goes)
    stat                         {"bytes": {"A B": bytes that went from A to B, headers included}, "dropped": packets}
"""
import argparse
import collections
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4 = 1, 2
VNET_HEADER = 10  # before each packet: how it is to be cut into segments, for packets larger than the MTU
LARGEST = VNET_HEADER + 65536
AT_ONCE = 64  # packets from one device before the others have their turn

libc = ctypes.CDLL(None, use_errno=True)


def checked(result, what):
    if result:
        raise OSError(ctypes.get_errno(), what)


def ip(*words):
    subprocess.run(('ip', *words), check=True)


class Node:
    """A namespace and the device in it."""

    def __init__(self, name, address):
        self.name = name
        self.address = address
        checked(libc.unshare(CLONE_NEWNET), 'unshare')
        self.namespace = os.open('/proc/self/ns/net', os.O_RDONLY)
        self.tun = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack('16sH22x', b'path0', IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
        fcntl.ioctl(self.tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)
        ip('link', 'set', 'lo', 'up')
        ip('addr', 'add', f'{address}/24', 'dev', 'path0')
        ip('link', 'set', 'path0', 'mtu', '1500', 'txqueuelen', '2000', 'up')


class Path:
    """One direction between two nodes. Packets leave in the order in which they came."""

    def __init__(self, to):
        self.to = to
        self.under_way = collections.deque()  # (when it arrives, packet)
        self.free_at = 0.0
        self.cut = False
        self.bytes = 0


class Network:
    def __init__(self, options):
        self.delay = options.delay / 1000
        self.rate = options.rate * 1e6 / 8
        self.queue = options.queue * 1024
        self.dropped = 0
        home = os.open('/proc/self/ns/net', os.O_RDONLY)
        self.nodes = [Node(name, f'10.77.0.{i}') for i, name in enumerate(options.names, 1)]
        checked(libc.setns(home, CLONE_NEWNET), 'setns')
        self.paths = {(a, b): Path(b) for a in self.nodes for b in self.nodes if a is not b}
        self.by_address = {socket.inet_aton(node.address): node for node in self.nodes}
        self.by_tun = {node.tun: node for node in self.nodes}

    def take(self, node, now):
        """What the node sends."""
        for _ in range(AT_ONCE):
            try:
                packet = os.read(node.tun, LARGEST)
            except BlockingIOError:
                return
            to = self.by_address.get(packet[VNET_HEADER + 16:VNET_HEADER + 20])
            path = self.paths.get((node, to))
            if path is None:
                continue  # IPv6 looking for routers, and the like
            begins = max(now, path.free_at)
            if path.cut or (self.rate and (begins - now) * self.rate > self.queue):
                self.dropped += 1
                continue
            length = len(packet) - VNET_HEADER
            path.bytes += length
            path.free_at = begins + (length / self.rate if self.rate else 0)
            path.under_way.append((path.free_at + self.delay, packet))

    def deliver(self, now):
        """What has arrived by now. Returns when the next packet does, or None."""
        following = None
        for path in self.paths.values():
            waiting = path.under_way
            while waiting and waiting[0][0] <= now:
                try:
                    os.write(path.to.tun, waiting.popleft()[1])
                except OSError:
                    self.dropped += 1
            if waiting and (following is None or waiting[0][0] < following):
                following = waiting[0][0]
        return following

    def between(self, names):
        chosen = [(a, b) for a, b in self.paths if set(names) <= {a.name, b.name}]
        if not chosen:
            raise ValueError('no path between ' + ' and '.join(names))
        return [self.paths[pair] for pair in chosen]

    def obey(self, words):
        if words[0] in ('cut', 'heal'):
            for path in self.between(words[1:]):
                path.cut = words[0] == 'cut'
                path.under_way.clear()
        elif words[0] == 'delay':
            self.delay = float(words[1]) / 1000
        elif words[0] == 'rate':
            self.rate = float(words[1]) * 1e6 / 8
        elif words == ['stat']:
            sent = {f'{a.name} {b.name}': path.bytes for (a, b), path in self.paths.items()}
            return json.dumps({'bytes': sent, 'dropped': self.dropped})
        else:
            return 'unknown command'
        return 'ok'

    def run(self, control):
        sources = [control.fileno(), *self.by_tun]
        while True:
            following = self.deliver(time.monotonic())
            wait = None if following is None else max(0.0, following - time.monotonic())
            ready = select.select(sources, (), (), wait)[0]
            now = time.monotonic()
            for fd in ready:
                if fd in self.by_tun:
                    self.take(self.by_tun[fd], now)
                    continue
                message, sender = control.recvfrom(200)
                try:
                    answer = self.obey(message.decode().split())
                except (ValueError, IndexError) as e:
                    answer = f'unknown command: {e}'
                if sender:
                    control.sendto(answer.encode(), sender)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--control', required=True)
    p.add_argument('--delay', type=float, default=0, metavar='MS', help='one way')
    p.add_argument('--rate', type=float, default=0, metavar='MBIT', help='of each direction; 0: as fast as it goes')
    p.add_argument('--queue', type=int, default=2048, metavar='KIB', help='what waits where the rate is limited')
    p.add_argument('names', nargs='+')
    options = p.parse_args()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    network = Network(options)
    if os.path.exists(options.control):
        os.unlink(options.control)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    control.bind(options.control)
    for node in network.nodes:
        print(node.name, node.address, node.namespace)
    print('ready', flush=True)
    network.run(control)


if __name__ == '__main__':
    try:
        main()
    except (OSError, subprocess.SubprocessError) as e:
        sys.exit(f'shaped_net: {e}')

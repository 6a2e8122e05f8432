"""Two nodes on this machine, on the loopback device or joined by a shaped path, and what can be asked of them."""
import ctypes
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time

from servers import ROOT, free_port, wait_until

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Refused(RuntimeError):
    """A node said no, or a command failed."""


class Path:
    """How the nodes are joined: None as shape is the loopback device."""

    def __init__(self, name, title, delay=None, rate=None):
        self.name = name
        self.title = title
        self.delay = delay  # milliseconds, one way
        self.rate = rate    # Mbit/s

    @property
    def shaped(self):
        return self.delay is not None

    @property
    def round_trip(self):
        return 2 * (self.delay or 0)


PATHS = (Path('loopback', 'loopback'), Path('shaped', '40 ms, 400 Mbit/s', delay=20, rate=400))


class Network:
    """One namespace per name; see scripts/lib/shaped_net.py."""

    def __init__(self, path, names, directory):
        self.home = os.open('/proc/self/ns/net', os.O_RDONLY)
        self.process = None
        self.where = {}
        self.addresses = dict.fromkeys(names, '127.0.0.1')
        if not path.shaped:
            return
        self.process = subprocess.Popen(
            [os.path.join(ROOT, 'scripts/lib/shaped_net.py'), '--control', os.path.join(directory, 'net.control'),
             '--delay', str(path.delay), '--rate', str(path.rate), *names],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line == 'ready\n':
                return
            name, address, fd = line.split()
            self.addresses[name] = address
            self.where[name] = f'/proc/{self.process.pid}/fd/{fd}'
        raise Refused('the shaped path cannot be made: root and /dev/net/tun are needed')

    def inside(self, name):
        """What to put before a command."""
        return ['nsenter', '--net=' + self.where[name]] if name in self.where else []

    def connect(self, name, host, port):
        """A TCP connection made where the node is."""
        if name not in self.where:
            return socket.create_connection((host, port), 60)
        there = os.open(self.where[name], os.O_RDONLY)
        try:
            libc.setns(there, CLONE_NEWNET)
            return socket.create_connection((host, port), 60)
        finally:
            libc.setns(self.home, CLONE_NEWNET)
            os.close(there)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        os.close(self.home)


class Node:
    def __init__(self, name, network, directory):
        self.name = name
        self.network = network
        self.data = os.path.join(directory, name)
        self.socket = os.path.join(directory, name + '.sock')
        os.makedirs(self.data)
        log = open(os.path.join(directory, name + '.log'), 'ab')
        shaped = name in network.where
        with log:
            self.process = subprocess.Popen(
                [*network.inside(name), os.environ.get('WHERRYD', os.path.join(ROOT, 'scripts/wherryd')), '--node', name,
                 '--data', self.data, '--nbd', '127.0.0.1:0', '--nbd-unix', self.socket, '--api', '127.0.0.1:0',
                 '--link', network.addresses[name] + ':0', *(['--insecure'] if shaped else [])],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        ready = re.match(r'wherryd ready node=\S+ nbd=\S+ api=(\S+):(\d+) link=(\S+)', line)
        if not ready:
            raise Refused(f'node {name} does not get ready: {line!r}; see {log.name}')
        self.host, self.port, self.link = ready.group(1), int(ready.group(2)), ready.group(3)

    def uri(self, suid):
        return f'nbd+unix:///{suid}?socket={self.socket}'

    def call(self, method, path, body=None):
        return json.loads(self.text(method, '/api/v1/' + path, body) or 'null')

    def text(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.sock = self.network.connect(self.name, self.host, self.port)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {'Content-Type': 'application/json'})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 400:
            raise Refused(f'node {self.name}, {method} {path}: {text.decode(errors="replace")[:300]}')
        return text.decode()

    def create(self, suid, **fields):
        """fields: size in bytes, backing."""
        self.call('POST', 'volumes', dict(fields, suid=suid))

    def volume(self, suid):
        return self.call('GET', 'volumes/' + suid)

    def rehearsed(self):
        """Whether hand-overs were rehearsed, or are not to be (see --rehearse of wherryd)."""
        return '\nwherry_rehearsal_done 0' not in self.text('GET', '/metrics')

    def activate(self, suid):
        self.call('POST', f'volumes/{suid}/activate', {})

    def wait_whole(self, suid, seconds):
        """Until all of a volume is here. Returns what the volume says then."""
        end = time.monotonic() + seconds
        while True:
            volume = self.volume(suid)
            if volume['blocks']['here'] == volume['blocks']['total']:
                return volume
            if time.monotonic() > end:
                raise Refused(f'{suid} is not whole at {self.name} after {seconds} s: {volume["blocks"]}, {volume["move"]}')
            time.sleep(0.02)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Cluster:
    """Nodes a and b, which know each other, and programs that run beside them."""

    def __init__(self, path, directory):
        self.path = path
        self.directory = directory
        self.network = None
        self.nodes = []
        self.others = []
        self.volumes = 0
        try:
            self.network = Network(path, ('a', 'b'), directory)
            for name in ('a', 'b'):
                self.nodes.append(Node(name, self.network, directory))
            self.a, self.b = self.nodes
            self.a.call('POST', 'nodes', dict(name='b', link=self.b.link))
            self.b.call('POST', 'nodes', dict(name='a', link=self.a.link))
            wait_until('the link', lambda: all(not n['reason'] for node in self.nodes for n in node.call('GET', 'nodes')))
            # Daemons that people use have been up for longer than it takes.
            wait_until('the end of the rehearsal', lambda: all(node.rehearsed() for node in self.nodes), 60)
        except BaseException:
            self.stop()
            raise

    def new_suid(self):
        self.volumes += 1
        return f'v{self.volumes}'

    def shared(self, read='move', **fields):
        """A new volume at a, shared with b. fields: see Node.create."""
        suid = self.new_suid()
        self.a.create(suid, **fields)
        self.a.call('POST', f'volumes/{suid}/share', dict(to='b', read=read, handover='manual'))
        return suid

    def forget(self):
        """The volumes that were shared, and what they take."""
        for suid in [volume['suid'] for volume in self.a.call('GET', 'volumes')]:
            for node in reversed(self.nodes):
                node.call('DELETE', f'volumes/{suid}?force=true')

    def nbdkit(self, name, image, tcp):
        """Serves an image where the node is. Returns the URI for the other node, or for this one."""
        where = os.path.join(self.directory, f'kit-{name}-{len(self.others)}.sock')
        port = free_port()
        address = self.network.addresses[name]
        self.others.append(subprocess.Popen(
            [*self.network.inside(name), 'nbdkit', '-f', *(['-i', address, '-p', str(port)] if tcp else ['-U', where]),
             'file', image], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL))
        if not tcp:
            wait_until('nbdkit', lambda: os.path.exists(where))
            return 'nbd+unix:///?socket=' + where

        def answers():
            try:
                self.network.connect(name, address, port).close()
                return True
            except OSError:
                return False

        wait_until('nbdkit', answers)
        return f'nbd://{address}:{port}/'

    def end_others(self):
        for process in self.others:
            process.terminate()
            process.wait()
        self.others = []

    def run(self, name, *command, seconds=1200):
        subprocess.run([*self.network.inside(name), *command], stdin=subprocess.DEVNULL, check=True, timeout=seconds,
                       stdout=subprocess.DEVNULL)

    def stop(self):
        self.end_others()
        for node in self.nodes:
            node.stop()
        if self.network:
            self.network.stop()

"""The servers under comparison: each serves one file, over a unix socket, TCP, or TCP with TLS."""
import os
import re
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TICK = os.sysconf('SC_CLK_TCK')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_until(what, truth, seconds=30):
    end = time.monotonic() + seconds
    while not truth():
        if time.monotonic() > end:
            raise RuntimeError(f'{what} does not start within {seconds} s')
        time.sleep(0.01)


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) == 0


def stat(pid):
    """(parent, user ticks, system ticks), those of children that have ended included."""
    with open(f'/proc/{pid}/stat') as f:
        fields = f.read().rpartition(')')[2].split()
    return int(fields[1]), int(fields[11]) + int(fields[13]), int(fields[12]) + int(fields[14])


def ended(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rpartition(')')[2].split()[0] == 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return True


def cpu_seconds(pid):
    """(user, system) of a process, its threads, and its children, living and ended."""
    stats = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                stats[int(name)] = stat(int(name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    user = system = 0
    todo = [pid]
    while todo:
        p = todo.pop()
        user += stats[p][1]
        system += stats[p][2]
        todo += [child for child, s in stats.items() if s[0] == p]
    return user / TICK, system / TICK


def rss_mib(pid):
    with open(f'/proc/{pid}/status') as f:
        return int(re.search(r'VmRSS:\s+(\d+)', f.read()).group(1)) / 1024


class Server:
    """One process, started by start(); uri is where it serves."""

    transports = ('unix', 'tcp', 'tls')

    def __init__(self, image, directory, transport, tls):
        self.image = image
        self.directory = directory
        self.transport = transport
        self.tls = tls
        self.socket = os.path.join(directory, f'{self.name}-{transport}.sock')
        self.port = free_port() if transport != 'unix' else None
        self.process = None

    @property
    def uri(self):
        if self.transport == 'unix':
            return f'nbd+unix:///{self.export}?socket={self.socket}'
        scheme = 'nbds' if self.transport == 'tls' else 'nbd'
        return f'{scheme}://127.0.0.1:{self.port}/{self.export}'

    export = ''

    def spawn(self, command, **more):
        with open(os.path.join(self.directory, f'{self.name}-{self.transport}.log'), 'ab') as log:
            more.setdefault('stdout', log)
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log, **more)

    def start(self):
        self.spawn(self.command())
        if self.transport == 'unix':
            wait_until(self.name, lambda: os.path.exists(self.socket))
        else:
            wait_until(self.name, lambda: answers(self.port))

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def pid(self):
        return self.process.pid

    def cpu(self):
        return cpu_seconds(self.pid())

    def rss(self):
        return rss_mib(self.pid())


class Nbdkit(Server):
    name = 'nbdkit'

    def command(self):
        where = ['-U', self.socket] if self.transport == 'unix' else ['-i', '127.0.0.1', '-p', str(self.port)]
        tls = ['--tls=require', f'--tls-certificates={self.tls}', '--tls-verify-peer'] if self.transport == 'tls' else []
        return ['nbdkit', '-f', *where, *tls, 'file', self.image]


class NbdServer(Server):
    name = 'nbd-server'
    export = 'bench'
    transports = ('unix', 'tcp')

    def command(self):
        config = os.path.join(self.directory, f'nbd-server-{self.transport}.conf')
        port = self.port or free_port()  # with a unix socket it still listens on TCP
        with open(config, 'w') as f:
            f.write(f'[generic]\nlistenaddr = 127.0.0.1\nport = {port}\nallowlist = true\n')
            if self.transport == 'unix':
                f.write(f'unixsock = {self.socket}\n')
            f.write(f'[{self.export}]\nexportname = {self.image}\nflush = true\nfua = true\ntrim = true\n')
        return ['nbd-server', '-C', config, '-p', self.pid_file]

    @property
    def pid_file(self):
        return os.path.join(self.directory, f'nbd-server-{self.transport}.pid')

    def pid(self):
        # It serves one connection at a time unless it runs as a daemon.
        with open(self.pid_file) as f:
            return int(f.read())

    def stop(self):
        if self.process is None or not os.path.exists(self.pid_file):
            return
        self.process.wait(5)
        pid = self.pid()
        self.process = None
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        wait_until('the end of nbd-server', lambda: ended(pid), 10)


class QemuNbd(Server):
    name = 'qemu-nbd'

    def command(self):
        where = ['-k', self.socket] if self.transport == 'unix' else ['-b', '127.0.0.1', '-p', str(self.port)]
        tls = []
        if self.transport == 'tls':
            tls = ['--object', f'tls-creds-x509,id=tls0,endpoint=server,dir={self.tls},verify-peer=yes',
                   '--tls-creds', 'tls0']
        return ['qemu-nbd', '-t', '-e', '0', *where, *tls, '--image-opts',
                f'driver=raw,file.driver=file,file.locking=off,file.filename={self.image}']


class Wherryd(Server):
    name = 'wherryd'
    export = 'bench'
    ready_ms = None

    def start(self):
        data = os.path.join(self.directory, f'data-{self.transport}')
        self.socket = os.path.join(data, 'nbd.sock')
        os.makedirs(data, exist_ok=True)
        command = [os.environ.get('WHERRYD', os.path.join(ROOT, 'scripts/wherryd')), '--data', data,
                   '--nbd', '127.0.0.1:0', '--api', '127.0.0.1:0', '--link', '127.0.0.1:0', '--nbd-unix', self.socket]
        if self.transport == 'tls':
            command += ['--tls', 'require', '--tls-dir', self.tls]
        began = time.monotonic()
        self.spawn(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.ready_ms = (time.monotonic() - began) * 1000
        ready = re.match(r'wherryd ready node=\S+ nbd=\S+:(\d+) api=(\S+)', line)
        if not ready:
            raise RuntimeError(f'wherryd does not get ready: {line!r}; see {self.directory}')
        self.port = int(ready.group(1))
        scheme = 'https' if self.transport == 'tls' and os.environ.get('WHERRY_BENCH_API_TLS') else 'http'
        self.api = f'{scheme}://{ready.group(2)}'

    def create(self):
        subprocess.run([os.environ.get('WHERRY', os.path.join(ROOT, 'scripts/wherry')), 'volume',
                        'create', self.export, '--backing', self.image], check=True, stdout=subprocess.DEVNULL,
                       env=dict(os.environ, WHERRY_API=self.api))


PEERS = (Nbdkit, NbdServer, QemuNbd)

"""The NBD protocol by hand, for peers that do not keep to it."""
import socket
import struct
from urllib.parse import parse_qs, unquote, urlsplit

IHAVEOPT = 0x49484156454F5054
REPLY = 0x3E889045565A9
REQUEST = 0x25609513
SIMPLE_REPLY = 0x67446698
OPT_EXPORT_NAME, OPT_ABORT, OPT_LIST, OPT_STARTTLS, OPT_INFO, OPT_GO, OPT_STRUCTURED_REPLY = 1, 2, 3, 5, 6, 7, 8
CMD_READ, CMD_WRITE, CMD_DISC, CMD_FLUSH, CMD_TRIM = 0, 1, 2, 3, 4
ACK = 1
EINVAL, ENOSPC = 22, 28


class Raw:
    """A socket to the server of a URI; nothing is sent until asked for. Every wait ends after `timeout` seconds."""

    def __init__(self, uri, timeout=10):
        u = urlsplit(uri)
        self.export = unquote(u.path[1:]).encode()
        query = parse_qs(u.query)
        if 'socket' in query:
            self.socket = socket.socket(socket.AF_UNIX)
            address = query['socket'][0]
        else:
            self.socket = socket.socket()
            address = (u.hostname, u.port)
        self.socket.settimeout(timeout)
        self.socket.connect(address)

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, n):
        data = bytearray()
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise EOFError(f'closed after {len(data)} of {n} bytes')
            data += piece
        return bytes(data)

    def closed_by_peer(self):
        """Reads on until the peer closes. False if it says nothing for the timeout."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def close(self, reset=False):
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def greet(self, flags=3):
        if self.receive(16) != b'NBDMAGICIHAVEOPT':
            raise EOFError('no NBD greeting')
        self.receive(2)
        self.send(struct.pack('>I', flags))

    def option(self, option, data=b'', length=None):
        self.send(struct.pack('>QII', IHAVEOPT, option, len(data) if length is None else length) + data)

    def option_reply(self):
        magic, option, kind, length = struct.unpack('>QIII', self.receive(20))
        if magic != REPLY:
            raise EOFError(f'option reply magic {magic:x}')
        return kind, self.receive(length)

    def go(self):
        """Into transmission with simple replies. Returns the size of the export."""
        self.greet()
        self.option(OPT_GO, struct.pack('>I', len(self.export)) + self.export + struct.pack('>H', 0))
        size = 0
        while True:
            kind, data = self.option_reply()
            if kind == ACK:
                return size
            if kind & 0x80000000:
                raise EOFError(f'refused: {kind:x} {data!r}')
            if data[:2] == b'\0\0':
                size = struct.unpack_from('>Q', data, 2)[0]

    def request(self, command, offset, length, cookie=1, flags=0, payload=b'', magic=REQUEST):
        self.send(struct.pack('>IHHQQI', magic, flags, command, cookie, offset, length) + payload)

    def reply(self):
        """(error, cookie) of a simple reply."""
        magic, error, cookie = struct.unpack('>IIQ', self.receive(16))
        if magic != SIMPLE_REPLY:
            raise EOFError(f'reply magic {magic:x}')
        return error, cookie

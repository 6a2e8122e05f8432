#!/usr/bin/python3
"""QEMU's monitor (QMP) on a unix socket.

usage: qmp.py SOCKET COMMAND [ARGUMENTS as JSON]      prints what it returns, as JSON
"""
import json
import socket
import sys


class QmpError(Exception):
    pass


class Qmp:
    """One connection; the monitor has one client at a time. Every call is bounded in time."""

    def __init__(self, path, seconds=30):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        try:
            self.socket.connect(path)
            self.file = self.socket.makefile('rwb')
            self.read()
        except OSError as e:
            raise QmpError(f'{path}: {e}') from e
        self('qmp_capabilities')

    def read(self):
        line = self.file.readline()
        if not line:
            raise QmpError(f'{self.path}: QEMU has closed its monitor')
        return json.loads(line)

    def __call__(self, command, **arguments):
        try:
            self.file.write(json.dumps({'execute': command, 'arguments': arguments}).encode() + b'\n')
            self.file.flush()
            while True:
                message = self.read()
                if 'error' in message:
                    raise QmpError(f'{command}: {message["error"]["desc"]}')
                if 'return' in message:
                    return message['return']
        except OSError as e:
            raise QmpError(f'{command}: {e}') from e

    def close(self):
        self.file.close()
        self.socket.close()


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        monitor = Qmp(sys.argv[1])
        print(json.dumps(monitor(sys.argv[2], **json.loads(sys.argv[3] if len(sys.argv) == 4 else '{}'))))
    except QmpError as e:
        sys.exit(f'qmp: {e}')

#!/usr/bin/python3
"""A throw-away authority, and certificates of a server and a client in the files that QEMU, nbdkit and libnbd want.

usage: certificates.py DIRECTORY NAME ADDRESS      makes DIRECTORY/NAME, signed by the one authority in DIRECTORY
"""
import os
import shutil
import subprocess
import sys

EXTENSIONS = '''
[server]
subjectAltName = DNS:localhost, IP:127.0.0.1, DNS:{name}, IP:{address}
keyUsage = digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
[client]
subjectAltName = DNS:{name}
keyUsage = digitalSignature, keyEncipherment
extendedKeyUsage = clientAuth
'''
NEW_KEY = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')


def openssl(*arguments, cwd):
    subprocess.run(('openssl',) + arguments, check=True, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def authority(directory):
    os.makedirs(directory, exist_ok=True)
    if not os.path.exists(os.path.join(directory, 'ca-cert.pem')):
        openssl('req', '-x509', *NEW_KEY, '-keyout', 'ca-key.pem', '-out', 'ca-cert.pem', '-days', '30',
                '-subj', '/CN=wherry test', '-addext', 'keyUsage=critical,keyCertSign', cwd=directory)


def make(directory, name, address='127.0.0.1'):
    """Writes ca-cert, server-cert, server-key, client-cert, client-key (.pem) to directory/name. Returns that."""
    authority(directory)
    target = os.path.join(directory, name)
    os.makedirs(target, exist_ok=True)
    shutil.copyfile(os.path.join(directory, 'ca-cert.pem'), os.path.join(target, 'ca-cert.pem'))
    with open(os.path.join(target, 'extensions'), 'w') as f:
        f.write(EXTENSIONS.format(name=name, address=address))
    for who in ('server', 'client'):
        openssl('req', *NEW_KEY, '-keyout', f'{who}-key.pem', '-out', f'{who}.csr', '-subj', f'/CN={name}', cwd=target)
        openssl('x509', '-req', '-in', f'{who}.csr', '-CA', '../ca-cert.pem', '-CAkey', '../ca-key.pem',
                '-CAcreateserial', '-out', f'{who}-cert.pem', '-days', '30', '-extfile', 'extensions',
                '-extensions', who, cwd=target)
    return target


def client_home(directory, home):
    """A home directory in which libnbd finds the client's certificate. Returns it."""
    pki = os.path.join(home, '.pki', 'libnbd')
    os.makedirs(pki, exist_ok=True)
    for name in ('ca-cert.pem', 'client-cert.pem', 'client-key.pem'):
        target = os.path.join(pki, name)
        if not os.path.lexists(target):
            shutil.copyfile(os.path.join(directory, name), target)
            os.chmod(target, 0o644)  # fio runs as nobody, and the key is worth nothing
    return home


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    make(*sys.argv[1:])

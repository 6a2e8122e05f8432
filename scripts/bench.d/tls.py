"""A throw-away authority with a server's and a client's certificate, in the files that QEMU, nbdkit and libnbd want."""
import os
import subprocess

EXTENSIONS = '''
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
subjectAltName = DNS:localhost, IP:127.0.0.1
keyUsage = digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
[client]
keyUsage = digitalSignature, keyEncipherment
extendedKeyUsage = clientAuth
'''


def openssl(*arguments, cwd):
    subprocess.run(('openssl',) + arguments, check=True, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make(directory):
    """Writes ca-cert, server-cert, server-key, client-cert, client-key (.pem). Returns the directory."""
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, 'extensions'), 'w') as f:
        f.write(EXTENSIONS)
    new_key = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes')
    openssl('req', '-x509', *new_key, '-keyout', 'ca-key.pem', '-out', 'ca-cert.pem', '-days', '30',
            '-subj', '/CN=wherry bench', '-addext', 'keyUsage=critical,keyCertSign', cwd=directory)
    for who in ('server', 'client'):
        openssl('req', *new_key, '-keyout', f'{who}-key.pem', '-out', f'{who}.csr', '-subj', f'/CN={who}', cwd=directory)
        openssl('x509', '-req', '-in', f'{who}.csr', '-CA', 'ca-cert.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial',
                '-out', f'{who}-cert.pem', '-days', '30', '-extfile', 'extensions', '-extensions', who, cwd=directory)
    return directory


def client_home(directory, home):
    """A home directory in which libnbd finds the client's certificate. Returns it."""
    pki = os.path.join(home, '.pki', 'libnbd')
    os.makedirs(pki, exist_ok=True)
    for name in ('ca-cert.pem', 'client-cert.pem', 'client-key.pem'):
        target = os.path.join(pki, name)
        if not os.path.lexists(target):
            os.symlink(os.path.join(directory, name), target)
    return home

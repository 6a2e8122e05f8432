"""A host that writes 4 KiB at a time, one request after the other, until its standard input ends.

usage: qd1_writer.py URI SPAN      random places in the first SPAN bytes

Then it prints, as JSON, [when it began (monotonic seconds), how long it took (seconds)] of the slowest write of every 5 ms.
"""
import json
import os
import random
import select
import sys
import time

import nbd

SLOT = 0.005

h = nbd.NBD()
h.connect_uri(sys.argv[1])
blocks = min(int(sys.argv[2]), h.get_size()) // 4096
data = os.urandom(4096)
slowest = []
slot = 0
print('writing', flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    began = time.monotonic()
    h.pwrite(data, random.randrange(blocks) * 4096)
    took = time.monotonic() - began
    if began < slot + SLOT and slowest:
        if took > slowest[-1][1]:
            slowest[-1] = (began, took)
    else:
        slot = began
        slowest.append((began, took))
json.dump(slowest, sys.stdout)

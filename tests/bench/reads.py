"""Small reads in a loop.  Says "ready", reads a number from standard input, does as many reads, prints the nanoseconds."""

import os
import sys
import time

zero = os.open("/dev/zero", os.O_RDONLY)
print("ready", flush=True)
count = int(sys.stdin.readline())
read = os.read
begin = time.monotonic_ns()
for _ in range(count):
    read(zero, 64)
print(time.monotonic_ns() - begin, flush=True)
sys.stdin.read()

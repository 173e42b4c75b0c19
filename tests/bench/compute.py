"""Work that is mostly computing, with the memory traffic that Python has by itself: what bench.py traces as a program."""

import json
import re
import zlib


def words(count):
    """Pseudo-random words, the same in every run."""
    state = 1
    for _ in range(count):
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        yield "w%x" % (state >> 12)


def main():
    tally = {}
    for word in words(150000):
        tally[word] = tally.get(word, 0) + 1
    text = json.dumps(sorted(tally.items()))
    packed = zlib.compress(text.encode(), 6)
    pairs = json.loads(zlib.decompress(packed))
    numbers = [int(match, 16) for match in re.findall(r'"w([0-9a-f]+)"', text)]
    total = 0
    for row in range(120):
        total += sum(a * b for a, b in zip(numbers[row : row + 2000], numbers[row + 1 :]))
    print(len(pairs), len(packed), total)


main()

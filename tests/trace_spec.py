"""A reader of trace files written from brkwater-trace(5) alone: if it and brkwater agree, the page tells the truth.

The table of calls is taken from the page itself.  Nothing here is shared with the program.
"""

import re
import subprocess
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "man/brkwater-trace.5"
ALL_ONES = (1 << 64) - 1


def calls_of_the_page():
    """number: (name, codes of its arguments, code of its result)"""
    text = PAGE.read_text()
    table = text[text.index(".SH CALLS") :]
    rows = re.findall(r"^ +(\d+)  (\w+) +([alus]+|\\-) +([au])$", table, re.MULTILINE)
    return {int(number): (name, "" if codes == "\\-" else codes, result) for number, name, codes, result in rows}


def unzigzag(coded):
    return ((coded >> 1) ^ -(coded & 1)) & ALL_ONES


def signed(coded):
    value = unzigzag(coded)
    return value - (1 << 64) if value >> 63 else value


class Payload:
    """Bytes that are read from the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value & ALL_ONES
            assert shift < 70, "a varint of more than ten bytes"

    def signed(self):
        return unzigzag(self.varint())

    def text(self):
        size = self.varint()
        assert size <= 65536 and self.at + size <= len(self.data)
        self.at += size
        return self.data[self.at - size : self.at]


class Deltas:
    """What differences refer to."""

    def __init__(self):
        self.last = {}

    def reset(self):
        self.last.clear()

    def plain(self, payload, name):
        self.last[name] = (self.last.get(name, 0) + payload.signed()) & ALL_ONES
        return self.last[name]

    def paged(self, payload, name):
        coded = payload.varint()
        if coded == ALL_ONES:
            value = payload.varint()
        else:
            difference = unzigzag(coded >> 1) * (1 if coded & 1 else 4096)
            value = (self.last.get(name, 0) + difference) & ALL_ONES
        self.last[name] = value
        return value


class Reader:
    def __init__(self):
        self.calls = calls_of_the_page()
        self.deltas = Deltas()

    def fields(self, payload, names):
        return {name: payload.varint() for name in names.split()}

    def time(self, payload):
        return {"time": self.deltas.plain(payload, "time")}

    def header(self, p):
        self.deltas.reset()
        assert p.text() == b"brkwater"
        record = self.fields(p, "major minor wall_ns page_size clock_ticks max_map_count sample_interval flags")
        record.update({name: p.text() for name in "version machine kernel cwd argv".split()})
        return record

    def sync(self, p):
        self.deltas.reset()
        return {**self.time(p), "event": p.varint(), "sequence": self.deltas.plain(p, "sequence")}

    def task(self, p):
        return {**self.time(p), **self.fields(p, "tid pid parent space copied_from flags")}

    def exec(self, p):
        record = {**self.time(p), **self.fields(p, "pid old_tid old_space space flags")}
        return {**record, "start_brk": self.deltas.paged(p, "address"), "exe": p.text(), "comm": p.text()}

    def argument(self, p, code):
        if code == "a":
            return self.deltas.paged(p, "address")
        if code == "l":
            return self.deltas.paged(p, "length")
        return p.varint() if code == "u" else p.signed()

    def event(self, p):
        deltas, has = self.deltas, p.varint()
        record = {"flags": has & 255, "call": p.varint(), "abi": deltas.plain(p, "abi")}
        count = p.varint()
        assert count <= 6
        record.update({name: deltas.plain(p, name) for name in ("tid", "pid", "space")})
        record.update(self.time(p))
        record["duration"] = p.varint()
        record["entry"], record["exit"] = deltas.plain(p, "sequence"), deltas.plain(p, "sequence")
        name, codes, result = self.calls.get(record["call"], ("unknown", "", "s"))
        record["name"] = name
        record["args"] = [self.argument(p, codes[i] if i < len(codes) else "s") for i in range(count)]
        record["ret"] = self.argument(p, result) if has & 0x100 else 0
        record["error"] = p.varint() if has & 0x200 else 0
        record["file"] = p.varint() if has & 0x400 else 0
        record["length"], record["at"] = (deltas.paged(p, "length"), p.varint()) if has & 0x800 else (0, 0)
        record["minflt"], record["majflt"] = (p.varint(), p.varint()) if record["flags"] & 4 else (0, 0)
        record["stack"] = p.varint() if has & 0x1000 else 0
        record["text"], record["list"] = (p.text(), p.text()) if has & 0x2000 else (b"", b"")
        record["huge"] = p.varint() if has & 0x4000 else 0
        return record

    def file(self, p):
        return {**self.fields(p, "id major minor inode"), "path": p.text()}

    def checkpoint(self, p):
        record = {**self.time(p), **self.fields(p, "space pid reason")}
        count, own = p.varint(), Deltas()
        record["mappings"] = [
            (own.paged(p, "edge"), own.paged(p, "edge"), p.varint(), p.varint(), p.varint()) for _ in range(count)
        ]
        record["range"] = (p.varint(), p.varint())
        return record

    def cache(self, p):
        record = self.fields(p, "what version size")
        p.at += record["size"]
        return record

    def sample(self, p):
        record = {**self.time(p), **self.fields(p, "pid space flags virtual_pages resident_pages minflt majflt")}
        if record["flags"] & 1:
            record.update(self.fields(p, "anon_kib file_kib shmem_kib swap_kib"))
        if record["flags"] & 2:
            record.update(self.fields(p, "peak_resident_kib peak_virtual_kib"))
        return record

    def exit(self, p):
        return {**self.time(p), **self.fields(p, "tid pid last status")}

    def space_end(self, p):
        return {**self.time(p), **self.fields(p, "space")}

    def note(self, p):
        return {**self.time(p), **self.fields(p, "code tid pid value"), "text": p.text()}

    def end(self, p):
        return {**self.time(p), **self.fields(p, "reason value status has_status events stops cpu_ticks")}

    def module(self, p):
        return {**self.fields(p, "id flags major minor inode"), "path": p.text(), "build_id": p.text()}

    def load(self, p):
        return self.fields(p, "space module bias")

    def frame(self, p):
        return self.fields(p, "id module flags space address")

    def stack(self, p):
        record, last = self.fields(p, "id quality end"), 0
        record["frames"] = []
        for _ in range(p.varint()):
            last += signed(p.varint())
            record["frames"].append(last)
        return record

    def text(self, p):
        return {"id": p.varint(), "text": p.text()}

    def names(self, p):
        record = self.fields(p, "frame offset")
        record["lines"] = [self.fields(p, "function file line") for _ in range(p.varint())]
        return record

    def symbols(self, p):
        return self.fields(p, "module problem")

    def code(self, p):
        record = {**self.fields(p, "frame flags address"), "bytes": p.text()}
        record["lines"] = [self.fields(p, "offset file line") for _ in range(p.varint())]
        return record

    def attach(self, p):
        return {**self.time(p), **self.fields(p, "pid own_pid threads pause")}

    def cost(self, p):
        return {**self.time(p), **self.fields(p, "foreign served detach left")}

    def walk(self, p):
        record = self.fields(
            p,
            "time space pid reason flags arena rest ending tcaches cost start end ended used used_chunks binned binned_chunks"
            " unsorted unsorted_chunks tcache tcache_chunks fast fast_chunks top top_at other unseen pages top_pages pin"
            " pin_size between above above_chunks",
        )
        record["runs"] = [(p.varint(), p.varint()) for _ in range(p.varint())]
        record["cells"] = p.text()
        assert len(record["runs"]) <= 4 and len(record["cells"]) <= 256
        return record

    def faults(self, p):
        record, own = self.fields(p, "time lasted space pid"), Deltas()
        record["runs"] = []
        for _ in range(p.varint()):
            head, stack, start, pages = p.varint(), own.plain(p, "stack"), own.paged(p, "edge"), p.varint()
            own.last["edge"] = start + pages * 4096
            record["runs"].append((stack, head & 3, start, pages, p.varint() if head & 4 else pages))
        return record

    def fault_sight(self, p):
        return self.fields(p, "time sight error rings ring_bytes seen lost unplaced stacks by_ip")

    def residency(self, p):
        names = "time space pid reason flags cost rss_kib pss_kib anon_kib lazy_kib huge_kib swap_kib huge_looked huge_zero"
        record, own = self.fields(p, names), Deltas()
        record["runs"] = []
        for _ in range(p.varint()):
            start, pages, flags = own.paged(p, "edge"), p.varint(), p.varint()
            own.last["edge"] = start + pages * 4096
            record["runs"].append((start, pages, flags))
        return record

    KINDS = [
        header, sync, task, exec, event, file, checkpoint, sample, exit, space_end, note, end, cache,
        module, load, frame, stack, text, names, symbols, code, attach, cost, walk,
    ]  # fmt: skip
    LATER = {30: faults, 31: fault_sight, 32: residency}


def read_trace(path):
    """[(name of the kind, record)] of a whole file."""
    data = subprocess.run(["zstd", "-dqc", path], stdout=subprocess.PIPE, check=True).stdout
    stream, reader, records = Payload(data), Reader(), []
    while stream.at < len(data):
        kind, size = stream.varint(), stream.varint()
        payload = Payload(data[stream.at : stream.at + size])
        assert len(payload.data) == size
        stream.at += size
        method = Reader.KINDS[kind - 1] if kind <= len(Reader.KINDS) else Reader.LATER[kind]
        records.append((method.__name__, method(reader, payload)))
        assert payload.at == size, f"{method.__name__}: {payload.at} of {size} bytes are told of"
    return records

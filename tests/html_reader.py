"""A second reader of HTML reports, written from report/html/format.h alone: sections to columns to Python lists."""

import base64
import collections.abc
import html.parser
import zlib


class Sections(html.parser.HTMLParser):
    """All data blocks of the file by name, and whether each is whole."""

    def __init__(self, text):
        super().__init__(convert_charrefs=False)
        self.blocks, self.scripts, self.open = {}, 0, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "script":
            attrs = dict(attrs)
            self.scripts += 1
            self.open = (attrs["id"][2:], attrs) if attrs.get("type") == "application/octet-stream" else None

    def handle_data(self, data):
        if self.open:
            name, attrs = self.open
            self.blocks[name] = (attrs, self.blocks.get(name, (attrs, ""))[1] + data)

    def handle_endtag(self, tag):
        self.open = None


def varints(data, count, at=0):
    values = []
    for _ in range(count):
        shift = value = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        values.append(value)
    return values, at


def texts(data, count):
    result, at = [], 0
    for _ in range(count):
        (size,), at = varints(data, 1, at)
        result.append(data[at:at + size].decode("utf-8"))
        at += size
    assert at == len(data)
    return result


def column(kind, data, count):
    if kind == "b":
        return list(data)
    if kind == "t":
        return texts(data, count)
    values, at = varints(data, count)
    assert at == len(data), "bytes are left over"
    if kind == "v":
        return values
    result, last = [], 0
    for value in values:
        last += (value >> 1) ^ -(value & 1)
        last &= (1 << 64) - 1 if kind == "w" else -1
        result.append(last)
    return result


def columns(data):
    assert data[0] == 1
    (count,), at = varints(data, 1, 1)
    result = {}
    for _ in range(count):
        (size,), at = varints(data, 1, at)
        name = data[at:at + size].decode("ascii")
        at += size
        kind = chr(data[at])
        (items, size), at = varints(data, 2, at + 1)
        result[name] = column(kind, data[at:at + size], items)
        assert len(result[name]) == items
        at += size
    assert at == len(data)
    return result


class Unpacked(collections.abc.Mapping):
    """Sections by name; the columns of one are read when it is first asked for."""

    def __init__(self, data):
        self.data, self.known = data, {}

    def __getitem__(self, name):
        if name not in self.known:
            self.known[name] = columns(self.data[name])
        return self.known[name]

    def __iter__(self):
        return iter(self.data)

    def __len__(self):
        return len(self.data)


class Report:
    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        self.parsed = Sections(self.text)
        whole = {}
        for name, (attrs, text) in self.parsed.blocks.items():
            if name == "eof":
                self.count = int(text)
                continue
            data = zlib.decompress(base64.b64decode(text, validate=True), -15)
            assert len(data) == int(attrs["data-n"]) and zlib.crc32(data) == int(attrs["data-crc"], 16)
            whole[name] = data
        self.sections = Unpacked(whole)
        self.meta = dict(zip(self["meta"]["key"], self["meta"]["value"]))
        self.strings = self["str"]["text"]
        self.ticks = int(self.meta["ticks"])

    def __getitem__(self, name):
        return self.sections[name]

    def rows(self, name, *wanted):
        """Tuples of some columns of a section."""
        return list(zip(*(self[name][column] for column in wanted)))

    def events(self):
        """All embedded events as dicts."""
        result = []
        for chunk in range(len(self["ev"]["count"])):
            part = self[f"e{chunk}"]
            names = [name for name in part if name != "text"]
            for values in zip(*(part[name] for name in names)):
                result.append(dict(zip(names, values)))
        return result

    def maps(self, process, tick):
        """The lines of /proc/PID/maps at a tick: lives that are there, neighbours with equal attributes merged."""
        lives, spaces = self["lives"], self["space"]
        here = [i for i, born in enumerate(lives["born"])
                if born <= tick < lives["died"][i] and spaces["proc"][lives["space"][i]] == process]
        result = []
        for i in sorted(here, key=lambda i: lives["start_page"][i]):
            start, pages = lives["start_page"][i], lives["pages"][i]
            named, shared = lives["flags"][i] & 4, lives["flags"][i] & 1
            file = lives["file"][i]
            same = (lives["prot"][i], shared, file)
            last = result[-1] if result else None
            if last and last["end"] == start and last["same"] == same and (
                    not file or named or last["offset"] + (start - last["start"]) == lives["offset_pages"][i]):
                last["end"] = start + pages
                continue
            result.append({"start": start, "end": start + pages, "same": same,
                           "offset": lives["offset_pages"][i] if file and not named else 0})
        return [(m["start"] * 4096, m["end"] * 4096, m["same"][0], bool(m["same"][1])) for m in result]

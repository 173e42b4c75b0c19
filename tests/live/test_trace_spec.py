"""brkwater-trace(5) is complete and right: a reader written from it sees what `events --json` prints."""

import pytest

from trace_spec import read_trace

COMMANDS = {
    "one process": ["calls-mmap"],
    "files and shared memory": ["calls-mmap-file"],
    "many calls": ["random-calls", 3, 400],
    "threads": ["random-calls", 3, 200, 4],
    "processes": ["fork-tree"],
    "32 bit": ["calls-mmap-m32"],
    "several frames": ["threads-race", 1, 2, 6000],
}


def number(value):
    return int(value, 16) if isinstance(value, str) and value.startswith("0x") else value


def compare_event(record, event):
    assert (record["name"], record["tid"], record["pid"], record["space"]) == (
        event["call"], event["tid"], event["pid"], event["space"],
    )  # fmt: skip
    assert abs(record["time"] / 1e7 - event["t"]) < 1e-6 and abs(record["duration"] / 10 - event["duration_us"]) < 0.051
    assert event["ret"] is None or number(event["ret"]) == record["ret"]
    assert (event["errno"] is None) == (record["error"] == 0)
    assert (record["minflt"], record["majflt"]) == (event["minflt"], event["majflt"])
    extra = ("path", "dirpath", "argv_cut", "prot_flags") if not record["name"].startswith("exec") else ()
    values = [value for name, value in event["args"].items() if name not in extra]
    for mine, theirs in zip(record["args"], values):
        theirs = number(theirs)
        if isinstance(theirs, int) and not isinstance(theirs, bool):
            assert mine == theirs % (1 << 64), (record, event)


def check_added(records, added, caches_wanted):
    """Behind the end: caches, then names with all definitions once more, the same as before."""
    caches = [record for kind, record in added if kind == "cache"]
    assert added[: len(caches)] == [("cache", record) for record in caches]
    assert [record["what"] for record in caches] == [1] * (len(caches) - 1) + [2] * bool(caches)
    assert caches or not caches_wanted
    for wanted in ("module", "frame", "stack"):
        assert [r for kind, r in added if kind == wanted] == [r for kind, r in records if kind == wanted], wanted
    known = {"cache", "module", "frame", "stack", "text", "names", "symbols", "code"}
    assert {kind for kind, _ in added} <= known
    assert not {kind for kind, _ in records} & {"cache", "text", "names", "symbols", "code"}


class Stacks:
    """What the records say of the stack of an event, as events --json has it."""

    def __init__(self, records):
        self.tables = {kind: {r["id"]: r for k, r in records if k == kind} for kind in ("module", "frame", "stack")}
        self.texts = {r["id"]: r["text"].decode() for kind, r in records if kind == "text"}
        self.names = {r["frame"]: r for kind, r in records if kind == "names"}

    def lines(self, stack):
        for frame in self.tables["stack"][stack]["frames"]:
            place, names = self.tables["frame"][frame], self.names.get(frame, {"lines": [], "offset": None})
            module = self.tables["module"].get(place["module"])
            common = (hex(place["address"]), module and module["path"].decode(), module and module["build_id"].hex())
            for i, line in enumerate(names["lines"]):
                function = self.texts.get(line["function"])
                yield (
                    *common, function, names["offset"] if function else None, self.texts.get(line["file"]),
                    line["line"] or None, i + 1 < len(names["lines"]), bool(place["flags"] & 1),
                )  # fmt: skip
            if not names["lines"]:
                yield (*common, None, None, None, None, False, bool(place["flags"] & 1))

    def compare(self, record, event):
        keys = ("address", "module", "build_id", "function", "offset", "file", "line", "inlined", "guessed")
        theirs = [tuple(line[key] for key in keys) for line in event["stack"]]
        assert event["stack_id"] == (record["stack"] or None)
        if not record["stack"]:
            assert theirs == [] and event["stack_quality"] is None
            return
        assert theirs == list(self.lines(record["stack"]))
        quality = self.tables["stack"][record["stack"]]["quality"]
        assert event["stack_quality"] == ("complete", "guessed", "truncated")[quality]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_of_the_page_sees_the_same(run_once, name):
    program, *args = COMMANDS[name]
    outcome, trace = run_once.traced(
        run_once.program(program), *args, options=["--checkpoint-every", "50"], env={"BRKWATER_KEYFRAMES": "1000"}
    )
    assert outcome.status == 0, outcome
    records = read_trace(trace.path)
    end = [kind for kind, _ in records].index("end") + 1
    added = records[end:]
    del records[end:]
    check_added(records, added, caches_wanted=name == "several frames")
    assert records[0][0] == "header" and records[-1][0] == "end"
    mine = [record for kind, record in records if kind == "event"]
    theirs = trace.events()
    assert len(mine) == len(theirs) == records[-1][1]["events"]
    stacks = Stacks(records + added)
    for record, event in zip(mine, theirs):
        compare_event(record, event)
        stacks.compare(record, event)
    before = 0
    for kind, record in records:
        before += kind == "event"
        assert kind != "sync" or record["event"] == before + 1

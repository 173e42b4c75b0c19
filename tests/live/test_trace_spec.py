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


@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_of_the_page_sees_the_same(run_once, name):
    program, *args = COMMANDS[name]
    outcome, trace = run_once.traced(
        run_once.program(program), *args, options=["--checkpoint-every", "50"], env={"BRKWATER_KEYFRAMES": "1000"}
    )
    assert outcome.status == 0, outcome
    records = read_trace(trace.path)
    caches = [record for kind, record in records if kind == "cache"]
    assert records[len(records) - len(caches) :] == [("cache", record) for record in caches], "behind the end"
    assert [record["what"] for record in caches] == [1] * (len(caches) - 1) + [2] * bool(caches)
    assert caches or name != "several frames"
    del records[len(records) - len(caches) :]
    assert records[0][0] == "header" and records[-1][0] == "end"
    mine = [record for kind, record in records if kind == "event"]
    theirs = trace.events()
    assert len(mine) == len(theirs) == records[-1][1]["events"]
    for record, event in zip(mine, theirs):
        compare_event(record, event)
    before = 0
    for kind, record in records:
        before += kind == "event"
        assert kind != "sync" or record["event"] == before + 1

"""Each program of examples/ states in its head comment what the report should show; here the trace is asked whether it does."""

import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("BRKWATER_BUILD", ROOT / "build"))
ANONYMOUS = ["MAP_PRIVATE", "MAP_ANONYMOUS"]
PAGE = 4096
MIB = 1 << 20


def traced(run, name, *arguments):
    """Run an example; its trace, and what it printed.  The programs check themselves and exit with 0."""
    program = run.write(name, (BUILD / "examples" / name).read_bytes(), mode=0o755)
    outcome, trace = run.traced(program, *arguments)
    assert outcome.status == 0, outcome
    trace.verify()
    return trace, outcome.out


def after_load(trace, pid=None):
    """What the program did once the loader was done with it: that unmaps its cache last.  Exits are no memory calls."""
    events = [event for event in trace.events() if event["call"] != "exit_group" and (pid is None or event["pid"] == pid)]
    loaded = next(i for i, event in enumerate(events) if event["call"] == "munmap")
    return events[loaded + 1 :]


def shape(event):
    return event["call"], event["mapped"], event["unmapped"]


def address(event):
    return int(event["ret"], 16)


def arg(event, name):
    value = event["args"][name]
    return int(value, 16) if isinstance(value, str) else value


def layout(run, trace, *options):
    outcome = run.verb("layout", trace.path, "--format", "json", *options)
    assert outcome.status == 0, outcome
    return json.loads(outcome.out)["mappings"]


def bytes_of(mappings, kind):
    return sum(
        int(segment["end"], 16) - int(segment["start"], 16)
        for mapping in mappings
        for segment in mapping["segments"]
        if segment["kind"] == kind
    )


def kind_at(mappings, where):
    for mapping in mappings:
        for segment in mapping["segments"]:
            if int(segment["start"], 16) <= where < int(segment["end"], 16):
                return segment["kind"]
    return None


def report_row(run, trace, title):
    """The numbers of a row of the report's table of kinds: at end, peak, mapped, returned, calls."""
    outcome = run.verb("report", trace.path)
    assert outcome.status == 0, outcome
    (row,) = [line for line in outcome.out.splitlines() if line.strip().startswith(title + "  ")]
    return row.strip()[len(title) :].split()


def test_brk_and_mmap(run):
    trace, out = traced(run, "brk-and-mmap")
    events = after_load(trace)
    assert [shape(event) for event in events] == [
        ("brk", 0, 0),
        ("brk", 4096, 0),
        ("brk", 28672, 0),
        ("brk", 40960, 0),
        ("mmap", 208896, 0),
        ("brk", 102400, 0),
        ("munmap", 0, 208896),
        ("brk", 0, 143360),
    ]
    start = address(events[0])
    assert [address(event) - start for event in events if event["call"] == "brk"] == [0, 0x1000, 0x8000, 0x12000, 0x2B000, 0x8000]
    chunk = events[4]
    assert (chunk["args"]["prot"], chunk["args"]["flags"], chunk["kind"]) == ("rw-", ANONYMOUS, "chunk")
    assert f"malloc 200 KiB {hex(address(chunk) + 16)}" in out
    mappings = layout(run, trace, "--at", "end")
    assert bytes_of(mappings, "heap") == 32768
    assert kind_at(mappings, address(chunk)) is None
    assert report_row(run, trace, "heap (brk)")[:6] == ["32K", "172K", "172K", "140K", "7", "take"]
    report = run.verb("report", trace.path).out
    assert "grew 4 x +172K, trimmed 1 x -140K, high water 172K" in report


def test_sbrk(run):
    trace, out = traced(run, "sbrk")
    events = after_load(trace)
    assert {event["call"] for event in events} == {"brk"}
    start = address(events[0])
    assert [(address(event) - start, event["mapped"], event["unmapped"]) for event in events] == [
        (0, 0, 0),
        (65536, 65536, 0),
        (65636, 4096, 0),
        (65836, 0, 0),
        (65636, 0, 0),
        (0, 0, 69632),
    ]
    mappings = layout(run, trace, "--at", f"#{events[3]['id']}")
    assert bytes_of(mappings, "heap") == 69632
    for section, kind in (("text", "image"), ("data", "image"), ("bss", "image"), ("stack", "stack")):
        where = int(re.search(rf"\b{section}\b\D*?0x([0-9a-f]+)", out)[1], 16)
        assert kind_at(mappings, where) == kind, f"{section} at {where:#x}"
    assert bytes_of(layout(run, trace), "heap") == 0


def test_mapfile(run):
    trace, _ = traced(run, "mapfile")
    events = after_load(trace)
    assert [event["call"] for event in events] == ["mmap"] * 3 + ["munmap"] * 3
    assert [event["args"]["flags"] for event in events[:3]] == [["MAP_SHARED"], ["MAP_PRIVATE"], ["MAP_PRIVATE", "MAP_POPULATE"]]
    assert all(event["kind"] == "file" and event["args"]["path"].endswith(" (deleted)") for event in events[:3])
    assert all(event["mapped"] == 65536 for event in events[:3]) and all(event["unmapped"] == 65536 for event in events[3:])
    assert events[2]["minflt"] >= 1 and events[0]["minflt"] == events[1]["minflt"] == 0, "only MAP_POPULATE faults by itself"
    assert [arg(event, "addr") for event in events[3:]] == [address(event) for event in events[:3]]
    path = events[0]["args"]["path"]
    mapped = [m for m in layout(run, trace, "--at", f"#{events[2]['id']}") if m["file"] == path]
    assert sum(int(m["end"], 16) - int(m["start"], 16) for m in mapped) == 3 * 65536
    assert not [m for m in layout(run, trace) if m["file"] == path]


def test_protect(run):
    trace, _ = traced(run, "protect")
    events = after_load(trace)
    assert [shape(event) for event in events] == [
        ("mmap", 57344, 0),
        ("munmap", 0, 4096),
        ("munmap", 0, 4096),
        ("mprotect", 0, 0),
        ("mprotect", 0, 0),
    ]
    base = address(events[0])

    def pieces(event):
        low, high = base + PAGE, base + 53248
        mappings = layout(run, trace, "--at", f"#{event['id']}")
        return [
            (int(m["end"], 16) - int(m["start"], 16), m["prot"])
            for m in mappings
            if low <= int(m["start"], 16) < high
        ]

    assert pieces(events[2]) == [(49152, "rw-")]
    assert pieces(events[3]) == [(16384, "rw-"), (16384, "r--"), (16384, "rw-")]
    assert pieces(events[4]) == [(49152, "rw-")]
    assert kind_at(layout(run, trace), base + PAGE) == "anonymous"


def test_threads(run):
    trace, out = traced(run, "threads")
    events = after_load(trace)
    main = events[0]["pid"]
    stacks = [event for event in events if event["call"] == "mmap" and "MAP_STACK" in event["args"]["flags"]]
    assert [(event["tid"], event["mapped"]) for event in stacks] == [(main, 266240)] * 4
    assert all(event["kind"] == "stack" for event in stacks)
    workers = sorted({event["tid"] for event in events if event["tid"] != main})
    assert len(workers) == 4
    for tid in workers:
        mine = [event for event in events if event["tid"] == tid and event["call"] in ("mmap", "munmap")]
        assert sum(event["mapped"] - event["unmapped"] for event in mine) == 64 * MIB
        assert all(event["kind"] == "arena" for event in mine)
        grown = [event for event in events if event["tid"] == tid and event["call"] == "mprotect"]
        assert [event["args"]["length"] for event in grown] == [135168, 73728, 102400]
        assert arg(grown[0], "addr") % (64 * MIB) == 0
        given_back = [event for event in events if event["tid"] == tid and event["call"] == "madvise"]
        assert given_back[0]["args"]["advice"] == "MADV_DONTNEED"
    mappings = layout(run, trace)
    assert bytes_of(mappings, "arena") == 4 * 64 * MIB
    assert bytes_of(mappings, "guard") == 4 * PAGE
    assert bytes_of(mappings, "heap") == 135168
    owners = {segment["owner"] for m in mappings for segment in m["segments"] if segment["kind"] == "guard"}
    assert owners == set(workers), "each stack belongs to the thread that runs on it"
    assert len(re.findall(r"^thread \d: stack 0x", out, re.MULTILINE)) == 4


def test_sharedmem(run):
    trace, _ = traced(run, "sharedmem")
    parent = trace.events()[0]["pid"]
    (child,) = {event["pid"] for event in trace.events()} - {parent}
    mine = after_load(trace, parent)
    assert [event["call"] for event in mine] == ["mmap", "shmat", "clone", "munmap", "shmdt", "shmat"]
    shm, attached, _, unmapped, detached, refused = mine
    assert (shm["mapped"], shm["kind"], shm["args"]["flags"]) == (16384, "shared", ["MAP_SHARED"])
    assert (attached["mapped"], attached["kind"]) == (32768, "shared")
    assert unmapped["unmapped"] == 16384 and detached["unmapped"] == 32768
    assert refused["errno"] == "EINVAL" and refused["mapped"] == 0
    theirs = trace.calls("shmat", "shmdt", pid=child)
    assert [shape(event) for event in theirs] == [("shmat", 32768, 0), ("shmdt", 0, 32768)]
    assert theirs[0]["args"]["flags"] == ["SHM_RDONLY"] and theirs[0]["ret"] != attached["ret"]
    end = layout(run, trace, "--pid", str(child))
    assert bytes_of(end, "shared") == 49152
    births = {segment["birth"] for m in end for segment in m["segments"] if segment["kind"] == "shared"}
    assert births == {shm["id"], attached["id"]}, "a child's memory keeps the attribution of its parent"
    assert bytes_of(layout(run, trace, "--pid", str(parent)), "shared") == 0


@pytest.mark.parametrize("sizes", [{4096: 387, 8192: 140, 12288: 51, 16384: 52}])
def test_own_malloc(run, sizes):
    trace, out = traced(run, "own-malloc")
    events = after_load(trace)
    live, peak, most = {}, 0, 0
    counts = {}
    for event in events:
        if event["call"] == "mmap":
            assert event["args"]["flags"] == ANONYMOUS and event["kind"] == "anonymous"
            counts[event["mapped"]] = counts.get(event["mapped"], 0) + 1
            live[event["ret"]] = event["mapped"]
        else:
            assert event["call"] == "munmap" and live.pop(event["args"]["addr"]) == event["unmapped"]
        peak, most = max(peak, sum(live.values())), max(most, len(live))
    assert counts == sizes and not live
    assert (len(events), peak, most) == (1260, 458752, 67)
    assert "630 calls, 4210688 bytes" in out
    assert sum(event["mapped"] for event in events) == sum(event["unmapped"] for event in events) == 4210688


def heap(run, trace):
    outcome = run.verb("heap", trace.path, "--json")
    assert outcome.status == 0, outcome
    return json.loads(outcome.out)


def live_by(run, trace, metric="live"):
    return run.verb("stacks", trace.path, "--by", metric).out


def test_leak_by_mmap(run):
    trace, _ = traced(run, "leak-by-mmap")
    calls = [event for event in after_load(trace) if event["call"] in ("mmap", "munmap") and event["args"]["length"] == 131072]
    assert [event["call"] for event in calls].count("mmap") == 200 and len(calls) == 350
    assert all(event["kind"] == "anonymous" and "handle" in [frame["function"] for frame in event["stack"]] for event in calls)
    row = report_row(run, trace, "anonymous")
    assert row[2:6] == ["25M", "18.8M", "352", "handle"]
    assert re.search(r"6\.25M +[\d.]+ % +handle \(leak-by-mmap\.c:\d+\)", live_by(run, trace)), live_by(run, trace)
    trace, _ = traced(run, "leak-by-mmap", "fixed")
    assert report_row(run, trace, "anonymous")[2:4] == ["25M", "25M"]
    assert "handle" not in live_by(run, trace)


def test_pinned_heap(run):
    trace, _ = traced(run, "pinned-heap")
    told = heap(run, trace)["heap"]
    assert told["trimmed"]["calls"] == 0 and told["size"] == told["high"] == told["grown"]["bytes"] > 400 * 32768
    text = run.verb("heap", trace.path).out
    assert "never trimmed" in text and "trimmed by" not in text and re.search(r"load \(pinned-heap\.c:\d+\) .* 100 %", text), text
    trace, _ = traced(run, "pinned-heap", "fixed")
    told = heap(run, trace)
    assert told["heap"]["size"] == 132 << 10 and told["heap"]["trimmed"]["calls"] == 400
    assert {(step["cause"], step["site"].split()[0]) for step in told["steps"] if step["act"] == "trimmed"} == {("free", "unload")}


def test_trim_storm(run):
    trace, _ = traced(run, "trim-storm")
    told = heap(run, trace)["heap"]
    assert told["grown"]["calls"] > 390 and told["trimmed"]["calls"] > 780 and told["high"] == 532 << 10
    text = run.verb("heap", trace.path).out
    assert re.search(r"take_round \(trim-storm\.c:\d+\) .* malloc\n", text), text
    assert re.search(r"give_round \(trim-storm\.c:\d+\) .* free, by itself\n", text), text
    assert faults(run, trace) > 10000
    trace, _ = traced(run, "trim-storm", "fixed")
    told = heap(run, trace)["heap"]
    assert told["grown"]["calls"] == 3 and told["trimmed"]["calls"] == 0 and told["high"] == 532 << 10
    assert faults(run, trace) < 1000


def faults(run, trace):
    return int(re.search(r"faults +([\d,]+) minor", run.verb("report", trace.path).out)[1].replace(",", ""))


def test_threshold_drift(run):
    trace, _ = traced(run, "threshold-drift")
    told = heap(run, trace)
    moves = told["thresholds"]["moves"]
    assert [(move["from"], move["to"]) for move in moves] == [(131072, 200704), (200704, 1052672)]
    assert [move["site"].split()[0] for move in moves] == ["drop_image", "drop_configuration"]
    assert all(move["moved_site"].startswith("read_image") and move["moved_event"] > moves[1]["event"] for move in moves)
    assert (told["thresholds"]["mmap"], told["thresholds"]["trim"]) == (1052672, 2105344)
    assert told["chunks"]["mapped"]["calls"] == told["chunks"]["unmapped"]["calls"] == 3
    assert told["heap"]["size"] > 20 * 196608 and not told["heap"]["trimmed"]["calls"]
    trace, _ = traced(run, "threshold-drift", "fixed")
    told = heap(run, trace)
    assert told["chunks"]["mapped"]["calls"] == told["chunks"]["unmapped"]["calls"] == 23
    assert told["thresholds"]["set_by_program"] and told["heap"]["size"] == 132 << 10


def test_arenas(run):
    trace, _ = traced(run, "arenas")
    told = heap(run, trace)
    workers = {event["tid"] for event in trace.events()} - {told["pid"]}
    assert len(told["arenas"]) == len(workers) == 6
    assert {tuple(arena["threads"]) for arena in told["arenas"]} == {(tid,) for tid in workers}
    assert all(arena["open"] == 132 << 10 and arena["grown"]["calls"] == 1 for arena in told["arenas"])
    row = report_row(run, trace, "glibc arenas")
    assert row[0] == "384M" and row[5] == "work"
    trace, _ = traced(run, "arenas", "fixed")
    assert not heap(run, trace)["arenas"] and "glibc arenas" not in run.verb("report", trace.path).out


def test_rwx(run):
    for arguments, prots in (((), ["rwx"]), (("fixed",), ["rw-", "r-x"])):
        trace, out = traced(run, "rwx", *arguments)
        mine = [event for event in after_load(trace) if "compile" in [frame["function"] for frame in event["stack"]]]
        assert [event["args"]["prot"] for event in mine] == prots and mine[0]["mapped"] == PAGE
        assert "the answer is 42" in out
        found = json.loads(run.verb("findings", trace.path, "--json").out)
        assert [(one["name"], one["stacks"][0]["site"].split()[0]) for one in found] == (
            [("writable-executable", "compile")] if not arguments else []
        )


def storms(run, trace):
    outcome = run.verb("findings", trace.path, "--json")
    assert outcome.status == 0, outcome
    return [
        ({number: one["numbers"][number] for number in ("faults", "again", "copies", "first")}, one["stacks"][0]["site"].split()[0])
        for one in json.loads(outcome.out)
        if one["name"] == "fault-storm"
    ]


def sees_faults(run, trace):
    return run.verb("stacks", trace.path, "--by", "touched").status == 0


def test_touched_late(run):
    trace, _ = traced(run, "touched-late")
    if not sees_faults(run, trace):
        pytest.skip("this user may not look at page faults here")
    ((numbers, site),) = storms(run, trace)
    assert site == "answer" and numbers["first"] == 32 * MIB and numbers["again"] == numbers["copies"] == 0
    assert re.search(r"32M +[\d.]+ % +answer \(touched-late\.c:\d+\)", live_by(run, trace, "touched"))
    trace, _ = traced(run, "touched-late", "fixed")
    assert not storms(run, trace)


def test_cow_after_fork(run):
    trace, _ = traced(run, "cow-after-fork")
    if not sees_faults(run, trace):
        pytest.skip("this user may not look at page faults here")
    ((numbers, site),) = storms(run, trace)
    assert site == "update" and 8192 <= numbers["copies"] < 8300 and numbers["first"] < 64 * PAGE
    assert re.search(r"32M +[\d.]+ % +fill \(cow-after-fork\.c:\d+\)", live_by(run, trace, "touched"))
    trace, _ = traced(run, "cow-after-fork", "fixed")
    assert not storms(run, trace)


def test_every_example_says_what_it_shows():
    """A new example has a head comment of the same form, and a test here."""
    here = Path(__file__).read_text()
    for source in sorted((ROOT / "examples").glob("*.c")):
        assert "What the report should show:" in source.read_text(), source
        assert f"def test_{source.stem.replace('-', '_')}(" in here, f"{source} has no test"

"""`brkwater heap`: what it says of malloc is what malloc says of itself."""

import json
import os
import re
from pathlib import Path

import pytest

PAGE = 4096
BUILD = Path(os.environ.get("BRKWATER_BUILD", Path(__file__).resolve().parent.parent.parent / "build"))
ACTS = {
    "grown", "trimmed", "dropped", "arena-made", "arena-grown", "arena-shrunk", "arena-ended", "chunk-mapped", "chunk-resized",
    "chunk-unmapped", "measured",
}  # fmt: skip


def heap(run, trace, *options):
    outcome = run.verb("heap", trace.path, "--json", *options)
    assert outcome.status == 0 and not outcome.stderr, outcome
    told = json.loads(outcome.stdout)
    check_sums(told)
    text = run.verb("heap", trace.path, *options)
    assert text.status == 0 and f"pid {told['pid']} (" in text.out, text
    assert max(len(line) for line in text.out.splitlines()) <= 110, text.out
    return told


def example(run, name):
    return run.write(name, (BUILD / "examples" / name).read_bytes(), mode=0o755)


def check_sums(told):
    """The sums are those of the steps."""
    counts = {}
    for step in told["steps"]:
        assert step["act"] in ACTS
        calls, total = counts.get(step["act"], (0, 0))
        counts[step["act"]] = calls + 1, total + step["bytes"]
    sums = {
        "grown": told["heap"]["grown"],
        "trimmed": told["heap"]["trimmed"],
        "dropped": told["heap"]["dropped"],
        "chunk-mapped": told["chunks"]["mapped"],
        "chunk-unmapped": told["chunks"]["unmapped"],
    }
    for act, counted in sums.items():
        assert (counted["calls"], counted["bytes"]) == counts.get(act, (0, 0)), act
    returned = told["returned"]
    assert returned["promised"] >= returned["measured"] >= (returned["at_most"] or 0) >= (returned["at_least"] or 0)


def traced(run, *argv):
    outcome, trace = run.traced(run.program(argv[0]), *argv[1:])
    assert outcome.status == 0, outcome
    trace.verify()
    return trace, [line.split() for line in outcome.out.splitlines()]


@pytest.mark.parametrize("variant", ["", "-m32"])
def test_thresholds(run, variant):
    """The dynamic mmap threshold after each free(3), which the program finds out by malloc itself, mallopt(3)."""
    trace, lines = traced(run, "malloc-thresholds" + variant)
    stated = [int(line[1]) for line in lines if line[0] == "threshold"]
    moves = sorted(set(stated))
    told = heap(run, trace)["thresholds"]
    assert [128 << 10, *(move["to"] for move in told["moves"])] == moves
    assert [move["from"] for move in told["moves"]] == moves[:-1]
    assert told["mmap"] == stated[-1] and told["trim"] == 2 * stated[-1] and not told["set_by_program"]
    assert not any(move["at_most"] for move in told["moves"])
    frees = {event["id"]: event for event in trace.calls("munmap")}
    for move in told["moves"]:
        assert frees[move["event"]]["unmapped"] == move["to"]
        assert move["site"].startswith("free_chunk") and move["mapped_by_site"].startswith("free_chunk")


def test_thresholds_over_time(run_once):
    """--at: the value at that moment, and not what came later."""
    trace, lines = traced(run_once, "malloc-thresholds")
    stated = [int(line[1]) for line in lines if line[0] == "threshold"]
    for move in heap(run_once, trace)["thresholds"]["moves"]:
        before = heap(run_once, trace, "--at", f"#{move['event'] - 1}")["thresholds"]
        after = heap(run_once, trace, "--at", f"#{move['event']}")["thresholds"]
        assert (before["mmap"], after["mmap"]) == (move["from"], move["to"])
        assert before["mmap"] in stated and after["mmap"] in stated


@pytest.mark.parametrize("how", ["set", "high"])
def test_threshold_that_is_set(run_once, how):
    """A program that sets the threshold ends its moving, mallopt(3): blocks that go where they should not give it away."""
    trace, _ = traced(run_once, "malloc-thresholds", how)
    told = heap(run_once, trace)["thresholds"]
    assert told["set_by_program"] and told["set_event"] and told["mmap"] is None
    assert {"set": "a block of 68K was mapped", "high": "the heap grew by 16"}[how] in told["set_sign"]
    assert "set by the program, it seems" in run_once.verb("heap", trace.path).out
    assert "set by the program, it seems" in run_once.verb("report", trace.path).out


def test_spare_room_that_is_set(run_once):
    """M_TOP_PAD and M_TRIM_THRESHOLD end it as well, mallopt(3): the heap grows and shrinks by less than it would."""
    _, trace = run_once.traced(example(run_once, "brk-and-mmap"))
    told = heap(run_once, trace)["thresholds"]
    assert told["set_by_program"] and not told["moves"] and "the heap grew by 4.0K only" in told["set_sign"]
    outcome, trace = run_once.traced(
        run_once.program("malloc-trims"), "drift", env={"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=131072"}
    )
    assert outcome.status == 0, outcome
    assert "free trimmed" in heap(run_once, trace)["thresholds"]["set_sign"]
    outcome, trace = run_once.traced(run_once.program("malloc-trims"), "drift")
    assert not heap(run_once, trace)["thresholds"]["set_by_program"]


def test_a_size_that_moved(run_once):
    """The first growth of the heap by a caller whose blocks had been mapped until the threshold rose."""
    trace, _ = traced(run_once, "malloc-thresholds")
    moves = heap(run_once, trace)["thresholds"]["moves"]
    grown = {event["id"]: event for event in trace.calls("brk")}
    assert moves[0]["chunks"] >= 1
    for move in moves:
        if move["moved_event"]:
            assert move["moved_event"] > move["event"] and grown[move["moved_event"]]["mapped"] > 0
    assert moves[0]["moved_event"] and moves[0]["moved_site"].startswith("is_mapped")


def test_trims(run):
    """How much each trim gave back, sbrk(2), and who caused it."""
    trace, lines = traced(run, "malloc-trims")
    told = heap(run, trace)
    trims = [(step["cause"], step["bytes"]) for step in told["steps"] if step["act"] == "trimmed"]
    assert trims == [(cause, int(size)) for cause, size in lines] and len(trims) >= 3
    report = run.verb("report", trace.path).out
    assert re.search(r"malloc     trims by program 1 x, malloc_trim 1 x, free \d+ x", report), report


def test_heap_as_the_layout_has_it(run_once):
    """Size and edges at any moment are those of the layout."""
    trace, _ = traced(run_once, "malloc-trims")
    high = 0
    for event in trace.calls("brk"):
        told = heap(run_once, trace, "--at", f"#{event['id']}")["heap"]
        layout = json.loads(run_once.verb("layout", trace.path, "--format", "json", "--at", f"#{event['id']}").stdout)
        there = [m for m in layout["mappings"] if m["kind"] == "heap"]
        assert told["size"] == sum(int(m["end"], 16) - int(m["start"], 16) for m in there)
        high = max(high, told["size"])
        assert told["high"] == high
        assert int(told["break"], 16) == int(event["ret"], 16)


def test_arena(run):
    """A thread's arena: who uses it, how much of it is open, and that free(3) trims it."""
    trace, _ = traced(run, "malloc-trims", "arena")
    told = heap(run, trace)
    (arena,) = told["arenas"]
    (thread,) = {event["tid"] for event in trace.events()} - {told["pid"]}
    assert arena["threads"] == [thread] and not arena["further"] and not arena["more_threads"]
    grown = [event for event in trace.calls("mprotect") if event["kind"] == "arena"]
    assert arena["open"] == sum(event["args"]["length"] for event in grown) >= 12 * (100 << 10)
    assert arena["grown"] == {"calls": len(grown), "bytes": arena["open"]}
    shrunk = [step for step in told["steps"] if step["act"] == "arena-shrunk"]
    assert shrunk and all(step["cause"] == "free" and step["at"] == arena["start"] for step in shrunk)
    assert sum(step["bytes"] for step in shrunk) == told["returned"]["promised"]


def test_another_process(run_once):
    """A child goes on with its parent's heap; its sums are its own."""
    outcome, trace = run_once.traced("/bin/bash", "-c", "(x=$(printf %300000s); exit 0); true")
    assert outcome.status == 0, outcome
    parent = trace.events()[0]["pid"]
    for pid in {event["pid"] for event in trace.events()}:
        told = heap(run_once, trace, "--pid", str(pid))
        assert told["pid"] == pid and (pid == parent or told["heap"]["size"] > 0)


def test_not_glibc(run_once):
    """Where malloc is not in libc.so.6 nothing is said of thresholds."""
    outcome, trace = run_once.traced(run_once.program("random-calls-static"), "1", "50")
    assert outcome.status == 0, outcome
    assert heap(run_once, trace)["thresholds"] is None
    assert "thresholds are unknown" in run_once.verb("heap", trace.path).out


def test_usage(run_once):
    """One line that names what is wrong."""
    _, trace = run_once.traced("/bin/true")
    for argv, word in [
        ((), "TRACE"),
        ((trace.path, "--at", "soon"), "soon"),
        ((trace.path, "--pid", "x"), "x"),
        ((trace.path, trace.path), "one TRACE"),
    ]:
        outcome = run_once.verb("heap", *argv)
        assert outcome.status == 2 and word in outcome.err and len(outcome.err.splitlines()) <= 2, outcome
    assert run_once.verb("heap", "--help").status == 0

"""Page faults: which code touched memory first, what is no first touch, and what cannot be seen."""

import json
import re

import pytest
from trace_spec import read_trace

PAGE = 4096


def folded(run, trace, metric, *options):
    outcome = run.verb("stacks", trace.path, "--by", metric, "--format", "folded", *options)
    assert outcome.status == 0, outcome
    return [(words.rsplit(" ", 1)[0], int(words.rsplit(" ", 1)[1])) for words in outcome.out.splitlines()]


def sum_of(lines, function):
    return sum(value for stack, value in lines if function in re.split("[;]", stack))


def sights(trace):
    return [record for kind, record in read_trace(trace.path) if kind == "fault_sight"]


def claims(out):
    found = re.findall(r"^(\w+) touched=(\d+) faults=(\d+) kernel=(\d+)$", out, re.MULTILINE)
    assert len(found) == 7, out
    return {name: tuple(map(int, numbers)) for name, *numbers in found}


@pytest.fixture
def seen(run):
    """A trace of fault-sums and what it said; where faults may not be looked at there is nothing to test."""
    outcome, trace = run.traced(run.program("fault-sums"))
    assert outcome.status == 0, outcome
    trace.verify()
    if sights(trace)[-1]["sight"] < 4:
        pytest.skip("this user may not look at page faults here")
    return trace, claims(outcome.out)


def test_known_pages(run, seen):
    """Each function's sum is what the program says, but for the pages that its own code and data lie in."""
    trace, stated = seen
    kernel_too = sights(trace)[-1]["sight"] == 5
    touched, faults = folded(run, trace, "touched"), folded(run, trace, "faults")
    for function, (pages, times, by_kernel) in stated.items():
        if by_kernel and not kernel_too:
            pages, times = 0, 0
        assert pages <= sum_of(touched, function) // PAGE <= pages + 4, (function, touched)
        assert times <= sum_of(faults, function) <= times + 4, (function, faults)


def test_sight_is_told(run, seen):
    """All that the rings gave is in the records or counted as not placed; what is missing is told with its size."""
    trace, _ = seen
    first, last = sights(trace)
    assert first["seen"] == 0 and first["rings"] > 0 and last["sight"] == first["sight"]
    runs = [row for kind, record in read_trace(trace.path) if kind == "faults" for row in record["runs"]]
    assert sum(row[4] for row in runs) == last["seen"] - last["unplaced"] and last["lost"] == 0
    assert all(pages >= 1 and start % PAGE == 0 and times >= pages for _, _, start, pages, times in runs)
    report = run.verb("report", trace.path).out
    assert re.search(r"faults +[\d,]+ minor, [\d,]+ major +\d[\d.]* % attributed to code", report), report
    note = run.verb("stacks", trace.path, "--by", "touched").out.splitlines()[1]
    assert ("not among them: the kernel's own" in note) == (last["sight"] == 4), note


def test_touched_of_a_layout(run, seen):
    """What was touched of each mapping: what all functions say, at least."""
    trace, stated = seen
    pid = str(trace.events()[0]["pid"])
    mappings = json.loads(run.verb("layout", trace.path, "--format", "json", "--pid", pid).out)["mappings"]
    assert all(m["touched"] == sum(s["touched"] for s in m["segments"]) for m in mappings)
    assert all(m["touched"] <= int(m["end"], 16) - int(m["start"], 16) for m in mappings)
    anonymous = sum(s["touched"] for m in mappings for s in m["segments"] if s["kind"] == "anonymous")
    # All of it is still there but what was unmapped, and what is the kernel's is seen by some users only.
    assert anonymous >= (300 + 100 + 50 + 60 + 64 + 80) * PAGE
    table = run.verb("layout", trace.path, "--pid", pid).out.splitlines()
    assert re.match(r"address +size  touched( resident)? perms", table[1]), table[1]


def test_no_faults(run):
    """--no-faults looks at none, and says so where they are asked for."""
    outcome, trace = run.traced(run.program("fault-sums"), options=["--no-faults"])
    assert outcome.status == 0, outcome
    assert [record["sight"] for record in sights(trace)] == [1]
    assert not [kind for kind, _ in read_trace(trace.path) if kind == "faults"]
    outcome = run.verb("stacks", trace.path, "--by", "touched")
    assert outcome.status == 1 and outcome.err.count("\n") == 1 and not outcome.out, outcome
    assert "holds no page faults" in outcome.err and "--no-faults" in outcome.err, outcome
    inside = sum((event["minflt"] or 0) + (event["majflt"] or 0) for event in trace.events())
    assert sum(value for _, value in folded(run, trace, "faults")) == inside
    table = run.verb("layout", trace.path).out.splitlines()
    assert "touched" not in table[1] and '"touched":null' in run.verb("layout", trace.path, "--format", "json").out


def test_denied(run):
    """Where the kernel does not let us look, the recording is whole all the same, and the report says what is missing."""
    wrapper = run.program("refuse-perf")
    path = run.path("denied.brkw")
    outcome = run(wrapper, run.brkwater, "-q", "-o", path, run.program("fault-sums"))
    assert outcome.status == 0, outcome
    records = read_trace(path)
    assert [(r["sight"], r["error"]) for kind, r in records if kind == "fault_sight"] == [(2, 1)]
    report = run.verb("report", path).out
    assert re.search(r"[\d,]+ not seen \(the kernel does not allow to look at faults: brkwater doctor\)", report), report


def test_many_faults(run):
    """A great many faults make few bytes: what lies side by side is one run."""
    code = "import mmap; m = mmap.mmap(-1, 256 << 20); m.madvise(15)\nfor i in range(0, len(m), 4096): m[i] = 1"
    outcome, trace = run.traced("/usr/bin/python3", "-c", code)
    assert outcome.status == 0, outcome
    last = sights(trace)[-1]
    if last["sight"] < 4:
        pytest.skip("this user may not look at page faults here")
    assert last["seen"] + last["lost"] >= 65536
    size = int(run("stat", "-c", "%s", trace.path).out)
    assert size < 400000, size
    touched = sum(value for _, value in folded(run, trace, "touched"))
    assert touched >= (65536 - last["lost"]) * PAGE

"""`brkwater findings`: the examples show what they are about, their fixed versions and healthy programs do not."""

import json
import os
from pathlib import Path

import pytest

from html_reader import Report

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("BRKWATER_BUILD", ROOT / "build"))
KEYS = ["name", "severity", "confidence", "pid", "sentence", "numbers", "events", "stacks", "advice", "see"]

# The finding of each example, its severity, and the code that its first stack names.
EXAMPLES = {
    "leak-by-mmap": ("growth", "warning", "handle"),
    "pinned-heap": ("heap-pinned", "warning", "load"),
    "trim-storm": ("trim-storm", "warning", "give_round"),
    "threshold-drift": ("threshold-drift", "warning", "read_image"),
    "arenas": ("arena-sprawl", "warning", "work"),
    "rwx": ("writable-executable", "warning", "compile"),
}
# These show from their first event on; an arena is there for good.
BEGINS_LATER = ["growth", "heap-pinned", "trim-storm", "threshold-drift", "writable-executable"]


def findings(run, trace):
    outcome = run.verb("findings", trace.path, "--json")
    assert outcome.status == 0 and not outcome.err, outcome
    found = json.loads(outcome.out)
    events = {event["id"] for event in trace.events()}
    for finding in found:
        assert list(finding) == KEYS
        assert finding["severity"] in ("note", "warning", "problem") and finding["confidence"] in ("low", "medium", "high")
        assert all("{" not in finding[key] and "unknown code" not in finding[key] for key in ("sentence", "advice", "see")), finding
        assert set(finding["events"]) <= events, finding
        assert all(stack["frames"] for stack in finding["stacks"])
    order = [("problem", "warning", "note").index(finding["severity"]) for finding in found]
    assert order == sorted(order)
    return found


def traced_example(run, name, *arguments):
    program = run.write(name, (BUILD / "examples" / name).read_bytes(), mode=0o755)
    outcome, trace = run.traced(program, *arguments)
    assert outcome.status == 0, outcome
    return trace


def serious(found):
    return [(finding["name"], finding["sentence"]) for finding in found if finding["severity"] != "note"]


def check_in_html(run, trace, found):
    """The page has the same findings, with the times of their events, and of the part of the recording where they show."""
    page = Path(trace.path).with_suffix(".html")
    assert run.verb("html", trace.path, "-o", page).status == 0
    report = Report(page)
    find, strings = report["find"], report["str"]["text"]
    times = {event["id"]: event["time"] for event in report.events()}
    assert [strings[name] for name in find["name_str"]] == [finding["name"] for finding in found]
    at = 0
    for i, finding in enumerate(found):
        count = find["events"][i]
        assert find["event_id"][at:at + count] == finding["events"]
        assert find["event_time"][at:at + count] == [times[event] for event in finding["events"]]
        assert 0 <= find["start"][i] <= find["end"][i] <= report.ticks
        at += count
    return {strings[name]: (find["start"][i], find["end"][i]) for i, name in enumerate(find["name_str"])}, report.ticks


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(run_once, name):
    finding_name, severity, site = EXAMPLES[name]
    trace = traced_example(run_once, name)
    found = findings(run_once, trace)
    (mine,) = [finding for finding in found if finding["name"] == finding_name]
    assert mine["severity"] == severity and mine["events"] and mine["stacks"][0]["site"].startswith(site + " (" + name), mine
    assert [one[0] for one in serious(found)] == ([finding_name] if severity != "note" else [])
    text = run_once.verb("findings", trace.path).out
    assert finding_name in text and "What to do: " in text and site in text
    shows, ticks = check_in_html(run_once, trace, found)
    start, end = shows[finding_name]
    assert (start > 0) == (finding_name in BEGINS_LATER) and end >= start, (start, end, ticks)
    report = run_once.verb("report", trace.path).out
    assert (f"- {finding_name} " in report) == (severity != "note"), report


@pytest.mark.parametrize("name", EXAMPLES)
def test_fixed_examples(run_once, name):
    trace = traced_example(run_once, name, "fixed")
    found = findings(run_once, trace)
    assert EXAMPLES[name][0] not in [finding["name"] for finding in found] and not serious(found), found
    assert "\n  findings\n" not in run_once.verb("report", trace.path).out


# What tests/programs/finding-shapes.c does by these names, with the code that does it.
SHAPES = {
    "map-churn": ("warning", "map"),
    "protect-storm": ("warning", "protect"),
    "stack-leak": ("warning", "run_thread"),
    "guard-missing": ("warning", "run_thread"),
    "file-growth": ("warning", "map"),
    "failed-calls": ("warning", "fail"),
    "lazy-free": ("note", "lazy"),
    "reserved-untouched": ("note", "map"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(run_once, name):
    severity, site = SHAPES[name]
    outcome, trace = run_once.traced(run_once.program("finding-shapes"), name)
    assert outcome.status == 0, outcome
    found = findings(run_once, trace)
    (mine,) = [finding for finding in found if finding["name"] == name]
    assert mine["severity"] == severity and mine["stacks"][0]["site"].startswith(site + " ("), mine
    outcome, trace = run_once.traced(run_once.program("finding-shapes"), name, "well")
    assert outcome.status == 0, outcome
    found = findings(run_once, trace)
    assert name not in [finding["name"] for finding in found] and not serious(found), found


def test_numbers(run_once):
    """The numbers are those of the events."""
    _, trace = run_once.traced(run_once.program("finding-shapes"), "file-growth")
    (mine,) = findings(run_once, trace)
    mapped = [event for event in trace.calls("mmap") if event["kind"] == "file" and event["args"]["length"] == 131072]
    unmapped = [event for event in trace.calls("munmap") if event["args"]["length"] == 131072]
    assert mine["numbers"]["calls"] == len(mapped) == 200
    assert mine["numbers"]["mapped"] == sum(event["mapped"] for event in mapped)
    assert mine["numbers"]["returned"] == sum(event["unmapped"] for event in unmapped)
    assert mine["numbers"]["left"] == mine["numbers"]["mapped"] - mine["numbers"]["returned"]
    assert mine["numbers"]["blocks"] == 50 and mine["events"] == [mapped[0]["id"], mapped[-1]["id"]]


def test_exec_takes_memory_away(run_once):
    """What a new program takes the place of was no growth; a child's copy of it is not counted again."""
    shape = run_once.program("finding-shapes")
    _, trace = run_once.traced("bash", "-c", f"({shape} file-growth); {shape} file-growth; exec /bin/true")
    left = [finding["numbers"]["left"] for finding in findings(run_once, trace) if finding["name"] == "file-growth"]
    assert left and all(bytes_ == 50 * 131072 for bytes_ in left), left


SQL = (
    "create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000)"
    " insert into t select x, hex(x) from c; create index i on t(b); select count(*) from t group by a % 7;"
)
HEALTHY = {
    "ls": ["/bin/ls", "-l", "/usr/bin"],
    "git-status": ["git", "-C", ".", "status"],
    "git-log": ["git", "-C", ".", "log", "--stat"],
    "sqlite3": ["sqlite3", ":memory:", SQL],
    "sort": ["sort", "-n", "numbers"],
    "gcc": ["gcc", "-O1", "-c", "one.c", "-o", "one.o"],
    "bash": ["bash", "-c", 'for i in $(seq 60); do x=$(echo $i); y="$y$x"; done; /bin/true; echo $y'],
    "python3": ["/usr/bin/python3", "-c", "pass"],
}


def make_repository(run):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    assert run("git", "init", "-q", ".").status == 0
    for i in range(8):
        run.write(f"file{i}", f"{i}\n" * 1000)
        assert run("git", "add", f"file{i}").status == 0
        assert run("git", *identity, "commit", "-q", "-m", f"commit {i}").status == 0


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_programs(run_once, name):
    """Notes are allowed."""
    run_once.write("numbers", "".join(f"{i * 7919 % 100003}\n" for i in range(50000)))
    run_once.write("one.c", "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { return printf(\"one\\n\"); }\n")
    if name.startswith("git"):
        make_repository(run_once)
    outcome, trace = run_once.traced(*HEALTHY[name])
    assert outcome.status == 0, outcome
    assert not serious(findings(run_once, trace))
    assert "\n  findings\n" not in run_once.verb("report", trace.path).out


def test_usage(run_once):
    assert run_once.verb("findings").status == 2
    assert run_once.verb("findings", "a", "b").status == 2
    assert run_once.verb("findings", "no-such-file").status == 125
    assert "TRACE [--json]" in run_once.verb("findings", "--help").out

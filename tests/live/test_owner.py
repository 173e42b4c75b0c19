"""Who owned an address, and every event that touched it: `layout --find` and `layout --history`."""

import json

import pytest

from harness import number, parse_events


@pytest.fixture
def recording(run_once):
    outcome, trace = run_once.traced(run_once.program("random-calls"), 4, 400)
    assert outcome.status == 0, outcome
    return trace


def find(trace, address, at="end"):
    outcome = trace.runner.verb("layout", trace.path, "--at", at, "--find", hex(address), "--format", "json")
    assert outcome.status == 0, outcome
    return json.loads(outcome.stdout)


def layout(trace, at="end"):
    outcome = trace.runner.verb("layout", trace.path, "--at", at, "--format", "json")
    return json.loads(outcome.stdout)["mappings"]


def span(one):
    return number(one["start"]), number(one["end"])


def test_every_mapping_and_gap(recording):
    """At each edge of a layout the answer is what the layout says: the mapping, its segment, its neighbours, the gaps."""
    at = f"#{len(recording.events()) * 2 // 3}"
    mappings = layout(recording, at)
    for before, one, after in zip([None, *mappings], mappings, [*mappings[1:], None]):
        start, end = span(one)
        for address in (start, end - 1):
            found = find(recording, address, at)
            assert found["mapping"] == one and found["below"] == before and found["above"] == after
            assert found["gap_below"] == (start - span(before)[1] if before else None)
            low, high = span(found["segment"])
            assert low <= address < high and found["segment"] in one["segments"]
        if after and span(after)[0] > end:
            found = find(recording, end, at)
            assert found["mapping"] is None and found["segment"] is None
            assert found["below"] == one and found["above"] == after
            assert (found["gap_below"], found["gap_above"]) == (0, span(after)[0] - end)


def test_birth_is_told(recording):
    """The text names the event that mapped the segment, and shows its line."""
    segment = next(s for m in layout(recording) for s in m["segments"] if s["birth"])
    outcome = recording.runner.verb("layout", recording.path, "--find", segment["start"])
    event = recording.events()[segment["birth"] - 1]
    assert f"by event #{event['id']} of thread {event['tid']}" in outcome.out, outcome
    assert f"#{event['id']} " in outcome.out.splitlines()[-1] and f"{event['call']}(" in outcome.out.splitlines()[-1], outcome


def test_unmapped_space(recording):
    outcome = recording.runner.verb("layout", recording.path, "--find", "0x10")
    assert outcome.status == 0 and "nothing is mapped there" in outcome.out and "below     nothing" in outcome.out, outcome


WITHOUT_A_PLAIN_RANGE = {
    "brk", "mremap", "shmat", "shmdt", "mmap", "execve", "prctl", "io_setup", "io_destroy", "remap_file_pages", "pkey_mprotect", "mseal", "mlock2",
}  # fmt: skip


def ranges(event):
    """Where an event says that it acts, from its arguments and result alone."""
    args = event["args"]
    if event["call"] in ("munmap", "mprotect", "madvise", "mlock", "munlock"):
        return [(number(args["addr"]), args["length"])]
    if event["call"] == "mmap" and event["errno"] is None:
        return [(number(event["ret"]), args["length"])]
    return []


def test_history_is_all_that_touched(recording):
    """Each event whose range holds the address is there, in order, and each one listed changed it or names it."""
    events = recording.events()
    touched = {}
    for event in events:
        for start, length in ranges(event):
            touched.setdefault(start, 0)
    for address in sorted(touched)[:: max(1, len(touched) // 12)]:
        outcome = recording.runner.verb("layout", recording.path, "--history", hex(address), "--format", "json")
        assert outcome.status == 0, outcome
        listed = [event["id"] for event in parse_events(outcome.stdout)]
        assert listed == sorted(listed)
        wanted = [
            event["id"]
            for event in events
            if any(start <= address < start + (length + 4095) // 4096 * 4096 for start, length in ranges(event))
        ]
        assert set(wanted) <= set(listed), f"missing for {address:#x}: {set(wanted) - set(listed)}"
        others = {event["call"] for event in events if event["id"] in set(listed) - set(wanted)}
        assert others <= WITHOUT_A_PLAIN_RANGE, others


def test_history_goes_back_through_fork(run_once):
    """A child's memory was mapped by its parent: the parent's event is in the history of the child's address, what the parent
    does to its own copy later is not."""
    outcome, trace = run_once.traced(run_once.program("fork-tree"), 2)
    assert outcome.status == 0, outcome
    parent = trace.events()[0]["pid"]
    child = next(event["pid"] for event in trace.events() if event["pid"] != parent)
    fork = next(event for event in trace.calls("clone", "fork", "clone3", pid=parent) if event["ret"] == child)
    inherited = next(event for event in trace.calls("mmap", pid=parent) if event["errno"] is None and event["kind"] == "image")
    assert inherited["id"] < fork["id"]
    options = ["--pid", str(child), "--history", inherited["ret"], "--format", "json"]
    events = parse_events(trace.runner.verb("layout", trace.path, *options).stdout)
    assert inherited["id"] in [event["id"] for event in events]
    spaces = {event["space"] for event in trace.calls(pid=child)}
    assert all(event["id"] < fork["id"] or event["space"] in spaces for event in events)


@pytest.mark.parametrize("text", ["", "zebra", "-1", "0x", "12 34"])
def test_wrong_addresses(recording, text):
    for option in ("--find", "--history"):
        outcome = recording.runner.verb("layout", recording.path, f"{option}={text}")
        assert outcome.status == 2 and len(outcome.stderr.splitlines()) == 1, outcome

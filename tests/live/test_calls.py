"""Every traced call, in every flavour: the programs calls-*.c print what the trace must say, addresses included."""

import re
from pathlib import Path

import pytest

from harness import covered, expectations, match_expectations, normal_argument, number

PROGRAMS = Path(__file__).resolve().parent.parent / "programs"


def variants_of(source):
    """A program and the variants that its first line names."""
    first = source.read_text().split("\n", 1)[0]
    match = re.search(r"variants: ([a-z0-9 ]+?) *\*/", first)
    return [source.stem] + [f"{source.stem}-{variant}" for variant in (match.group(1).split() if match else [])]


CALLS = [name for source in sorted(PROGRAMS.glob("calls-*.c")) for name in variants_of(source)]


@pytest.mark.parametrize("name", CALLS)
def test_program_prints_its_own_expectation(run, name):
    """Arguments, result, errno and the bytes that came and went, for each call that the program made."""
    outcome, trace = run.traced(run.program(name))
    assert outcome.status == 0, outcome
    assert outcome.stderr == b"", outcome
    match_expectations(expectations(outcome.stdout), trace.events())
    trace.verify()


@pytest.mark.parametrize("name", ["calls-mmap", "calls-mmap-fixed", "calls-mprotect", "calls-mmap-file-m32"])
def test_layout_right_after_a_call(run_once, name):
    """`layout --at #ID` is the state right after the event: what a call mapped is there, what it unmapped is not."""
    outcome, trace = run_once.traced(run_once.program(name))
    matched = match_expectations(expectations(outcome.stdout), trace.events())
    for expected, event in matched:
        if event["errno"] is not None or not event["args"].get("length"):
            continue
        args = event["args"]
        start = number(event["ret"]) if event["call"].startswith("mmap") else number(args["addr"])
        first, last = start, (start + args["length"] - 1) | 0xFFF
        maps = trace.layout(at=f"#{event['id']}")
        if event["call"] == "munmap":
            assert covered(maps, first) is None and covered(maps, last) is None, (event, list(map(str, maps)))
            continue
        one = covered(maps, first)
        assert one and last < one.end, (event, list(map(str, maps)))
        if "prot" in expected["args"]:
            assert one.perms[:3] == normal_argument(event["args"]["prot"]), (event, str(one))
    assert trace.layout(at=f"event:{matched[-1][1]['id']}") == trace.layout(at=f"#{matched[-1][1]['id']}")


def test_offset_of_mmap2_is_in_bytes(run_once):
    """i386 counts the offset in pages, mmap2(2); the trace counts bytes in every ABI."""
    outcome, trace = run_once.traced(run_once.program("calls-int80"))
    assert outcome.status == 0, outcome
    offsets = {event["args"]["offset"] for event in trace.calls("mmap2", "old_mmap") if event["errno"] is None}
    assert {0, 2 * 4096, 3 * 4096} <= offsets, offsets


GROWING = [("stack-growth",), ("stack-growth-m32",), ("stack-growsdown",), ("stack-growsdown", "cut")]


@pytest.mark.parametrize("argv", GROWING, ids="-".join)
def test_growth_without_a_call(run, argv):
    """Stacks and MAP_GROWSDOWN mappings grow by page faults, mmap(2): no event, no drift, and the last layout has what was
    touched."""
    outcome, trace = run.traced(run.program(argv[0]), *argv[1:])
    assert outcome.status == 0, outcome
    touched = int(re.search(r"touched (0x[0-9a-f]+)", outcome.out).group(1), 16)
    trace.verify()
    one = covered(trace.layout(), touched)
    assert one and one.perms.startswith("rw-"), (hex(touched), one)
    if argv[0] != "stack-growsdown":
        assert one.name == "[stack]", one


def test_failed_calls_change_nothing_or_are_read_back(run):
    """A failed mprotect, munmap or madvise over a hole may have changed a prefix: the layout after it is the kernel's."""
    outcome, trace = run.traced(run.program("calls-mprotect"))
    assert outcome.status == 0, outcome
    failed = [event for event in trace.calls("mprotect") if event["errno"] == "ENOMEM"]
    assert len(failed) >= 2
    first = failed[0]
    start = number(first["args"]["addr"])
    maps = trace.layout(at=f"#{first['id']}")
    assert covered(maps, start).perms == "r--p", "the prefix before the hole is read-only"
    assert covered(maps, start + 2 * 4096) is None, "the hole"
    assert covered(maps, start + 3 * 4096).perms == "rw-p", "what comes after the hole is as it was"

"""What each piece of memory is for: kinds, roles and runtimes, compared with what programs state of their own addresses."""

import json
import os
import re
import shutil
import struct

import pytest

from harness import Trace

JEMALLOC = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"


def segments(run, trace, *options):
    outcome = run.verb("layout", trace.path, "--format", "json", *options)
    assert outcome.status == 0, outcome
    return [segment for mapping in json.loads(outcome.out)["mappings"] for segment in mapping["segments"]]


def without_names(run, trace):
    """The same recording without what was added behind its end."""
    data = open(trace.path, "rb").read()
    (start,) = struct.unpack("<Q", data[-24:-16])
    return Trace(run, run.write("bare.brkw", data[:start]))


def stated(out):
    for line in out.splitlines():
        address, size, kind, role = line.split()
        yield int(address, 16), int(size), kind, None if role == "-" else role


def inside(segment, start, end):
    return int(segment["start"], 16) < end and start < int(segment["end"], 16)


def differences(listed, out):
    for address, size, kind, role in stated(out):
        there = [s for s in listed if inside(s, address, address + size)]
        if not there or any((s["kind"], s["role"]) != (kind, role) for s in there):
            yield f"{address:#x}+{size} is {kind} {role}, shown as {[(s['kind'], s['role']) for s in there]}"


def test_every_kind(run):
    """The program states address, length, kind and role of all that it makes."""
    outcome, trace = run.traced(run.program("kinds"), run.path("file"))
    assert outcome.status == 0, outcome
    trace.verify()
    lines = list(stated(outcome.out))
    assert len(lines) > 25 and {kind for _, _, kind, _ in lines} >= {"heap", "arena", "chunk", "stack", "guard", "image"}
    assert not list(differences(segments(run, trace), outcome.out))


def test_names_make_sure(run_once):
    """Where function names are known, what glibc's malloc maps is no guess, proc(5) tells nothing of it."""
    outcome, trace = run_once.traced(run_once.program("kinds"), run_once.path("file"))
    listed = segments(run_once, trace)
    for kind in ("chunk", "arena"):
        those = [s for s in listed if s["kind"] == kind]
        assert those and all(s["runtime"] == "glibc" and not s["guess"] for s in those), those


def test_without_names(run_once):
    """Kinds are told by form and by modules: a trace without names has the same ones, and says that it guesses."""
    outcome, trace = run_once.traced(run_once.program("kinds"), run_once.path("file"))
    bare = without_names(run_once, trace)
    assert not list(differences(segments(run_once, bare), outcome.out))
    chunks = [s for s in segments(run_once, bare) if s["kind"] == "chunk"]
    assert chunks and all(s["runtime"] == "glibc" and s["guess"] for s in chunks)


def test_threads_own_their_stacks(run_once):
    """The thread of a stack and of its guard, and whether it still runs, clone(2)."""
    outcome, trace = run_once.traced(run_once.program("kinds"), run_once.path("file"))
    made = [int(event["ret"]) for event in trace.calls("clone", "clone3")]
    owners = {(s["kind"], s["role"]): s["owner"] for s in segments(run_once, trace) if s["role"] in ("thread", "ended")}
    assert owners == {
        ("stack", "thread"): made[0],
        ("guard", "thread"): made[0],
        ("stack", "ended"): made[1],
        ("guard", "ended"): made[1],
    }


def test_the_table_says_so(run_once):
    """People read the same in the table; a guess has a question mark."""
    outcome, trace = run_once.traced(run_once.program("kinds"), run_once.path("file"))
    table = run_once.verb("layout", trace.path).out
    for words in ("image text", "image bss", "stack main", r"stack thread \d+", r"guard ended \d+", "arena reserved", "shared sysv", "kernel vdso"):
        assert re.search(rf" {words}\?? ", table), f"{words} in\n{table}"
    assert table.splitlines()[1].index("name") <= 122, "what is long stands last"


def of_runtime(listed, runtime):
    return sum(int(s["end"], 16) - int(s["start"], 16) for s in listed if s["runtime"] == runtime)


@pytest.mark.skipif(not os.path.exists(JEMALLOC), reason="jemalloc is not installed")
def test_jemalloc(run_once):
    """A preloaded allocator's memory is anonymous to the kernel; the stack that made it tells whose it is."""
    outcome, trace = run_once.traced("/bin/bash", "-c", "x=$(seq 20000)", env={"LD_PRELOAD": JEMALLOC})
    assert outcome.status == 0, outcome
    assert of_runtime(segments(run_once, trace, "--at", "peak-virtual"), "jemalloc") > 1 << 20
    trace.verify()


def test_python_arenas(run_once):
    """Python's own allocator maps 256 KiB or 1 MiB at a time."""
    outcome, trace = run_once.traced("/usr/bin/python3", "-c", "x = [bytes(100) for _ in range(100000)]")
    assert outcome.status == 0, outcome
    assert of_runtime(segments(run_once, trace, "--at", "peak-virtual"), "python") > 8 << 20


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_v8(run_once):
    """V8 reserves room for code, and writes code there."""
    outcome, trace = run_once.traced("node", "-e", "for (let i = 0, x = 0; i < 1e7; i++) x += i")
    if outcome.status:
        pytest.skip("node does not run here")
    listed = segments(run_once, trace, "--at", "peak-virtual")
    assert of_runtime(listed, "v8") > 1 << 20
    assert {"reserved", "jit"} <= {s["role"] for s in listed if s["runtime"] == "v8"}

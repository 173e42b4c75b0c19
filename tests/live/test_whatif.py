"""`brkwater whatif`: the examples run again with the line that it prints, and do what it predicts."""

import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("BRKWATER_BUILD", ROOT / "build"))
PAGE = 4096


def whatif(run, trace, *settings):
    outcome = run.verb("whatif", trace.path, "--json", *settings)
    assert outcome.status == 0 and outcome.err == "", outcome
    told = json.loads(outcome.out)
    text = run.verb("whatif", trace.path, *settings)
    assert text.status == 0 and f"pid {told['pid']} (" in text.out
    assert (told["tunables"] or "malloc_trim(0)") in text.out and f"sure       {told['confidence']}" in text.out
    assert max(len(line) for line in text.out.splitlines()) <= 100, text.out
    return told


def traced(run, name, *arguments, **options):
    program = run.write(name, (BUILD / "examples" / name).read_bytes(), mode=0o755)
    outcome, trace = run.traced(program, *arguments, **options)
    assert outcome.status == 0, outcome
    return trace


def again(run, name, told, *arguments):
    """What it did with the settings that were printed."""
    key, value = told["tunables"].split("=", 1)
    trace = traced(run, name, *arguments, env={key: value}, options=["--no-heap-walk"])
    return whatif(run, trace, "--trim-at-idle")["was"]


def calls(side):
    return side["growths"] + side["trims"] + side["chunk_calls"]


@pytest.mark.parametrize("settings", [["--trim-threshold", "4M"], ["--top-pad", "1M"], ["--trim-threshold", "300K"]])
def test_trim_storm(run, settings):
    told = whatif(run, traced(run, "trim-storm"), *settings)
    real = again(run, "trim-storm", told)
    assert told["was"]["growths"] + told["was"]["trims"] > 1000
    tenth = max(4, calls(real) // 10)
    assert abs(calls(told["predicted"]) - calls(real)) <= tenth, (told, real)
    for key in ("heap_high", "heap_end"):
        assert abs(told["predicted"][key] - real[key]) <= max(2 * PAGE, real[key] // 10), (key, told, real)


def test_threshold_drift(run):
    told = whatif(run, traced(run, "threshold-drift"), "--mmap-threshold", "128K")
    assert told["tunables"] == "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=131072" and told["confidence"] == "low"
    real = again(run, "threshold-drift", told)
    assert told["was"]["heap_end"] > 3 << 20
    assert abs(told["predicted"]["heap_end"] - real["heap_end"]) <= 2 * PAGE, (told, real)
    assert abs(told["predicted"]["chunks"] - real["chunks"]) <= 2 and abs(calls(told["predicted"]) - calls(real)) <= 4, (told, real)


def test_larger_threshold(run):
    """Blocks that had mappings go into the heap."""
    told = whatif(run, traced(run, "threshold-drift", "fixed"), "--mmap-threshold", "4M", "--trim-threshold", "64M")
    assert told["was"]["chunks"] == 23 and told["predicted"]["chunks"] == 0 and told["predicted"]["chunk_calls"] == 0
    assert told["predicted"]["heap_high"] > 20 * 192 << 10
    # The program sets it by itself, and would not obey.
    assert told["confidence"] == "low" and "seems to set a threshold already" in told["assumed"]


@pytest.mark.parametrize("most", [1, 3])
def test_arenas(run, most):
    told = whatif(run, traced(run, "arenas"), "--arena-max", str(most))
    real = again(run, "arenas", told)
    assert told["was"]["arenas"] >= 6
    assert (told["predicted"]["arenas"], told["predicted"]["reserved"]) == (real["arenas"], real["reserved"])
    assert real["arenas"] == most - 1


def test_trim_at_idle(run):
    """What malloc_trim(3) gives back is what the heaps' inside said."""
    told = whatif(run, traced(run, "pinned-heap"), "--trim-at-idle")
    assert told["tunables"] is None
    trace = traced(run, "pinned-heap", "trim")
    given = sum(event["unmapped"] for event in trace.calls("brk"))
    given += sum(event["args"]["length"] for event in trace.calls("madvise") if event["kind"] == "heap")
    assert abs(told["idle"]["bytes"] - given) <= 2 * PAGE and given > 12 << 20, (told, given)
    blind = traced(run, "pinned-heap", options=["--no-heap-walk"])
    told = whatif(run, blind, "--trim-at-idle")
    assert told["idle"] is None and "was not recorded" in told["assumed"]


def test_usage(run_once):
    trace = traced(run_once, "trim-storm")
    for wrong in (
        [trace.path], ["--top-pad", "1M"], [trace.path, "--top-pad", "x"], [trace.path, "--arena-max", "0"],
        [trace.path, trace.path, "--top-pad", "1M"],
    ):  # fmt: skip
        outcome = run_once.verb("whatif", *wrong)
        assert outcome.status == 2 and outcome.err.startswith("brkwater: "), outcome
    _, trace = run_once.traced("/bin/true")
    outcome = run_once.verb("whatif", trace.path, "--top-pad", "1M")
    assert outcome.status in (0, 125) and (outcome.status == 0 or "malloc" in outcome.err)

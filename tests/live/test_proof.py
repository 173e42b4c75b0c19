"""The proof can fail: a replay that leaves out one call on purpose is found out, and `verify` says where."""

import re

import pytest


@pytest.mark.parametrize("call", ["brk", "mmap", "munmap", "mprotect", "mremap"])
def test_a_broken_replay_is_found_out(run_once, call):
    outcome, trace = run_once.traced(run_once.program("random-calls"), 5, 300, options=["--checkpoint-every", "10"])
    assert outcome.status == 0, outcome
    trace.verify()
    broken = run_once.verb("verify", trace.path, env={"BRKWATER_FAULT": f"leave-out:{call}"})
    assert broken.status == 1, broken
    assert re.search(r"\b[1-9][0-9,]* drift", broken.out), broken
    assert re.search(r"first difference: pid \d+, at .*, after event \d+, [0-9a-f]+-[0-9a-f]+", broken.out), broken
    assert re.search(r"^  replay +", broken.out, re.MULTILINE) and re.search(r"^  kernel +", broken.out, re.MULTILINE), broken
    report = run_once.verb("report", trace.path, env={"BRKWATER_FAULT": f"leave-out:{call}"})
    assert " 0 drift" not in report.out, report


def test_a_broken_replay_is_repaired(run_once):
    """After each difference the replay goes on from the kernel's map: the end is right all the same."""
    outcome, trace = run_once.traced(run_once.program("random-calls"), 5, 300, options=["--checkpoint-every", "1"])
    assert outcome.status == 0, outcome
    broken = run_once.verb("layout", trace.path, "--format", "maps", env={"BRKWATER_FAULT": "leave-out:munmap"})
    sound = run_once.verb("layout", trace.path, "--format", "maps")
    from harness import normal_maps, parse_maps

    assert normal_maps(parse_maps(broken.stdout)) == normal_maps(parse_maps(sound.stdout))

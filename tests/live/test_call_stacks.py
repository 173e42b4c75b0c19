"""The call stacks of a recording, against what programs state of their own (tests/programs/stated.h): functions, lines and
return addresses, through the trace and `events --json`."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import expectations, match_expectations, number

INNER = 8  # frames of libraries inside of the innermost one that is stated


# ---- comparing ----


def describe(frame):
    where = f"{frame['file']}:{frame['line']}" if frame["line"] else frame["module"]
    marks = "".join(f" {mark}" for mark in ("inlined", "guessed") if frame[mark])
    return f"    {frame['pc']} {frame['function']}+{frame['offset']} {where}{marks}"


def frame_differs(stated, frame, names, lines):
    """Why a frame is not the stated one; None when it is.  `names` may be "honest": the right ones, or none."""
    function = stated["function"] if names or stated["function"] == "*" else None
    if names == "honest" and frame["function"] is None:
        function, lines = None, False
    if function != "*" and frame["function"] != function:
        return f"function {function}"
    if number(stated["pc"]) and number(frame["pc"]) != number(stated["pc"]):
        return f"pc {stated['pc']}"
    if function != "*" and stated["line"] and frame["line"] != (stated["line"] if lines else None):
        return f"line {stated['line'] if lines else None}"
    if stated["inlined"] != frame["inlined"]:
        return f"inlined {stated['inlined']}"
    if stated["guessed"] != frame["guessed"]:
        return f"guessed {stated['guessed']}"
    return None


def place_of(stated, stack, names, lines):
    """Where the stated frames begin in a stack, one after another: (index, None), or (None, why not)."""
    best = (0, "nothing is like it")
    for start in range(min(INNER, max(len(stack) - len(stated), 0)) + 1):
        for index, frame in enumerate(stated):
            if start + index >= len(stack):
                return None, f"frame {index} of those stated is missing"
            why = frame_differs(frame, stack[start + index], names, lines)
            if why:
                best = max(best, (index, f"frame {index} of those stated: {why} expected, got\n{describe(stack[start + index])}"))
                break
        else:
            return start, None
    return None, best[1]


def check_stack(expected, event, names=True, lines=True):
    """The stated frames, the quality, and outside of main() only what starts a program."""
    stated = [frame for frame in expected["stack"] if lines or not frame["inlined"]]
    stack = event["stack"]
    start, why = place_of(stated, stack, names, lines)
    shown = "\n".join(map(describe, stack))
    assert start is not None, f"{why}\nin the stack of event {event['id']}:\n{shown}"
    assert event["stack_quality"] == expected["quality"], f"{event['stack_quality']} in event {event['id']}:\n{shown}"
    assert event["stack_id"], event
    if stated[-1]["function"] == "main":
        outside = {frame["pc"] for frame in stack[start + len(stated) :]}
        assert len(outside) <= 3, f"{len(outside)} frames outside of main:\n{shown}"


def check_all(outcome, trace, **how):
    """Every stack that was stated; the number of them."""
    assert outcome.status == 0, outcome
    trace.verify()
    matched = match_expectations(expectations(outcome.stdout), trace.events())
    for expected, event in matched:
        check_stack(expected, event, **how)
    return matched


def traced(run, *argv, options=(), **how):
    outcome, trace = run.traced(*argv, options=options)
    return check_all(outcome, trace, **how)


# ---- kinds of stacks, in kinds of programs ----

CASES = "plain tail inlined signal altstack wild makecontext thread threads fork exec vfork".split()
WITHOUT_NAMES = {"names": False, "lines": False}
VARIANTS = {
    "": {},
    "-o2": {},
    "-static": {},
    "-staticpie": {},
    "-m32": {},
    "-stripped": WITHOUT_NAMES,
    "-minidebug": {"lines": False},
    "-debuglink": {},
}


def build(run, variant):
    """A program, with its debug file beside it where it has one."""
    if variant == "-debuglink":
        run.program("stack-cases-debuglink.debug")
    return run.program("stack-cases" + variant)


@pytest.mark.parametrize("variant", VARIANTS)
def test_kinds_of_stacks(run, variant):
    """Each kind that C programs have, in each kind of program."""
    traced(run, build(run, variant), *CASES, **VARIANTS[variant])


@pytest.mark.parametrize("variant", ["", "-o2", "-static", "-stripped"])
def test_assembly_without_tables(run_once, variant):
    """What is found from such code is marked as guessed, and so is the whole stack."""
    traced(run_once, build(run_once, variant), "assembly", **VARIANTS[variant])


@pytest.mark.parametrize("variant", ["", "-o2", "-stripped"])
def test_procedure_linkage_table(run_once, variant):
    """Interrupted at each instruction of a stub and of the first entry, whose table is an expression."""
    matched = traced(run_once, build(run_once, variant), "plt", **VARIANTS[variant])
    stubs = [frame["function"] for _, event in matched for frame in event["stack"] if "plt" in str(frame["function"])]
    assert "getppid@plt" in stubs, stubs


def test_depth(run_once):
    """--depth cuts, and says so; without stacks there are none."""
    program = build(run_once, "")
    for depth in (1, 5):
        outcome, trace = run_once.traced(program, "plain", options=[f"--depth={depth}"])
        matched = match_expectations(expectations(outcome.stdout), trace.events())
        for expected, event in matched:
            frames = [frame for frame in event["stack"] if not frame["inlined"]]
            assert len(frames) == depth and event["stack_quality"] == "truncated", event
            stated = [frame["function"] for frame in expected["stack"]][: depth - 1]
            assert [frame["function"] for frame in frames[1:]] == stated, event
    outcome, trace = run_once.traced(program, "plain", options=["--depth=0"])
    assert outcome.status == 0 and trace.calls("madvise")
    for event in trace.events():
        assert event["stack_id"] is None and event["stack_quality"] is None and event["stack"] == [], event


# ---- files that change ----


def test_library_replaced_at_its_address(run):
    """Each event's names are of the library that was mapped then."""
    for which in ("first", "second"):
        run.program(f"stack-library-{which}")
    outcome, trace = run.traced(run.program("stack-library"))
    if outcome.status == 3:
        pytest.skip("the second library was not mapped where the first had been")
    assert len(check_all(outcome, trace)) == 6


def copy_of(run, program, name):
    return run.write(name, Path(run.program(program)).read_bytes(), mode=0o755)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("program", ["stack-replaced", "stack-replaced-noid"])
def test_program_replaced(run, program, when):
    """Another program takes the place of the file: names are of the right one, or there are none."""
    victim, other = copy_of(run, program, "victim"), copy_of(run, "stack-cases-o2", "other")
    traced(run, victim, when, other, names="honest")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("program", ["stack-replaced", "stack-replaced-noid"])
def test_program_deleted(run, program, when):
    """A program's own file can be opened as long as it runs, by who may trace it."""
    traced(run, copy_of(run, program, "victim"), when)


# ---- other languages ----


def test_cpp(run_once):
    """Templates, methods, operator new between malloc and its caller, a destructor while an exception is under way."""
    traced(run_once, run_once.program("stack-cpp"))

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


def need(*names):
    for name in names:
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed")


def functions(event):
    return [frame["function"] for frame in event["stack"]]


def has_in_order(names, wanted):
    """The wanted functions, innermost first; others may stand between."""
    rest = iter(names)
    return all(any(name == one for name in rest) for one in wanted)


RUST = """
#[inline(never)] fn leaf(n: usize) -> usize { let v = vec![1u8; n]; std::hint::black_box(&v); v.len() + 1 }
mod shop { pub struct Till<T>(pub T);
impl<T: Copy + Into<usize>> Till<T> { #[inline(never)] pub fn ring(&self) -> usize { crate::leaf(self.0.into()) + 1 } } }
fn main() { println!("{}", shop::Till(0x345000usize).ring()); }
"""


def test_rust(run_once):
    need("rustc")
    source = run_once.write("shop.rs", RUST)
    built = subprocess.run(["rustc", "-Copt-level=1", "-g", "-o", run_once.path("shop"), source], stderr=subprocess.PIPE)
    if built.returncode:
        pytest.skip(f"rustc does not work here: {built.stderr.decode()[-300:]}")
    _, trace = run_once.traced(run_once.path("shop"))
    [event] = [event for event in trace.calls("mmap") if event["args"]["length"] == 0x346000]
    assert has_in_order(functions(event), ["shop::leaf", "shop::shop::Till<T>::ring", "shop::main"]), functions(event)
    assert event["stack_quality"] == "complete"


GO = """package main
import ("fmt"; "syscall")
type till struct{ n int }
//go:noinline
func leaf(n int) []byte { b, err := syscall.Mmap(-1, 0, n, 3, 0x22); if err != nil { panic(err) }; return b }
//go:noinline
func (t *till) ring() int { return len(leaf(t.n)) + 1 }
func main() { done := make(chan int); go func() { done <- (&till{0x345000}).ring() }(); fmt.Println(<-done, (&till{0x346000}).ring()) }
"""


@pytest.mark.parametrize("flags", [[], ["-ldflags=-s -w"]], ids=["", "stripped"])
def test_go(run_once, flags):
    """On goroutines' stacks, named by Go's own table where there is no DWARF."""
    need("go")
    source = run_once.write("till.go", GO)
    environment = {"PATH": os.environ["PATH"], "HOME": run_once.folder, "GO111MODULE": "off", "CGO_ENABLED": "0"}
    built = subprocess.run(["go", "build", *flags, "-o", run_once.path("till"), source], stderr=subprocess.PIPE, env=environment)
    if built.returncode:
        pytest.skip(f"go does not work here: {built.stderr.decode()[-300:]}")
    _, trace = run_once.traced(run_once.path("till"))
    for length, outer in ((0x345000, "main.main.func1"), (0x346000, "main.main")):
        [event] = [event for event in trace.calls("mmap") if event["args"]["length"] == length]
        assert has_in_order(functions(event), ["main.leaf", "main.(*till).ring", outer]), functions(event)
        assert event["stack_quality"] == ("guessed" if flags else "complete"), functions(event)
    start = [event for event in trace.events() if "runtime.rt0_go" in functions(event)]
    assert start and all(event["stack_quality"] != "truncated" and functions(event)[-1] == "runtime.rt0_go" for event in start)


JAVASCRIPT = """
function allocates(n) { return new ArrayBuffer(n + 0x345000); }
function caller(n) { let sum = 0; for (let i = 0; i < 20; i++) sum += allocates(i).byteLength; return sum; }
let total = 0;
for (let i = 0; i < 20; i++) total += caller(i);
console.log(total);
"""


def script_functions(event):
    """Names like JS:~caller /x/a.js:2:16, without kind and place."""
    names = [name for name in functions(event) if name and "a.js" in name]
    return [name.split()[0].rpartition(":")[2].lstrip("~*^+-") for name in names]


def test_javascript(run):
    """Frames that node made while it ran have the names of its map in /tmp, and outside of them the stack goes on."""
    need("node")
    run.write("a.js", JAVASCRIPT)
    outcome, trace = run.traced("node", "--perf-basic-prof", "--interpreted-frames-native-stack", "a.js")
    assert outcome.status == 0, outcome
    for pid in {event["pid"] for event in trace.events()}:
        Path(f"/tmp/perf-{pid}.map").unlink(missing_ok=True)
    with_script = [event for event in trace.events() if has_in_order(script_functions(event), ["allocates", "caller"])]
    assert len(with_script) >= 10, [script_functions(event) for event in trace.events() if script_functions(event)]
    assert all(event["stack_quality"] == "guessed" and functions(event)[-1] == "_start" for event in with_script)

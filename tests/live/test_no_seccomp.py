"""--no-seccomp stops at every system call in place of a filter: slower, and with the same result."""

import pytest

from harness import expectations, match_expectations, normal_argument, own_maps, assert_same_maps

PROGRAMS = [
    ("calls-mmap",),
    ("calls-mmap-fixed",),
    ("calls-mprotect",),
    ("calls-mremap",),
    ("calls-brk",),
    ("calls-madvise",),
    ("calls-shm",),
    ("calls-aio",),
    ("calls-mprotect-m32",),
    ("calls-int80",),
    ("stack-growth",),
]

ADDRESSES = {"addr", "old_addr", "ctx", "child_stack", "path", "argv", "shmid", "name", "envc"}


def essence(event):
    """What of an event does not depend on where the kernel happened to put things."""
    args = {key: normal_argument(value) for key, value in event["args"].items() if key not in ADDRESSES}
    return event["call"], args, event["errno"], event["mapped"], event["unmapped"], event["kind"]


@pytest.mark.parametrize("argv", PROGRAMS, ids="-".join)
def test_same_events_as_with_the_filter(run_once, argv):
    program = run_once.program(argv[0])
    results = []
    for name, options in (("filter", []), ("none", ["--no-seccomp"])):
        # Without randomised addresses the heap begins on the same kind of boundary in both runs.
        outcome, trace = run_once.traced("setarch", "-R", program, *argv[1:], options=options, trace=f"{name}.brkw")
        assert outcome.status == 0, outcome
        if outcome.stdout.startswith(b"{"):
            match_expectations(expectations(outcome.stdout), trace.events())
        trace.verify()
        results.append([essence(event) for event in trace.events()])
    assert results[0] == results[1]


def test_children_and_threads(run):
    """Followed in the same way, and no page has two owners."""
    run.same(run.program("threads-race"), 3, 3, 150, options=["--no-seccomp"], status=0)
    run.same(run.program("threads-exec"), options=["--no-seccomp"], status=7)
    run.same(run.program("spawn"), 3, options=["--no-seccomp"], status=0)
    run.same(run.program("clone-untraced"), options=["--no-seccomp"], status=0)


def test_layout(run):
    outcome, trace = run.traced(run.program("random-calls"), 11, 300, 1, 2, options=["--no-seccomp"])
    assert outcome.status == 0, outcome
    for pid, kernels in own_maps(outcome.stdout).items():
        assert_same_maps(trace.layout(pid=pid), kernels)
    trace.verify()


@pytest.mark.parametrize(
    "argv,status",
    [
        (("signal-child-stop",), 0),
        (("signal-eintr",), 0),
        (("signal-fork-restart", "10", "4000"), 0),
        (("signal-altstack",), 0),
        (("signal-die", "segv"), -11),
        (("signal-die", "kill"), -9),
        (("signal-die", "7"), 7),
        (("seccomp-own-filter", "errno"), 0),
        (("seccomp-own-filter", "trap"), 0),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_signals(run, argv, status):
    run.same(run.program(argv[0]), *argv[1:], options=["--no-seccomp"], status=status)


def test_strict_mode_is_possible(run):
    """Without a filter of ours, strict seccomp mode works as untraced."""
    run.same(run.program("seccomp-strict"), options=["--no-seccomp"], status=0)


def test_no_new_privs_is_not_set(run):
    """The filter of an ordinary user needs no_new_privs, seccomp(2); without the filter nothing does."""
    outcome, _ = run.traced("grep", "-E", "NoNewPrivs|^Seccomp:", "/proc/self/status", options=["--no-seccomp"])
    assert outcome.stdout.split() == [b"NoNewPrivs:", b"0", b"Seccomp:", b"0"], outcome

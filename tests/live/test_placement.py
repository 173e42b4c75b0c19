"""Where tracer and tracee run: the command never learns from the kernel's calls that it was kept on one CPU, and what it sets
itself holds.

The program says what it was told; with `wait` it goes on only once it is really kept, so that nothing here passes because nobody was
pinned."""

import os
import subprocess
from subprocess import PIPE

import pytest

from harness import LONG

MODES = ["self", "few", "thread", "fork", "exec", "set", "others", "deadline"]
CPUS = os.sched_getaffinity(0)

pytestmark = pytest.mark.skipif(len(CPUS) < 2, reason="with one CPU there is nothing to choose")


# On a CPU that is crowded nobody is kept, and other tests crowd them: so these go first, where that is allowed.
GO_FIRST = '{ echo -20 >/proc/self/autogroup; } 2>/dev/null; exec nice -n -39 "$@"'
FIRST = ["sh", "-c", GO_FIRST, "sh"] if os.geteuid() == 0 else []


@pytest.fixture(autouse=True)
def go_first(request):
    for name in {"run", "run_once"} & set(request.fixturenames):
        request.getfixturevalue(name).before = FIRST


def same(run, *argv, wait=True, options=()):
    """The program says the same untraced as when it is traced and kept."""
    program = run.program("affinity")
    environment = {"LONG": "1"} if LONG else {}
    plain = run(program, *argv, env=environment)
    assert plain.status == 0, plain
    traced, trace = run.traced(program, *argv, *(["wait"] if wait else []), options=options, env=environment)
    assert (traced.status, traced.stdout) == (0, plain.stdout), f"{plain}\n{traced}"
    trace.verify()
    return trace


@pytest.mark.parametrize("mode", MODES)
def test_the_true_mask(run, mode):
    """In the thread itself, in those that it makes, after execve, and as set by it or by another."""
    trace = same(run, mode, wait=mode != "few")
    assert not [event for event in trace.events() if event["call"].startswith("sched_")], "they are no memory calls"


@pytest.mark.parametrize("mode", ["self", "thread", "fork", "exec", "set", "others"])
def test_without_the_filter(run_once, mode):
    same(run_once, mode, options=["--no-seccomp"])


@pytest.mark.parametrize("options", [[], ["--no-seccomp"]], ids=["filter", "none"])
def test_free(run_once, options):
    """`--placement free` keeps nobody, however fast the calls come."""
    same(run_once, "never", wait=False, options=["--placement", "free", *options])


def test_wrong_value(run_once):
    outcome = run_once.verb("--placement", "here", "true")
    assert outcome.status == 2 and "here" in outcome.err, outcome


def test_a_mask_of_its_own_from_the_start(run):
    """Started on one CPU, alone or by taskset under the tracer: it stays there."""
    cpu = str(max(CPUS))
    program = run.program("affinity")
    expected = run("taskset", "-c", cpu, program, "self")
    for argv in (
        [run.brkwater, "-q", "-o", run.path("t"), "taskset", "-c", cpu, program, "self"],
        ["taskset", "-c", cpu, run.brkwater, "-q", "-o", run.path("t"), program, "self"],
    ):
        outcome = run(*argv)
        assert (outcome.status, outcome.stdout) == (expected.status, expected.stdout), f"{expected}\n{outcome}"


SCRIPT = """
nproc
taskset -c 0 nproc
taskset -p $$ | sed 's/.*: //'
taskset -pc 0 $$ >/dev/null; nproc; sh -c nproc
"""

COUNT = """
import os
x = [bytes(1000) for _ in range(20000)]
print(len(os.sched_getaffinity(0)), os.cpu_count())
del x
print(len(os.sched_getaffinity(0)), os.sched_getaffinity(os.getppid()))
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
x = [bytes(1000) for _ in range(20000)]
print(os.sched_getaffinity(0))
"""


@pytest.mark.parametrize("options", [[], ["--no-seccomp"]], ids=["filter", "none"])
def test_real_programs(run, options):
    """They count CPUs by sched_getaffinity."""
    run.same("sh", "-c", SCRIPT, options=options, status=0)
    run.same("/usr/bin/python3", "-c", COUNT, options=options, status=0)


def test_set_from_outside(run_once):
    """What somebody else sets while the thread is kept stays; but just the CPU that it is kept on cannot be told from what brkwater
    set, and it may be moved between the question and the answer."""
    argv = [run_once.brkwater, "-q", "-o", run_once.path("t"), run_once.program("affinity"), "outside", "wait"]
    process = run_once.start(*argv, stdin=PIPE, stdout=PIPE)
    assert process.stdout.readline().startswith(b"at the start")
    child = int(subprocess.run(["pgrep", "-P", str(process.pid)], stdout=PIPE, check=True).stdout)
    stays = []
    for _ in range(10):
        cpu = min(CPUS - {int(process.stdout.readline().split()[1])})
        os.sched_setaffinity(child, {cpu})
        process.stdin.write(b"\n")
        process.stdin.flush()
        stays.append([process.stdout.readline(), process.stdout.readline()] == [b"then: 1 listed\n", b"then: %d\n" % cpu])
    process.communicate(timeout=120)
    assert process.returncode == 0 and sum(stays) >= 8, stays


@pytest.mark.parametrize("options", [["--duration", "2"], ["--max-size", "65536"]], ids=lambda words: words[0][2:])
def test_after_the_recording(run_once, options):
    """When it has ended and the command goes on, it is kept no more."""
    argv = [run_once.brkwater, "-q", "-o", run_once.path("t"), *options, run_once.program("affinity"), "ends", "wait"]
    cpus = " ".join(map(str, sorted(CPUS)))
    outcome = run_once(*argv)
    assert outcome.status == 0, outcome
    assert outcome.out.splitlines()[-2:] == [f"at the end: {len(CPUS)} listed", f"at the end: {cpus}"]


def test_a_filter_of_its_own(run):
    """A filter that answers sched_getaffinity itself goes first: the kernel's word is not ours to change."""
    run.same(run.program("seccomp-own-filter"), "errno", status=0)

"""Programs that check themselves, attached to before they do anything: they print and end as without tracing, and the replay
is the kernel's map.  A shell waits for a line, is attached to, and becomes the program."""

import re
import signal
import subprocess

import pytest

from attaching import check_released, finish, start_targets
from harness import LONG, assert_same_maps, own_maps

# Name and arguments; what they check is said in each of them.
PROGRAMS = [
    ("signal-values",),
    ("signal-timers",),
    ("signal-eintr",),
    ("signal-altstack",),
    ("signal-child-stop",),
    ("signal-stop-threads",),
    ("signal-kill-storm", "20"),
    ("signal-fork-restart", "20", "1000"),
    ("threads-exec",),
    ("threads-exit-group",),
    ("threads-leader-exit",),
    ("threads-storm", "6"),
    ("threads-race", "5", "4", "200"),
    ("threads-fork",),
    ("clone-vm",),
    ("clone-untraced",),
    ("vfork-mmap",),
    ("children", "100"),
    ("calls-mremap",),
    ("calls-shm",),
    ("calls-aio",),
    ("seccomp-strict",),
    ("seccomp-own-filter", "errno"),
    ("blocked-call",),
]


def begin(run, command):
    """The shell that is attached to, and that becomes the command."""
    targets = start_targets(run)
    shell = next(targets)("/bin/sh", "-c", 'echo ready; read line; exec "$@"', "sh", *map(str, command))
    return targets, shell, shell.attach()


@pytest.mark.parametrize("command", PROGRAMS, ids=" ".join)
def test_same(run_once, command):
    command = [run_once.program(command[0]), *command[1:]]
    plain = run_once(*command)
    targets, shell, tracer = begin(run_once, command)
    status, out, err = shell.end()
    assert (status, err) == (plain.status, plain.err), (plain, status, out, err)
    if not re.search(r"^(maps |\{)", plain.out):  # some print their addresses and thread ids
        assert out == plain.out, (plain, out)
    finish(tracer)
    shell.trace().verify()
    targets.close()


@pytest.mark.parametrize("how", ["segv", "abort", "term", "kill"])
def test_deaths(run, how):
    """The real parent sees how it died."""
    plain = run(run.program("signal-die"), how)
    targets, shell, tracer = begin(run, [run.program("signal-die"), how])
    assert shell.end()[0] == plain.status < 0
    finish(tracer)
    shell.trace().verify()
    targets.close()


@pytest.mark.parametrize("shape", [(600,), (300, 4), (200, 1, 3)], ids=["calls", "threads", "forks"])
@pytest.mark.parametrize("seed", range(1, 200 if LONG else 3))
def test_random_calls(run, seed, shape):
    """What the program reads of its own map at its end is what the replay has."""
    targets, shell, tracer = begin(run, [run.program("random-calls"), seed, *shape])
    status, out, err = shell.end()
    assert status == 0, err
    finish(tracer)
    trace = shell.trace()
    for pid, kernels in own_maps(out.encode()).items():
        assert_same_maps(trace.layout(pid=pid), kernels, f"the last layout of process {pid}")
    trace.verify()
    targets.close()


def test_released_in_the_middle(run):
    """Threads that race for pages are attached to and released again and again, without a shell to begin with."""
    command = [run.program("threads-race"), 3, 4, 30000 if LONG else 9000]
    plain = subprocess.Popen(run.prepare(command, {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(30 if LONG else 4):
        tracer = run.start(
            run.brkwater, "-q", "-o", run.path("trace.brkw"), "-p", plain.pid, "--duration", "40ms",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        stdout, stderr = tracer.communicate()
        if plain.poll() is not None or tracer.returncode == 125:
            break  # it was over before
        assert (tracer.returncode, stdout, stderr) == (0, b"", b"")
        check_released(plain.pid)
        verified = run.verb("verify", run.path("trace.brkw"))
        assert verified.status == 0, verified
    stdout, stderr = plain.communicate()
    assert plain.returncode == 0, stdout + stderr


def test_interrupted_from_the_terminal(run):
    """SIGINT that is sent to brkwater ends the recording only: the process does not get it."""
    targets, shell, tracer = begin(run, ["/bin/cat"])
    finish(tracer, signal.SIGINT)
    check_released(shell.pid)
    assert shell.end()[0] == 0
    targets.close()

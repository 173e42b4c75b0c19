"""Attaching to running processes, and letting them go: the process itself says whether it noticed anything."""

import os
import random
import re
import signal
import subprocess
import time

import pytest

from attaching import PYTHON, check_released, finish, is_attached, state_of, wait_until
from harness import LONG

# ---- waits ----


@pytest.mark.parametrize("copies", [1, 2] if LONG else [1])
def test_waits(target, copies):
    """Threads that wait in two dozen ways, run, map, and make threads and children: none of them notices."""
    no_thread_notices(target, copies, "SIGINT")


@pytest.mark.parametrize("ending", ["duration", "SIGTERM", "SIGHUP"])
def test_endings(target_once, ending):
    """The same however the recording ends."""
    no_thread_notices(target_once, 1, ending)


def no_thread_notices(target, copies, ending):
    choose = random.Random(copies)
    waits = target("attach-waits", copies)
    for _ in range(60 if LONG else 2):
        tracer = waits.attach(*(["--duration", "100ms"] if ending == "duration" else []))
        if ending != "duration":
            time.sleep(choose.uniform(0, 0.1))  # any moment will do
        finish(tracer, None if ending == "duration" else getattr(signal, ending))
        check_released(waits.pid)
        waits.trace().verify()
    code, out, err = waits.end()
    assert code == 0 and re.fullmatch(r"rounds \d+ errors 0\n", out), out + err


WAYS = """nanosleep clock poll ppoll select epoll futex woken read recv accept sigtimedwait sigwait semtimedop semop msgrcv child
    vfork slow-vfork busy maps threads forever-read forever-epoll forever-poll""".split()


@pytest.mark.parametrize("way", WAYS)
def test_one_way(target_once, way):
    """The same for each way alone, so that nothing else wakes or delays it."""
    waits = target_once("attach-waits", 1, way)
    for number in range(40 if LONG else 2):
        if number % 2:
            finish(waits.attach("--depth", "0", "--duration", "30ms"))
        else:
            finish(waits.attach("--depth", "0"), signal.SIGINT)
        check_released(waits.pid)
    waits.trace().verify()
    code, out, err = waits.end()
    assert code == 0 and re.fullmatch(r"rounds \d+ errors 0\n", out), out + err


def test_killed(target):
    """SIGKILL leaves brkwater no time: the process runs on.  Only a wait that it was just being stopped in may fail, with EINTR."""
    choose = random.Random(3)
    waits = target("attach-waits", 1)
    for _ in range(60 if LONG else 3):
        tracer = waits.attach()
        time.sleep(choose.uniform(0, 0.1))
        tracer.kill()
        tracer.communicate()
        check_released(waits.pid)
    _, out, err = waits.end()
    assert out.startswith("rounds "), out + err
    for line in err.splitlines():
        assert line.endswith("errno EINTR") or "too short" in line, err


# ---- what a process is doing ----


def test_stopped_process(target):
    """What job control has stopped stays stopped, while it is traced and after, and goes on with SIGCONT."""
    waits = target("attach-waits", 1, "read")
    os.kill(waits.pid, signal.SIGSTOP)
    wait_until("stopped", lambda: state_of(waits.pid) == "T")
    for _ in range(3):
        finish(waits.attach(), signal.SIGINT)
        # A released thread needs a CPU to stop again, in the kernel.
        wait_until("stopped still", lambda: state_of(waits.pid) == "T")
    os.kill(waits.pid, signal.SIGCONT)
    wait_until("going on", lambda: state_of(waits.pid) != "T")
    code, out, err = waits.end()
    assert code == 0 and re.fullmatch(r"rounds [1-9]\d* errors 0\n", out), out + err


def test_stop_and_go_on_while_attached(target):
    """SIGSTOP and SIGCONT do what they do, and the stop lasts beyond the detaching."""
    waits = target("attach-waits", 1, "nanosleep")
    tracer = waits.attach()
    for _ in range(3):
        os.kill(waits.pid, signal.SIGSTOP)
        wait_until("stopped", lambda: state_of(waits.pid) in "Tt")
        os.kill(waits.pid, signal.SIGCONT)
        wait_until("going on", lambda: state_of(waits.pid) not in "T")
    os.kill(waits.pid, signal.SIGSTOP)
    wait_until("stopped", lambda: state_of(waits.pid) in "Tt")
    finish(tracer, signal.SIGINT)
    wait_until("stopped still", lambda: state_of(waits.pid) == "T")
    assert not is_attached(waits.pid)
    os.kill(waits.pid, signal.SIGCONT)
    code, out, err = waits.end()
    assert code == 0 and "errors 0" in out, out + err


PENDING = """
import os, signal, sys
blocked = {signal.SIGUSR1, signal.SIGRTMIN + 1}
signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
for number in blocked:
    os.kill(os.getpid(), number)
print("ready", flush=True)
sys.stdin.readline()
print(sorted(int(s) for s in signal.sigpending()), sorted(int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])))
"""


def test_pending_signals(target):
    """Signals that wait to be taken still do."""
    python = target(PYTHON, "-c", PENDING)
    finish(python.attach(), signal.SIGINT)
    code, out, err = python.end()
    both = sorted([signal.SIGUSR1, signal.SIGRTMIN + 1])
    assert (code, out) == (0, f"{[int(s) for s in both]} {[int(s) for s in both]}\n"), out + err


def test_end_while_attached(target):
    """The recording ends with its process, and has its exit status."""
    python = target(PYTHON, "-c", "import sys; print('ready', flush=True); sys.stdin.readline(); sys.exit(3)")
    tracer = python.attach()
    assert python.end()[0] == 3
    finish(tracer)
    python.trace().verify()
    report = python.run.verb("report", python.trace().path)
    assert report.status == 0 and "exited with 3" in report.out, report


def test_exec_while_attached(target):
    """Another program in the same process, started from a thread."""
    script = """
import os, sys, threading
print("ready", flush=True)
sys.stdin.readline()
threading.Thread(target=lambda: os.execv("/bin/echo", ["echo", "hello"])).start()
"""
    python = target(PYTHON, "-c", script)
    tracer = python.attach()
    assert python.end()[:2] == (0, "hello\n")
    finish(tracer)
    trace = python.trace()
    trace.verify()
    assert [event["args"]["path"] for event in trace.calls("execve") if not event["errno"]] == ["/bin/echo"]


def test_children_are_followed(target):
    """What the process makes after the attaching is traced, what it made before is not."""
    shell = target("/bin/sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo ready; read line; /bin/true; kill $!; exit 5")
    tracer = shell.attach()
    assert shell.end()[0] == 5
    finish(tracer)
    trace = shell.trace()
    trace.verify()
    assert [event["args"]["path"] for event in trace.calls("execve")] == ["/bin/true"]


def test_thread_storm(target_once):
    """Threads are made and end all the time while it is attached to."""
    waits = target_once("attach-waits", 4, "threads")
    for _ in range(20 if LONG else 3):
        finish(waits.attach("--duration", "50ms"))
        waits.trace().verify()
    code, out, err = waits.end()
    assert code == 0 and "errors 0" in out, out + err


# ---- what is recorded ----

GROW = """
import mmap, sys
print("ready", flush=True)
held = []
for line in sys.stdin:
    held.append(mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
    held[-1].write(b"x" * (64 << 20))
    print("ready", flush=True)
"""


def test_until(target):
    """--until ends the recording when the process has grown."""
    python = target(PYTHON, "-c", GROW)
    tracer = python.attach("--until", "rss>100M")
    for _ in range(2):
        python.process.stdin.write(b"\n")
        python.process.stdin.flush()
        assert python.process.stdout.readline() == b"ready\n"
    finish(tracer)
    check_released(python.pid)
    trace = python.trace()
    trace.verify()
    large = [event for event in trace.calls("mmap") if event["mapped"] == 64 << 20]
    assert len(large) in (1, 2)
    report = python.run.verb("report", trace.path)
    assert "--until was reached" in report.out, report


def test_several_processes(target):
    """Each has a map of its own."""
    targets = [target("attach-waits", 1, way) for way in ("maps", "nanosleep", "child")]
    tracer = targets[0].attach(pids=[one.pid for one in targets[1:]])
    wait_until("all attached", lambda: all(is_attached(one.pid) for one in targets))
    finish(tracer, signal.SIGINT)
    trace = targets[0].trace()
    trace.verify()
    for one in targets:
        check_released(one.pid)
        assert trace.layout(pid=one.pid)
        assert one.end()[0] == 0


def test_thread_id(target):
    """A thread's id names its process."""
    waits = target("attach-waits", 1, "nanosleep")
    tid = next(int(tid) for tid in os.listdir(f"/proc/{waits.pid}/task") if int(tid) != waits.pid)
    finished = waits.run(waits.run.brkwater, "-q", "-o", waits.run.path("trace.brkw"), "-p", tid, "--duration", "20ms")
    assert finished.status == 0, finished
    assert waits.trace().layout(pid=waits.pid)


def test_memory_of_before(target):
    """What was there when it was attached to is in the layout, and says so."""
    python = target(PYTHON, "-c", GROW)
    python.process.stdin.write(b"\n")
    python.process.stdin.flush()
    assert python.process.stdout.readline() == b"ready\n"
    finish(python.attach(), signal.SIGINT)
    trace = python.trace()
    layout = python.run.verb("layout", trace.path)
    assert layout.status == 0 and "before attach" in layout.out, layout
    large = [line for line in layout.out.splitlines() if " 64M " in line]
    assert large and all("before attach" in line for line in large), layout


def test_live_text(target):
    """Without -o events are printed as they come, and a summary with what it cost closes the run."""
    waits = target("attach-waits", 1, "maps")
    shown = waits.run(waits.run.brkwater, "-p", waits.pid, "--duration", "3s")
    assert shown.status == 0 and not shown.stdout, shown
    assert re.search(rf"^{waits.pid} .*attached", shown.err, re.M), shown
    assert re.search(r"munmap\(0x[0-9a-f]+, \d+\) = 0", shown.err), shown
    assert re.search(r"stops", shown.err), shown


# ---- who may not be ----


def test_refused(target):
    """One line says which process, and why."""
    waits = target("attach-waits", 1, "nanosleep")
    run = waits.run
    tracer = waits.attach()
    second = run(run.brkwater, "-p", waits.pid)
    assert second.status == 125 and str(waits.pid) in second.err and len(second.err.splitlines()) == 1, second
    assert str(tracer.pid) in second.err, "who traces it already"
    finish(tracer, signal.SIGINT)
    gone = run(run.brkwater, "-p", 4194303)
    assert gone.status == 125 and len(gone.err.splitlines()) == 1 and "4194303" in gone.err, gone
    both = run(run.brkwater, "-p", waits.pid, "-p", 4194303)
    assert both.status == 125, both
    check_released(waits.pid)
    wrong = run(run.brkwater, "-p", "x")
    assert wrong.status == 2, wrong
    command = run(run.brkwater, "-p", waits.pid, "true")
    assert command.status == 2, command
    assert waits.end()[0] == 0


def test_other_users_process(run_as_nobody, target_once):
    """An ordinary user cannot attach to root's processes."""
    waits = target_once("attach-waits", 1, "nanosleep")
    refused = run_as_nobody(run_as_nobody.brkwater, "-p", waits.pid)
    assert refused.status == 125 and len(refused.err.splitlines()) == 1, refused
    assert waits.end()[0] == 0


# ---- where it may be ----


def namespaces_work():
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], stderr=subprocess.DEVNULL)
    return done.returncode == 0


def test_other_namespaces(target_once, as_root):
    """In other mount and pid namespaces: names are found through its own root, and its own pid is told."""
    if not namespaces_work():
        pytest.skip("namespaces cannot be made here")
    shell = target_once("/usr/bin/unshare", "--mount", "--pid", "--fork", "--mount-proc", PYTHON, "-c", GROW)
    (child,) = [int(pid) for pid in open(f"/proc/{shell.pid}/task/{shell.pid}/children", encoding="ascii").read().split()]
    run = shell.run
    tracer = run.start(run.brkwater, "-q", "-o", run.path("trace.brkw"), "-p", child, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until("attached", lambda: is_attached(child))
    shell.process.stdin.write(b"\n")
    shell.process.stdin.flush()
    assert shell.process.stdout.readline() == b"ready\n"
    finish(tracer, signal.SIGINT)
    trace = shell.trace()
    trace.verify()
    assert any(event["mapped"] == 64 << 20 and event["stack_quality"] == "complete" for event in trace.calls("mmap"))
    report = run.verb("report", trace.path)
    assert f"pid {child}" in report.out and "(to itself 1)" in report.out, report

"""What the command leaves behind is followed to its end; who waits for that is told; --detach-tracer does not wait."""

import os
import re
import select
import subprocess
import time

import pytest

from harness import Trace


@pytest.fixture
def fifo(run):
    """A named pipe that the daemon waits on."""
    path = run.path("fifo")
    os.mkfifo(path, 0o666)
    os.chmod(path, 0o666)
    return path


def let_go(fifo):
    """The daemon blocks in open until somebody opens the other side, which waits for the daemon in turn."""
    os.close(os.open(fifo, os.O_WRONLY))


def daemons_pid(run, events):
    """The grandchild: the process that mapped 28,672 bytes ten times."""
    mine = [event for event in events if event["call"] == "mmap" and event["args"]["length"] == 7 * 4096]
    (pid,) = {event["pid"] for event in mine}
    with open(run.path("result"), encoding="ascii") as file:
        assert pid == int(file.read())
    return pid, mine


def start_daemon(run, fifo, *options):
    command = [run.program("daemon"), fifo, run.path("result")]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return run.start(run.brkwater, *options, "-o", run.path("t.brkw"), "--", *command, **streams)


def test_daemon_is_followed(run, fifo):
    """The command ends with 4 at once; brkwater waits for the daemon, records it, and ends with 4."""
    process = start_daemon(run, fifo, "-q")
    assert process.stdout.readline() == b"daemon started\n"
    assert process.poll() is None
    let_go(fifo)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (4, b""), (process.returncode, stderr)
    trace = Trace(run, run.path("t.brkw"))
    pid, mine = daemons_pid(run, trace.events())
    assert len([event for event in mine if event["errno"] is None]) == 10
    assert trace.calls("exit_group", pid=pid)
    trace.verify()


def read_until(stream, pattern, seconds):
    """What came on the pipe until the pattern was in it."""
    text = b""
    deadline = time.monotonic() + seconds
    while not re.search(pattern, text):
        ready, _, _ = select.select([stream], [], [], max(deadline - time.monotonic(), 0))
        data = os.read(stream.fileno(), 4096) if ready else b""
        assert data, f"{pattern!r} did not come: {text!r}"
        text += data
    return text


def test_waiting_is_said(run, fifo):
    """After about a second a line names the process that brkwater still waits for."""
    process = start_daemon(run, fifo)
    text = read_until(process.stderr, rb"daemon", 30)
    let_go(fifo)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 4
    pid, _ = daemons_pid(run, Trace(run, run.path("t.brkw")).events())
    lines = [line for line in (text + rest).decode().replace("\r", "\n").splitlines() if "daemon" in line and str(pid) in line]
    assert lines, f"no line names process {pid} and `daemon`:\n{(text + rest).decode()}"


def tracer_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        return int(re.search(r"TracerPid:\s*(\d+)", file.read()).group(1))


def test_detached_tracer(run, fifo):
    """--detach-tracer: the command's status comes back at once while the recording goes on behind it."""
    with open(run.path("out"), "wb") as out, open(run.path("err"), "wb") as err:
        outcome = run(
            run.brkwater, "-q", "--detach-tracer", "-o", run.path("t.brkw"), "--", run.program("daemon"), fifo, run.path("result"),
            stdout=out, stderr=err, timeout=60,
        )  # fmt: skip
    assert outcome.status == 4, outcome
    with open(run.path("out"), "rb") as file:
        assert file.read() == b"daemon started\n"
    watch = watch_background(run)
    let_go(fifo)
    wait_for_end(watch)
    trace = Trace(run, run.path("t.brkw"))
    pid, mine = daemons_pid(run, trace.events())
    assert len(mine) == 10
    trace.verify()


def daemon_process(run):
    """The pid of the daemon of this test's folder, found by its command line."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            if words[0].endswith(b"/daemon") and run.path("fifo").encode() in words:
                return int(name)
        except OSError:
            continue
    raise AssertionError("the daemon is not there any more")


def watch_background(run):
    """A descriptor that becomes readable when the tracer in the background has ended, pidfd_open(2)."""
    tracer = tracer_of(daemon_process(run))
    assert tracer != 0, "nobody records the daemon"
    return os.pidfd_open(tracer)


def wait_for_end(watch, seconds=60):
    try:
        ready, _, _ = select.select([watch], [], [], seconds)
        assert ready, "the tracer in the background has not ended"
    finally:
        os.close(watch)


@pytest.mark.parametrize("how,status", [("0", 0), ("9", 9), ("segv", -11), ("kill", -9)])
def test_detached_tracer_without_a_daemon(run, how, status):
    """Ordinary commands end as they always do, by status and by signal."""
    with open(run.path("out"), "wb") as out:
        options = ["-q", "--detach-tracer", "-o", run.path("t.brkw"), "--"]
        outcome = run(run.brkwater, *options, run.program("signal-die"), how, stdout=out, stderr=out)
    assert outcome.status == status, outcome


def test_detached_tracer_and_standard_input(run):
    """The command reads the input that brkwater was given, though its tracer works in the background."""
    script = 'read line; echo "$line from its input"'
    tracer = [run.brkwater, "-q", "--detach-tracer", "-o", run.path("t.brkw"), "--"]
    outcome = run("sh", "-c", '"$@"; echo end', "sh", *tracer, "sh", "-c", script, stdin=b"hello\n")
    assert (outcome.status, outcome.stdout) == (0, b"hello from its input\nend\n"), outcome


def test_background_jobs_of_a_shell(run):
    """`sh -c 'job & exit'`: the job outlives the shell and is recorded."""
    outcome, trace = run.traced("sh", "-c", f"{run.program('children')} 20 & exit 3")
    assert outcome.status == 3 and outcome.stdout == b"20 children, sum right\n", outcome
    assert len({event["pid"] for event in trace.events()}) >= 22
    trace.verify()

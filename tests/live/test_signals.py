"""Signals, stops and job control look to the target as if nobody were watching, ptrace(2) and signal(7)."""

import os
import re
import select
import shlex
import shutil
import signal

import pytest

from harness import LONG, Terminal, Trace, assert_same_outcome

CHECKED_BY_THEMSELVES = [
    ("signal-values",),
    ("signal-timers",),
    ("signal-child-stop",),
    ("signal-stop-threads",),
    ("signal-altstack",),
    ("signal-eintr",),
    ("seccomp-own-filter", "errno"),
    ("seccomp-own-filter", "trap"),
    ("seccomp-own-filter", "two"),
    ("seccomp-io-uring",),
]


@pytest.mark.parametrize("argv", CHECKED_BY_THEMSELVES, ids="-".join)
def test_same_as_untraced(run, argv):
    """The program checks what it sees, and ends with 0 when all is as it should be."""
    run.same(run.program(argv[0]), *argv[1:], status=0)


DEATHS = {
    "segv": signal.SIGSEGV,
    "abort": signal.SIGABRT,
    "kill": signal.SIGKILL,
    "term": signal.SIGTERM,
    "int": signal.SIGINT,
    "pipe": signal.SIGPIPE,
    "fpe": signal.SIGFPE,
    "ill": signal.SIGILL,
    "bus": signal.SIGBUS,
    "rt": 40,
    "thread-kill": signal.SIGKILL,
}


@pytest.mark.parametrize("how", DEATHS)
def test_death_by_signal(run, how):
    """brkwater ends by the signal that ended the command, and the trace is whole."""
    run.same(run.program("signal-die"), how, status=-DEATHS[how])


def test_death_leaves_no_core_of_brkwater(run_once):
    """The core file, if any, is the command's; brkwater itself must not leave one when it dies by the same signal."""
    run_once.same("sh", "-c", f"ulimit -c 0; exec {shlex.quote(run_once.program('signal-die'))} segv", status=-signal.SIGSEGV)
    outcome = run_once(
        "sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh", run_once.brkwater, "-q", "-o", run_once.path("t"), "--",
        run_once.program("signal-die"), "segv",
    )  # fmt: skip
    assert outcome.status == -signal.SIGSEGV, outcome
    assert not [name for name in os.listdir(run_once.folder) if name.startswith("core")]


@pytest.mark.parametrize("how", ["0", "1", "42", "255"])
def test_exit_status(run, how):
    run.same(run.program("signal-die"), how, status=int(how))


def test_killed_by_own_filter(run):
    """A filter of the target may kill it in the middle of an mmap: SIGSYS."""
    run.same(run.program("seccomp-own-filter"), "kill", status=-signal.SIGSYS)


def test_killed_at_any_moment(run):
    """Children that are killed in the middle of whatever they do; any ptrace request may find them gone, ptrace(2)."""
    trace = run.same(run.program("signal-kill-storm"), 300 if LONG else 40, status=0)
    assert len({event["pid"] for event in trace.events()}) > 40


def test_fork_that_gives_way_to_signals(run):
    """fork and mmap return to a pending signal and are entered again (ERESTARTNOINTR): one event each, and all of them succeed."""
    forks = 300 if LONG else 40
    trace = run.same(run.program("signal-fork-restart"), forks, 4000, status=0)
    made = [event for event in trace.calls("clone", "clone3", "fork") if event["errno"] is None]
    assert len(made) == forks, "one event for each fork, however often it was restarted"
    odd = [event for event in trace.events() if event["errno"] and not re.fullmatch(r"E[A-Z0-9]+", event["errno"])]
    assert not odd
    assert not [event for event in trace.events() if (event["errno"] or "").startswith("ERESTART")]


def test_ptrace_is_refused(run):
    """A traced process cannot be traced by another: EPERM, and a user who wonders is told why."""
    outcome, trace = run.traced(run.program("seccomp-traceme"))
    assert outcome.stdout == b"TRACEME: EPERM\n", outcome
    said = run.verb("report", trace.path)
    assert b"ptrace" in said.stdout + said.stderr, f"the report does not say that tracing changed a result:\n{said}"


def test_strict_mode_is_refused(run):
    """A process with a filter cannot enter strict mode, seccomp(2): EINVAL."""
    outcome, trace = run.traced(run.program("seccomp-strict"))
    assert outcome.status == 0 and outcome.stdout == b"strict: EINVAL\n", outcome
    trace.verify()


def test_io_uring_is_noted(run):
    """A ring can do madvise without a system call: the report says that there was one."""
    outcome, trace = run.traced(run.program("seccomp-io-uring"))
    assert outcome.status == 0, outcome
    said = run.verb("report", trace.path)
    assert b"io_uring" in said.stdout + said.stderr, said


# ---- brkwater itself gets a signal ----


def start_waiting(run, *argv):
    process = run.start(
        run.brkwater, "-q", "-o", run.path("trace.brkw"), "--", run.program("wait-input"), *argv, stdin=-1, stdout=-1, stderr=-1
    )
    assert process.stdout.readline() == b"ready\n"
    return process


def finish(process):
    """What it still writes until it ends.  Its input stays open till then: the end of that would end it too."""
    watch = os.pidfd_open(process.pid)
    ready, _, _ = select.select([watch], [], [], 30)
    os.close(watch)
    if not ready:
        os.killpg(process.pid, signal.SIGKILL)
    stdout, _ = process.communicate(timeout=10)
    assert ready, "no end after 30 s, killed"
    return stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_from_the_terminal(run, number):
    """A terminal sends to the whole group: the command handles it, ends as it likes, and the trace is finished."""
    process = start_waiting(run, "catch")
    os.killpg(process.pid, number)
    stdout = finish(process)
    assert process.returncode == 3 and f"caught {int(number)}\n".encode() in stdout, (process.returncode, stdout)
    assert stdout.count(b"caught") == 1
    Trace(run, run.path("trace.brkw")).verify()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_to_brkwater_alone(run, number):
    """Whoever ends brkwater wants the command to end: it dies by that signal, and the trace is finished."""
    process = start_waiting(run)
    os.kill(process.pid, number)
    finish(process)
    assert process.returncode == -number
    Trace(run, run.path("trace.brkw")).verify()


@pytest.mark.parametrize("name", ["USR1", "USR2", "ALRM", "HUP", "TERM", "WINCH", "RTMIN"])
def test_signal_to_the_own_group(run, name):
    """The command signals its whole process group, kill(2), in which brkwater is: it handles the signal, once, and goes on."""
    number = int(getattr(signal, "SIG" + name))
    run.same("sh", "-c", f"trap 'echo caught' {number}; kill -{number} 0; echo survived; exit 4", status=4)


WITH_AN_ALARM = "import os, signal, sys; signal.alarm(1); os.execvp(sys.argv[1], sys.argv[1:])"


def test_alarm_set_before_exec(run):
    """An alarm is kept across execve(2): whoever sets one to bound a command's time bounds that of the traced command too."""
    command = [run.program("signal-die"), "wait"]
    tracer = [run.brkwater, "-q", "-o", run.path("trace.brkw"), "--"]
    plain = run("/usr/bin/python3", "-c", WITH_AN_ALARM, *command)
    assert plain.status == -signal.SIGALRM, plain
    assert_same_outcome(plain, run("/usr/bin/python3", "-c", WITH_AN_ALARM, *tracer, *command))
    Trace(run, run.path("trace.brkw")).verify()


def test_brkwater_is_killed(run):
    """A command without its tracer would fail in every memory call: it dies too, and what was recorded can be read."""
    process = start_waiting(run)
    os.kill(process.pid, signal.SIGKILL)
    assert process.stdout.read() == b"", "the end of the file comes when the command has died"
    finish(process)
    outcome = run.verb("events", run.path("trace.brkw"), "--json")
    assert outcome.status >= 0, outcome


# ---- job control ----


SHELL = ["bash", "--norc", "--noprofile", "--noediting", "-i"]


@pytest.fixture(params=["untraced", "traced"])
def job(request, run):
    """A shell on a terminal, and the command line that starts the job in it; untraced too, which checks the test itself."""
    if not shutil.which("bash"):
        pytest.skip("bash is not installed")

    def command(*argv):
        words = [run.program("wait-input"), *argv]
        if request.param == "traced":
            words = [run.brkwater, "-q", "-o", run.path("trace.brkw"), "--", *words]
        return shlex.join(words)

    environment = dict(run.environment, PS1="shell> ", HISTFILE="")
    with Terminal(run.as_user(SHELL), run.folder, environment) as terminal:
        terminal.expect("shell> ")
        yield terminal, command
    if request.param == "traced":
        Trace(run, run.path("trace.brkw")).verify()


def foreground(terminal):
    """fg: until the job has the terminal and runs, a key would be the shell's."""
    terminal.send("fg\n")
    terminal.expect("wait-input.*\n")
    terminal.wait_for_job()


def test_ctrl_z_and_fg(job):
    """Ctrl-Z stops the job and gives the shell back; fg goes on with it, as often as you like."""
    terminal, command = job
    terminal.send(command() + "\n")
    terminal.expect("ready")
    for _ in range(3):
        terminal.send("\x1a")
        terminal.expect("Stopped")
        terminal.expect("shell> ")
        terminal.send("jobs; echo seen\n")
        terminal.expect("Stopped")
        terminal.expect("seen\n")
        terminal.expect("shell> ")
        foreground(terminal)
    terminal.send("hello\n")
    terminal.expect("got hello")
    terminal.expect("shell> ")
    terminal.send("echo status $?\n")
    terminal.expect("status 6\n")


def test_job_that_stops_itself(job):
    """raise(SIGSTOP) stops the job like Ctrl-Z: the shell sees it, and fg goes on with it."""
    terminal, command = job
    terminal.send(command("stop") + "\n")
    terminal.expect("ready")
    terminal.expect("Stopped")
    terminal.expect("shell> ")
    foreground(terminal)
    terminal.send("hello\n")
    terminal.expect("got hello")
    terminal.expect("shell> ")
    terminal.send("echo status $?\n")
    terminal.expect("status 6\n")


def test_ctrl_z_and_bg(job):
    """A job in the background that reads from the terminal stops by SIGTTIN; fg brings it back."""
    terminal, command = job
    terminal.send(command() + "\n")
    terminal.expect("ready")
    terminal.send("\x1a")
    terminal.expect("Stopped")
    terminal.expect("shell> ")
    terminal.send("bg; until [[ $(jobs) == *Stopped* ]]; do :; done; echo done\n")
    terminal.expect("done\n")
    foreground(terminal)
    terminal.send("again\n")
    terminal.expect("got again")
    terminal.send("echo status $?\n")
    terminal.expect("status 6\n")


def test_ctrl_c_caught(job):
    """Ctrl-C is the command's to answer."""
    terminal, command = job
    terminal.send(command("catch") + "\n")
    terminal.expect("ready")
    terminal.send("\x03")
    terminal.expect("caught 2")
    terminal.expect("shell> ")
    terminal.send("echo status $?\n")
    terminal.expect("status 3\n")


def test_ctrl_c(job):
    """And its to die of."""
    terminal, command = job
    terminal.send(command() + "\n")
    terminal.expect("ready")
    terminal.send("\x03")
    terminal.expect("shell> ")
    terminal.send("echo status $?\n")
    terminal.expect("status 130\n")

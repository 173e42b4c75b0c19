"""Starting a command: what it finds is what it would find without brkwater, and brkwater's own failures have a status of their
own."""

import os
import select
import signal
import stat
from subprocess import PIPE

import pytest

from harness import NOBODY, Trace, assert_same_outcome, parse_events, run_process


def said(outcome, *words):
    """The message is short, says who speaks, and names the thing."""
    text = outcome.err
    assert text.startswith("brkwater: "), outcome
    assert len(text.splitlines()) <= 2, f"one line is enough:\n{outcome}"
    for word in words:
        assert word in text, f"{word!r} is not named:\n{outcome}"


# ---- exit statuses of brkwater's own ----


@pytest.mark.parametrize("options", [[], ["-o", "t.brkw"]], ids=["live", "recorded"])
class TestStatuses:
    def test_command_not_found(self, run, options):
        for name in ("no-such-command", "./no-such-file", "/no/such/folder/command"):
            outcome = run.verb(*options, "--", name)
            assert outcome.status == 127, outcome
            said(outcome, name)
        assert os.listdir(run.folder) == [], "nothing was recorded, so no file is left"

    def test_command_not_executable(self, run, options):
        run.write("plain", "just text\n", mode=0o644)
        os.mkdir(run.path("folder"))
        before = sorted(os.listdir(run.folder))
        for name in ("./plain", "./folder", "/dev/null"):
            outcome = run.verb(*options, "--", name)
            assert outcome.status == 126, outcome
            said(outcome, name)
        assert sorted(os.listdir(run.folder)) == before

    def test_interpreter_missing(self, run, options):
        """The file is there, but what its first line names is not: execve(2) says ENOENT."""
        run.write("script", "#!/no/such/interpreter\n", mode=0o755)
        outcome = run.verb(*options, "--", "./script")
        assert outcome.status in (126, 127), outcome
        said(outcome, "./script")

    def test_no_format(self, run, options):
        """A file that is no program and no script: refused with 126, or given to the shell as execvp(3) does."""
        run.write("text", "echo hello; exit 7\n", mode=0o755)
        outcome = run.verb(*options, "--", "./text")
        if outcome.status == 126:
            said(outcome, "./text")
        else:
            assert (outcome.status, outcome.stdout) == (7, b"hello\n"), outcome

    def test_broken_program(self, run, options):
        run.write("broken", b"\x7fELF" + bytes(200), mode=0o755)
        plain = run("env", "./broken")
        outcome = run.verb(*options, "--", "./broken")
        assert outcome.status in (126, plain.status), (plain, outcome)

    def test_wrong_usage(self, run, options):
        for words in (["--no-such-option"], ["--no-such-option", "true"], []):
            outcome = run.verb(*options, *words)
            assert outcome.status == 2, outcome
            said(outcome, *words[:1])
        assert os.listdir(run.folder) == []


def test_option_without_its_value(run_once):
    for words in (["-o"], ["-e"], ["--max-size"], ["--duration"]):
        outcome = run_once.verb(*words)
        assert outcome.status == 2, outcome
        said(outcome, words[0])


def test_wrong_values(run_once):
    for words in (["--max-size", "much"], ["--duration", "long"], ["--sample-interval", "-3"], ["-e", "nosuchcall"]):
        outcome = run_once.verb(*words, "true")
        assert outcome.status == 2, outcome
        said(outcome, words[1])


def test_command_that_looks_like_an_option(run):
    """Behind `--` all is the command; an option behind the command is the command's."""
    outcome, _ = run.traced("echo", "-o", "--version", "-q")
    assert (outcome.status, outcome.stdout) == (0, b"-o --version -q\n"), outcome
    outcome = run.verb("-q", "-o", run.path("t"), "echo", "-n", "--", "--help")
    assert (outcome.status, outcome.stdout) == (0, b"-- --help"), outcome


def test_help_and_version(run_once):
    outcome = run_once.verb("--version")
    assert outcome.status == 0 and b"brkwater" in outcome.stdout and not outcome.stderr, outcome
    outcome = run_once.verb("--help")
    assert outcome.status == 0 and b"-o" in outcome.stdout and not outcome.stderr, outcome
    for verb in ("report", "events", "layout", "verify"):
        outcome = run_once.verb(verb, "--help")
        assert outcome.status == 0 and verb.encode() in outcome.stdout and not outcome.stderr, outcome


# ---- where the trace goes ----


def test_output_cannot_be_written(run):
    """The command does not even begin when its recording could not."""
    os.mkdir(run.path("folder"))
    names = ["/no/such/folder/t.brkw", run.path("folder")]
    if run.user != "root":
        os.chmod(run.path("folder"), 0o555)
        names.append(run.path("folder") + "/t.brkw")
    for name in names:
        outcome = run.verb("-o", name, "--", "touch", run.path("ran"))
        assert outcome.status == 125, outcome
        said(outcome, name)
        assert not os.path.exists(run.path("ran"))
        assert os.listdir(run.path("folder")) == []


def test_an_older_trace_is_replaced(run):
    """And nothing but the trace is left in the folder."""
    outcome, trace = run.traced("sh", "-c", "true & wait; true")
    first = len(trace.events())
    outcome, trace = run.traced("/bin/true")
    assert outcome.status == 0 and len(trace.events()) < first
    trace.verify()
    assert os.listdir(run.folder) == ["trace.brkw"]


def test_the_trace_has_the_rights_of_an_ordinary_file(run):
    """It is the user's, and obeys the umask."""
    outcome, trace = run.traced("/bin/true", umask=0o027)
    status = os.stat(trace.path)
    assert stat.S_IMODE(status.st_mode) in (0o640, 0o600), oct(status.st_mode)
    assert status.st_uid == (NOBODY if run.user == "nobody" else os.geteuid())


ON_A_SMALL_DISK = """
mount -t tmpfs -o size=48k,mode=0777 brkwater-test small || exit 77
"$@"
status=$?
cp small/t.brkw copy.brkw
exit $status
"""


def test_full_disk(run, as_root):
    """The recording ends in good order and says so; the target runs on untouched; what was written can be read.  The disk is a
    tmpfs of 48 KiB in a mount namespace of its own, which nobody has to clean up."""
    os.mkdir(run.path("small"))
    argv = [run.program("threads-race"), "1", "2", "6000"]
    plain = run(*argv)
    tracer = run.as_user([run.brkwater, "-o", run.path("small/t.brkw"), "--", *argv])
    words = ["unshare", "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh", *tracer]
    outcome = run_process(words, cwd=run.folder, env=run.environment)
    if outcome.status == 77:
        pytest.skip(f"a tmpfs cannot be mounted here: {outcome.err}")
    assert (outcome.status, outcome.stdout) == (plain.status, plain.stdout), outcome
    assert "No space left" in outcome.err or "full" in outcome.err, f"it does not say that the disk is full:\n{outcome}"
    events = run.verb("events", run.path("copy.brkw"), "--json")
    assert events.status >= 0, events
    assert parse_events(events.stdout), "what was recorded before can be read"


def test_max_size(run):
    """--max-size ends the recording, not the command."""
    argv = [run.program("threads-race"), "1", "2", "3000"]
    plain = run(*argv)
    outcome, trace = run.traced(*argv, options=["--max-size", "32768"])
    assert (outcome.status, outcome.stdout) == (plain.status, plain.stdout), outcome
    assert os.path.getsize(trace.path) <= 2 * 32768
    assert trace.events()
    whole, _ = run.traced(*argv, trace="whole.brkw")
    assert os.path.getsize(run.path("whole.brkw")) > os.path.getsize(trace.path)


def test_duration(run):
    """--duration ends the recording after so many seconds, not the command."""
    busy, after = run.program("threads-race"), run.program("calls-munmap")
    options = ["-q", "-o", run.path("t.brkw"), "--duration", "0.05", "--"]
    command = ["sh", "-c", '"$1" 1 2 500; echo ready; read line; "$2"', "sh", busy, after]
    process = run.start(run.brkwater, *options, *command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    for line in process.stdout:
        if line == b"ready\n":
            break
    stdout, stderr = process.communicate(b"\n", timeout=60)
    assert process.returncode == 0 and b"munmap" in stdout, (process.returncode, stdout, stderr)


# ---- what the command finds ----


def test_standard_streams_are_passed_through(run):
    """All bytes, on all three, and the end of the input too."""
    data = bytes(range(256)) * 2000
    run.same("cat", stdin=data, status=0)
    run.same("sh", "-c", "cat >&2; echo out; exit 9", stdin=b"to standard error\n", status=9)


def test_input_that_the_command_does_not_read(run_once):
    """brkwater must not read ahead from what belongs to others."""
    script = '"$@" >/dev/null; cat'
    for tracer in ([], [run_once.brkwater, "-q", "-o", run_once.path("t"), "--"]):
        with open(run_once.write("input", b"one\ntwo\n"), "rb") as file:
            outcome = run_once("sh", "-c", script, "sh", *tracer, "true", stdin=file)
        assert outcome.stdout == b"one\ntwo\n", outcome


def test_state_is_the_same(run):
    """Signal mask and dispositions, limits, umask, affinity, environment, arguments, working directory."""
    run.same(run.program("show-state"), "an argument", "", status=0)


def test_unusual_state_is_kept(run):
    """What the parent had ignored, blocked or limited stays so."""
    script = 'trap "" INT TERM USR1 PIPE CHLD TSTP; ulimit -n 50; ulimit -s 1024; umask 077; cd /; exec "$@"'
    program = run.program("show-state")
    plain = run("sh", "-c", script, "sh", program, env={"ODD": "a\nb"})
    traced = run("sh", "-c", script, "sh", run.brkwater, "-q", "-o", run.path("t"), "--", program, env={"ODD": "a\nb"})
    assert b"ignored" in plain.stdout
    assert_same_outcome(plain, traced)


def test_environment_is_the_same(run):
    run.same("env", "-0", env={"A": "1", "EMPTY": "", "LD_BIND_NOW": "1"}, status=0)


def wait_for_tracers(path, seconds=60):
    """Wait until no brkwater that records to `path` is left: with --detach-tracer, one may finish in the background."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            watch = os.pidfd_open(int(name))
        except OSError:  # it has ended
            continue
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                recording = path.encode() in file.read().split(b"\0")
            assert not recording or select.select([watch], [], [], seconds)[0], f"process {name} still records to {path}"
        except OSError:
            pass
        finally:
            os.close(watch)


@pytest.mark.parametrize("options", [[], ["--detach-tracer"]], ids=["attached", "detached"])
@pytest.mark.parametrize("closed", ["0", "1", "2", "01", "02", "12", "012"])
def test_closed_descriptors(run, closed, options):
    """Descriptors that are closed stay closed, and none of brkwater's own shows up in their place, nor the trace in them."""
    closing = " ".join(f"{fd}>&-" for fd in closed)
    program = run.program("show-fds")
    results = []
    for name, tracer in (("plain", []), ("traced", [run.brkwater, "-q", *options, "-o", run.path("t.brkw"), "--"])):
        outcome = run("sh", "-c", f'exec "$@" {closing}', "sh", *tracer, program, run.path(name))
        assert outcome.status == 0 and not outcome.stdout and not outcome.stderr, outcome
        with open(run.path(name), encoding="utf-8") as file:
            results.append(file.read())
    assert results[0] == results[1]
    wait_for_tracers(run.path("t.brkw"))
    Trace(run, run.path("t.brkw")).verify()


def test_inherited_descriptors(run):
    """The set of open descriptors is the same, flags included; none leaks from brkwater."""
    results = []
    with open("/dev/zero", "rb") as zero, open("/dev/null", "ab") as null:
        for name, tracer in (("plain", []), ("traced", [run.brkwater, "-q", "-o", run.path("t.brkw"), "--"])):
            outcome = run(*tracer, run.program("show-fds"), run.path(name), pass_fds=(zero.fileno(), null.fileno()))
            assert outcome.status == 0, outcome
            with open(run.path(name), encoding="utf-8") as file:
                results.append(file.read())
        assert f"\n{zero.fileno()} " in results[0]
    assert results[0] == results[1]


TRACERS = {"live": ["-q"], "recorded": ["-q", "-o", "t.brkw"], "detached": ["-q", "--detach-tracer", "-o", "t.brkw"]}


@pytest.mark.parametrize("options", TRACERS.values(), ids=TRACERS)
def test_children_that_are_not_its_own(run, options):
    """A shell that becomes brkwater by exec leaves it its background jobs: brkwater neither waits for them nor ends them."""
    script = 'sleep 600 >/dev/null 2>&1 & echo $!; exec "$@"'
    outcome = run("sh", "-c", script, "sh", run.brkwater, *options, "--", "sh", "-c", "exit 5", timeout=60)
    pid = int(outcome.stdout.split()[0])
    os.kill(pid, signal.SIGKILL)  # fails when it is not there any more
    assert outcome.status == 5, outcome


def test_output_to_a_fifo(run):
    """-o may be a named pipe, fifo(7), which cannot be read back or gone back in: its reader gets a whole trace."""
    assert run("mkfifo", run.path("fifo")).status == 0
    with open(run.path("copy.brkw"), "wb") as copy:
        reader = run.start("cat", run.path("fifo"), stdout=copy)
        try:
            outcome, _ = run.traced("sh", "-c", "true; echo out; exit 7", trace="fifo", timeout=60)
            assert (outcome.status, outcome.stdout) == (7, b"out\n"), outcome
            assert reader.wait(60) == 0
        finally:
            reader.kill()
            reader.wait(10)
    trace = Trace(run, run.path("copy.brkw"))
    assert trace.calls("exit_group")
    trace.verify()


def test_path_is_searched(run):
    """As execvp(3) does: PATH of the environment, no current folder, an unusable file is passed over."""
    for folder in ("one", "two"):
        os.mkdir(run.path(folder), 0o755)
    run.write("one/tool", "#!/bin/sh\nexit 1\n", mode=0o644)
    run.write("two/tool", "#!/bin/sh\nexit 12\n", mode=0o755)
    path = f"{run.path('one')}:{run.path('two')}:/usr/bin:/bin"
    outcome, _ = run.traced("tool", env={"PATH": path})
    assert outcome.status == 12, outcome
    run.write("here", "#!/bin/sh\nexit 3\n", mode=0o755)
    outcome, _ = run.traced("here")
    assert outcome.status == 127, outcome


def test_relative_output_and_a_command_that_changes_folder(run):
    """The trace lies where brkwater was started."""
    outcome = run.verb("-q", "-o", "t.brkw", "--", "sh", "-c", "cd /; exec true")
    assert outcome.status == 0 and os.path.exists(run.path("t.brkw")), outcome


def test_summary_closes_a_recorded_run(run):
    """Without -q the run ends with a summary on standard error, which says what was verified."""
    outcome = run.verb("-o", run.path("t.brkw"), "--", "sh", "-c", "echo out; echo err >&2")
    assert (outcome.status, outcome.stdout) == (0, b"out\n"), outcome
    assert outcome.stderr.startswith(b"err\n") and b"0 drift" in outcome.stderr, outcome
    report = run.verb("report", run.path("t.brkw"))
    assert report.status == 0 and b"0 drift" in report.stdout, report


def test_traced_in_a_traced_command(run_once):
    """brkwater under brkwater: the inner one is told by ptrace(2) that somebody is there already; it must say so and not hang."""
    outcome, _ = run_once.traced(run_once.brkwater, "-q", "-o", run_once.path("inner"), "--", "true")
    assert outcome.status in (0, 125), outcome

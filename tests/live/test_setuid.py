"""Set-uid programs under a tracer: root keeps them as they are; for others the kernel ignores the bit, execve(2), and brkwater
says so."""

import os
import re
import shutil

import pytest

from harness import NOBODY, Trace


def copy_of_ids(run, owner, mode):
    """A copy of show-ids that belongs to somebody and has a mode of its own."""
    path = run.path(f"ids-{owner}-{mode:o}")
    shutil.copyfile(run.program("show-ids"), path)
    os.chown(path, owner, owner)
    os.chmod(path, mode)  # after chown, which takes the bits away
    if os.statvfs(path).f_flag & os.ST_NOSUID:
        pytest.skip("the temporary folder is mounted nosuid")
    return path


def tells_of_privileges(run, outcome):
    """Whether brkwater says a word about them; the name of the test's folder does not count."""
    words = (outcome.out + outcome.err).replace(run.folder, "")
    return bool(re.search("set-?u?id|privilege", words, re.IGNORECASE))


def test_root_runs_a_program_of_nobody(run_once, as_root):
    """Root traces: the program becomes nobody exactly as untraced."""
    run_once.same(copy_of_ids(run_once, NOBODY, 0o4755), status=0)


def test_root_runs_a_program_that_drops_its_privileges(run_once, as_root):
    """The tracer goes on when its tracee has become somebody else in the middle."""
    trace = run_once.same(copy_of_ids(run_once, 0, 0o4755), "drop", NOBODY, status=0)
    assert len(trace.calls("munmap")) >= 5


def test_root_follows_into_programs_of_others(run_once, as_root):
    """A set-uid and set-gid program as a child, between ordinary ones."""
    script = f"{copy_of_ids(run_once, NOBODY, 0o6755)}; {copy_of_ids(run_once, 0, 0o755)}; true"
    run_once.same("sh", "-c", script, status=0)


def test_root_becomes_nobody_and_execs(run_once, as_root):
    """setpriv makes the command an ordinary user's, who then runs a set-uid program: root's tracer may allow it or not, but nothing
    breaks."""
    path = copy_of_ids(run_once, 0, 0o4755)
    outcome, trace = run_once.traced("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", path)
    assert outcome.status == 0 and re.match(rb"uid 65534 (0|65534) ", outcome.stdout), outcome
    trace.verify()


@pytest.mark.parametrize("as_child", [False, True], ids=["command", "child"])
def test_nobody_loses_the_privileges_and_is_told(run_as_nobody, as_child):
    """Untraced the program is root; traced it runs as who started it, and the user is told why."""
    run = run_as_nobody
    path = copy_of_ids(run, 0, 0o4755)
    argv = ["sh", "-c", f"{path}; true"] if as_child else [path]
    plain = run(*argv)
    if plain.stdout != b"uid 65534 0 0\n":
        pytest.skip(f"set-uid programs do not work here: {plain}")
    outcome = run.verb("-o", run.path("t.brkw"), "--", *argv)
    assert outcome.status == 0 and outcome.stdout == b"uid 65534 65534 65534\n", outcome
    assert tells_of_privileges(run, outcome), f"it is not said:\n{outcome}"
    Trace(run, run.path("t.brkw")).verify()
    report = run.verb("report", run.path("t.brkw"))
    assert tells_of_privileges(run, report), report


def test_ordinary_programs_are_not_accused(run_as_nobody):
    """No word about privileges where none were lost."""
    run = run_as_nobody
    outcome = run.verb("-o", run.path("t.brkw"), "--", run.program("show-ids"))
    assert outcome.status == 0 and not tells_of_privileges(run, outcome), outcome


def test_a_program_that_may_not_be_read(run, as_root):
    """Execute permission alone: the process is not dumpable for others, prctl(2), and cannot be looked into by an ordinary
    tracer; it must run all the same."""
    path = copy_of_ids(run, 0, 0o711)
    plain = run(path)
    outcome, _ = run.traced(path)
    assert (outcome.status, outcome.stdout) == (plain.status, plain.stdout), f"{plain}\n{outcome}"

"""Set-uid programs under a tracer: root keeps them as they are; for others the kernel ignores the bit, execve(2), and brkwater says so."""

import os
import re
import shutil

import pytest

from harness import NOBODY, Trace


@pytest.fixture
def copy_of_ids(run, as_root):
    """copy_of_ids(owner, mode): a copy of show-ids that belongs to somebody else."""

    def make(owner, mode):
        path = run.path(f"ids-{owner}-{mode:o}")
        shutil.copyfile(run.program("show-ids"), path)
        os.chown(path, owner, owner)
        os.chmod(path, mode)  # after chown, which takes the bits away
        if os.statvfs(path).f_flag & os.ST_NOSUID:
            pytest.skip("the temporary folder is mounted nosuid")
        return path

    return make


def test_root_runs_a_program_of_nobody(run, copy_of_ids):
    """Root traces: the program becomes nobody exactly as untraced."""
    if run.user != "root":
        pytest.skip("for root only")
    run.same(copy_of_ids(NOBODY, 0o4755), status=0)


def test_root_runs_a_program_that_drops_its_privileges(run, copy_of_ids):
    """The tracer goes on when its tracee has become somebody else in the middle."""
    if run.user != "root":
        pytest.skip("for root only")
    trace = run.same(copy_of_ids(0, 0o4755), "drop", NOBODY, status=0)
    assert len(trace.calls("munmap")) >= 5


def test_root_follows_into_a_program_of_root(run, copy_of_ids):
    """A set-uid program as a child, and a set-gid one."""
    if run.user != "root":
        pytest.skip("for root only")
    run.same("sh", "-c", f"{copy_of_ids(NOBODY, 0o6755)}; {copy_of_ids(0, 0o755)}; true", status=0)


def test_root_switches_to_nobody_and_execs(run, copy_of_ids):
    """setpriv makes the command an ordinary user's, who then runs a set-uid program: root's tracer may allow it or not, but nothing
    breaks."""
    if run.user != "root":
        pytest.skip("for root only")
    path = copy_of_ids(0, 0o4755)
    outcome, trace = run.traced("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", path)
    assert outcome.status == 0 and re.match(rb"uid 65534 (0|65534) ", outcome.stdout), outcome
    trace.verify()


@pytest.mark.parametrize("as_child", [False, True], ids=["command", "child"])
def test_nobody_loses_the_privileges_and_is_told(run, copy_of_ids, as_child):
    """Untraced the program is root; traced it runs as who started it, and the user is told why."""
    if run.user != "nobody":
        pytest.skip("for an ordinary user only")
    path = copy_of_ids(0, 0o4755)
    argv = ["sh", "-c", f"{path}; true"] if as_child else [path]
    plain = run(*argv)
    if plain.stdout != b"uid 65534 0 0\n":
        pytest.skip(f"set-uid programs do not work here: {plain}")
    outcome = run.verb("-o", run.path("t.brkw"), "--", *argv)
    assert outcome.status == 0 and outcome.stdout == b"uid 65534 65534 65534\n", outcome
    assert re.search(rb"set-?u?id|privilege", outcome.stderr, re.IGNORECASE), f"it is not said:\n{outcome}"
    Trace(run, run.path("t.brkw")).verify()
    report = run.verb("report", run.path("t.brkw"))
    assert re.search(rb"set-?u?id|privilege", report.stdout + report.stderr, re.IGNORECASE), report


def test_ordinary_programs_are_not_accused(run, copy_of_ids):
    """No word about privileges where none were lost."""
    if run.user != "nobody":
        pytest.skip("for an ordinary user only")
    outcome = run.verb("-o", run.path("t.brkw"), "--", run.program("show-ids"))
    assert outcome.status == 0 and not re.search(rb"set-?u?id", outcome.stderr, re.IGNORECASE), outcome


def test_a_program_that_may_not_be_read(run, copy_of_ids):
    """Execute permission alone: the process is not dumpable for others, prctl(2), and cannot be looked into by an ordinary tracer; it must
    run all the same."""
    path = copy_of_ids(0, 0o711)
    plain = run(path)
    outcome, _ = run.traced(path)
    assert (outcome.status, outcome.stdout) == (plain.status, plain.stdout), f"{plain}\n{outcome}"

"""Attaching where processes live in practice: in containers, at their limits, between two programs, at their end."""

import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

from attaching import PYTHON, check_released, finish, pauses_of, state_of
from harness import LONG, TIME_LIMIT

# ---- where its files are not ours ----


def check_names(target):
    """Attached to `attach-waits 1 maps`: its calls are seen, with their stacks, and its functions have their names."""
    target.attach_for_calls()
    check_released(target.pid)
    trace = target.trace()
    trace.verify()
    calls = trace.calls("mmap", "munmap", "mprotect", pid=target.pid)
    assert calls and all(event["stack_quality"] == "complete" for event in calls)
    assert all("run_maps" in [frame["function"] for frame in event["stack"]] for event in calls), calls[0]
    code, out, err = target.end()
    assert code == 0 and re.fullmatch(r"rounds \d+ errors 0\n", out), out + err


def test_static_program_in_a_chroot(target_once, run_once, as_root):
    """Nothing of what it has mapped has the same path outside."""
    root = run_once.path("root")
    os.mkdir(root)
    shutil.copy(run_once.program("attach-waits-static"), os.path.join(root, "waits"))
    check_names(target_once("/usr/sbin/chroot", root, "/waits", 1, "maps"))


def test_deleted_program(target, run):
    """Its file has no name any more, and another has taken it."""
    path = run.path("waits")
    run("/bin/cp", run.program("attach-waits"), path)
    waits = target(path, 1, "maps")
    os.unlink(path)
    shutil.copy("/bin/true", path)
    check_names(waits)


def test_program_on_overlayfs(target_once, run_once, as_root):
    """There maps and stat(2) may tell of different devices.  The mount is in a namespace of its own."""
    for name in ("lower", "upper", "work", "merged"):
        os.mkdir(run_once.path(name))
    shutil.copy(run_once.program("attach-waits"), run_once.path("lower/waits"))
    # The upper folder cannot lie on another overlay, where containers have their files.
    mount = "mount -t tmpfs none work && mkdir work/upper work/work && mount -t overlay none -o lowerdir=lower,upperdir=work/upper,workdir=work/work merged"
    if run_once("unshare", "--mount", "sh", "-c", mount).status:
        pytest.skip("an overlay cannot be mounted here")
    check_names(target_once("/usr/bin/unshare", "--mount", "sh", "-c", f"{mount} && exec merged/waits 1 maps"))


def test_other_user_namespace(target_once, run_once, as_root):
    """Root of the first namespace may attach to what runs in another."""
    if run_once("unshare", "--user", "true").status:
        pytest.skip("user namespaces cannot be made here")
    check_names(target_once("/usr/bin/unshare", "--user", run_once.program("attach-waits"), 1, "maps"))


# ---- at a limit ----

AT_LIMIT = """
import select, sys, threading
over, held = threading.Event(), []

def start():
    thread = threading.Thread(target=over.wait)
    thread.start()
    held.append(thread)

def is_refused():
    try:
        start()
    except RuntimeError:
        return True
    return False

while not is_refused():
    pass
print("ready", flush=True)
tries = started = 0
while not select.select([sys.stdin], [], [], 0.001)[0]:
    tries += 1
    started += not is_refused()
sys.stdin.readline()
over.set()
for thread in held:
    thread.join()
print(f"{len(held)} threads, {started} too many, tried {'often' if tries else 'never'}")
"""


def test_at_its_thread_limit(target_once, as_root):
    """Nothing is left for it, and nothing is needed.  The limit counts what a user has: this one has nothing else."""
    user = 1_000_000 + os.getpid()
    command = ["/usr/bin/setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "prlimit", "--nproc=12", PYTHON, "-c", AT_LIMIT]
    python = target_once(*command)
    for number in range(40 if LONG else 4):
        finish(python.attach("--duration", "30ms") if number % 2 else python.attach(), None if number % 2 else signal.SIGINT)
        check_released(python.pid)
        python.trace().verify()
    assert python.end() == (0, "11 threads, 0 too many, tried often\n", "")


def test_200_threads(target_once):
    """What it takes to stop and to release them is printed; it depends on the machine, so that nothing is asserted."""
    waits = target_once("attach-waits", 8)
    for _ in range(20 if LONG else 2):
        finish(waits.attach("--duration", "50ms"))
        check_released(waits.pid)
        waits.trace().verify()
        threads = len(os.listdir(f"/proc/{waits.pid}/task"))
        assert threads > 200
        print("{} threads: stopped for {:.1f} ms at the start, for {:.1f} ms at the end".format(threads, *pauses_of(waits.trace())))
    code, out, err = waits.end()
    assert code == 0 and re.fullmatch(r"rounds \d+ errors 0\n", out), out + err


# ---- between two programs, and at the end ----


@pytest.mark.parametrize("program", ["exec-again", "exec-again-static"])
def test_exec_in_a_loop(target_once, program):
    """It may be attached to and released anywhere in execve."""
    again = target_once(program)
    choose = random.Random(11)
    for _ in range(300 if LONG else 6):
        finish(again.attach("--duration", f"{choose.randint(1, 30)}ms"))
        check_released(again.pid)
        again.trace().verify()
    code, out, err = again.end()
    assert code == 0 and re.fullmatch(r"executed [1-9]\d* times\n", out) and not err, (code, out, err)


ENDS = """
import os, sys, threading
for _ in range(int(sys.argv[1])):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
os._exit(7)
"""


@pytest.mark.parametrize("threads", [0, 6])
@pytest.mark.parametrize("killed", [False, True], ids=["exits", "killed"])
def test_end_while_it_is_attached_to(target, threads, killed):
    """brkwater comes in time or too late, and says so; the process ends as it would have."""
    choose = random.Random(threads)
    for _ in range(150 if LONG else 5):
        python = target(PYTHON, "-c", ENDS, threads)
        argv = [python.run.brkwater, "-q", "-o", python.run.path("trace.brkw"), "-p", python.pid]
        tracer = python.run.start(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(choose.uniform(0, 0.03))  # any moment will do
        if killed:
            python.process.kill()
        else:
            python.process.stdin.write(b"\n")
            python.process.stdin.flush()
        out, err = tracer.communicate(timeout=TIME_LIMIT)
        assert python.process.wait(TIME_LIMIT) == (-signal.SIGKILL if killed else 7)
        assert not out and tracer.returncode in (0, 125), (tracer.returncode, out, err)
        if tracer.returncode == 0:
            assert not err, err
            python.trace().verify()
        else:
            assert len(err.splitlines()) == 1 and str(python.pid) in err.decode(), err
        python.close()


def test_programs_that_end_at_once(run):
    """Most are zombies by then; their parent finds them as they ended."""
    for _ in range(100 if LONG else 10):
        short = run.start("/bin/true")
        attached = run(run.brkwater, "-q", "-o", run.path("trace.brkw"), "-p", short.pid)
        assert attached.status in (0, 125) and len(attached.err.splitlines()) == (attached.status == 125), attached
        if short.poll() is None:
            assert state_of(short.pid) not in "tT"
        assert short.wait(TIME_LIMIT) == 0

"""Why a process cannot be attached to: real processes that refuse, each for a reason of its own, and the line that tells it."""

import json
import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager

import pytest

from harness import NOBODY, run_process


@contextmanager
def process(run, *argv, user=None):
    """A process of tests/programs/refusals.c; gives the pid that it names, and ends it afterwards."""
    command = [str(word) for word in argv]
    if user is not None:
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
    started = run.start(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        line = started.stdout.readline()
        if not line.strip().isdigit():
            pytest.skip(f"{command} cannot be made here")
        yield int(line)
    finally:
        started.stdin.close()
        started.wait(30)
        started.stdout.close()


def refusals(run, what, user=None):
    return process(run, run.program("refusals"), what, user=user)


def features(outcome):
    return {feature["name"]: feature for feature in json.loads(outcome.stdout)["features"]}


def refused(run, pid, reason, way_out, argv=()):
    """`doctor -p` says no, why, and the way out, as text and as JSON.  Returns the attach feature."""
    text = run(*argv, run.brkwater, "doctor", "-p", pid)
    outcome = run(*argv, run.brkwater, "doctor", "-p", pid, "--json")
    assert (text.status, outcome.status) == (1, 1), f"{text}\n{outcome}"
    assert text.stderr == outcome.stderr == b"", f"{text}\n{outcome}"
    attach = features(outcome)["attach"]
    assert attach["state"] == "missing" and attach["needed"], outcome
    assert re.search(reason, attach["detail"]), outcome
    assert re.search(way_out, attach["knob"]), outcome
    flat = " ".join(text.out.split())
    assert f"missing attach {attach['detail']} lost all tracing of this process to fix {attach['knob']}" in flat, text
    assert text.out.endswith("attaching would not work, for want of: attach\n"), text
    return attach


def allowed(run, pid, argv=()):
    outcome = run(*argv, run.brkwater, "doctor", "-p", pid, "--json")
    assert outcome.status == 0, outcome
    assert features(outcome)["attach"]["state"] == "ok", outcome
    return features(outcome)


def yama():
    try:
        with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") as file:
            return int(file.read())
    except OSError:
        return 0


def free_pid():
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


# ---- of anybody ----


def stat_when_asleep(pid):
    """The fields of /proc/PID/stat once it waits for its input."""
    while True:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().split()
        if fields[2] == "S":
            return fields
        time.sleep(0.001)  # between two looks


def test_a_process_that_may_be_attached_to(run):
    if yama() and run.user != "root":
        pytest.skip("Yama forbids it")
    with refusals(run, "plain") as pid:
        before = stat_when_asleep(pid)
        known = allowed(run, pid)
        assert known["threads"]["detail"] == "1" and int(known["mappings"]["detail"].split()[0]) > 10
        assert known["namespaces"]["detail"] == "the same as here"
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            after = file.read().split()
        # State, faults and times: it has not run.
        assert after[2] == "S" and before[9:17] == after[9:17]


def test_no_such_process(run):
    refused(run, free_pid(), "^there is no such process$", "ps -e")


def test_itself(run):
    """The shell's pid is brkwater's after exec."""
    outcome = run("sh", "-c", f'exec "{run.brkwater}" doctor --json -p $$')
    assert outcome.status == 1 and "itself" in features(outcome)["attach"]["detail"], outcome


def test_a_kernel_thread(run):
    try:
        with open("/proc/2/comm", encoding="ascii") as file:
            if file.read() != "kthreadd\n":
                pytest.skip("process 2 is no kernel thread in this pid namespace")
    except OSError:
        pytest.skip("there are no kernel threads in this pid namespace")
    refused(run, 2, "thread of the kernel", "Name the process of a program")


def test_a_zombie(run):
    with refusals(run, "zombie") as pid:
        refused(run, pid, r"^it has ended, and waits only for its parent, refusals \(pid \d+\), to take notice$", "that runs")


def test_traced_by_another(run):
    with refusals(run, "traced") as pid:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            tracer = re.search(r"TracerPid:\t(\d+)", file.read())[1]
        refused(run, pid, rf"^it is traced by refusals \(pid {tracer}\)$", "^End that, or detach it")


def test_one_thread_is_traced_by_another(run):
    with refusals(run, "thread-traced") as pid:
        refused(run, pid, r"^it is traced by refusals \(pid \d+\)$", "^End that, or detach it")


def test_traced_by_strace(run_once):
    run = run_once
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    with process(run, "strace", "-o", run.path("log"), run.program("refusals"), "plain") as pid:
        refused(run, pid, r"^it is traced by strace \(pid \d+\)$", "^End that, or detach it")


def test_a_thread(run):
    with refusals(run, "thread") as tid:
        attach = refused(run, tid, r"^it is a thread of process \d+ \(refusals\)$", r"^Use: -p \d+$")
        leader = int(attach["knob"].split()[-1])
        assert leader != tid and str(leader) in attach["detail"]
        if not yama() or run.user == "root":
            assert allowed(run, leader)["threads"]["detail"] == "2"


def test_a_process_whose_first_thread_has_ended(run):
    """Its state is that of a zombie, but it lives."""
    if yama() and run.user != "root":
        pytest.skip("Yama forbids it")
    with refusals(run, "leaderless") as pid:
        allowed(run, pid)


def test_a_hostile_name(run_once):
    with refusals(run_once, "hostile") as pid:
        text = run_once.verb("doctor", "-p", pid)
        assert f"process {pid} (a\\n\\33[31m\\377)\"" in text.out and "\033" not in text.out, text
        outcome = run_once.verb("doctor", "-p", pid, "--json")
        assert json.loads(outcome.stdout)["comm"].startswith("a\n\033[31m"), outcome


# ---- of an ordinary user ----


def test_a_process_of_another_user(run_as_nobody, as_root):
    run = run_as_nobody
    started = subprocess.Popen([run.program("refusals"), "plain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        pid = int(started.stdout.readline())
        refused(run, pid, r"^it runs as user root \(uid 0\)$", "^Run brkwater as root, or as that user.$")
    finally:
        started.stdin.close()
        started.wait(30)


def test_process_one(run_as_nobody):
    """It is a process of root like others: no rule is about it.  Where all is one user's, as in some containers, it may be asked."""
    run = run_as_nobody
    if os.stat("/proc/1").st_uid != 0:
        pytest.skip("process 1 is not root's")
    refused(run, 1, r"^it runs as user root \(uid 0\)$", "^Run brkwater as root")


def test_a_process_of_another_group(run_as_nobody, as_root):
    run = run_as_nobody
    command = ["setpriv", f"--reuid={NOBODY}", "--regid=4242", "--clear-groups", run.program("refusals"), "plain"]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        pid = int(started.stdout.readline())
        refused(run, pid, r"^it runs with another group than you \(gid 4242\)$", "with that group")
    finally:
        started.stdin.close()
        started.wait(30)


def test_root_may_attach_to_a_process_of_another_user(run_once, as_root):
    with refusals(run_once, "plain", NOBODY) as pid:
        allowed(run_once, pid)


def test_not_dumpable(run_as_nobody):
    with refusals(run_as_nobody, "undumpable") as pid:
        refused(run_as_nobody, pid, "not dumpable", "^Run brkwater as root.$")


def test_root_may_attach_to_what_is_not_dumpable(run_once, as_root):
    with refusals(run_once, "undumpable", NOBODY) as pid:
        allowed(run_once, pid)


def test_a_process_with_capabilities(run_as_nobody, as_root):
    run = run_as_nobody
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=+net_raw", "--ambient-caps=+net_raw"]
    started = subprocess.Popen([*command, run.program("refusals"), "plain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        line = started.stdout.readline()
        if not line:
            pytest.skip("ambient capabilities cannot be given here")
        refused(run, int(line), "^it has capabilities that you have not$", "^Run brkwater as root.$")
    finally:
        started.stdin.close()
        started.wait(30)


def test_root_without_the_capability(run_once, as_root):
    """As in a container: root, but not over others."""
    without = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace"]
    with refusals(run_once, "plain", NOBODY) as pid:
        refused(run_once, pid, r"^it runs as user \w+ \(uid 65534\)$", "CAP_SYS_PTRACE, which root lacks here", without)


def test_outside_of_the_own_user_namespace(run_as_nobody):
    """Root in a namespace of its own is nobody outside of it."""
    run = run_as_nobody
    inside = ["unshare", "--user", "--map-root-user"]
    if run(*inside, "true").status != 0:
        pytest.skip("user namespaces cannot be made here")
    with refusals(run, "plain") as pid:
        refused(run, pid, "^it is in another user namespace$", "outside of all containers, or inside", inside)


def test_inside_of_a_user_namespace_that_is_ours(run_as_nobody):
    """Who has made it has all capabilities over it."""
    run = run_as_nobody
    if run("unshare", "--user", "--map-root-user", "true").status != 0:
        pytest.skip("user namespaces cannot be made here")
    if yama():
        pytest.skip("Yama may forbid it")
    with process(run, "unshare", "--user", "--map-root-user", run.program("refusals"), "plain") as pid:
        outcome = run.verb("doctor", "-p", pid, "--json")
        assert features(outcome)["namespaces"]["detail"] == "others than here: users", outcome
        assert outcome.status == 0, outcome


def test_other_namespaces(run_once, as_root):
    """Mounts and pids of its own; it says its pid there, so look for it here."""
    run = run_once
    if run("unshare", "--mount", "--pid", "--fork", "true").status != 0:
        pytest.skip("namespaces cannot be made here")
    argv = ["unshare", "--mount", "--pid", "--fork", run.program("refusals"), "plain"]
    started = run.start(*argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert started.stdout.readline() == b"1\n"
        with open(f"/proc/{started.pid}/task/{started.pid}/children", encoding="ascii") as file:
            pid = int(file.read().split()[0])
        assert allowed(run, pid)["namespaces"]["detail"] == "others than here: mounts pids"
    finally:
        started.stdin.close()
        started.wait(30)
        started.stdout.close()


def test_hidden_processes(run_once, as_root):
    """/proc that hides the processes of others."""
    run = run_once
    mount = 'mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"'
    inside = ["unshare", "--mount", "sh", "-c", mount, "sh"]
    if run(*inside, "true").status != 0:
        pytest.skip("/proc cannot be mounted here")
    with refusals(run, "plain") as pid:
        refused(run, pid, "another user, and is hidden", "^Run brkwater as root", inside)


def test_without_the_call_that_asks(run):
    """Where process_vm_readv is forbidden, the rules tell all the same."""
    without = [run.program("without-call"), "memory-reads"]
    if yama() and run.user != "root":
        pytest.skip("Yama forbids it")
    with refusals(run, "plain") as pid:
        allowed(run, pid, without)
    if run.user == "nobody":
        with refusals(run, "undumpable") as pid:
            refused(run, pid, "not dumpable", "^Run brkwater as root.$", without)


def test_many_threads_end_meanwhile(run_once):
    """Threads come and go while they are looked at."""
    run = run_once
    script = "import threading\nwhile True:\n t=threading.Thread(target=lambda:None); t.start(); t.join()"
    busy = run.start("/usr/bin/python3", "-c", script)
    try:
        for _ in range(20):
            outcome = run_process([run.brkwater, "doctor", "-p", str(busy.pid)])
            assert outcome.status == 0, outcome
    finally:
        busy.kill()
        busy.wait(30)

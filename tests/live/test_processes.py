"""Threads and processes: who shares an address space with whom, who copies it, who gets a new one; and that no order is
impossible."""

import json
import re

import pytest

from harness import LONG, assert_possible_order, assert_same_maps, expectations, match_expectations, number, own_maps, seeds


def spaces(events):
    return {event["space"] for event in events}


@pytest.mark.parametrize("seed", seeds(3))
def test_no_page_has_two_owners(run, seed):
    """Exit stops arrive in another order than the kernel applied the calls; the trace must hold a possible order all the same."""
    trace = run.same(run.program("threads-race"), seed, 4, 400, status=0)
    assert_possible_order(trace.events())
    assert len({event["tid"] for event in trace.calls("munmap")}) >= 4


def assert_overtaken_for_a_reason(events):
    """The order is unknown only of calls that met one which took longer than others wait for it, 10 ms at least: a thread that gets
    no CPU in the middle of a call, as happens on a busy machine."""
    slow = [(event["t"], event["t"] + event["duration_us"] / 1e6) for event in events if event.get("unordered") and event["duration_us"] >= 10e3]
    for event in events:
        if event.get("unordered"):
            end = event["t"] + event["duration_us"] / 1e6
            assert any(event["t"] <= until and start <= end for start, until in slow), event


@pytest.mark.early
def test_many_events_of_eight_threads(run_once):
    """Eight threads map, protect, cut and give back adjacent ranges: no event maps over live pages unasked, none takes what a
    concurrent call has just been given, and at each of fifty checkpoints the replay is the kernel's map.  A million
    events and a thousand checkpoints in the long run."""
    rounds, wanted, every = (130000, 1000000, 150000) if LONG else (6800, 50000, 10000)
    command = [run_once.program("threads-race"), 11, 8, rounds]
    # On one CPU a stop costs a third of what it costs on two.
    environment = {"BRKWATER_KEYFRAMES": str(every)}
    outcome, trace = run_once.traced("taskset", "-c", "0", *command, options=["--checkpoint-every", "1000"], env=environment)
    assert outcome.status == 0, outcome
    found = run_once.verb("verify", trace.path, "--json")
    assert found.status == 0, found
    numbers = json.loads(found.stdout)
    assert numbers["events"] > wanted and numbers["checkpoints"] >= wanted / 1000
    assert numbers["drift"] == numbers["impossible"] == numbers["contradictions"] == 0
    if numbers["unordered"]:
        assert_overtaken_for_a_reason(trace.events())
    # Only where a frame begins can one be.
    assert numbers["keyframes"] >= wanted // every * 2 // 3 and numbers["keyframes_wrong"] == 0


def test_many_threads(run_once):
    """32 threads at once: each is served in turn, none is left waiting for ever."""
    trace = run_once.same(run_once.program("threads-race"), 7, 32, 60, status=0)
    assert_possible_order(trace.events())


def test_thread_storm(run):
    """Threads are made and end all the time; the first stop of one may come before the clone event of its parent."""
    trace = run.same(run.program("threads-storm"), 12, status=0)
    assert len({event["tid"] for event in trace.events()}) == 1 + 12 * 12
    assert len({event["pid"] for event in trace.events()}) == 1


@pytest.mark.parametrize("repeat", seeds(3))
def test_exec_of_a_thread_that_is_not_the_leader(run, repeat):
    """The thread becomes the process and its siblings vanish, execve(2): one pid, a new address space, and tid equals pid after."""
    trace = run.same(run.program("threads-exec"), status=7)
    events = trace.events()
    assert len({event["pid"] for event in events}) == 1
    execs = [event for event in trace.calls("execve") if event["errno"] is None]
    assert len(execs) == 2
    after = [event for event in events if event["id"] > execs[-1]["id"]]
    assert after and all(event["tid"] == event["pid"] for event in after), "the thread's tid is the pid now"
    before = [event for event in events if execs[0]["id"] < event["id"] < execs[-1]["id"]]
    assert not spaces(after) & spaces(before), "exec starts a new address space"
    assert len(spaces(before)) == 1, "threads share one"


@pytest.mark.parametrize("repeat", seeds(3))
def test_leader_ends_first(run, repeat):
    """A leader that has ended is a zombie until the last thread is gone: the process lives on."""
    trace = run.same(run.program("threads-leader-exit"), status=9)
    events = trace.events()
    pid = events[0]["pid"]
    leaders_exit = next(event for event in events if event["call"] == "exit" and event["tid"] == pid)
    later = [event for event in trace.calls("munmap") if event["id"] > leaders_exit["id"] and event["tid"] != pid]
    assert len(later) >= 80


@pytest.mark.parametrize("repeat", seeds(3))
def test_exit_group_among_busy_threads(run, repeat):
    """The siblings die in the middle of a call: it is recorded or not, but never makes the layout wrong."""
    trace = run.same(run.program("threads-exit-group"), status=5)
    assert_possible_order([event for event in trace.events() if event["call"] != "exit_group"])


def test_fork_copies_and_threads_share(run):
    """Seven processes, seven address spaces, and the shell of fork(2) in each."""
    trace = run.same(run.program("fork-tree"), 2, status=0, compare_stdout=False)
    after_exec = [event for event in trace.events() if event["call"] in ("mmap", "munmap", "mprotect")]
    by_pid = {}
    for event in after_exec:
        by_pid.setdefault(event["pid"], set()).add(event["space"])
    last = [max(found) for found in by_pid.values()]
    assert len(by_pid) == 7 and len(set(last)) == 7, by_pid


def test_vfork_child_changes_its_parents_map(run):
    """vfork(2): the child's calls are in the parent's address space until it execs or ends."""
    outcome, trace = run.traced(run.program("vfork-mmap"))
    assert outcome.status == 0, outcome
    matched = match_expectations(expectations(outcome.stdout), trace.events())
    assert len({event["tid"] for _, event in matched}) == 4, "the parent and three children"
    assert len({event["space"] for _, event in matched}) == 1, "in one address space"
    trace.verify()


def test_clone_vm_is_another_process_in_the_same_space(run):
    """clone(2) with CLONE_VM and without CLONE_THREAD; the space outlives the process that it began with."""
    outcome, trace = run.traced(run.program("clone-vm"))
    assert outcome.status == 0, outcome
    match_expectations(expectations(outcome.stdout), trace.events())
    execs = trace.calls("execve")
    mine = [event for event in trace.calls("mmap", "munmap") if event["id"] > execs[-1]["id"]]
    assert len({event["pid"] for event in mine}) == 3 and len(spaces(mine)) == 1
    trace.verify()


def test_spawn(run):
    """posix_spawn(3) and system(3) are vfork in disguise."""
    trace = run.same(run.program("spawn"), 15, status=0)
    execs = [event for event in trace.calls("execve") if event["errno"] is None]
    assert len(execs) == 1 + 15 + 1
    failed = [event for event in trace.calls("execve") if event["errno"] == "ENOENT"]
    assert len(failed) == 15


def test_500_children(run_once):
    """Many short lives: every one is followed, and none is left over."""
    trace = run_once.same(run_once.program("children"), 500, status=0)
    assert len({event["pid"] for event in trace.events()}) == 501


@pytest.mark.early
def test_thousands_of_children(run_once):
    """As many address spaces as they are short: each is copied, followed, compared with the kernel's map, and forgotten."""
    count = 10000 if LONG else 2000
    outcome, trace = run_once.traced(run_once.program("children"), count)
    assert outcome.status == 0, outcome
    verified = trace.verify().out
    assert int(re.search(r"([\d,]+) checkpoints", verified).group(1).replace(",", "")) >= count
    assert len({event["pid"] for event in trace.events()}) > count * 9 // 10, "pids may be used again"


@pytest.mark.early
def test_2000_threads(run_once):
    """All alive at once, and all at work in one address space."""
    plain = run_once(run_once.program("threads-many"), 2000)
    if plain.status == 77:
        pytest.skip("so many threads are not allowed here")
    outcome, trace = run_once.traced(run_once.program("threads-many"), 2000, options=["--checkpoint-every", "500"])
    assert outcome.status == 0, outcome
    ((pid, kernels),) = own_maps(outcome.stdout).items()
    assert_same_maps(trace.layout(pid=pid), kernels)
    assert len({event["tid"] for event in trace.calls("munmap")}) >= 2000
    trace.verify()


def test_pid_is_used_again(run_once, as_root):
    """A pid that is seen again after its exit is another process with another address space."""
    plain = run_once(run_once.program("pid-reuse"))
    if plain.status == 77:
        pytest.skip("choosing a pid needs a privilege that this user does not have")
    assert plain.status == 0, plain
    outcome, trace = run_once.traced(run_once.program("pid-reuse"))
    assert outcome.status == 0, outcome
    pid = int(outcome.stdout.split()[1])
    maps = trace.calls("mmap", pid=pid)
    assert [number(event["args"]["length"]) for event in maps] == [3 * 4096, 5 * 4096]
    assert len(spaces(maps)) == 2
    trace.verify()


def test_clone_untraced(run):
    """CLONE_UNTRACED would leave the child with a filter and without a tracer: every memory call fails with ENOSYS, seccomp(2)."""
    trace = run.same(run.program("clone-untraced"), status=0)
    assert len({event["pid"] for event in trace.events()}) == 2, "the child is followed"


def test_pid_namespace(run):
    """Inside a pid namespace the process is number 1, pid_namespaces(7); the trace has the numbers of outside."""
    argv = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "sh", "-c", "echo $$; /bin/true; exit 6"]
    if run(*argv).status != 6:
        pytest.skip("user namespaces are not allowed here")
    trace = run.same(*argv, status=6)
    pids = {event["pid"] for event in trace.events()}
    assert len(pids) == 3 and min(pids) > 3, pids


def test_exec_that_fails(run):
    """The process stays what it was."""
    script = "exec 2>/dev/null; (exec /does/not/exist); (exec /dev/null); exec true"
    trace = run.same("bash", "-c", script)
    assert {"ENOENT", "EACCES"} <= {event["errno"] for event in trace.calls("execve")}


@pytest.mark.parametrize("first,second", [("", "-m32"), ("-m32", ""), ("-static", "-m32")])
def test_exec_into_another_abi(run_once, first, second):
    """64-bit code becomes 32-bit code and back."""
    command = f"{run_once.program('million-calls' + ('-static' if first == '-static' else ''))} 1 && exec \"$0\""
    if first == "-m32":
        command = f"{run_once.program('calls-munmap-m32')} >/dev/null && exec \"$0\""
    outcome, trace = run_once.traced("bash", "-c", command, run_once.program(f"calls-mprotect{second}"))
    assert outcome.status == 0, outcome
    match_expectations(expectations(outcome.stdout), trace.events())
    trace.verify()

"""The replayed address space against the kernel's own words: programs print their maps last of all, and the trace's last layout
must be the same.  BRKWATER_LONG=1 runs thousands of random sequences in place of a few."""

import json
import os
import re

import pytest

from harness import LONG, Mapping, assert_same_maps, normal_maps, own_maps, parse_maps, seeds


def verdict(trace):
    """What `verify --json` says."""
    outcome = trace.runner.verb("verify", trace.path, "--json")
    assert outcome.status == 0, outcome
    return json.loads(outcome.stdout)


def check_own_maps(run, *argv, processes=1, options=()):
    outcome, trace = run.traced(*argv, options=options)
    assert outcome.status == 0, outcome
    maps = own_maps(outcome.stdout)
    assert len(maps) == processes, f"{len(maps)} processes printed their maps"
    for pid, kernels in maps.items():
        assert_same_maps(trace.layout(pid=pid), kernels, f"the last layout of process {pid}")
    trace.verify()
    return trace


@pytest.mark.parametrize("seed", seeds(6))
def test_random_calls(run, seed):
    """One thread, hundreds of calls in a few pages: they overlap, split, merge, and fail half-way."""
    check_own_maps(run, run.program("random-calls"), seed, 600)


@pytest.mark.parametrize("variant", ["m32", "static"])
@pytest.mark.parametrize("seed", seeds(3))
def test_random_calls_of_other_builds(run_once, seed, variant):
    """32-bit code has other numbers and other arguments; a static program has another heap and no ld.so."""
    check_own_maps(run_once, run_once.program(f"random-calls-{variant}"), seed, 600)


@pytest.mark.parametrize("seed", seeds(4))
def test_random_calls_of_threads(run, seed):
    """Calls of four threads overlap in time; exit stops come in another order than the kernel applied the calls."""
    check_own_maps(run, run.program("random-calls"), seed, 300, 4)


@pytest.mark.parametrize("seed", seeds(3))
def test_random_calls_of_forks(run, seed):
    """fork(2) copies the map at that moment, without MADV_DONTFORK ranges; parent and children go on alone."""
    outcome, trace = run.traced(run.program("random-calls"), seed, 400, 1, 3)
    assert outcome.status == 0, outcome
    maps = own_maps(outcome.stdout)
    assert len(maps) > 3
    for pid, kernels in maps.items():
        assert_same_maps(trace.layout(pid=pid), kernels, f"the last layout of process {pid}")
    trace.verify()


def test_fork_tree(run):
    """Every process of a tree changes what it has inherited."""
    check_own_maps(run, run.program("fork-tree"), 2, processes=7)


def test_fork_advice(run):
    """MADV_DONTFORK ranges are not in the child, madvise(2)."""
    check_own_maps(run, run.program("fork-advice"), processes=3)


def test_awkward_names(run):
    """Spaces, newlines, escapes, ` (deleted)`, bytes that are no text, 3,000 bytes of path: the lines are those of proc(5)."""
    outcome, trace = run.traced(run.program("map-paths"))
    assert outcome.status == 0, outcome
    (pid, kernels), *_ = own_maps(outcome.stdout).items()

    def renamed(one):
        """The file that was renamed after it was mapped may have either name."""
        name = re.sub("/before$", "/after", one.name)
        return Mapping(one.start, one.end, one.perms, one.offset, one.device, one.inode, name)

    assert_same_maps([renamed(one) for one in trace.layout(pid=pid)], kernels)
    trace.verify()


@pytest.mark.parametrize("repeat", seeds(2))
def test_fork_among_busy_threads(run, repeat):
    """fork(2) copies the map of one instant: every call of the siblings is either done or not begun."""
    check_own_maps(run, run.program("threads-fork"), 25, processes=25)


def test_advice_over_a_hole_is_inherited(run):
    """madvise(2) that fails with ENOMEM has advised all that is mapped: MADV_DONTFORK keeps it from the child."""
    trace = check_own_maps(run, run.program("fork-advice-hole"), processes=2)
    assert [event["errno"] for event in trace.calls("madvise")] == ["ENOMEM"]


@pytest.mark.parametrize("how", ["remap", "move"])
def test_advice_that_goes_another_way(run, how):
    """remap_file_pages(2) makes pages that have lost MADV_DONTFORK; an mremap(2) that fails half-way has moved it: the
    child's own map decides."""
    plain = run(run.program("fork-advice-lost"), how)
    if plain.status == 77:
        pytest.skip("this kernel moves one mapping at a time")
    assert plain.status == 0, plain
    check_own_maps(run, run.program("fork-advice-lost"), how, processes=2)


@pytest.mark.parametrize("repeat", seeds(2))
def test_fork_while_advice_changes(run, repeat):
    """Whether the range is in the child depends on an order that no stop shows: the child's own map decides."""
    check_own_maps(run, run.program("fork-advice-race"), 20, processes=21)


def test_map_read_through_a_thread_that_has_ended(run):
    """A layout that was first looked at for one thread lives on without it: /proc/TID is gone then, proc(5)."""
    trace = check_own_maps(run, run.program("thread-maps-first"))
    (failed,) = [event for event in trace.calls("mprotect") if event["errno"] == "ENOMEM"]
    assert failed["pid"] == failed["tid"] != trace.events()[0]["pid"], "the forked child's leader made it"
    exits = [event for event in trace.calls("exit") if event["pid"] == failed["pid"]]
    assert [event["id"] < failed["id"] for event in exits] == [True], "the thread had ended before"


def test_cut_in_a_stack_that_has_grown(run):
    """The stack grows without a call; mprotect(2) and munmap(2) of what has grown meet pages that no event ever named."""
    outcome, trace = run.traced(run.program("stack-cut"))
    assert outcome.status == 0, outcome
    # The kernel calls [stack] only the piece where the stack began; without the name, lower ends count too.
    ((pid, kernels),) = own_maps(outcome.stdout.replace(b"[stack]", b"")).items()
    ours = trace.layout_text("--pid", str(pid)).replace(b"[stack]", b"")
    assert_same_maps(normal_maps(parse_maps(ours)), kernels)
    trace.verify()


@pytest.mark.parametrize("call", ["mremap", "mlock"])
def test_call_that_waits_for_a_page(run_once, as_root, call):
    """A thread in mremap(2) or mlock(2) waits for a page that its sibling brings, userfaultfd(2): the sibling's calls go on
    meanwhile, and need not be in an order with the one that waits."""
    plain = run_once(run_once.program("blocked-call"), call)
    if plain.status == 77:
        pytest.skip("userfaultfd is not permitted here")
    assert plain.status == 0, plain
    trace = check_own_maps(run_once, run_once.program("blocked-call"), call)
    main = trace.events()[0]["pid"]
    waited = [event for event in trace.calls(call) if event["errno"] is None and event["tid"] != main]
    assert len(waited) == 1
    assert len(trace.calls("munmap", tid=main)) >= 100, "those of the sibling are all there"


@pytest.mark.early
def test_call_that_waits_is_overtaken_once(run_once, as_root):
    """The siblings of a call that waits are held up by it once, not at each of their calls: thousands of them, at 10 ms each,
    would take minutes.  They are marked, and what they touched is read back by range when it returns."""
    rounds = 10000 if LONG else 2500
    plain = run_once(run_once.program("blocked-call"), "mremap", rounds)
    if plain.status == 77:
        pytest.skip("userfaultfd is not permitted here")
    trace = check_own_maps(run_once, run_once.program("blocked-call"), "mremap", rounds)
    main = trace.events()[0]["pid"]
    (waited,) = [event for event in trace.calls("mremap") if event["tid"] != main]
    during = [e for e in trace.events() if e["tid"] == main and waited["t"] < e["t"] < waited["t"] + waited["duration_us"] / 1e6]
    assert len(during) > 3 * rounds
    assert waited.get("unordered") and all(event.get("unordered") for event in during[1:])
    after = [event for event in trace.events() if event["id"] > waited["id"] + 5]
    assert after and not any(event.get("unordered") for event in after), "the order is known again"
    assert verdict(trace)["read_backs"] > 0


def test_huge_pages(run):
    """Lengths are rounded to huge pages, mmap(2) MAP_HUGETLB, mremap(2); half of one is refused and changes nothing."""
    plain = run(run.program("hugetlb"))
    if plain.status == 77:
        pytest.skip("this kernel has no huge pages, or cannot move them")
    assert plain.status == 0, plain
    check_own_maps(run, run.program("hugetlb"), options=["--checkpoint-every", "1"])


def test_probe_page(run_once, as_root):
    """A page that the kernel maps for its probes, [uprobes], is no drift, and its origin is the kernel."""
    plain = run_once(run_once.program("uprobe"))
    if plain.status == 77:
        pytest.skip("probes are not permitted here")
    assert plain.status == 0 and b"[uprobes]" in plain.stdout, plain
    trace = check_own_maps(run_once, run_once.program("uprobe"))
    mappings = json.loads(run_once.verb("layout", trace.path, "--format", "json").stdout)["mappings"]
    (page,) = [m for m in mappings if m["name"] == "[uprobes]"]
    assert [s["origin"] for s in page["segments"]] == ["kernel"] and page["kind"] == "kernel"


def test_timed_checkpoints(run_once):
    """Checkpoints come by time too, without being asked for: never more than four a second, and where reading the map is slow
    (a busy machine) less often, so that it may take a longer run to have one."""
    for seconds in (1, 4, 16):
        outcome, trace = run_once.traced(run_once.program("second-of-calls"), seconds)
        assert outcome.status == 0, outcome
        trace.verify()
        timed = verdict(trace)["checkpoints"] - 1  # but for the one at the end
        assert timed <= 4 * trace.events()[-1]["t"] + 1
        if timed:
            return
    raise AssertionError("no checkpoint by time")


@pytest.mark.parametrize("how", ["move", "keep"])
def test_mremap_of_mappings_with_holes(run, how):
    """Since Linux 6.17 one mremap(2) of equal lengths takes several mappings: under the holes the target stays what it was."""
    plain = run(run.program("mremap-with-holes"), how)
    if plain.status == 77:
        pytest.skip("this kernel moves one mapping at a time")
    assert plain.status == 0, plain
    trace = check_own_maps(run, run.program("mremap-with-holes"), how)
    assert [event["errno"] for event in trace.calls("mremap")] == [None]


def test_mremap_that_is_interrupted(run):
    """What an interrupted mremap(2) has done of its work is read back, madvise(2) MADV_MERGEABLE."""
    check_own_maps(run, run.program("mremap-interrupted"), 20)


def test_refused_calls_are_cheap(run_once):
    """A call that is refused before it looks at anything, munmap(2) EINVAL, costs a few bytes and no look at the map."""
    trace = check_own_maps(run_once, run_once.program("munmap-refused"), 5000)
    events = trace.events()
    refused = [event for event in events if event["errno"] == "EINVAL" and event["call"] == "munmap"]
    assert len(refused) == 5000
    assert os.path.getsize(trace.path) < 8 * len(events)
    looks = int(re.search(r"(\d+) checkpoint", trace.verify().out).group(1))
    assert looks < 50, f"the map was read {looks} times"


@pytest.mark.parametrize("prefix", [[], ["setarch", "-X"]], ids=["set by itself", "inherited"])
def test_read_implies_exec(run_once, prefix):
    """Under personality(2) READ_IMPLIES_EXEC the kernel applies another protection than it was asked for."""
    check_own_maps(run_once, *prefix, run_once.program("read-implies-exec"), *([] if prefix else ["set"]))


def test_personality_of_threads(run):
    """READ_IMPLIES_EXEC is a thread's own, and inherited by those that it makes, personality(2)."""
    check_own_maps(run, run.program("personality-threads"))


def test_60000_mappings(run_once):
    """Just under vm.max_map_count: cut by munmap, cheap to follow, and right at the end."""
    trace = check_own_maps(run_once, run_once.program("many-mappings"), 60000)
    assert len(trace.layout()) > 39000, "what is left of 60,000"
    assert verdict(trace)["checkpoints"] < 60, "checkpoints adapt to the size of the map"


def test_many_mappings(run_once):
    """Ten thousand mappings in one process, by one call each."""
    check_own_maps(run_once, run_once.program("many-mappings"), 20000)


@pytest.mark.parametrize("interval", ["0", "1"])
def test_sampling_changes_nothing(run_once, interval):
    """Counters read as often as possible, and never."""
    check_own_maps(run_once, run_once.program("random-calls"), 9, 500, 3, options=["--sample-interval", interval])


def test_instants(run_once):
    """--at takes seconds, milliseconds, an event, peak, peak-virtual and end; anything else is wrong usage."""
    outcome, trace = run_once.traced(run_once.program("random-calls"), 1, 300)
    last = trace.events()[-1]
    for at in ("1.25s", "800ms", "#1", "event:5", f"#{last['id']}", "peak", "peak-virtual", "end"):
        parse_maps(trace.layout_text("--at", at))
    for at in ("soon", "#", "event:x", "1.5 parsecs", ""):
        outcome = run_once.verb("layout", trace.path, "--at", at)
        assert outcome.status == 2, outcome
        assert len(outcome.stderr.splitlines()) <= 2 and outcome.stderr, outcome
    assert trace.layout(at="peak-virtual")


def test_layout_at_the_start_and_in_the_middle(run_once):
    """Going back and forth in time gives one answer for one instant, and different answers for different ones."""
    _, trace = run_once.traced(run_once.program("random-calls"), 2, 300)
    middle = len(trace.events()) // 2
    first = trace.layout(at=f"#{middle}")
    assert trace.layout(at="end") != first
    assert trace.layout(at=f"#{middle}") == first


def test_formats(run_once):
    """The table is for people, maps is /proc/PID/maps, JSON is for programs."""
    outcome, trace = run_once.traced(run_once.program("random-calls"), 1, 100)
    assert outcome.status == 0, outcome
    table = run_once.verb("layout", trace.path, "--format", "table")
    assert table.status == 0 and b"[stack]" in table.stdout, table
    plain = run_once.verb("layout", trace.path)
    assert plain.stdout == table.stdout, "the table at the end is what `layout` shows unasked"
    as_json = run_once.verb("layout", trace.path, "--format", "json")
    assert as_json.status == 0, as_json
    try:
        json.loads(as_json.stdout)
    except ValueError:
        for line in as_json.stdout.splitlines():
            json.loads(line)
    wrong = run_once.verb("layout", trace.path, "--format", "marble")
    assert wrong.status == 2 and b"marble" in wrong.stderr, wrong


def test_unknown_pid(run_once):
    """A process that is not in the trace is named in one line."""
    _, trace = run_once.traced("/bin/true")
    outcome = run_once.verb("layout", trace.path, "--pid", "4194303")
    assert outcome.status in (1, 2, 125) and b"4194303" in outcome.stderr, outcome


@pytest.mark.parametrize("repeat", seeds(2))
def test_splits_that_do_not_show(run_once, repeat):
    """mlock splits and merges mappings while a checkpoint is read: the text of the map may tell a part of it twice."""
    trace = run_once.same(run_once.program("mlock-splits"), 1500, status=0, options=["--checkpoint-every", "1"])
    assert trace.calls("mlock")

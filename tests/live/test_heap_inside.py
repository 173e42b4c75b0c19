"""The inside of heaps: what brkwater reads in the memory of a process is what its malloc says of itself."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from attaching import check_released, finish
from harness import LONG, PAGE
from test_attach_load import redis_server, wait_until
from trace_spec import read_trace

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("BRKWATER_BUILD", ROOT / "build"))
WHOLE = {"top", "fence"}
NUMBERS = ("start", "end", "used", "used_chunks", "binned", "unsorted", "tcache", "fast", "top", "pin", "pages", "cells")


def inside(run, trace, *options):
    outcome = run.verb("heap", trace.path, "--json", *options)
    assert outcome.status == 0 and not outcome.stderr, outcome
    told = json.loads(outcome.stdout)["inside"]
    if told:
        check(told)
    text = run.verb("heap", trace.path, *options).out
    assert ("\n  inside " in text) == bool(told)
    return told


def check(told):
    for heap in told["heaps"]:
        size = int(heap["end"], 16) - int(heap["start"], 16)
        lists = ("used", "free", "tcache", "fastbins")
        assert sum(heap[name]["bytes"] for name in lists) + heap["top"] + heap["other"] + heap["unseen"] == size, heap
        assert len(heap["map"]) <= 256 and set(heap["map"]) <= set("Uu.")
        assert [one["bytes"] for one in heap["runs"]] == sorted((one["bytes"] for one in heap["runs"]), reverse=True)


def arenas_of(told):
    """(free or top, in fastbins, all) of each arena."""
    sums = {}
    for heap in told["heaps"]:
        assert heap["ending"] in WHOLE, heap
        rest, fast, system = sums.get(heap["arena"], (0, 0, 0))
        size = int(heap["end"], 16) - int(heap["start"], 16)
        sums[heap["arena"]] = rest + heap["free"]["bytes"] + heap["top"], fast + heap["fastbins"]["bytes"], system + size
    return sums


def arenas_of_malloc(xml):
    """The same of malloc_info(3), which counts chunks in tcaches as used."""
    sums = {}
    for heap in ElementTree.fromstring(xml).findall("heap"):
        totals = {total.get("type"): int(total.get("size")) for total in heap.findall("total")}
        system = next(int(one.get("size")) for one in heap.findall("system") if one.get("type") == "current")
        sums[int(heap.get("nr"))] = totals["rest"], totals["fast"], system
    return sums


def compare(told, xml):
    """Every arena within a page; the main one has number 0 on both sides, the others come in another order."""
    ours, theirs = arenas_of(told), arenas_of_malloc(xml)
    worst = 0
    assert len(ours) == len(theirs), (ours, theirs)
    for mine, its in [(ours.pop(0), theirs.pop(0)), *zip(sorted(ours.values()), sorted(theirs.values()))]:
        for one, other in zip(mine, its):
            assert abs(one - other) <= PAGE, (mine, its, told)
            worst = max(worst, abs(one - other))
    return worst


def main_heap(told):
    (heap,) = [heap for heap in told["heaps"] if heap["arena"] == 0]
    return heap


def xml_of(text):
    return text[text.index("<malloc") : text.index("</malloc>") + len("</malloc>")]


# ---- a program that tells of itself ----


@pytest.mark.parametrize("variant", ["", "-m32", "-static"])
def test_against_malloc_info(run, variant):
    outcome, trace = run.traced(run.program("heap-inside" + variant))
    assert outcome.status == 0, outcome
    told = inside(run, trace)
    assert told["reason"] == "exit" and not told["moving"] and not told["lists_cut"] and not told["more"]
    compare(told, xml_of(outcome.out))
    heap = main_heap(told)
    arena, used, free, fast, top = map(int, re.search(r"mallinfo2 (\d+) (\d+) (\d+) (\d+) (\d+)", outcome.out).groups())
    assert sum(fast for _, fast, _ in arenas_of(told).values()) == fast > 0
    assert abs(heap["top"] - top) <= PAGE
    assert abs(sum(system for _, _, system in arenas_of(told).values()) - arena) <= PAGE * len(told["heaps"])
    ours = sum(heap["used"]["bytes"] + heap["tcache"]["bytes"] + heap["other"] for heap in told["heaps"])
    assert abs(ours - used) <= PAGE * len(told["heaps"])
    # Each of the four threads has a full cache for many sizes.
    caches = [one["tcache"]["chunks"] for one in told["heaps"]]
    assert sum(one["tcaches"] for one in told["heaps"]) == 4 and sum(caches) > 4 * 7
    assert len(told["heaps"]) == 4 and all(caches)


@pytest.mark.parametrize("variant", ["", "-m32"])
def test_behind_an_event(run, variant):
    """--heap-at '#N': the same state, in the stop behind that event; the number is known from a run before."""
    _, trace = run.traced(run.program("heap-inside" + variant), "event")
    (event,) = [event for event in trace.calls("madvise") if event["args"]["addr"] == "0x1000"]
    # The number of events of the threads differs from run to run by what glibc does: all that may be meant are asked for.
    moments = ",".join(f"#{event['id'] + i}" for i in range(-15, 16))
    outcome, trace = run.traced(run.program("heap-inside" + variant), "event", options=["--heap-at", moments])
    (event,) = [event for event in trace.calls("madvise") if event["args"]["addr"] == "0x1000"]
    told = inside(run, trace, "--at", f"#{event['id'] + 1}")
    assert told["reason"] in ("asked", "exit"), told
    asked = inside(run, trace, "--at", f"#{event['id']}")
    assert asked["reason"] == "asked" and asked["event"] <= event["id"]
    compare(told, xml_of(outcome.out))


def test_at_a_moment(target):
    """--heap-at TIME: all threads stand still for it, and none of them notices."""
    one = target("heap-inside", "wait")
    run = one.run
    finish(one.attach("--heap-at", "5ms,20ms", "--duration", "60ms"))
    check_released(one.pid)
    walks = [record for kind, record in read_trace(one.trace().path) if kind == "walk"]
    reasons = [walk["reason"] for walk in walks]
    assert reasons in ([3] * 4 + [2] * 4, [3] * 8 + [2] * 4), reasons  # asked for, and when it was let go
    last = inside(run, one.trace())
    assert last["reason"] == "detach"
    status, out, err = one.end()
    assert (status, err) == (0, "")
    compare(last, xml_of(out))
    same = [walk for walk in walks if walk["arena"] == 0]
    for walk in same:  # nothing has changed between
        assert not walk["flags"] & 16 and [walk[key] for key in NUMBERS] == [same[0][key] for key in NUMBERS]
        assert walk["used"] == main_heap(last)["used"]["bytes"] and walk["top"] == main_heap(last)["top"]


def test_of_a_command_at_a_moment(run):
    """The same for a command: a moment comes while its threads wait; they go on as if nothing had been."""
    script = (
        "import threading\nx = [bytes(1000) for _ in range(2000)]\nstop = threading.Event()\n"
        "threads = [threading.Thread(target=stop.wait) for _ in range(3)]\n[t.start() for t in threads]\n"
        "y = sum(i * i for i in range(2 * 10**6))\nstop.set()\n[t.join() for t in threads]\nprint(len(x))"
    )
    moments = ",".join(f"{i * 20}ms" for i in range(1, 16))
    outcome, trace = run.traced("/usr/bin/python3", "-c", script, options=["--heap-at", moments])
    assert outcome.status == 0 and outcome.out == "2000\n" and outcome.err == "", outcome
    trace.verify()
    assert inside(run, trace)["reason"] == "exit"
    walks = [record for kind, record in read_trace(trace.path) if kind == "walk" and record["reason"] == 3]
    assert walks and not any(walk["flags"] & 16 for walk in walks)
    # malloc may have been stopped at work: then a heap may not be whole.
    assert 2 * sum(walk["ending"] == 0 for walk in walks) > len(walks), walks


@pytest.mark.parametrize("variant", ["", "-m32"])
def test_live(target, variant):
    """brkwater heap -p PID: no recording, and the process runs on."""
    one = target("heap-inside" + variant, "wait")
    outcome = one.run.verb("heap", "-p", one.pid, "--json")
    assert outcome.status == 0 and outcome.err == "", outcome
    told = json.loads(outcome.out)
    check(told)
    assert told["reason"] == "live" and not told["moving"]
    text = one.run.verb("heap", "-p", one.pid)
    assert text.status == 0 and text.out.startswith(f"pid {one.pid} (heap-inside") and "main heap" in text.out
    assert max(len(line) for line in text.out.splitlines()) <= 110, text.out
    check_released(one.pid)
    status, out, err = one.end()
    assert (status, err) == (0, "")
    compare(told, xml_of(out))


def test_live_refused(run_once):
    outcome = run_once.verb("heap", "-p", "4194303")
    assert outcome.status == 125 and "4194303" in outcome.err and outcome.err.count("\n") == 1
    assert run_once.verb("heap", "-p", "0").status == 2
    assert run_once.verb("heap").status == 2


# ---- what is in the way ----


def test_pin(run):
    """The pin of the example is the session that it prints the address of."""
    program = run.write("pinned-heap", (BUILD / "examples/pinned-heap").read_bytes(), mode=0o755)
    outcome, trace = run.traced(program)
    session = re.search(r"session: +(0x[0-9a-f]+)", outcome.out)[1]
    heap = main_heap(inside(run, trace))
    assert heap["pin"]["at"] == session and heap["pin"]["bytes"] == 56 and heap["pin"]["below_top"] == 0
    assert heap["pin"]["site"].startswith("load (pinned-heap.c") and not heap["pin"]["kept"]
    assert heap["above"] == {"bytes": 64, "chunks": 1} and heap["pages"] > 400 * 32 * 1024 - 2 * PAGE
    grown = {event["id"]: event for event in trace.calls("brk")}[heap["pin"]["event"]]
    assert int(grown["ret"], 16) > int(session, 16) >= int(grown["ret"], 16) - grown["mapped"]
    report = run.verb("report", trace.path).out
    assert re.search(r"at the end 99 % of it is free: 12\.\dM of 12\.\dM, 12\.5M of that in whole pages", report), report
    (finding,) = json.loads(run.verb("findings", trace.path, "--json").out)
    assert finding["name"] == "heap-pinned" and finding["severity"] == "warning" and finding["confidence"] == "high"
    assert finding["numbers"]["pin_address"] == session and finding["numbers"]["pinned"] == heap["pages"]
    assert finding["numbers"]["above_blocks"] == 1 and finding["events"] == [heap["pin"]["event"]]
    outcome, trace = run.traced(program, "fixed")
    heap = main_heap(inside(run, trace))
    assert heap["free"]["bytes"] == 0 and heap["pages"] == 0


def test_no_walk(run_once):
    """--no-heap-walk: nothing is read, and the finding is the guess that it was."""
    program = run_once.write("pinned-heap", (BUILD / "examples/pinned-heap").read_bytes(), mode=0o755)
    _, trace = run_once.traced(program, options=["--no-heap-walk"])
    assert inside(run_once, trace) is None
    (finding,) = json.loads(run_once.verb("findings", trace.path, "--json").out)
    assert finding["name"] == "heap-pinned" and finding["severity"] == "note" and finding["confidence"] == "low"


def test_foreign_heaps(run_once):
    """A heap that is not malloc's is told of as that, and a break that the program moved by itself does no harm."""
    for name, ending in (("sbrk", "not-glibc"), ("own-malloc", None)):
        program = run_once.write(name, (BUILD / "examples" / name).read_bytes(), mode=0o755)
        outcome, trace = run_once.traced(program)
        assert outcome.status == 0, outcome
        told = inside(run_once, trace)
        assert not told or ending is None or main_heap(told)["ending"] == ending, told


def test_peak(run_once):
    """A heap that grows much and falls is looked at before it falls, or while it grows."""
    script = "x = [bytes(1000) for _ in range(60000)]\nfor i in range(10**6): pass\ndel x"
    _, trace = run_once.traced("/usr/bin/python3", "-c", script)
    trims = [event for event in trace.calls("brk") if event["unmapped"]]
    told = inside(run_once, trace, "--at", f"#{trims[-1]['id']}")
    assert told and told["reason"] == "peak" and main_heap(told)["ending"] == "top"


def test_wrong_moments(run_once):
    for wrong in ("peak", "x", "#", "1s,end", "1" * 40):
        outcome = run_once.verb("--heap-at", wrong, "true")
        assert outcome.status == 2 and "--heap-at" in outcome.err and outcome.err.count("\n") == 1, outcome


# ---- other people's programs ----


def cc1():
    found = subprocess.run(["gcc", "-print-prog-name=cc1"], stdout=subprocess.PIPE, text=True).stdout.strip()
    return found if os.path.exists(found) else None


SOURCE = "#include <stdio.h>\n#include <stdlib.h>\n#include <math.h>\n" + "".join(
    f"double f{i}(double x) {{ return x * {i} + f{i - 1 if i else 0}(x - 1) + sin(x); }}\n" for i in range(150)
)
SQL = (
    "create table t(a, b); with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000)"
    " insert into t select x, hex(x) from c; create index i on t(b); select count(*) from t group by a % 7;"
)
PROGRAMS = {
    "python3": ["/usr/bin/python3", "-c", "import json, re\nx = [str(i) * (i % 50) for i in range(30000)]\ndel x[::2]"],
    "bash": ["bash", "-c", "for i in {1..3000}; do a[$i]=$i$i$i; done; unset a[7]; declare -A m; m[x]=${a[*]}; exit 0"],
    "cc1": [cc1(), "-quiet", "-O2", "source.c", "-o", "source.s"],
    "sqlite3": ["sqlite3", ":memory:", SQL],
    "redis-server": None,
    "git": ["git", "-c", "safe.directory=*", "-C", str(ROOT), "log", "--stat", "-40"],
    "perl": ["perl", "-e", "my %h; $h{$_} = 'x' x ($_ % 100) for 1..20000; delete $h{$_ * 3} for 1..6000;"],
    "sort": ["sort", "-S", "200K", "--parallel=1", "source.c"],
    "gdb": ["gdb", "-q", "--batch", "-nx", "-ex", "info functions malloc", "/bin/ls"],
    "awk": ["awk", "BEGIN { for (i = 0; i < 20000; i++) a[i] = i \"x\"; for (i = 0; i < 20000; i += 3) delete a[i] }"],
    "ld": ["ld", "-shared", "-o", "source.so", "source.o"],
    "xz": ["xz", "-k", "-f", "source.c"],
}


def run_redis(run, options, environment):
    socket = run.path("redis.socket")
    argv = [redis_server(run.folder), "--port", "0", "--unixsocket", socket, "--save", "", "--dir", run.folder]
    tracer = run.start(run.brkwater, "-q", *options, *argv, env=environment, stdout=subprocess.DEVNULL)
    wait_until("the server answers", lambda: run("redis-cli", "-s", socket, "ping").out == "PONG\n")
    run("redis-cli", "-s", socket, "debug", "populate", "20000")
    run("redis-cli", "-s", socket, "shutdown", "nosave")
    assert tracer.wait(timeout=60) == 0


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(run_once, name):
    """Programs that know of nothing: a library tells at their exit what malloc says, in the state that is looked at."""
    if not LONG and name not in ("python3", "bash", "sqlite3", "cc1"):
        pytest.skip("only in make check-long")
    argv = PROGRAMS[name]
    if argv and (not argv[0] or not shutil.which(argv[0])):
        pytest.skip(f"{name} is not installed")
    run_once.write("source.c", SOURCE)
    if name == "ld":
        assert run_once("gcc", "-c", "-fPIC", "source.c", "-o", "source.o").status == 0
    environment = {"LD_PRELOAD": run_once.program("heap-told-first"), "BRKWATER_TOLD": run_once.path("told")}
    trace_path = run_once.path("trace.brkw")
    if argv:
        # Of the command only: LD_PRELOAD is set by env(1), which then executes it.
        words = [f"{key}={value}" for key, value in environment.items()]
        outcome, trace = run_once.traced("env", *words, *argv)
        assert outcome.status == 0, outcome
    else:
        run_redis(run_once, ["-o", trace_path], environment)
        trace = type("T", (), {"path": trace_path})
    told = inside(run_once, trace)
    pid = json.loads(run_once.verb("heap", trace.path, "--json").out)["pid"]
    with open(run_once.path(f"told.{pid}"), encoding="utf-8") as file:
        xml = file.read()
    if not told:  # Debian's redis has an allocator of its own: glibc's malloc has nothing, and says so
        assert all(system <= PAGE for _, _, system in arenas_of_malloc(xml).values()), xml
        print(f"\n{name:14} no heap of glibc's malloc: {arenas_of_malloc(xml)}")
        return
    worst = compare(told, xml)
    heap = main_heap(told)
    print(
        f"\n{name:14} heap {int(heap['end'], 16) - int(heap['start'], 16):>10} arenas {len(told['heaps'])} "
        f"used {heap['used']['bytes']:>10} free {heap['free']['bytes']:>9} tcache {heap['tcache']['bytes']:>6} "
        f"fast {heap['fastbins']['bytes']:>6} top {heap['top']:>8} worst difference {worst}"
    )

"""The HTML report's data, read by a second reader: every number equals what the text and JSON reports say."""

import collections
import html
import json
import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest

from html_reader import Report
from trace_spec import Payload, read_trace

pytestmark = pytest.mark.early

PYTHON = ["/usr/bin/python3", "-S", "-c", "x=[bytes(1000) for _ in range(20000)]; del x; y=[bytearray(1<<20) for _ in range(20)]"]
PAGE = 4096
TREE = ["bash", "-c", "for i in 1 2 3; do (true; sort /dev/null); done; ls / >/dev/null"]


def report_of(run, trace, *options):
    path = pathlib.Path(trace.path).with_suffix(".html")
    done = run.verb("html", trace.path, "-o", path, *options)
    assert done.status == 0, done
    return Report(path)


@pytest.fixture(scope="module", params=["python", "tree", "threads"])
def pair(request, module_run):
    """A recording and its report, for all tests: (runner, trace, report)."""
    command = {"python": PYTHON, "tree": TREE,
               "threads": [module_run.program("threads-race"), 5, 4, 300]}[request.param]
    outcome, trace = module_run.traced(*command, trace=request.param + ".brkw")
    assert outcome.status == 0, outcome
    return module_run, trace, report_of(module_run, trace)


def test_the_file_is_whole(pair):
    run, trace, report = pair
    assert report.count == len(report.sections)
    assert "http:" not in report.text.split("<body>")[1].split("<script")[0]
    again = pathlib.Path(trace.path).with_suffix(".again.html")
    assert run.verb("html", trace.path, "-o", again).status == 0
    assert again.read_bytes() == report.text.encode(), "the same trace gives the same bytes"


def test_events_are_those_of_events_json(pair):
    _, trace, report = pair
    calls, errors = report["tables"]["calls"], dict(text.split() for text in report["tables"]["errors"])
    expected, found = trace.events(), report.events()
    assert len(expected) == len(found) == int(report.meta["events"])
    for event, mine in zip(expected, found):
        assert (mine["id"], mine["tid"], calls[mine["call"]]) == (event["id"], event["tid"], event["call"])
        assert (mine["mapped"], mine["unmapped"]) == (event["mapped"], event["unmapped"])
        assert errors.get(str(mine["error"])) == event["errno"]
        assert report["proc"]["pid"][mine["proc"]] == event["pid"]
        assert report["stk"]["stack_id"][mine["stack"]] == (event["stack_id"] or 0)
        entry = (mine["time"] - mine["late"] - mine["duration"] + 5) // 10
        assert abs(entry - round(event["t"] * 1e6)) <= 1


def maps_of(run, trace, pid, tick):
    shown = run.verb("layout", trace.path, "--at", f"{tick * 100}ns", "--pid", pid, "--format", "json")
    if shown.status != 0:
        return None
    return [(int(m["start"], 16), int(m["end"], 16),
             sum(bit for bit, letter in ((1, "r"), (2, "w"), (4, "x")) if letter in m["prot"]), m["shared"])
            for m in json.loads(shown.stdout)["mappings"]]


def test_layouts_at_random_times(pair):
    run, trace, report = pair
    chosen = random.Random(7)
    compared = 0
    for _ in range(24):
        process = chosen.randrange(len(report["proc"]["pid"]))
        spaces = [i for i, proc in enumerate(report["space"]["proc"]) if proc == process]
        if not spaces:
            continue
        space = chosen.choice(spaces)
        start, end = report["space"]["start"][space], min(report["space"]["end"][space], report.ticks)
        if end - start < 2:
            continue
        tick = chosen.randrange(start, end)
        expected = maps_of(run, trace, report["proc"]["pid"][process], tick)
        if expected is not None:
            assert report.maps(process, tick) == expected, (process, tick)
            compared += 1
    assert compared >= 10


def test_sums_by_stack_are_those_of_stacks(pair):
    run, trace, report = pair
    sparse = report["sparse"]
    for metric, column in (("mapped", "mapped"), ("returned", "returned"), ("calls", "calls"), ("faults", "faults"),
                           ("touched", "touched")):
        shown = run.verb("stacks", trace.path, "--by", metric, "--format", "folded")
        total = sum(int(line.rsplit(b" ", 1)[1]) for line in shown.stdout.splitlines())
        assert sum(sparse[column]) == total, metric


def test_series_follow_the_events(pair):
    _, trace, report = pair
    series, count = report["lod0"], int(report.meta["buckets"])
    events = report.events()
    buckets = collections.Counter(min(event["time"] * count // report.ticks, count - 1) for event in events)
    late = report.ticks - max(event["time"] for event in events)
    assert late >= 0
    found = collections.Counter()
    for name, values in series.items():
        if name.startswith("call"):
            for bucket, value in enumerate(values):
                found[bucket] += value
    assert +found == buckets
    assert sum(series["mapped"]) == sum(event["mapped"] for event in events)
    # At the end of each bucket the kinds are all that is mapped.
    kinds = [name for name in series if name.startswith("kind") and name.endswith("_last")]
    for bucket in range(0, count, 997):
        assert sum(series[name][bucket] for name in kinds) == series["virtual_last"][bucket]
        assert series["virtual_min"][bucket] <= series["virtual_last"][bucket] <= series["virtual_max"][bucket]


def test_live_bytes_by_stack_are_what_is_mapped(pair):
    """The sum of what lives at the end of a bucket is the series' value there, for each process."""
    _, _, report = pair
    lives = report["lives"]
    slots = {slot: index for index, slot in enumerate(report["proc"]["slot"]) if slot}
    for slot, process in slots.items():
        count = 1024 if slot > 1 else int(report.meta["buckets"])
        series = report[f"lod{slot - 1}"].get("virtual_last", [0] * count)
        for bucket in range(0, count, count // 10):
            # The last tick of the bucket.
            tick = -(-(bucket + 1) * report.ticks // count) - 1
            mapped = sum(pages * 4096 for space, pages, born, died in
                         zip(lives["space"], lives["pages"], lives["born"], lives["died"])
                         if born <= tick < died and report["space"]["proc"][space] == process)
            assert mapped == series[bucket], (process, bucket)


HOLD = ("import mmap, time\nm = mmap.mmap(-1, 24 << 20)\nfor i in range(0, 12 << 20, 4096): m[i] = 1\ntime.sleep(0.4)\n"
        "m.close()\nx = [bytearray(1 << 20) for _ in range(6)]\ntime.sleep(0.4)\n")


@pytest.mark.parametrize("command", [["/usr/bin/python3", "-S", "-c", HOLD], ["bash", "-c", "sleep 0.3; (sleep 0.3; true); true"]])
def test_resident_pages_are_those_of_the_looks(run, command):
    """Each look by lives: as many pages as the recording holds of their addresses, and of all of them together."""
    outcome, trace = run.traced(*command, options=["--residency-every", "0.1"])
    assert outcome.status == 0, outcome
    report = report_of(run, trace)
    records = [record for kind, record in read_trace(trace.path) if kind == "residency"]
    looks, lives, spaces = report["looks"], report["lives"], report["space"]
    assert looks["taken"] == [len(records)] == [len(looks["look_time"])] and len(records) > 2
    parts, told = iter(zip(looks["part_life"], looks["part_pages"])), 0
    for i, record in enumerate(records):
        space, time = looks["look_space"][i], looks["look_time"][i]
        assert report["proc"]["pid"][spaces["proc"][space]] == record["pid"]
        assert looks["look_reason"][i] == record["reason"] and looks["look_end_page"][i] == 0 and time >= record["time"]
        own = dict(next(parts) for _ in range(looks["look_parts"][i]))
        pages = {start // PAGE + k for start, count, flags in record["runs"] if flags & 1 and not flags & 8 for k in range(count)}
        for life in range(len(lives["born"])):
            if lives["space"][life] != space or not lives["born"][life] <= time < lives["died"][life]:
                assert life not in own
                continue
            if report.strings[lives["file_str"][life]].startswith("[vvar"):
                continue
            start = lives["start_page"][life]
            expected = sum(page in pages for page in range(start, start + lives["pages"][life]))
            assert own.pop(life, 0) == expected, (i, life)
            told += expected
        assert not own
    assert next(parts, None) is None and told > 1000
    last = max(i for i, reason in enumerate(looks["look_reason"]) if reason == 1)
    pid = report["proc"]["pid"][spaces["proc"][looks["look_space"][last]]]
    shown = json.loads(run.verb("layout", trace.path, "--pid", pid, "--format", "json").stdout)["mappings"]
    first = sum(looks["look_parts"][:last])
    part = range(first, first + looks["look_parts"][last])
    assert sum(m["resident"] for m in shown) == PAGE * sum(looks["part_pages"][i] for i in part)


def ranges(report, count):
    chosen = random.Random(11)
    for _ in range(count):
        start, end = sorted(chosen.randrange(report.ticks + 1) for _ in range(2))
        yield start, end


def test_random_ranges_are_those_of_report_json(pair):
    run, trace, report = pair
    events = report.events()
    for start, end in ranges(report, 20):
        shown = run.verb("report", trace.path, "--json", "--range", f"{start * 100}ns-{end * 100}ns")
        assert shown.status == 0, shown
        sums = json.loads(shown.stdout)
        inside = [event for event in events if start <= event["time"] < end]
        assert sums["all"]["calls"] == len(inside)
        for key, name in (("mapped", "mapped"), ("returned", "unmapped")):
            assert sums["all"][key] == sum(event[name] for event in inside)
        assert sums["faults"]["in_calls"] == sum(event["minor"] + event["major"] for event in inside if event["flags"] & 4)


def test_levels_of_buckets_are_those_of_report_json(pair):
    """Whole buckets: what the series say of them is what the report says of their time."""
    run, trace, report = pair
    series, count = report["lod0"], int(report.meta["buckets"])
    chosen = random.Random(3)
    zeros = [0] * count
    for _ in range(10):
        first, last = sorted(chosen.randrange(1, count) for _ in range(2))
        start, end = (-(-bucket * report.ticks // count) for bucket in (first, last + 1))
        if last + 1 == count or start >= end:
            continue
        sums = json.loads(run.verb("report", trace.path, "--json", "--range", f"{start * 100}ns-{end * 100}ns").stdout)
        for level in ("resident", "virtual", "heap"):
            assert sums[level]["end"] == series.get(f"{level}_last", zeros)[last]
            assert sums[level]["max"] == max(series.get(f"{level}_max", zeros)[first:last + 1])
            assert sums[level]["min"] == min(series.get(f"{level}_min", zeros)[first:last + 1])
        for name in ("minor", "major"):
            assert sums["faults"][name] == sum(series.get(name, zeros)[first:last + 1])
        assert sums["all"]["errors"] == sum(series.get("errors", zeros)[first:last + 1])


def test_recording_that_grows_meanwhile(run_once):
    """The recording becomes longer between the two runs through it: the report is of what was there in the first."""
    outcome, trace = run_once.traced(run_once.program("threads-race"), 5, 2, 4000)
    assert outcome.status == 0, outcome
    whole = pathlib.Path(trace.path).read_bytes()
    path, page = pathlib.Path(run_once.path("grows.brkw")), pathlib.Path(run_once.path("grows.html"))
    path.write_bytes(whole[: len(whole) // 2])
    making = subprocess.Popen([run_once.brkwater, "html", path, "-o", page], stderr=subprocess.PIPE)
    opened = grew = False
    while making.poll() is None and not grew:
        try:
            links = [os.readlink(link) for link in pathlib.Path(f"/proc/{making.pid}/fd").iterdir()]
        except OSError:
            continue
        if links.count(str(path)) == 2:
            with path.open("ab") as end:
                end.write(whole[len(whole) // 2:])
            grew = True
    assert making.wait() == 0, making.stderr.read()
    assert grew, "it was never open twice"
    report = Report(page)
    events, all_events = int(report.meta["events"]), json.loads(run_once.verb("report", trace.path, "--json").stdout)["all"]["calls"]
    assert 0 < len(report.events()) == sum(report["sparse"]["calls"]) == events < all_events


NOTHING = {
    "--no-faults": "which code touches memory first (--no-faults was given)",
    "--sample-interval=0": "resident memory over time (--sample-interval=0 was given)",
    "--depth=0": "call stacks (no event has one, as with --depth=0)",
    "--residency-at=none": "which pages are resident (there was no look at them: --residency-at)",
    "--no-heap-walk": "what is free inside of heaps (there was no look into them: brkwater heap)",
}


def test_what_was_not_collected_is_told(run_once):
    outcome, trace = run_once.traced(*PYTHON, options=list(NOTHING))
    assert outcome.status == 0, outcome
    report = report_of(run_once, trace)
    assert set(report.meta["uncollected"].split("; ")) == set(NOTHING.values())
    assert "not collected" in report.text.split("<script")[0]
    outcome, trace = run_once.traced(*PYTHON)
    report = report_of(run_once, trace)
    assert report.meta["uncollected"] in ("", "which code touches memory first (the kernel did not allow to look at them (brkwater doctor))")
    assert (report.meta["uncollected"] == "") == ("not collected" not in report.text.split("<script")[0])


def test_a_pipe_is_refused(run_once):
    done = run_once(run_once.brkwater, "html", "/dev/stdin", "-o", run_once.path("x.html"), stdin=subprocess.PIPE)
    assert done.status == 125 and b"reads a recording twice" in done.stderr, done
    assert not os.path.exists(run_once.path("x.html"))


def varint(value):
    coded = bytearray()
    while value > 127:
        coded.append(value & 127 | 128)
        value >>= 7
    return bytes(coded) + bytes([value])


STACK_RECORD = 17


def with_frames(data, frame):
    """The records of a trace, where the second frame of each stack is that one."""
    plain = Payload(subprocess.run(["zstd", "-qdc"], input=data, stdout=subprocess.PIPE, check=True).stdout)
    changed = bytearray()
    while plain.at < len(plain.data):
        kind, size = plain.varint(), plain.varint()
        record = Payload(plain.data[plain.at:plain.at + size])
        plain.at += size
        if kind == STACK_RECORD:
            head = [record.varint() for _ in range(3)]
            frames, last = [], 0
            for _ in range(record.varint()):
                last += record.signed()
                frames.append(last & (1 << 64) - 1)
            frames[1:2] = [frame] if len(frames) > 1 else []
            steps = [frame - before for before, frame in zip([0, *frames], frames)]
            record = Payload(b"".join(map(varint, [*head, len(frames), *(step << 1 if step >= 0 else (-step << 1) - 1 for step in steps)])))
        changed += varint(kind) + varint(len(record.data)) + record.data
    return subprocess.run(["zstd", "-qc", "--check"], input=bytes(changed), stdout=subprocess.PIPE, check=True).stdout


@pytest.mark.parametrize("frame", [50, 1 << 20, (1 << 32) - 1])
def test_frames_that_never_were(run_once, frame):
    """Stacks name a frame of which nothing is told: one unknown line stands for it, in all reports."""
    if not shutil.which("zstd"):
        pytest.skip("zstd is not installed")
    outcome, trace = run_once.traced("/bin/true")
    assert outcome.status == 0, outcome
    known = sum(kind == "frame" for kind, _ in read_trace(trace.path))
    path = pathlib.Path(run_once.path("unknown.brkw"))
    path.write_bytes(with_frames(pathlib.Path(trace.path).read_bytes(), min(known + frame, (1 << 32) - 1)))
    for verb in ("report", "layout", "stacks", "findings", "verify"):
        assert run_once.verb(verb, path).status >= 0, verb
    page = pathlib.Path(run_once.path("unknown.html"))
    done = run_once.verb("html", path, "-o", page)
    assert done.status == 0, done
    code = Report(page)["stk"]
    lines = list(zip(code["line_module_str"], code["line_function_str"], code["line_offset"]))
    assert lines.count((0, 0, 0)) == 1 and code["lines"].count(lines.index((0, 0, 0))) > 3
    assert max(code["lines"]) < len(lines)


def is_refused(done, path):
    assert done.status == 2 and len(done.err.splitlines()) == 1 and "is the recording itself" in done.err, done
    assert str(path) in done.err, done


def test_the_recording_is_not_written_over(run_once):
    """-o and --html with the name of the recording, or another name of it."""
    outcome, trace = run_once.traced("/bin/true")
    assert outcome.status == 0, outcome
    path, folder = pathlib.Path(trace.path), pathlib.Path(run_once.folder)
    whole = path.read_bytes()
    (folder / "symbolic").symlink_to(path)
    (folder / "hard").hardlink_to(path)
    (folder / "below").mkdir()
    for name in (path, folder / "symbolic", folder / "hard", f"{folder}/below/../{path.name}"):
        is_refused(run_once.verb("html", path, "-o", name), name)
        is_refused(run_once.verb("html", name, "-o", path), path)
        is_refused(run_once.verb("stacks", path, "--format", "svg", "-o", name), name)
        is_refused(run_once(run_once.brkwater, "-o", path, "--html", name, "--", "touch", folder / "ran"), name)
    for name in (folder / "new", f"{folder}/below/../new"):
        is_refused(run_once(run_once.brkwater, "-o", folder / "new", "--html", name, "--", "touch", folder / "ran"), name)
    assert path.read_bytes() == whole and not (folder / "ran").exists() and not (folder / "new").exists()
    assert run_once.verb("stacks", path, "-o", folder / "other").status == 0
    assert run_once.verb("html", path, "-o", "/dev/null").status == 0


FAILING = """
import mmap, os
for i in range(3000):
    try: mmap.mmap(-1, 1 << 60)
    except OSError: pass
for i in range(400): mmap.mmap(-1, 4096 * (1 + i % 9)).close()
"""


def test_as_many_events_as_asked_for(run_once):
    """None is none; of N, those that findings name are first, then failures, and the largest changes have the rest."""
    outcome, trace = run_once.traced("/usr/bin/python3", "-S", "-c", FAILING)
    assert outcome.status == 0, outcome
    every = trace.events()
    assert sum(event["errno"] == "ENOMEM" for event in every) >= 3000
    whole = report_of(run_once, trace)
    named = set(whole["find"]["event_id"])
    assert len(named) > 2 and len(whole.events()) == len(every)
    none = report_of(run_once, trace, "--html-events=none")
    assert none.events() == [] and none.meta["embedded"] == "0" and none["ev"]["count"] == []
    assert none.meta["events"] == str(len(every))
    for most in (1, 2, len(named), 100, 1000, len(every) - 1):
        report = report_of(run_once, trace, f"--html-events={most}")
        kept = {event["id"] for event in report.events()}
        assert most * 0.9 <= len(kept) == int(report.meta["embedded"]) <= most and report["ev"]["whole"] == [0]
        assert len(kept & named) >= min(most, len(named))
        rest = sorted((event["mapped"] + event["unmapped"] for event in every), reverse=True)
        if most >= 1000:
            assert sum(event["error"] != 0 for event in report.events()) >= 90
            assert {event["id"] for event in every if event["mapped"] + event["unmapped"] > 2 * rest[700]} <= kept
    assert len(report_of(run_once, trace, f"--html-events={len(every)}").events()) == len(every)


def sized(run, trace, size):
    path = pathlib.Path(run.path("sized.html"))
    done = run.verb("html", trace.path, "-o", path, f"--html-max-size={size}")
    assert done.status == 0, done
    return Report(path), path.stat().st_size, done.err


def test_the_file_is_no_larger_than_asked_for(run_once):
    """Of too many events the notable ones are left, then none; one line tells so."""
    outcome, trace = run_once.traced(run_once.program("threads-race"), 5, 2, 31000, options=["--depth=0", "--no-faults"])
    assert outcome.status == 0, outcome
    whole, size, told = sized(run_once, trace, "1G")
    events = len(whole.events())
    assert events > 60000 and told == ""
    report, same, told = sized(run_once, trace, size)
    assert (len(report.events()), same, told) == (events, size, "")
    report, notable, told = sized(run_once, trace, size - 1)
    assert notable < size and 45000 <= len(report.events()) <= 50000 and report["ev"]["whole"] == [0]
    assert report.meta["embedded"] == str(len(report.events())) and report.meta["exact"] == "0"
    assert report.count == len(report.sections)
    assert len(told.splitlines()) == 1 and f"with {events:,} events" in told and f"{len(report.events()):,} of them" in told
    report, none, told = sized(run_once, trace, notable - 1)
    assert none < notable and report.events() == [] and report.count == len(report.sections)
    assert report.meta["embedded"] == "0"
    assert len(told.splitlines()) == 1 and "it has none of them" in told
    assert sized(run_once, trace, none)[1] == none
    report, least, told = sized(run_once, trace, none - 1)
    assert report.events() == [] and least == none and len(told.splitlines()) == 1 and "without single events" in told


# A process ends, its child lives on and starts one that gets the pid of the first; then another one that is large.
PIDS = """
import mmap, os, sys, time
def start(pid, body):
    open('/proc/sys/kernel/ns_last_pid', 'w').write(str(pid - 1))
    child = os.fork()
    if child == 0:
        body()
        os._exit(0)
    assert child == pid
    return child
def small():
    mmap.mmap(-1, 1 << 20, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
def large():
    hold = mmap.mmap(-1, 48 << 20)
def middle():
    time.sleep(0.3)
    os.waitpid(start(500, small), 0)
    time.sleep(0.05)
def first():
    start(501, middle)
os.waitpid(start(500, first), 0)
time.sleep(0.8)
os.waitpid(start(500, large), 0)
"""


def test_a_pid_that_is_used_again(run_once):
    """Each process has the parent, the peaks and the findings of its own, whatever pid it shares with others."""
    path = pathlib.Path(run_once.path("again.brkw"))
    unshare = ["unshare", "-p", "-f", "--mount-proc"]
    if run_once.user != "root" or subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("pid namespaces need root")
    done = run_once(*unshare, run_once.brkwater, "-q", "-o", path, "--", "/usr/bin/python3", "-S", "-I", "-c", PIDS)
    assert done.status == 0, done
    page = path.with_suffix(".html")
    assert run_once.verb("html", path, "-o", page).status == 0
    report = Report(page)
    command, first, middle, small, large = range(5)
    assert report["proc"]["pid"][1:] == [500, 501, 500, 500]
    assert report["proc"]["parent"] == [0, command + 1, first + 1, middle + 1, command + 1]
    peaks = report["proc"]["virtual_peak"]
    assert peaks[large] > peaks[command] + (40 << 20) and peaks[small] < peaks[command] + (4 << 20)
    assert peaks[first] < peaks[small]
    found = {report.strings[name]: process for name, process in zip(report["find"]["name_str"], report["find"]["proc"])}
    assert found["writable-executable"] == small + 1, found
    for process, slot in enumerate(report["proc"]["slot"]):
        assert max(report[f"lod{slot - 1}"]["virtual_max"]) == peaks[process]


def test_events_of_each_process(run_once):
    """Processes beyond those that have series of their own have their events too."""
    outcome, trace = run_once.traced("bash", "-c", "for i in {1..70}; do (true); done")
    assert outcome.status == 0, outcome
    report = report_of(run_once, trace)
    counts = collections.Counter(event["proc"] for event in report.events())
    assert report["proc"]["slot"].count(0) > 0
    assert report["proc"]["events"] == [counts[process] for process in range(len(report["proc"]["pid"]))]


def test_report_at_the_end_of_a_run(run):
    """--html: the report and nothing else is left, also when the command fails or does not exist."""
    folder = pathlib.Path(run.folder)
    done = run(run.brkwater, "-q", "--html", folder / "out.html", "sh", "-c", "exit 3")
    assert done.status == 3, done
    report = Report(folder / "out.html")
    assert report.meta["trace"] == "TRACE" and len(report.events()) == int(report.meta["events"]) > 10
    done = run(run.brkwater, "-q", "--html", folder / "none.html", "no-such-command")
    assert done.status == 127, done
    assert sorted(path.name for path in folder.iterdir() if "html" in path.name) == ["out.html"]
    done = run(run.brkwater, "-q", "-o", folder / "kept.brkw", "--html", folder / "two.html", "true")
    assert done.status == 0 and (folder / "kept.brkw").exists(), done
    assert Report(folder / "two.html").meta["trace"] == str(folder / "kept.brkw")


LONG_NAMES = """
import mmap, os, sys, time
os.makedirs(sys.argv[1])
with open(sys.argv[1] + "/" + sys.argv[2] * 80, "wb+") as file:
    file.truncate(4096)
    held = [mmap.mmap(file.fileno(), 4096) for _ in range(600)]
    hold = mmap.mmap(-1, 32 << 20)
    for at in range(0, 32 << 20, 4096): hold[at] = 1
    time.sleep(0.1)
"""


@pytest.mark.parametrize("letter", ["\u2039", "\u202e", "&"], ids=["wide", "hidden", "markup"])
def test_what_is_read_without_scripts_is_small(run_once, letter):
    """At most 200 KB however long names are: they are cut between characters, rows stop, and how many are left out is told."""
    width = len(letter.encode())
    folder = os.path.join(run_once.folder, *[letter * (240 // width)] * 14)
    outcome, trace = run_once.traced("/usr/bin/python3", "-S", "-c", LONG_NAMES, folder, letter, options=["--depth=0"])
    assert outcome.status == 0, outcome
    report = report_of(run_once, trace)
    head, page = report.text.split("<header", 1)[1].split("</details>", 1)
    static = "<header" + head + "</details>"
    assert len(static.encode()) <= 200 * 1000 and page.split("<script")[0].count("</section>")
    count = int(re.search(r": (\d+) mappings</summary>", static)[1])
    rows = static.split('aria-label="layout at the peak"')[1].split("</table>")[0].split("<tbody>")[1].split("<tr>")[1:]
    left = int(re.search(r'<p class="more">([\d,]+) more: <code>brkwater layout', static)[1].replace(",", ""))
    assert len(rows) + left == count > 600 and len(rows) >= 60
    names = [html.unescape(re.findall(r"<bdi>(.*?)</bdi>", row)[-2]) for row in rows]
    shown = {"\u202e": "\\u202e"}.get(letter, letter)
    cut = [name for name in names if shown in name]
    assert len(cut) > 40
    for name in cut:
        assert name.endswith("...") and len(name[:-3].replace(shown, "x")) <= 200
        assert re.fullmatch(f"/.*?((?:{re.escape(shown)})+/?)+\\.\\.\\.", name), name


STRANGE = (b"#include <stdlib.h>\r\n"
           b"/* a zero: \0 and what is behind it */\r\n"
           b"/* a long line: " + 5000 * b"x" + b" */\r\n"
           b"int main(void)\r\n"
           b"{\r\n"
           b"    return malloc(1 << 20) == NULL;\r\n"
           b"}\r\n")


def test_source_lines_are_counted_as_compilers_count_them(run_once):
    """Zeros in a line do not end it, long lines are one line, and the ends of lines are not shown."""
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    source, program = run_once.write("strange.c", STRANGE), run_once.path("strange")
    subprocess.run(["gcc", "-g", "-O0", "-w", "-o", program, source], check=True)
    outcome, trace = run_once.traced(program)
    assert outcome.status == 0, outcome
    report = report_of(run_once, trace)
    shown = [report.strings[text].split("\n") for text in report["code"]["source_str"] if text]
    mine = [lines for lines in shown if any("malloc(1 << 20)" in line for line in lines)]
    assert mine, shown
    for lines in mine:
        assert [line for line in lines if line.startswith(">")] == [">     6      return malloc(1 << 20) == NULL;"]
        assert [int(line[1:].split()[0]) for line in lines] == [3, 4, 5, 6, 7]
        assert lines[1:3] == ["      4  int main(void)", "      5  {"]
        assert not any("\\x0d" in line or "\r" in line for line in lines)

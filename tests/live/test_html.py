"""The HTML report's data, read by a second reader: every number equals what the text and JSON reports say."""

import collections
import json
import pathlib
import random

import pytest

from html_reader import Report

PYTHON = ["/usr/bin/python3", "-S", "-c", "x=[bytes(1000) for _ in range(20000)]; del x; y=[bytearray(1<<20) for _ in range(20)]"]
TREE = ["bash", "-c", "for i in 1 2 3; do (true; sort /dev/null); done; ls / >/dev/null"]


def report_of(run, trace, *options):
    path = pathlib.Path(trace.path).with_suffix(".html")
    done = run.verb("html", trace.path, "-o", path, *options)
    assert done.status == 0, done
    return Report(path)


@pytest.fixture(params=["python", "tree", "threads"])
def pair(request, run_once):
    command = {"python": PYTHON, "tree": TREE,
               "threads": [run_once.program("threads-race"), 5, 4, 300]}[request.param]
    outcome, trace = run_once.traced(*command)
    assert outcome.status == 0, outcome
    return run_once, trace, report_of(run_once, trace)


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
        entry = (mine["time"] - mine["duration"] + 5) // 10
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
    for _ in range(40):
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
    for metric, column in (("mapped", "mapped"), ("returned", "returned"), ("calls", "calls"), ("faults", "faults")):
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
    lives, count = report["lives"], 1024
    slots = {slot: index for index, slot in enumerate(report["proc"]["slot"]) if slot}
    for slot, process in slots.items():
        series = report[f"lod{slot}"].get("virtual_last", [0] * count)
        for bucket in range(0, count, 101):
            # The last tick of the bucket.
            tick = -(-(bucket + 1) * report.ticks // count) - 1
            mapped = sum(pages * 4096 for space, pages, born, died in
                         zip(lives["space"], lives["pages"], lives["born"], lives["died"])
                         if born <= tick < died and report["space"]["proc"][space] == process)
            assert mapped == series[bucket], (process, bucket)

"""The page of a real recording says what brkwater says: sums of random ranges, and what is mapped at random moments."""

import collections
import json
import os
import pathlib
import random
import re
import subprocess

import pytest

from html_reader import Report
from test_web import HERE, missing

COUNT = 200


def ask(run, trace, ticks):
    """Random ranges with the sums that report --json gives of them."""
    chosen = random.Random(23)
    for _ in range(COUNT):
        start, end = sorted(chosen.randrange(ticks) for _ in range(2))
        shown = json.loads(run.verb("report", trace.path, "--json", "--range", f"{start * 100}ns-{end * 100}ns").stdout)
        sums = shown["all"]
        yield {"from": start, "to": end, "calls": sums["calls"], "mapped": sums["mapped"], "returned": sums["returned"],
               "time": round(sums["time"] * 10000000)}


def look(run, trace):
    """Random moments with the bytes of each kind that layout --json gives of them: from the end of execve, before which layout
    tells of the first map that there is, to the last call, behind which it tells of the last one."""
    events = trace.events()
    first, last = (round(time * 10000000) for time in (events[0]["t"] + events[0]["duration_us"] / 1e6, events[-1]["t"]))
    chosen = random.Random(29)
    for _ in range(20):
        tick = chosen.randrange(first + 10, last)  # a microsecond, to which times are rounded, is ten
        shown = run.verb("layout", trace.path, "--at", f"{tick * 100}ns", "--pid", events[0]["pid"], "--format", "json")
        if shown.status:
            continue
        sums = collections.Counter()
        for mapping in json.loads(shown.stdout)["mappings"]:
            for segment in mapping["segments"]:
                sums[segment["kind"]] += int(segment["end"], 16) - int(segment["start"], 16)
        yield {"t": tick, "proc": 0, "kinds": sorted([kind, value] for kind, value in sums.items())}


@pytest.mark.early
def test_numbers_are_those_of_the_reports(run_once):
    why = missing()
    if why and not os.environ.get("CI"):
        pytest.skip(why)
    outcome, trace = run_once.traced("/usr/bin/env", "/usr/bin/python3", "-S", "-c", "x=[bytes(1000) for _ in range(9000)]; del x; y=[bytearray(1<<20) for _ in range(9)]")
    assert outcome.status == 0, outcome
    page = pathlib.Path(trace.path).with_suffix(".html")
    assert run_once.verb("html", trace.path, "-o", page).status == 0
    whole = json.loads(run_once.verb("report", trace.path, "--json").stdout)
    ticks = round(whole["to"] * 10000000)
    answers = page.with_suffix(".json")
    moments = list(look(run_once, trace))
    assert len(moments) > 5
    answers.write_text(json.dumps({"ranges": list(ask(run_once, trace, ticks)), "moments": moments}))
    result = subprocess.run(["node", "truth.mjs", str(page), str(answers)], cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout[-4000:]


SPELLED = {"names": ["argument-names"], "flags": ["calls-flags"], "flags of 32 bits": ["calls-flags-m32"], "threads": ["threads-race", 3, 2, 20], "killed": ["threads-exit-group"]}


@pytest.mark.early
@pytest.mark.parametrize("command", SPELLED.values(), ids=SPELLED)
def test_calls_are_written_as_brkwater_events_writes_them(run_once, command):
    why = missing()
    if why and not os.environ.get("CI"):
        pytest.skip(why)
    _, trace = run_once.traced(run_once.program(command[0]), *command[1:])
    page = pathlib.Path(trace.path).with_suffix(".html")
    assert run_once.verb("html", trace.path, "-o", page).status == 0
    shown = run_once.verb("events", trace.path).stdout.decode()
    lines = [match[1] for match in re.finditer(r"^[\d/]+ +(\w+\(.*)$", shown, re.MULTILINE)]
    assert len(lines) == len(trace.events()) > 5
    answers = page.with_suffix(".json")
    answers.write_text(json.dumps(lines))
    result = subprocess.run(["node", "spelling.mjs", str(page), str(answers)], cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout[-6000:]


def test_invented_reports_have_what_real_ones_have(run_once):
    """The checks in the browser read an invented report: it must not tell of anything that no recording does."""
    why = missing()
    if why and not os.environ.get("CI"):
        pytest.skip(why)
    outcome, trace = run_once.traced("bash", "-c", "for i in 1 2 3; do (true; ls / >/dev/null); done; exit 0")
    assert outcome.status == 0, outcome
    page, invented = pathlib.Path(trace.path).with_suffix(".html"), pathlib.Path(run_once.path("invented.html"))
    assert run_once.verb("html", trace.path, "-o", page).status == 0
    invented.write_bytes(subprocess.run(["node", "fixture.mjs", '{"events": 500}'], cwd=HERE, stdout=subprocess.PIPE, check=True).stdout)
    real, fixture = Report(page), Report(invented)
    assert set(fixture.sections) <= set(real.sections)
    for name, section in fixture.sections.items():
        if not name.startswith("lod"):  # what is 0 all the time is left out of series
            assert set(section) - set(real[name]) == set(), name
            assert set(real[name]) - set(section) <= {"late"}, name
    assert set(real.meta) == set(fixture.meta)

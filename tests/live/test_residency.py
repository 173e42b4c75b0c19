"""Resident pages: they add up to what the kernel counts, and are told by who mapped and who touched them."""

import json
import re

import pytest
from trace_spec import read_trace

PAGE = 4096
MIB = 1 << 20
TOUCH = "import mmap, time; m = mmap.mmap(-1, 24 << 20); m.madvise(15)\nfor i in range(0, 12 << 20, 4096): m[i] = 1\n"


def layout(run, trace, *options):
    outcome = run.verb("layout", trace.path, "--format", "json", *options)
    assert outcome.status == 0, outcome
    return json.loads(outcome.out)


def looks(trace, reason=None):
    return [r for kind, r in read_trace(trace.path) if kind == "residency" and (reason is None or r["reason"] == reason)]


def counted(record, mappings):
    """Bytes that are counted as resident: not the page of zeros, not what the kernel maps for itself."""
    own = [(int(m["start"], 16), int(m["end"], 16)) for m in mappings if (m["name"] or "").startswith("[vvar")]
    return sum(
        pages * PAGE
        for start, pages, flags in record["runs"]
        if flags & 1 and not flags & 8 and not any(low <= start < high for low, high in own)
    )


@pytest.mark.parametrize("command", [["/bin/ls"], ["/usr/bin/python3", "-c", TOUCH], ["/bin/bash", "-c", "x=$(seq 9999)"]])
def test_sums_to_rss(run, command):
    """At its end a process stands still: every resident page is explained, by kind and by mapping."""
    outcome, trace = run.traced(*command)
    assert outcome.status == 0, outcome
    trace.verify()
    pid = trace.events()[0]["pid"]
    (record,) = [r for r in looks(trace, 1) if r["pid"] == pid]
    told = layout(run, trace, "--pid", str(pid))
    receipt, mappings = told["receipt"], told["mappings"]
    assert record["flags"] == 0 and receipt["rss"] == record["rss_kib"] * 1024 > 0
    assert receipt["resident"] == sum(receipt["kinds"].values()) == sum(m["resident"] for m in mappings)
    assert receipt["resident"] == counted(record, mappings)
    assert abs(receipt["unexplained"]) <= receipt["rss"] // 100, receipt
    assert receipt["unexplained"] == receipt["rss"] - receipt["resident"]
    for metric in ("resident", "kept"):
        lines = run.verb("stacks", trace.path, "--by", metric, "--format", "folded", "--pid", str(pid)).out.splitlines()
        assert sum(int(line.rsplit(" ", 1)[1]) for line in lines) == receipt["resident"], metric
    report = run.verb("report", trace.path).out
    assert re.search(r"^  receipt +[\d.]+[KM] at .*:", report, re.MULTILINE) and "unexplained" in report, report


def test_who_mapped_is_not_who_touched(run):
    """12 of 24 MiB are touched: resident is what was touched, and no more."""
    outcome, trace = run.traced("/usr/bin/python3", "-c", TOUCH + "import os; os._exit(0)")
    assert outcome.status == 0, outcome
    (mapping,) = [m for m in layout(run, trace)["mappings"] if int(m["end"], 16) - int(m["start"], 16) >= 24 * MIB]
    assert 12 * MIB <= mapping["resident"] < 15 * MIB and mapping["swapped"] == 0
    if mapping["touched"] is not None:
        assert mapping["touched"] >= 12 * MIB


def test_asked_for(run):
    """Moments that the user names, and again and again; and none at all."""
    sleeper = TOUCH + "time.sleep(1.2)"
    outcome, trace = run.traced("/usr/bin/python3", "-c", sleeper, options=["--residency-at", "900ms,0.3s"])
    assert outcome.status == 0, outcome
    times = [r["time"] / 1e7 for r in looks(trace, 3)]
    # Both may have passed when the process begins to be looked at, on a busy machine: that is one look.
    assert 1 <= len(times) <= 2 and times[0] >= 0.3 and times[-1] >= 0.9, times
    # A sampler that has long to sleep, as on a busy machine, wakes for them.
    options = ["--sample-interval", "60000", "--residency-at", "200ms,400ms"]
    outcome, trace = run.traced("/usr/bin/python3", "-c", TOUCH + "time.sleep(0.6)", options=options)
    assert outcome.status == 0 and looks(trace, 3), outcome
    outcome, trace = run.traced("/usr/bin/python3", "-c", sleeper, options=["--residency-every", "0.2"])
    assert len(looks(trace, 3)) >= 2, outcome
    outcome, trace = run.traced("/usr/bin/python3", "-c", sleeper, options=["--residency-at", "none"])
    assert outcome.status == 0 and not looks(trace), outcome
    assert layout(run, trace)["receipt"] is None and all(m["resident"] is None for m in layout(run, trace)["mappings"])
    assert "receipt" not in run.verb("report", trace.path).out


@pytest.mark.parametrize("option", [["--residency-at", "noon"], ["--residency-at", "peak"], ["--residency-every", "0"]])
def test_wrong_usage(run, option):
    outcome = run(run.brkwater, *option, "/bin/true")
    assert outcome.status == 2 and outcome.err.count("\n") == 1 and option[0] in outcome.err, outcome


def found(run, trace, name):
    return [one for one in json.loads(run.verb("findings", trace.path, "--json").out) if one["name"] == name]


def test_huge_pages(run):
    """One byte of each huge page is used: the look finds that most of them holds nothing."""
    outcome, trace = run.traced(run.program("page-shapes"), "huge")
    assert outcome.status == 0, outcome
    last = looks(trace, 1)[-1]
    huge = sum(pages for _, pages, flags in last["runs"] if flags & 16) * PAGE
    if not last["huge_kib"]:
        pytest.skip("no transparent huge pages here")
    told = layout(run, trace)
    assert huge in (0, last["huge_kib"] * 1024) and told["receipt"]["huge"] == huge, (huge, last["huge_kib"])
    if not huge:
        pytest.skip("this kernel does not tell which pages are huge")
    (finding,) = found(run, trace, "huge-page-bloat")
    assert finding["severity"] == "warning" and finding["numbers"]["zero"] >= 90
    assert abs(finding["numbers"]["huge"] - 64 * MIB) <= 4 * MIB
    outcome, trace = run.traced(run.program("page-shapes"), "small")
    assert outcome.status == 0 and not found(run, trace, "huge-page-bloat")


def test_fault_storm(run):
    """The same pages are given back and touched again: a storm; once is none."""
    outcome, trace = run.traced(run.program("page-shapes"), "again")
    assert outcome.status == 0, outcome
    if run.verb("stacks", trace.path, "--by", "touched").status:
        pytest.skip("this user may not look at page faults here")
    (finding,) = found(run, trace, "fault-storm")
    assert finding["numbers"]["again"] == 4 * 2048 and finding["numbers"]["first"] == 8 * MIB
    assert finding["stacks"][0]["site"].startswith("touch_again"), finding
    outcome, trace = run.traced(run.program("page-shapes"), "once")
    assert outcome.status == 0 and not found(run, trace, "fault-storm")

"""What was there before a process was attached to: memory that no call of the recording made, page faults that are not of it."""

import json
import pathlib
import re
import signal
import time

from attaching import PYTHON, finish
from html_reader import Report

PAGE = 4096
SIZE = 200 << 20
TOUCHED = 100 << 20

# Touches much memory, by one thread that ends and one that lives on; when asked to, a child touches more, then it says so.
HOLD = f"""
import mmap, os, sys, threading, time
hold = mmap.mmap(-1, {SIZE})
def touch(memory, size):
    for i in range(0, size, {PAGE}): memory[i] = 1
ended = threading.Thread(target=touch, args=(hold, {TOUCHED}))
ended.start()
ended.join()
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    if not line.strip(): break
    child = os.fork()
    if child == 0:
        touch(mmap.mmap(-1, 64 << 20), 32 << 20)
        os._exit(0)
    os.waitpid(child, 0)
    print("done", flush=True)
os._exit(0)
"""


def report_of(trace):
    page = pathlib.Path(trace.path).with_suffix(".html")
    done = trace.runner.verb("html", trace.path, "-o", page)
    assert done.status == 0, done
    return Report(page)


def idle(target):
    """The recording of a process that slept for all of it."""
    holder = target(PYTHON, "-S", "-c", HOLD)
    finish(holder.attach("--duration", "300ms"))
    return holder.trace()


def folded(trace, *options):
    shown = trace.runner.verb("stacks", trace.path, *options, "--format", "folded")
    assert shown.status == 0, shown
    return {name: int(value) for name, value in (line.rsplit(" ", 1) for line in shown.out.splitlines())}


def test_memory_has_a_line_of_its_own(target):
    """In stacks as text, folded and drawn; in the page for each mapping that layout tells to be of before."""
    trace = idle(target)
    run = trace.runner
    live = folded(trace, "--by", "live")
    shown = json.loads(run.verb("layout", trace.path, "--format", "json").stdout)["mappings"]
    sizes = {origin: sum(int(s["end"], 16) - int(s["start"], 16) for m in shown for s in m["segments"] if s["origin"] == origin)
             for origin in ("attach", "execve", "event")}
    assert sizes["attach"] > SIZE and sizes["execve"] == sizes["event"] == 0
    assert live["(before attach)"] == sizes["attach"] and "(made by execve)" not in live
    text = run.verb("stacks", trace.path, "--by", "live")
    assert text.status == 0 and "(before attach)" in text.out and "execve" not in text.out, text
    drawn = run.verb("stacks", trace.path, "--by", "live", "--format", "svg")
    assert drawn.status == 0 and "(before attach)" in drawn.out and "execve" not in drawn.out, drawn
    report = report_of(trace)
    code, lives = report["stk"], report["lives"]
    words = [report.strings[code["stack_site_str"][stack]] for stack in lives["stack"]]
    at_end = [died >= report.ticks for died in lives["died"]]
    assert sum(pages * PAGE for pages, word, there in zip(lives["pages"], words, at_end) if word == "before attach" and there) == sizes["attach"]
    assert "execve" not in words
    assert all((flags & 8 != 0) == (word == "before attach") for flags, word in zip(lives["flags"], words))
    for tree, end in (("node", "stack_node"), ("rnode", "stack_rnode")):
        nodes = {code[end][stack] for stack, word in zip(lives["stack"], words) if word == "before attach"}
        assert [report.strings[code[tree + "_word_str"][node]] for node in nodes] == ["before attach"]


def faults_of(trace):
    """What each report says of minor faults: (JSON, text, page, series by slot, the page)."""
    run = trace.runner
    told = json.loads(run.verb("report", trace.path, "--json").stdout)["faults"]["minor"]
    text = int(re.search(r"faults +([\d,]+) minor", run.verb("report", trace.path).out)[1].replace(",", ""))
    report = report_of(trace)
    page = int(re.search(r"([\d,]+) minor, [\d,]+ major", report.text.split("<script")[0])[1].replace(",", ""))
    slots = sum(name.startswith("lod") for name in report.sections)
    return told, text, page, [sum(report[f"lod{slot}"].get("minor", [])) for slot in range(slots)], report


def test_faults_of_before_do_not_count(target):
    """It did nothing while it was attached to: what its threads touched before is no fault of the recording."""
    trace = idle(target)
    assert json.loads(trace.runner.verb("report", trace.path, "--json").stdout)["samples"] > 3
    told, text, page, series, _ = faults_of(trace)
    assert told == text == page == series[0] <= 64, (told, text, page, series)


def faults_between(trace, start, end):
    shown = trace.runner.verb("report", trace.path, "--json", "--range", f"{start * 100}ns-{end * 100}ns")
    assert shown.status == 0, shown
    return json.loads(shown.stdout)["faults"]["minor"]


def test_faults_of_children_count(target):
    """A child begins at 0 whatever its parent did; what both touch in the recording counts, wherever it is asked for."""
    holder = target(PYTHON, "-S", "-c", HOLD)
    tracer = holder.attach()
    time.sleep(0.2)
    for _ in range(2):
        holder.process.stdin.write(b"go\n")
        holder.process.stdin.flush()
        assert holder.process.stdout.readline() == b"done\n"
    finish(tracer, signal.SIGINT)
    trace = holder.trace()
    told, text, page, series, report = faults_of(trace)
    each = (32 << 20) // PAGE
    assert told == text == page == series[0], (told, text, page, series)
    assert len(report["proc"]["pid"]) == 3 and sum(series) == 2 * series[0]
    assert series[1] < each / 2
    assert all(each <= count < each * 1.5 for count in series[2:]), series
    begun = report["proc"]["start"][1]
    before, after = faults_between(trace, 0, begun), faults_between(trace, begun, report.ticks + 1)
    assert before + after == told and before <= 64 and after >= 2 * each

"""What was there before a process was attached to: memory that no call of the recording made."""

import json
import pathlib

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

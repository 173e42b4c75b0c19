"""Call stacks as text, call sites, code around calls, and names that are found again."""

import json
import os
import re
import subprocess

import pytest

SIZE = 4096 * 7


def lines_of(outcome):
    """{function: line} as the program printed it."""
    return {name: int(line) for name, line in (row.split() for row in outcome.out.splitlines())}


def table_event(trace):
    (event,) = [event for event in trace.calls("mmap") if event["args"]["length"] == SIZE]
    return event


def functions(event):
    return [line["function"] for line in event["stack"]]


@pytest.fixture
def recorded(run):
    """The program's own copy, its recording, and the lines that it printed."""
    path = copy_program(run, "call-site", "program")
    outcome, trace = run.traced(path)
    assert outcome.status == 0, outcome
    trace.verify()
    return path, trace, lines_of(outcome)


def copy_program(run, name, to, *command):
    """A copy in the folder, changed by objcopy or strip if asked."""
    run.write(to, open(run.program(name), "rb").read(), mode=0o755)
    if command:
        subprocess.run([*command, run.path(to)], check=True)
    return run.path(to)


def test_stack_of_an_event(recorded):
    path, trace, lines = recorded
    event = table_event(trace)
    mine = [line for line in event["stack"] if line["module"] == path]
    assert [line["function"] for line in mine][:3] == ["get_pages", "load_table", "main"]
    assert [line["inlined"] for line in mine][:3] == [True, False, False]
    assert [line["line"] for line in mine][1:3] == [lines["load_table"], lines["main"]]
    assert mine[0]["pc"] == mine[1]["pc"] != mine[2]["pc"]
    assert all(line["file"].endswith("call-site.c") for line in mine[:3])
    assert event["stack_quality"] == "complete"


def test_live_stacks(run):
    """strace's shape, below the event's line; the call site is in the line's note."""
    program = run.program("call-site")
    outcome = run(run.brkwater, "-k", "-e", "mmap", program)
    lines = lines_of(outcome)
    text = outcome.err.splitlines()
    at = next(i for i, line in enumerate(text) if f"mmap(NULL, {SIZE}," in line)
    assert re.search(
        r"anonymous \+28K, get_pages \(call-site\.c:\d+\)$", text[at]
    ), text[at]
    stack = []
    while text[at + 1 + len(stack)].startswith(" > "):
        stack.append(text[at + 1 + len(stack)])
    shape = re.compile(r" > (\S+)\((?:(\w+) inlined|(\w+)\+0x([0-9a-f]+))\) \[0x([0-9a-f]+)\](?: (\S+):(\d+))?$")
    parsed = [shape.match(line) for line in stack]
    assert all(parsed), stack
    mine = [m for m in parsed if m[1] == program]
    assert [m[2] or m[3] for m in mine][:3] == ["get_pages", "load_table", "main"]
    assert [int(m[7]) for m in mine[1:3]] == [lines["load_table"], lines["main"]]
    block = next(line for line in text if re.search(r"mmap\(NULL, 105\d{4},", line))
    assert block.endswith(f"load_block (call-site.c:{lines['load_block']})"), "malloc is not the call site"


def test_recorded_stacks_are_the_live_ones(recorded, run):
    path, trace, _ = recorded
    shown = run.verb("events", "-k", "-e", "mmap", trace.path)
    text = shown.out.splitlines()
    at = next(i for i, line in enumerate(text) if f"mmap(NULL, {SIZE}," in line)
    stack = table_event(trace)["stack"]
    for line, row in zip(stack, text[at + 1 : at + 1 + len(stack)]):
        name = f"{line['function']} inlined" if line["inlined"] else f"{line['function']}+{line['offset']:#x}"
        place = f" {line['file']}:{line['line']}" if line["file"] else ""
        assert row == f" > {line['module']}({name}) [{line['address']}]{place}"


def test_disassembly(recorded, run):
    """The instruction that the frame returns to is a call, and is marked."""
    path, trace, lines = recorded
    shown = run.verb("events", "--json", "--disasm", trace.path)
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    checked = 0
    for event in events:
        code = event.get("code")
        if not code:
            continue
        (call,) = [instruction for instruction in code if instruction["call_site"]]
        ends = int(call["address"], 16) + len(call["bytes"]) // 2
        assert call["text"].split()[0] in ("call", "syscall") or call["text"].startswith("bnd call"), event
        assert ends in [int(line["address"], 16) for line in event["stack"]]
        for before, after in zip(code, code[1:]):
            assert int(before["address"], 16) + len(before["bytes"]) // 2 == int(after["address"], 16)
        checked += 1
    assert checked > 5
    (event,) = [e for e in events if e["call"] == "mmap" and e["args"]["length"] == SIZE]
    (call,) = [instruction for instruction in event["code"] if instruction["call_site"]]
    assert call["file"].endswith("call-site.c")
    listing = subprocess.run(
        ["objdump", "-d", "-M", "intel", "--no-show-raw-insn", path], stdout=subprocess.PIPE, check=True, text=True
    ).stdout
    theirs = {int(a, 16): " ".join(text.split()) for a, text in re.findall(r"^ +([0-9a-f]+):\t(.*)$", listing, re.MULTILINE)}
    for instruction in event["code"]:
        assert instruction["text"].split()[0] == theirs[int(instruction["address"], 16)].split()[0]
    text = run.verb("events", "--disasm", "-e", "mmap", trace.path).out
    assert re.search(rf"^   > +{call['address'][2:]}  [0-9a-f ]+ call ", text, re.MULTILINE), text


def test_debug_files_found_later(run):
    """A stripped program has no names, until its debug file is found; without it they are gone again."""
    path = copy_program(run, "call-site", "program")
    folder = run.path("debug")
    header = subprocess.run(["readelf", "-n", path], stdout=subprocess.PIPE, check=True, text=True).stdout
    build_id = re.search(r"Build ID: ([0-9a-f]+)", header)[1]
    os.makedirs(f"{folder}/.build-id/{build_id[:2]}")
    debug = f"{folder}/.build-id/{build_id[:2]}/{build_id[2:]}.debug"
    subprocess.run(["objcopy", "--only-keep-debug", path, debug], check=True)
    subprocess.run(["strip", path], check=True)
    # Without the code that touches memory: the report names only the modules with most frames.
    outcome, trace = run.traced(path, options=["--no-faults"])
    lines = lines_of(outcome)
    event = table_event(trace)
    assert event["stack_quality"] == "complete", "unwinding needs no names"
    mine = [line for line in event["stack"] if line["module"] == path]
    assert len(mine) >= 2 and not any(line["function"] for line in mine)
    report = run.verb("report", trace.path)
    assert re.search(r"names missing for [0-9,]+ of [0-9,]+ frames:\n +program: \d+, it is stripped, and", report.out), report
    found = run.verb("symbolize", "--debug-dir", folder, trace.path)
    assert found.status == 0 and "program" not in found.out, found
    trace.cached = None
    assert functions(table_event(trace))[-6:].count("load_table") == 1
    mine = [line for line in table_event(trace)["stack"] if line["module"] == path]
    assert [(line["function"], line["line"]) for line in mine[1:3]] == [
        ("load_table", lines["load_table"]), ("main", lines["main"]),
    ]  # fmt: skip
    trace.verify()
    lost = run.verb("symbolize", trace.path)
    assert lost.status == 0 and f"{path}: it is stripped, and no debug file was found" in lost.out, lost
    trace.cached = None
    assert "load_table" not in functions(table_event(trace))
    trace.verify()


def test_recording_without_an_end(run):
    """Killed in the middle: no names; symbolize gives them, and the recording still counts as cut off."""
    outcome, trace = run.traced(run.program("random-calls"), 7, 4000, 3)
    assert outcome.status == 0, outcome
    data = open(trace.path, "rb").read()
    start = int.from_bytes(data[-24:-16], "little")
    with open(trace.path, "wb") as file:
        file.write(data[: start * 2 // 3])
    before = run.verb("verify", trace.path)
    assert before.status == 1 and "cut off" in before.out, before
    count = len(trace.events())
    assert count > 100 and not any(line["function"] for event in trace.events() for line in event["stack"])
    named = run.verb("symbolize", "-q", trace.path)
    assert named.status == 0 and not named.stdout + named.stderr, named
    after = run.verb("verify", trace.path)
    assert after.status == 1 and "cut off" in after.out, after
    trace.cached = None
    assert len(trace.events()) == count
    assert all({"main", "start_thread"} & set(functions(event)) for event in trace.calls("mremap"))


def test_replaced_program(recorded, run):
    """Names come from the file that was mapped, never from another one in its place."""
    path, trace, _ = recorded
    assert "load_table" in functions(table_event(trace))
    os.unlink(path)
    copy_program(run, "show-state", "program")
    again = run.verb("symbolize", trace.path)
    assert again.status == 0 and f"{path}: another file has taken its place" in again.out, again
    trace.cached = None
    mine = [line for line in table_event(trace)["stack"] if line["module"] == path]
    assert mine and not any(line["function"] or line["file"] for line in mine)
    os.unlink(path)
    gone = run.verb("symbolize", trace.path)
    assert gone.status == 0 and f"{path}: the file is not there any more" in gone.out, gone


def test_replaced_program_without_build_id(run):
    """Then the inode must be the same."""
    path = copy_program(run, "call-site", "program", "objcopy", "--remove-section", ".note.gnu.build-id")
    outcome, trace = run.traced(path)
    assert outcome.status == 0 and "load_table" in functions(table_event(trace))
    assert run.verb("symbolize", trace.path).status == 0
    trace.cached = None
    assert "load_table" in functions(table_event(trace)), "the same file names it again"
    os.rename(path, path + ".old")
    copy_program(run, "call-site", "program", "objcopy", "--remove-section", ".note.gnu.build-id")
    again = run.verb("symbolize", trace.path)
    assert again.status == 0 and f"{path}: another file has taken its place" in again.out, again
    trace.cached = None
    assert "load_table" not in functions(table_event(trace))


def test_no_room_for_names(recorded, run):
    """--max-size holds, and it is said what is missing."""
    path, trace, _ = recorded
    recording = int.from_bytes(open(trace.path, "rb").read()[-24:-16], "little")
    outcome, limited = run.traced(path, options=["--max-size", str(recording + 600)], trace="limited.brkw")
    assert outcome.status == 0 and os.path.getsize(limited.path) <= recording + 600
    assert "--max-size left no room for the names" in outcome.err, outcome
    assert "load_table" not in functions(table_event(limited))
    limited.verify()
    assert run.verb("symbolize", limited.path).status == 0
    limited.cached = None
    assert "load_table" in functions(table_event(limited))
    limited.verify()


def test_damaged_names(recorded, run):
    """They are not used, it is said, and symbolize heals it."""
    _, trace, _ = recorded
    data = bytearray(open(trace.path, "rb").read())
    names = int.from_bytes(data[-8:], "little")
    data[(names + len(data) - 40) // 2] ^= 0x10
    with open(trace.path, "wb") as file:
        file.write(data)
    shown = run.verb("events", "--json", trace.path)
    assert shown.status == 0 and len(shown.err.splitlines()) == 1 and "brkwater symbolize" in shown.err, shown
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    assert any(event["stack"] for event in events)
    assert not any(line["function"] for event in events for line in event["stack"])
    verified = run.verb("verify", trace.path)
    assert verified.status == 1 and "names: damaged" in verified.out, verified
    assert run.verb("symbolize", "-q", trace.path).status == 0
    trace.verify()
    assert "load_table" in functions(table_event(trace))


def test_coverage(run):
    """The summary tells how good the stacks are; when they are poor, it begins with that."""
    program = run.program("call-site")
    good = run(run.brkwater, program).err
    assert re.search(r"^  stacks     all complete", good, re.MULTILINE), good
    poor = run(run.brkwater, "--depth", "1", program).err
    assert "truncated" in poor and poor.index("Few stacks are complete") < poor.index("  resident "), poor
    none = run(run.brkwater, "--depth", "0", program).err
    assert "  stacks     all" not in none and "Few stacks" not in none and "most by" not in none, none


def test_depth(run):
    program = run.program("call-site")
    for depth in (1, 3):
        outcome, trace = run.traced(program, options=["--depth", str(depth)])
        event = table_event(trace)
        assert outcome.status == 0 and event["stack_quality"] == "truncated"
        assert len([line for line in event["stack"] if not line["inlined"]]) == depth
    outcome, trace = run.traced(program, options=["--depth", "0"])
    assert outcome.status == 0
    assert all((e["stack_id"], e["stack_quality"], e["stack"]) == (None, None, []) for e in trace.events())
    for wrong in ("x", "-1", "5000"):
        refused = run(run.brkwater, "--depth", wrong, program)
        assert refused.status == 2 and "--depth" in refused.err and len(refused.err.splitlines()) == 1, refused


def test_layout_names_who_mapped_it(recorded, run):
    path, trace, lines = recorded
    event = table_event(trace)
    at = f"#{event['id']}"
    table = run.verb("layout", trace.path, "--at", at).out
    assert re.search(r"  get_pages \(call-site\.c:\d+\)( \d+ %)? ", table), table
    found = run.verb("layout", trace.path, "--at", at, "--find", event["ret"])
    assert f"({'load_table'}+0x" in found.out and f"call-site.c:{lines['load_table']}" in found.out, found
    segment = json.loads(run.verb("layout", trace.path, "--at", at, "--find", event["ret"], "--format", "json").out)["segment"]
    assert segment["stack_id"] == event["stack_id"] and segment["site"].startswith("get_pages (call-site.c:")


@pytest.mark.parametrize("argv", [["symbolize"], ["symbolize", "a", "b"], ["symbolize", "--debug-dir", "/nowhere", "x"]])
def test_wrong_usage(run_once, argv):
    outcome = run_once.verb(*argv)
    assert outcome.status == 2 and len(outcome.err.splitlines()) == 1, outcome


def test_not_a_trace(run_once):
    run_once.write("text", "hello, world\n")
    outcome = run_once.verb("symbolize", run_once.path("text"))
    assert outcome.status == 125 and "not a brkwater trace" in outcome.err, outcome
    assert open(run_once.path("text")).read() == "hello, world\n"

"""Stacks of real programs against gdb's: the same program twice, without address space randomisation, and the same calls of
both compared frame by frame."""

import difflib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import LONG, number

SCRIPT = Path(__file__).parent / "gdb_stacks.py"
WANTED = 200 if LONG else 40  # stacks of each program


def need(*names):
    for name in names:
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed")


def events_with_us(run, argv, stdin):
    outcome, trace = run.traced("setarch", "-R", *argv, stdin=stdin)
    assert outcome.status == 0, outcome
    events = trace.calls("mmap", "munmap", "brk", "mprotect")
    started = max(event["id"] for event in trace.calls("execve") if event["pid"] == events[0]["pid"])
    return [event for event in events if event["id"] > started and event["tid"] == events[0]["pid"]]


def events_with_gdb(run, argv, stdin, share):
    out, given = run.path("gdb.json"), run.path("stdin")
    Path(given).write_bytes(stdin)
    environment = {"STACKS_OUT": out, "STACKS_SHARE": str(share), "STACKS_SEED": "1"}
    gdb = ["gdb", "-nx", "-batch", "-ex", f"set args {' '.join(argv[1:])}", "-x", SCRIPT, argv[0]]
    with open(given, "rb") as file:
        outcome = run(*gdb, stdin=file, env=environment)
    events = [json.loads(line) for line in Path(out).read_text().splitlines()] if os.path.exists(out) else []
    if not events:
        pytest.skip(f"gdb does not work here: {outcome}")
    return events


def key_of(event):
    """Call, address, length: as gdb's registers have them."""
    if isinstance(event["args"], list):
        return event["call"], *event["args"][: 1 if event["call"] == "brk" else 2]
    address = number(event["args"]["addr"]) or 0
    return (event["call"], address) if event["call"] == "brk" else (event["call"], address, event["args"]["length"])


def physical(event):
    """Addresses of frames; inlined functions share theirs with the one that they are in."""
    return [number(frame["pc"]) for frame in event["stack"] if not frame["inlined"]]


def compare(ours, gdbs):
    """(frames that are the same, frames that either has).  gdb does not know that _start has no caller where it is the
    loader's, and goes on with what lies on the stack there: arguments and environment."""
    mine, theirs = physical(ours), gdbs["stack"]
    if ours["stack_quality"] == "complete" and ours["stack"][-1]["function"] in ("_start", None):
        theirs = theirs[: len(mine)] if theirs[: len(mine)] == mine else theirs
    blocks = difflib.SequenceMatcher(None, mine, theirs, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks), max(len(mine), len(theirs))


def different(ours, gdbs):
    lines = [f"event {ours['id']} {ours['call']} {ours['stack_quality']}"]
    mine = [f"{frame['pc']} {frame['function']}" for frame in ours["stack"] if not frame["inlined"]]
    return "\n".join(lines + [f"  ours  {line}" for line in mine] + [f"  gdb's {address:#x}" for address in gdbs["stack"]])


PYTHON = """
import json, re, zlib
data = {str(i): [i * j for j in range(20)] for i in range(800)}
text = json.dumps(data)
print(len(re.findall('1+', text)), len(zlib.compress(text.encode())), len(json.loads(text)))
blocks = [bytearray(300000) for _ in range(8)]
"""
SQL = b"""create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000) insert into t select i, printf('row %d', i) from n;
create index i on t(b); select count(*), max(b) from t where b like 'row 1%'; vacuum;
"""
BASH = b"for i in {1..3000}; do a[$i]=$i$i$i; h+=${a[$i]}; done; echo ${#h}\n"


def python3(run):
    run.write("real.py", PYTHON)
    return ["/usr/bin/python3", "-I", "real.py"], b""


def cc1(run):
    need("gcc")
    path = subprocess.run(["gcc", "-print-prog-name=cc1"], stdout=subprocess.PIPE).stdout.decode().strip()
    source = "".join(f"int f{i}(int *a, int n) {{ int s = {i}; while (n--) s += a[n] * s; return s; }}\n" for i in range(150))
    run.write("many.c", source)
    return [path, "-quiet", "-O2", "many.c", "-o", "many.s"], b""


def bash(run):
    return ["/bin/bash", "--norc"], BASH


def git(run):
    need("git")
    environment = dict(run.environment, GIT_CONFIG_NOSYSTEM="1")
    script = "git init -q -b main . && seq 3000 >n && git add n && git -c user.name=T -c user.email=t@example.com commit -q -m first"
    subprocess.run(["sh", "-c", script], cwd=run.folder, env=environment, check=True)
    return ["/usr/bin/git", "--no-pager", "log", "--stat", "-p"], b""


def sqlite3(run):
    need("sqlite3")
    return ["/usr/bin/sqlite3", ":memory:"], SQL


def sort(run):
    return ["/usr/bin/sort", "-rn", "--parallel=1"], b"".join(b"%d\n" % (i * 7919 % 10007) for i in range(30000))


@pytest.mark.parametrize("program", [python3, cc1, bash, git, sqlite3, sort], ids=lambda program: program.__name__)
def test_as_gdb_sees_it(run_once, program):
    need("gdb", "setarch")
    argv, stdin = program(run_once)
    ours = events_with_us(run_once, argv, stdin)
    gdbs = events_with_gdb(run_once, argv, stdin, min(1, WANTED / len(ours)))
    pairs = difflib.SequenceMatcher(None, [key_of(e) for e in ours], [key_of(e) for e in gdbs], autojunk=False)
    same = frames = stacks = aligned = 0
    wrong = []
    for block in pairs.get_matching_blocks():
        aligned += block.size
        for i in range(block.size):
            mine, theirs = ours[block.a + i], gdbs[block.b + i]
            if "stack" not in theirs:
                continue
            equal, all_frames = compare(mine, theirs)
            stacks, same, frames = stacks + 1, same + equal, frames + all_frames
            if equal < all_frames:
                wrong.append(different(mine, theirs))
    print(f"{program.__name__}: {stacks} stacks, {same} of {frames} frames the same; {aligned} of {len(ours)} calls aligned")
    assert aligned >= 0.8 * len(ours), f"the two runs made other calls: {aligned} of {len(ours)}"
    assert stacks >= 10, f"{stacks} stacks"
    assert same >= 0.99 * frames, f"{same} of {frames} frames are the same\n" + "\n".join(wrong[:3])

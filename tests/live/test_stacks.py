"""`brkwater stacks`: sums by call stack, as text, folded lines and a flame graph, against what a program says it did."""

import json
import os
import re
import shutil
import stat
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from harness import PAGE

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def recording(run_once):
    outcome, trace = run_once.traced(run_once.program("stack-sums"))
    assert outcome.status == 0, outcome
    trace.outcome = outcome
    return trace


def claims(trace):
    """{function: {metric: value}} as the program stated it, and the pid of its child."""
    text = trace.outcome.out
    stated = re.findall(r"^(\w+) mapped=(\d+) returned=(\d+) live=(\d+) calls=(\d+)$", text, re.MULTILINE)
    assert len(stated) == 4, trace.outcome
    names = ("mapped", "returned", "live", "calls")
    functions = {name: dict(zip(names, map(int, values))) for name, *values in stated}
    return functions, int(re.search(r"^child=(\d+)$", text, re.MULTILINE)[1])


def stacks(trace, *options, status=0):
    outcome = trace.runner.verb("stacks", trace.path, *options)
    assert outcome.status == status, outcome
    return outcome


def folded(trace, *options):
    """[([frame, ...], value)] of the folded lines."""
    lines = []
    for line in stacks(trace, "--format", "folded", *options).out.splitlines():
        names, value = re.fullmatch(r"(\S.*) (\d+)", line).groups()
        lines.append((names.split(";"), int(value)))
    return lines


def sum_of(lines, function):
    return sum(value for names, value in lines if function in names)


def events(trace):
    outcome = trace.runner.verb("events", trace.path, "--json")
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def frames(svg):
    """[(depth, start, value, name, title)] of a flame graph."""
    found = []
    for group in ElementTree.fromstring(svg).iter(SVG + "g"):
        if "data-value" in group.attrib:
            title = group.find(SVG + "title").text
            numbers = (int(group.attrib[key]) for key in ("data-depth", "data-start", "data-value"))
            found.append((*numbers, title.split("\n")[0], title))
    return found


# ---- the sums ----


def test_known_amounts(recording):
    """Each function's sum is what the program says, to the byte, in all three formats."""
    functions, _ = claims(recording)
    for metric in ("mapped", "live", "returned", "calls"):
        lines = folded(recording, "--by", metric)
        drawn = frames(stacks(recording, "--by", metric, "--format", "svg").stdout)
        text = stacks(recording, "--by", metric, "--min", "0").out
        for function, values in functions.items():
            assert sum_of(lines, function) == values[metric], (metric, function, lines)
            assert sum(value for _, _, value, name, _ in drawn if name == function) == values[metric], (metric, function, drawn)
            shown = re.search(rf"^.*\b{function} \(stack-sums\.c:\d+\)", text, re.MULTILINE)
            assert bool(shown) == (values[metric] > 0), text


def test_totals(recording):
    """The totals are those of the events; time is in nanoseconds."""
    all_events = events(recording)
    for metric, key in (("mapped", "mapped"), ("returned", "unmapped")):
        assert sum(value for _, value in folded(recording, "--by", metric)) == sum(e[key] for e in all_events)
    assert sum(value for _, value in folded(recording, "--by", "calls")) == len(all_events)
    time = sum(value for _, value in folded(recording, "--by", "time"))
    assert abs(time / 1000 - sum(e["duration_us"] for e in all_events)) < len(all_events)


def layout_bytes(trace, *options):
    outcome = trace.runner.verb("layout", trace.path, "--format", "json", *options)
    assert outcome.status == 0, outcome
    return sum(int(m["end"], 16) - int(m["start"], 16) for m in json.loads(outcome.stdout)["mappings"])


def test_live_is_the_layout(recording):
    """Live memory at a moment is what `layout` shows then; by default it is that of every process at its end."""
    _, child = claims(recording)
    parent = events(recording)[0]["pid"]
    both = [layout_bytes(recording, "--pid", pid) for pid in (child, parent)]
    assert sum(value for _, value in folded(recording, "--by", "live")) == sum(both)
    for pid, size in zip((child, parent), both):
        assert sum(value for _, value in folded(recording, "--by", "live", "--pid", pid)) == size
    before = next(e["id"] for e in events(recording) if e["call"] in ("clone", "fork", "clone3"))
    for at in (f"#{before - 1}", f"#{before // 2}"):
        assert sum(value for _, value in folded(recording, "--by", "live", "--at", at)) == layout_bytes(recording, "--at", at)


def test_one_process(recording):
    """--pid leaves out what the others did."""
    _, child = claims(recording)
    lines = folded(recording, "--by", "calls", "--pid", child)
    assert sum(value for _, value in lines) == sum(e["pid"] == child for e in events(recording))
    assert sum_of(lines, "only_in_child") == 1 and sum_of(lines, "map_large") == 0
    outcome = stacks(recording, "--pid", "4000000", status=125)
    assert outcome.err.count("\n") == 1 and "no process 4000000" in outcome.err, outcome


# ---- text ----


def test_text(recording):
    """Call sites with their numbers, largest first; what is left out is counted."""
    text = stacks(recording).out
    assert re.match(r"mapped: [\d.]+M in \d+ calls, \d+ stacks; complete stacks [\d.]+ %(, guessed [\d.]+ %)?\n", text), text
    assert re.search(r"^ +6\.04M +[\d.]+ % +11  map \(stack-sums\.c:\d+\)$", text, re.MULTILINE), text
    assert re.search(r"^ +5\.86M +[\d.]+ % +5    map_large \(stack-sums\.c:\d+\)\n +main \(stack-sums\.c:\d+\)$", text, re.MULTILINE), text
    sites = [line for line in text.splitlines() if re.match(r" +\S+ +[\d.]+ % ", line) and line[31] != " "]
    shares = [float(line.split("%")[0].split()[1]) for line in sites]
    assert shares == sorted(shares, reverse=True) and min(shares) >= 1, text
    left_out = re.search(r"^(\d+) lines? below 1 % (is|are) left out; --min 0 shows all$", text, re.MULTILINE)
    whole = stacks(recording, "--min", "0").out
    assert left_out and len(whole.splitlines()) == len(text.splitlines()) - 2 + int(left_out[1]), text
    assert "left out" not in whole and max(map(len, whole.splitlines())) <= 100, whole



def test_wrong_usage(recording):
    wrong = {
        "--by: 'size'": ["--by", "size"],
        "--format: 'pdf'": ["--format", "pdf"],
        "--min: '1x'": ["--min", "1x"],
        "--min: '-1'": ["--min", "-1"],
        "--min: 'nan'": ["--min", "nan"],
        "--min is for": ["--min", "2", "--format", "svg"],
        "--at is for": ["--at", "1s"],
        "--at: 'noon'": ["--by", "live", "--at", "noon"],
        "--pid: 'x'": ["--pid", "x"],
        "one TRACE": ["another"],
    }
    for words, options in wrong.items():
        outcome = stacks(recording, *options, status=2)
        assert words in outcome.err and outcome.err.count("\n") == 1, outcome


# ---- files ----


def test_output_file(recording):
    """-o makes the file, or replaces it when all is written, and leaves nothing else behind; links stay."""
    run = recording.runner
    folder = run.path("out")
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    expected = stacks(recording, "--format", "svg").stdout
    path, link = os.path.join(folder, "a.svg"), os.path.join(folder, "link.svg")
    assert stacks(recording, "--format", "svg", "-o", path).out == ""
    assert open(path, "rb").read() == expected and stat.S_IMODE(os.stat(path).st_mode) & 0o444 == 0o444
    os.symlink("a.svg", link)
    stacks(recording, "--format", "folded", "-o", link)
    assert os.path.islink(link) and open(path, "rb").read() == stacks(recording, "--format", "folded").stdout
    assert sorted(os.listdir(folder)) == ["a.svg", "link.svg"]
    assert stacks(recording, "-o", "/dev/stdout").out == stacks(recording, "-o", "-").out == stacks(recording).out


def test_output_that_fails(recording):
    reasons = {"missing/x.svg": "No such file", ".": "Is a directory", "/dev/full": "No space"}
    for path, reason in reasons.items():
        outcome = stacks(recording, "-o", path, status=125)
        assert f"cannot write {path}: {reason}" in outcome.err and outcome.err.count("\n") == 1, outcome


# ---- the flame graph ----


def test_flame_graph(recording):
    """Well-formed; nothing from the network; every frame lies in its parent, and its title tells value and share."""
    svg = stacks(recording, "--format", "svg").stdout
    root = ElementTree.fromstring(svg)
    assert root.tag == SVG + "svg" and len(list(root.iter(SVG + "script"))) == 1
    assert not re.search(rb"(href|src|url|import)\s*[=(]", svg) and svg.count(b"http") == svg.count(b"http://www.w3.org/")
    drawn = frames(svg)
    total = drawn[0][2]
    for depth, start, value, name, title in drawn[1:]:
        assert any(d == depth - 1 and s <= start and start + value <= s + v for d, s, v, _, _ in drawn), (name, drawn)
        assert f"{100 * value / total:.2f} %" in title
    assert any("stack-sums.c:" in title and "/stack-sums" in title for *_, title in drawn)


def test_is_the_same_every_time(recording):
    for name in ("text", "folded", "svg"):
        assert stacks(recording, "--format", name).stdout == stacks(recording, "--format", name).stdout


# Names that functions get, and how a reader sees them in a flame graph.
HOSTILE = {
    "map_large": (b"a;b c 12", "a;b c 12"),
    "map_small": (b"</script><script>alert(1)</script>", "</script><script>alert(1)</script>"),
    "give_back": (b"]]><g onload='x()'>&amp;\"`", "]]><g onload='x()'>&amp;\"`"),
    "only_in_child": (b"new\nline\x1b[31m", "new\\x0aline\\x1b[31m"),
    "map": (b"#bad \xff\xe2\x80\xae byte", "#bad \\xff\\u202e byte"),
}


@pytest.mark.skipif(not shutil.which("objcopy"), reason="binutils is not installed")
def test_hostile_names(run_once):
    """Names of functions are what a program's maker wants them to be: they break neither lines nor markup."""
    path = run_once.path("hostile")
    names = [word for old, (new, _) in HOSTILE.items() for word in (b"--redefine-sym", old.encode() + b"=" + new)]
    subprocess.run([b"objcopy", b"--strip-debug", *names, run_once.program("stack-sums"), path], check=True)
    os.chmod(path, 0o755)
    outcome, trace = run_once.traced(path)
    assert outcome.status == 0, outcome
    by_depth = {}
    for event in events(trace):
        depth = len(event["stack"]) or 1
        by_depth[depth] = by_depth.get(depth, 0) + 1
    lines = folded(trace, "--by", "calls")
    assert {depth: sum(v for names, v in lines if len(names) == depth) for depth in by_depth} == by_depth, lines
    assert any(names[4:6] == ["a:b c 12", "#bad \\377\\342\\200\\256 byte"] for names, _ in lines), lines
    drawn = frames(stacks(trace, "--by", "calls", "--format", "svg").stdout)
    assert {shown for _, shown in HOSTILE.values()} <= {name for _, _, _, name, _ in drawn}, drawn
    for name in ("text", "folded", "svg"):
        output = stacks(trace, "--by", "calls", "--format", name).stdout
        assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", output)
        output.decode()


# ---- other programs ----


def test_live_of_a_tree(run_once):
    """What a fork copies counts for each process that has it."""
    outcome, trace = run_once.traced(run_once.program("fork-tree"), 2)
    assert outcome.status == 0, outcome
    pids = {e["pid"] for e in events(trace)}
    assert sum(value for _, value in folded(trace, "--by", "live")) == sum(layout_bytes(trace, "--pid", pid) for pid in pids)


def test_exec(run_once):
    """A program that another one took the place of leaves nothing; what execve made has a line of its own."""
    outcome, trace = run_once.traced("sh", "-c", "exec sleep 0")
    assert outcome.status == 0, outcome
    live = folded(trace, "--by", "live")
    assert sum(value for _, value in live) == layout_bytes(trace)
    made = sum(value for names, value in live if names == ["(made by execve)"])
    assert made > 0 and made % PAGE == 0
    assert made < sum(value for names, value in folded(trace) if names == ["(made by execve)"])

"""The live text: one event a line in strace's shape, on standard error, whole lines only, and a summary that closes the run."""

import re

import pytest

from harness import Terminal, as_text

PID = r"(?:\[pid +\d+\] +|\d+ +)?"  # as strace -f writes it to a terminal, or to a file
STAMP = r"(?: *(?:\d+:\d\d:\d\d(?:\.\d+)?|\d+\.\d+) +)?"
CALL = r"[a-z_][a-z_0-9]*"
RESULT = r"(?:0x[0-9a-f]+|-?\d+|\?)"
ERROR = r"(?: E[A-Z0-9]+)?(?: \([^()]*\))?"
SPENT = r"(?: <\d+\.\d+>)?"
NOTE = r"(?: {2,}\S.*)?"
START = re.compile(PID + STAMP + rf"(?P<call>{CALL})\(")
LINE = re.compile(PID + STAMP + rf"(?P<call>{CALL})\(.*\) += (?P<ret>{RESULT}){ERROR}{SPENT}{NOTE}")
OTHER = re.compile(PID + STAMP + r"(?:\+\+\+ .* \+\+\+|--- .* ---)|brkwater: .*| {8,}\S.*|")
ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def is_event(line):
    return bool(START.match(line))


def event_lines(text):
    """The event lines, each of which must be whole and in shape; what stands between them must be known too."""
    lines = text.splitlines()
    places = [place for place, line in enumerate(lines) if is_event(line)]
    assert places, f"no event at all:\n{text}"
    for line in lines[: places[-1] + 1]:
        shape = LINE if is_event(line) else OTHER
        assert shape.fullmatch(line), f"a line in no known shape: {line!r}"
    return [lines[place] for place in places]


def names(lines):
    return [START.match(line).group("call") for line in lines]


def live(run, *options, argv=None, **more):
    outcome = run.verb(*options, "--", *(argv or [run.program("calls-munmap")]), **more)
    assert outcome.status == 0, outcome
    return outcome


def test_lines_have_straces_shape(run):
    outcome = live(run)
    lines = event_lines(outcome.err)
    assert names(lines)[0] == "execve" and names(lines)[-1] == "exit_group"
    for wanted in (
        r'execve\(".*calls-munmap", \[".*calls-munmap"\], /\* \d+ vars? \*/\) += 0',
        r"munmap\(0x[0-9a-f]+, 8192\) += 0",
        r"munmap\(0x[0-9a-f]+, 0\) += -1 EINVAL \(Invalid argument\)",
        r"mmap\(NULL, 49152, PROT_READ\|PROT_WRITE, MAP_PRIVATE\|MAP_ANONYMOUS, -1, 0\) += 0x[0-9a-f]+",
    ):
        assert any(re.match(PID + wanted, line) for line in lines), (wanted, outcome.err)


def test_live_text_shows_what_a_recording_holds(run):
    """Live and recorded output come from one decoder: the same calls in the same order."""
    argv = [run.program("calls-mprotect")]
    shown = names(event_lines(live(run, argv=argv).err))
    _, trace = run.traced(*argv)
    assert shown == [event["call"] for event in trace.events()]


def test_summary_closes_the_run(run):
    outcome = live(run)
    lines = outcome.err.splitlines()
    last_event = max(place for place, line in enumerate(lines) if is_event(line))
    summary = "\n".join(lines[last_event + 1 :])
    assert "0 drift" in summary, outcome


def test_quiet(run):
    """-q leaves out what brkwater says of itself."""
    outcome = live(run, "-q")
    assert "drift" not in outcome.err, outcome


TIMES = {
    "-t": r"\d\d:\d\d:\d\d ",
    "-tt": r"\d\d:\d\d:\d\d\.\d{6} ",
    "-ttt": r"\d{9,}\.\d{6} ",
    "-r": r" *\d+\.\d{6} ",
}


@pytest.mark.parametrize("option", TIMES)
def test_timestamps(run_once, option):
    """As in strace(1): the time of day, with microseconds, seconds since the epoch, and seconds since the line before."""
    for line in event_lines(live(run_once, option).err):
        assert re.match(PID + TIMES[option] + CALL, line), line


def test_times_go_forward(run_once):
    lines = event_lines(live(run_once, "-ttt").err)
    stamps = [float(re.search(r"\d{9,}\.\d{6}", line).group()) for line in lines]
    assert stamps == sorted(stamps)


def test_time_spent(run_once):
    """-T: the time spent in each call that returns."""
    for line in event_lines(live(run_once, "-T").err):
        if START.match(line).group("call") not in ("exit_group", "exit"):
            assert re.search(r" <\d+\.\d{6}>", line), line


FILTERS = {
    "mmap": {"mmap"},
    "mmap,munmap": {"mmap", "munmap"},
    "trace=mmap,munmap": {"mmap", "munmap"},
    "trace=munmap": {"munmap"},
}


@pytest.mark.parametrize("filter_", FILTERS)
def test_chosen_calls(run_once, filter_):
    """-e CALL,... and -e trace=CALL,... print these calls only; all are recorded."""
    assert set(names(event_lines(live(run_once, "-e", filter_).err))) == FILTERS[filter_]


@pytest.mark.parametrize("filter_", ["!brk", "trace=!brk", "!brk,mmap", "trace=!mprotect,brk"])
def test_calls_left_out(run_once, filter_):
    """With an exclamation mark all but these, as in strace(1)."""
    left_out = set(filter_.split("!")[1].split(","))
    shown = set(names(event_lines(live(run_once, "-e", filter_).err)))
    assert not shown & left_out and "munmap" in shown


def test_pid_is_shown_when_there_are_several(run_once):
    """The pid in front tells the lines of processes apart, as strace -f does."""
    outcome = live(run_once, argv=["sh", "-c", "/bin/true; /bin/true; exit 0"])
    pids = {re.match(r"\[?(?:pid +)?(\d*)", line).group(1) for line in event_lines(outcome.err)}
    assert len(pids) == 3, outcome


@pytest.mark.parametrize("processes", [1, 4])
def test_lines_are_never_torn(run, processes):
    """The command writes to the same pipe: its lines and brkwater's come out whole, whoever writes when, write(2) and pipe(7)."""
    count = 150
    outcome = live(run, "-q", argv=[run.program("write-lines"), count, processes])
    program_line = re.compile(r"program (\d+) line (\d+) [a-z]*\.")
    seen = {process: 0 for process in range(processes)}
    for line in outcome.err.splitlines():
        match = program_line.fullmatch(line)
        if match:
            process, index = map(int, match.groups())
            assert seen[process] == index, f"a line is missing before {line!r}"
            seen[process] += 1
        else:
            assert "program " not in line or "write-lines" in line, f"torn: {line!r}"
            assert LINE.fullmatch(line) or OTHER.fullmatch(line), f"torn: {line!r}"
    assert set(seen.values()) == {count}


def test_names_with_control_bytes(run_once):
    """File names are escaped: no control byte of theirs reaches the terminal."""
    outcome = run_once.verb("--", run_once.program("map-paths"))
    assert outcome.status == 0, outcome
    assert b"\x1b" not in outcome.stderr, "an escape sequence of a file name"
    event_lines(outcome.err)
    outcome.stderr.decode("utf-8")  # bytes that are no text are escaped too


# ---- colour ----


def on_a_terminal(run, *argv, **environment):
    with Terminal(run.as_user(argv), run.folder, dict(run.environment, **environment)) as terminal:
        status = terminal.finish()
        return status, terminal.all


def test_colour_is_for_terminals_only(run_once):
    """No escape sequence in a pipe; on a terminal the lines are the same below the colour; a dumb one, or NO_COLOR, gets none."""
    program = run_once.program("calls-munmap")
    assert b"\x1b" not in live(run_once, env={"TERM": "xterm-256color"}).stderr
    plain = names(event_lines(live(run_once).err))
    for environment in ({"TERM": "xterm-256color"}, {"TERM": "dumb"}, {"TERM": "xterm-256color", "NO_COLOR": "1"}):
        status, text = on_a_terminal(run_once, run_once.brkwater, "--", program, **environment)
        assert status == 0, text
        lines = [line for line in text.splitlines() if not line.startswith("{")]
        lines = [line for line in (ESCAPE.sub("", line) for line in lines) if is_event(line)]
        assert [START.match(line).group("call") for line in lines] == plain, text
        if environment["TERM"] == "dumb" or "NO_COLOR" in environment:
            assert "\x1b" not in text.split("\n\n")[0], text


def test_nothing_but_plain_text_in_a_file(run_once):
    """Standard error that is a file is as good as a pipe; both streams keep what belongs to them."""
    script = f'exec 2>{run_once.path("err")}; "$@"'
    outcome = run_once("sh", "-c", script, "sh", run_once.brkwater, run_once.program("calls-munmap"))
    assert outcome.status == 0 and outcome.stdout.startswith(b"{"), outcome
    with open(run_once.path("err"), "rb") as file:
        text = file.read()
    assert b"\x1b" not in text
    event_lines(as_text(text))


def test_standard_error_is_closed(run_once):
    """Nobody listens: the command runs all the same, and nothing is written into a file of its own."""
    out = run_once.path("out")
    outcome = run_once("sh", "-c", f'exec "$@" 2>&- >{out}', "sh", run_once.brkwater, run_once.program("calls-munmap"))
    assert outcome.status == 0, outcome
    with open(out, "rb") as file:
        assert all(line.startswith(b"{") for line in file.read().splitlines())


def test_reader_goes_away(run_once):
    """`brkwater cmd 2>&1 >/dev/null | head -1`: the command is not hurt by a reader who has seen enough."""
    marker = run_once.path("marker")
    script = f'{run_once.brkwater} sh -c "for i in 1 2 3 4 5 6 7 8 9; do /bin/true; done; touch {marker}" 2>&1 >/dev/null | head -1'
    outcome = run_once("bash", "-c", script + '; echo "${PIPESTATUS[0]}"')
    assert names(outcome.out.splitlines()[:1]) == ["execve"], outcome
    with open(marker, "rb"):
        pass

"""What the live tests share: running commands, reading traces, comparing with what programs said of themselves.

Nothing here is a test, and nothing here knows pytest but for the fixtures in conftest.py, which hand these objects out.
"""

import difflib
import fcntl
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import termios
import time
from dataclasses import dataclass

TIME_LIMIT = 900  # seconds that one command may take before it counts as hanging
NOBODY = 65534
LONG = bool(os.environ.get("BRKWATER_LONG"))

PAGE = 4096


def seeds(count):
    """The seeds of a random test: `count` of them by default, many more with BRKWATER_LONG=1."""
    return range(1, (count * 300 if LONG else count) + 1)


def as_text(data):
    """Bytes of any program as text that can be compared and printed."""
    return data.decode("utf-8", "backslashreplace")


# ---- running ----


@dataclass
class Outcome:
    """How a command ended.  `status` is negative for a death by signal, as in subprocess."""

    argv: list
    status: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self):
        return as_text(self.stdout)

    @property
    def err(self):
        return as_text(self.stderr)

    def __str__(self):
        return (
            f"{shlex.join(map(str, self.argv))}\n"
            f"  status {self.status}\n"
            f"  stdout {self.out[-2000:]!r}\n"
            f"  stderr {self.err[-2000:]!r}"
        )


def run_process(argv, stdin=b"", timeout=TIME_LIMIT, **options):
    """Run a command in a session of its own; when it hangs, kill its process group (nothing else) and fail.

    Tracees die with their tracer, so the process group is enough."""
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    if not isinstance(stdin, bytes):
        options["stdin"], stdin = stdin, None
    else:
        options["stdin"] = subprocess.PIPE
    process = subprocess.Popen(argv, start_new_session=True, **options)
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        try:
            stdout, stderr = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            stdout, stderr = b"", b"(output is still held open by somebody)"
        outcome = Outcome(argv, process.returncode, stdout or b"", stderr or b"")
        raise AssertionError(f"no end after {timeout} s, killed:\n{outcome}") from None
    return Outcome(argv, process.returncode, stdout or b"", stderr or b"")


class Runner:
    """Runs commands as one user in one folder, with and without brkwater."""

    def __init__(self, brkwater, programs, folder, user):
        self.brkwater = str(brkwater)
        self.programs = programs
        self.folder = str(folder)
        self.user = user
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": self.folder,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "TERM": "dumb",
        }
        self.before = []  # words in front of each command
        self.log = []
        self.failed = False  # a test has failed in the folder: it stays

    def as_user(self, argv):
        """The command with what makes it run as this runner's user in front."""
        argv = [str(word) for word in argv]
        if self.user == "nobody":
            argv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *argv]
        return [*self.before, *argv]

    def program(self, name):
        """Path of a traced program of tests/programs."""
        return self.programs(name)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data, mode=0o644):
        """A file in the folder that the user owns."""
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else data.encode())
        os.chmod(path, mode)
        if self.user == "nobody":
            os.chown(path, NOBODY, NOBODY)
        return path

    def prepare(self, argv, options):
        argv = self.as_user(argv)
        options.setdefault("cwd", self.folder)
        environment = dict(self.environment)
        environment.update(options.pop("env", {}))
        options["env"] = environment
        self.log.append(f"cd {shlex.quote(str(options['cwd']))} && {shlex.join(argv)}")
        return argv

    def __call__(self, *argv, **options):
        """Run a command; the options are those of run_process, `env` adds to the environment."""
        argv = self.prepare(argv, options)
        return run_process(argv, **options)

    def start(self, *argv, **options):
        """Start a command in a session of its own and return the Popen object; the test ends it."""
        argv = self.prepare(argv, options)
        return subprocess.Popen(argv, start_new_session=True, **options)

    def verb(self, *argv, **options):
        """Run one of brkwater's verbs."""
        return self(self.brkwater, *argv, **options)

    def traced(self, *argv, options=(), trace="trace.brkw", **more):
        """Run a command under brkwater, quietly, recording to a file of the folder.  Returns (Outcome, Trace)."""
        path = self.path(trace)
        outcome = self(self.brkwater, "-q", "-o", path, *options, "--", *argv, **more)
        return outcome, Trace(self, path)

    def same(self, *argv, status=None, compare_stdout=True, options=(), stdin=b"", **more):
        """Run a command untraced and traced: output and status must be the same, and the trace must verify."""
        plain = self(*argv, stdin=stdin, **dict(more))
        if status is not None:
            assert plain.status == status, f"untraced, it should end with {status}:\n{plain}"
        traced, trace = self.traced(*argv, stdin=stdin, options=options, **dict(more))
        assert_same_outcome(plain, traced, compare_stdout)
        trace.verify()
        trace.outcome = traced
        return trace


def assert_same_outcome(plain, traced, compare_stdout=True):
    """Status, standard error and output of the untraced and the traced run are the same."""
    assert traced.status == plain.status, f"another status when traced:\n{plain}\n{traced}"
    assert traced.stderr == plain.stderr, f"another standard error when traced:\n{unlike(plain.err, traced.err)}\n{traced}"
    if compare_stdout:
        assert traced.stdout == plain.stdout, f"another standard output when traced:\n{unlike(plain.out, traced.out)}"


def unlike(plain, traced):
    """The lines that differ."""
    lines = difflib.unified_diff(plain.splitlines(), traced.splitlines(), "untraced", "traced", "", "", 1, "")
    return "\n".join(list(lines)[:60])


# ---- traces ----

EVENT_FIELDS = {
    "id", "t", "pid", "tid", "space", "call", "args", "ret", "errno", "duration_us", "mapped", "unmapped", "kind",
    "stack_id", "stack_quality", "minflt", "majflt", "stack",
}  # fmt: skip
MARKS = {"unordered", "unfinished"}  # only on the events that they are true of
FRAME_FIELDS = {
    "pc", "module", "build_id", "address", "function", "offset", "file", "line", "inlined", "guessed",
}  # fmt: skip
KINDS = {
    None, "none", "heap", "arena", "chunk", "stack", "image", "file", "shared", "anonymous", "guard", "kernel",
}  # fmt: skip


def check_event(event):
    """One line of `events --json` has exactly the fields of the contract, of the right types."""
    fields = set(event) - MARKS
    assert fields == EVENT_FIELDS, f"fields that are missing or too many: {fields ^ EVENT_FIELDS} in {event}"
    for name in ("id", "pid", "tid", "space", "mapped", "unmapped"):
        assert isinstance(event[name], int) and event[name] >= 0, f"{name} is no count in {event}"
    for name in ("minflt", "majflt"):  # null when it was not measured
        assert event[name] is None or isinstance(event[name], int) and event[name] >= 0, f"{name} is no count in {event}"
    for name in ("t", "duration_us"):
        assert isinstance(event[name], (int, float)) and event[name] >= 0, f"{name} is no time in {event}"
    assert isinstance(event["call"], str) and isinstance(event["args"], dict), event
    assert event["errno"] is None or re.fullmatch(r"E[A-Z0-9]+", event["errno"]), event
    assert event["kind"] in KINDS, event
    assert isinstance(event["stack"], list), event
    for frame in event["stack"]:
        assert set(frame) == FRAME_FIELDS, f"fields of a frame: {set(frame) ^ FRAME_FIELDS} in {event}"


class Trace:
    """A recorded trace, asked through brkwater's verbs only."""

    def __init__(self, runner, path):
        self.runner = runner
        self.path = path
        self.outcome = None
        self.cached = None

    def events(self):
        """Every event as a dictionary, checked against the contract."""
        if self.cached is None:
            outcome = self.runner.verb("events", self.path, "--json")
            assert outcome.status == 0, f"events failed:\n{outcome}"
            self.cached = parse_events(outcome.stdout)
            assert [event["id"] for event in self.cached] == list(range(1, len(self.cached) + 1)), "ids count from 1"
        return self.cached

    def calls(self, *names, **fields):
        """The events of some calls, perhaps of one pid or tid only."""
        return [
            event
            for event in self.events()
            if (not names or event["call"] in names) and all(event[key] == value for key, value in fields.items())
        ]

    def verify(self):
        """`verify` is content, and says that no drift was found."""
        outcome = self.runner.verb("verify", self.path)
        assert outcome.status == 0, f"verify is not content:\n{outcome}"
        assert re.search(r"\b0 drift", outcome.out + outcome.err), f"verify does not say `0 drift`:\n{outcome}"
        return outcome

    def layout_text(self, *options):
        outcome = self.runner.verb("layout", self.path, "--format", "maps", *options)
        assert outcome.status == 0, f"layout failed:\n{outcome}"
        return outcome.stdout

    def layout(self, at="end", pid=None):
        """The lines of maps at an instant, parsed and normalised."""
        options = ["--at", at] + (["--pid", str(pid)] if pid is not None else [])
        return normal_maps(parse_maps(self.layout_text(*options)))


def parse_events(data):
    events = []
    for line in data.splitlines():
        event = json.loads(line)
        check_event(event)
        events.append(event)
    return events


# ---- maps ----

MAPS_LINE = re.compile(
    r"([0-9a-f]+)-([0-9a-f]+) ([r-])([w-])([x-])([ps]) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) (\d+) *(.*)", re.DOTALL
)


@dataclass(frozen=True)
class Mapping:
    """One line of /proc/PID/maps."""

    start: int
    end: int
    perms: str
    offset: int
    device: tuple
    inode: int
    name: str

    def __str__(self):
        major, minor = self.device
        start = "?" if self.start is None else f"{self.start:x}"
        return f"{start}-{self.end:x} {self.perms} {self.offset:08x} {major:02x}:{minor:02x} {self.inode} {self.name}"


def parse_maps(data):
    """Every line must be one that the kernel could have written."""
    mappings = []
    for line in data.split(b"\n"):
        if not line:
            continue
        match = MAPS_LINE.fullmatch(line.decode("latin-1"))
        assert match, f"this is no line of maps: {line!r}"
        start, end, r, w, x, shared, offset, major, minor, inode, name = match.groups()
        mappings.append(
            Mapping(
                int(start, 16), int(end, 16), r + w + x + shared, int(offset, 16), (int(major, 16), int(minor, 16)),
                int(inode), name,
            )
        )  # fmt: skip
    for before, after in zip(mappings, mappings[1:]):
        assert before.end <= after.start, f"out of order or overlapping: {before} and {after}"
    return mappings


def normal_maps(mappings):
    """Mappings in the form in which two readings can be compared.

    Neighbours of equal attributes are merged (the kernel keeps some apart for reasons that maps does not show, such as advice);
    [vsyscall] is no part of the address space; a file that was deleted since is the same file; the stack grows by itself,
    so only its end counts."""
    result = []
    for one in mappings:
        if one.name == "[vsyscall]":
            continue
        name = one.name[: -len(" (deleted)")] if one.name.endswith(" (deleted)") else one.name
        one = Mapping(one.start, one.end, one.perms, one.offset, one.device, one.inode, name)
        if result and mergeable(result[-1], one):
            before = result.pop()
            one = Mapping(before.start, one.end, one.perms, before.offset, one.device, one.inode, one.name)
        result.append(one)
    return [
        Mapping(None, one.end, one.perms, one.offset, one.device, one.inode, one.name) if one.name == "[stack]" else one
        for one in result
    ]


def mergeable(before, after):
    same = ("perms", "device", "inode", "name")
    if before.end != after.start or any(getattr(before, key) != getattr(after, key) for key in same):
        return False
    return after.inode == 0 or before.offset + (before.end - before.start) == after.offset


def assert_same_maps(ours, kernels, what="layout"):
    """`ours` comes from brkwater, `kernels` from the program itself; both normalised."""
    if ours == kernels:
        return
    lines = difflib.unified_diff([str(m) for m in kernels], [str(m) for m in ours], "the kernel", "brkwater", "", "", 1, "")
    raise AssertionError(f"{what} differs:\n" + "\n".join(lines))


def own_maps(data):
    """What programs print by print_own_maps(): {pid: normalised mappings}."""
    result, pid, lines = {}, None, []
    for line in data.split(b"\n"):
        if line.startswith(b"maps "):
            pid, lines = int(line.split()[1]), []
        elif line.startswith(b"end "):
            assert pid == int(line.split()[1]), "two processes wrote at once"
            result[pid] = normal_maps(parse_maps(b"\n".join(lines)))
            pid = None
        elif pid is not None:
            lines.append(line)
    assert pid is None and result, "the program printed no maps"
    return result


def covered(mappings, address):
    """The mapping that holds an address, or None.  The stack counts from the end of the mapping before it."""
    low = 0
    for one in mappings:
        start = low if one.start is None else one.start
        if start <= address < one.end:
            return one
        low = one.end
    return None


# ---- expectations ----


def number(value):
    """A number however it is written; None when it is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"-?(0x[0-9a-fA-F]+|\d+)", value):
        return int(value, 0) if "0x" in value else int(value)
    return 0 if value == "NULL" else None


def normal_argument(value):
    """Numbers as numbers; sets of flags as (names, unnamed bits); all else as it is."""
    if isinstance(value, str) and "|" in value:
        value = value.split("|")
    if isinstance(value, str) and re.match(r"[A-Z]{2,}", value) and value != "NULL":
        value = [value]
    if not isinstance(value, list):
        as_number = number(value)
        return value if as_number is None else as_number
    names, rest = set(), 0
    for item in value:
        as_number = number(item)
        if as_number is not None:
            rest |= as_number
        elif item != "MAP_FILE":  # a name for no bit at all
            names.add(item)
    return frozenset(names), rest


def differences(expected, event):
    """What of an expectation an event does not meet; empty when it meets all."""
    found = []
    if event["call"] != expected["call"]:
        return ["call"]
    for key, value in expected.get("args", {}).items():
        wanted, got = normal_argument(value), normal_argument(event["args"].get(key))
        if wanted == (frozenset(), 0):
            wanted = 0
        if got == (frozenset(), 0):
            got = 0
        if wanted != got:
            found.append(f"args.{key}: expected {value!r}, got {event['args'].get(key)!r}")
    for key in ("errno", "mapped", "unmapped"):
        if key in expected and expected[key] != event[key]:
            found.append(f"{key}: expected {expected[key]!r}, got {event[key]!r}")
    if "net" in expected and event["mapped"] - event["unmapped"] != expected["net"]:
        found.append(f"mapped - unmapped: expected {expected['net']}, got {event['mapped']} - {event['unmapped']}")
    if "ret" in expected and number(expected["ret"]) != number(event["ret"]):
        found.append(f"ret: expected {expected['ret']!r}, got {event['ret']!r}")
    return found


def expectations(data):
    """The objects that a program printed: a list for each tid."""
    result = {}
    for line in data.splitlines():
        if line.startswith(b"{"):
            expected = json.loads(line)
            result.setdefault(expected["tid"], []).append(expected)
    return result


def match_expectations(expected_by_tid, events):
    """Every thread's expectations are an ordered subsequence of its events.  Returns [(expected, event)]."""
    matched = []
    assert expected_by_tid, "the program printed no expectation"
    for tid, wanted in expected_by_tid.items():
        mine = [event for event in events if event["tid"] == tid]
        place = 0
        for index, expected in enumerate(wanted):
            here = next((i for i in range(place, len(mine)) if not differences(expected, mine[i])), None)
            if here is None:
                raise AssertionError(explain(expected, index, mine[place:], tid))
            matched.append((expected, mine[here]))
            place = here + 1
    return matched


def explain(expected, index, rest, tid):
    """Why an expectation was not found: the nearest events that come after the last one found."""
    lines = [f"expectation {index + 1} of thread {tid} was not met:", "  " + json.dumps(expected)]
    near = sorted((len(differences(expected, event)), event["id"]) for event in rest if event["call"] == expected["call"])
    by_id = {event["id"]: event for event in rest}
    for _, event_id in near[:3]:
        event = dict(by_id[event_id], stack="...")
        lines.append(f"  not by event {json.dumps(event)}")
        lines += [f"      {difference}" for difference in differences(expected, event)]
    if not near:
        lines.append(f"  none of the {len(rest)} events that follow is a {expected['call']}")
    return "\n".join(lines)


def pages_of(address, length):
    return range(address // PAGE, (address + length + PAGE - 1) // PAGE)


def assert_possible_order(events):
    """The kernel never gives pages that are mapped already unless it is asked to (MAP_FIXED): replaying one address space in
    the order of the trace, no mmap may get a page that is still there.  Only for processes that do not fork."""
    live = {}
    for event in events:
        if event["errno"] is not None or event["ret"] is None:
            continue
        args, pages = event["args"], live.setdefault(event["space"], {})
        if event["call"] in ("mmap", "mmap2", "old_mmap"):
            new = pages_of(number(event["ret"]), args["length"])
            fixed = "MAP_FIXED" in normal_argument(args["flags"])[0]
            if not fixed:
                taken = [page for page in new if page in pages]
                assert not taken, (
                    f"impossible order: event {event['id']} of thread {event['tid']} got page {taken[0] * PAGE:#x}, which event "
                    f"{pages[taken[0]]} had mapped and nobody had unmapped yet"
                )
            pages.update((page, event["id"]) for page in new)
        elif event["call"] == "munmap":
            for page in pages_of(number(args["addr"]), args["length"]):
                pages.pop(page, None)
        elif event["call"] == "mremap":
            for page in pages_of(number(args["old_addr"]), args["old_length"]):
                pages.pop(page, None)
            pages.update((page, event["id"]) for page in pages_of(number(event["ret"]), args["length"]))


# ---- terminals ----


def states_of_group(group):
    """The states, as in proc(5), of the processes of a process group."""
    states = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        if int(fields[2]) == group:
            states.append(fields[0])
    return states


class Terminal:
    """A command that is the leader of a session with a terminal of its own, driven like expect(1) does.

    The terminal does not echo and leaves newlines alone, so what is read is what the processes wrote."""

    def __init__(self, argv, cwd, env, columns=200):
        master, slave = pty.openpty()
        attributes = termios.tcgetattr(slave)
        attributes[1] &= ~termios.ONLCR
        attributes[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.master = master
        self.text = ""
        self.all = ""
        self.process = subprocess.Popen(
            [str(word) for word in argv],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env=env,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def send(self, text):
        os.write(self.master, text.encode())

    def read_some(self, deadline):
        """False at the end of the output."""
        left = deadline - time.monotonic()
        ready, _, _ = select.select([self.master], [], [], max(left, 0))
        if not ready:
            raise AssertionError(f"nothing more came from the terminal; so far:\n{self.all}")
        try:
            data = os.read(self.master, 65536)
        except OSError:  # EIO: nobody has the other side open any more
            return False
        self.text += as_text(data)
        self.all += as_text(data)
        return bool(data)

    def expect(self, pattern, timeout=30):
        """Wait until the pattern has come; what precedes it is dropped, what follows is kept."""
        deadline = time.monotonic() + timeout
        while True:
            match = re.search(pattern, self.text)
            if match:
                self.text = self.text[match.end() :]
                return match
            if not self.read_some(deadline):
                raise AssertionError(f"the terminal closed before {pattern!r} came; all of it:\n{self.all}")

    def wait_for_job(self, timeout=30):
        """Wait until another group than the leader's has the terminal, and nothing of it is stopped."""
        deadline = time.monotonic() + timeout
        while True:
            group = os.tcgetpgrp(self.master)
            states = states_of_group(group)
            if group != self.process.pid and states and not set("Tt") & set(states):
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"no job runs in the foreground (group {group}: {states}); so far:\n{self.all}")
            time.sleep(0.001)  # between two looks

    def finish(self, timeout=30):
        """Read to the end and return the status."""
        deadline = time.monotonic() + timeout
        while self.read_some(deadline):
            continue
        return self.process.wait(timeout)

    def close(self):
        """Hang up; and should the leader not go by itself, kill it."""
        os.close(self.master)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

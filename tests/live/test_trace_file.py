"""The trace file: whole frames of a cut or damaged file can be read, and the reader says what is lost; what is no trace is
refused in one line."""

import os
import re
import shutil
import subprocess

import pytest

from harness import LONG, parse_events

pytestmark = pytest.mark.early

LOSS = re.compile(r"cut|trunc|damag|lost|loss|incomplete|corrupt|missing|no end|not .*(read|trace)|empty|end of", re.IGNORECASE)


@pytest.fixture(scope="module")
def good(module_run):
    """A trace of several frames: (runner, bytes, events)."""
    rounds = 6000 if LONG else 1500
    outcome, trace = module_run.traced(module_run.program("threads-race"), 5, 2, rounds, trace="good.brkw")
    assert outcome.status == 0, outcome
    with open(trace.path, "rb") as file:
        data = file.read()
    return module_run, data, trace.events()


@pytest.fixture(scope="module")
def small(module_run):
    """A trace of a few events: (runner, bytes, events)."""
    outcome, trace = module_run.traced("/bin/true", trace="small.brkw")
    assert outcome.status == 0, outcome
    with open(trace.path, "rb") as file:
        data = file.read()
    return module_run, data, trace.events()


def check_damaged(run, data, events, harmless=False):
    """`verify` names the loss; `events` prints what whole frames hold, and nothing else.  Returns the events that were read.

    A change may be `harmless`: zstd frames have bits that mean nothing, and then nothing may be lost."""
    path = run.write("damaged.brkw", data)
    verify = run.verb("verify", path)
    if not harmless or verify.status != 0:
        assert verify.status > 0, f"verify is content with a damaged file:\n{verify}"
        assert LOSS.search(verify.out + verify.err), f"verify does not name the loss:\n{verify}"
    outcome = run.verb("events", path, "--json")
    assert outcome.status >= 0, outcome
    read = parse_events(outcome.stdout)
    by_id = {event["id"]: event for event in events}
    for event in read:
        assert event["id"] in by_id, f"an event that never was: {event}"
        for key in ("call", "tid", "args", "ret", "errno"):
            assert event[key] == by_id[event["id"]][key], f"{key} of event {event['id']} has changed"
    assert verify.status != 0 or len(read) == len(events), f"verify does not see what is lost:\n{verify}"
    return read


def offsets(size, count):
    """Every byte near both ends, and some between; with BRKWATER_LONG a hundred times as many."""
    if LONG:
        count *= 100
    return sorted({*range(0, min(size, 12)), *range(max(size - 12, 0), size), *range(0, size, max(size // count, 1))})


def test_cut(good):
    """Cut anywhere, the events of the whole frames before the cut are there, from the first on."""
    run, data, events = good
    most = 0
    for size in offsets(len(data), 12):
        read = check_damaged(run, data[:size], events)
        assert [event["id"] for event in read] == list(range(1, len(read) + 1)), "a prefix"
        assert len(read) >= most or size == 0, "a longer file has no fewer events"
        most = len(read)
    assert most > len(events) // 2, "a file that lacks its last bytes still has most of its events"


def test_cut_small(small):
    run, data, events = small
    for size in offsets(len(data), 12):
        check_damaged(run, data[:size], events)


def test_flipped_bytes(good):
    """The checksum of a frame finds a changed byte; the other frames are read."""
    run, data, events = good
    some = 0
    for offset in offsets(len(data), 12):
        damaged = bytearray(data)
        damaged[offset] ^= 0x41
        some = max(some, len(check_damaged(run, bytes(damaged), events, harmless=True)))
    assert some > 0, "frames beside the damaged one are read"


def test_flipped_bytes_small(small):
    run, data, events = small
    for offset in offsets(len(data), 12):
        damaged = bytearray(data)
        damaged[offset] ^= 0x10
        check_damaged(run, bytes(damaged), events, harmless=True)


def test_a_missing_piece(good):
    """Bytes that were dropped or zeroed in the middle."""
    run, data, events = good
    middle = len(data) // 2
    check_damaged(run, data[:middle] + data[middle + 100 :], events)
    check_damaged(run, data[:middle] + bytes(512) + data[middle + 512 :], events)


def test_garbage_behind(good):
    run, data, events = good
    read = check_damaged(run, data + b"garbage at the end of the file" * 10, events)
    assert len(read) == len(events), "all frames are whole"


def test_twice_the_same_file(small):
    """Two traces in one file are no trace: nothing crashes, and no event is invented."""
    run, data, _ = small
    path = run.write("twice.brkw", data + data)
    for verb in ("verify", "events", "report", "layout"):
        outcome = run.verb(verb, path)
        assert outcome.status >= 0, outcome


NO_TRACES = {
    "empty": b"",
    "one byte": b"\x28",
    "text": b"this is no trace\n" * 100,
    "elf": None,
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("verb", ["report", "events", "layout", "verify"])
def test_not_a_trace(run_once, verb):
    """One line that names the file; status 2 or 125."""
    shutil.copyfile("/bin/true", run_once.path("elf"))
    for name, data in NO_TRACES.items():
        path = run_once.path(name) if data is None else run_once.write(name, data)
        refused(run_once.verb(verb, path), name)


def refused(outcome, name):
    assert outcome.status in (1, 2, 125), outcome
    assert outcome.stdout == b"" or outcome.argv[1] == "verify", outcome
    assert outcome.err.startswith("brkwater: ") and name in outcome.err, outcome
    assert len(outcome.err.splitlines()) == 1, outcome


@pytest.mark.parametrize("verb", ["report", "events", "layout", "verify"])
def test_cannot_be_read(run, verb):
    """A file that is not there, a folder, a file without permission: each is named with the reason."""
    os.mkdir(run.path("folder"))
    outcome = run.verb(verb, run.path("nowhere"))
    refused(outcome, "nowhere")
    assert "No such file" in outcome.err, outcome
    outcome = run.verb(verb, run.path("folder"))
    refused(outcome, "folder")
    if run.user != "root":
        run.write("secret", b"x", mode=0)
        outcome = run.verb(verb, run.path("secret"))
        refused(outcome, "secret")
        assert "ermission" in outcome.err, outcome
    outcome = run.verb(verb)
    assert outcome.status == 2 and outcome.stderr, outcome


@pytest.fixture
def zstd():
    if not shutil.which("zstd"):
        pytest.skip("zstd is not installed")

    def call(*options, data):
        return subprocess.run(["zstd", "-q", *options], input=data, capture_output=True, timeout=60, check=False)

    return call


def test_zstd_reads_it(good, zstd):
    """A concatenation of ordinary zstd frames, each with its checksum; the text `brkwater` stands at the start."""
    run, data, _ = good
    assert zstd("-t", data=data).returncode == 0
    plain = zstd("-dc", data=data)
    assert plain.returncode == 0 and b"brkwater" in plain.stdout[:32]
    assert data.count(b"\x28\xb5\x2f\xfd") >= 2, "several frames"


def test_zstd_of_something_else(run_once, zstd):
    """Frames that hold no records of ours."""
    for name, content in {"nothing.zst": b"", "text.zst": b"hello " * 100, "magic.zst": b"\x01\x05brkwater"}.items():
        path = run_once.write(name, zstd("-c", data=content).stdout)
        outcome = run_once.verb("events", path)
        assert outcome.status > 0 and name in outcome.err, outcome
        assert run_once.verb("verify", path).status > 0


def test_newer_major_version(small, zstd):
    """A newer format is refused by name, and nothing is guessed."""
    run, data, _ = small
    plain = bytearray(zstd("-dc", data=data).stdout)
    at = plain.index(b"brkwater") + len(b"brkwater")
    if plain[at] != 1:
        pytest.skip("the version does not stand behind the magic text")
    plain[at] = 9
    path = run.write("newer.brkw", zstd("-c", "--check", data=bytes(plain)).stdout)
    for verb in ("report", "events", "layout", "verify"):
        outcome = run.verb(verb, path)
        refused(outcome, "newer.brkw")
        assert "newer" in outcome.err, outcome


def test_random_records(small, zstd):
    """Whole frames with wrong records: bounded work, no crash."""
    run, data, _ = small
    plain = zstd("-dc", data=data).stdout
    for step in range(0, len(plain), max(len(plain) // (len(plain) if LONG else 60), 1)):
        damaged = bytearray(plain)
        damaged[step] ^= 0xFF
        path = run.write("wrong.brkw", zstd("-c", "--check", data=bytes(damaged)).stdout)
        for verb in ("verify", "report"):
            outcome = run.verb(verb, path, timeout=20)
            assert outcome.status >= 0, outcome


def test_text_and_json_tell_the_same(small):
    """`events` prints as many lines as there are events, in the same order."""
    run, data, events = small
    path = run.write("again.brkw", data)
    lines = [line for line in run.verb("events", path).out.splitlines() if not line.startswith(" ")]
    names = [re.search(r"\b([a-z_0-9]+)\(", line).group(1) for line in lines if re.search(r"\b[a-z_0-9]+\(", line)]
    assert names == [event["call"] for event in events]


def test_output_that_is_closed_early(good):
    """`brkwater events T | head -1`: ends quietly, by SIGPIPE or with a status, without a word of a crash."""
    run, data, _ = good
    path = run.write("again.brkw", data)
    outcome = run("sh", "-c", f"{run.brkwater} events {path} | head -1")
    assert outcome.status == 0 and len(outcome.stdout.splitlines()) == 1, outcome
    assert len(outcome.stderr.splitlines()) <= 1, outcome


def test_output_to_a_full_device(small):
    """A write that fails is an error, not a silent success."""
    run, data, _ = small
    path = run.write("again.brkw", data)
    for verb in (["events"], ["events", "--json"], ["report"], ["layout"]):
        outcome = run("sh", "-c", f"{run.brkwater} {verb[0]} {path} {' '.join(verb[1:])} >/dev/full")
        assert outcome.status != 0 and outcome.stderr, outcome


def test_trace_without_leave_to_write(small):
    """Reading a trace changes nothing in the folder."""
    run, data, _ = small
    path = run.write("read-only.brkw", data, mode=0o444)
    before = sorted(os.listdir(run.folder))
    for verb in ("verify", "report", "events", "layout"):
        assert run.verb(verb, path).status == 0
    assert sorted(os.listdir(run.folder)) == before

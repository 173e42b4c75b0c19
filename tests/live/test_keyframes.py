"""Keyframes: whatever moment is asked for, a trace that has them answers as one without."""

import json
import os
import random
import struct
import subprocess

import pytest

from harness import Trace

pytestmark = pytest.mark.early

TRAILER = 40


@pytest.fixture(scope="module")
def recordings(module_run):
    """The same recording with keyframes, and without."""
    script = "for i in 1 2 3; do /bin/true; done; exec " + module_run.program("random-calls") + " 7 4000 3"
    environment = {"BRKWATER_KEYFRAMES": "500"}
    outcome, trace = module_run.traced("bash", "-c", script, options=["--checkpoint-every", "40"], env=environment)
    assert outcome.status == 0, outcome
    data = open(trace.path, "rb").read()
    start, index, names = trailer(data)
    assert start < index < names < len(data)
    plain = module_run.path("plain.brkw")
    with open(plain, "wb") as file:
        file.write(data[:start])
    named = module_run.verb("symbolize", "-q", plain)
    assert named.status == 0 and not named.stdout + named.stderr, named
    return trace, Trace(module_run, plain)


def trailer(data):
    assert data[-TRAILER : -TRAILER + 4] == struct.pack("<I", 0x184D2A5E) and data[-32:-24] == b"brkwater"
    return struct.unpack("<QQQ", data[-24:])


def test_any_moment(recordings):
    """Events, times, peaks and the end, of every process: the same layout, to the letter."""
    quick, slow = recordings
    events = slow.events()
    assert quick.events() == events
    choose = random.Random(5)
    moments = ["peak", "peak-virtual", "end", "#1", f"#{len(events)}", "0s", "1000s"]
    moments += [f"#{choose.randint(1, len(events))}" for _ in range(25)]
    moments += [f"{choose.uniform(0, events[-1]['t']):.6f}s" for _ in range(25)]
    for number, at in enumerate(moments):
        pid = choose.choice(events)["pid"]
        options = ["--at", at, "--format", "json", *(["--pid", str(pid)] if number % 3 == 0 else [])]
        one, two = (trace.runner.verb("layout", trace.path, *options) for trace in (quick, slow))
        assert (one.status, one.stdout) == (two.status, two.stdout), f"{options}\n{one}\n{two}"


def test_they_are_there(recordings):
    quick, slow = recordings
    numbers = [json.loads(trace.runner.verb("verify", trace.path, "--json").stdout) for trace in (quick, slow)]
    assert [n["keyframes"] > 2 for n in numbers] == [True, False] and all(n["ok"] for n in numbers)
    quick.verify()
    slow.verify()
    report = quick.runner.verb("report", quick.path)
    assert report.status == 0 and not report.stderr, report


def test_zstd_reads_it(recordings):
    """The trailer is a frame that zstd skips."""
    quick, _ = recordings
    done = subprocess.run(["zstd", "-dc", quick.path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0 and done.stdout, done.stderr


def without_sites(layout):
    """Names may be lost with what was added; nothing else may."""
    mappings = json.loads(layout)
    for mapping in mappings["mappings"]:
        for segment in mapping["segments"]:
            del segment["site"], segment["runtime"], segment["guess"]
        del mapping["runtime"], mapping["guess"]
    return mappings


def damaged_copy(trace, name, change):
    data = bytearray(open(trace.path, "rb").read())
    change(data)
    path = trace.runner.path(name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def test_cut_and_damaged_keyframes(recordings):
    """What was added behind the recording may be cut off or damaged anywhere: the layout is the same, or one line says why not."""
    quick, slow = recordings
    size, (start, *_) = os.path.getsize(quick.path), trailer(open(quick.path, "rb").read())
    expected = without_sites(slow.runner.verb("layout", slow.path, "--format", "json").stdout)
    choose = random.Random(9)
    for _ in range(60):
        at, bit = choose.randrange(start, size), 1 << choose.randrange(8)
        if choose.random() < 0.5:
            path = damaged_copy(quick, "cut.brkw", lambda data: data.__delitem__(slice(at, None)))
        else:
            path = damaged_copy(quick, "cut.brkw", lambda data: data.__setitem__(at, data[at] ^ bit))
        outcome = quick.runner.verb("layout", path, "--format", "json")
        assert outcome.status in (0, 125), outcome
        if outcome.status == 0:
            assert without_sites(outcome.stdout) == expected or outcome.stderr, f"{at} of {size}: another layout without a word\n{outcome}"


def test_a_wrong_keyframe_is_found_out(recordings):
    """`verify` compares each keyframe with the replay: one that was changed, with a right checksum, is no proof."""
    quick, _ = recordings
    broken = quick.runner.verb("verify", quick.path, env={"BRKWATER_FAULT": "leave-out:munmap"})
    assert broken.status == 1, broken
    wrong = [line for line in broken.out.splitlines() if line.startswith("keyframes:")]
    assert wrong and " 0 not as the replay" not in wrong[0], broken


def test_small_recordings_have_none(run_once):
    """Nothing is added where nothing is gained."""
    outcome, trace = run_once.traced("/bin/true")
    assert outcome.status == 0 and json.loads(run_once.verb("verify", trace.path, "--json").stdout)["keyframes"] == 0


def test_one_at_every_frame(run_once):
    """Keyframes that are added while the recording is read are not read as part of it, however close to its end."""
    outcome, trace = run_once.traced(run_once.program("random-calls"), 3, 3000, env={"BRKWATER_KEYFRAMES": "1"})
    assert outcome.status == 0, outcome
    numbers = json.loads(run_once.verb("verify", trace.path, "--json").stdout)
    assert numbers["ok"] and numbers["keyframes"] > 2, numbers


def test_max_size_holds(run_once):
    """--max-size counts keyframes too: where they do not fit they are left out."""
    options = ["--max-size", "40K"]
    outcome, trace = run_once.traced(
        run_once.program("random-calls"), 3, 3000, options=options, env={"BRKWATER_KEYFRAMES": "300"}
    )
    assert outcome.status == 0, outcome
    assert os.path.getsize(trace.path) <= 40 << 10
    assert run_once.verb("layout", trace.path).status == 0

"""brkwater doctor: what works here is said to work, what is taken away is missed, and each has its knob."""

import json
import os
import re

import pytest

FIELDS = {"name", "state", "needed", "detail", "lost", "knob"}
MACHINE = [
    "ptrace", "call information", "seccomp filter", "memory reads", "proc files", "mapped files", "single mappings",
    "resident pages", "page faults", "libc names", "debuginfod",
]  # fmt: skip


def doctor(run, *argv, without=None, **options):
    """Outcome and features of `doctor --json`, on a machine that lacks something."""
    command = [run.program("without-call"), without] if without else []
    outcome = run(*command, run.brkwater, "doctor", "--json", *argv, **options)
    assert outcome.status in (0, 1) and outcome.stderr == b"", outcome
    found = json.loads(outcome.stdout)
    assert set(found) == {"ok", "pid", "comm", "features"} and found["ok"] == (outcome.status == 0), outcome
    for feature in found["features"]:
        assert set(feature) == FIELDS and feature["detail"], feature
        assert feature["state"] in ("ok", "degraded", "missing"), feature
        well = feature["state"] == "ok"
        assert (feature["lost"] is None) == well and (feature["knob"] is None) == well, feature
    return outcome, {feature["name"]: feature for feature in found["features"]}


def test_what_the_other_tests_rely_on(run):
    """Tracing works here, as all other tests show; so doctor must say."""
    outcome, found = doctor(run)
    assert outcome.status == 0, outcome
    assert list(found) == MACHINE
    assert [name for name in MACHINE if found[name]["needed"]] == ["ptrace", "call information", "seccomp filter", "proc files"]
    for name in ("call information", "seccomp filter", "memory reads", "proc files"):
        assert found[name]["state"] == "ok", outcome


def test_text_and_json_say_the_same(run_once):
    text = run_once.verb("doctor")
    _, found = doctor(run_once)
    assert text.status == 0 and text.err == "" and "\033" not in text.out, text
    flat = " ".join(text.out.split())
    for name, feature in found.items():
        assert f"{feature['state']} {name} {' '.join(feature['detail'].split())}" in flat, text
        for label, value in (("lost", feature["lost"]), ("to fix", feature["knob"])):
            assert value is None or f"{label} {value}" in flat, text
    lines = text.out.splitlines()
    assert lines[-1] == "tracing a command would work"
    assert all(len(line) <= 100 or " " not in line[32:].strip() for line in lines), text
    assert [line[:10].strip() for line in lines if line[:1].strip() and line != lines[-1]] == [f["state"] for f in found.values()]


@pytest.mark.parametrize(
    "without, feature, state, detail, knob, launches",
    [
        ("ptrace", "ptrace", "missing", "PTRACE_SEIZE of a child: Operation not permitted", "seccomp profile", False),
        ("ptrace-info", "call information", "missing", "PTRACE_GET_SYSCALL_INFO", r"^Linux 5\.3 or later$", False),
        ("seccomp", "seccomp filter", "missing", "seccomp", "--no-seccomp", False),
        ("memory-reads", "memory reads", "missing", "process_vm_readv", "CONFIG_CROSS_MEMORY_ATTACH", True),
        ("procmap-query", "single mappings", "degraded", "PROCMAP_QUERY", r"^Linux 6\.11 or later$", True),
        ("pagemap-scan", "resident pages", "degraded", "PAGEMAP_SCAN", r"^Linux 6\.7 or later", True),
        ("perf", "page faults", "degraded", "perf_event", "perf_event_paranoid|seccomp profile", True),
    ],
)
def test_what_is_taken_away_is_missed(run, without, feature, state, detail, knob, launches):
    outcome, found = doctor(run, without=without)
    assert outcome.status == (0 if launches else 1), outcome
    assert found[feature]["state"] == state, outcome
    assert re.search(detail, found[feature]["detail"]) and re.search(knob, found[feature]["knob"]), outcome
    _, plain = doctor(run)
    others = {name for name in found if found[name]["state"] != plain[name]["state"]} - {feature}
    hang_on_ptrace = {"call information", "seccomp filter", "memory reads"}
    assert others == (hang_on_ptrace if without == "ptrace" else set()), outcome


def test_the_last_line_names_what_is_missing(run_once):
    outcome = run_once(run_once.program("without-call"), "ptrace-info", run_once.brkwater, "doctor")
    assert outcome.status == 1, outcome
    assert outcome.out.endswith("tracing a command would not work, for want of: call information\n"), outcome


def test_it_agrees_with_a_run(run_once):
    """Where doctor says no, a command is not traced; where the way out is an option, that helps."""
    run, program = run_once, run_once.program("without-call")
    for without in ("ptrace", "ptrace-info", "seccomp"):
        outcome = run(program, without, run.brkwater, "-q", "-o", run.path("t.brkw"), "--", "true")
        assert outcome.status in (125, 126), outcome
    outcome = run(program, "seccomp", run.brkwater, "-q", "--no-seccomp", "-o", run.path("t.brkw"), "--", "true")
    assert outcome.status == 0, outcome


def test_attaching_needs_no_filter(run_once):
    _, found = doctor(run_once, "-p", os.getpid(), without="seccomp")
    assert found["seccomp filter"]["state"] == "missing" and not found["seccomp filter"]["needed"]
    assert "attach" in found and found["ptrace"]["needed"]


def test_ordinary_users_are_told_of_lost_privileges(run_as_nobody):
    _, found = doctor(run_as_nobody)
    assert "set-uid" in found["seccomp filter"]["detail"]
    assert found["mapped files"]["state"] == "degraded" and "CAP_CHECKPOINT_RESTORE" in found["mapped files"]["knob"]


def test_debug_files_of_the_c_library(run_once):
    """Either the file that is named is there, or a package that has it is."""
    _, found = doctor(run_once)
    libc = found["libc names"]
    if libc["state"] == "ok":
        assert os.path.exists(libc["detail"].split(" has ")[0]), libc
    else:
        assert "build-id" in libc["detail"] and "libc6-dbg" in libc["knob"], libc


def test_servers(run_once):
    _, found = doctor(run_once)
    assert found["debuginfod"]["state"] == "missing" and "DEBUGINFOD_URLS=" in found["debuginfod"]["knob"]
    # Nobody listens there, and nobody is asked.
    _, found = doctor(run_once, env={"DEBUGINFOD_URLS": "http://127.0.0.1:9/"})
    assert found["debuginfod"]["state"] == "ok" or "libdebuginfod" in found["debuginfod"]["detail"]


def test_children_that_were_inherited(run_once):
    """Whoever executed brkwater may have left it children, which end meanwhile."""
    outcome = run_once("sh", "-c", f'true & true & exec "{run_once.brkwater}" doctor')
    assert outcome.status == 0 and outcome.out.endswith("would work\n"), outcome


@pytest.mark.parametrize(
    "argv, words",
    [
        (["operand"], "no operand"),
        (["-p", "0"], "not a process id"),
        (["-p", "x"], "not a process id"),
        (["-p", "99999999999"], "not a process id"),
        (["-p"], "needs a value"),
        (["-p", "1", "-p", "2"], "one process at a time"),
        (["--jsno"], "Did you mean --json"),
    ],
)
def test_wrong_usage(run_once, argv, words):
    outcome = run_once.verb("doctor", *argv)
    assert outcome.status == 2 and outcome.out == "" and outcome.err.count("\n") == 1 and words in outcome.err, outcome


def test_help(run_once):
    outcome = run_once.verb("doctor", "--help")
    assert outcome.status == 0 and outcome.out.startswith("Usage: brkwater doctor [-p PID] [--json]\n"), outcome
    assert "--pid" in outcome.out and "brkwater doctor" in run_once.verb("--help").out


def test_output_that_cannot_be_written(run_once):
    with open("/dev/full", "wb") as full:
        outcome = run_once.verb("doctor", stdout=full)
    assert outcome.status == 125 and outcome.err.count("\n") == 1, outcome

"""What `make bench` measures with works; what comes out of it is not judged here."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BRKWATER_BUILD", ROOT / "build"))
FOLDER = BUILD / "tests/bench"


@pytest.mark.parametrize("words", [["mmap", 10, 1], ["mmap", 3, 4], ["brk", 40, 1], ["mix", 5, 2], ["keep", 1, 1]], ids=str)
def test_the_bare_tracer_serves_threads(run_once, words):
    outcome = run_once(FOLDER / "bare", FOLDER / "workload", *words, 200)
    calls, wall, own, tracer = map(int, outcome.out.split())
    assert outcome.status == 0 and not outcome.err, outcome
    assert calls == 200 * (2 if words[0] in ("mmap", "brk") else 1)
    assert wall and own and tracer


def test_the_bare_tracer_ends_as_the_command(run_once):
    assert run_once(FOLDER / "bare", "sh", "-c", "ls / >/dev/null & wait; exit 7").status == 7
    assert run_once(FOLDER / "bare", "sh", "-c", "kill -TERM $$").status == 128 + 15
    assert run_once(FOLDER / "bare", "/no/such/program").status == 125


def test_an_empty_filter_has_no_tracer(run_once):
    outcome = run_once(FOLDER / "bare", "allow", FOLDER / "workload", "getppid", 1, 1, 200)
    assert outcome.status == 0 and outcome.out.split()[3] == "0", outcome


def test_bench_prints_all_columns(run_once):
    result = run_once.path("bench.json")
    environment = {"BRKWATER": run_once.brkwater, "BRKWATER_BUILD": str(BUILD), "PYTHONDONTWRITEBYTECODE": "1"}
    outcome = run_once(ROOT / "tests/bench/bench.py", "--quick", "--only", "calls/stat", "--output", result, env=environment)
    assert outcome.status == 0, outcome
    assert outcome.out.startswith("Linux ") and "load" in outcome.out.split("\n")[0], outcome
    for word in ["calls/stat, one CPU", "calls/stat, free", "median", "min", "max", "CPU", "/ untraced", "/ filter only"]:
        assert word in outcome.out, f"{word}: {outcome}"
    variants = {"untraced", "filter only", "bare tracer", "brkwater"}
    if shutil.which("strace") and subprocess.run(["strace", "-f", "-o", "/dev/null", "true"]).returncode == 0:
        variants.add("strace")
    cases = json.loads(Path(result).read_text())["cases"]
    assert {case["variant"] for case in cases} == variants
    assert {case["placement"] for case in cases} == {"one CPU", "free"}
    assert all(case["median"] > 0 and case["samples"] and case["unit"] == "ns" for case in cases)

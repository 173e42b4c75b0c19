"""Pages of real recordings that are extreme in one way.  With BRKWATER_LONG=1 they are as large as they can be."""

import os
import pathlib
import subprocess

import pytest

from harness import LONG
from test_web import HERE, missing

PROGRAMS = HERE.parent / "programs"
AGAIN = '[ "$1" -gt 0 ] && exec sh -c "$0" "$0" $(($1 - 1)); exit 0'


def sanitized(run):
    """A program with the 20 TiB of address space that AddressSanitizer takes for itself."""
    path = pathlib.Path(run.path("sanitized"))
    made = subprocess.run(["gcc", "-g", "-fsanitize=address", "-o", path, PROGRAMS / "threads-many.c", "-lpthread"], stderr=subprocess.PIPE, text=True)
    if made.returncode:
        pytest.skip("no AddressSanitizer here: " + made.stderr[-200:])
    path.chmod(0o755)
    return ["env", "ASAN_OPTIONS=detect_leaks=0", path, 40]


COMMANDS = {
    "threads": lambda run: [run.program("threads-many"), 2000 if LONG else 150],
    "processes": lambda run: [run.program("children"), 500 if LONG else 50],
    "mappings": lambda run: [run.program("many-mappings"), 60000 if LONG else 6000],
    "stacks": lambda run: [run.program("stacks-many"), 100000 if LONG else 4000],
    "programs": lambda run: ["sh", "-c", AGAIN, AGAIN, 200 if LONG else 25],
    "sanitizer": sanitized,
}


@pytest.mark.early
@pytest.mark.parametrize("name", COMMANDS)
def test_page_of(run_once, name):
    why = missing()
    if why and not os.environ.get("CI"):
        pytest.skip(why)
    outcome, trace = run_once.traced(*COMMANDS[name](run_once))
    assert outcome.status == 0, outcome
    page = pathlib.Path(trace.path).with_suffix(".html")
    assert run_once.verb("html", trace.path, "-o", page).status == 0
    assert page.stat().st_size < 8 << 20
    result = subprocess.run(["node", "recorded.mjs", str(page)], cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(result.stdout)
    assert result.returncode == 0, result.stdout[-4000:]

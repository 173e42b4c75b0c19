"""Runs every unit test program of tests/unit: one cmocka program is one test."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("BRKWATER_BUILD", ROOT / "build"))
SOURCES = sorted((ROOT / "tests/unit").glob("test_*.c"))
LONGEST = ["test_symbols"]  # it compiles programs in dozens of ways


def early(source):
    return [pytest.mark.early] if source.stem in LONGEST else []


@pytest.mark.parametrize("source", [pytest.param(source, id=source.stem, marks=early(source)) for source in SOURCES])
def test_unit(source):
    program = BUILD / "tests/unit" / source.stem
    assert program.exists(), f"{program} was not built: run make check"
    result = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    text = result.stdout.decode("utf-8", "backslashreplace")
    assert result.returncode == 0, f"again: {program}\n{text[-6000:]}"

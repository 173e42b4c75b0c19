"""The HTML report in a browser: each check_*.mjs is one test, which drives Chromium by itself and says what failed.

What they need comes by `make packages-web`.  They are skipped where Chromium or node can't be had, but never when CI is set.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import LONG

HERE = Path(__file__).resolve().parent
HTML = HERE.parent.parent / "report/html"
CHECKS = sorted(path for path in HERE.glob("check_*.mjs") if LONG or path.stem != "check_big")


def missing():
    if not shutil.which("node"):
        return "node is not installed"
    if not shutil.which(os.environ.get("CHROMIUM", "chromium-headless-shell")):
        return "Chromium is not installed: make packages-test"
    if not (HERE / "node_modules/playwright-core").exists():
        return "the driver of Chromium is not installed: make packages-web"
    return ""


@pytest.mark.early
@pytest.mark.parametrize("check", CHECKS, ids=lambda path: path.stem[6:])
def test_in_chromium(check):
    why = missing()
    if why and not os.environ.get("CI"):
        pytest.skip(why)
    result = subprocess.run(["node", check.name], cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    print(result.stdout)
    assert result.returncode == 0, result.stdout[-4000:]


def scripts():
    return {name: (HTML / name).read_text() for name in (HTML / "order").read_text().split()}


def test_order_names_every_script():
    assert sorted(scripts()) == sorted(path.name for path in HTML.glob("*.js"))


def test_no_way_from_text_to_markup_or_code():
    """Texts of a trace reach the page as text nodes, or not at all."""
    sinks = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\s*\.\s*write|createContextualFragment|DOMParser|srcdoc|setHTML",
        r"\beval\s*\(|\bFunction\s*\(|set(Timeout|Interval)\s*\(\s*['\"`]|\bimport\s*\(|new\s+Worker|fetch\s*\(|XMLHttpRequest|WebSocket|sendBeacon",
        r"setAttribute\(\s*['\"](style|href|src|on\w+)|\.(cssText|src)\s*=|javascript:|location\s*=[^=]",
    )
    found = [f"{name}: {line.strip()}" for name, text in scripts().items() for line in text.splitlines() for sink in sinks if re.search(sink, line)]
    assert not found
    links = [f"{name}: {line.strip()}" for name, text in scripts().items() for line in text.splitlines() if re.search(r"\.href\s*=[^=]", line)]
    assert len(links) == 1 and links[0].startswith("export.js: link.href = url")
    body = (HTML / "body.html").read_text()
    assert not re.search(r"style=|\son\w+=|<script|https?://", body)


def test_budgets():
    """A report carries its script and style: they stay small beside the data."""
    built = Path(os.environ["BRKWATER_BUILD"]) / "report/html"
    assert (built / "report.js").stat().st_size <= 176 * 1024
    assert (built / "report.css").stat().st_size <= 12 * 1024
    assert (HTML / "body.html").stat().st_size <= 16 * 1024

"""The house: what the README and the manual pages say is so, and the layers are kept."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    [path for folder in ("tracer", "decoder", "report") for path in (ROOT / folder).rglob("*.[ch]")]
    + list((ROOT / "tests/bench").iterdir())
)
PAGES = sorted((ROOT / "man").glob("*.[1-8]"))
VERBS = {"trace": "brkwater", "report": "brkwater-report", "events": "brkwater-events", "layout": "brkwater-layout", "stacks": "brkwater-stacks", "heap": "brkwater-heap", "findings": "brkwater-findings", "whatif": "brkwater-whatif", "verify": "brkwater-verify", "doctor": "brkwater-doctor"}


def plain(page):
    text = (ROOT / "man" / page).read_text()
    return re.sub(r"\\f[BIRP]", "", text).replace("\\-", "-")


def test_readme_names_every_file_and_no_other():
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"`((?:tracer|decoder|report|tests/bench)/[\w./-]+)`", readme))
    assert not [name for name in named if not (ROOT / name).exists()]
    assert not [path for path in SOURCES if f"`{path.relative_to(ROOT)}`" not in readme]


def test_readme_names_real_targets():
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert not [name for name in re.findall(r"`make ([a-z-]+)", (ROOT / "README.md").read_text()) if name not in targets]


def test_the_manual_lists_the_traced_calls():
    page = (ROOT / "man/brkwater.1").read_text()
    table = page[page.index("calls: begin") : page.index("calls: end")]
    in_page = re.findall(r"^\.B (\w+)$", table, re.MULTILINE)
    in_code = re.findall(r"\[CALL_\w+\] =\s*\{\"(\w+)\"", (ROOT / "tracer/calls.c").read_text())
    assert sorted(in_page) == sorted(in_code) and len(in_page) == len(set(in_page))


def test_the_manual_lists_the_errors():
    page = plain("brkwater.1")
    texts = re.findall(r"X\(TRACE_E_\w+, \"([^\"]+)\"\)", (ROOT / "tracer/trace.h").read_text())
    assert texts and not [text for text in texts if text not in page]


@pytest.mark.parametrize("verb", VERBS)
def test_the_manual_has_every_option(verb):
    code, page = (ROOT / f"report/cmd_{verb}.c").read_text(), plain(VERBS[verb] + ".1")
    for letter, name in re.findall(r"\{OPT_\w+, (?:0|'(.)'), (?:NULL|\"([\w-]+)\")", code):
        assert not letter or f"-{letter}" in page, f"-{letter}"
        assert not name or f"--{name}" in page, f"--{name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_pages_are_well_formed(page):
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    result = subprocess.run(["groff", "-man", "-Tutf8", "-ww", page], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert result.returncode == 0 and not result.stderr, result.stderr.decode()


def test_numbers_of_calls_stay():
    """They are stored in traces: a call keeps its number for ever, new ones come at the end."""
    header = (ROOT / "tracer/calls.h").read_text()
    names = re.findall(r"^    CALL_(\w+),", header[header.index("enum call {") : header.index("CALL_COUNT\n")], re.MULTILINE)
    known = (
        "NONE BRK MMAP MMAP2 OLD_MMAP MUNMAP MPROTECT PKEY_MPROTECT MREMAP MADVISE PROCESS_MADVISE SHMAT SHMDT REMAP_FILE_PAGES "
        "MLOCK MUNLOCK MLOCKALL MUNLOCKALL MLOCK2 MSEAL MAP_SHADOW_STACK IO_SETUP IO_DESTROY PRCTL EXECVE EXECVEAT CLONE CLONE3 "
        "FORK VFORK EXIT EXIT_GROUP PTRACE SECCOMP IO_URING_SETUP PERSONALITY"
    ).split()
    assert names[: len(known)] == known


def test_scripts_and_styles_are_plain():
    """They stand inside of markup: nothing in them may end or begin some, and no encoding matters."""
    files = [path for pattern in ("*/*.js", "*/*.css") for path in (ROOT / "report").glob(pattern)]
    assert files
    for path in files:
        text = path.read_bytes()
        assert re.fullmatch(rb"[\n -~]*", text), path
        assert not re.search(rb"</script|<!--|\]\]>|innerHTML|eval\(|\burl\(|@import", text, re.IGNORECASE), path


def test_layers():
    """Data flows one way; see tests/check-layers."""
    result = subprocess.run([ROOT / "tests/check-layers"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0, result.stdout.decode()


def test_top_level():
    tracked = subprocess.run(["git", "ls-tree", "--name-only", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    names = {name for name in tracked.stdout.decode().split() if not name.startswith(".")}
    assert names <= {"Makefile", "README.md", "LICENSE", "tracer", "decoder", "report", "tests", "examples", "man"}

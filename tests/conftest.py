"""Fixtures of the live tests, and the one line that closes a run.

Environment: BRKWATER names another brkwater than ./brkwater, BRKWATER_PROGRAMS another folder than build/tests/programs,
BRKWATER_LONG=1 repeats the random tests many times.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from attaching import start_targets  # noqa: E402
from harness import NOBODY, Runner  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
IS_ROOT = os.geteuid() == 0
USERS = ["root", "nobody"] if IS_ROOT else ["self"]
ME = USERS[0]


# A run in the background of a shell begins with interrupts ignored, and so would every command of the tests.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


# ---- what is under test ----


@pytest.fixture(scope="session")
def scratch():
    """A folder of the run that an ordinary user can enter; removed at the end when it is empty of failures."""
    folder = Path(tempfile.mkdtemp(prefix="brkwater-tests-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder / "bin", ignore_errors=True)
    try:
        folder.rmdir()
    except OSError:
        pass  # folders of failed tests stay


def copy_program(source, folder):
    """A copy that everybody may run, since the repository may lie where only its owner can look."""
    folder.mkdir(mode=0o755, exist_ok=True)
    folder.chmod(0o755)
    target = folder / source.name
    if not target.exists():
        shutil.copyfile(source, target)
        target.chmod(0o755)
    return target


@pytest.fixture(scope="session")
def brkwater(scratch):
    """Path of the program under test."""
    source = Path(os.environ.get("BRKWATER", ROOT / "brkwater"))
    if not source.exists():
        pytest.fail(f"{source} does not exist: run make", pytrace=False)
    return copy_program(source, scratch / "bin")


def runs_32bit(folder):
    """Whether this kernel runs 32-bit programs; some are built or booted without that, and some virtual machines have none."""
    try:
        return subprocess.run([folder / "calls-flags-m32"], stdout=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


@pytest.fixture(scope="session")
def programs(scratch):
    """programs(name) is the path of a built program of tests/programs."""
    built = Path(os.environ.get("BRKWATER_PROGRAMS", ROOT / "build/tests/programs"))
    has_32bit = runs_32bit(built)

    def find(name):
        source = built / name
        if not has_32bit and (name.endswith("-m32") or name == "calls-int80"):
            pytest.skip("this kernel runs no 32-bit programs")
        if not source.exists() and name.endswith(("-m32", "-static")):
            pytest.skip(f"{name} was not built: no compiler for this variant")
        if not source.exists():
            pytest.fail(f"{source} does not exist: run make check", pytrace=False)
        return str(copy_program(source, scratch / "bin"))

    return find


@pytest.fixture(params=USERS)
def user(request):
    """Who runs the command: as root, root and an ordinary user in turn."""
    if request.param == "nobody" and not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed: cannot become an ordinary user")
    return request.param


def make_folder(request, scratch, owner):
    name = re.sub(r"[^A-Za-z0-9.]+", "-", request.node.nodeid.split("/")[-1]).strip("-")
    folder = Path(tempfile.mkdtemp(prefix=name[:100] + "-", dir=scratch))
    folder.chmod(0o755)
    if owner == "nobody":
        os.chown(folder, NOBODY, NOBODY)
    return folder


def runner_in_a_folder(request, brkwater, programs, scratch, user):
    """A Runner; its folder goes at the end unless a test has failed in it."""
    runner = Runner(brkwater, programs, make_folder(request, scratch, user), user)
    yield runner
    if not runner.failed:
        shutil.rmtree(runner.folder, ignore_errors=True)


@pytest.fixture
def run(request, brkwater, programs, scratch, user):
    """A Runner of this test's folder, once for every user."""
    yield from runner_in_a_folder(request, brkwater, programs, scratch, user)


@pytest.fixture
def run_once(request, brkwater, programs, scratch):
    """The same for the user who runs the tests only."""
    yield from runner_in_a_folder(request, brkwater, programs, scratch, ME)


@pytest.fixture
def run_as_nobody(request, brkwater, programs, scratch):
    """The same for an ordinary user, whom only root can become."""
    if not IS_ROOT or not shutil.which("setpriv"):
        pytest.skip("only root can become an ordinary user, by setpriv")
    yield from runner_in_a_folder(request, brkwater, programs, scratch, "nobody")


@pytest.fixture(scope="module")
def module_run(request, brkwater, programs, scratch):
    """A Runner whose folder all tests of a file share, for a trace that is made once and read often."""
    yield from runner_in_a_folder(request, brkwater, programs, scratch, ME)


@pytest.fixture
def target(run):
    """Starts processes to attach to (attaching.py), once for every user; they end with the test."""
    yield from start_targets(run)


@pytest.fixture
def target_once(run_once):
    """The same for the user who runs the tests only."""
    yield from start_targets(run_once)


@pytest.fixture
def as_root():
    """For tests that only root can do."""
    if not IS_ROOT:
        pytest.skip("only root can do this")


# ---- who runs what, and when ----


def pytest_collection_modifyitems(items):
    """Those that take long begin first, so that none of them is left alone at the end."""
    items.sort(key=lambda item: item.get_closest_marker("early") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests go to whoever is free, one by one; those of a file that share what they have recorded stay together."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.split("::")[0]
            return file if 'scope="module"' in (config.rootpath / file).read_text() else nodeid

    return Scheduling(config, log)


# ---- reports ----


def runner_of(item):
    """The Runner that a test has used, itself or through a fixture; None when it has none."""
    for name in ("run", "run_once", "run_as_nobody", "module_run"):
        made = getattr((item._fixtureinfo.name2fixturedefs.get(name) or [None])[-1], "cached_result", None)
        if made and not made[2]:
            return made[0]
    return None


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure names its folder, the commands that it ran, and how to run the test again."""
    outcome = yield
    report = outcome.get_result()
    runner = runner_of(item) if report.failed else None
    if runner:
        runner.failed = True
        test = os.path.relpath(item.path, ROOT) + item.nodeid[item.nodeid.index("::") :]
        again = f"cd {shlex.quote(str(ROOT))} && /usr/bin/python3 -B -m pytest {shlex.quote(test)}"
        lines = [f"folder: {runner.folder}", f"again:  {again}", "commands:", *(f"  {line}" for line in runner.log[-12:])]
        report.sections.append(("to run it again", "\n".join(lines)))


class Counts:
    passed = failed = skipped = 0


def pytest_runtest_logreport(report):
    if report.failed:
        Counts.failed += 1
    elif report.skipped:
        Counts.skipped += 1
    elif report.when == "call":
        Counts.passed += 1


def pytest_collectreport(report):
    if report.failed:
        Counts.failed += 1


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """The last line of a run, in the same words as the other checks use."""
    if hasattr(config, "workerinput"):
        return  # one of several processes that run tests: the first of them counts
    if config.option.collectonly or config.option.help or config.option.version:
        return
    skipped = f", {Counts.skipped} skipped" if Counts.skipped else ""
    print(f"{Counts.passed} passed, {Counts.failed} failed{skipped}", flush=True)

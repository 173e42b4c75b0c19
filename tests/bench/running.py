"""Running what is measured, on one CPU or as a user runs it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BRKWATER_BUILD", ROOT / "build"))
BRKWATER = os.environ.get("BRKWATER", str(ROOT / "brkwater"))
WORKLOAD = str(BUILD / "tests/bench/workload")
BARE = str(BUILD / "tests/bench/bare")
PYTHON = "/usr/bin/python3"
QUIET_LOAD = 0.5
TIME_LIMIT = 600
ONE_CPU, FREE = "one CPU", "free"


@dataclass
class Run:
    """One run of a command."""

    output: str
    seconds: float  # by the clock
    cpu: float  # CPU time, with all children
    ended: float  # time.monotonic() at its end
    peak: int = 0  # bytes: the highest resident memory of the command itself, without children


def pin(placement):
    def first():
        if placement == ONE_CPU:
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    return first


def peak_memory(pid):
    """VmHWM of a live process in bytes, or 0."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def run(argv, placement=FREE, watch=False, **options):
    """Run to the end; `watch` asks for the peak of its memory.  A failure ends the whole measurement."""
    with tempfile.TemporaryFile() as output:
        before = time.monotonic()
        process = subprocess.Popen(argv, stdout=output, preexec_fn=pin(placement), start_new_session=True, **options)
        peak, usage, pid = 0, None, 0
        while not pid:
            peak = max(peak, peak_memory(process.pid)) if watch else 0
            pid, status, usage = os.wait4(process.pid, os.WNOHANG if watch else 0)
            if not pid:
                time.sleep(0.005)
            if time.monotonic() - before > TIME_LIMIT:
                os.killpg(process.pid, signal.SIGKILL)
        after = time.monotonic()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        sys.exit(f"bench: {' '.join(map(str, argv))}: ended with {process.returncode}\n{text[-2000:]}")
    return Run(text, after - before, usage.ru_utime + usage.ru_stime, after, peak)


def works(*argv):
    try:
        return subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def redis_server(folder):
    """Path of a redis-server.  Debian's redis-tools has the program under another name, and starts no daemon."""
    found = shutil.which("redis-server")
    other = shutil.which("redis-check-rdb")
    if found or not other:
        return found
    link = folder / "redis-server"
    if not link.exists():
        link.symlink_to(other)
    return str(link)

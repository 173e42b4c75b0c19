"""What attaching to a process costs it: nothing is filtered there, so that every system call stops twice.

The process is at work, or waits for the word to begin, when the tracer comes; the tracer goes before it ends.
"""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from case import Case, cell
from running import BRKWATER, BUILD, ONE_CPU, PYTHON, ROOT, pin, redis_server, works

FUTEXES = str(BUILD / "tests/bench/futexes")
READS = str(ROOT / "tests/bench/reads.py")
VARIANTS = ["untraced", "bare tracer -p", "brkwater -p", "strace -p"]
RATIOS = ["untraced", "bare tracer -p", "strace -p"]
PATIENCE = 60  # seconds for what takes milliseconds
UNITS = {"ns": 1e-6, "us": 1e-3, "ms": 1, "s": 1e3}
PAUSES = re.compile(r"attached +([\d,]+) threads? stopped for ([\d.]+) (\w+) at the start, for ([\d.]+) (\w+) at the end")


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench: {what}: not after {PATIENCE} s")
        time.sleep(0.001)


def are_traced(pid):
    """All threads are traced, and go on."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/task/{tid}/status").read_text().splitlines() if ":\t" in line)
        if status["TracerPid"] == "0" or status["State"][0] in "tT":
            return False
    return True


def cpu_time(pid):
    """CPU seconds of a process; its clock's number is what clock_getcpuclockid(3) computes."""
    return time.clock_gettime((~pid << 3) | 2)


@contextmanager
def a_process(argv, placement, **options):
    process = subprocess.Popen(argv, preexec_fn=pin(placement), start_new_session=True, **options)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def attached(words, pid, placement):
    """The pids whose CPU time counts: the process and who is attached to it."""
    if not words:
        yield [pid]
        return
    with a_process([*words, str(pid)], placement, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tracer:
        wait_until(f"{words[0]} is attached", lambda: tracer.poll() is not None or are_traced(pid))
        if tracer.poll() is not None:
            sys.exit(f"bench: {' '.join(words)} {pid}: ended with {tracer.returncode}")
        yield [pid, tracer.pid]
        tracer.send_signal(signal.SIGINT)
        tracer.wait(PATIENCE)


class Pauses:
    """How long brkwater says that it stopped the threads of a case, in ms."""

    def __init__(self, trace, pauses):
        self.trace, self.pauses = trace, pauses

    def note(self, case, placement):
        text = subprocess.run([BRKWATER, "report", self.trace], stdout=subprocess.PIPE, check=True).stdout.decode()
        found = PAUSES.search(text)
        if not found:
            sys.exit(f"bench: the report does not tell what attaching cost:\n{text}")
        self.pauses.append(
            {
                "case": case,
                "placement": placement,
                "threads": int(found[1].replace(",", "")),
                "attach_ms": float(found[2]) * UNITS[found[3]],
                "detach_ms": float(found[4]) * UNITS[found[5]],
            }
        )


def show_pauses(pauses):
    if not pauses:
        return
    print("\npauses of all threads, as brkwater reports them, ms")
    print(f"  {'':34}{'threads':>8}{'attach':>10}{'min':>10}{'max':>10}{'detach':>10}{'min':>10}{'max':>10}")
    for key in dict.fromkeys((one["case"], one["placement"]) for one in pauses):
        mine = [one for one in pauses if (one["case"], one["placement"]) == key]
        line = f"  {', '.join(key):34}{max(one['threads'] for one in mine):8}"
        for what in ("attach_ms", "detach_ms"):
            values = [one[what] for one in mine]
            line += "".join(cell(value) for value in (statistics.median(values), min(values), max(values)))
        print(line, flush=True)


# ---- programs that time themselves ----


def counting_case(tracers, pauses, name, title, unit, argv, counts, repeat):
    """The program prints "ready", reads how many rounds it shall do, and prints how many nanoseconds they took."""
    noted = Pauses(tracers.trace, pauses)

    def measure(variant, placement):
        count = counts.get(variant, counts["traced"])
        with a_process(argv, placement, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            if process.stdout.readline() != b"ready\n":
                sys.exit(f"bench: {argv[0]} is not ready")
            with attached(tracers.words[variant], process.pid, placement) as pids:
                before = sum(map(cpu_time, pids))
                process.stdin.write(b"%d\n" % count)
                process.stdin.flush()
                took = int(process.stdout.readline())
                cpu = sum(map(cpu_time, pids)) - before
            process.communicate()
        if variant == "brkwater -p":
            noted.note(name, placement)
        return took / 1e3 / count, cpu * 1e6 / count

    return Case(name, title, unit, VARIANTS, measure, RATIOS, repeat)


# ---- a server under load ----


def redis_case(tracers, pauses, quick, folder):
    server = redis_server(folder)
    if not server or not shutil.which("redis-benchmark") or not shutil.which("redis-cli"):
        print("attached/redis is left out: redis-tools is not installed")
        return []
    name, socket = "attached/redis", str(folder / "attached.socket")
    noted = Pauses(tracers.trace, pauses)

    def measure(variant, placement):
        requests = (2000 if quick else 10000) * (5 if variant == "untraced" else 1)
        argv = [server, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", str(folder)]
        with a_process(argv, placement, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            wait_until("redis-server answers", lambda: process.poll() is not None or works("redis-cli", "-s", socket, "ping"))
            with attached(tracers.words[variant], process.pid, placement) as pids:
                before = sum(map(cpu_time, pids))
                load = ["redis-benchmark", "-s", socket, "-n", str(requests), "-c", "20", "-d", "2000", "-r", "10000", "-t", "set,get", "--csv"]
                done = subprocess.run(load, preexec_fn=pin(placement), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
                cpu = sum(map(cpu_time, pids)) - before
            subprocess.run(["redis-cli", "-s", socket, "shutdown", "nosave"], stdout=subprocess.DEVNULL)
            process.wait(PATIENCE)
        if variant == "brkwater -p":
            noted.note(name, placement)
        # The second column is requests a second.
        rates = [float(json.loads(f"[{line}]")[1]) for line in done.stdout.decode().splitlines() if line.startswith(('"SET"', '"GET"'))]
        return statistics.mean(1e6 / rate for rate in rates), cpu * 1e6 / (2 * requests)

    title = "a request of redis-benchmark (set and get, 20 clients) to a redis-server that runs already"
    return [Case(name, title, "us", VARIANTS, measure, RATIOS, 3 if quick else 7)]


def attached_cases(tracers, quick, folder, pauses):
    def counts(untraced, traced):
        return {"untraced": untraced // 5 if quick else untraced, "traced": traced // 5 if quick else traced}

    repeat = 3 if quick else 9
    return [
        *redis_case(tracers, pauses, quick, folder),
        counting_case(
            tracers, pauses, "attached/reads", "a small read by python3 (tests/bench/reads.py)", "us", [PYTHON, READS], counts(500000, 20000), repeat
        ),
        counting_case(
            tracers, pauses, "attached/futexes", "a turn of ten threads that wake each other by futex", "us", [FUTEXES, "10"], counts(100000, 5000), repeat
        ),
    ]

"""Processes to attach to, for the live tests: started, ready, attached to, released, ended."""

import os
import re
import signal
import subprocess
import time

from harness import TIME_LIMIT, Trace

PYTHON = "/usr/bin/python3"
UNITS = {"ns": 1e-6, "us": 1e-3, "ms": 1, "s": 1e3}
PAUSES = re.compile(r"attached +(\d+) threads? stopped for ([\d.]+) (\w+) at the start, for ([\d.]+) (\w+) at the end")


def status_of(pid, tid=None):
    """The lines of /proc/PID/status as a dict."""
    with open(f"/proc/{pid}/task/{tid or pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def wait_until(what, condition):
    """Poll, since other processes tell of what they do only in /proc."""
    end = time.monotonic() + TIME_LIMIT
    while not condition():
        assert time.monotonic() < end, f"{what}: not after {TIME_LIMIT} s"
        time.sleep(0.001)


def state_of(pid):
    return status_of(pid)["State"][0]


def is_attached(pid):
    return status_of(pid)["TracerPid"].strip() != "0"


def statuses_of(pid):
    return [status_of(pid, tid) for tid in os.listdir(f"/proc/{pid}/task")]


def times_waited(pid):
    """How often its threads have waited since they began; each stop for a tracer is a wait."""
    return sum(int(status["voluntary_ctxt_switches"]) for status in statuses_of(pid))


class Target:
    """A process to attach to; most end when a line comes on their standard input."""

    def __init__(self, run, argv):
        self.run = run
        self.process = run.start(*argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pid = self.process.pid
        line = self.process.stdout.readline()
        assert line.startswith(b"ready"), line + self.process.stderr.read()

    def attach(self, *options, pids=()):
        """brkwater, once it is attached."""
        argv = [self.run.brkwater, "-q", "-o", self.run.path("trace.brkw"), "-p", self.pid]
        for pid in pids:
            argv += ["-p", pid]
        tracer = self.run.start(*argv, *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until("attached", lambda: tracer.poll() is not None or is_attached(self.pid))
        return tracer

    def attach_for_calls(self):
        """Attached to until calls were seen, however busy the machine is.  Its threads are as many as before, and wait of their own
        accord once between many calls: so most of their waits, once all are attached to, are stops at calls."""
        tracer = self.attach()
        wait_until("all attached", lambda: all(status["TracerPid"].strip() != "0" for status in statuses_of(self.pid)))
        before = times_waited(self.pid)
        wait_until("calls", lambda: times_waited(self.pid) - before > 40)
        finish(tracer, signal.SIGINT)

    def trace(self):
        return Trace(self.run, self.run.path("trace.brkw"))

    def end(self):
        """Its status and output, after its line."""
        stdout, stderr = self.process.communicate(b"\n", timeout=TIME_LIMIT)
        return self.process.returncode, stdout.decode(), stderr.decode()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def start_targets(run):
    """A function that starts targets: a program of tests/programs by its name, or any other by its path."""
    targets = []

    def start(program, *arguments):
        argv = [program if "/" in program else run.program(program), *arguments]
        targets.append(Target(run, argv))
        return targets[-1]

    yield start
    for one in targets:
        one.close()


def finish(tracer, ending=None):
    """End brkwater as asked, and see that it ended well."""
    if ending:
        tracer.send_signal(ending)
    stdout, stderr = tracer.communicate(timeout=TIME_LIMIT)
    assert (tracer.returncode, stdout, stderr) == (0, b"", b""), (tracer.returncode, stdout, stderr)


def check_released(pid):
    """Nobody traces any of its threads, and none is stopped."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            status = status_of(pid, tid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        assert status["TracerPid"].strip() == "0" and status["State"][0] not in "tT", status


def pauses_of(trace):
    """Milliseconds that the process stood still when it was attached to and when it was released, as the report has them."""
    report = trace.runner.verb("report", trace.path)
    assert report.status == 0, report
    found = PAUSES.search(report.out)
    return (float(found[2]) * UNITS[found[3]], float(found[4]) * UNITS[found[5]]) if found else None

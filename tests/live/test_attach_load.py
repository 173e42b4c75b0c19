"""Attaching to busy processes and letting them go, over and over: they count what went wrong themselves.

With BRKWATER_LONG=1 a thousand rounds of each.  The last lines of a test's output (pytest -rP) say what was done."""

import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import time

import pytest

from attaching import PYTHON, check_released, finish, is_attached, pauses_of, wait_until
from harness import LONG, TIME_LIMIT, Trace

ROUNDS = int(os.environ.get("BRKWATER_ROUNDS", 1000 if LONG else 5))

class Rounds:
    """Attaches to a process and lets it go, at random moments; every trace is verified."""

    def __init__(self, run, pid):
        self.run, self.pid = run, pid
        self.trace = Trace(run, run.path("round.brkw"))
        self.choose = random.Random(7)
        self.before = self.ended = 0
        self.pauses = {"attach": [], "detach": []}

    def once(self):
        if os.path.exists(self.trace.path):
            os.unlink(self.trace.path)
        argv = [self.run.brkwater, "-q", "-o", self.trace.path, "-p", self.pid]
        way = self.choose.choice(["duration", "attached", "any"])
        if way == "duration":
            argv += ["--duration", f"{self.choose.randint(10, 50)}ms"]
        tracer = self.run.start(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if way == "duration":
            finish(tracer)
        elif way == "attached":
            wait_until("attached", lambda: tracer.poll() is not None or is_attached(self.pid))
            try:
                tracer.wait(self.choose.uniform(0, 0.05))
            except subprocess.TimeoutExpired:
                finish(tracer, signal.SIGINT)
        else:
            # Any moment from its start on: before it has attached, while it does, and before it can handle a signal.
            try:
                tracer.wait(self.choose.uniform(0, 0.05))
            except subprocess.TimeoutExpired:
                tracer.send_signal(signal.SIGTERM)  # SIGINT is ignored from the start where a script runs us in the background
            out, err = tracer.communicate(timeout=TIME_LIMIT)
            assert tracer.returncode in (0, -signal.SIGTERM) and not out and not err, (tracer.returncode, out, err)
        check_released(self.pid)
        if tracer.returncode:
            self.before += 1
        else:
            self.ended += 1
            self.judge()

    def judge(self):
        self.trace.verify()
        pauses = pauses_of(self.trace)
        for name, value in zip(self.pauses, pauses or ()):
            self.pauses[name].append(value)

    def tell(self, what):
        print(f"{what}: {self.ended} rounds, and {self.before} that ended before brkwater could handle a signal")
        for name, values in self.pauses.items():
            if values:
                print(f"{name}: min {min(values):.2f} ms, median {statistics.median(values):.2f} ms, max {max(values):.2f} ms")


@pytest.mark.early
def test_busy_threads(target_once):
    """Threads that wait in two dozen ways, run, map, and make threads and children."""
    waits = target_once("attach-waits", 1)
    rounds = Rounds(waits.run, waits.pid)
    try:
        while rounds.ended < ROUNDS:
            rounds.once()
    finally:
        code, out, err = waits.end()
        rounds.tell(f"attach-waits: {out.strip()}")
    assert code == 0 and re.fullmatch(r"rounds \d+ errors 0\n", out), out + err


@pytest.mark.early
def test_tracer_without_a_cpu(target_once):
    """On a busy machine brkwater may stand still in the middle of attaching and of releasing: here it is made to.  Children end
    all the time, of which nobody must be told but their parents, and every thread must have been stopped to be released."""
    waits = target_once("attach-waits", 20, "epoll", "child")
    choose = random.Random(5)
    for _ in range(50 if LONG else 4):
        tracer = waits.attach("--depth", 0)
        tracer.send_signal(signal.SIGINT)
        for _ in range(15):
            time.sleep(choose.uniform(0, 0.002))
            tracer.send_signal(signal.SIGSTOP)
            time.sleep(0.12)  # longer than brkwater waits for threads that do nothing about stopping
            tracer.send_signal(signal.SIGCONT)
        finish(tracer)
        report = waits.run.verb("report", waits.trace().path)
        assert report.status == 0 and "could not be stopped" not in report.out, report
    code, out, err = waits.end()
    assert code == 0 and re.fullmatch(r"rounds \d+ errors 0\n", out), out + err


# ---- a server under load ----

# Each thread sets and gets values of many sizes, one request after the other or many at once, and compares every reply.
CLIENT = """
import json, random, socket, sys, threading

path, over = sys.argv[1], threading.Event()
counts = {"requests": 0, "failed": 0, "connections": 0}
errors = []
lock = threading.Lock()

def request(*words):
    return b"*%d\\r\\n" % len(words) + b"".join(b"$%d\\r\\n%s\\r\\n" % (len(word), word) for word in words)

def work(number, begun):
    choose = random.Random(number)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(path)
    values, done, failed = {}, 0, 0
    try:
        while not over.is_set():
            sent, wanted = b"", b""
            for _ in range(choose.choice([1, 1, 1, 16])):
                key = b"%d:%d" % (number, choose.randrange(200))
                if choose.random() < 0.5:
                    values[key] = choose.randbytes(choose.choice([3, 100, 2000, 70000]))
                    sent += request(b"SET", key, values[key])
                    wanted += b"+OK\\r\\n"
                else:
                    sent += request(b"GET", key)
                    value = values.get(key)
                    wanted += b"$%d\\r\\n%s\\r\\n" % (len(value), value) if value is not None else b"$-1\\r\\n"
                done += 1
            # The server may stop reading until its replies are taken: so do both at once.
            sender = threading.Thread(target=connection.sendall, args=(sent,)) if len(sent) > 100000 else None
            sender.start() if sender else connection.sendall(sent)
            got = b""
            while len(got) < len(wanted):
                part = connection.recv(1 << 20)
                if not part:
                    raise OSError("the connection was closed")
                got += part
            if sender:
                sender.join()
            failed += got != wanted
            begun.set()
    except OSError as error:
        failed += 1
        errors.append(repr(error))
    with lock:
        counts["requests"] += done
        counts["failed"] += failed
        counts["connections"] += 1
    begun.set()

begun = [threading.Event() for _ in range(4)]
threads = [threading.Thread(target=work, args=(i, begun[i])) for i in range(4)]
for thread in threads:
    thread.start()
for event in begun:
    event.wait()
print("ready", flush=True)
sys.stdin.readline()
over.set()
for thread in threads:
    thread.join()
print(json.dumps({**counts, "errors": errors}))
"""


def redis_server(folder):
    """Debian's redis-tools has the program under another name, and starts no daemon."""
    found, other = shutil.which("redis-server"), shutil.which("redis-check-rdb")
    if not found and other:
        found = os.path.join(folder, "redis-server")
        os.symlink(other, found)
    if not found or not shutil.which("redis-cli"):
        pytest.skip("redis is not installed")
    return found


@pytest.mark.early
def test_server_under_load(target_once, run_once):
    """No request fails, none gets another's reply, and no connection is closed."""
    socket = run_once.path("redis.socket")
    argv = [redis_server(run_once.folder), "--port", "0", "--unixsocket", socket, "--save", "", "--dir", run_once.folder]
    server = run_once.start(*argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = None
    try:
        wait_until("the server answers", lambda: run_once("redis-cli", "-s", socket, "ping").out == "PONG\n")
        client = target_once(PYTHON, "-c", CLIENT, socket)
        rounds = Rounds(run_once, server.pid)
        try:
            while rounds.ended < ROUNDS:
                rounds.once()
        finally:
            code, out, err = client.end()
            rounds.tell(f"redis-server: {out.strip()}")
        counts = json.loads(out)
        assert code == 0 and not err and counts["connections"] == 4, (code, out, err)
        assert counts["failed"] == 0 and not counts["errors"] and counts["requests"] > ROUNDS, out
        assert run_once("redis-cli", "-s", socket, "shutdown", "nosave").status == 0
        assert server.wait(TIME_LIMIT) == 0
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()

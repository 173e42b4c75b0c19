#!/usr/bin/python3
"""bench.py [--quick] [--only NAME]...: what brkwater costs, beside a bare tracer and strace, in one run.

All variants of a case run in turn, over and over, so that a change of the machine's mood meets all of them; medians are
compared.  Every case runs twice: with everything on one CPU, and as a user runs it.  Two costs are shown: by the clock,
and in CPU time, which other programs disturb less.

Environment: BRKWATER names another brkwater than ./brkwater, BRKWATER_BUILD another folder than build.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from attached import attached_cases, show_pauses
from case import Case, as_json, show
from running import BARE, BRKWATER, BUILD, FREE, ONE_CPU, PYTHON, QUIET_LOAD, ROOT, WORKLOAD, pin, redis_server, run, works


# ---- who traces ----


class Tracers:
    """Words to put before a command or a process id.  None: not to be had here."""

    def __init__(self, folder):
        self.trace = str(folder / "bench.brkw")
        self.help = subprocess.run([BRKWATER, "--help"], stdout=subprocess.PIPE, check=True).stdout.decode()
        brkwater = [BRKWATER, "-q", "-o", self.trace]
        strace = ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=%memory"]
        has_strace = works("strace", "--seccomp-bpf", "-f", "-o", "/dev/null", "true")
        self.words = {
            "untraced": [],
            "filter only": [BARE, "allow"],
            "bare tracer": [BARE],
            "brkwater --depth 0": [*brkwater, "--depth", "0"],
            "brkwater": brkwater,
            "brkwater --no-faults": [*brkwater, "--no-faults"] if "--no-faults" in self.help else None,
            "brkwater, placed free": [*brkwater, "--placement", "free"] if "--placement" in self.help else None,
            "strace": strace if has_strace else None,
            "strace -k": [*strace, "-k"] if has_strace and works(*strace, "-k", "true") else None,
            # These are put before a process id.
            "bare tracer -p": [BARE, "-p"],
            "brkwater -p": [*brkwater, "-p"],
            "strace -p": ["strace", "-f", "-o", "/dev/null", "-e", "trace=%memory", "-p"] if has_strace else None,
        }

    def names(self, wanted, placement):
        """Those of the wanted that can run.  Where all is on one CPU brkwater has nothing to place."""
        free = {"brkwater, placed free"} if placement == ONE_CPU else set()
        return [name for name in wanted if self.words[name] is not None and name not in free]


# ---- cases ----


def workload_case(tracers, name, title, unit, variants, ratios, words, repeat):
    """`words(variant)` are kind, depth, threads and rounds."""
    scale = 1e3 if unit.startswith("us") else 1

    def measure(variant, placement):
        result = run([*tracers.words[variant], WORKLOAD, *map(str, words(variant))], placement, stderr=subprocess.DEVNULL)
        calls, wall, own, tracer = map(int, result.output.split())
        return wall / calls / scale, (own + tracer) / calls / scale

    return Case(name, title, unit, variants, measure, ratios, repeat)


def event_cases(tracers, quick):
    variants = ["untraced", "bare tracer", "brkwater --depth 0", "brkwater", "brkwater, placed free", "strace", "strace -k"]

    def case(kind, depth, threads):
        # A stack by strace takes tens of milliseconds: it is measured where no other thread delays it.
        mine = [variant for variant in variants if threads == 1 or variant != "strace -k"]

        def words(variant):
            rounds = {"untraced": 50000, "strace -k": 20}.get(variant, 5000)
            if quick:
                rounds //= 10
            return kind, depth, threads, max(rounds, threads)

        name = f"{kind}-{depth}" + (f"-threads-{threads}" if threads > 1 else "")
        plural = "s" if threads > 1 else ""
        title = f"an event: {kind} at depth {depth}, {threads} thread{plural}"
        return workload_case(tracers, f"events/{name}", title, "us", mine, ["bare tracer", "strace"], words, 3 if quick else 9)

    shapes = [("mmap", 10, 1), ("mmap", 40, 1), ("brk", 10, 1), ("brk", 40, 1), ("mmap", 10, 2), ("mmap", 10, 4), ("mmap", 10, 8)]
    return [case(*shape) for shape in shapes]


def call_cases(tracers, quick):
    variants = ["untraced", "filter only", "bare tracer", "brkwater", "strace"]

    def case(kind, count):
        return workload_case(
            tracers,
            f"calls/{kind}",
            f"a call that is not traced: {kind}",
            "ns",
            variants,
            ["untraced", "filter only"],
            lambda variant: (kind, 1, 1, count // 5 if quick else count),
            5 if quick else 15,
        )

    return [case("getppid", 500000), case("read", 200000), case("stat", 100000)]


def fault_cases(tracers, quick):
    """What it costs to look at page faults, where a program makes nothing else."""
    return [
        workload_case(
            tracers,
            "faults/touch",
            "a page fault: a first touch of anonymous memory",
            "ns",
            ["untraced", "brkwater --no-faults", "brkwater"],
            ["untraced", "brkwater --no-faults"],
            lambda variant: ("touch", 1, 1, 40000 if quick else 200000),
            3 if quick else 9,
        )
    ]


# ---- whole programs ----


def program_case(tracers, quick, name, title, argv, prepare=lambda: None):
    def measure(variant, placement):
        prepare()
        result = run([*tracers.words[variant], *argv], placement, cwd=ROOT, stderr=subprocess.DEVNULL)
        return result.seconds * 1e3, result.cpu * 1e3

    variants = ["untraced", "brkwater --no-faults", "brkwater", "brkwater, placed free", "strace"]
    return Case(f"programs/{name}", title, "ms", variants, measure, ["untraced", "strace"], 2 if quick else 5)


def redis_case(tracers, quick, folder):
    server = redis_server(folder)
    if not server or not shutil.which("redis-benchmark") or not shutil.which("redis-cli"):
        print("programs/redis is left out: redis-tools is not installed")
        return []
    requests = 5000 if quick else 30000
    socket = str(folder / "redis.socket")

    def measure(variant, placement):
        argv = [*tracers.words[variant], server, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", str(folder)]
        process = subprocess.Popen(
            argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=pin(placement), start_new_session=True
        )
        try:
            while not works("redis-cli", "-s", socket, "ping"):
                if process.poll() is not None:
                    sys.exit("bench: redis-server does not start")
                time.sleep(0.02)
            load = ["redis-benchmark", "-s", socket, "-n", str(requests), "-c", "20", "-d", "2000", "-r", "10000", "-t", "set,get", "-q"]
            seconds = run(load, placement, stderr=subprocess.DEVNULL).seconds
            subprocess.run(["redis-cli", "-s", socket, "shutdown", "nosave"], stdout=subprocess.DEVNULL)
            process.wait(60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return seconds * 1e6 / (2 * requests), None

    variants = ["untraced", "brkwater", "brkwater, placed free", "strace"]
    title = "a request of redis-benchmark (set and get, 20 clients)"
    return [Case("programs/redis", title, "us", variants, measure, ["untraced", "strace"], 2 if quick else 5)]


def program_cases(tracers, quick, folder):
    made = folder / "make"
    objects = [f"{made}/decoder/{name}.o" for name in ("verify", "replay", "segments", "pack")]
    listing = "x=[bytes(1000) for _ in range(%d)]" % (20000 if quick else 100000)

    def clean():
        shutil.rmtree(made, ignore_errors=True)

    make = ["make", "-s", "-j2", f"BUILD={made}", *objects]
    compile_one = ["gcc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-c", "-o", str(folder / "one.o"), "tracer/codec.c"]
    return [
        program_case(tracers, quick, "python-list", "python3 that builds a list, with a brk call for every four elements", [PYTHON, "-c", listing]),
        program_case(tracers, quick, "python-compute", "python3 tests/bench/compute.py", [PYTHON, "tests/bench/compute.py"]),
        program_case(tracers, quick, "gcc", "gcc -O2 -c tracer/codec.c", compile_one),
        program_case(tracers, quick, "make", "make -j2 of four files", make, clean),
        *redis_case(tracers, quick, folder),
    ]


# ---- what is left behind: size, memory, speed of reading ----


def count_frames(trace):
    """Different frames that had to be named."""
    frames = set()
    process = subprocess.Popen([BRKWATER, "events", "--json", trace], stdout=subprocess.PIPE)
    for line in process.stdout:
        for frame in json.loads(line).get("stack") or []:
            frames.add((frame["module"], frame["address"] or frame["pc"]))
    process.wait()
    return len(frames)


def number(value):
    return f"{value:,.3g}" if value < 100 else f"{value:,.0f}"


def measure_trace(tracers, quick, report):
    events = 50000 if quick else 1000000
    made = run([*tracers.words["brkwater"], WORKLOAD, "mix", "10", "1", str(events)], ONE_CPU, watch=True)
    size = os.path.getsize(tracers.trace)
    report("bytes an event", size / events, "bytes", f"{events:,} events, 1 thread, up to 34 frames deep")
    report("tracer's peak memory", made.peak / 2**20, "MiB", "the same run")
    speeds = [events / run([BRKWATER, "verify", tracers.trace]).seconds for _ in range(3 if quick else 5)]
    report("replay", statistics.median(speeds) / 1e6, "million events a second", "brkwater verify of that trace")


def measure_memory(tracers, quick, report):
    for what, words in {
        "60,000 mappings": ("keep", "10", "1", "60000"),
        "2,000 threads": ("mmap", "10", "2000", "4000"),
    }.items():
        made = run([*tracers.words["brkwater"], WORKLOAD, *words], ONE_CPU, watch=True)
        report(f"tracer's peak memory, {what}", made.peak / 2**20, "MiB", "VmHWM of brkwater alone")


def measure_names(tracers, quick, report):
    """What brkwater still does when the command has ended: mostly names."""
    compile_one = ["gcc", "-std=c17", "-D_GNU_SOURCE", "-O2", "-c", "-o", tracers.trace + ".o", "tracer/codec.c"]
    after = {}
    for variant in ["brkwater --depth 0", "brkwater"] * (2 if quick else 5):
        script = '"$@"; exec cut -d" " -f1 /proc/uptime'
        made = run([*tracers.words[variant], "sh", "-c", script, "sh", *compile_one], cwd=ROOT)
        # The kernel's clock of uptime is the boot time's; both count while the machine is awake.
        now = time.clock_gettime(time.CLOCK_BOOTTIME) - (time.monotonic() - made.ended)
        after.setdefault(variant, []).append(now - float(made.output.split()[-1]))
    frames = count_frames(tracers.trace)
    seconds = statistics.median(after["brkwater"]) - statistics.median(after["brkwater --depth 0"])
    report("names at the end of a run", seconds * 1e3, "ms", f"gcc -O2 -c tracer/codec.c, {frames:,} different frames")
    report("names", frames / max(seconds, 0.001), "frames a second", "the same run")
    if "brkwater symbolize" in tracers.help:
        again = run([BRKWATER, "symbolize", tracers.trace])
        report("brkwater symbolize", frames / again.seconds, "frames a second", "the same trace")


RECORDING = {"recording/trace": measure_trace, "recording/memory": measure_memory, "recording/names": measure_names}


# ---- the whole ----


def measure_all(cases, tracers):
    for case in cases:
        for turn in range(case.repeat):
            for placement in (ONE_CPU, FREE):
                names = tracers.names(case.variants, placement)
                for i in range(len(names)):
                    name = names[(i + turn) % len(names)]
                    case.samples.setdefault((placement, name), []).append(case.measure(name, placement))
        for placement in (ONE_CPU, FREE):
            show(case, placement, tracers.names(case.variants, placement))


def measure_recording(names, tracers, quick):
    results = []

    def report(what, value, unit, remark):
        results.append({"what": what, "value": value, "unit": unit, "remark": remark})
        print(f"  {what:40}{number(value):>10} {unit:26} {remark}", flush=True)

    if names:
        print("\nrecordings")
    for name in names:
        RECORDING[name](tracers, quick, report)
    return results


def machine():
    load = os.getloadavg()[0]
    facts = {"kernel": platform.release(), "cpus": len(os.sched_getaffinity(0)), "load": load}
    with open("/proc/cpuinfo") as file:
        facts["cpu"] = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    strace = subprocess.run(["strace", "-V"], stdout=subprocess.PIPE).stdout if shutil.which("strace") else b"no strace"
    facts["strace"] = strace.decode().split("\n")[0].replace("strace -- version", "strace")
    print(f"Linux {facts['kernel']}, {facts['cpus']} CPUs ({facts['cpu']}), load {load:.2f}, {facts['strace']}")
    if load > QUIET_LOAD:
        print(f"WARNING: load {load:.2f}: other programs are running. Believe CPU times and ratios, not clocks.")
    return facts


def main():
    parser = argparse.ArgumentParser(description="What brkwater costs, beside a bare tracer and strace.")
    parser.add_argument("--quick", action="store_true", help="about a minute, and less exact")
    parser.add_argument("--only", action="append", metavar="NAME", help="a case or a group of them: events, calls/stat, ...")
    parser.add_argument("--output", metavar="FILE", default=str(BUILD / "bench.json"), help="all samples as JSON")
    options = parser.parse_args()

    def is_wanted(name):
        return not options.only or any(only in (name, *name.split("/")) for only in options.only)

    folder = Path(tempfile.mkdtemp(prefix="brkwater-bench-"))
    try:
        facts = machine()
        tracers = Tracers(folder)
        quick = options.quick
        cases = event_cases(tracers, quick) + call_cases(tracers, quick) + fault_cases(tracers, quick)
        cases += program_cases(tracers, quick, folder)
        pauses = []
        cases += attached_cases(tracers, quick, folder, pauses)
        cases = [case for case in cases if is_wanted(case.name)]
        recording = [name for name in RECORDING if is_wanted(name)]
        if not cases and not recording:
            parser.error("--only names no case")
        measure_all(cases, tracers)
        show_pauses(pauses)
        results = measure_recording(recording, tracers, quick)
        facts["load_at_end"] = os.getloadavg()[0]
        if facts["load_at_end"] > QUIET_LOAD:
            print(f"\nload at the end: {facts['load_at_end']:.2f}")
        everything = {"machine": facts, "cases": list(as_json(cases)), "pauses": pauses, "recording": results}
        Path(options.output).write_text(json.dumps(everything, indent=1))
        print(f"\nall samples: {options.output}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

"""Real programs: the same output and exit status as untraced, and a layout that is the kernel's from start to end."""

import shutil

import pytest


def need(*names):
    for name in names:
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed")


def test_shell_pipelines(run):
    """A shell forks, execs, and waits for all kinds of ends."""
    need("bash", "sort", "seq", "sed")
    script = """
    set -o pipefail
    seq 1 20000 | sort -rn | sed -n 1,5p
    cat <(seq 3) <(echo x | tr x y)
    yes | head -3; echo "${PIPESTATUS[@]}"
    (exit 5); echo $?
    coproc cat; echo through >&"${COPROC[1]}"; read -r line <&"${COPROC[0]}"; echo "$line"
    eval "exec ${COPROC[1]}>&-"; wait
    sleep 100 & kill %1; wait %1; echo $?
    trap 'echo usr1' USR1; kill -USR1 $$
    ulimit -c 0; (bash -c 'kill -SEGV $$'; echo $?) 2>/dev/null
    exit 17
    """
    run.same("bash", "-c", script, status=17)


def test_python(run):
    """Arenas of its own by mmap, threads, subprocesses, and a lot of modules."""
    need("python3")
    script = """
import hashlib, json, subprocess, sys, threading, zlib
def work(n, out):
    data = bytes(range(256)) * 4096
    out[n] = hashlib.sha256(zlib.compress(data * (n + 1))).hexdigest()
out = {}
threads = [threading.Thread(target=work, args=(n, out)) for n in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
print(json.dumps(out, sort_keys=True))
blocks = [bytearray(1 << 20) for _ in range(64)]
del blocks[::2]
print(sum(map(len, blocks)))
print(subprocess.run(["sh", "-c", "echo sub; exit 3"], capture_output=True))
print("to stderr", file=sys.stderr)
sys.exit(4)
"""
    run.same("/usr/bin/python3", "-I", "-c", script, status=4)


def test_python_multiprocessing(run):
    """Workers by fork, with semaphores in shared memory and pipes between them."""
    need("python3")
    script = """
import multiprocessing
def square(x): return x * x
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(4) as pool:
        print(sum(pool.map(square, range(5000))))
"""
    run.same("/usr/bin/python3", "-I", "-c", script, status=0)


def test_gcc(run):
    """The driver, cc1, as, collect2 and ld, by vfork and exec; the object is the same byte for byte."""
    need("gcc")
    run.write("hello.c", '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n')
    run.same("gcc", "-O2", "-Wall", "-c", "hello.c", "-o", "hello.o", status=0)
    run.same("sh", "-c", "gcc -O2 -frandom-seed=1 hello.c -o hello && ./hello && sha256sum hello", status=0)
    run.write("broken.c", "int main(void) { return }\n")
    run.same("gcc", "-c", "broken.c", status=1)


def test_sqlite(run):
    """A database with its log in shared memory."""
    need("sqlite3")
    script = """
    PRAGMA journal_mode=WAL;
    CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        INSERT INTO t SELECT i, printf('row %d', i * 7919 % 10007) FROM n;
    CREATE INDEX i ON t(b);
    SELECT count(*), sum(a), min(b), max(b) FROM t WHERE b LIKE 'row 1%';
    DROP TABLE t;
    VACUUM;
    """
    run.same("sqlite3", "test.db", stdin=script.encode(), status=0)


def test_git(run):
    """A repository from nothing to its second commit, packed and checked."""
    need("git")
    environment = {
        "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z",
        "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    script = """
    set -e
    rm -rf repo; git init -q -b main repo; cd repo
    git config user.name Tester; git config user.email tester@example.com
    seq 1 5000 > numbers; git add numbers; git commit -q -m first
    seq 2 5001 > numbers; git commit -q -a -m second
    git log --format='%H %s'; git diff --stat HEAD~1; git gc -q; git fsck --no-progress; git count-objects
    """
    run.same("sh", "-c", script, status=0, env=environment)


def test_tar_and_compressors(run):
    need("tar", "gzip")
    script = "seq 1 50000 > n; tar cf - --mtime=@0 n | gzip -n9 | sha256sum; tar czf n.tgz n && tar tzf n.tgz"
    run.same("sh", "-c", script, status=0)


def test_the_other_tracer(run_once):
    """strace cannot trace below us: it must say so and end, as it does under any tracer."""
    need("strace")
    outcome, trace = run_once.traced("strace", "-o", "/dev/null", "true")
    assert outcome.status != 0 and b"ermitted" in outcome.stderr, outcome
    trace.verify()


def test_under_the_other_tracer(run_once):
    """Below strace, ptrace of a process of our own is possible, but not of one that strace follows: run, or say why not."""
    need("strace")
    outcome = run_once("strace", "-o", "/dev/null", run_once.brkwater, "-q", "-o", run_once.path("t"), "--", "true")
    assert outcome.status in (0, 125), outcome


def test_report_of_everything(run):
    """`report` fits on a screen, has no line over 100 columns but for paths, and says how much was verified."""
    outcome, trace = run.traced("bash", "-c", "seq 1 1000 | sort | tail -1")
    assert outcome.status == 0, outcome
    report = run.verb("report", trace.path)
    assert report.status == 0 and "0 drift" in report.out, report
    lines = report.out.splitlines()
    assert len(lines) <= 60, report.out
    wide = [line for line in lines if len(line) > 100 and "/" not in line]
    assert not wide, f"lines of more than 100 columns: {wide}"

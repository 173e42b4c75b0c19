"""stress-ng's stressors of memory and processes: the same verdict as untraced, and no drift at any checkpoint."""

import re
import shutil
import subprocess

import pytest

from conftest import USERS
from harness import LONG

STRESSORS = (
    "brk mmap mmapfork mmapfixed mmapmany mmapaddr mremap mprotect munmap madvise shm shm-sysv vma stack bigheap fork vfork "
    "clone exec daemon"
).split()
# It fills all memory of the machine, over and over: minutes.
SLOW = ["mmapfork"]


def known_stressors():
    """Versions differ in what they have."""
    text = subprocess.run(["stress-ng", "--stressors"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    return set(re.split(r"\s+", text))


# As an ordinary user where there is a choice, since some stressors refuse to run as root; as both in the long run.
@pytest.mark.parametrize("user", USERS if LONG else USERS[-1:], indirect=True)
@pytest.mark.parametrize("name", [name for name in STRESSORS if LONG or name not in SLOW])
def test_stressor(run, name):
    if not shutil.which("stress-ng"):
        pytest.skip("stress-ng is not installed")
    if name not in known_stressors():
        pytest.skip(f"this version of stress-ng has no {name}")
    seconds = "5" if LONG else "1"
    command = ["stress-ng", f"--{name}", "1", "--timeout", seconds, "--temp-path", run.folder]
    plain = run(*command)
    traced, trace = run.traced(*command, options=["--checkpoint-every", "100"])
    assert traced.status == plain.status, f"{plain}\n{traced}"
    trace.verify()

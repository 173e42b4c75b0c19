"""Runs inside gdb (test_gdb_stacks.py): stops at memory calls and writes each as a line of JSON, with the return addresses of
some of the stacks.  Environment: STACKS_OUT, the file; STACKS_SHARE, the share of calls whose stack is taken; STACKS_SEED."""

import json
import os
import random

import gdb

CALLS = {9: "mmap", 10: "mprotect", 11: "munmap", 12: "brk"}
NO_RESULT_YET = -38  # what the kernel shows as the result at the entry of a call


def register(name):
    return int(gdb.parse_and_eval(f"(long)${name}"))


def addresses():
    """Frames of functions that are inlined or were left by a jump have no return address of their own."""
    found = []
    frame = gdb.newest_frame()
    while frame is not None and frame.is_valid():
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            found.append(frame.pc())
        try:
            frame = frame.older()
        except gdb.error:
            break
    return found


def main():
    chosen = random.Random(int(os.environ["STACKS_SEED"]))
    share = float(os.environ["STACKS_SHARE"])
    with open(os.environ["STACKS_OUT"], "w") as out:
        gdb.execute("run", to_string=True)
        while gdb.selected_inferior().pid:
            number = register("orig_rax")
            if number in CALLS and register("rax") == NO_RESULT_YET:
                line = {"call": CALLS[number], "args": [register(name) & (1 << 64) - 1 for name in ("rdi", "rsi")]}
                if chosen.random() < share:
                    line["stack"] = addresses()
                out.write(json.dumps(line) + "\n")
            gdb.execute("continue", to_string=True)


for setting in (
    "debuginfod enabled off", "startup-with-shell off", "confirm off", "pagination off", "backtrace past-main on",
    "backtrace limit 128", "disable-randomization on", "print inferior-events off",
):  # fmt: skip
    gdb.execute(f"set {setting}")
for variable in ("LINES", "COLUMNS", "STACKS_OUT", "STACKS_SHARE", "STACKS_SEED"):
    gdb.execute(f"unset environment {variable}")
gdb.execute("catch syscall mmap munmap brk mprotect", to_string=True)
main()

"""What older kernels lack is emulated by a filter that makes one request fail; the recording is as good, or says why it can't be."""

import pytest

from harness import expectations, match_expectations


@pytest.mark.parametrize("name", ["calls-mmap-file", "calls-shm", "calls-aio", "calls-memfd", "calls-mmap"])
def test_without_the_query_of_one_mapping(run, name):
    """Before Linux 6.11 the text of maps tells which file a mapping has."""
    program = run.program(name)
    outcome = run(run.program("without-call"), "procmap-query", run.brkwater, "-q", "-o", run.path("t.brkw"), "--", program)
    assert outcome.status == 0, outcome
    plain, trace = run.traced(program, trace="with.brkw")
    verify = run.verb("verify", run.path("t.brkw"))
    assert verify.status == 0 and "0 drift" in verify.out, verify
    without = run.verb("events", run.path("t.brkw"), "--json")
    match_expectations(expectations(outcome.stdout), [event for event in parse(without.stdout)])
    assert [event["call"] for event in parse(without.stdout)] == [event["call"] for event in trace.events()]


def parse(data):
    from harness import parse_events

    return parse_events(data)


def test_without_the_request_that_tells_calls(run):
    """Before Linux 5.3 calls can't be told reliably: the command is not started, and one line says why."""
    outcome = run(
        run.program("without-call"), "ptrace-info", run.brkwater, "-q", "-o", run.path("t.brkw"), "--", "sh", "-c", "echo ran"
    )
    assert outcome.status == 125 and outcome.stdout == b"", outcome
    assert outcome.err.count("\n") == 1 and "5.3" in outcome.err, outcome

#!/usr/bin/env python3
"""Runs librdkafka's test-runner once per test number and counts the entries of its table that say they passed.

Only entries that need a broker are run; those that test the library against itself are left out. An entry that skips
itself is a failure here unless exceptions.txt gives a reason.
"""

import argparse
import collections
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ENTRY = re.compile(r"^    _TEST\((\w+),(.*?)(?=^    _TEST\(|^    /\* Manual|^#|^    \{)", re.MULTILINE | re.DOTALL)
OUTCOME = re.compile(r"=+ Test (\S+) (PASSED|FAILED|SKIPPED)")
SKIP_REASON = re.compile(r"WARN: SKIPPING TEST: ([^\x1b\n]*)")
PART_PASSED = re.compile(r"\[ .*: PASS \(")
FAILURE = re.compile(r"### Test .*|TEST FAILURE.*|timed out \(timeout set.*")
# A part may be a race of the test's own: 0081 sleeps exactly as long as the session of the members that it waits for.
PART_TRIES = 3


@dataclasses.dataclass
class Exception_:
    parts: list  # of SUBTESTS that run all the same
    reason: str


@dataclasses.dataclass
class Result:
    outcome: str
    seconds: float
    note: str = ""


def entries(suite, scenario):
    """Names in test.c's table that need a broker and belong to the scenario."""
    text = (suite / "test.c").read_text()
    table = text[text.index("struct test tests[]") : text.index("/* Manual tests */", text.index("struct test tests[]")) + 20]
    names = []
    for name, rest in ENTRY.findall(table):
        belongs = re.search(r'\.scenario = "([^"]*)"', rest)
        if "TEST_F_LOCAL" not in rest and scenario in (belongs.group(1).split(",") if belongs else ["default"]):
            names.append(name)
    return names


def read_exceptions(path, idempotent):
    """entry -> Exception_, from lines `entry | parts, that, run | reason`; `entry@idempotent` holds only for that run."""
    table = {}
    for line in pathlib.Path(path).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, parts, reason = (field.strip() for field in line.split("|", 2))
            name, _, only = name.partition("@")
            if not only or idempotent:
                table[name] = Exception_([part.strip() for part in parts.split(",") if part.strip()], reason)
    return table


def run_process(options, number, part, log):
    """The exit status; the output goes to `log`."""
    environment = {
        **os.environ,
        "TESTS": number,
        "TEST_SCENARIO": options.scenario,
        "TEST_KAFKA_VERSION": "3.9.0",
        "KAFKA_PATH": str(options.kafka_path),
        "BROKERS": options.bootstrap,
        "RDKAFKA_TEST_CONF": str(options.logs / "test.conf"),
        "LD_LIBRARY_PATH": f"{options.suite}/../src:{options.suite}/../src-cpp",
        "PATH": f"{options.kafka_path}/bin:{os.environ['PATH']}",
    }
    environment.pop("CI", None)  # it would switch quick behaviour on
    if part:
        environment["SUBTESTS"] = part
    arguments = ["./test-runner", "-p1", "-L"] + (["-P"] if options.idempotent else [])
    with open(log, "w") as out:
        process = subprocess.Popen(arguments, cwd=options.suite, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            return process.wait(options.seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with the tools it may have started
            process.wait()
            return "time limit"


def judge(log, names, status, part):
    """outcome and note of each entry that the process was to run."""
    text = log.read_text(errors="replace")
    said = dict(OUTCOME.findall(text))
    failure = FAILURE.findall(text)
    results = {}
    for name in names:
        outcome = said.get(name, "")
        if outcome == "PASSED" and status == 0 and (not part or PART_PASSED.search(text)):
            results[name] = ("passed", "")
        elif outcome == "SKIPPED" or (not outcome and status == 0):
            reason = SKIP_REASON.search(text)
            results[name] = ("skipped", reason.group(1).strip() if reason else "it doesn't say why")
        elif outcome == "PASSED" and not part and any(said.get(other) != "PASSED" for other in names):
            results[name] = ("passed", "")  # the bad end was another entry's
        else:
            results[name] = ("failed", f"exit {status} {' / '.join(failure[-2:])}"[:240])
    return results


def run_number(options, number, names, table):
    """name -> Result for all entries of one number."""
    results = {}
    whole = [name for name in names if options.all or name not in table]
    if whole:
        begin = time.monotonic()
        log = options.logs / f"{number}.log"
        status = run_process(options, number, "", log)
        for name, (outcome, note) in judge(log, whole, status, "").items():
            results[name] = Result(outcome, time.monotonic() - begin, note)
    for name in names:
        if name in results:
            if options.all and name in table and results[name].outcome == "skipped":
                results[name] = Result("excepted", 0, table[name].reason)
            continue
        begin = time.monotonic()
        failed = ""
        for index, part in enumerate(table[name].parts):
            log = options.logs / f"{number}.part{index}.log"
            for _ in range(PART_TRIES):
                status = run_process(options, number, part, log)
                outcome, note = judge(log, [name], status, part)[name]
                if outcome == "passed":
                    break
            else:
                failed += f"{part}: {note} "
        seconds = time.monotonic() - begin
        results[name] = Result("failed", seconds, failed) if failed else Result("part" if table[name].parts else "excepted", seconds, table[name].reason)
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", type=pathlib.Path, required=True)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--kafka-path", type=pathlib.Path, required=True)
    parser.add_argument("--exceptions", required=True)
    parser.add_argument("--scenario", default="default")
    parser.add_argument("--logs", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=600, help="per process")
    parser.add_argument("--idempotent", action="store_true")
    parser.add_argument("--all", action="store_true", help="run excepted entries, too (a control broker)")
    parser.add_argument("only", nargs="*", help="numbers or entries")
    options = parser.parse_args()
    options.suite = options.suite.resolve()
    options.logs.mkdir(parents=True, exist_ok=True)
    (options.logs / "test.conf").write_text(f"bootstrap.servers={options.bootstrap}\ntest.topic.random=true\n")

    table = read_exceptions(options.exceptions, options.idempotent)
    numbers = {}
    for name in entries(options.suite, options.scenario):
        if not options.only or name in options.only or name[:4] in options.only:
            numbers.setdefault(name[:4], []).append(name)
    outcomes = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for results in pool.map(lambda item: run_number(options, *item, table), numbers.items()):
            for name, result in results.items():
                outcomes[name] = result.outcome
                print(f"{result.outcome:8} {name} ({result.seconds:.0f}s)  {result.note}".rstrip(), flush=True)
    # Many tests measure times and were not written for a busy machine: what failed gets a second chance, alone.
    for number in sorted({name[:4] for name, outcome in outcomes.items() if outcome == "failed"}):
        failed = [name for name in numbers[number] if outcomes[name] == "failed"]
        for name, result in run_number(options, number, failed, table).items():
            outcomes[name] = result.outcome
            print(f"{result.outcome:8} {name} ({result.seconds:.0f}s)  alone, after a failure; {result.note}".rstrip("; "), flush=True)
    counts = collections.Counter(outcomes.values())
    # Nothing may skip itself without a reason of ours.
    failed = counts["failed"] + counts["skipped"]
    excepted = counts["excepted"] + counts["part"]
    print(f"{counts['passed']} passed, {failed} failed, {excepted} excepted ({counts['part']} of them passed but for a part), 0 skipped")
    return 1 if failed or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())

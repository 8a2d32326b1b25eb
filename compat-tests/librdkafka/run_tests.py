#!/usr/bin/env python3
"""Runs librdkafka's test-runner once per test number and counts the tests that say they passed."""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

OUTCOME = re.compile(r"=+ Test (\S+) (PASSED|FAILED|SKIPPED)")


def exceptions(path):
    """number -> reason, from lines `0097  needs TLS`."""
    reasons = {}
    if path and pathlib.Path(path).exists():
        for line in pathlib.Path(path).read_text().splitlines():
            number, _, reason = line.strip().partition(" ")
            if number and not number.startswith("#"):
                reasons[number] = reason.strip()
    return reasons


def numbers(suite):
    return sorted({match.group(1) for file in suite.iterdir() if (match := re.match(r"([01]\d{3})-.*\.(c|cpp)$", file.name))})


def run_one(options, number):
    environment = {
        **os.environ,
        "TESTS": number,
        "TEST_SCENARIO": options.scenario,
        "TEST_KAFKA_VERSION": "3.9.0",
        "KAFKA_PATH": str(options.kafka_path),
        "BROKERS": options.bootstrap,
        "RDKAFKA_TEST_CONF": str(options.logs / "test.conf"),
        "LD_LIBRARY_PATH": f"{options.suite}/../src:{options.suite}/../src-cpp",
    }
    environment.pop("CI", None)  # it would switch quick behaviour on
    log = options.logs / f"{number}.log"
    begin = time.monotonic()
    arguments = ["./test-runner", "-p1"] + (["-P"] if options.idempotent else [])
    with open(log, "w") as out:
        try:
            status = subprocess.run(arguments, cwd=options.suite, env=environment, stdout=out, stderr=subprocess.STDOUT, timeout=options.seconds).returncode
        except subprocess.TimeoutExpired:
            status = "time limit"
    outcomes = {}
    for match in OUTCOME.finditer(log.read_text(errors="replace")):
        outcomes[match.group(1)] = match.group(2)
    if status == 0 and outcomes and all(result == "PASSED" for result in outcomes.values()):
        outcome = "passed"
    elif status == 0 and (not outcomes or all(result == "SKIPPED" for result in outcomes.values())):
        outcome = "skipped"
    else:
        outcome = "failed"
    return number, outcome, status, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--suite", type=pathlib.Path, required=True)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--kafka-path", type=pathlib.Path, required=True)
    parser.add_argument("--exceptions")
    parser.add_argument("--scenario", default="default")
    parser.add_argument("--logs", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=300, help="per test")
    parser.add_argument("--idempotent", action="store_true")
    parser.add_argument("only", nargs="*")
    options = parser.parse_args()
    options.suite = options.suite.resolve()
    options.logs.mkdir(parents=True, exist_ok=True)
    (options.logs / "test.conf").write_text(f"bootstrap.servers={options.bootstrap}\ntest.topic.random=true\n")

    reasons = exceptions(options.exceptions)
    wanted = options.only or [number for number in numbers(options.suite) if number not in reasons]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for number, outcome, status, seconds in pool.map(lambda n: run_one(options, n), wanted):
            counts[outcome] += 1
            print(f"{outcome:8} {number} ({seconds:.1f}s)" + ("" if outcome == "passed" else f" exit {status}"), flush=True)
    if not options.only:
        for number, reason in sorted(reasons.items()):
            print(f"left out {number}: {reason}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())

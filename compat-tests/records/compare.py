#!/usr/bin/env python3
"""Compares what Kafka's leader and ours did with each produce request: compare.py THEIRS OURS

They must agree, except for these, which only damaged requests show:
  internal    one of the two answers UNKNOWN_SERVER_ERROR (Kafka: an exception that nothing expected; we: compressed bytes
              that cannot be decompressed), the other refuses with a code of its own, depending on what is noticed first
  unreadable  Kafka appends a batch that its own reader then cannot read; we refuse it with INVALID_RECORD
  structure   Kafka names records and does not come to the damaged one, or overlooks it; we refuse the batch as a whole
"""
import collections
import sys

refusals = {"UNKNOWN_SERVER_ERROR", "INVALID_RECORD", "CORRUPT_MESSAGE", "INVALID_TIMESTAMP"}


def load(path):
    requests, current = {}, None
    for line in open(path):
        if line.startswith(" "):
            current.append(line.rstrip())
        else:
            current = requests.setdefault(line.strip(), [])
    return requests


def explained(theirs, ours):
    their_code, our_code = theirs[0].split()[0], ours[0].split()[0]
    if "UNKNOWN_SERVER_ERROR" in (their_code, our_code) and {their_code, our_code} <= refusals:
        return "internal"
    if their_code == "ok" and theirs[-1].split()[0] in refusals and our_code == "INVALID_RECORD":
        return "unreadable"
    if their_code in refusals and our_code in (their_code, "INVALID_RECORD") and len(ours[0].split()) == 1:
        return "structure"
    return None


def main():
    theirs, ours = load(sys.argv[1]), load(sys.argv[2])
    counts, wrong = collections.Counter(), []
    if theirs.keys() != ours.keys() or not theirs:
        wrong.append("the two did not judge the same requests")
    for name in sorted(theirs.keys() & ours.keys()):
        if theirs[name] == ours[name]:
            counts["agree, accepted" if ours[name][0].startswith("  ok") else "agree, refused"] += 1
        elif reason := explained(theirs[name], ours[name]):
            counts["differ: " + reason] += 1
        else:
            wrong.append(f"{name}: Kafka {theirs[name][:2]}, Barnabas {ours[name][:2]}")
    summary = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    print(f"{'FAILED' if wrong else 'ok    '}  a leader's validation: {len(theirs)} requests: {summary}")
    for line in wrong[:20]:
        print("        " + line[:300])
    sys.exit(1 if wrong else 0)


main()

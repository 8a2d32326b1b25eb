#!/usr/bin/env python3
"""Turns what DumpLogSegments --deep-iteration --print-data-log printed into our own form, one record a line:
   PARTITION OFFSET TIMESTAMP KEY VALUE     or     PARTITION OFFSET TIMESTAMP control
Records below the offset given for a partition (PARTITION=OFFSET arguments) are left out.
Prints nothing else; anything suspicious in the output makes it fail."""
import re
import sys

record = re.compile(r"^\| offset: (\d+) (?:CreateTime|LogAppendTime|NoTimestampType): (-?\d+) keySize: (-?\d+) valueSize: (-?\d+)"
                    r"(?: sequence: -?\d+ headerKeys: \[.*?\])?(.*)$")
starts = dict((name, int(offset)) for name, offset in (argument.rsplit("=", 1) for argument in sys.argv[1:]))
bad = []
partition = None
lines = []
for line in sys.stdin:
    line = line.rstrip("\n")
    if line.startswith("Dumping "):
        partition = line.split("/")[-2]
    elif "invalid bytes" in line or "Exception" in line or "Mismatch" in line:
        bad.append(line)
    match = record.match(line)
    if not match:
        continue
    offset, timestamp, key_size, value_size, rest = match.groups()
    if int(offset) < starts.get(partition, 0):
        continue
    if "endTxnMarker:" in rest:
        lines.append(f"{partition} {offset} {timestamp} control")
        continue
    key, value = "-", "-"
    found = re.match(r"^(?: key: (.*?))?(?: payload: (.*))?$", rest)
    if int(key_size) >= 0:
        key = found.group(1) or ""
    if int(value_size) >= 0:
        value = found.group(2) or ""
    lines.append(f"{partition} {offset} {timestamp} {key} {value}")
print("\n".join(lines))
if bad:
    print("\n".join(bad[:20]), file=sys.stderr)
    sys.exit(1)

#!/usr/bin/env python3
"""Checks of shape that clang-format and clang-tidy don't make; part of `tools/dev test`.

  - includes point down only (tools > broker > coordination > storage > protocol)
  - files stay below 800 lines, functions below 70 (tests: 120)
  - each header opens with a comment that says what it is, and has #pragma once
  - nothing says it is unfinished
"""

import re
import subprocess
import sys

LEVELS = {"protocol": 0, "storage": 1, "coordination": 2, "broker": 3, "tools": 4}
FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
TEST_FUNCTION_LINES_MAX = 120

INCLUDE = re.compile(r'#include "([a-z_]+)/')
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
SCOPE = re.compile(r"\b(namespace|class|struct|enum|union|extern)\b")


def source_files():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.cc", "*.h"], capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.splitlines() if path.split("/")[0] in LEVELS]


def without_literals(line):
    """The line with strings, characters and a trailing comment blanked, so that braces can be counted."""
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    line = re.sub(r"'(\\.|[^'\\])'", "''", line)
    return line.split("//")[0]


def functions(lines):
    """(first line, length) of each outermost brace block that isn't a namespace, type or initialiser.

    A heuristic on formatted code: good enough for a ceiling, since clang-format fixes where braces stand.
    """
    stack = []
    statement = ""
    raw_string_end = None
    for number, line in enumerate(lines, 1):
        if raw_string_end:
            if raw_string_end not in line:
                continue
            line = line.split(raw_string_end, 1)[1]
            raw_string_end = None
        raw = re.search(r'R"([a-zA-Z]*)\(', line)
        if raw and f"){raw.group(1)}\"" not in line:
            raw_string_end = f'){raw.group(1)}"'
            line = line[: raw.start()]
        for char in without_literals(line):
            if char == "{":
                is_scope = bool(SCOPE.search(statement)) and not re.search(r"\)\s*(const|noexcept|override|final|\s)*$", statement)
                is_function = not is_scope and ")" in statement and not re.search(r"=\s*$", statement)
                inside = any(kind == "function" for kind, _ in stack)
                stack.append(("function" if is_function and not inside else "other", number))
                statement = ""
            elif char == "}":
                if stack:
                    kind, first = stack.pop()
                    if kind == "function":
                        yield first, number - first + 1
                statement = ""
            elif char == ";":
                statement = ""
            else:
                statement += char
        statement += " "


def problems_of(path):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    level = LEVELS[path.split("/")[0]]
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if include and LEVELS.get(include.group(1), -1) > level:
            yield number, f"includes {include.group(1)}/, which stands above {path.split('/')[0]}/"
        if UNFINISHED.search(line):
            yield number, "says that something is unfinished"
    if len(lines) > FILE_LINES_MAX:
        yield len(lines), f"{len(lines)} lines; the ceiling is {FILE_LINES_MAX}"
    if path.endswith(".h"):
        if not lines or not lines[0].startswith("//"):
            yield 1, "a header opens with a comment: what it is, who owns it, what guards it"
        if "#pragma once" not in lines:
            yield 1, "no #pragma once"
    limit = TEST_FUNCTION_LINES_MAX if "_test" in path or "/testing" in path else FUNCTION_LINES_MAX
    for first, length in functions(lines):
        if length > limit:
            yield first, f"a function of {length} lines; the ceiling is {limit}"


def main():
    count = 0
    files = source_files()
    for path in files:
        for line, problem in problems_of(path):
            count += 1
            print(f"{path}:{line}: {problem}")
    print(f"style: {len(files)} files, {count} problems")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())

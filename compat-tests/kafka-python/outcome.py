"""What came out of pytest's runs.

  outcome.py failed FILE               the ids of the tests that failed
  outcome.py count LEFT_OUT FILE…      the counts; a test that failed counts as its repetition in a later file, if there is one
"""

import os
import sys
import xml.etree.ElementTree


def cases(path):
    """Each test's id, with what went wrong or nothing, and whether it was skipped."""
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = case.get("classname").replace(".", "/") + ".py::" + case.get("name")
        bad = next((child for child in case if child.tag in ("failure", "error")), None)
        yield name, None if bad is None else (bad.get("message") or "")[:600], case.find("skipped") is not None


def count(left_out, paths):
    passed, failures = 0, {}
    for path in filter(os.path.exists, paths):
        for name, failure, skipped in cases(path):
            if failure is not None:
                failures[name] = failure
            elif skipped:
                left_out += 1
            else:
                passed += 1
                if failures.pop(name, None) is not None:
                    print("repeated", name)
    for name, failure in failures.items():
        print("FAILED ", name, failure, sep="\n")
    print(f"{passed} passed, {len(failures)} failed, {left_out} excepted")
    return 1 if failures or not passed else 0


if __name__ == "__main__":
    if sys.argv[1] == "failed":
        for name, failure, _ in cases(sys.argv[2]):
            if failure is not None:
                print(name)
    else:
        sys.exit(count(int(sys.argv[2]), sys.argv[3:]))

"""Version ranges as the schema files write them: `3`, `0-4`, `3+`."""

import re
from dataclasses import dataclass

OPEN = 32767  # the upper end of `3+`


@dataclass(frozen=True)
class Range:
    """Both ends included; empty when low > high."""

    low: int
    high: int

    def __bool__(self):
        return self.low <= self.high

    def __and__(self, other):
        return Range(max(self.low, other.low), min(self.high, other.high))

    def __contains__(self, version):
        return self.low <= version <= self.high

    def covers(self, other):
        return not other or (self.low <= other.low and other.high <= self.high)

    def __str__(self):
        if not self:
            return "none"
        if self.high == OPEN:
            return f"{self.low}+"
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


ALL = Range(0, OPEN)
NONE = Range(0, -1)

_PATTERN = re.compile(r"(\d{1,3})(?:(\+)|-(\d{1,3}))?$")


def is_range(text):
    return _PATTERN.match(text) is not None


def parse_range(text):
    """The range, or ValueError with a sentence."""
    match = _PATTERN.match(text)
    if match is None:
        raise ValueError(f"'{text}' is not a version range; write 3, 0-4 or 3+")
    low = int(match.group(1))
    high = OPEN if match.group(2) else int(match.group(3)) if match.group(3) else low
    if low > high:
        raise ValueError(f"the range {text} ends before it starts")
    return Range(low, high)

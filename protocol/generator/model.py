"""What a schema file says, after parsing and checking."""

import re
from dataclasses import dataclass, field as attribute
from typing import Optional

from versions import ALL, NONE, OPEN, Range

NUMBERS = {
    "bool": 1, "int8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "float64": 8,
    "uuid": 16, "error": 2,
}
LENGTH_PREFIXED = ("string", "bytes", "records")
PRIMITIVES = (*NUMBERS, *LENGTH_PREFIXED)


class SchemaError(Exception):
    """A mistake in a schema file; the message starts with file:line."""


def snake_case(name):
    """ProduceRequest -> produce_request, KRaftVersion -> kraft_version."""
    name = name.replace("KRaft", "Kraft")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@dataclass
class Field:
    name: str
    type: str  # the element's type for arrays
    line: int
    is_array: bool = False
    versions: Range = ALL
    nullable: Range = NONE
    tag: Optional[int] = None  # in the tag buffer in all of its versions
    default: Optional[str] = None  # as written, quotes removed
    is_key: bool = False
    ignorable: bool = False
    inflexible: bool = False  # classic encoding even in flexible versions
    struct: Optional["Struct"] = None

    @property
    def default_is_null(self):
        return self.default == "null"

    @property
    def is_optional(self):
        return bool(self.nullable)


@dataclass
class Struct:
    name: str
    line: int
    versions: Range = ALL  # those in which some field uses it; set by the checks
    fields: list = attribute(default_factory=list)


@dataclass
class Message:
    """A request, a response, a header or a record: the outermost structure."""

    name: str  # the C++ and Kafka name, e.g. ProduceRequest
    kind: str  # request, response, header, record
    line: int
    root: Struct
    structs: list = attribute(default_factory=list)  # the inner ones, used before users


@dataclass
class Schema:
    """One file."""

    path: str
    name: str = ""  # Produce
    kind: str = ""  # api, header, record
    api_key: Optional[int] = None
    versions: Range = NONE
    flexible: Range = NONE
    unstable: Range = NONE
    messages: list = attribute(default_factory=list)

    @property
    def file_name(self):
        return snake_case(self.name)

    def fail(self, line, sentence):
        raise SchemaError(f"{self.path}:{line}: {sentence}")


def min_wire_size(kind, classic_only):
    """Bytes that a primitive or an array takes at least."""
    if kind in NUMBERS:
        return NUMBERS[kind]
    if not classic_only:
        return 1
    return 2 if kind == "string" else 4


def field_min_size(schema, one, within):
    """The least a field takes in any version of `within`; 0 where it may be absent."""
    if one.tag is not None or not one.versions.covers(within):
        return 0
    classic_only = one.inflexible or not (schema.flexible & within)
    if one.is_array:
        return min_wire_size("array", classic_only)
    if one.struct is not None:
        return 1 if one.is_optional else struct_min_size(schema, one.struct)
    return min_wire_size(one.type, classic_only)


def struct_min_size(schema, struct):
    total = sum(field_min_size(schema, one, struct.versions) for one in struct.fields)
    if schema.flexible.covers(struct.versions):
        total += 1  # its tag buffer
    return max(1, total)


def element_min_size(schema, one, within):
    if one.struct is not None:
        return struct_min_size(schema, one.struct)
    return min_wire_size(one.type, one.inflexible or not (schema.flexible & within))


__all__ = [
    "ALL", "NONE", "OPEN", "Field", "LENGTH_PREFIXED", "Message", "NUMBERS", "PRIMITIVES", "Range", "Schema",
    "SchemaError", "Struct", "element_min_size", "field_min_size", "snake_case", "struct_min_size",
]

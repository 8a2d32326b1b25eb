"""What the generator accepts, what it refuses, and how it says so. Run by ctest."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import checks  # noqa: E402
import emit_header  # noqa: E402
import emit_source  # noqa: E402
import generate  # noqa: E402
import parser  # noqa: E402
from model import SchemaError, snake_case  # noqa: E402
from versions import OPEN, Range, parse_range  # noqa: E402

HEAD = "record Thing\nversions 0-4\nflexible 2+\n\nfields {\n"


def schema_of(text):
    schema = parser.parse("thing.schema", text)
    checks.check(schema)
    return schema


def fields(lines):
    return schema_of(HEAD + lines + "}\n").messages[0].root.fields


class Versions(unittest.TestCase):
    def test_ranges(self):
        self.assertEqual(parse_range("3"), Range(3, 3))
        self.assertEqual(parse_range("3+"), Range(3, OPEN))
        self.assertEqual(parse_range("0-12"), Range(0, 12))
        self.assertEqual(str(Range(0, 3) & Range(2, OPEN)), "2-3")
        self.assertFalse(Range(0, 1) & Range(2, 3))

    def test_backward_range(self):
        with self.assertRaisesRegex(ValueError, "ends before it starts"):
            parse_range("4-3")


class Names(unittest.TestCase):
    def test_snake_case(self):
        self.assertEqual(snake_case("OffsetForLeaderEpoch"), "offset_for_leader_epoch")
        self.assertEqual(snake_case("KRaftVersionRecord"), "kraft_version_record")
        self.assertEqual(snake_case("isKRaftController"), "is_kraft_controller")
        self.assertEqual(snake_case("commitTimestamp"), "commit_timestamp")


class Fields(unittest.TestCase):
    def test_everything_at_once(self):
        one, = fields('  rack: string?3+ 2+ = "r" tag 0 ignorable  # comment\n')
        self.assertEqual((one.name, one.type, one.default, one.tag), ("rack", "string", "r", 0))
        self.assertEqual((one.versions, one.nullable), (Range(2, OPEN), Range(3, OPEN)))
        self.assertTrue(one.ignorable)

    def test_nullable_without_range_follows_the_field(self):
        one, = fields("  parts: []int32? 1-3\n")
        self.assertTrue(one.is_array)
        self.assertEqual(one.nullable, Range(1, 3))

    def test_inner_structures(self):
        one, = fields("  topics: []Topic 1+ {\n    name: string key\n  }\n")
        self.assertEqual(one.struct.versions, Range(1, 4))
        self.assertTrue(one.struct.fields[0].is_key)


class Mistakes(unittest.TestCase):
    def refuse(self, text, line, sentence):
        with self.assertRaises(SchemaError) as caught:
            schema_of(text)
        self.assertRegex(str(caught.exception), rf"^thing\.schema:{line}: .*{sentence}")

    def refuse_field(self, line, sentence):
        self.refuse(HEAD + line + "}\n", 6, sentence)

    def test_in_the_declaration(self):
        self.refuse("table Thing\n", 1, "starts with api, header or record")
        self.refuse("api Thing\n", 1, "write 'api Name key'")
        self.refuse("api Thing x\n", 1, "not an API key")
        self.refuse("record thing\n", 1, "not a PascalCase name")
        self.refuse("record Thing\nfields {\n}\n", 1, "'versions' line is missing")
        self.refuse("record Thing\nversions 0-1\nversions 0-1\n", 3, "a second 'versions' line")
        self.refuse("record Thing\nversions 0-1\nflexible 2+\nfields {\n}\n", 1, "starts outside of versions")
        self.refuse("api Thing 1\nversions 0\nrequest {\n}\n", 4, "file ends where 'response")

    def test_in_a_body(self):
        self.refuse(HEAD, 5, "the file ends where '}'")
        self.refuse(HEAD + "}\n}\n", 7, "nothing may follow")
        self.refuse_field("  name string\n", "written 'name: type")
        self.refuse_field("  Name: string\n", "not a snake_case name")
        self.refuse_field("  name: str\n", "'str' is not a type")
        self.refuse_field("  name: string{}\n", "is not a type")
        self.refuse_field("  name: Thing2\n", "there is no type Thing2")
        self.refuse_field("  name: string fancy\n", "'fancy' is not an attribute")
        self.refuse_field("  name: string key key\n", "'key' twice")
        self.refuse_field("  name: string 3-2\n", "ends before it starts")
        self.refuse_field("  name: string {\n", "string has no fields")
        self.refuse_field("  name: string =\n", "a value should follow")
        self.refuse_field("  struct Unused {\n  }\n", "Unused is not used")
        self.refuse(HEAD + "  a: int8\n  a: int8\n}\n", 7, "a second field a")
        self.refuse(HEAD + "  a: X {\n    b: int8\n  }\n  c: X {\n  }\n}\n", 9, "the name X is taken")

    def test_in_meaning(self):
        self.refuse_field("  name: int32?\n", "int32 can't be null")
        self.refuse_field("  name: string 7+\n", "outside of the message's")
        self.refuse_field("  name: string = null\n", "not every version may hold null")
        self.refuse_field("  name: []int32 = 5\n", "only null can be a default")
        self.refuse_field("  name: int8 = 128\n", "does not fit into int8")
        self.refuse_field("  name: uint16 = -1\n", "does not fit into uint16")
        self.refuse_field("  name: int32 = x\n", "not an integer")
        self.refuse_field("  name: bool = 1\n", "true or false")
        self.refuse_field("  name: string 2+ tag 1\n", "tags count up from 0")
        self.refuse_field("  name: string tag 0\n", "only 2\\+ is flexible")
        self.refuse_field("  operator: string\n", "reserved")
        self.refuse_field("  names: []string key\n", "an array can't be a key")
        self.refuse_field("  inner: String {\n    a: int8\n  }\n", "taken by a type of the library")
        self.refuse(HEAD + "  struct Node {\n    next: []Node\n  }\n  node: Node\n}\n", 7, "Node contains itself")

    def test_between_files(self):
        def api(path):
            return parser.parse(path, "api X 1\nversions 0\nrequest {\n}\nresponse {\n}\n")
        with self.assertRaisesRegex(SchemaError, "two.schema:1: XRequest is also defined in one.schema"):
            checks.check_all([api("one.schema"), api("two.schema")])


class Output(unittest.TestCase):
    def test_versions_become_conditions(self):
        text = emit_source.source(schema_of(HEAD + "  a: int32 1+ = -1\n  b: string 0-2 ignorable\n}\n"))
        self.assertIn("if (at_version >= 1) {\n    reader.get(a);", text)
        self.assertIn('} else if (!(a == -1)) {\n    writer.reject("a");', text)
        self.assertIn("if (at_version <= 2) {\n    writer.put(b, encoding, \"b\");\n  }\n", text)

    def test_members_carry_defaults(self):
        text = emit_header.header(schema_of(HEAD + "  a: int32 = 0x10\n  b: string? = null\n  c: []int8?\n}\n"))
        self.assertIn("std::int32_t a = 16;", text)
        self.assertIn("std::optional<String> b;", text)
        self.assertIn("std::optional<std::vector<std::int8_t>> c = std::vector<std::int8_t>();", text)

    def test_unchanged_files_are_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            schema = pathlib.Path(folder) / "thing.schema"
            schema.write_text(HEAD + "  a: int32\n}\n")
            self.assertEqual(generate.main([folder, str(schema)]), 0)
            header = pathlib.Path(folder) / "protocol/messages/thing.h"
            before = header.stat().st_mtime_ns
            self.assertEqual(generate.main([folder, str(schema)]), 0)
            self.assertEqual(header.stat().st_mtime_ns, before)


if __name__ == "__main__":
    unittest.main()

"""Reads schema files. The language is described in protocol/schema/README.md."""

import re

from model import Field, Message, PRIMITIVES, Schema, Struct
from versions import is_range, parse_range

_PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*$")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*$")
_TYPE = re.compile(r"(\[\])?([A-Za-z0-9]+)(\?)?(\d[\d+-]*)?$")
_TOKEN = re.compile(r'"[^"]*"|\S+')


def parse(path, text):
    return _Parser(path, text).parse()


class _Parser:
    def __init__(self, path, text):
        self.schema = Schema(path)
        self.lines = [(number, _TOKEN.findall(line.split("#", 1)[0])) for number, line in
                      enumerate(text.splitlines(), start=1)]
        self.lines = [(number, tokens) for number, tokens in self.lines if tokens]
        self.at = 0
        self.line = 1

    def fail(self, sentence):
        self.schema.fail(self.line, sentence)

    def next(self, expected):
        if self.at == len(self.lines):
            self.fail(f"the file ends where {expected} should follow")
        self.line, tokens = self.lines[self.at]
        self.at += 1
        return list(tokens)

    def range(self, text):
        try:
            return parse_range(text)
        except ValueError as error:
            self.fail(str(error))

    def name(self, text, pattern, what):
        if not pattern.match(text):
            self.fail(f"'{text}' is not a {what}")
        return text

    def parse(self):
        self.declaration()
        while self.at < len(self.lines) and self.lines[self.at][1][0] in ("versions", "flexible", "unstable"):
            self.version_line()
        if not self.schema.versions:
            self.fail("a 'versions' line is missing")
        bodies = {"api": ("request", "response")}.get(self.schema.kind, ("fields",))
        for body in bodies:
            self.body(body)
        if self.at != len(self.lines):
            self.next("")
            self.fail("nothing may follow here")
        return self.schema

    def declaration(self):
        tokens = self.next("a declaration such as 'api Produce 0'")
        self.schema.kind = tokens[0]
        if tokens[0] not in ("api", "header", "record"):
            self.fail(f"a file starts with api, header or record, not '{tokens[0]}'")
        if len(tokens) != (3 if tokens[0] == "api" else 2):
            self.fail("write 'api Name key', 'header Name' or 'record Name'")
        self.schema.name = self.name(tokens[1], _PASCAL, "PascalCase name")
        if tokens[0] == "api":
            if not tokens[2].isdigit():
                self.fail(f"'{tokens[2]}' is not an API key")
            self.schema.api_key = int(tokens[2])

    def version_line(self):
        tokens = self.next("")
        if len(tokens) != 2:
            self.fail(f"write '{tokens[0]}' and one range")
        if getattr(self.schema, tokens[0]):
            self.fail(f"a second '{tokens[0]}' line")
        setattr(self.schema, tokens[0], self.range(tokens[1]))

    def body(self, word):
        tokens = self.next(f"'{word} {{'")
        if tokens != [word, "{"]:
            self.fail(f"'{word} {{' should stand here")
        name = self.schema.name + ("" if word == "fields" else word.capitalize())
        kind = self.schema.kind if word == "fields" else word
        root = Struct(name, self.line, self.schema.versions)
        message = Message(name, kind, self.line, root)
        self.schema.messages.append(message)
        self.fields(message, root, top=True)

    def fields(self, message, struct, top=False):
        while True:
            tokens = self.next("'}'")
            if tokens == ["}"]:
                return
            if tokens[0] == "struct":
                if not top or len(tokens) != 3 or tokens[2] != "{":
                    self.fail("write 'struct Name {', and only directly in a message")
                self.new_struct(message, tokens[1])
            else:
                self.field(message, struct, tokens)

    def new_struct(self, message, name):
        self.name(name, _PASCAL, "PascalCase name")
        if name in PRIMITIVES or name == message.name or any(one.name == name for one in message.structs):
            self.fail(f"the name {name} is taken")
        struct = Struct(name, self.line)
        self.fields(message, struct)
        message.structs.append(struct)
        return struct

    def field(self, message, struct, tokens):
        if not tokens[0].endswith(":") or len(tokens) < 2:
            self.fail("a field is written 'name: type …'")
        one = Field(self.name(tokens[0][:-1], _SNAKE, "snake_case name"), "", self.line)
        if any(other.name == one.name for other in struct.fields):
            self.fail(f"a second field {one.name}")
        struct.fields.append(one)
        nullable = self.type(one, tokens[1])
        opens = tokens[-1] == "{"
        self.attributes(one, tokens[2:-1] if opens else tokens[2:])
        if nullable is not None:
            one.nullable = self.range(nullable) & one.versions if nullable else one.versions
        if one.type == "records" and one.nullable:
            one.default = "null"  # as Kafka's code has it
        if opens:
            if one.type in PRIMITIVES:
                self.fail(f"{one.type} has no fields")
            self.new_struct(message, one.type)

    def type(self, one, text):
        """Fills in the type; gives None, or the text of the nullable range ('' for all versions)."""
        match = _TYPE.match(text)
        if match is None or (match.group(4) and not match.group(3)):
            self.fail(f"'{text}' is not a type")
        one.is_array = match.group(1) is not None
        one.type = match.group(2)
        if one.type not in PRIMITIVES and not _PASCAL.match(one.type):
            self.fail(f"'{one.type}' is not a type")
        return (match.group(4) or "") if match.group(3) else None

    def attributes(self, one, tokens):
        if tokens and is_range(tokens[0]):
            one.versions = self.range(tokens.pop(0))
        seen = set()
        while tokens:
            word = tokens.pop(0)
            if word in seen:
                self.fail(f"'{word}' twice")
            seen.add(word)
            if word in ("=", "tag") and not tokens:
                self.fail(f"a value should follow '{word}'")
            if word == "=":
                one.default = tokens.pop(0).strip('"')
            elif word == "tag":
                self.tag(one, tokens)
            elif word in ("key", "ignorable", "inflexible"):
                setattr(one, "is_key" if word == "key" else word, True)
            else:
                self.fail(f"'{word}' is not an attribute; there are =, tag, key, ignorable, inflexible")

    def tag(self, one, tokens):
        number = tokens.pop(0)
        if not number.isdigit():
            self.fail(f"'{number}' is not a tag number")
        one.tag = int(number)

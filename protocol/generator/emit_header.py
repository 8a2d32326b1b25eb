"""Writes messages/<name>.h."""

import cxx
from model import snake_case


def header(schema):
    parts = [f"// Generated from protocol/schema/{schema.file_name}.schema; edit that.\n#pragma once\n\n"
             '#include "protocol/message.h"\n\nnamespace protocol {\n']
    parts += [_message(schema, message) for message in schema.messages]
    parts.append("\n}  // namespace protocol\n")
    return "".join(parts)


def _message(schema, message):
    lines = _structs(schema, message)
    lines += ["", f"struct {message.name} {{"]
    if schema.api_key is not None:
        lines.append(f"  static constexpr ApiKey api_key = ApiKey::{schema.file_name};")
    if message.kind == "request":
        lines.append(f"  using Response = struct {schema.name}Response;")
    first = schema.flexible.low if schema.flexible else "never_flexible"
    lines += [
        f'  static constexpr std::string_view message_name = "{message.name}";',
        f"  static constexpr VersionRange versions{{{schema.versions.low}, {schema.versions.high}}};",
        f"  static constexpr std::int16_t first_flexible_version = {first};",
    ]
    if message.structs:
        lines += ["", *(f"  using {struct.name} = {_namespace(message)}::{struct.name};" for struct in message.structs)]
    members = _members(schema, message.root)
    lines += ["", *members] if members else []
    lines += ["", f"  static Result<{message.name}> decode(Reader& reader, std::int16_t at_version);",
              "  void encode(Writer& writer, std::int16_t at_version) const;", *_functions(message), "};", ""]
    return "\n".join(lines)


def _namespace(message):
    return f"{snake_case(message.name)}_types"


def _structs(schema, message):
    """The inner structures. They stand in front of the message, and the message only names them, because clang takes
    a nested class with default member initializers for not constructible until the outer class is complete."""
    if not message.structs:
        return []
    lines = ["", f"namespace {_namespace(message)} {{"]
    for struct in message.structs:
        lines += ["", f"struct {struct.name} {{", *_members(schema, struct), "", *_functions(struct), "};"]
    return [*lines, "", f"}}  // namespace {_namespace(message)}"]


def _functions(struct):
    return ["  void read(Reader& reader, std::int16_t at_version);",
            "  void write(Writer& writer, std::int16_t at_version) const;",
            f"  bool operator==(const {struct.name}&) const = default;"]


def _members(schema, struct):
    lines = []
    for one in struct.fields:
        line = f"  {cxx.field_type(one)} {one.name}{cxx.initializer(one)};"
        if not one.versions.covers(struct.versions) or one.tag is not None:
            line += f"  // v{one.versions}"
        lines.append(line)
    if schema.flexible & struct.versions:
        lines.append("  std::vector<RawTaggedField> unknown_tagged_fields;")
    return lines

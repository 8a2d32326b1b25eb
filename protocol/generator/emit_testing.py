"""Writes testing/<name>.cc: random instances of every message, and the table by which tests reach all of them."""

import cxx
from model import snake_case


def source(schema):
    parts = [f"// Generated from protocol/schema/{schema.file_name}.schema; edit that.\n"
             f'#include "protocol/messages/{schema.file_name}.h"\n\n#include "protocol/testing/any_message.h"\n\n'
             "namespace protocol::testing {\n\n"]
    for message in schema.messages:
        for struct in message.structs:
            parts.append(_fill(schema, struct, f"{message.name}::{struct.name}"))
        parts.append(_fill(schema, message.root, message.name))
    parts += [f"extern const AnyMessage {_entry(message)};\n"
              f"const AnyMessage {_entry(message)} = any_message<{message.name}>();\n" for message in schema.messages]
    parts.append("\n}  // namespace protocol::testing\n")
    return "".join(parts)


def registry(schemas):
    entries = [_entry(message) for schema in schemas for message in schema.messages]
    declarations = "\n".join(f"extern const AnyMessage {entry};" for entry in entries)
    rows = "\n".join(f"      &{entry}," for entry in entries)
    return f"""// Generated from protocol/schema/*.schema; edit those.
#include "protocol/testing/any_message.h"

namespace protocol::testing {{

{declarations}

std::span<const AnyMessage* const> all_messages() {{
  static const AnyMessage* const messages[] = {{
{rows}
  }};
  return messages;
}}

}}  // namespace protocol::testing
"""


def _entry(message):
    return f"{snake_case(message.name)}_entry"


def _fill(schema, struct, name):
    lines = []
    for one in struct.fields:
        condition = cxx.in_range(one.versions, struct.versions)
        fill = _field(one, struct)
        if condition == "true":
            lines.append(f"  {fill}")
        elif one.ignorable:
            lines.append(f"  if (({condition}) || random.sets_ignored()) {fill}")
        else:
            lines.append(f"  if ({condition}) {fill}")
    flexible = cxx.in_range(schema.flexible, struct.versions)
    if flexible != "false":
        tagged = sum(one.tag is not None for one in struct.fields)
        lines.append(f"  if ({flexible}) random.fill_tags(value.unknown_tagged_fields, {tagged});")
    text = "\n".join(lines)
    marked = [name if name in text else f"[[maybe_unused]] {name}" for name in ("random", "at_version")]
    random = "RandomFields& random" if "random" in text else "RandomFields&"
    value = f"{name}& value" if "value" in text else f"{name}&"
    version = "std::int16_t at_version" if "at_version" in marked else "[[maybe_unused]] std::int16_t at_version"
    return f"void fill({random}, {value}, {version}) {{\n{text}\n}}\n\n"


def _field(one, struct):
    arguments = f"random, value.{one.name}"
    if one.is_optional:
        nullable = cxx.in_range(one.nullable, one.versions & struct.versions)
        return f"fill_optional({arguments}, {nullable}, at_version);"
    return f"fill_array({arguments}, at_version);" if one.is_array else f"fill({arguments}, at_version);"

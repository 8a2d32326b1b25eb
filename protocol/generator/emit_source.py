"""Writes messages/<name>.cc: reading and writing, field by field."""

import cxx
from model import element_min_size


def source(schema):
    parts = [f"// Generated from protocol/schema/{schema.file_name}.schema; edit that.\n"
             f'#include "protocol/messages/{schema.file_name}.h"\n\nnamespace protocol {{\n']
    for message in schema.messages:
        for struct in message.structs:
            parts.append(_codec(schema, struct, f"{message.name}::{struct.name}"))
        parts.append(_codec(schema, message.root, message.name))
        parts.append(f"""
Result<{message.name}> {message.name}::decode(Reader& reader, std::int16_t at_version) {{
  return decode_message<{message.name}>(reader, at_version);
}}

void {message.name}::encode(Writer& writer, std::int16_t at_version) const {{
  encode_message(*this, writer, at_version);
}}
""")
    parts.append("\n}  // namespace protocol\n")
    return "".join(parts)


def _codec(schema, struct, name):
    reads = _body(_Reading(schema, struct))
    writes = _body(_Writing(schema, struct))
    return (f"\nvoid {name}::read({_unused('Reader& reader', reads)}, {_unused('std::int16_t at_version', reads)}) {{\n"
            f"{reads}}}\n"
            f"\nvoid {name}::write({_unused('Writer& writer', writes)}, "
            f"{_unused('std::int16_t at_version', writes)}) const {{\n{writes}}}\n")


def _unused(parameter, body):
    name = parameter.split()[-1]
    return parameter if name in body else f"[[maybe_unused]] {parameter}"


def _body(direction):
    struct, within = direction.struct, direction.struct.versions
    lines = []
    for one in struct.fields:
        if one.tag is not None:
            lines += direction.absent(one)
            continue
        condition = cxx.in_range(one.versions, within)
        if condition == "true":
            lines.append(f"  {direction.field(one)}")
            continue
        lines += [f"  if ({condition}) {{", f"    {direction.field(one)}", "  }"]
        otherwise = direction.otherwise(one)
        if otherwise:
            lines[-1] = f"  }} else if ({otherwise}) {{"
            lines += [f'    writer.reject("{one.name}");', "  }"]
    lines += direction.tags()
    text = "\n".join(lines) + ("\n" if lines else "")
    if "encoding" in text:
        flexible = cxx.in_range(direction.schema.flexible, within)
        value = {"true": "Encoding::flexible", "false": "Encoding::classic"}.get(
            flexible, f"{flexible} ? Encoding::flexible : Encoding::classic")
        text = f"  const Encoding encoding = {value};\n" + text
    return text


def _presence(one):
    return "Presence::byte" if one.tag is None else "Presence::varint"


class _Direction:
    def __init__(self, schema, struct):
        self.schema = schema
        self.struct = struct
        self.tagged = sorted((one for one in struct.fields if one.tag is not None), key=lambda one: one.tag)

    def nullable(self, one, within=None):
        return cxx.in_range(one.nullable, one.versions & (within or self.struct.versions))

    def arguments(self, one):
        encoding = "Encoding::classic" if one.inflexible else "encoding"
        text = f'{one.name}, {encoding}, "{one.name}"'
        return f"{text}, {self.nullable(one)}" if one.is_optional else text

    def rule(self, one):
        size = element_min_size(self.schema, one, one.versions & self.struct.versions)
        nullable = self.nullable(one) if one.is_optional else "false"
        return f'{{encoding, {nullable}, {size}, "{one.name}"}}'

    def tag_buffer(self, lines):
        """`lines`, in those versions that have a tag buffer."""
        condition = cxx.in_range(self.schema.flexible, self.struct.versions)
        if condition == "false":
            return []
        if condition == "true":
            return [f"  {line}" for line in lines]
        return [f"  if ({condition}) {{", *(f"    {line}" for line in lines), "  }"]


class _Reading(_Direction):
    def otherwise(self, one):
        return None

    def absent(self, one):
        return []

    def field(self, one):
        if one.is_array:
            return f"read_array(reader, {one.name}, {self.rule(one)}, at_version);"
        if one.struct is not None:
            return self.structure(one)
        if one.type in ("string", "bytes", "records"):
            return f"reader.get({self.arguments(one)});"
        return f"reader.get({one.name});"

    def structure(self, one):
        if not one.is_optional:
            fresh = f"{one.name} = {{}}; " if one.tag is not None else ""  # a tag that comes twice: the last one counts
            return f"{fresh}{one.name}.read(reader, at_version);"
        nullable = self.nullable(one)
        if nullable == "true":
            return f"read_nullable_struct(reader, {one.name}, at_version, {_presence(one)});"
        return (f"if ({nullable}) read_nullable_struct(reader, {one.name}, at_version, {_presence(one)}); "
                f"else {one.name}.emplace().read(reader, at_version);")

    def tags(self):
        if not self.tagged:
            return self.tag_buffer(["reader.get_unknown_tags(unknown_tagged_fields);"])
        lines = ["for (TagReader tags(reader); tags.next();) {", "  switch (tags.tag()) {"]
        flexible = self.schema.flexible & self.struct.versions
        for one in self.tagged:
            lines.append(f"    case {one.tag}:")
            condition = cxx.in_range(one.versions, flexible)
            if condition == "false":
                lines.append("      tags.reject();")
            elif condition != "true":
                lines.append(f"      if ({cxx.negated(condition)}) {{ tags.reject(); break; }}")
            if condition != "false":
                lines.append(f"      {self.field(one)}")
            lines.append("      break;")
        lines += ["    default:", "      tags.keep(unknown_tagged_fields);", "  }", "}"]
        return self.tag_buffer(lines)


class _Writing(_Direction):
    def otherwise(self, one):
        """The condition under which a field that this version lacks is an error."""
        return None if one.ignorable else f"!({cxx.is_default(one)})"

    def absent(self, one):
        """A tagged field's check in versions that lack it."""
        condition = cxx.in_range(one.versions, self.struct.versions)
        if one.ignorable or condition == "true":
            return []
        test = f"{cxx.negated(condition)} && {cxx.negated(cxx.is_default(one))}"
        return [f'  if ({test}) writer.reject("{one.name}");']

    def field(self, one):
        if one.is_array:
            return f"write_array(writer, {one.name}, {self.rule(one)}, at_version);"
        if one.struct is not None:
            return self.structure(one)
        if one.type in ("string", "bytes", "records"):
            return f"writer.put({self.arguments(one)});"
        return f"writer.put({one.name});"

    def structure(self, one):
        if not one.is_optional:
            return f"{one.name}.write(writer, at_version);"
        nullable = self.nullable(one)
        if nullable == "true":
            return f"write_nullable_struct(writer, {one.name}, at_version, {_presence(one)});"
        present = (f'if ({one.name}) {one.name}->write(writer, at_version); '
                   f'else writer.fail("is null, which this version of the message does not allow", "{one.name}");')
        return present if nullable == "false" else (
            f"if ({nullable}) write_nullable_struct(writer, {one.name}, at_version, {_presence(one)}); else {present}")

    def tags(self):
        flexible = self.schema.flexible & self.struct.versions
        if not flexible:
            return []
        lines = ["std::size_t tag_count = unknown_tagged_fields.size();"]
        values = []
        for one in self.tagged:
            condition = cxx.in_range(one.versions, flexible)
            tests = [cxx.negated(cxx.is_default(one))] + ([condition] if condition != "true" else [])
            lines.append(f"const bool has_{one.name} = {' && '.join(tests)};")
            lines.append(f"if (has_{one.name}) ++tag_count;")
            values += [f"if (has_{one.name}) {{", f"  const std::size_t tag_start = writer.begin_tag({one.tag});",
                       f"  {self.field(one)}", "  writer.end_tag(tag_start);", "}"]
        lines.append("writer.unsigned_varint(static_cast<std::uint32_t>(tag_count));")
        lines += [*values, f"writer.put_unknown_tags(unknown_tagged_fields, {len(self.tagged)});"]
        result = self.tag_buffer(lines)
        if result[0].startswith("  if ("):
            result[-1] = "  } else {"
            result += ["    writer.reject_unknown_tags(unknown_tagged_fields);", "  }"]
        return result

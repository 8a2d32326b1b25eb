"""What must hold in a schema beyond its grammar. Every complaint names file and line."""

from model import NUMBERS, PRIMITIVES
from versions import Range

# Names that the generated code uses itself.
RESERVED = {
    "read", "write", "encode", "decode", "reader", "writer", "at_version", "encoding", "versions", "message_name",
    "first_flexible_version", "unknown_tagged_fields", "tags",
}
CXX_KEYWORDS = {
    "alignas", "and", "auto", "bool", "break", "case", "catch", "char", "class", "const", "continue", "default",
    "delete", "do", "double", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend",
    "goto", "if", "inline", "int", "long", "mutable", "namespace", "new", "not", "operator", "or", "private",
    "protected", "public", "register", "requires", "return", "short", "signed", "sizeof", "static", "struct",
    "switch", "template", "this", "throw", "true", "try", "typedef", "union", "unsigned", "using", "virtual", "void",
    "volatile", "while", "xor",
}
# Types that generated code names without a qualifier.
RESERVED_TYPES = {"String", "ByteString", "Bytes", "Records", "Uuid", "ErrorCode", "Reader", "Writer", "Result",
                  "ApiKey", "VersionRange", "RawTaggedField", "Encoding", "TagReader", "ArrayRule"}

INTEGER_BITS = {"int8": 8, "int16": 16, "uint16": 16, "int32": 32, "uint32": 32, "int64": 64, "error": 16}


def check(schema):
    if schema.flexible and schema.flexible.low not in schema.versions:
        schema.fail(1, f"flexible {schema.flexible} starts outside of versions {schema.versions}")
    if schema.flexible and schema.flexible.high < schema.versions.high:
        schema.fail(1, f"flexible {schema.flexible} must go on to the last of versions {schema.versions}")
    if schema.unstable and not schema.versions.covers(schema.unstable):
        schema.fail(1, f"unstable {schema.unstable} is outside of versions {schema.versions}")
    for message in schema.messages:
        _link(schema, message)
        message.root.versions = schema.versions
        _walk(schema, message.root, [])
        message.structs = _in_order(schema, message)
        for struct in [*message.structs, message.root]:
            _check_tags(schema, struct)


def check_all(schemas):
    """What must hold between files."""
    names, keys = {}, {}
    for schema in schemas:
        for message in schema.messages:
            if message.name in names:
                schema.fail(1, f"{message.name} is also defined in {names[message.name]}")
            names[message.name] = schema.path
        if schema.api_key is None:
            continue
        if schema.api_key in keys:
            schema.fail(1, f"API key {schema.api_key} is also used by {keys[schema.api_key]}")
        keys[schema.api_key] = schema.path


def _link(schema, message):
    structs = {struct.name: struct for struct in message.structs}
    for struct in [*message.structs, message.root]:
        if struct.name in RESERVED_TYPES:
            schema.fail(struct.line, f"the name {struct.name} is taken by a type of the library")
        for one in struct.fields:
            if one.type in PRIMITIVES:
                continue
            if one.type not in structs:
                schema.fail(one.line, f"there is no type {one.type}")
            one.struct = structs[one.type]
    for struct in message.structs:
        struct.versions = Range(0, -1)


def _walk(schema, struct, outer):
    """Checks the fields of a structure that is in use in struct.versions, and goes down into theirs."""
    for one in struct.fields:
        _check_field(schema, struct, one)
        if one.struct is None:
            continue
        if one.struct.name in outer or one.struct is struct:
            schema.fail(one.line, f"{one.struct.name} contains itself")
        used, now = one.struct.versions, one.versions & struct.versions
        one.struct.versions = Range(min(used.low, now.low), max(used.high, now.high)) if used else now
        _walk(schema, one.struct, [*outer, struct.name])


def _check_field(schema, struct, one):
    def fail(sentence):
        schema.fail(one.line, f"{one.name}: {sentence}")

    if one.name in RESERVED or one.name in CXX_KEYWORDS or (one.name == "api_key" and struct.versions is
                                                             schema.versions and schema.kind == "api"):
        fail("this name is reserved")
    if not one.versions & schema.versions:
        fail(f"versions {one.versions} are outside of the message's {schema.versions}")
    if one.nullable and one.type in NUMBERS and not one.is_array:
        fail(f"{one.type} can't be null")
    if one.is_key and one.is_array:
        fail("an array can't be a key")
    if one.inflexible and (one.struct is not None or one.is_array):
        fail("only strings and bytes can be inflexible")
    _check_default(one, fail)


def _check_default(one, fail):
    if one.default is None:
        return
    if one.default_is_null:
        if one.type != "records" and not one.nullable.covers(one.versions):
            fail("the default is null, but not every version may hold null")
        return
    if one.is_array or one.struct is not None or one.type in ("bytes", "records", "uuid"):
        fail("here only null can be a default")
    if one.type == "bool" and one.default not in ("true", "false"):
        fail("the default of a bool is true or false")
    if one.type in INTEGER_BITS:
        _check_integer(one, fail)
    if one.type == "float64":
        try:
            float(one.default)
        except ValueError:
            fail(f"'{one.default}' is not a number")


def _check_integer(one, fail):
    try:
        value = int(one.default, 0)
    except ValueError:
        fail(f"'{one.default}' is not an integer")
    bits = INTEGER_BITS[one.type]
    low, high = (0, (1 << bits) - 1) if one.type[0] == "u" else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    if not low <= value <= high:
        fail(f"{one.default} does not fit into {one.type}")


def _check_tags(schema, struct):
    tagged = sorted((one for one in struct.fields if one.tag is not None), key=lambda one: one.tag)
    for number, one in enumerate(tagged):
        if one.tag != number:
            schema.fail(one.line, f"{one.name}: tags count up from 0 without a gap; {one.tag} is not {number}")
        if not schema.flexible.covers(one.versions & struct.versions):
            schema.fail(one.line, f"{one.name}: tagged in {one.versions}, but only {schema.flexible} is flexible")


def _in_order(schema, message):
    """The inner structures, each after those it contains. Unused ones are a mistake."""
    ordered = []

    def visit(struct):
        for one in struct.fields:
            if one.struct is not None:
                visit(one.struct)
        if struct is not message.root and struct not in ordered:
            ordered.append(struct)

    visit(message.root)
    for struct in message.structs:
        if struct not in ordered:
            schema.fail(struct.line, f"the structure {struct.name} is not used")
    return ordered

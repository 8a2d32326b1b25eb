"""How schema types and values are spelled in C++."""


TYPES = {
    "bool": "bool", "int8": "std::int8_t", "int16": "std::int16_t", "uint16": "std::uint16_t",
    "int32": "std::int32_t", "uint32": "std::uint32_t", "int64": "std::int64_t", "float64": "double",
    "uuid": "Uuid", "error": "ErrorCode", "string": "String", "bytes": "ByteString", "records": "Records",
}


def base_type(one):
    return TYPES.get(one.type, one.type)


def field_type(one):
    kind = f"std::vector<{base_type(one)}>" if one.is_array else base_type(one)
    return f"std::optional<{kind}>" if one.is_optional else kind


def number(one):
    """The default of a number, as a literal."""
    text = one.default or "0"
    if one.type == "bool":
        return one.default or "false"
    if one.type == "error":
        return "ErrorCode::none" if text == "0" else f"ErrorCode{{{int(text, 0)}}}"
    if one.type == "float64":
        return repr(float(text))
    value = int(text, 0)
    if one.type == "int64" and value == -(1 << 63):
        return "INT64_MIN"
    return str(value)


def initializer(one):
    """What follows the member's name in its declaration."""
    if one.default_is_null:
        return ""
    if one.is_optional:
        inner = f"std::vector<{base_type(one)}>" if one.is_array else base_type(one)
        value = f'"{one.default}"' if one.type == "string" and one.default else ""
        return f" = {inner}({value})" if one.struct is None or one.is_array else f" = {inner}{{}}"
    if one.is_array or one.struct is not None or one.type in ("bytes", "records", "uuid"):
        return ""
    if one.type == "string":
        return f' = "{one.default}"' if one.default else ""
    return f" = {number(one)}"


def is_default(one):
    """An expression that is true while the member has its default."""
    name = one.name
    if one.default_is_null:
        return f"!{name}"
    value = f"(*{name})" if one.is_optional else name
    if one.is_array or one.type in ("bytes", "records"):
        test = f"{name}->empty()" if one.is_optional else f"{name}.empty()"
    elif one.struct is not None:
        test = f"{value} == {one.type}{{}}"
    elif one.type == "uuid":
        test = f"{value}.is_zero()"
    elif one.type == "string":
        test = f'{value} == "{one.default}"' if one.default else (
            f"{name}->empty()" if one.is_optional else f"{name}.empty()")
    elif one.type == "bool":
        test = name if one.default == "true" else f"!{name}"
    else:
        test = f"{name} == {number(one)}"
    return f"({name} && {test})" if one.is_optional else test


def in_range(versions, within):
    """A condition on at_version for `versions`, knowing that it is in `within`; "true" or "false" where it is fixed."""
    if not versions & within:
        return "false"
    if versions.covers(within):
        return "true"
    tests = []
    if versions.low > within.low:
        tests.append(f"at_version >= {versions.low}")
    if versions.high < within.high:
        tests.append(f"at_version <= {versions.high}")
    if len(tests) == 2 and versions.low == versions.high:
        return f"at_version == {versions.low}"
    return " && ".join(tests)


def negated(condition):
    return f"!{condition}" if condition.isidentifier() else f"!({condition})"

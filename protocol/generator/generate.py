#!/usr/bin/env python3
"""Turns schema files into C++: generate.py OUTPUT_DIR SCHEMA_FILE...

Writes OUTPUT_DIR/protocol/api_key.{h,cc}, messages/<name>.{h,cc} and testing/<name>.cc. Files whose content stays the
same are not touched, so that a change in one schema rebuilds what uses it and nothing else.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import checks  # noqa: E402
import emit_api_key  # noqa: E402
import emit_header  # noqa: E402
import emit_source  # noqa: E402
import emit_testing  # noqa: E402
import parser  # noqa: E402
from model import SchemaError  # noqa: E402


def load(path):
    schema = parser.parse(str(path), path.read_text(encoding="utf-8"))
    if path.stem != schema.file_name:
        schema.fail(1, f"a definition of {schema.name} belongs into {schema.file_name}.schema")
    checks.check(schema)
    return schema


def outputs(schemas):
    yield "api_key.h", emit_api_key.header(schemas)
    yield "api_key.cc", emit_api_key.source(schemas)
    for schema in schemas:
        yield f"messages/{schema.file_name}.h", emit_header.header(schema)
        yield f"messages/{schema.file_name}.cc", emit_source.source(schema)
        yield f"testing/{schema.file_name}.cc", emit_testing.source(schema)
    yield "testing/registry.cc", emit_testing.registry(schemas)


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    target = pathlib.Path(arguments[0]) / "protocol"
    try:
        schemas = [load(pathlib.Path(path)) for path in sorted(arguments[1:])]
        checks.check_all(schemas)
    except SchemaError as error:
        print(error, file=sys.stderr)
        return 1
    for name, text in outputs(schemas):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

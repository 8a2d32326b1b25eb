#!/usr/bin/env python3
"""Compares protocol/schema with the message definitions in Kafka's jars, field by field, for every message and version.

check_definitions.py JAR_FOLDER...   newest first: a version is judged by the first folder whose jars know it.

Compared are: names and order of fields, types, structure names, nullability, defaults, tags, keys, ignorability, the
encoding of lengths, API keys and flexible versions. Prints the counts; differences and anything uncovered are failures.
"""

import json
import pathlib
import re
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "protocol/generator"))
sys.dont_write_bytecode = True

import generate  # noqa: E402
from model import snake_case  # noqa: E402
from versions import ALL, NONE, parse_range  # noqa: E402

# Messages that ours merges with another: the same bytes under an older or a special name.
RENAMED = {"ListClientMetricsResourcesRequest": "ListConfigResourcesRequest",
           "ListClientMetricsResourcesResponse": "ListConfigResourcesResponse",
           "LegacyOffsetCommitKey": "OffsetCommitKey", "LegacyOffsetCommitValue": "OffsetCommitValue"}
# Names that Kafka changed without a change of the bytes; ours has the newer one: (ours, older definition's name).
RENAMED_FIELDS = {("ListConfigResourcesResponse", "client_metrics_resources"): "config_resources",
                  ("ListConfigResourcesResponse", "name"): "resource_name"}
RENAMED_TYPES = {("ListConfigResourcesResponse", "ClientMetricsResource"): "ConfigResource"}
# Where two releases differ in how a field is declared, ours is the newer one's; these have no effect on bytes read or
# written by Kafka 3.9's versions: `ignorable` and `key` of fields that those versions always have.
DECLARATION_ONLY = ("key", "ignorable")


def kafka_range(text):
    return NONE if text in (None, "none") else parse_range(text)


def read_json(text):
    text = re.sub(r"^\s*//.*$", "", text, flags=re.M)
    return json.loads(re.sub(r'\s//[^"\n]*$', "", text, flags=re.M))


class KafkaMessage:
    def __init__(self, definition):
        self.json = definition
        self.name = RENAMED.get(definition["name"], definition["name"])
        self.renamed = self.name != definition["name"]
        self.versions = kafka_range(definition.get("validVersions"))
        self.flexible = kafka_range(definition.get("flexibleVersions"))
        # A key's version is the record type in front of it; newer definitions call that its apiKey.
        self.shift = definition["apiKey"] if definition["type"] == "coordinator-key" else 0
        self.structs = {struct["name"]: struct["fields"] for struct in definition.get("commonStructs", [])}

    def rows(self, our_version):
        """What the definition says of one version: one row per field, flattened."""
        return list(self._rows(self.json.get("fields", []), our_version - self.shift, ""))

    def _rows(self, fields, version, path):
        for field in fields:
            tagged = kafka_range(field.get("taggedVersions"))
            if version not in (kafka_range(field["versions"]) if "versions" in field else tagged or ALL):
                continue
            name = RENAMED_FIELDS.get((self.name, snake_case(field["name"])), snake_case(field["name"]))
            is_array = field["type"].startswith("[]")
            kind = field["type"][2 if is_array else 0:]
            inner = field.get("fields") or self.structs.get(kind)
            yield {
                "field": path + name, "array": is_array, "type": RENAMED_TYPES.get((self.name, kind), kind),
                "nullable": version in kafka_range(field.get("nullableVersions")),
                "tag": field["tag"] if version in tagged else None,
                "default": default_of(kind, is_array, inner, field.get("default")),
                "key": field.get("mapKey", False), "ignorable": field.get("ignorable", False),
                "classic": version not in self.flexible or field.get("flexibleVersions") == "none",
            }
            if inner:
                yield from self._rows(inner, version, path + name + ".")


def default_of(kind, is_array, inner, text):
    if text is None or text == "":
        text = ""
    if kind == "records":
        return "null"
    if str(text) == "null":
        return "null"
    if is_array or inner or kind in ("string", "bytes", "uuid"):
        return str(text)
    if kind == "bool":
        return str(text).lower() == "true"
    if kind == "float64":
        return float(text or 0)
    return int(str(text or 0), 0)


def our_rows(schema, fields, version, path=""):
    for one in fields:
        if version not in one.versions:
            continue
        kind = "int16" if one.type == "error" else one.type
        inner = one.struct.fields if one.struct else None
        yield {
            "field": path + one.name, "array": one.is_array, "type": kind, "nullable": version in one.nullable,
            "tag": one.tag, "default": default_of(kind, one.is_array, inner, one.default), "key": one.is_key,
            "ignorable": one.ignorable, "classic": version not in schema.flexible or one.inflexible,
        }
        if inner:
            yield from our_rows(schema, inner, version, path + one.name + ".")


def load_kafka(folder):
    messages = {}
    for jar in sorted(pathlib.Path(folder).glob("*.jar")):
        with zipfile.ZipFile(jar) as content:
            for name in content.namelist():
                if name.startswith("common/message/") and name.endswith(".json"):
                    one = KafkaMessage(read_json(content.read(name).decode()))
                    messages.setdefault(one.name, []).append(one)
    return messages


def differences(ours, theirs, same_release):
    """Sentences on what differs between two lists of rows."""
    if [row["field"] for row in ours] != [row["field"] for row in theirs]:
        return [f"fields {[row['field'] for row in ours]}, Kafka has {[row['field'] for row in theirs]}"]
    found = []
    for mine, its in zip(ours, theirs):
        for part, value in its.items():
            if part in DECLARATION_ONLY and not same_release:
                continue
            if mine[part] != value:
                found.append(f"{mine['field']}: {part} is {mine[part]!r}, Kafka has {value!r}")
    return found


def main(folders):
    releases = [load_kafka(folder) for folder in folders]
    schemas = [generate.load(path) for path in sorted((ROOT / "protocol/schema").glob("*.schema"))]
    pairs = fields = 0
    problems, judged = [], set()
    for schema in schemas:
        for message in schema.messages:
            newest = next((release[message.name][0] for release in releases if message.name in release), None)
            for version in range(schema.versions.low, schema.versions.high + 1):
                its = next((one for release in releases for one in release.get(message.name, ())
                            if version - one.shift in one.versions), None)
                where = f"{message.name} {version}"
                if its is None:
                    problems.append(f"{where}: no jar has this version")
                    continue
                judged.add((message.name, version))
                pairs += 1
                if schema.api_key is not None and its.json["apiKey"] != schema.api_key:
                    problems.append(f"{where}: API key {schema.api_key}, Kafka has {its.json['apiKey']}")
                ours = list(our_rows(schema, message.root.fields, version))
                fields += len(ours)
                problems += [f"{where}: {text}" for text in differences(ours, its.rows(version), its is newest)]
    for release in releases:
        for name, group in release.items():
            for one in group:
                for version in range(one.versions.low, one.versions.high + 1):
                    if (name, version + one.shift) not in judged:
                        problems.append(f"{name} {version + one.shift}: Kafka has it, we don't")
    for text in problems[:40]:
        print(text, file=sys.stderr)
    print(f"definitions: {pairs} messages x versions, {fields} fields compared with Kafka's, {len(problems)} differences")
    return 1 if problems or not pairs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

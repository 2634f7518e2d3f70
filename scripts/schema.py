"""Writes what the compiler knows of xDS, from the installed Python package xds-protos.

In:  the *_pb2 modules of xds-protos, found next to the `envoy` package of the running interpreter.
Out: <directory>/schema.gen.json      compiler/input/schema-file.ts says what is in it
     <directory>/descriptors.gen.bin  one google.protobuf.FileDescriptorSet, dependencies first, options included
Both depend on the package's version only, to the byte.
Usage: python scripts/schema.py DIRECTORY
"""

import importlib
import importlib.metadata
import json
import os
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, json_format

# Not compiled: they pull in packages of their own and no snapshot holds them.
LEFT_OUT = ("envoy/config/trace/v3/opencensus.proto", "envoy/service/trace/")
PACKAGES = ("envoy", "xds", "udpa", "validate")
KEPT = ("envoy.", "xds.", "udpa.", "google.protobuf.", "google.rpc.Status")
ALSO = ("google/protobuf/empty.proto", "google/protobuf/field_mask.proto", "google/rpc/status.proto")

F = descriptor_pb2.FieldDescriptorProto
SCALAR = {getattr(F, "TYPE_" + name.upper()): name for name in (
    "double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string bytes").split()}


def load_modules():
    """Imports every module of the packages, so that their files are in the default pool; returns the .proto names."""
    names = set(ALSO)
    for package in PACKAGES:
        root = list(importlib.import_module(package).__path__)[0]
        base = os.path.dirname(root)
        for directory, _, files in os.walk(root):
            for file in files:
                if not file.endswith("_pb2.py"):
                    continue
                path = os.path.relpath(os.path.join(directory, file), base)
                proto = path[: -len("_pb2.py")].replace(os.sep, "/") + ".proto"
                if proto.startswith(LEFT_OUT):
                    continue
                importlib.import_module(path[:-3].replace(os.sep, "."))
                names.add(proto)
    for proto in ALSO:
        importlib.import_module(proto[: -len(".proto")].replace("/", ".") + "_pb2")
    return sorted(names)


def in_order(names):
    """The files and what they import, each after its imports."""
    pool, seen, files = descriptor_pool.Default(), set(), []

    def visit(name):
        if name in seen:
            return
        seen.add(name)
        file = pool.FindFileByName(name)
        for dependency in file.dependencies:
            visit(dependency.name)
        proto = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(proto)
        files.append(proto)

    for name in names:
        visit(name)
    return files


def plain(message):
    """A rules message as JSON: snake_case, whole numbers as numbers, durations and timestamps in seconds and nanos."""
    out = {}
    for field, value in message.ListFields():
        repeated = field.is_repeated
        values = [one(field, item) for item in (value if repeated else [value])]
        out[field.name] = values if repeated else values[0]
    return out


def one(field, value):
    if field.message_type is None:
        return __import__("base64").b64encode(value).decode() if isinstance(value, bytes) else value
    if field.message_type.full_name in ("google.protobuf.Duration", "google.protobuf.Timestamp"):
        return {"seconds": value.seconds, "nanos": value.nanos}
    return plain(value)


def json_name(name):
    """protoc's default lowerCamelCase."""
    out, upper = "", False
    for letter in name:
        if letter == "_":
            upper = True
        else:
            out += letter.upper() if upper else letter
            upper = False
    return out


class Writer:
    def __init__(self):
        from envoy.annotations import deprecation_pb2
        from validate import validate_pb2

        self.rules = validate_pb2.rules
        self.required = validate_pb2.required
        self.disallowed = deprecation_pb2.disallowed_by_default
        self.disallowed_enum = deprecation_pb2.disallowed_by_default_enum
        self.messages, self.enums = {}, {}

    def file(self, proto):
        for message in proto.message_type:
            self.message(proto.package, message, proto.syntax != "proto3")
        for enum in proto.enum_type:
            self.enum(proto.package, enum)

    def message(self, scope, message, proto2):
        name = scope + "." + message.name
        maps = {}
        for nested in message.nested_type:
            if nested.options.map_entry:
                maps["." + name + "." + nested.name] = nested
            else:
                self.message(name, nested, proto2)
        for enum in message.enum_type:
            self.enum(name, enum)
        synthetic = {field.oneof_index for field in message.field if field.proto3_optional}
        out = {"fields": [self.field(message, field, maps, synthetic, proto2) for field in message.field]}
        oneofs = {
            oneof.name: {"required": True} if oneof.options.Extensions[self.required] else {}
            for index, oneof in enumerate(message.oneof_decl) if index not in synthetic
        }
        if oneofs:
            out["oneofs"] = oneofs
        if message.options.deprecated:
            out["deprecated"] = True
        self.messages[name] = out

    def field(self, message, field, maps, synthetic, proto2):
        out = {"name": field.name}
        if (field.json_name or json_name(field.name)) != field.name:
            out["json"] = field.json_name or json_name(field.name)
        out["number"] = field.number
        entry = maps.get(field.type_name)
        value = field if entry is None else entry.field[1]
        if value.type in SCALAR:
            out["type"] = SCALAR[value.type]
        else:
            out["type"] = "enum" if value.type == F.TYPE_ENUM else "message"
            out["of"] = value.type_name[1:]
        if entry is not None:
            out["map"] = SCALAR[entry.field[0].type]
        elif field.label == F.LABEL_REPEATED:
            out["repeated"] = True
        if field.HasField("oneof_index") and field.oneof_index not in synthetic:
            out["oneof"] = message.oneof_decl[field.oneof_index].name
        scalar = out["type"] != "message" and field.label != F.LABEL_REPEATED
        if scalar and (field.proto3_optional or (proto2 and "oneof" not in out)):
            out["optional"] = True
        if field.options.deprecated:
            out["deprecated"] = True
        if field.options.Extensions[self.disallowed]:
            out["disallowed"] = True
        if field.options.HasExtension(self.rules):
            rules = plain(field.options.Extensions[self.rules])
            if rules:
                out["rules"] = rules
        return out

    def enum(self, scope, enum):
        out = {"values": {value.name: value.number for value in enum.value}}
        deprecated = [value.name for value in enum.value if value.options.deprecated]
        disallowed = [value.name for value in enum.value if value.options.Extensions[self.disallowed_enum]]
        if deprecated:
            out["deprecated"] = deprecated
        if disallowed:
            out["disallowed"] = disallowed
        self.enums[scope + "." + enum.name] = out


def closure(messages, enums):
    """The kept packages and everything that their fields refer to."""
    wanted, todo = set(), [name for name in messages if name.startswith(KEPT)]
    kept_enums = {name for name in enums if name.startswith(KEPT)}
    while todo:
        name = todo.pop()
        if name in wanted:
            continue
        wanted.add(name)
        for field in messages[name]["fields"]:
            if field["type"] == "message":
                todo.append(field["of"])
            elif field["type"] == "enum":
                kept_enums.add(field["of"])
    return {name: messages[name] for name in sorted(wanted)}, {name: enums[name] for name in sorted(kept_enums)}


def replace(path, data):
    with open(path + ".part", "wb") as file:
        file.write(data)
    os.replace(path + ".part", path)


def supplement(files):
    """What Envoy 1.40 has in its own descriptors and the package does not have yet."""
    from validate import validate_pb2

    for proto in files:
        if proto.name == "envoy/type/v3/token_bucket.proto":
            # a bucket without tokens refuses everything
            rules = proto.message_type[0].field[0].options.Extensions[validate_pb2.rules].uint32
            rules.ClearField("gt")
            rules.gte = 0
        if proto.name != "envoy/config/route/v3/route_components.proto":
            continue
        match = next(message for message in proto.message_type if message.name == "RouteMatch")
        if any(field.name == "cookies" for field in match.field):
            continue
        of = ".envoy.config.route.v3.CookieMatcher"
        match.field.add(name="cookies", json_name="cookies", number=17, label=F.LABEL_REPEATED, type=F.TYPE_MESSAGE, type_name=of)
        cookie = proto.message_type.add(name="CookieMatcher")
        name = cookie.field.add(name="name", json_name="name", number=1, label=F.LABEL_OPTIONAL, type=F.TYPE_STRING)
        name.options.Extensions[validate_pb2.rules].string.min_len = 1
        name.options.Extensions[validate_pb2.rules].string.max_bytes = 1024
        of = ".envoy.type.matcher.v3.StringMatcher"
        text = cookie.field.add(name="string_match", json_name="stringMatch", number=2, label=F.LABEL_OPTIONAL, type=F.TYPE_MESSAGE, type_name=of)
        text.options.Extensions[validate_pb2.rules].message.required = True
        cookie.field.add(name="invert_match", json_name="invertMatch", number=3, label=F.LABEL_OPTIONAL, type=F.TYPE_BOOL)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: schema.py DIRECTORY")
    files = in_order(load_modules())
    supplement(files)
    writer = Writer()
    for proto in files:
        writer.file(proto)
    messages, enums = closure(writer.messages, writer.enums)
    schema = {"version": importlib.metadata.version("xds-protos"), "messages": messages, "enums": enums}
    replace(os.path.join(sys.argv[1], "schema.gen.json"), json.dumps(schema, separators=(",", ":"), allow_nan=False).encode())
    descriptors = descriptor_pb2.FileDescriptorSet(file=files)
    replace(os.path.join(sys.argv[1], "descriptors.gen.bin"), descriptors.SerializeToString(deterministic=True))
    fields = sum(len(message["fields"]) for message in messages.values())
    print(f"xds-protos {schema['version']}: {len(messages)} messages, {fields} fields, {len(enums)} enums")


main()

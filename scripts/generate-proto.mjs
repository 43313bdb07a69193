// Writes src/shared/proto/generated/: TypeScript types and tables for every message of Milvus's services, and the file descriptors that gRPC
// reflection serves. Source: the descriptors compiled into the official Node SDK (a build-time dependency), plus `proto-additions.mjs`.
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor/index.js";
import { describe } from "./lib/descriptors.mjs";
import { additions, bulky } from "./lib/proto-additions.mjs";

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folder = join(root, "src/shared/proto/generated");

const json = structuredClone(require("@zilliz/milvus2-sdk-node/dist/milvus/proto-json/milvus.js").default);
const merge = (into, from) => {
  for (const [name, value] of Object.entries(from.nested ?? {})) {
    into.nested ??= {};
    if (into.nested[name]?.nested && value.nested) merge(into.nested[name], value);
    else if (into.nested[name]?.methods && value.methods) Object.assign(into.nested[name].methods, value.methods);
    else into.nested[name] = value;
  }
};
merge(json, additions);
// protobufjs 7 needs the edition to be told; every file here is proto3.
const tree = protobuf.Root.fromJSON(json);
tree.resolveAll();

const camel = (name) => name.replace(/_([a-zA-Z0-9])/g, (_, letter) => letter.toUpperCase());
const messages = [];
const enums = [];
const services = [];
const walk = (node) => {
  for (const child of node.nestedArray ?? []) {
    if (child.fullName.startsWith(".google")) continue;
    if (child instanceof protobuf.Type) messages.push(child);
    if (child instanceof protobuf.Enum) enums.push(child);
    if (child instanceof protobuf.Service) services.push(child);
    walk(child);
  }
};
walk(tree);

// Short names: the last part of the full name, with its parent message in front; a package prefix only where two would clash.
const short = new Map();
const taken = new Map();
for (const type of [...messages, ...enums]) {
  const parts = [type.name];
  for (let up = type.parent; up instanceof protobuf.Type; up = up.parent) parts.unshift(up.name);
  const plain = parts.join("_");
  const pkg = type.fullName.split(".").at(-1 - parts.length) ?? "";
  const name = taken.has(plain) ? pkg.charAt(0).toUpperCase() + pkg.slice(1) + plain : plain;
  taken.set(name, type);
  short.set(type.fullName, name);
}

const typeOf = (field) => {
  const kind = kindOf(field);
  const base =
    {
      double: "number",
      float: "number",
      int32: "number",
      uint32: "number",
      sint32: "number",
      fixed32: "number",
      sfixed32: "number",
      int64: "bigint",
      uint64: "bigint",
      sint64: "bigint",
      fixed64: "bigint",
      sfixed64: "bigint",
      bool: "boolean",
      string: "string",
      bytes: "Buffer",
    }[kind] ?? short.get(field.resolvedType.fullName);
  if (field.map) return `Map<${field.keyType === "string" ? "string" : field.keyType.includes("64") ? "bigint" : "number"}, ${base}>`;
  if (field.repeated && kind === "float") return "Float32Array";
  if (field.repeated && kind === "double") return "Float64Array";
  return field.repeated ? `${base}[]` : base;
};
const isBulky = (field) => bulky.has(`${field.parent.fullName.slice(1)}.${field.name}`);
const kindOf = (field) => {
  if (isBulky(field)) return "bytes";
  if (field.resolvedType instanceof protobuf.Enum) return "enum";
  return field.resolvedType ? "message" : field.type;
};
const optional = (field) => Boolean(field.partOf) || field.options?.proto3_optional === true;

const out = ["// Made by scripts/generate-proto.mjs. Do not edit.", 'import { MessageType } from "../wire.js";', ""];
for (const type of enums) {
  const name = short.get(type.fullName);
  out.push(`export const ${name} = {`);
  for (const [key, value] of Object.entries(type.values)) out.push(`  ${JSON.stringify(key)}: ${value},`);
  out.push(`} as const;`, `export type ${name} = (typeof ${name})[keyof typeof ${name}];`, "");
}
for (const type of messages) {
  const name = short.get(type.fullName);
  out.push(`export interface ${name} {`);
  for (const field of type.fieldsArray) {
    const absent = optional(field) || (kindOf(field) === "message" && !field.repeated && !field.map);
    out.push(`  ${camel(field.name)}${absent ? "?" : ""}: ${typeOf(field)}${absent ? " | undefined" : ""};`);
  }
  out.push("}", `export const ${name}: MessageType<${name}> = new MessageType<${name}>(${JSON.stringify(type.fullName.slice(1))}, [`);
  for (const field of type.fieldsArray) {
    const kind = kindOf(field);
    const parts = [`number: ${field.id}`, `name: ${JSON.stringify(camel(field.name))}`, `kind: ${JSON.stringify(kind)}`];
    if (kind === "message") parts.push(`type: () => ${short.get(field.resolvedType.fullName)} as unknown as MessageType<object>`);
    if (field.map) parts.push(`mapKey: ${JSON.stringify(field.keyType)}`);
    else if (field.repeated) parts.push("repeated: true");
    if (optional(field)) parts.push("optional: true");
    out.push(`  { ${parts.join(", ")} },`);
  }
  out.push("]);", "");
}
out.push("export interface Method<Request extends object, Response extends object> {");
out.push(
  "  readonly name: string;\n  readonly request: MessageType<Request>;\n  readonly response: MessageType<Response>;\n  readonly requestStream: boolean;\n  readonly responseStream: boolean;\n}",
);
out.push(
  "const method = <Request extends object, Response extends object>(name: string, request: MessageType<Request>, response: MessageType<Response>, requestStream = false, responseStream = false): Method<Request, Response> => ({ name, request, response, requestStream, responseStream });",
  "",
);
out.push("export const services = {");
for (const service of services) {
  out.push(`  ${JSON.stringify(service.fullName.slice(1))}: {`);
  for (const method of service.methodsArray) {
    method.resolve();
    const streams =
      method.requestStream || method.responseStream ? `, ${Boolean(method.requestStream)}, ${Boolean(method.responseStream)}` : "";
    out.push(
      `    ${method.name}: method(${JSON.stringify(method.name)}, ${short.get(method.resolvedRequestType.fullName)}, ${short.get(method.resolvedResponseType.fullName)}${streams}),`,
    );
  }
  out.push("  },");
}
out.push("} as const;", "");

mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "messages.ts"), out.join("\n"));

const descriptors = [
  "// Made by scripts/generate-proto.mjs. Do not edit.",
  "/** FileDescriptorProtos (base64) for gRPC reflection. */",
  "export interface DescriptorFile {\n  readonly name: string;\n  readonly symbols: readonly string[];\n  readonly dependencies: readonly string[];\n  readonly bytes: string;\n}",
  `export const descriptorFiles: readonly DescriptorFile[] = ${JSON.stringify(describe(tree), null, 1)};`,
  "",
];
writeFileSync(join(folder, "descriptors.ts"), descriptors.join("\n"));
process.stdout.write(`generated ${messages.length} messages, ${enums.length} enums, ${services.length} services\n`);

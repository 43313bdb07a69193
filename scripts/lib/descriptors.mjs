// From protobufjs' tree to the FileDescriptorProtos that gRPC reflection serves. What protobufjs leaves loose, other tools insist on: imports,
// full type names, names of map entries, marks of optional fields. Options and extensions are left out, so no file needs google/protobuf/descriptor.proto.

const entryName = (field) => `${field.replace(/(^|_)([a-z0-9])/g, (_, _gap, letter) => letter.toUpperCase())}Entry`;

const nestedOf = (type) => [...(type.nestedType ?? []), ...(type.enumType ?? [])];

/** Full names of a file's messages and enums, of its services and methods. */
const symbolsOf = (file) => {
  const prefix = file.package ? `${file.package}.` : "";
  const types = (list, before) => list.flatMap((type) => [before + type.name, ...types(nestedOf(type), `${before}${type.name}.`)]);
  const services = (file.service ?? []).flatMap((service) => [
    `${prefix}${service.name}`,
    ...(service.method ?? []).map((method) => `${prefix}${service.name}.${method.name}`),
  ]);
  return [...types([...(file.messageType ?? []), ...(file.enumType ?? [])], prefix), ...services];
};

/** Renames map entries as protoc does, marks optional fields, drops options. */
const tidyMessage = (type) => {
  if (!type.options?.mapEntry) delete type.options;
  // protobufjs writes their ends inclusive, which makes them invalid.
  type.reservedRange = [];
  const entries = new Set((type.nestedType ?? []).filter((nested) => nested.options?.mapEntry).map((nested) => nested.name));
  for (const field of type.field ?? []) {
    delete field.options;
    if (entries.has(field.typeName)) {
      const nested = type.nestedType.find((one) => one.name === field.typeName);
      nested.name = entryName(field.name);
      field.typeName = nested.name;
    }
    const oneof = type.oneofDecl?.[field.oneofIndex]?.name;
    if (field.oneofIndex !== undefined && oneof === `_${field.name}`) field.proto3Optional = true;
  }
  (type.nestedType ?? []).forEach(tidyMessage);
};

export const describe = (tree) => {
  const files = tree.toDescriptor("proto3").file.filter((file) => !file.package.startsWith("google."));
  for (const file of files) {
    file.extension = [];
    delete file.options;
    (file.messageType ?? []).forEach(tidyMessage);
  }
  const home = new Map(files.flatMap((file) => symbolsOf(file).map((symbol) => [symbol, file])));
  for (const file of files) resolveNames(file, home);
  return files.map((file) => ({
    name: file.name,
    symbols: symbolsOf(file),
    dependencies: file.dependency,
    bytes: Buffer.from(file.constructor.encode(file).finish()).toString("base64"),
  }));
};

/** Makes every type name absolute and lists the files that they are in. */
const resolveNames = (file, home) => {
  const needed = new Set();
  const absolute = (name, scope) => {
    const parts = scope.split(".");
    for (let length = name.startsWith(".") ? 0 : parts.length; length >= 0; length--) {
      const full = [...parts.slice(0, length), name.replace(/^\./, "")].join(".");
      if (!home.has(full)) continue;
      if (home.get(full) !== file) needed.add(home.get(full).name);
      return `.${full}`;
    }
    throw new Error(`type ${name} in ${scope} is declared nowhere`);
  };
  const walk = (type, scope) => {
    const inside = `${scope}.${type.name}`;
    for (const field of type.field ?? []) if (field.typeName) field.typeName = absolute(field.typeName, inside);
    for (const nested of type.nestedType ?? []) walk(nested, inside);
  };
  for (const type of file.messageType ?? []) walk(type, file.package);
  for (const service of file.service ?? [])
    for (const method of service.method ?? []) {
      delete method.options;
      method.inputType = absolute(method.inputType, file.package);
      method.outputType = absolute(method.outputType, file.package);
    }
  file.dependency = [...needed];
};

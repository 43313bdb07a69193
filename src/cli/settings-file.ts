/**
 * The settings file: YAML, keys as in docs/settings.md or as in milvus.yaml, nested or joined by dots. Every value goes to the schema as the text that it is written as;
 * lists, anchors to elsewhere and several documents are no settings.
 */
import { isMap, isScalar, type Node, parseDocument } from "yaml";
import { realEnv } from "../shared/env.js";
import { isAbsent, readWhole } from "../shared/files.js";
import { SettingError, type SettingsFile } from "../shared/read-settings.js";

/** A scalar's own text: `1e3`, `0x10` and `off` must not become something else on their way. */
const textOf = (node: Node): string | undefined => {
  if (!isScalar(node)) return undefined;
  if (node.value === null) return "";
  return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
};

const collect = (path: string, node: unknown, prefix: string, entries: Map<string, string>): void => {
  if (!isMap(node)) throw new SettingError(`${path} must be a YAML map of settings, such as "port: 19530".`);
  for (const { key, value } of node.items) {
    const name = prefix + String(isScalar(key) ? key.value : key);
    if (isMap(value)) {
      collect(path, value, `${name}.`, entries);
      continue;
    }
    const text = value === null ? "" : textOf(value as Node);
    if (text === undefined) throw new SettingError(`${name} in ${path} must be one plain value.`);
    // A key without a value is as good as none.
    if (text === "") continue;
    if (entries.has(name)) throw new SettingError(`${path} has ${name} twice.`);
    entries.set(name, text);
  }
};

/** The entries of a settings file's text. Throws SettingError. */
export const parseSettingsFile = (path: string, text: string): SettingsFile => {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  const [error] = document.errors;
  if (error !== undefined) throw new SettingError(`${path} is not YAML: ${error.message.split("\n")[0]?.replace(/:$/, "")}.`);
  const entries = new Map<string, string>();
  const { contents } = document;
  const empty = contents === null || (isScalar(contents) && contents.value === null);
  if (!empty) collect(path, contents, "", entries);
  return { path, entries };
};

/** Reads a settings file. Throws SettingError. */
export const readSettingsFile = async (path: string): Promise<SettingsFile> => {
  let bytes: Buffer;
  try {
    bytes = await readWhole(realEnv.files, path);
  } catch (error) {
    if (isAbsent(error)) throw new SettingError(`There is no settings file ${path}.`);
    throw new SettingError(`The settings file ${path} cannot be read: ${(error as Error).message}.`);
  }
  return parseSettingsFile(path, bytes.toString("utf8"));
};

/**
 * The path of a JSON index: `field["a"]["b"]`, `field['a'][0]`, or a bare name, which is the field itself or a key of the dynamic field.
 * Its normal form is a JSON pointer: `/a/b`. Source: milvus internal/datacoord/index_service.go.
 */
import type { FieldSchema } from "../catalog/types.js";
import { MilvusError } from "../shared/errors.js";

const IDENTIFIER = /^[A-Za-z_$][A-Za-z0-9_$]*/;
const STEP = /^\[(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|(\d+))\]/;

const refuse = (path: string): MilvusError => new MilvusError(65535, `cannot parse identifier: ${path}`);

const escaped = (key: string): string => key.replaceAll("~", "~0").replaceAll("/", "~1");

/** The pointer inside the field; empty for the whole field. Code 65535 for text that is no path, as Milvus's parser answers. */
export const jsonPath = (field: FieldSchema, path: string): string => {
  const name = IDENTIFIER.exec(path)?.[0];
  if (name === undefined)
    throw path.startsWith("/") ? new MilvusError(65535, `cannot parse identifier: ${path}, mismatched input '/'`) : refuse(path);
  const keys = name === field.name ? [] : [name];
  if (keys.length > 0 && !field.isDynamic) throw refuse(path);
  let rest = path.slice(name.length);
  while (rest !== "") {
    const step = STEP.exec(rest);
    if (step === null) throw refuse(path);
    keys.push(step[1] ?? step[2] ?? step[3] ?? "");
    rest = rest.slice(step[0].length);
  }
  return keys.map((key) => `/${escaped(key)}`).join("");
};

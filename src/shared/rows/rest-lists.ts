/**
 * Vectors and arrays in the dialect of REST: a JSON array, or a string with one. Bytes are base64, or an array of them.
 * Source: milvus internal/distributed/proxy/httpserver/utils.go, checkAndSetData and anyToColumns.
 */
import { invalid, type MilvusError } from "../errors.js";
import { DataType, type FieldSchema } from "../proto/generated/messages.js";
import { typeName } from "../schema.js";
import type { ArrayReader, BytesReader, VectorReader } from "./dialect.js";
import { bfloat16, float16, type HalfFormat, toHalfBytes } from "./half.js";
import { parseJson } from "./json.js";
import { cannotUnmarshal, isJson, refused, textOf } from "./rest-words.js";
import { SPARSE_INDEX_END, type SparsePairs, toSparseBytes } from "./sparse.js";

const FLOAT_MAX = 3.4028234663852886e38;

/** A type of Go that elements are decoded to. */
interface GoType {
  readonly name: string;
  /** The element, or undefined when the type cannot hold it. */
  readonly read: (element: unknown) => unknown;
}

const asNumber = (element: unknown): unknown => (typeof element === "bigint" ? Number(element) : element);

const integerType = (name: string, low: number, high: number): GoType => ({
  name,
  read: (element) => (Number.isInteger(element) && (element as number) >= low && (element as number) <= high ? element : undefined),
});

const BOOL: GoType = { name: "bool", read: (element) => (typeof element === "boolean" ? element : undefined) };
const STRING: GoType = { name: "string", read: (element) => (typeof element === "string" ? element : undefined) };
const UINT8 = integerType("uint8", 0, 255);
const INT8 = integerType("int8", -128, 127);
const INT32 = integerType("int32", -(2 ** 31), 2 ** 31 - 1);
const INT64: GoType = {
  name: "int64",
  read: (element) => {
    if (typeof element !== "bigint" && !Number.isSafeInteger(element)) return undefined;
    const exact = BigInt(element as number | bigint);
    return BigInt.asIntN(64, exact) === exact ? exact : undefined;
  },
};
const FLOAT32: GoType = {
  name: "float32",
  read: (element) => {
    const number = asNumber(element);
    return typeof number === "number" && Math.abs(number) <= FLOAT_MAX ? number : undefined;
  },
};
const FLOAT64: GoType = {
  name: "float64",
  read: (element) => {
    const number = asNumber(element);
    return typeof number === "number" && Number.isFinite(number) ? number : undefined;
  },
};

type Fail = (value: unknown, reason: string) => MilvusError;

/** The JSON value itself, or the one that a string holds. */
const parsed = (given: unknown, fail: Fail): unknown => {
  if (typeof given !== "string") return given;
  if (!isJson(given))
    throw fail(given, given === "" ? "unexpected end of JSON input" : `invalid character '${given[0]}' looking for beginning of value`);
  return parseJson(given);
};

const listOf = (given: unknown, type: GoType, fail: Fail): readonly unknown[] => {
  const value = parsed(given, fail);
  if (!Array.isArray(value)) throw fail(given, cannotUnmarshal(value, `[]${type.name}`));
  return value;
};

const elementsOf = (given: unknown, list: readonly unknown[], type: GoType, fail: Fail): unknown[] =>
  Array.from(list, (element) => {
    const read = type.read(element);
    if (read === undefined) throw fail(given, cannotUnmarshal(element, type.name));
    return read;
  });

const checkThere = (field: FieldSchema, given: unknown, fail: Fail): void => {
  if (given === null || given === undefined || given === "") throw fail(given, `missing vector field: ${field.name}`);
};

const checkSize = (field: FieldSchema, type: string, size: number, wanted: number, dim: number): void => {
  if (size !== wanted) throw invalid(`[]${type} size ${size} doesn't equal to vector dimension ${dim} of ${typeName(field.dataType)}`);
};

const failOf =
  (field: FieldSchema, expected?: string): Fail =>
  (value, reason) =>
    refused(field, textOf(value), reason, expected);

export const restVector = (field: FieldSchema, dim: number): VectorReader => {
  const fail = failOf(field);
  return (given, into, at) => {
    checkThere(field, given, fail);
    const list = listOf(given, FLOAT32, fail);
    checkSize(field, "float32", list.length, dim, dim);
    into.set(elementsOf(given, list, FLOAT32, fail) as number[], at);
  };
};

const elementType = (type: DataType): GoType => {
  switch (type) {
    case DataType.Bool:
      return BOOL;
    case DataType.Int64:
      return INT64;
    case DataType.Float:
      return FLOAT32;
    case DataType.Double:
      return FLOAT64;
    case DataType.VarChar:
      return STRING;
    default:
      return INT32;
  }
};

/** Whether an Int8 or Int16 holds an element is left to the column. */
export const restArray = (field: FieldSchema): ArrayReader => {
  const type = elementType(field.elementType);
  const fail = failOf(field, `Array of ${typeName(field.elementType)}`);
  return (given) => {
    const present = given ?? "";
    return elementsOf(present, listOf(present, type, fail), type, fail);
  };
};

const BASE64 = /[^A-Za-z0-9+/]/;

/** Go's strict base64: with its padding. */
const fromBase64 = (text: string, fail: Fail): Uint8Array => {
  const body = text.replace(/={1,2}$/, "");
  const bad = body.search(BASE64);
  if (bad >= 0) throw fail(text, `illegal base64 data at input byte ${bad}`);
  if (text.length % 4 !== 0) throw fail(text, `illegal base64 data at input byte ${text.length}`);
  return Buffer.from(text, "base64");
};

const binary = (field: FieldSchema, dim: number): BytesReader => {
  const fail = failOf(field);
  return (given) => {
    checkThere(field, given, fail);
    if (typeof given !== "string" && !Array.isArray(given)) throw fail(given, cannotUnmarshal(given, "[]uint8"));
    const bytes = typeof given === "string" ? fromBase64(given, fail) : Uint8Array.from(elementsOf(given, given, UINT8, fail) as number[]);
    checkSize(field, "byte", bytes.length, dim / 8, dim);
    return bytes;
  };
};

const int8 = (field: FieldSchema, dim: number): BytesReader => {
  const fail = failOf(field);
  return (given) => {
    checkThere(field, given, fail);
    const list = elementsOf(given, listOf(given, INT8, fail), INT8, fail) as number[];
    checkSize(field, "int8", list.length, dim, dim);
    return Uint8Array.from(list);
  };
};

const half = (field: FieldSchema, dim: number, format: HalfFormat): BytesReader => {
  const fail = failOf(field);
  return (given) => {
    checkThere(field, given, fail);
    if (typeof given !== "string" && !Array.isArray(given)) throw fail(given, `invalid vector field: ${field.name}`);
    const bytes =
      typeof given === "string" ? fromBase64(given, fail) : toHalfBytes(elementsOf(given, given, FLOAT32, fail) as number[], format);
    checkSize(field, "byte", bytes.length, dim * 2, dim);
    return bytes;
  };
};

type Refuse = (reason: string) => MilvusError;

const sparseIndex = (index: unknown, refuse: Refuse): number => {
  const number = typeof index === "string" && /^\d+$/.test(index) ? Number(index) : index;
  if (typeof number !== "number" || !Number.isInteger(number)) throw refuse(`invalid index type in JSON: ${textOf(index)}`);
  if (number < 0 || number >= SPARSE_INDEX_END) throw refuse("invalid index in sparse float vector: must be less than 2^32-1");
  return number;
};

const sparseValue = (value: unknown, refuse: Refuse): number => {
  const number = FLOAT32.read(value);
  if (typeof number !== "number") throw refuse(`invalid value type in JSON: ${textOf(value)}`);
  if (number < 0) throw refuse("negative value in sparse float vector");
  return number;
};

const sparsePairs = (value: object, refuse: Refuse): SparsePairs => {
  const { indices, values } = value as { indices?: unknown; values?: unknown };
  if (Array.isArray(indices) !== Array.isArray(values)) throw refuse("invalid JSON input");
  const listed = Array.isArray(indices) && Array.isArray(values);
  const [keys, elements] = listed ? [indices, values] : [Object.keys(value), Object.values(value)];
  if (keys.length !== elements.length) throw refuse("indices and values length mismatch");
  return { indices: keys.map((key) => sparseIndex(key, refuse)), values: elements.map((element) => sparseValue(element, refuse)) };
};

const sparse = (field: FieldSchema): BytesReader => {
  const fail = failOf(field);
  return (given) => {
    checkThere(field, given, fail);
    const value = parsed(given, fail);
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw fail(given, cannotUnmarshal(value, "map[string]interface {}"));
    return toSparseBytes(sparsePairs(value, (reason) => fail(given, reason)));
  };
};

export const restBytes = (field: FieldSchema, dim: number): BytesReader => {
  switch (field.dataType) {
    case DataType.BinaryVector:
      return binary(field, dim);
    case DataType.Int8Vector:
      return int8(field, dim);
    case DataType.Float16Vector:
      return half(field, dim, float16);
    case DataType.BFloat16Vector:
      return half(field, dim, bfloat16);
    default:
      return sparse(field);
  }
};

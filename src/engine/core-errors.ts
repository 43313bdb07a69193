/**
 * The words of the core's failures. The core tells a kind, a column and arguments; this table makes the Milvus error.
 *
 * | kind | args | when |
 * | --- | --- | --- |
 * | rowCount | actual, expected | a column has another number of rows than the request |
 * | dimMismatch | actual, expected | `dim` of vector data differs from the schema's |
 * | vectorLength | length, unit | vectors' data are not whole rows: elements and dim, BinaryVector: bits and dim, 16-bit floats: bytes and bytes of a row |
 * | notFinite | text (`NaN`, `+Inf`, `-Inf`) | a float or vector element is not a number |
 * | halfNotFinite | `float16` or `bfloat16` | an element that is, or was rounded to, no number |
 * | sparseLength | bytes | a sparse vector is not pairs of 8 bytes |
 * | sparseIndex, sparseOrder, sparseNegative | - | index 2^32-1; indices that do not ascend; value below 0 |
 * | arrayTooLong | length, row, max | elements |
 * | arrayVarcharTooLong | row, index, length, max | bytes of an element |
 * | listLength | length, width | elements (floats) or bytes of a list of vectors that are not whole vectors |
 * | listTooLong | length, row, max | vectors of a list |
 * | structLength | row, column, elements, own elements | a member of a struct with another number of elements than the first one |
 * | structNulls | row, column, there, own there (1 or 0) | a member of a struct that is null where the first one is not |
 * | appendTooLong | length, row, max | elements once a partial update has appended its own |
 * | duplicateKeys | - | a partial update that names a key twice |
 * | missingField | - | a partial update of a key that is not there, without a column that has no default |
 * | arrayTypeMismatch | expected, actual | elements of another type, as numbers of ScalarField's members; 0: none |
 * | varcharTooLong | row, length, max | bytes |
 * | jsonTooLong | length, max | bytes; dynamic field too (`dynamic`: 1) |
 * | outOfRange | index, value, low, high | Int8, Int16 |
 * | typeMismatch | - | the payload's oneof is not the column's type |
 * | validLength | actual, expected | `valid_data` and payload disagree |
 * | unexpectedNulls | - | `valid_data` on a column that takes no nulls |
 * | notUtf8 | row | VarChar |
 * | notJson | text | JSON column with text that is not JSON |
 * | dynamicNotObject | text | dynamic field that is not a JSON object |
 * | analyzer | fault, what it is about | an analyzer that cannot be made; `analyzer-words.ts` |
 * | queryNotUtf8 | - | a text that is searched for |
 * | malformed | text | the bytes are not the message they should be |
 * | queryDim | actual bytes, expected bytes | a query vector of another length |
 * | replyTooLarge | `search` or `query`, bytes | more output than a reply may have |
 * | execution | segcoreCode, text | a filter that cannot be run |
 * | damaged | file, offset, what | checksum or structure of a file |
 * | panic | text | a bug of the core, caught |
 */

import { failure, failureBecause, invalid, MilvusError, segcore } from "../shared/errors.js";
import { DataType } from "../shared/proto/generated/messages.js";
import { analyzerError } from "./analyzer-words.js";
import type { CoreFailure } from "./core.js";

/** Name and type of a field id, for the words. */
export type FieldOf = (id: number) => { readonly name: string; readonly type: number } | undefined;

type Args = readonly (string | number)[];
type Maker = (field: string, args: Args, type: number | undefined, fieldOf: FieldOf) => MilvusError;

const vectorWords = ([length, unit]: Args, type: number | undefined): string => {
  switch (type) {
    case DataType.BinaryVector:
      return `the num(${length}) of all bits should divide the dim(${unit})`;
    case DataType.Int8Vector:
      return `the length(${length}) of int8 data should divide the dim(${unit})`;
    case DataType.Float16Vector:
      return `the length(${length}) of float16 data should divide the row width(${unit})`;
    case DataType.BFloat16Vector:
      return `the length(${length}) of bfloat data should divide the row width(${unit})`;
    default:
      return `the length(${length}) of float data should divide the dim(${unit})`;
  }
};

/** Of a column's type: the word before "field" in the words of a type mismatch, and what is needed. */
const mismatchWords: ReadonlyMap<number | undefined, readonly [kind: string, need: string]> = new Map([
  [DataType.Int8, ["", "int array"]],
  [DataType.Int16, ["", "int array"]],
  [DataType.Int32, ["", "int array"]],
  [DataType.Int64, ["", "long int array"]],
  [DataType.Float, ["", "float32 array"]],
  [DataType.Double, ["", "float64(double) array"]],
  [DataType.VarChar, ["varchar ", "string array"]],
  [DataType.Text, ["text ", "text array"]],
  [DataType.JSON, ["json ", "json array"]],
  [DataType.Geometry, ["geometry ", "geometry array"]],
  [DataType.Array, ["array ", "array array"]],
  [DataType.BinaryVector, ["binary vector ", "binary vector"]],
  [DataType.FloatVector, ["float vector ", "float vector"]],
  [DataType.Float16Vector, ["float16 vector ", "float16 vector"]],
  [DataType.BFloat16Vector, ["bfloat16 vector ", "bfloat16 vector"]],
  [DataType.SparseFloatVector, ["sparse float vector ", "sparse float vector"]],
  [DataType.Int8Vector, ["int8 vector ", "int8 vector"]],
  [DataType.ArrayOfVector, ["array of vector ", "vector array"]],
]);

const typeMismatch: Maker = (field, _args, type) => {
  const [kind, need] = mismatchWords.get(type) ?? ["", `${typeName(type)} array`];
  return invalid(`${kind}field '${field}' is illegal, array type mismatch`, { expected: `need ${need}`, actual: "got nil" });
};

/** The elements that a member of ScalarField holds: Milvus's word for them, and the name it has for the member. */
const arrayMembers: ReadonlyMap<number, readonly [word: string, member: string]> = new Map([
  [1, ["bool", "BoolData"]],
  [2, ["int", "IntData"]],
  [3, ["int64", "LongData"]],
  [4, ["float", "FloatData"]],
  [5, ["double", "DoubleData"]],
  [6, ["string", "StringData"]],
  [7, ["bytes", "BytesData"]],
  [8, ["array", "ArrayData"]],
  [9, ["json", "JsonData"]],
  [10, ["geometry", "GeometryData"]],
  [11, ["timestamptz", "TimestamptzData"]],
  [12, ["geometry", "GeometryWktData"]],
]);

const arrayTypeMismatch: Maker = (_field, [expected, actual]) => {
  const member = arrayMembers.get(Number(actual))?.[1];
  return invalid("insert data does not match", {
    expected: `${arrayMembers.get(Number(expected))?.[0]} array`,
    actual: member === undefined ? "nil array" : `*schemapb.ScalarField_${member} array`,
  });
};

/** Struct and member that the name of a member's column says. */
const memberOf = (column: string): [struct: string, member: string] => {
  const open = column.indexOf("[");
  return open === -1 ? ["", column] : [column.slice(0, open), column.slice(open + 1, -1)];
};

export const duplicateKeys = (): MilvusError => invalid("duplicate primary keys are not allowed in the same batch");

const makers: Record<string, Maker> = {
  rowCount: (field, [actual, expected]) =>
    failure(
      "invalidParameter",
      { expected: `${expected}`, actual: `${actual}` },
      `the num_rows (${actual}) of field (${field}) is not equal to passed num_rows (${expected})`,
    ),
  dimMismatch: (field, [actual, expected]) =>
    invalid(`the dim (${actual}) of field data(${field}) is not equal to schema dim (${expected})`),
  vectorLength: (_field, args, type) => invalid(vectorWords(args, type)),
  notFinite: (_field, [text]) => invalid(`value '${text}' is not a number or infinity`),
  varcharTooLong: (field, [row, length, max]) =>
    invalid(`length of varchar field ${field} exceeds max length, row number: ${row}, length: ${length}, max length: ${max}`),
  jsonTooLong: (field, [length, max, dynamic]) =>
    invalid(
      dynamic
        ? `the length (${length}) of dynamic field exceeds max length (${max})`
        : `the length (${length}) of json field (${field}) exceeds max length (${max})`,
    ),
  outOfRange: (_field, [index, value, low, high]) => invalid(`the ${index}th element (${value}) out of range: [${low}, ${high}]`),
  typeMismatch,
  halfNotFinite: (_field, [type]) => invalid(`${type} vector contain nan or infinity value.`),
  sparseLength: (_field, [length]) => invalid(`invalid data length in sparse float vector: ${length}`),
  sparseIndex: () => invalid("invalid index in sparse float vector: must be less than 2^32-1"),
  sparseOrder: () => invalid("unsorted or same indices in sparse float vector"),
  sparseNegative: () => invalid("negative value in sparse float vector"),
  arrayTooLong: (_field, [length, row, max]) =>
    invalid(`the length (${length}) of ${row}th array exceeds max capacity (${max})`, {
      expected: "valid length array",
      actual: "array length exceeds max capacity",
    }),
  arrayVarcharTooLong: (field, [row, index, length, max]) =>
    invalid(
      `length of Array array field "${field}" exceeds max length, row number: ${row}, array index: ${index}, length: ${length}, max length: ${max}`,
    ),
  listLength: (field, [length, width]) =>
    invalid(`array of vector field ${field} has invalid payload length ${length}, should be divisible by vector width ${width}`, {
      expected: "valid array of vector payload length",
      actual: "invalid payload length",
    }),
  listTooLong: (field, [length, _row, max]) =>
    invalid(`the length (${length}) of array of vector field ${field} exceeds max capacity (${max})`, {
      expected: "valid length array",
      actual: "array length exceeds max capacity",
    }),
  structLength: (field, [row, other, elements, own], _type, fieldOf) => {
    const [struct, member] = memberOf(field);
    const first = memberOf(fieldOf(Number(other))?.name ?? "")[1];
    return invalid(
      `inconsistent struct element count in struct '${struct}' at row ${row}: '${first}' has ${elements}, '${member}' has ${own}`,
    );
  },
  structNulls: (field, [row, other, there, own], _type, fieldOf) => {
    const [struct, member] = memberOf(field);
    const first = memberOf(fieldOf(Number(other))?.name ?? "")[1];
    return invalid(`sub-field ValidData mismatch in struct '${struct}' at row ${row}: '${first}'=${there === 1}, '${member}'=${own === 1}`);
  },
  appendTooLong: (_field, [length, _row, max]) => invalid(`array length ${length} exceeds max_capacity ${max}`),
  duplicateKeys,
  missingField: (field) => invalid(`fieldSchema(${field}) has no corresponding fieldData pass in`),
  arrayTypeMismatch,
  validLength: (field, [actual, expected]) =>
    failure("invalidParameter", { expected: `${expected}`, actual: `${actual}` }, `the length of valid_data of field(${field}) is wrong`),
  unexpectedNulls: (field) => invalid(`the length of valid_data of field(${field}) is wrong`, { expected: 0, actual: "not empty" }),
  notUtf8: (_field, [row]) => invalid(`input with analyzer should be utf-8 format, but row: ${row} not utf-8 format`),
  notGeometry: (_field, [why]) => invalid(`invalid Geometry data, transform to wkb failed: ${why}`),
  notJson: (field, [text]) => invalid(`field (${field}) is not valid JSON: ${text}`),
  dynamicNotObject: (_field, [text]) => invalid(`invalid dynamic field data, only json map is supported: ${text}`),
  analyzer: (field, [fault, about]) => analyzerError(field, String(fault), String(about)),
  queryNotUtf8: () => invalid("string data must be utf8 format"),
  malformed: (_field, [text]) => invalid(`malformed request: ${text}`),
  queryDim: (_field, [actual, expected]) =>
    segcore(2032, `vector dimension mismatch, expected vector size(byte) ${expected}, actual ${actual}.`),
  replyTooLarge: (_field, [what, bytes]) => invalid(`${what} results exceed the maxOutputSize Limit ${bytes}`),
  execution: (_field, [code, text]) => segcore(Number(code), String(text)),
  damaged: (_field, [file, offset, what]) => failureBecause("dataIntegrity", `${file} at byte ${offset}: ${what}`),
};

const typeName = (type: number | undefined): string =>
  (Object.entries(DataType).find(([, value]) => value === type)?.[0] ?? "unknown").toLowerCase();

/** The failure that a core call threw, or undefined when it is some other error. */
export const coreFailureOf = (error: unknown): CoreFailure | undefined => {
  if (!(error instanceof Error) || !error.message.startsWith('{"kind"')) return undefined;
  return JSON.parse(error.message) as CoreFailure;
};

/** What a core call threw, in Milvus's words. */
export const coreError = (error: unknown, fieldOf: FieldOf = () => undefined): unknown => {
  const known = coreFailureOf(error);
  if (known === undefined) return error;
  const field = known.fieldId === undefined ? undefined : fieldOf(known.fieldId);
  const maker = makers[known.kind];
  return maker
    ? maker(field?.name ?? "", known.args, field?.type, fieldOf)
    : new MilvusError(5, `service internal error: ${known.kind}: ${known.args.join(", ")}`);
};

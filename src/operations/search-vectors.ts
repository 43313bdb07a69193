/**
 * The query vectors of a search: from its placeholder group, or those that rows with given primary keys have.
 * Sources: milvus internal/proxy/{task_search,vector_type_convert,impl}.go (handleIfSearchByPK) for order and words.
 */
import type { Collection } from "../catalog/types.js";
import { failure, invalid, segcore } from "../shared/errors.js";
import { QUERY_VECTORS_MAX } from "../shared/limits.js";
import {
  DataType,
  FieldData,
  type FieldSchema,
  type IDs,
  PlaceholderGroup,
  PlaceholderType,
  type SearchRequest,
  type VectorField,
} from "../shared/proto/generated/messages.js";
import { WireError } from "../shared/proto/wire.js";
import { bfloat16, float16, type HalfFormat, toHalfBytes } from "../shared/rows/half.js";
import { bm25Input, isOfTerms, isVector, primaryField } from "../shared/schema.js";
import { type Key, keyFilter, keysIn } from "./by-keys.js";
import type { Call } from "./operation.js";
import { loadedScope, parameter, partitionIdsOf, planOutputs } from "./reading.js";

export interface QueryVectors {
  /** A `PlaceholderType`. */
  readonly type: number;
  readonly values: readonly Buffer[];
  /** Search by primary keys: which of them have a vector; the others have no hits. */
  readonly valid?: readonly boolean[];
}

export const checkQueryCount = (count: number): void => {
  if (count <= 0 || count > QUERY_VECTORS_MAX)
    throw invalid(
      `nq [${count}] is invalid, nq (number of search vector per search request) should be in range [1, ${QUERY_VECTORS_MAX}], but got ${count}: invalid parameter`,
    );
};

/** The vectors that the request carries. @throws 1100 */
export const givenVectors = (request: Pick<SearchRequest, "placeholderGroup" | "nq">): QueryVectors => {
  let group: PlaceholderGroup;
  try {
    group = PlaceholderGroup.decode(request.placeholderGroup ?? Buffer.alloc(0));
  } catch (error) {
    if (error instanceof WireError) throw invalid(`failed to parse placeholder group: ${error.message}`);
    throw error;
  }
  const [placeholder] = group.placeholders;
  const values = placeholder?.values ?? [];
  const count = request.nq > 0n ? Number(request.nq) : values.length;
  checkQueryCount(count);
  if (values.length !== count) throw invalid(`nq [${count}] is invalid, the request carries ${values.length} vectors`);
  return { type: placeholder?.type ?? PlaceholderType.None, values };
};

const fieldOfKeys = (collection: Collection, request: SearchRequest): FieldSchema => {
  const name = parameter(request.searchParams, "anns_field") ?? "";
  const vectors = collection.schema.fields.filter((field) => isVector(field.dataType));
  if (name === "") {
    const refuse = (why: string) => failure("invalidParameter", { expected: "valid anns_field in search_params", actual: "missing" }, why);
    if (vectors.length > 1) throw refuse("multiple vector fields exist, please specify anns_field in search_params");
    if (vectors[0] === undefined) throw refuse("no vector field found in schema");
    return vectors[0];
  }
  const field = collection.schema.fields.find((each) => each.name === name);
  if (field === undefined) throw failure("fieldNotFound", { field: name }, "vector field not found in schema");
  if (!isVector(field.dataType)) throw invalid(`field (${name}) to search is not of vector data type`);
  return field;
};

/** The keys that a search names; undefined when it carries vectors. @throws 1100 for a key given twice */
const keysOf = (ids: IDs | undefined): readonly Key[] | undefined => {
  if (ids === undefined) return undefined;
  const keys = keysIn(ids);
  if (keys.length === 0) return undefined;
  if (new Set(keys).size !== keys.length) throw invalid("duplicate IDs found in search request");
  return keys;
};

const checkKeyType = (collection: Collection, ids: IDs): void => {
  const isText = primaryField(collection.schema).dataType === DataType.VarChar;
  if ((ids.strId !== undefined) === isText) return;
  const [expected, name] = isText ? ["string IDs", "varchar"] : ["int64 IDs", "int64"];
  throw failure("invalidParameter", { expected, actual: "got other type" }, `primary key is ${name}, but IDs type mismatch`);
};

/** Each row's vector as a placeholder has it; rows that are null have none. */
export const vectorBytes = (vectors: VectorField | undefined, count: number): Buffer[] => {
  const { floatVector, sparseFloatVector } = vectors ?? {};
  if (sparseFloatVector !== undefined) return sparseFloatVector.contents as Buffer[];
  const floats = floatVector?.data;
  const bytes =
    floats === undefined
      ? (vectors?.binaryVector ?? vectors?.float16Vector ?? vectors?.bfloat16Vector ?? vectors?.int8Vector ?? Buffer.alloc(0))
      : Buffer.from(Float32Array.from(floats).buffer);
  const width = count === 0 ? 0 : bytes.length / count;
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * width, (at + 1) * width));
};

/**
 * The stored vectors of the rows that the request names, in its order; undefined when it names none.
 * @throws 1100 for a key given twice, of another type, or of no row
 */
export const storedVectors = async (call: Call, collection: Collection, request: SearchRequest): Promise<QueryVectors | undefined> => {
  const keys = keysOf(request.ids);
  if (keys === undefined || request.ids === undefined) return undefined;
  const field = fieldOfKeys(collection, request);
  checkKeyType(collection, request.ids);
  const key = primaryField(collection.schema);
  const partitionIds = loadedScope(
    collection,
    request.collectionName,
    partitionIdsOf(collection, request.partitionNames),
    "failed to query",
  );
  const { program } = keyFilter(collection, keys);
  // Rows that are found by their texts are looked for by them, too.
  const text = bm25Input(collection.schema, field);
  const source = text ?? field;
  const { outputs } = planOutputs(collection, [key.name, source.name], true);
  const scope = { collection, partitionIds, ...(program === undefined ? {} : { filter: program }) };
  const { fields } = await call.engine.query({ ...scope, limit: -1, offset: 0, outputs });
  const columns = fields.map((data) => FieldData.decode(data));
  const column = (id: bigint) => columns[outputs.findIndex((output) => BigInt(output.id) === id)];
  const scalars = column(key.fieldID)?.scalars;
  const found = [...(scalars?.stringData?.data ?? scalars?.longData?.data ?? [])] as Key[];
  const rows = new Map(found.map((each, row) => [each, row]));
  const missing = keys.filter((each) => !rows.has(each));
  if (missing.length > 0) throw invalid(`some of the provided primary key IDs do not exist: missing IDs = [${missing.join(" ")}]`);
  const vectors = column(source.fieldID);
  const isNull = vectors?.validData ?? [];
  const there = isNull.length === 0 ? found.map(() => true) : isNull;
  // Scalars have a place for nulls, vectors none.
  const texts = text === undefined ? undefined : (vectors?.scalars?.stringData?.data ?? []).filter((_, at) => there[at]);
  const all = texts?.map((value) => Buffer.from(value)) ?? vectorBytes(vectors?.vectors, there.filter((flag) => flag).length);
  let next = 0;
  const byRow = there.map((flag) => (flag ? all[next++] : undefined));
  const wanted = keys.map((each) => byRow[rows.get(each) as number]);
  const values = wanted.filter((vector): vector is Buffer => vector !== undefined);
  if (values.length > QUERY_VECTORS_MAX) checkQueryCount(values.length);
  return { type: source.dataType, values, valid: wanted.map((vector) => vector !== undefined) };
};

const HALVES: ReadonlyMap<number, HalfFormat> = new Map([
  [DataType.Float16Vector, float16],
  [DataType.BFloat16Vector, bfloat16],
]);

const placeholderName = (type: number): string => Object.entries(PlaceholderType).find(([, value]) => value === type)?.[0] ?? String(type);
const isVectorPlaceholder = (type: number): boolean => type >= PlaceholderType.BinaryVector && type <= PlaceholderType.Int8Vector;

/** Vectors of float32 as the 16-bit floats of the field. */
export const convertedVectors = (field: FieldSchema, vectors: QueryVectors): QueryVectors => {
  const format = HALVES.get(field.dataType);
  if (format === undefined || (vectors.type as number) === field.dataType || !isVectorPlaceholder(vectors.type)) return vectors;
  if (vectors.type !== PlaceholderType.FloatVector) {
    const name = Object.entries(DataType).find(([, value]) => value === field.dataType)?.[0];
    throw invalid(`vector type must be the same: field type ${name}, search type ${placeholderName(vectors.type)}`);
  }
  const half = (value: Buffer): Buffer => {
    const floats = Array.from({ length: Math.floor(value.length / 4) }, (_, at) => value.readFloatLE(4 * at));
    return Buffer.from(toHalfBytes(floats, format));
  };
  return { ...vectors, type: field.dataType, values: vectors.values.map(half) };
};

const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  [DataType.BinaryVector]: 1 / 8,
  [DataType.Int8Vector]: 1,
  [DataType.Float16Vector]: 2,
  [DataType.BFloat16Vector]: 2,
  [DataType.FloatVector]: 4,
};

const SEGCORE_TYPES: Readonly<Record<number, string>> = {
  [DataType.BinaryVector]: "VECTOR_BINARY",
  [DataType.FloatVector]: "VECTOR_FLOAT",
  [DataType.Float16Vector]: "VECTOR_FLOAT16",
  [DataType.BFloat16Vector]: "VECTOR_BFLOAT16",
  [DataType.SparseFloatVector]: "VECTOR_SPARSE_U32_F32",
  [DataType.Int8Vector]: "VECTOR_INT8",
  [DataType.VarChar]: "VARCHAR",
};
const segcoreType = (type: number): string => SEGCORE_TYPES[type] ?? "NONE";

/** Refuses vectors where texts are searched for. @throws 1100 */
const checkTexts = (vectors: QueryVectors): void => {
  if (vectors.type !== PlaceholderType.VarChar)
    throw invalid(`please provide varchar/text for BM25 Function based search, got ${placeholderName(vectors.type)}`);
};

/** Refuses vectors of another type or dimension than the field's. @throws 2000 */
export const checkVectors = (field: FieldSchema, vectors: QueryVectors): void => {
  if (isOfTerms(field)) {
    checkTexts(vectors);
    return;
  }
  // The codes of plain vectors are the same in both enums.
  if ((vectors.type as number) !== field.dataType) {
    throw segcore(
      2042,
      `vector type must be the same, field ${field.name} - type ${segcoreType(field.dataType)}, search ph type ${segcoreType(vectors.type)}`,
    );
  }
  if (field.dataType === DataType.SparseFloatVector) return;
  const width = Number(parameter(field.typeParams, "dim")) * (ELEMENT_BYTES[field.dataType] ?? 0);
  for (const value of vectors.values) {
    if (value.length !== width)
      throw segcore(2032, `vector dimension mismatch, expected vector size(byte) ${width}, actual ${value.length}.`);
  }
};

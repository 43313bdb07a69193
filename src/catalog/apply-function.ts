/**
 * Records about functions of a collection: fields that the server makes of others.
 *
 * A field that a function makes is marked, and belongs to one function. Words: milvus internal/rootcoord/ddl_callbacks_collection_function.go,
 * ddl_callbacks_alter_collection_schema.go.
 */
import { invalid } from "../shared/errors.js";
import { FIELDS_MAX } from "../shared/limits.js";
import { type FunctionSchema, FunctionType } from "../shared/proto/generated/messages.js";
import { fieldCount, fieldNamed, isVector, vectorColumns } from "../shared/schema.js";
import { checkNewName, highestFieldId, withSchema } from "./apply-field.js";
import { indexNamed, requireCollectionById } from "./read.js";
import type { AddFunctionRecord, Catalog, Collection, CollectionSchema, RecordOf } from "./types.js";

export const FIRST_FUNCTION_ID = 100n;

const nextFunctionId = (schema: CollectionSchema): bigint =>
  schema.functions.reduce((next, fn) => (fn.id >= next ? fn.id + 1n : next), FIRST_FUNCTION_ID);

/** The function with the ids of its fields. */
const bound = (schema: CollectionSchema, fn: FunctionSchema, id: bigint): FunctionSchema => {
  const idsOf = (names: readonly string[], side: string): bigint[] =>
    names.map((name) => {
      const field = fieldNamed(schema, name);
      if (field === undefined) throw invalid(`function's ${side} field ${name} not exists`);
      if (side === "output" && field.isFunctionOutput) throw invalid(`function's output field ${name} is already of other functions`);
      return field.fieldID;
    });
  return { ...fn, id, inputFieldIds: idsOf(fn.inputFieldNames, "input"), outputFieldIds: idsOf(fn.outputFieldNames, "output") };
};

const marked = (schema: CollectionSchema, names: readonly string[], made: boolean): CollectionSchema => ({
  ...schema,
  fields: schema.fields.map((field) => (names.includes(field.name) ? { ...field, isFunctionOutput: made } : field)),
});

const withFunction = (schema: CollectionSchema, fn: FunctionSchema, id: bigint): CollectionSchema => {
  const functions = [...schema.functions, bound(schema, fn, id)];
  return { ...marked(schema, fn.outputFieldNames, true), functions };
};

const checkOutput = (collection: Collection, { field, index }: NonNullable<AddFunctionRecord["output"]>): void => {
  checkNewName(collection.schema, field.name);
  if (fieldCount(collection.schema) >= FIELDS_MAX) throw invalid(`The number of fields has reached the maximum value ${FIELDS_MAX}`);
  if (indexNamed(collection, index.name) !== undefined) throw invalid(`index name ${index.name} already exists in collection`);
};

export const addFunction = (catalog: Catalog, record: AddFunctionRecord): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const { schema } = collection;
  const { function: fn, output, timestamp } = record;
  if (output !== undefined) checkOutput(collection, output);
  if (schema.functions.some((other) => other.name === fn.name))
    throw invalid(output === undefined ? `function name already exists: ${fn.name}` : `function already exists, name: ${fn.name}`);
  const before = highestFieldId(collection);
  const fieldID = before + 1n;
  const widened =
    output === undefined ? schema : { ...schema, fields: [...schema.fields, { ...output.field, fieldID, isFunctionOutput: false }] };
  const changed = withFunction(widened, fn, nextFunctionId(schema));
  const index = output && { ...output.index, fieldId: fieldID, createdTimestamp: timestamp };
  const indexed = index === undefined ? collection : { ...collection, indexes: [...collection.indexes, index] };
  return withSchema(catalog, indexed, changed, { timestamp, highest: output === undefined ? before : fieldID });
};

export const alterFunction = (catalog: Catalog, record: RecordOf<"alterFunction">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const { schema } = collection;
  const old = schema.functions.find((fn) => fn.name === record.function.name);
  if (old === undefined) throw invalid(`function ${record.function.name} not exists`);
  const without = marked({ ...schema, functions: schema.functions.filter((fn) => fn !== old) }, old.outputFieldNames, false);
  const changed = withFunction(without, record.function, old.id);
  return withSchema(catalog, collection, changed, { timestamp: record.timestamp, highest: highestFieldId(collection) });
};

const checkOutputsDrop = (schema: CollectionSchema, fn: FunctionSchema): void => {
  if (fn.type !== FunctionType.BM25 && fn.type !== FunctionType.MinHash)
    throw invalid(`only BM25 and MinHash functions support dropping output fields: ${fn.name}`);
  const vectors = schema.fields.filter((field) => fn.outputFieldNames.includes(field.name) && isVector(field.dataType)).length;
  if (vectors >= vectorColumns(schema).length)
    throw invalid(`cannot drop function ${fn.name}: it would leave no vector field in the collection`);
};

export const dropFunction = (catalog: Catalog, record: RecordOf<"dropFunction">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const { schema } = collection;
  const fn = schema.functions.find((candidate) => candidate.name === record.name);
  if (fn === undefined) throw invalid(`function not found: ${record.name}`);
  if (record.withOutputs) checkOutputsDrop(schema, fn);
  else if (fn.type === FunctionType.BM25)
    throw invalid(`BM25 function must be dropped with its output field in drop_function_field interface: ${record.name}`);
  const functions = schema.functions.filter((candidate) => candidate !== fn);
  const fields = record.withOutputs
    ? schema.fields.filter((field) => !fn.outputFieldNames.includes(field.name))
    : marked(schema, fn.outputFieldNames, false).fields;
  const changed = { ...schema, functions, fields };
  return withSchema(catalog, collection, changed, { timestamp: record.timestamp, highest: highestFieldId(collection) });
};

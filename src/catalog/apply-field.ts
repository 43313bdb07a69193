/**
 * Records that add and drop fields. Ids are never reused: the next one follows the highest that the collection ever had, which the property `max_field_id`
 * keeps. What is dropped takes its indexes with it.
 * Words: milvus internal/proxy/task.go (validateDropField), internal/rootcoord/ddl_callbacks_alter_collection_schema.go.
 */
import { invalid } from "../shared/errors.js";
import { FIELDS_MAX } from "../shared/limits.js";
import type { StructArrayFieldSchema } from "../shared/proto/generated/messages.js";
import { columnsOf, fieldCount, isVector, vectorColumns } from "../shared/schema.js";
import { propertyOf, withProperties } from "./properties.js";
import { requireCollectionById } from "./read.js";
import type { Catalog, Collection, CollectionSchema, FieldSchema, RecordOf } from "./types.js";

export const MAX_FIELD_ID = "max_field_id";

/** The highest id that a field of the collection ever had. Users may have written the property. */
export const highestFieldId = ({ schema, properties }: Pick<Collection, "schema" | "properties">): bigint => {
  const told = propertyOf(properties, MAX_FIELD_ID);
  const ids = [...columnsOf(schema), ...schema.structArrayFields].map((field) => field.fieldID);
  const start = told !== undefined && /^\d{1,18}$/.test(told) ? BigInt(told) : 0n;
  return ids.reduce((highest, id) => (id > highest ? id : highest), start);
};

/** The collection with another schema, a version later. `highest`: the highest id given so far. */
export const withSchema = (
  catalog: Catalog,
  collection: Collection,
  schema: CollectionSchema,
  { timestamp, highest }: { readonly timestamp: bigint; readonly highest: bigint },
): Catalog => {
  const live = new Set(columnsOf(schema).map((field) => field.fieldID));
  const changed: Collection = {
    ...collection,
    schema: { ...schema, version: collection.schema.version + 1 },
    indexes: collection.indexes.filter((index) => live.has(index.fieldId)),
    properties: withProperties(collection.properties, [{ key: MAX_FIELD_ID, value: highest.toString() }]),
    updateTimestamp: timestamp,
  };
  return { ...catalog, collections: catalog.collections.set(collection.id, changed) };
};

/** Refuses a name that a field or a struct has. */
export const checkNewName = (schema: CollectionSchema, name: string): void => {
  if ([...schema.fields, ...schema.structArrayFields].some((field) => field.name === name))
    throw invalid(`field already exists, name: ${name}`);
};

export const addField = (catalog: Catalog, record: RecordOf<"addField">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const { schema } = collection;
  checkNewName(schema, record.field.name);
  if (fieldCount(schema) >= FIELDS_MAX) throw invalid(`The number of fields has reached the maximum value ${FIELDS_MAX}`);
  const fieldID = highestFieldId(collection) + 1n;
  const changed = {
    ...schema,
    fields: [...schema.fields, { ...record.field, fieldID }],
    enableDynamicField: schema.enableDynamicField || record.field.isDynamic,
  };
  return withSchema(catalog, collection, changed, { timestamp: record.timestamp, highest: fieldID });
};

/** A struct takes the id `first`, its members those that follow. */
export const numberedStruct = (struct: StructArrayFieldSchema, first: bigint): StructArrayFieldSchema => ({
  ...struct,
  fieldID: first,
  fields: struct.fields.map((field, at) => ({ ...field, fieldID: first + 1n + BigInt(at) })),
});

export const addStruct = (catalog: Catalog, record: RecordOf<"addStruct">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const { schema } = collection;
  checkNewName(schema, record.struct.name);
  if (fieldCount(schema) + 1 + record.struct.fields.length > FIELDS_MAX)
    throw invalid(`maximum field's number should be limited to ${FIELDS_MAX}`);
  const highest = highestFieldId(collection);
  const struct = numberedStruct(record.struct, highest + 1n);
  const changed = { ...schema, structArrayFields: [...schema.structArrayFields, struct] };
  return withSchema(catalog, collection, changed, {
    timestamp: record.timestamp,
    highest: highest + 1n + BigInt(struct.fields.length),
  });
};

/** The keys of the dynamic field may go, by the property that switches it off; no request names it. */
const checkFieldDrop = (collection: Collection, field: FieldSchema): void => {
  const { schema, properties } = collection;
  const { name } = field;
  if (propertyOf(properties, "ttl_field") === name)
    throw invalid(`cannot drop field ${name} because it is referenced by collection property ttl_field, drop the property first`);
  if (field.isPrimaryKey) throw invalid(`cannot drop primary key field: ${name}`);
  if (field.isPartitionKey) throw invalid(`cannot drop partition key field: ${name}`);
  if (field.isClusteringKey) throw invalid(`cannot drop clustering key field: ${name}`);
  if (isVector(field.dataType) && vectorColumns(schema).length <= 1) throw invalid(`cannot drop the last vector field: ${name}`);
  const used = schema.functions.find((fn) => fn.inputFieldNames.includes(name) || fn.outputFieldNames.includes(name));
  if (used === undefined) return;
  const side = used.inputFieldNames.includes(name) ? "input" : "output";
  throw invalid(`field is referenced by function ${used.name} as ${side}, drop function first`);
};

const checkStructDrop = ({ schema }: Collection, struct: StructArrayFieldSchema): void => {
  const vectors = struct.fields.filter((field) => isVector(field.dataType)).length;
  if (vectors >= vectorColumns(schema).length)
    throw invalid(`cannot drop struct array field ${struct.name}: it would leave no vector field in the collection`);
};

export const dropField = (catalog: Catalog, record: RecordOf<"dropField">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const { schema } = collection;
  const field = schema.fields.find((candidate) => candidate.fieldID === record.fieldId);
  const struct = schema.structArrayFields.find((candidate) => candidate.fieldID === record.fieldId);
  if (field !== undefined) checkFieldDrop(collection, field);
  else if (struct !== undefined) checkStructDrop(collection, struct);
  else throw invalid(`field not found with id: ${record.fieldId}`);
  const changed = {
    ...schema,
    fields: schema.fields.filter((candidate) => candidate !== field),
    structArrayFields: schema.structArrayFields.filter((candidate) => candidate !== struct),
    enableDynamicField: schema.enableDynamicField && field?.isDynamic !== true,
  };
  return withSchema(catalog, collection, changed, { timestamp: record.timestamp, highest: highestFieldId(collection) });
};

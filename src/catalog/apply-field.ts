/**
 * The record that adds a field to a collection. Ids are never reused: the next one follows the highest that the collection ever had.
 * Words: milvus internal/rootcoord/ddl_callbacks_alter_collection_schema.go.
 */
import { invalid } from "../shared/errors.js";
import { FIELDS_MAX } from "../shared/limits.js";
import { propertyOf, withProperties } from "./properties.js";
import { requireCollectionById } from "./read.js";
import type { Catalog, RecordOf } from "./types.js";

const MAX_FIELD_ID = "max_field_id";

export const addField = (catalog: Catalog, record: RecordOf<"addField">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const { schema } = collection;
  if (schema.fields.some((field) => field.name === record.field.name)) throw invalid(`field already exists, name: ${record.field.name}`);
  if (schema.fields.length >= FIELDS_MAX) throw invalid(`The number of fields has reached the maximum value ${FIELDS_MAX}`);
  const highest = schema.fields.reduce((max, field) => (field.fieldID > max ? field.fieldID : max), 0n);
  const fieldID = BigInt(propertyOf(collection.properties, MAX_FIELD_ID) ?? highest) + 1n;
  const changed = {
    ...collection,
    schema: {
      ...schema,
      fields: [...schema.fields, { ...record.field, fieldID }],
      enableDynamicField: schema.enableDynamicField || record.field.isDynamic,
      version: schema.version + 1,
    },
    properties: withProperties(collection.properties, [{ key: MAX_FIELD_ID, value: fieldID.toString() }]),
    updateTimestamp: record.timestamp,
  };
  return { ...catalog, collections: catalog.collections.set(collection.id, changed) };
};

/**
 * Records about indexes. One index a field, except on JSON fields, which take one for each path.
 */
import { failure, invalid } from "../shared/errors.js";
import { DataType } from "../shared/proto/generated/messages.js";
import { columnWithId, isVector } from "../shared/schema.js";
import { indexParam, sameIndexParams } from "./index-params.js";
import { withoutKeys, withProperties } from "./properties.js";
import { indexNamed, requireCollectionById } from "./read.js";
import type { Catalog, Collection, IndexDefinition, RecordOf } from "./types.js";

const withIndexes = (catalog: Catalog, collection: Collection, indexes: readonly IndexDefinition[]): Catalog => ({
  ...catalog,
  collections: catalog.collections.set(collection.id, { ...collection, indexes }),
});

const refuse = (index: IndexDefinition, other: IndexDefinition, isJson: boolean): void => {
  if (other.name === index.name) throw invalid("CreateIndex failed: at most one distinct index is allowed per field");
  if (other.fieldId !== index.fieldId) return;
  if (isJson && indexParam(other, "json_path") !== indexParam(index, "json_path")) return;
  throw invalid("CreateIndex failed: creating multiple indexes on same field is not supported");
};

export const createIndex = (catalog: Catalog, record: RecordOf<"createIndex">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const field = columnWithId(collection.schema, record.fieldId);
  if (field === undefined) throw failure("fieldNotFound", { field: record.fieldId });
  const index: IndexDefinition = {
    id: record.id,
    name: record.name,
    fieldId: record.fieldId,
    params: record.params,
    createdTimestamp: record.timestamp,
  };
  const same = indexNamed(collection, record.name);
  if (same !== undefined && same.fieldId === record.fieldId && sameIndexParams(same.params, record.params)) return catalog;
  for (const other of collection.indexes) refuse(index, other, field.dataType === DataType.JSON);
  return withIndexes(catalog, collection, [...collection.indexes, index]);
};

export const alterIndex = (catalog: Catalog, record: RecordOf<"alterIndex">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  if (indexNamed(collection, record.name) === undefined) throw failure("indexNotFound", { indexName: record.name });
  if (collection.load !== undefined)
    throw failure(
      "collectionLoaded",
      { collection: collection.name },
      "can't alter index on loaded collection, please release the collection first",
    );
  const alter = (index: IndexDefinition): IndexDefinition => ({
    ...index,
    params: withoutKeys(withProperties(index.params, record.properties), record.deleteKeys),
  });
  return withIndexes(
    catalog,
    collection,
    collection.indexes.map((index) => (index.name === record.name ? alter(index) : index)),
  );
};

/** A missing index is no error. */
export const dropIndex = (catalog: Catalog, record: RecordOf<"dropIndex">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const index = indexNamed(collection, record.name);
  if (index === undefined) return catalog;
  const field = columnWithId(collection.schema, index.fieldId);
  if (collection.load !== undefined && field !== undefined && isVector(field.dataType))
    throw invalid(`vector index cannot be dropped on loaded collection: ${collection.id}`);
  return withIndexes(
    catalog,
    collection,
    collection.indexes.filter((candidate) => candidate !== index),
  );
};

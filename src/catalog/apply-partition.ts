/** Records about partitions and about what is loaded. */
import { failure, invalid } from "../shared/errors.js";
import { PARTITIONS_MAX } from "../shared/limits.js";
import { vectorColumns } from "../shared/schema.js";
import { checkCapacity } from "./apply-collection.js";
import { checkGroupForLoad } from "./apply-resource-group.js";
import { DEFAULT_PARTITION, isPartitionLoaded, loadedPartitions, partitionNamed, requireCollectionById, resourceGroupOf } from "./read.js";
import type { Catalog, Collection, Load, LoadRecord, RecordOf } from "./types.js";

const replaced = (catalog: Catalog, collection: Collection): Catalog => ({
  ...catalog,
  collections: catalog.collections.set(collection.id, collection),
});

export const createPartition = (catalog: Catalog, record: RecordOf<"createPartition">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  checkCapacity(catalog, 1);
  if (partitionNamed(collection, record.name) !== undefined) return catalog;
  const count = collection.partitions.length;
  if (count >= PARTITIONS_MAX)
    throw invalid(`partition number (${count}) exceeds max configuration (${PARTITIONS_MAX}), collection: ${collection.name}`);
  const partition = { id: record.id, name: record.name, createdTimestamp: record.timestamp };
  return replaced(catalog, { ...collection, partitions: [...collection.partitions, partition] });
};

/** A missing partition is no error. */
export const dropPartition = (catalog: Catalog, record: RecordOf<"dropPartition">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const partition = partitionNamed(collection, record.name);
  if (partition !== undefined && isPartitionLoaded(collection, partition.id))
    throw invalid("partition cannot be dropped, partition is loaded, please release it first");
  if (record.name === DEFAULT_PARTITION) throw invalid("default partition cannot be deleted");
  if (partition === undefined) return catalog;
  return replaced(catalog, { ...collection, partitions: collection.partitions.filter((candidate) => candidate !== partition) });
};

/** Every vector field that is loaded needs an index. `name` is what the words call the collection; `loadFields` empty: all fields. */
export const checkIndexes = (collection: Collection, name = collection.name, loadFields: readonly string[] = []): void => {
  if (collection.indexes.length === 0) throw failure("indexNotFound", { collection: name });
  const bare = vectorColumns(collection.schema).filter(
    (field) =>
      (loadFields.length === 0 || loadFields.includes(field.name)) && !collection.indexes.some((index) => index.fieldId === field.fieldID),
  );
  if (bare.length > 0)
    throw invalid(`there is no vector index on field: [${bare.map((field) => field.name).join(" ")}], please create index firstly`);
};

const checkPartitions = (collection: Collection, ids: readonly bigint[]): void => {
  for (const id of ids) {
    if (!collection.partitions.some((partition) => partition.id === id)) throw failure("partitionNotFound", { partition: id });
  }
};

const sameLoad = (one: Load, other: Load): boolean =>
  one.all === other.all &&
  one.replicaNumber === other.replicaNumber &&
  one.skipDynamicField === other.skipDynamicField &&
  resourceGroupOf(one) === resourceGroupOf(other) &&
  one.partitionIds.length === other.partitionIds.length &&
  one.loadFields.length === other.loadFields.length &&
  one.loadFields.every((name, index) => other.loadFields[index] === name);

/** Loading the collection widens what partitions were loaded; loading partitions adds to them, and to a loaded collection nothing. */
export const load = (catalog: Catalog, record: LoadRecord): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  checkIndexes(collection, collection.name, record.loadFields);
  checkPartitions(collection, record.partitionIds ?? []);
  const before = collection.load;
  checkGroupForLoad(catalog, record, before === undefined || record.partitionIds !== undefined);
  if (record.partitionIds !== undefined && before !== undefined && before.replicaNumber !== record.replicaNumber)
    throw invalid("can't change the replica number for loaded partitions", {
      expected: before.replicaNumber,
      actual: record.replicaNumber,
    });
  const all = record.partitionIds === undefined || before?.all === true;
  const next: Load = {
    all,
    partitionIds: all ? [] : [...new Set([...(before?.partitionIds ?? []), ...(record.partitionIds ?? [])])],
    replicaNumber: record.replicaNumber,
    loadFields: record.loadFields,
    skipDynamicField: record.skipDynamicField,
    ...(record.resourceGroup === undefined ? {} : { resourceGroup: record.resourceGroup }),
  };
  return before !== undefined && sameLoad(before, next) ? catalog : replaced(catalog, { ...collection, load: next });
};

/** What is not loaded is released already. When the last loaded partition goes, the collection is released. */
export const release = (catalog: Catalog, record: RecordOf<"release">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  if (collection.load === undefined) return catalog;
  const gone = record.partitionIds;
  const left = gone === undefined ? [] : loadedPartitions(collection).filter((id) => !gone.includes(id));
  if (gone !== undefined && left.length === loadedPartitions(collection).length) return catalog;
  return replaced(catalog, {
    ...collection,
    load: left.length === 0 ? undefined : { ...collection.load, all: false, partitionIds: left },
  });
};

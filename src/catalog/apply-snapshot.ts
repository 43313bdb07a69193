/**
 * Records about snapshots: create, drop, pin, unpin, and a collection made from one.
 *
 * A snapshot belongs to its collection and goes with it. Names of files in it are only kept here; that they exist is the engine's promise.
 * Words: milvus internal/datacoord/{services,snapshot_manager,snapshot_meta}.go.
 */
import { failure, invalid } from "../shared/errors.js";
import { physicalMs, type Timestamp } from "../shared/types.js";
import { createCollection } from "./apply-collection.js";
import { requireCollectionById } from "./read.js";
import type { Catalog, Collection, RecordOf, Snapshot } from "./types.js";

const NOTHING: readonly Snapshot[] = [];

export const snapshotsOf = (collection: Collection): readonly Snapshot[] => collection.snapshots ?? NOTHING;

/** @throws 2600 */
export const requireSnapshot = (collection: Collection, name: string): Snapshot => {
  const found = snapshotsOf(collection).find((snapshot) => snapshot.name === name);
  if (found === undefined) throw failure("snapshotNotFound", { snapshot: name }, `collection ${collection.id}`);
  return found;
};

type Pin = Snapshot["pins"][number];

const activePins = ({ pins }: Snapshot, at: Timestamp): Pin[] => {
  const now = Number(physicalMs(at));
  return pins.filter(({ endMs }) => endMs === 0 || endMs >= now);
};

const withSnapshots = (catalog: Catalog, collection: Collection, snapshots: readonly Snapshot[]): Catalog => ({
  ...catalog,
  collections: catalog.collections.set(collection.id, { ...collection, snapshots }),
});

export const createSnapshot = (catalog: Catalog, record: RecordOf<"createSnapshot">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const { name } = record.snapshot;
  if (snapshotsOf(collection).some((snapshot) => snapshot.name === name)) {
    throw invalid(`snapshot name ${name} already exists in collection ${collection.id}`);
  }
  return withSnapshots(catalog, collection, [
    ...snapshotsOf(collection),
    { ...record.snapshot, createdTimestamp: record.timestamp, pins: [] },
  ]);
};

/** A missing snapshot is no error. */
export const dropSnapshot = (catalog: Catalog, record: RecordOf<"dropSnapshot">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const snapshot = snapshotsOf(collection).find(({ name }) => name === record.name);
  if (snapshot === undefined) return catalog;
  if (activePins(snapshot, record.timestamp).length > 0) {
    throw failure("snapshotPinned", { snapshot: record.name }, "active pins exist, unpin before dropping");
  }
  return withSnapshots(
    catalog,
    collection,
    snapshotsOf(collection).filter((other) => other !== snapshot),
  );
};

export const pinSnapshot = (catalog: Catalog, record: RecordOf<"pinSnapshot">): Catalog => {
  const collection = requireCollectionById(catalog, record.collectionId);
  const snapshot = requireSnapshot(collection, record.name);
  const pinned = { ...snapshot, pins: [...activePins(snapshot, record.timestamp), { id: record.id, endMs: record.endMs }] };
  return withSnapshots(
    catalog,
    collection,
    snapshotsOf(collection).map((other) => (other === snapshot ? pinned : other)),
  );
};

/** An unknown pin is no error: it may have ended, or its snapshot may be gone. */
export const unpinSnapshot = (catalog: Catalog, record: RecordOf<"unpinSnapshot">): Catalog => {
  for (const collection of catalog.collections.values()) {
    const snapshots = snapshotsOf(collection);
    if (!snapshots.some(({ pins }) => pins.some(({ id }) => id === record.id))) continue;
    const unpinned = snapshots.map((snapshot) => ({ ...snapshot, pins: snapshot.pins.filter(({ id }) => id !== record.id) }));
    return withSnapshots(catalog, collection, unpinned);
  }
  return catalog;
};

export const restoreSnapshot = (catalog: Catalog, record: RecordOf<"restoreSnapshot">): Catalog => {
  const { definition } = record;
  const made = createCollection(catalog, { ...definition, timestamp: record.timestamp });
  const collection = made.collections.get(definition.id);
  // One of the same definition is there already: a collection is restored into a new one.
  if (collection === undefined)
    throw invalid(`create duplicate collection with different parameters, collection: ${definition.schema.name}`);
  const indexes = record.indexes.map((index) => ({ ...index, createdTimestamp: record.timestamp }));
  return { ...made, collections: made.collections.set(collection.id, { ...collection, indexes }) };
};

/** Kinds of operations on snapshots, and on collections made from them. */
import type { SeededRandom } from "../../support/random.js";
import { anyCollection, type Kind, type Named, refused, type Step, same } from "../kind.js";
import { type Model, ModelCollection } from "../model.js";

const SNAPSHOTS = ["s0", "s1", "s2"];
const RESTORED = ["c0", "c1", "c2", "c3", "c4", "r0", "r1"];
const COLLECTIONS_MAX = 8;

const create = (random: SeededRandom, { collection, options, text }: Named): Step => {
  const snapshotName = random.pick(SNAPSHOTS);
  return {
    text: `create snapshot ${snapshotName} of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.createSnapshot({ ...options, snapshotName });
      if (collection.snapshots.has(snapshotName)) return refused("a snapshot twice", 1100, work);
      await work;
      collection.snapshots.set(snapshotName, collection.freeze());
    },
  };
};

const drop = (random: SeededRandom, { collection, options, text }: Named): Step => {
  const snapshotName = random.pick(SNAPSHOTS);
  return {
    text: `drop snapshot ${snapshotName} of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const work = client.dropSnapshot({ ...options, snapshotName });
      if ((collection.snapshots.get(snapshotName)?.pins.length ?? 0) > 0) return refused("dropping a pinned snapshot", 2601, work);
      await work;
      collection.snapshots.delete(snapshotName);
    },
  };
};

const describe = (random: SeededRandom, { collection, options, text }: Named): Step => {
  const snapshotName = random.pick(SNAPSHOTS);
  return {
    text: `list snapshots of ${text}, describe ${snapshotName}`,
    about: collection,
    run: async ({ client }) => {
      same("snapshots", [...(await client.listSnapshots(options))].sort(), [...collection.snapshots.keys()].sort());
      const work = client.describeSnapshot({ ...options, snapshotName });
      const snapshot = collection.snapshots.get(snapshotName);
      if (snapshot === undefined) return refused("describing a missing snapshot", 2600, work);
      const { name, collectionName, partitionNames } = await work;
      same(
        "snapshot",
        [name, collectionName, [...partitionNames].sort()],
        [snapshotName, collection.name, [...snapshot.partitions].sort()],
      );
    },
  };
};

const restore = (random: SeededRandom, { collection, options, text }: Named, model: Model): Step | undefined => {
  if (model.collections.length >= COLLECTIONS_MAX) return undefined;
  const snapshotName = random.pick(SNAPSHOTS);
  const targetCollectionName = random.pick(RESTORED);
  const targetDatabaseName = random.pick([...model.databases.keys()]);
  return {
    text: `restore snapshot ${snapshotName} of ${text} as ${targetDatabaseName}.${targetCollectionName}`,
    about: collection,
    run: async ({ client }) => {
      const snapshot = collection.snapshots.get(snapshotName);
      const work = client.restoreSnapshot({ ...options, snapshotName, targetCollectionName, targetDatabaseName });
      if (snapshot === undefined) return refused("restoring a missing snapshot", 2600, work);
      const { collections, aliases } = model.database(targetDatabaseName);
      if (aliases.has(targetCollectionName)) return refused("restoring into an alias", [1100, 1601], work);
      if (collections.has(targetCollectionName)) return refused("restoring into a collection", 1100, work);
      await work;
      const restored = new ModelCollection(targetDatabaseName, targetCollectionName, snapshot, collection.numPartitions);
      restored.rows = [...snapshot.rows];
      restored.written = snapshot.written;
      collections.set(targetCollectionName, restored);
    },
  };
};

const pin = (random: SeededRandom, { collection, options, text }: Named): Step => {
  const snapshotName = random.pick(SNAPSHOTS);
  return {
    text: `pin or unpin snapshot ${snapshotName} of ${text}`,
    about: collection,
    run: async ({ client }) => {
      const snapshot = collection.snapshots.get(snapshotName);
      const held = snapshot?.pins.pop();
      if (held !== undefined) return client.unpinSnapshot(held);
      const work = client.pinSnapshot({ ...options, snapshotName });
      if (snapshot === undefined) return refused("pinning a missing snapshot", 2600, work);
      snapshot.pins.push(await work);
    },
  };
};

const kind = (
  name: string,
  weight: number,
  draw: (random: SeededRandom, of: Named, model: Model) => Step | undefined,
  fits?: (collection: ModelCollection) => boolean,
): Kind => ({
  name,
  weight,
  draw: (random, model) => {
    const of = anyCollection(random, model, fits);
    return of === undefined ? undefined : draw(random, of, model);
  },
});

const hasSnapshots = (collection: ModelCollection): boolean => collection.snapshots.size > 0;

export const snapshots: readonly Kind[] = [
  kind("create snapshot", 1.2, create),
  kind("drop snapshot", 0.6, drop),
  kind("describe snapshot", 0.6, describe),
  kind("restore snapshot", 1.2, restore, hasSnapshots),
  kind("pin snapshot", 0.4, pin, hasSnapshots),
];

/** Kinds that change nothing to be seen: flushes, compactions, restarts; and the clock. */
import type { SeededRandom } from "../../support/random.js";
import { anyCollection, type Kind, type Named, refused, type Step, same } from "../kind.js";
import type { Model, ModelCollection } from "../model.js";
import { hasClusteringKey } from "../shape.js";
import { milvus } from "../world.js";

const flush = (_random: SeededRandom, { collection, options, text }: Named): Step => ({
  text: `flush ${text}`,
  about: collection,
  run: async ({ client }) => client.flush(options),
});

const flushAll = (): Step => ({
  text: "flush all",
  run: async (world) => {
    const { flushAllTs } = await world.call(milvus.FlushAll, {});
    const { flushed } = await world.call(milvus.GetFlushAllState, { flushAllTs });
    same("flushed", flushed, true);
  },
});

const compactions: Record<string, { isL0?: boolean; targetSize?: number; isClustering?: boolean }> = {
  "compact and wait": {},
  "write deletes": { isL0: true },
  "force merge": { targetSize: 1024 },
  "clustering compaction": { isClustering: true },
};

const compact =
  (what: string) =>
  (random: SeededRandom, { collection, options, text }: Named): Step => {
    const wait = random.chance(0.8);
    const how = compactions[what];
    return {
      text: `${what} ${text}${wait ? "" : ", without waiting"}`,
      about: collection,
      run: async ({ client }) => {
        const work = client.compact({ ...options, ...how, wait });
        if (how?.isClustering && !hasClusteringKey(collection.shape)) return refused("clustering without a key", 2304, work);
        const id = await work.catch((error: unknown) => {
          // One that was begun without waiting may be under way.
          if (how?.isClustering && (error as { code?: number }).code === 2305) return -1n;
          throw error;
        });
        if (!wait || id === -1n) return;
        const { state, plans } = await client.getCompactionState(id);
        same("state", [state, plans.executing], ["Completed", 0]);
      },
    };
  };

const restart = (): Step => ({ text: "restart", run: (world) => world.restart() });
const kill = (): Step => ({ text: "kill and open again", run: (world) => world.kill() });

const advance = (random: SeededRandom): Step => {
  const seconds = 1 + random.below(4);
  return { text: `${seconds} s pass`, run: async (world) => world.advance(seconds) };
};

const segmentInfo = (_random: SeededRandom, { collection, options, text }: Named): Step => ({
  text: `segments of ${text}`,
  about: collection,
  run: async (world) => {
    const request = { dbName: collection.database, collectionName: options.collectionName };
    const { infos } = await world.call(milvus.GetPersistentSegmentInfo, request);
    const { stats } = await world.call(milvus.GetCollectionStatistics, request);
    const sealed = infos.reduce((sum, info) => sum + Number(info.numRows), 0);
    const all = Number(stats.find(({ key }) => key === "row_count")?.value);
    same("no more rows in files than there are", sealed <= all, true);
  },
});

const health = (): Step => ({
  text: "version and health",
  run: async ({ client }) => {
    same("healthy", (await client.checkHealth()).isHealthy, true);
    same("version", (await client.getServerVersion()).length > 0, true);
  },
});

const kind = (
  name: string,
  weight: number,
  draw: (random: SeededRandom, of: Named, model: Model) => Step,
  fits?: (collection: ModelCollection) => boolean,
): Kind => ({
  name,
  weight,
  draw: (random, model) => {
    const of = anyCollection(random, model, fits);
    return of === undefined ? undefined : draw(random, of, model);
  },
});

export const upkeep: readonly Kind[] = [
  kind("flush", 2.5, flush),
  { name: "flush all", weight: 0.6, draw: flushAll },
  kind("compact and wait", 1.5, compact("compact and wait")),
  kind("write deletes", 0.5, compact("write deletes")),
  kind("force merge", 0.8, compact("force merge")),
  kind("clustering compaction", 0.8, compact("clustering compaction"), (collection) => hasClusteringKey(collection.shape)),
  kind("clustering compaction without a key", 0.1, compact("clustering compaction"), (collection) => !hasClusteringKey(collection.shape)),
  { name: "restart", weight: 0.5, draw: restart },
  { name: "kill", weight: 0.7, draw: kill },
  { name: "time passes", weight: 1.2, draw: advance },
  kind("segment information", 0.5, segmentInfo),
  { name: "health", weight: 0.3, draw: health },
];

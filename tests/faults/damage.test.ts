/**
 * Damage of every kind of file: a bit flipped, a page zeroed, the file cut, the file gone. The next opening and what is read afterwards is either exactly
 * right, or refused with code 1009, the file's path and the offset; never wrong, never a crash. What is derived (indexes, key filters) heals.
 *
 * `ELANUS_DAMAGES` is how many are tried (2,000 in `npm test`).
 */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openEngine } from "../../src/engine/open.js";
import { MilvusError } from "../../src/shared/errors.js";
import { SearchResultData, type SearchResults } from "../../src/shared/proto/generated/messages.js";
import { Driver } from "../support/driver.js";
import { emptyModel, type Model, oneOf, requests } from "../support/engine-ledger.js";
import { DiskFile } from "../support/faulty-disk.js";
import { FaultyEnv } from "../support/faulty-env.js";
import { mirror, mirrorFolder } from "../support/mirror.js";
import { runSeed, SeededRandom } from "../support/random.js";

const DAMAGES = Number(process.env.ELANUS_DAMAGES ?? (process.env.ELANUS_LONG ? 100_000 : 2000));
const PAGE = 4096;
const ROWS = 1500;

const folder = mirrorFolder();
let base: FaultyEnv;
let expected: Model = emptyModel;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder with every kind of file: log records, two manifests, segments, delete sets, a snapshot's, an index. */
beforeAll(async () => {
  const env = mirror(new FaultyEnv(3), folder);
  const engine = await openEngine({ folder, env });
  const driver = new Driver(engine);
  await driver.createCollection("rows", 2);
  const ids = Array.from({ length: ROWS }, (_, id) => id);
  const before = [
    requests.insert(ids, 1),
    requests.flush(),
    requests.remove([5, 6]),
    requests.snapshot("s"),
    requests.remove([7]),
    requests.flush(),
  ];
  const later = [requests.insert([2000, 2001], 2), requests.flush(), requests.upsert([8], 3), requests.createAlias("a")];
  for (const request of before) {
    await request.run(driver, engine);
    expected = request.after(expected);
  }
  await driver.call("ReleaseCollection", { collectionName: "rows" });
  await driver.call("DropIndex", { collectionName: "rows", indexName: "vector" });
  const extraParams = [
    { key: "index_type", value: "HNSW" },
    { key: "metric_type", value: "L2" },
  ];
  await driver.call("CreateIndex", { collectionName: "rows", fieldName: "vector", extraParams });
  await driver.call("LoadCollection", { collectionName: "rows" });
  while (engine.jobs().length > 0) await new Promise(setImmediate);
  for (const request of later) {
    await request.run(driver, engine);
    expected = request.after(expected);
  }
  await engine.close();
  base = env;
}, 60_000);

const placeholder = (vector: readonly number[]): Buffer => {
  const value = Buffer.alloc(vector.length * 4);
  vector.forEach((element, at) => {
    value.writeFloatLE(element, at * 4);
  });
  const inner = Buffer.concat([Buffer.from([0x0a, 2]), Buffer.from("$0"), Buffer.from([0x10, 101, 0x1a, value.length]), value]);
  return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
};

/** The nearest row of each of some stored vectors is its own. */
const searchIsRight = async (driver: Driver): Promise<void> => {
  for (const id of [0, 100, 1499, 2000]) {
    const reply = await driver.call<SearchResults>("Search", {
      collectionName: "rows",
      placeholderGroup: placeholder([id, id + 1]),
      nq: 1n,
      searchParams: [
        { key: "anns_field", value: "vector" },
        { key: "topk", value: "1" },
        { key: "params", value: "{}" },
        { key: "metric_type", value: "L2" },
      ],
    });
    expect(SearchResultData.decode(reply.results).scores[0]).toBe(0);
  }
};

interface Damage {
  readonly path: string;
  readonly what: string;
  change(content: Buffer): Buffer | undefined;
}

const randomDamage = (random: SeededRandom, paths: readonly string[]): Damage => {
  const path = random.pick(paths);
  const size = base.disk.file(path)?.current.length ?? 0;
  const at = random.below(Math.max(1, size));
  const bit = random.below(8);
  const kinds: Damage[] = [
    { path, what: `bit ${bit} of byte ${at} flipped`, change: (content) => (size === 0 ? content : flipped(content, at, bit)) },
    { path, what: `bit ${bit} of byte ${at} flipped`, change: (content) => (size === 0 ? content : flipped(content, at, bit)) },
    {
      path,
      what: `page at ${at - (at % PAGE)} zeroed`,
      change: (content) => Buffer.from(content).fill(0, at - (at % PAGE), Math.min(size, at - (at % PAGE) + PAGE)),
    },
    { path, what: `cut at ${at}`, change: (content) => content.subarray(0, at) },
    { path, what: "gone", change: () => undefined },
  ];
  return random.pick(kinds);
};

const flipped = (content: Buffer, at: number, bit: number): Buffer => {
  const copy = Buffer.from(content);
  copy[at] = (copy[at] ?? 0) ^ (1 << bit);
  return copy;
};

const damaged = ({ path, change }: Damage): FaultyEnv => {
  const env = base.fork();
  const file = env.disk.file(path);
  const content = change(file?.current ?? Buffer.alloc(0));
  if (content === undefined) env.disk.change({ is: "unlink", path });
  else if (file !== undefined) {
    file.current = content;
    file.durable = content;
  }
  return mirror(env, folder);
};

/** @throws when what is read is wrong, or the error does not tell which file is damaged and where */
const outcomeOf = async (damage: Damage, context: () => string): Promise<"told" | "harmless"> => {
  const env = damaged(damage);
  try {
    const engine = await openEngine({ folder, env });
    const driver = new Driver(engine);
    await oneOf(engine, [expected], false, context);
    await searchIsRight(driver);
    await engine.close();
    return "harmless";
  } catch (error) {
    if (!(error instanceof MilvusError)) throw new Error(`${context()}: ${error}`, { cause: error });
    // A log file that is gone is missed in its folder.
    const name = damage.what === "gone" ? damage.path.slice(0, damage.path.lastIndexOf("/")) : damage.path;
    if (error.code === 1009 && error.message.includes(name) && /at byte \d+/.test(error.message)) return "told";
    throw new Error(`${context()}: ${error.code} ${error.message}`, { cause: error });
  }
};

const pathsIn = ({ disk }: FaultyEnv): string[] =>
  [...disk.names].flatMap(([path, node]) => (node instanceof DiskFile && path.startsWith(`${folder}/`) ? [path] : []));

test(
  `${DAMAGES} damages are told or do no harm`,
  async () => {
    const seed = runSeed();
    process.stdout.write(`ELANUS_SEED=${seed}\n`);
    const random = new SeededRandom(seed);
    const paths = pathsIn(base);
    const kinds = paths.map((path) => /\.(\w+)$/.exec(path)?.[1] ?? path.slice(folder.length + 1).split("-")[0]);
    expect(new Set(kinds)).toEqual(new Set(["closed", "log", "manifest", "reserve", "seg", "del", "idx"]));
    const outcomes = { told: 0, harmless: 0 };
    for (let count = 0; count < DAMAGES; count++) {
      const damage = randomDamage(random, paths);
      outcomes[await outcomeOf(damage, () => `ELANUS_SEED=${seed}, damage ${count}: ${damage.path}: ${damage.what}`)]++;
    }
    expect(outcomes.told).toBeGreaterThan(DAMAGES / 4);
    expect(outcomes.harmless).toBeGreaterThan(0);
  },
  24 * 3600_000,
);

test("the checker notices deletes that no checksum misses", async () => {
  const deletes = pathsIn(base).filter((path) => path.endsWith(".del"));
  const [older, newer] = deletes.sort(
    (one, other) => (base.disk.file(one)?.current.length ?? 0) - (base.disk.file(other)?.current.length ?? 0),
  );
  const content = base.disk.file(older ?? "")?.current;
  if (newer === undefined || content === undefined) throw new Error(`only ${deletes} are there`);
  await expect(outcomeOf({ path: newer, what: "", change: () => Buffer.from(content) }, () => "planted")).rejects.toThrow(/planted\nshown/);
});

test("an index that is damaged is built again", async () => {
  const path = [...base.disk.names.keys()].find((name) => name.endsWith(".idx")) as string;
  const env = damaged({ path, what: "", change: (content) => flipped(content, 1000, 3) });
  const engine = await openEngine({ folder, env });
  while (engine.jobs().length > 0) await new Promise(setImmediate);
  const [collection] = [...engine.catalog.collections.values()];
  if (collection === undefined || collection.indexes[0] === undefined) throw new Error("no index");
  expect(engine.indexProgress(collection, collection.indexes[0])).toMatchObject({ pendingRows: 0, failReason: "" });
  await searchIsRight(new Driver(engine));
  await engine.close();
});

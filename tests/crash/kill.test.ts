/**
 * kill -9 while four writers insert, upsert and delete and an alias moves: after each restart every acknowledged change is there, nothing that was never
 * sent is, and a request is there whole or not at all. The seed is printed; ELANUS_SEED replays it.
 */
import { afterAll, describe, expect, it } from "vitest";
import { MilvusClient, MilvusError } from "../../src/client/index.js";
import { removeFolder, startServer, temporaryFolder } from "../support/server.js";

const CYCLES = process.env.ELANUS_LONG ? 1000 : 60;
const WRITERS = 4;
const BATCH = 5;
const seed = Number(process.env.ELANUS_SEED ?? process.hrtime.bigint() & 0xffffffn);

const random = ((state) => () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 4294967296;
})(seed >>> 0);

/** What one batch of rows may look like after a crash. */
interface Batch {
  /** Version of the rows that was acknowledged last, and the newest that was sent; -1 acknowledged: perhaps not there. */
  acknowledged: number;
  sent: number;
  deleteSent: boolean;
  deleteAcknowledged: boolean;
}

/** All that the writers sent and what of it was acknowledged. Batches are numbered; batch b has the rows b * BATCH … b * BATCH + BATCH - 1. */
class Ledger {
  readonly batches = new Map<number, Batch>();
  aliasVersion = { acknowledged: 0, sent: 0 };
  next = 0;
}

const vectorOf = (id: number, version: number): number[] => [id % 97, version, 1, 0.5];
const rowsOf = (batch: number, version: number) =>
  Array.from({ length: BATCH }, (_, index) => {
    const id = batch * BATCH + index;
    return { id, vector: vectorOf(id, version), version, note: `batch ${batch}` };
  });

/** A call that the killed server may not answer: true when it was acknowledged. */
const acknowledged = async (work: Promise<unknown>): Promise<boolean> => {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof MilvusError && error.code !== 0 && !error.retriable && error.code < 2000 && error.code > 10) throw error;
    return false;
  }
};

const writer = async (client: MilvusClient, ledger: Ledger, stopped: () => boolean): Promise<void> => {
  const own: number[] = [];
  while (!stopped()) {
    const dice = random();
    const known = own[Math.floor(random() * own.length)];
    const batch = known === undefined ? undefined : ledger.batches.get(known);
    if (known !== undefined && batch !== undefined && !batch.deleteSent && dice < 0.25) {
      const version = ++batch.sent;
      if (await acknowledged(client.upsert({ collectionName: "crash", data: rowsOf(known, version) }))) batch.acknowledged = version;
    } else if (known !== undefined && batch !== undefined && !batch.deleteSent && dice < 0.35) {
      batch.deleteSent = true;
      const ids = rowsOf(known, 0).map((row) => row.id);
      batch.deleteAcknowledged = await acknowledged(client.delete({ collectionName: "crash", ids }));
    } else {
      const number = ledger.next++;
      own.push(number);
      const fresh: Batch = { acknowledged: -1, sent: 0, deleteSent: false, deleteAcknowledged: false };
      ledger.batches.set(number, fresh);
      if (await acknowledged(client.insert({ collectionName: "crash", data: rowsOf(number, 0) }))) fresh.acknowledged = 0;
    }
  }
};

const aliasMover = async (client: MilvusClient, ledger: Ledger, stopped: () => boolean): Promise<void> => {
  while (!stopped()) {
    const version = ++ledger.aliasVersion.sent;
    const collectionName = version % 2 === 0 ? "even" : "odd";
    if (await acknowledged(client.alterAlias({ collectionName, alias: "moving" }))) ledger.aliasVersion.acknowledged = version;
    // Several changes as one record: both names point at the same collection, always.
    await acknowledged(
      client.alterAliases({
        actions: [
          { action: "alter", alias: "left", collectionName },
          { action: "alter", alias: "right", collectionName },
        ],
      }),
    );
  }
};

const flusher = async (client: MilvusClient, stopped: () => boolean): Promise<void> => {
  while (!stopped()) {
    await new Promise((resolve) => setTimeout(resolve, 30 + random() * 200));
    await acknowledged(client.flush({ collectionName: "crash" }));
  }
};

const prepare = async (uri: string): Promise<void> => {
  await using client = new MilvusClient({ uri });
  await client.createCollection({ collectionName: "crash", dimension: 4, metricType: "L2" });
  for (const collectionName of ["even", "odd"]) await client.createCollection({ collectionName, dimension: 4 });
  for (const alias of ["moving", "left", "right"]) await client.createAlias({ collectionName: "even", alias });
};

/** Every batch is whole, of a version between the acknowledged and the sent one, gone only when its delete was sent. */
const wrongBatches = (ledger: Ledger, found: ReadonlyMap<number, number>): string[] => {
  const wrong: string[] = [];
  for (const [number, batch] of ledger.batches) {
    const versions = rowsOf(number, 0).map((row) => found.get(row.id));
    const [version] = versions;
    if (versions.some((each) => each !== version)) wrong.push(`batch ${number} is half there: ${versions}`);
    else if (version === undefined) {
      if (batch.acknowledged >= 0 && !batch.deleteSent) wrong.push(`batch ${number} is lost`);
    } else {
      if (version > batch.sent || version < batch.acknowledged) {
        wrong.push(`batch ${number} has version ${version}, acknowledged ${batch.acknowledged}, sent ${batch.sent}`);
      }
      if (batch.deleteAcknowledged) wrong.push(`batch ${number} came back after its delete`);
    }
  }
  for (const id of found.keys()) if (!ledger.batches.has(Math.floor(id / BATCH))) wrong.push(`row ${id} was never sent`);
  return wrong;
};

const readAll = async (client: MilvusClient): Promise<Map<number, number>> => {
  const found = new Map<number, number>();
  for (let after = -1; ; ) {
    const rows = await client.query<{ id: number; version: number; vector: Float32Array; note: string }>({
      collectionName: "crash",
      filter: `id > ${after}`,
      limit: 10_000,
      outputFields: ["version", "vector", "note"],
    });
    for (const { id, version, vector, note } of rows) {
      expect(found.has(id), `row ${id} twice`).toBe(false);
      expect([...vector]).toEqual(vectorOf(id, version).map(Math.fround));
      expect(note).toBe(`batch ${Math.floor(id / BATCH)}`);
      found.set(id, version);
    }
    if (rows.length === 0) return found;
    after = Number(rows.at(-1)?.id);
  }
};

const checkAliases = async (client: MilvusClient, ledger: Ledger): Promise<void> => {
  const target = async (alias: string) => (await client.describeAlias({ alias })).collectionName;
  expect(await target("left")).toBe(await target("right"));
  const moving = await target("moving");
  const { acknowledged: low, sent: high } = ledger.aliasVersion;
  const possible = Array.from({ length: high - low + 1 }, (_, index) => ((low + index) % 2 === 0 ? "even" : "odd"));
  expect(possible).toContain(moving);
  ledger.aliasVersion =
    moving === (high % 2 === 0 ? "even" : "odd") ? { acknowledged: high, sent: high } : { acknowledged: low, sent: low };
};

/** What is there now is what counts as acknowledged from here on. */
const settle = (ledger: Ledger, found: ReadonlyMap<number, number>): void => {
  for (const [number, batch] of ledger.batches) {
    const version = found.get(number * BATCH);
    if (version === undefined) ledger.batches.delete(number);
    else ledger.batches.set(number, { acknowledged: version, sent: batch.sent, deleteSent: false, deleteAcknowledged: false });
  }
};

describe("kill -9", () => {
  const folder = temporaryFolder();
  afterAll(() => removeFolder(folder));

  it(`loses nothing acknowledged and invents nothing, ${CYCLES} cycles (seed ${seed})`, { timeout: CYCLES * 30_000 }, async () => {
    const ledger = new Ledger();
    let server = await startServer(folder);
    await prepare(server.uri);
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      let stop = false;
      const stopped = () => stop;
      const clients = Array.from({ length: WRITERS + 2 }, () => new MilvusClient({ uri: server.uri, timeout: 3 }));
      const [mover, flusherClient, ...writers] = clients as [MilvusClient, MilvusClient, ...MilvusClient[]];
      const work = [
        ...writers.map((client) => writer(client, ledger, stopped)),
        aliasMover(mover, ledger, stopped),
        flusher(flusherClient, stopped),
      ];
      await new Promise((resolve) => setTimeout(resolve, 100 + random() * 400));
      await server.kill();
      stop = true;
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all(work);
      server = await startServer(folder);
      await using client = new MilvusClient({ uri: server.uri });
      const found = await readAll(client);
      expect(wrongBatches(ledger, found), `cycle ${cycle}, seed ${seed}`).toEqual([]);
      await checkAliases(client, ledger);
      settle(ledger, found);
    }
    expect(ledger.next).toBeGreaterThan(CYCLES);
    expect(await server.stop()).toBe(0);
  });

  it("the checker finds lost, half, old and invented rows", () => {
    const ledger = new Ledger();
    ledger.batches.set(0, { acknowledged: 1, sent: 1, deleteSent: false, deleteAcknowledged: false });
    const whole = (version: number) => new Map(rowsOf(0, version).map((row) => [row.id, version]));
    expect(wrongBatches(ledger, whole(1))).toEqual([]);
    expect(wrongBatches(ledger, new Map())).toEqual(["batch 0 is lost"]);
    expect(wrongBatches(ledger, whole(0))[0]).toContain("has version 0");
    expect(wrongBatches(ledger, new Map([[0, 1]]))[0]).toContain("half there");
    expect(wrongBatches(ledger, new Map([...whole(1), [999, 0]]))).toEqual(["row 999 was never sent"]);
  });
});

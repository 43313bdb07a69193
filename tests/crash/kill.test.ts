/**
 * kill -9 of a server while four writers insert, upsert, update and delete, aliases move, collections and snapshots come and go, rows are flushed and
 * merged. After each restart on the same folder every acknowledged change is there, nothing that was never sent is, and a request is there whole or not at all.
 *
 * | variable | |
 * | --- | --- |
 * | `ELANUS_KILL_CYCLES` | kills: 60, in `npm run test:long` 1,000 |
 * | `ELANUS_SEED` | repeats what is written and when it is killed, as far as the machine's speed lets it |
 */
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import { CatalogLedger, COLLECTION, checkCatalog, checkSnapshot, load, prepare, readAll } from "../support/crash-load.js";
import { BATCH_ROWS, Ledger, type LedgerRow, rowsOf } from "../support/ledger.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { removeFolder, startServer, temporaryFolder } from "../support/server.js";

const CYCLES = Number(process.env.ELANUS_KILL_CYCLES ?? (process.env.ELANUS_LONG ? 1000 : 60));
const WRITERS = 4;
/** Every so many cycles a snapshot is restored. */
const SNAPSHOT_CYCLES = 10;
/** Milliseconds of work before a kill. */
const WORK_MS_MIN = 40;
const WORK_MS_MAX = 240;
const seed = runSeed();

describe("kill -9", () => {
  const folder = temporaryFolder();
  afterAll(() => removeFolder(folder));

  it(`loses nothing acknowledged and invents nothing, ${CYCLES} cycles (seed ${seed})`, { timeout: 60_000 + CYCLES * 20_000 }, async () => {
    process.stdout.write(`ELANUS_SEED=${seed}\n`);
    const random = new SeededRandom(seed);
    const ledgers = { rows: new Ledger(), catalog: new CatalogLedger() };
    const own: number[][] = Array.from({ length: WRITERS }, () => []);
    let server = await startServer(folder);
    onTestFinished(() => server.kill());
    await prepare(server.uri);
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const context = `cycle ${cycle}, ELANUS_SEED=${seed}`;
      let stop = false;
      const clients = Array.from({ length: WRITERS + 2 }, () => new MilvusClient({ uri: server.uri, timeout: 5 }));
      const work = load(clients, ledgers, random, own, () => stop);
      // Told when it is waited for.
      work.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, WORK_MS_MIN + random.below(WORK_MS_MAX - WORK_MS_MIN)));
      await server.kill();
      stop = true;
      await Promise.all(clients.map((client) => client.close()));
      await work;
      server = await startServer(folder);
      await using client = new MilvusClient({ uri: server.uri });
      const found = await readAll(client, COLLECTION);
      expect(ledgers.rows.faults(found), context).toEqual([]);
      expect(await client.count({ collectionName: COLLECTION }), context).toBe(found.length);
      ledgers.rows.settle(found);
      expect(await checkCatalog(client, ledgers.catalog), context).toEqual([]);
      const [snapshot] = ledgers.catalog.snapshots.keys();
      if (cycle % SNAPSHOT_CYCLES === 0 && snapshot !== undefined)
        expect(await checkSnapshot(client, snapshot, ledgers.rows), context).toEqual([]);
    }
    expect(ledgers.rows.next).toBeGreaterThan(CYCLES);
    expect(await server.stop()).toBe(0);
  });

  describe("the ledger finds", () => {
    const state = { version: 1, label: 2 };
    const ledger = new Ledger();
    ledger.begin().entry.settle(state);
    const whole = rowsOf(0, state);
    it.each<[string, readonly LedgerRow[], RegExp]>([
      ["a lost batch", [], /^batch 0 is absent, should be 1\/2$/],
      ["an old version", rowsOf(0, { version: 0, label: 2 }), /^batch 0 is 0\/2/],
      ["an update that is lost", rowsOf(0, { version: 1, label: 1 }), /^batch 0 is 1\/1/],
      ["half a request", whole.slice(1), /half there/],
      ["half an update", [...whole.slice(1), ...rowsOf(0, { version: 1, label: 3 }).slice(0, 1)], /half there/],
      ["a row twice", [...whole, ...whole.slice(0, 1)], /half there/],
      ["a changed value", [...whole.slice(1), { ...(whole[0] as LedgerRow), vector: [9, 9, 9, 9] }], /not as it was sent/],
      ["rows that were never sent", [...whole, ...rowsOf(7, state)], /never sent/],
    ])("%s", (_, rows, words) => {
      expect(ledger.faults(rows).join("; ")).toMatch(words);
    });

    it("nothing in what may be", () => {
      expect(ledger.faults(whole)).toEqual([]);
      expect(whole).toHaveLength(BATCH_ROWS);
    });

    it("what a request on its way may have made, and nothing else", async () => {
      const sent = new Ledger();
      const { entry } = sent.begin();
      await entry.change(state, async () => {});
      void entry.change(undefined, () => new Promise(() => {}));
      expect(sent.faults([])).toEqual([]);
      expect(sent.faults(whole)).toEqual([]);
      expect(sent.faults(rowsOf(0, { version: 2, label: 2 }))[0]).toMatch(/should be 1\/2 or absent/);
    });
  });
});

/**
 * kill -9 during recovery, again and again: a folder with a long log, manifests, segments, a snapshot and a merge that was under way is opened by a process
 * that is killed after a random time, from its first moment to a little after recovery has ended. In the end everything is as it was acknowledged, and the
 * kills have not made the folder grow: what each of them leaves behind, the next start takes away.
 *
 * | variable | |
 * | --- | --- |
 * | `ELANUS_RECOVERY_KILLS` | kills: 20, in `npm run test:long` 300 |
 * | `ELANUS_SEED` | repeats the moments of the kills |
 */
import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, expect, it, onTestFinished } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import { CatalogLedger, COLLECTION, checkCatalog, checkSnapshot, load, prepare, readAll } from "../support/crash-load.js";
import { Ledger } from "../support/ledger.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { freePort, removeFolder, startServer, type TestServer, temporaryFolder } from "../support/server.js";

const KILLS = Number(process.env.ELANUS_RECOVERY_KILLS ?? (process.env.ELANUS_LONG ? 300 : 20));
const LONG_ROWS = 40_000;
const LONG_BATCH = 2000;
const DIM = 128;
/** Milliseconds of small requests of all kinds behind the rows that make the log long. */
const WORK_MS = 1500;
/** What kills may leave behind at any time, however many they were: the log file begun last, indexes built meanwhile, a draft of a file. */
const LEFT_BYTES_MAX = 24 * 1024 * 1024;
const seed = runSeed();
const main = join(dirname(dirname(import.meta.dirname)), "dist/cli/main.js");
const folder = temporaryFolder();
afterAll(() => removeFolder(folder));

const bytesIn = (path: string): number =>
  readdirSync(path, { recursive: true, withFileTypes: true }).reduce(
    (sum, entry) => sum + (entry.isFile() ? statSync(join(entry.parentPath, entry.name)).size : 0),
    0,
  );

const startAndKill = async (afterMs: number): Promise<void> => {
  const child = spawn(process.execPath, [main, "serve", "--data", folder, "--port", String(await freePort())], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.kill("SIGKILL");
  await ended;
};

const longRow = (id: number) => ({
  id,
  vector: Array.from({ length: DIM }, (_, at) => ((id * 31 + at * 7) % 101) - 50),
  note: `row ${id}`,
});

const ledgers = { rows: new Ledger(), catalog: new CatalogLedger() };

/** Half of the long collection in segments, half in the log, then requests of all kinds until a merge is under way; then the server is killed. */
const fill = async (server: TestServer, random: SeededRandom): Promise<void> => {
  await prepare(server.uri);
  await using client = new MilvusClient({ uri: server.uri });
  await client.createCollection({ collectionName: "long", dimension: DIM });
  for (let start = 0; start < LONG_ROWS; start += LONG_BATCH) {
    await client.insert({ collectionName: "long", data: Array.from({ length: LONG_BATCH }, (_, at) => longRow(start + at)) });
    if (start === LONG_ROWS / 4 || start === LONG_ROWS / 2) await client.flush({ collectionName: "long" });
  }
  await client.delete({ collectionName: "long", ids: [1, LONG_ROWS - 1] });
  let stop = false;
  const clients = Array.from({ length: 6 }, () => new MilvusClient({ uri: server.uri, timeout: 5 }));
  const own: number[][] = [[], [], [], []];
  const work = load(clients, ledgers, random, own, () => stop);
  // Told when it is waited for.
  work.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, WORK_MS));
  await client.compact({ collectionName: "long", targetSize: 1024 });
  await server.kill();
  stop = true;
  await Promise.all(clients.map((each) => each.close()));
  await work;
};

const check = async (client: MilvusClient): Promise<void> => {
  const found = await readAll(client, COLLECTION);
  expect(ledgers.rows.faults(found)).toEqual([]);
  ledgers.rows.settle(found);
  expect(await checkCatalog(client, ledgers.catalog)).toEqual([]);
  expect(await client.count({ collectionName: "long" })).toBe(LONG_ROWS - 2);
  const ids = [0, 1, LONG_ROWS / 4, LONG_ROWS - 2, LONG_ROWS - 1];
  const rows = await client.get<{ id: number; vector: Float32Array; note: string }>({ collectionName: "long", ids });
  expect(rows.map((row) => ({ ...row, vector: [...row.vector] }))).toEqual([0, LONG_ROWS / 4, LONG_ROWS - 2].map(longRow));
};

it(`everything is there after ${KILLS} kills of a recovery (seed ${seed})`, { timeout: 180_000 + KILLS * 10_000 }, async () => {
  process.stdout.write(`ELANUS_SEED=${seed}\n`);
  const random = new SeededRandom(seed);
  let server = await startServer(folder);
  onTestFinished(() => server.kill());
  await fill(server, random);
  const started = performance.now();
  server = await startServer(folder);
  const recoveryMs = performance.now() - started;
  await server.kill();
  const before = bytesIn(folder);
  let most = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    // Most of them where the log is replayed, which is behind the start of the process.
    const part = random.chance(0.7) ? 0.4 + 0.6 * random.next() : 1.2 * random.next();
    await startAndKill(part * recoveryMs);
    most = Math.max(most, bytesIn(folder));
  }
  expect(most - before).toBeLessThan(LEFT_BYTES_MAX);
  server = await startServer(folder);
  await using client = new MilvusClient({ uri: server.uri });
  await check(client);
  const [snapshot] = ledgers.catalog.snapshots.keys();
  if (snapshot !== undefined) expect(await checkSnapshot(client, snapshot, ledgers.rows)).toEqual([]);
  expect(await server.stop()).toBe(0);
});

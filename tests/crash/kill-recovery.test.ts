/**
 * kill -9 during recovery, again and again: a folder with a long log and files is opened by a process that is killed after a random time, from the first moment to
 * well after recovery has ended. In the end everything is there, and the folder has not grown by it.
 */
import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import { freePort, removeFolder, startServer, temporaryFolder } from "../support/server.js";

const KILLS = process.env.ELANUS_LONG ? 300 : 20;
const ROWS = 20_000;
const BATCH = 2000;
const DIM = 64;
/** Longer than a start and its recovery take. */
const LONGEST_MS = 1500;
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

it(`everything is there after ${KILLS} kills of a recovery`, async () => {
  let server = await startServer(folder);
  const client = new MilvusClient({ uri: server.uri });
  await client.createCollection({ collectionName: "rows", dimension: DIM });
  const row = (id: number) => ({ id, vector: Array.from({ length: DIM }, (_, at) => id + at), note: `row ${id}` });
  for (let start = 0; start < ROWS; start += BATCH) {
    await client.insert({ collectionName: "rows", data: Array.from({ length: BATCH }, (_, at) => row(start + at)) });
    if (start === ROWS / 2) await client.flush({ collectionName: "rows" });
  }
  await client.delete({ collectionName: "rows", ids: [1, ROWS - 1] });
  await client.createAlias({ collectionName: "rows", alias: "again" });
  await client.close();
  await server.kill();
  const bytes = bytesIn(folder);
  for (let kill = 0; kill < KILLS; kill++) await startAndKill(Math.random() * LONGEST_MS);
  server = await startServer(folder);
  const reader = new MilvusClient({ uri: server.uri });
  expect(await reader.count({ collectionName: "again", filter: "" })).toBe(ROWS - 2);
  expect(await reader.get({ collectionName: "again", ids: [0, 1, ROWS - 2], outputFields: ["note"] })).toMatchObject([
    { id: 0, note: "row 0" },
    { id: ROWS - 2, note: `row ${ROWS - 2}` },
  ]);
  expect(bytesIn(folder)).toBeLessThan(bytes * 2 + 1_000_000);
  await reader.close();
  await server.stop();
}, 3600_000);

/**
 * A disk that is really full: a small tmpfs under a real server, filled by inserts. Writes are refused with code 1001, reads go on, nothing of what was
 * refused is visible, the process lives, and writes are taken again by themselves once there is space. Nothing acknowledged is lost over a restart.
 *
 * Needs the right to mount; where the machine does not give it the tests are skipped, which is printed. `ELANUS_FULL_DISKS` is how often a disk fills.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { MilvusClient, MilvusError } from "../../src/client/index.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { removeFolder, startServer, type TestServer, temporaryFolder } from "../support/server.js";

const ROUNDS = Number(process.env.ELANUS_FULL_DISKS ?? (process.env.ELANUS_LONG ? 50 : 2));
const MIB = 1024 * 1024;
const DISK_BYTES = 24 * MIB;
const BALLAST_BYTES = 8 * MIB;
const DIMENSION = 128;
/** Milliseconds in which writes are taken again once there is space. */
const RESUME_MS = 5000;

const root = temporaryFolder();
const mounted = new Set<string>();

/** Returns why not, when it cannot be done. */
const mount = (folder: string, options: string): string | undefined => {
  const { status, stderr, error } = spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { encoding: "utf8" });
  if (status !== 0) return (error?.message ?? stderr).trim();
  mounted.add(folder);
  return undefined;
};

const unmount = (folder: string): void => {
  const { status, stderr } = spawnSync("umount", [folder], { encoding: "utf8" });
  if (status !== 0) throw new Error(`umount ${folder}: ${stderr}`);
  mounted.delete(folder);
};

const whyNot = (): string | undefined => {
  const probe = join(root, "probe");
  mkdirSync(probe);
  const reason = process.platform === "linux" ? mount(probe, "size=1m") : "not Linux";
  if (reason === undefined) unmount(probe);
  return reason;
};

const refusal = whyNot();
if (refusal !== undefined) process.stdout.write(`skipped: no small file system can be mounted here (${refusal})\n`);

afterAll(() => {
  for (const folder of mounted) unmount(folder);
  removeFolder(root);
});

const collectionName = "full";

type Versions = ReadonlyMap<number, number>;

const wrongRows = (found: Versions, expected: Versions): string[] =>
  [...new Set([...found.keys(), ...expected.keys()])]
    .filter((id) => found.get(id) !== expected.get(id))
    .map((id) => `${id}: version ${found.get(id)} instead of ${expected.get(id)}`);

class Round {
  private readonly random: SeededRandom;
  private readonly folder: string;
  private server!: TestServer;
  private client!: MilvusClient;
  /** Version by id, of what was acknowledged. */
  private readonly rows = new Map<number, number>();
  /** Requests of which a refusal said that it is not known: all of their rows may be there, or none. */
  private unknown: Versions[] = [];
  private nextId = 0;
  private version = 0;

  constructor(seed: number, number: number) {
    this.random = new SeededRandom(seed);
    this.folder = join(root, `disk-${number}`);
    mkdirSync(this.folder);
  }

  async run(): Promise<void> {
    expect(mount(this.folder, `size=${DISK_BYTES}`)).toBeUndefined();
    writeFileSync(join(this.folder, "ballast"), Buffer.alloc(BALLAST_BYTES));
    await this.start();
    await this.client.createCollection({ collectionName, dimension: DIMENSION, metricType: "L2" });
    try {
      await this.fill();
      await this.stayRefused();
      this.fillToTheLastByte();
      for (let times = this.random.below(3); times > 0; times--) await this.restart("while the disk is full");
      await this.resume();
      for (let count = 0; count < 5; count++) await this.insert(100);
      // A flush writes all the rows once more, before the log can be cut.
      expect(mount(this.folder, `remount,size=${3 * DISK_BYTES}`)).toBeUndefined();
      await this.client.flush({ collectionName });
      await this.restart("at the end");
      await this.insert(10);
      await this.check("after the restart");
    } finally {
      await this.client.close();
      await this.server.kill();
    }
    unmount(this.folder);
  }

  private async start(): Promise<void> {
    this.server = await startServer(join(this.folder, "data"));
    this.client = new MilvusClient({ uri: this.server.uri, timeout: 20 });
  }

  private async restart(when: string): Promise<void> {
    await this.client.close();
    if (this.random.chance(0.5)) await this.server.kill();
    else expect(await this.server.stop(), this.server.output()).toBe(0);
    await this.start();
    await this.check(when);
  }

  private async insert(count: number): Promise<void> {
    const version = ++this.version;
    const ids = Array.from({ length: count }, () => this.nextId++);
    await this.write(new Map(ids.map((id) => [id, version])), "insert");
  }

  private async upsert(count: number): Promise<void> {
    const version = ++this.version;
    const ids = new Set(Array.from({ length: count }, () => this.random.below(this.nextId)));
    await this.write(new Map([...ids].map((id) => [id, version])), "upsert");
  }

  private async write(rows: Versions, how: "insert" | "upsert"): Promise<void> {
    const data = [...rows].map(([id, version]) => ({
      id,
      version,
      vector: Array.from({ length: DIMENSION }, (_, at) => (id % 1000) + at),
    }));
    try {
      await this.client[how]({ collectionName, data });
    } catch (error) {
      if (error instanceof MilvusError && /not known/.test(error.message)) this.unknown.push(rows);
      throw error;
    }
    for (const [id, version] of rows) this.rows.set(id, version);
  }

  /** Inserts, upserts and flushes until one is refused; whatever is refused meanwhile names the full disk. */
  private async fill(): Promise<void> {
    for (let count = 0; count < 1000; count++) {
      const refused = await refusalOf(() => (count > 0 && this.random.chance(0.1) ? this.upsert(200) : this.insert(500)));
      if (refused !== undefined) return;
      if (this.random.chance(0.05)) await refusalOf(() => this.client.flush({ collectionName }));
      if (this.random.chance(0.1)) await this.check("while the disk fills");
    }
    throw new Error("the disk did not fill");
  }

  /** Smaller and smaller requests, until the smallest is refused; reads are answered all the while. */
  private async stayRefused(): Promise<void> {
    for (let count = 200; count >= 1; count = Math.floor(count / 2)) {
      for (let tries = 0; tries < 1000; tries++) if ((await refusalOf(() => this.insert(count))) !== undefined) break;
      await this.check(`with a full disk, ${count} rows refused`);
    }
    expect(await refusalOf(() => this.insert(500))).toBeDefined();
    // It may find room, or not.
    await refusalOf(() => this.client.flush({ collectionName }));
    await refusalOf(() => this.client.createAlias({ collectionName, alias: "a" }));
    await this.check("after a flush with a full disk");
  }

  /** By somebody else, outside of the data folder. */
  private fillToTheLastByte(): void {
    try {
      for (;;) appendFileSync(join(this.folder, "filler"), Buffer.alloc(4096));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  private async resume(): Promise<void> {
    if (this.random.chance(0.5)) rmSync(join(this.folder, "ballast"));
    else expect(mount(this.folder, `remount,size=${DISK_BYTES + BALLAST_BYTES}`)).toBeUndefined();
    const end = performance.now() + RESUME_MS;
    for (;;) {
      const refused = await refusalOf(() => this.insert(100));
      if (refused === undefined) return;
      if (performance.now() > end) throw new Error(`still refused ${RESUME_MS} ms after there was space: ${refused.message}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Every row is of the version acknowledged; a request of which it is not known is there as a whole, or not. */
  private async check(when: string): Promise<void> {
    const found = await this.read();
    for (const request of this.unknown) {
      if ([...request].every(([id, version]) => found.get(id) === version)) for (const [id, version] of request) this.rows.set(id, version);
    }
    this.unknown = [];
    const wrong = wrongRows(found, this.rows);
    if (wrong.length > 0) throw new Error(`${when}: ${wrong.length} rows are wrong: ${wrong.slice(0, 5).join("; ")}`);
    const [hits] = await this.client.search({ collectionName, data: [Array.from({ length: DIMENSION }, (_, at) => at)], limit: 1 });
    expect(hits?.[0]?.distance).toBe(0);
  }

  private async read(): Promise<Map<number, number>> {
    const found = new Map<number, number>();
    for (let after = -1; ; ) {
      const filter = `id > ${after}`;
      const rows = await this.client.query<{ id: number; version: number }>({
        collectionName,
        filter,
        limit: 10_000,
        outputFields: ["version"],
      });
      for (const { id, version } of rows) found.set(Number(id), Number(version));
      if (rows.length === 0) return found;
      after = Number(rows.at(-1)?.id);
    }
  }
}

/** undefined: it was done. A refusal for want of space is the answer; anything else is thrown. */
const refusalOf = async (work: () => Promise<unknown>): Promise<MilvusError | undefined> => {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof MilvusError && error.code === 1001 && /ENOSPC/.test(error.message)) return error;
    throw error;
  }
};

test.skipIf(refusal !== undefined)(
  `a full disk refuses writes, serves reads, and is taken up again by itself, ${ROUNDS} times`,
  async () => {
    const first = runSeed();
    process.stdout.write(`ELANUS_SEED=${first}\n`);
    for (let round = 0; round < ROUNDS; round++) {
      try {
        await new Round(first + round, round).run();
      } catch (error) {
        throw new Error(`ELANUS_SEED=${first + round}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  },
  ROUNDS * 120_000,
);

test("the checker finds rows that are lost, old or were never there", () => {
  const expected = new Map([
    [1, 1],
    [2, 1],
    [3, 2],
  ]);
  expect(wrongRows(expected, expected)).toEqual([]);
  const found = new Map([
    [2, 1],
    [3, 1],
    [4, 1],
  ]);
  expect(wrongRows(found, expected)).toEqual([
    "3: version 1 instead of 2",
    "4: version 1 instead of undefined",
    "1: version undefined instead of 1",
  ]);
});

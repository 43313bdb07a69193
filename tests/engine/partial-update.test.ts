/**
 * Upserts of some columns while others write: each sees what was written before it, so concurrent ones of the same keys lose nothing, and a restart or a
 * crash (the folder copied while it is open) finds the complete rows.
 */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import { WriteGates } from "../../src/engine/write-gate.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const folders: string[] = [];
const clients: MilvusClient[] = [];
const folder = (): string => {
  const made = temporaryFolder();
  folders.push(made);
  return made;
};
const open = (path: string): MilvusClient => {
  const client = new MilvusClient(path);
  clients.push(client);
  return client;
};
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const each of folders.splice(0)) removeFolder(each);
});
const crashed = (path: string): string => {
  const copy = join(folder(), "data");
  cpSync(path, copy, { recursive: true });
  rmSync(join(copy, "LOCK"), { force: true });
  return copy;
};

const collectionName = "rows";
const CLIENTS = 16;
const range = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

const create = async (client: MilvusClient): Promise<void> => {
  await client.createCollection({
    collectionName,
    schema: {
      enableDynamicField: true,
      fields: [
        { name: "id", dataType: "Int64", isPrimary: true },
        { name: "vector", dataType: "FloatVector", dim: 2 },
        { name: "seen", dataType: "Array", elementType: "Int64", maxCapacity: 4096 },
        ...range(CLIENTS).map((at) => ({ name: `count${at}`, dataType: "Int64", nullable: true }) as const),
      ],
    },
    indexParams: [{ fieldName: "vector", indexType: "FLAT", metricType: "L2" }],
  });
  await client.insert({ collectionName, data: [0, 1].map((id) => ({ id, vector: [id, id], seen: [] })) });
};

const rowsIn = async (client: MilvusClient): Promise<Record<string, unknown>[]> =>
  client.query({ collectionName, filter: "id >= 0", outputFields: ["*"] });
const sorted = (values: unknown): unknown[] => [...(values as number[])].sort((a, b) => a - b);

describe("partial updates at the same time", () => {
  it("lose no element of one array, through flushes, a restart and a crash", async () => {
    const path = folder();
    let client = open(path);
    await create(client);
    let wanted: number[] = [];
    for (const round of range(4)) {
      const each = range(CLIENTS).map((at) => (round * CLIENTS + at) * 10);
      const appended = each.flatMap((number) =>
        range(10).map((step) =>
          client.upsert({ collectionName, data: { id: 0, seen: [number + step] }, arrayOperations: { seen: "append" } }),
        ),
      );
      // Ordinary writes of the same collection, and of the same key's neighbours, run beside them.
      const beside = range(20).flatMap((at) => [
        client.insert({ collectionName, data: { id: 100 + round * 20 + at, vector: [0, 0], seen: [at] } }),
        client.delete({ collectionName, ids: 100 + round * 20 + at - 5 }),
      ]);
      const flushed = client.flush({ collectionName });
      await Promise.all([...appended, ...beside, flushed]);
      wanted = [...wanted, ...each.flatMap((number) => range(10).map((step) => number + step))];
      const copy = open(crashed(path));
      expect(sorted((await rowsIn(copy))[0]?.seen)).toEqual(wanted);
      await client.close();
      client = open(path);
      expect(sorted((await rowsIn(client))[0]?.seen)).toEqual(wanted);
    }
    const removed = wanted.filter((number) => number % 3 === 0);
    await Promise.all(
      removed.map((number) => client.upsert({ collectionName, data: { id: 0, seen: [number] }, arrayOperations: { seen: "remove" } })),
    );
    const [row] = await rowsIn(client);
    expect(sorted(row?.seen)).toEqual(wanted.filter((number) => number % 3 !== 0));
  });

  it("lose elements where nothing keeps them apart: the test above can fail", async () => {
    const client = open(folder());
    await create(client);
    vi.spyOn(WriteGates.prototype, "alone").mockImplementation((_id, work) => work());
    const appending = range(CLIENTS).map((at) =>
      client.upsert({ collectionName, data: { id: 0, seen: [at] }, arrayOperations: { seen: "append" } }),
    );
    await Promise.all(appending);
    vi.restoreAllMocks();
    const [row] = await rowsIn(client);
    expect(((row?.seen ?? []) as number[]).length).toBeLessThan(CLIENTS);
  });

  it("of different columns and dynamic keys of the same rows all stay", async () => {
    const path = folder();
    const client = open(path);
    await create(client);
    const counting = range(CLIENTS).map(async (at) => {
      for (const step of range(12)) {
        const data = [0, 1].map((id) => ({ id, [`count${at}`]: step, [`key${at}`]: { step } }));
        await client.upsert({ collectionName, data: at % 2 === 0 ? data : data.reverse(), partialUpdate: true });
        const seen = await client.query({ collectionName, filter: "id in [0, 1]", outputFields: [`count${at}`] });
        expect(seen.map((row) => row[`count${at}`])).toEqual([step, step]);
      }
    });
    await Promise.all([...counting, client.flush({ collectionName }), client.compact({ collectionName })]);
    const last = Object.fromEntries(
      range(CLIENTS).flatMap((at) => [
        [`count${at}`, 11],
        [`key${at}`, { step: 11 }],
      ]),
    );
    const expected = [0, 1].map((id) => ({ id, vector: [id, id], seen: [], ...last }));
    const whole = async (each: MilvusClient) =>
      (await rowsIn(each)).map((row) => ({ ...row, vector: Array.from(row.vector as number[]), seen: Array.from(row.seen as number[]) }));
    expect(await whole(client)).toEqual(expected);
    expect(await whole(open(crashed(path)))).toEqual(expected);
  });

  it("bring nothing back that was truncated or dropped meanwhile", async () => {
    const path = folder();
    const client = open(path);
    await create(client);
    await client.createPartition({ collectionName, partitionName: "p" });
    const data = { id: 0, vector: [0, 0], seen: [] };
    for (const partitionName of ["_default", "p"]) await client.upsert({ collectionName, partitionName, data });
    // Behind the emptying the key is not there, so an update without its vector is refused.
    const updating = range(60).map((at) =>
      client
        .upsert({ collectionName, data: { id: 0, count0: at }, partialUpdate: true, partitionName: at % 2 === 0 ? "_default" : "p" })
        .then(
          () => "written",
          (error: Error) => error.message,
        ),
    );
    await client.releasePartitions({ collectionName, partitionNames: ["p"] });
    await client.dropPartition({ collectionName, partitionName: "p" });
    await client.truncateCollection({ collectionName });
    const words = await Promise.all(updating);
    for (const each of words) expect(each).toMatch(/^written$|has no corresponding fieldData|partition not (found|loaded)/);
    expect(await rowsIn(client)).toEqual([]);
    expect(await rowsIn(open(crashed(path)))).toEqual([]);
  });

  it("and whole upserts of the same key come one after another", async () => {
    const client = open(folder());
    await create(client);
    const work = range(200).map((at) =>
      at % 5 === 0
        ? client.upsert({ collectionName, data: { id: 0, vector: [at, at], seen: [at], count0: at } })
        : client.upsert({ collectionName, data: { id: 0, seen: [at] }, arrayOperations: { seen: "append" } }),
    );
    await Promise.all(work);
    const [row] = await rowsIn(client);
    const [whole, ...appended] = (row?.seen ?? []) as number[];
    // The last whole one wins, and carries all that was appended behind it and nothing from before.
    expect(Array.from(row?.vector as number[])).toEqual([whole, whole]);
    expect(row?.count0).toBe(whole);
    expect(new Set(appended).size).toBe(appended.length);
    expect(appended.every((at) => at % 5 !== 0)).toBe(true);
  });
});

/** A piece of work that ends when it is told to. */
class Work {
  started = false;
  private tellEnd: () => void = () => undefined;
  private readonly ended = new Promise<void>((resolve) => {
    this.tellEnd = resolve;
  });
  readonly run = async (): Promise<void> => {
    this.started = true;
    await this.ended;
  };
  async end(): Promise<void> {
    this.tellEnd();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
}

describe("a write gate", () => {
  it("lets shared work in at once, keeps it out of work that is alone, and lets nobody wait for ever", async () => {
    const gates = new WriteGates();
    const works = range(7).map(() => new Work());
    const enter = (at: number, how: "share" | "alone", id = 1n) => gates[how](id, works[at]?.run as Work["run"]);
    const all = [enter(0, "share"), enter(1, "share"), enter(2, "alone"), enter(3, "share"), enter(4, "share"), enter(5, "alone")];
    const other = enter(6, "alone", 2n);
    const started = () => works.map((work) => work.started);
    const stages: boolean[][] = [started()];
    for (const at of [0, 1, 2, 4, 3, 5]) {
      await works[at]?.end();
      stages.push(started());
    }
    const now = (...in_: number[]) => works.map((_, at) => at === 6 || in_.includes(at));
    expect(stages).toEqual([
      now(0, 1),
      now(0, 1),
      now(0, 1, 2),
      now(0, 1, 2, 3, 4),
      now(0, 1, 2, 3, 4),
      now(0, 1, 2, 3, 4, 5),
      now(0, 1, 2, 3, 4, 5),
    ]);
    await works[6]?.end();
    await Promise.all([...all, other]);
  });

  it("opens again when work fails", async () => {
    const gates = new WriteGates();
    const fails = () => Promise.reject(new Error("no"));
    await expect(gates.alone(1n, fails)).rejects.toThrow("no");
    await expect(gates.share(1n, fails)).rejects.toThrow("no");
    expect(await gates.alone(1n, async () => "in")).toBe("in");
  });
});

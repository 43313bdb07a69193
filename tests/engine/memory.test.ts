/** The memory budget: what does not fit is refused in Milvus's words, everything else goes on, and there is a way back. */
import { afterEach, describe, expect, it, test } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import type { EngineApi } from "../../src/engine/api.js";
import { MemoryBudget } from "../../src/engine/memory.js";
import { type OpenOptions, openEngine } from "../../src/engine/open.js";
import { Driver } from "../support/driver.js";
import { removeFolder, startServer, type TestServer, temporaryFolder } from "../support/server.js";

const MIB = 1024 * 1024;
const DIM = 256;
const EXHAUSTED =
  "quota exceeded[reason=memory quota exceeded, please allocate more resources: force deny writing for memory quota exceeded]";
const folders: string[] = [];
const engines: EngineApi[] = [];
const servers: TestServer[] = [];
const folder = (): string => {
  const made = temporaryFolder();
  folders.push(made);
  return made;
};
const open = async (options: Partial<OpenOptions>) => {
  const engine = await openEngine({ folder: folder(), ...options });
  engines.push(engine);
  return { engine, driver: new Driver(engine) };
};
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  for (const server of servers.splice(0)) await server.kill();
  for (const each of folders.splice(0)) removeFolder(each);
});
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const quiet = async (engine: EngineApi): Promise<void> => {
  while (engine.jobs().length > 0) await pause(5);
};

describe("a memory budget", () => {
  it("refuses a request that does not fit, and nothing else", async () => {
    const { engine, driver } = await open({ maxMemory: 4 * MIB });
    await driver.createCollection("rows", DIM);
    await driver.insert("rows", range(0, 100), 0);
    for (const write of [driver.insert, driver.upsert])
      await expect(write("rows", range(100, 3100), 0)).rejects.toMatchObject({ code: 9, message: EXHAUSTED });
    expect((await driver.versions("rows")).size).toBe(100);
    await driver.delete("rows", [1]);
    await driver.flush("rows");
    expect((await driver.versions("rows")).size).toBe(99);
    expect(engine.memoryUsed).toBeLessThan(engine.memoryLimit);
  });

  it("seals growing rows before they take it all, so that writing goes on", async () => {
    const { engine, driver } = await open({ maxMemory: 12 * MIB });
    await driver.createCollection("rows", DIM);
    let written = 0;
    for (let turn = 0; written < 30_000 && turn < 2000; turn++) {
      try {
        await driver.insert("rows", range(written, written + 500), 0);
        written += 500;
      } catch (error) {
        expect(error).toMatchObject({ code: 9 });
        await quiet(engine);
      }
      // Tables of keys double, which no request announces.
      expect(engine.memoryUsed).toBeLessThanOrEqual(engine.memoryLimit * 1.1);
    }
    // More than twice what fits in memory.
    expect(written).toBe(30_000);
    const [collection] = [...engine.catalog.collections.values()];
    expect(await engine.count({ collection: collection as never, partitionIds: [] })).toMatchObject({ count: written });
  });
});

describe("over the port", () => {
  it("writes over the budget are refused with code 9, reads and deletes are not, and after a drop writes go on", async () => {
    const server = await startServer(folder(), ["--max-memory", "16MiB"]);
    servers.push(server);
    const client = new MilvusClient({ uri: server.uri });
    const index = { fieldName: "vector", indexType: "HNSW", metricType: "L2", params: { M: 64, efConstruction: 8 } };
    for (const collectionName of ["kept", "dropped"]) {
      const schema = {
        fields: [
          { name: "id", dataType: "Int64" as const, isPrimary: true },
          { name: "vector", dataType: "FloatVector" as const, dim: 8 },
        ],
      };
      await client.createCollection({ collectionName, schema, indexParams: [index] });
    }
    const rows = (from: number, to: number) => range(from, to).map((id) => ({ id, vector: Array.from({ length: 8 }, (_, d) => id * d) }));
    await client.insert({ collectionName: "kept", data: rows(0, 10) });
    const memory = async (name: string): Promise<number> => {
      const page = await (await fetch(`${server.uri}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\d+)`, "m").exec(page)?.[1]);
    };
    const limit = await memory("elanus_memory_limit_bytes");
    // Graphs stay in memory and are most of it: that is what is not given back by sealing.
    for (let from = 0; from < 100_000 && (await memory("elanus_memory_bytes")) < limit * 0.6; from += 2500) {
      await client.insert({ collectionName: "dropped", data: rows(from, from + 2500) });
      await client.flush({ collectionName: "dropped" });
      for (let pending = 1; pending > 0; )
        pending = Number((await client.describeIndex({ collectionName: "dropped", indexName: "vector" }))?.pendingRows);
    }
    const large = rows(100, 100 + Math.floor((limit * 0.6) / 2 / 37));
    const write = () => client.insert({ collectionName: "kept", data: large });
    await expect(write()).rejects.toMatchObject({ code: 9, message: EXHAUSTED });
    expect(await client.count({ collectionName: "kept" })).toBe(10);
    await client.delete({ collectionName: "kept", ids: [3] });
    expect(await client.count({ collectionName: "kept" })).toBe(9);
    await client.flush({ collectionName: "kept" });
    await expect(write()).rejects.toMatchObject({ code: 9 });
    await client.dropCollection({ collectionName: "dropped" });
    await expect(write()).resolves.toMatchObject({ insertCount: large.length });
    expect(await client.count({ collectionName: "kept" })).toBe(9 + large.length);
    await client.close();
  }, 120_000);
});

describe("requests in flight", () => {
  /** A clock and timers that the test moves. */
  const manual = () => {
    let now = 0;
    const timers = new Set<{ at: number; task: () => void }>();
    return {
      elapsed: () => now,
      after: (ms: number, task: () => void) => {
        const timer = { at: now + ms, task };
        timers.add(timer);
        return () => void timers.delete(timer);
      },
      pass: (ms: number) => {
        now += ms;
        for (const timer of [...timers]) if (timer.at <= now && timers.delete(timer)) timer.task();
      },
    };
  };
  const gate = () => {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { open, opened };
  };

  test("take a part of the budget together; who comes next waits, in order, and is let in when others end", async () => {
    const clock = manual();
    const budget = new MemoryBudget(clock, new Map(), 800);
    const order: number[] = [];
    const gates = range(0, 6).map(gate);
    const works = gates.map(({ opened }, at) =>
      budget.during(40, async () => {
        order.push(at);
        await opened;
      }),
    );
    await pause(0);
    // 200 of 800 bytes may be in flight, and each takes 80.
    expect(order).toEqual([0, 1]);
    gates[1]?.open();
    await works[1];
    await pause(0);
    expect(order).toEqual([0, 1, 2]);
    for (const { open } of gates) open();
    await Promise.all(works);
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
    clock.pass(1000);
    expect(budget.used).toBe(0);
  });

  test("one larger than that part goes alone; one that waited too long is refused with a code that clients retry", async () => {
    const clock = manual();
    const budget = new MemoryBudget(clock, new Map(), 800);
    const first = gate();
    const large = budget.during(300, () => first.opened);
    const second = budget.during(10, async () => "done");
    const told = expect(second).rejects.toMatchObject({
      code: 8,
      retriable: true,
      message: "request is rejected by grpc RateLimiter middleware, please retry later: rate limit exceeded[rate=200]",
    });
    await pause(0);
    clock.pass(3000);
    await told;
    first.open();
    await large;
    clock.pass(1000);
    await expect(budget.during(10, async () => "done")).resolves.toBe("done");
  });

  test("work that fails gives its bytes back", async () => {
    const budget = new MemoryBudget(manual(), new Map(), 800);
    for (let turn = 0; turn < 20; turn++) await expect(budget.during(100, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(budget.used).toBe(0);
  });
});

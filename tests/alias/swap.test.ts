/**
 * An alias swap under load: 16 readers search and query through the alias while one writer re-points it as fast as it can. No read fails, none mixes
 * the two collections, and none is stale: it shows a target that was current at some moment between its start and its end.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MilvusClient } from "../../src/client/index.js";
import { removeFolder, startServer, type TestServer } from "../support/server.js";

const READERS = 16;
const SECONDS = process.env.ELANUS_LONG ? 60 : 10;
const COLOURS = ["blue", "green"] as const;

interface Read {
  readonly colours: readonly string[];
  /** The last swap acknowledged before the read began, and the last one sent before it ended. */
  readonly from: number;
  readonly to: number;
}

/** Swap n points the alias at COLOURS[n % 2]. */
const faultOf = ({ colours, from, to }: Read): string | undefined => {
  const [colour] = colours;
  if (colour === undefined) return "empty";
  if (colours.some((other) => other !== colour)) return `mixed: ${colours.join(" ")}`;
  for (let swap = from; swap <= to && swap < from + 2; swap++) if (COLOURS[swap % 2] === colour) return undefined;
  return `stale: ${colour} between swaps ${from} and ${to}`;
};

describe("alias swap under load", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
    await using client = new MilvusClient({ uri: server.uri });
    for (const colour of COLOURS) {
      await client.createCollection({ collectionName: colour, dimension: 8, metricType: "L2" });
      const data = Array.from({ length: 200 }, (_, id) => ({
        id,
        vector: Array.from({ length: 8 }, (_, d) => Math.sin(id * 8 + d)),
        colour,
      }));
      await client.insert({ collectionName: colour, data });
    }
    await client.createAlias({ collectionName: "blue", alias: "current" });
  });
  afterAll(async () => {
    await server.stop();
    removeFolder(server.folder);
  });

  it("no failed, mixed or stale read", { timeout: (SECONDS + 60) * 1000 }, async () => {
    const swaps = { acknowledged: 0, sent: 0 };
    const faults: string[] = [];
    let reads = 0;
    let running = true;
    const observe = async (read: () => Promise<readonly string[]>): Promise<void> => {
      const from = swaps.acknowledged;
      const colours = await read();
      const fault = faultOf({ colours, from, to: swaps.sent });
      reads++;
      if (fault !== undefined) faults.push(fault);
    };
    const reader = async (client: MilvusClient, turn: number): Promise<void> => {
      for (let n = turn; running; n++) {
        await observe(async () => {
          if (n % 2 === 0) {
            const vector = Array.from({ length: 8 }, (_, d) => Math.cos(n + d));
            const [hits] = await client.search<{ colour: string }>({
              collectionName: "current",
              data: [vector],
              limit: 10,
              outputFields: ["colour"],
            });
            return (hits ?? []).map((hit) => hit.entity.colour);
          }
          const rows = await client.query<{ colour: string }>({
            collectionName: "current",
            filter: `id >= ${n % 100}`,
            limit: 10,
            outputFields: ["colour"],
          });
          return rows.map((row) => row.colour);
        });
      }
    };
    const writer = async (client: MilvusClient): Promise<void> => {
      while (running) {
        const swap = swaps.sent + 1;
        swaps.sent = swap;
        await client.alterAlias({ collectionName: COLOURS[swap % 2] as string, alias: "current" });
        swaps.acknowledged = swap;
      }
    };
    const clients = Array.from({ length: 5 }, () => new MilvusClient({ uri: server.uri }));
    const work = Array.from({ length: READERS }, (_, turn) => reader(clients[turn % 4] as MilvusClient, turn));
    work.push(writer(clients[4] as MilvusClient));
    const failure = Promise.all(work);
    await Promise.race([failure, new Promise((resolve) => setTimeout(resolve, SECONDS * 1000))]);
    running = false;
    await failure;
    await Promise.all(clients.map((client) => client.close()));
    expect(faults.slice(0, 5)).toEqual([]);
    expect(reads).toBeGreaterThan(100);
    expect(swaps.acknowledged).toBeGreaterThan(10);
  });

  it("the checker finds mixed and stale reads", () => {
    expect(faultOf({ colours: ["blue", "blue"], from: 2, to: 2 })).toBeUndefined();
    expect(faultOf({ colours: ["green"], from: 2, to: 2 })).toContain("stale");
    expect(faultOf({ colours: ["green"], from: 2, to: 3 })).toBeUndefined();
    expect(faultOf({ colours: ["green", "blue"], from: 2, to: 3 })).toContain("mixed");
    expect(faultOf({ colours: [], from: 2, to: 3 })).toBe("empty");
  });
});

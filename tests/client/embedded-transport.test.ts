/** How clients of folders share engines. The engine is one without rows; the real one is in flow.test.ts. */
import { resolve } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { MilvusClient, MilvusError } from "../../src/client/index.js";
import { memoryEngine } from "../support/memory-engine.js";

interface Opening {
  readonly folder: string;
  readonly fsync?: string;
}

const opened: Opening[] = [];
const closed: string[] = [];
let beforeOpen: () => Promise<void> = async () => {};
let beforeChange: () => Promise<void> = async () => {};

vi.mock("../../src/engine/open.js", () => ({
  openEngine: async (options: Opening) => {
    await beforeOpen();
    opened.push(options);
    const engine = memoryEngine(() => beforeChange());
    return Object.defineProperties(
      { close: async () => void closed.push(options.folder) },
      { ...Object.getOwnPropertyDescriptors(engine), close: {} },
    );
  },
}));

beforeEach(() => {
  opened.length = 0;
  closed.length = 0;
  beforeOpen = async () => {};
  beforeChange = async () => {};
});

const failureOf = async (work: Promise<unknown>): Promise<MilvusError> => {
  const error = await work.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(MilvusError);
  return error as MilvusError;
};

/** Changes of the catalog wait until they are released. */
const holdChanges = () => {
  const held: (() => void)[] = [];
  beforeChange = () => new Promise((done) => held.push(done));
  return {
    count: () => held.length,
    release: () => {
      beforeChange = async () => {};
      for (const done of held) done();
    },
  };
};

test("one engine a folder, closed with its last client", async () => {
  const clients: MilvusClient[] = [];
  // One after another: vitest gives one of two imports at the same moment the real module.
  for (const uri of ["./a", resolve("a"), "./b"]) {
    const client = new MilvusClient({ uri });
    await client.listCollections();
    clients.push(client);
  }
  await clients[0]?.createDatabase({ databaseName: "second" });
  expect(opened.map((each) => each.folder).sort()).toEqual([resolve("a"), resolve("b")]);
  expect(await clients[1]?.listDatabases()).toContain("second");
  await clients[0]?.close();
  await clients[0]?.close();
  expect(closed).toEqual([]);
  expect(await clients[1]?.listDatabases()).toContain("second");
  await clients[1]?.close();
  expect(closed).toEqual([resolve("a")]);
  const again = new MilvusClient("./a");
  expect(await again.listDatabases()).toEqual(["default"]);
  await again.close();
  await clients[2]?.close();
  expect(closed).toHaveLength(3);
});

test("settings reach the engine", async () => {
  await using client = new MilvusClient({ uri: "./c", fsync: "interval" });
  await client.listDatabases();
  expect(opened[0]).toMatchObject({ folder: resolve("c"), fsync: "interval" });
});

test("failures are the ones of a server", async () => {
  await using client = new MilvusClient("./d");
  expect(await failureOf(client.describeAlias({ alias: "nobody" }))).toMatchObject({
    code: 1600,
    message: "alias not found[database=default][alias=nobody]",
  });
  expect(await failureOf(client.useDatabase({ databaseName: "nobody" }))).toMatchObject({ code: 800 });
});

test("a folder that cannot be opened fails each call with its words, and can be opened later", async () => {
  beforeOpen = async () => {
    throw new Error("process 7 holds ./e");
  };
  const client = new MilvusClient("./e");
  expect((await failureOf(client.listDatabases())).message).toBe("process 7 holds ./e");
  expect((await failureOf(client.listDatabases())).message).toBe("process 7 holds ./e");
  await client.close();
  beforeOpen = async () => {};
  await using later = new MilvusClient("./e");
  expect(await later.listDatabases()).toEqual(["default"]);
});

test("time runs out, and calls are aborted", async () => {
  const hold = holdChanges();
  const client = new MilvusClient("./f");
  expect((await failureOf(client.createDatabase({ databaseName: "x", timeout: 0.02 }))).message).toContain("no answer within 20 ms");
  const stop = new AbortController();
  const call = failureOf(client.createDatabase({ databaseName: "y", signal: stop.signal }));
  await vi.waitFor(() => expect(hold.count()).toBe(2));
  stop.abort();
  expect((await call).message).toContain("the call was aborted");
  hold.release();
  await client.createDatabase({ databaseName: "z" });
  await client.close();
});

test("closing tells running calls at once, and waits for them before the engine is closed", async () => {
  const hold = holdChanges();
  const client = new MilvusClient("./g");
  const call = failureOf(client.createDatabase({ databaseName: "x" }));
  await vi.waitFor(() => expect(hold.count()).toBe(1));
  const closing = client.close();
  expect((await call).message).toContain("the client is closed");
  expect((await failureOf(client.listDatabases())).message).toContain("the client is closed");
  expect(closed).toEqual([]);
  hold.release();
  await closing;
  expect(closed).toEqual([resolve("g")]);
});

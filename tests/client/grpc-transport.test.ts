import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { MilvusClient } from "../../src/client/client.js";
import { MilvusError } from "../../src/shared/errors.js";
import { type Answer, bytes, type Double, framed, hangUp, milvus, refuse, reply, silence, startDouble } from "./double.js";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const started = async (
  answers: Readonly<Record<string, Answer | readonly Answer[]>>,
  more: object = {},
): Promise<{ double: Double; client: MilvusClient }> => {
  const double = await startDouble(answers);
  const client = new MilvusClient({ uri: double.uri, ...more });
  closers.push(
    () => double.close(),
    () => client.close(),
  );
  return { double, client };
};

const version = (text: string): Answer => reply(milvus.GetVersion, { version: text });
const status = (code: number, reason: string, more: object = {}): Answer =>
  reply(milvus.GetVersion, { status: { code, errorCode: code === 0 ? 0 : 1, reason, extraInfo: new Map(), ...more } });

const failureOf = async (work: Promise<unknown>): Promise<MilvusError> => {
  try {
    await work;
  } catch (error) {
    expect(error).toBeInstanceOf(MilvusError);
    return error as MilvusError;
  }
  throw new Error("the call did not fail");
};

describe("metadata", () => {
  test("Connect comes once and first, its identifier goes with every call", async () => {
    const { double, client } = await started({ GetVersion: version("v2") }, { token: "user:pä", database: "kites" });
    await Promise.all([client.getServerVersion(), client.getServerVersion(), client.getServerVersion()]);
    expect(double.connects()).toBe(1);
    for (const { headers } of double.asked) {
      expect(headers.identifier).toBe("7");
      expect(headers.dbname).toBe("kites");
      expect(Buffer.from(String(headers.authorization), "base64").toString()).toBe("user:pä");
      expect(headers["client-request-id"]).toMatch(/^[0-9a-f]{32}$/);
      expect(headers["grpc-timeout"]).toBeUndefined();
    }
  });

  test("a timeout goes with the call", async () => {
    const { double, client } = await started({ GetVersion: version("v2") });
    await client.getServerVersion({ timeout: 5 });
    const text = String(double.asked[0]?.headers["grpc-timeout"]);
    expect(text).toMatch(/^\d+m$/);
    expect(Number.parseInt(text, 10)).toBeLessThanOrEqual(5000);
  });

  test("a server without Connect is used without an identifier", async () => {
    const { double, client } = await started({ Connect: refuse(12, "unknown"), GetVersion: version("old") });
    expect(await client.getServerVersion()).toBe("old");
    expect(double.asked[0]?.headers.identifier).toBeUndefined();
  });

  test("what Connect refuses, the first call refuses", async () => {
    const refusal = { status: { code: 800, errorCode: 1 as const, reason: "database not found[database=x]", extraInfo: new Map() } };
    const { client } = await started({ Connect: reply(milvus.Connect, refusal), GetVersion: version("v2") });
    expect(await failureOf(client.getServerVersion())).toMatchObject({ code: 800, message: "database not found[database=x]" });
  });
});

describe("failures", () => {
  test("a failed Status is thrown with its code, words and marks", async () => {
    const extra = { retriable: true, extraInfo: new Map([["is_input_error", "true"]]) };
    const { client } = await started({ GetVersion: status(1100, "bad: invalid parameter", extra) });
    expect(await failureOf(client.getServerVersion())).toMatchObject({
      code: 1100,
      message: "bad: invalid parameter",
      retriable: true,
      input: true,
    });
  });

  test("a legacy code alone is a failure, too", async () => {
    const { client } = await started({ GetVersion: status(0, "can't find collection", { errorCode: 4 }) });
    expect(await failureOf(client.getServerVersion())).toMatchObject({ code: 4, legacy: 4, message: "can't find collection" });
  });

  test.each<[number, number, string]>([
    [12, 10, "service unimplemented"],
    [8, 1102, "parameter too large"],
    [16, 1400, "not authenticated"],
    [7, 1401, "privilege not permitted"],
  ])("gRPC code %i is not tried again and becomes %i", async (grpc, code, words) => {
    const { double, client } = await started({ GetVersion: refuse(grpc, "no, ünfortunately") });
    const error = await failureOf(client.getServerVersion());
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.message).toContain("no, ünfortunately");
    expect(error.message).toContain(double.uri);
    expect(double.asked).toHaveLength(1);
  });

  test("a port where nobody listens is told with its address", async () => {
    const double = await startDouble({});
    await double.close();
    const client = new MilvusClient({ uri: double.uri, timeout: 0.1 });
    closers.push(() => client.close());
    const error = await failureOf(client.getServerVersion());
    expect(error.code).toBe(2);
    expect(error.message).toContain(double.uri);
    expect(error.message).toContain("ECONNREFUSED");
  });

  test("a server that speaks HTTP but no gRPC", async () => {
    const server = createServer((_request, response) => response.end("hello"));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const client = new MilvusClient({ uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, timeout: 0.2 });
    closers.push(
      () => new Promise((done) => server.close(() => done())),
      () => client.close(),
    );
    expect((await failureOf(client.getServerVersion())).code).toBe(2);
  });

  test.each<[string, Buffer, string]>([
    ["no message", Buffer.alloc(0), "the reply has no message"],
    ["a frame that is cut", framed(Buffer.alloc(10)).subarray(0, 9), "the reply has 4 bytes, its frame says 10"],
    ["a compressed frame", Buffer.from([1, 0, 0, 0, 0]), "compressed"],
    ["bytes that are no message", framed(Buffer.from([0xff, 0xff, 0xff])), "is no milvus.proto.milvus.GetVersionResponse"],
  ])("%s", async (_what, body, words) => {
    const { client } = await started({ GetVersion: bytes(body) });
    expect((await failureOf(client.getServerVersion())).message).toContain(words);
  });

  test("time runs out", async () => {
    const { client } = await started({ GetVersion: silence });
    const error = await failureOf(client.getServerVersion({ timeout: 0.05 }));
    expect(error.message).toContain("no answer within");
  });

  test("an aborted call fails, before and while it runs", async () => {
    const { client } = await started({ GetVersion: silence });
    const controller = new AbortController();
    const call = failureOf(client.getServerVersion({ signal: controller.signal }));
    setTimeout(() => controller.abort(), 20);
    expect((await call).message).toContain("aborted");
    expect((await failureOf(client.getServerVersion({ signal: controller.signal }))).message).toContain("aborted");
  });

  test("closing ends running calls and refuses later ones", async () => {
    const { client } = await started({ GetVersion: silence });
    const call = failureOf(client.getServerVersion());
    setTimeout(() => void client.close(), 20);
    expect((await call).message).toContain("the client is closed");
    expect((await failureOf(client.getServerVersion())).message).toContain("the client is closed");
    await client.close();
  });
});

describe("trying again", () => {
  test("a rate limit", async () => {
    const limited = status(8, "rate limit exceeded", { errorCode: 49 });
    const { double, client } = await started({ GetVersion: [limited, limited, version("v2")] });
    expect(await client.getServerVersion()).toBe("v2");
    expect(double.asked).toHaveLength(3);
  });

  test("not longer than the call may take", async () => {
    const { client } = await started({ GetVersion: status(8, "rate limit exceeded") });
    expect(await failureOf(client.getServerVersion({ timeout: 0.5 }))).toMatchObject({ code: 8 });
  });

  test("a lost connection: another is made, with another Connect", async () => {
    const { double, client } = await started({ GetVersion: [hangUp, version("v2")] });
    expect(await client.getServerVersion()).toBe("v2");
    expect(double.connects()).toBe(2);
  });

  test("GOAWAY: running calls end well, later ones take another connection", async () => {
    const parting: Answer = (asked) => {
      asked.session.goaway(0);
      setTimeout(() => version("first")(asked), 20);
    };
    const { double, client } = await started({ GetVersion: [parting, version("second")] });
    expect(await client.getServerVersion()).toBe("first");
    expect(await client.getServerVersion()).toBe("second");
    expect(double.connects()).toBe(2);
  });

  test("an insert whose connection broke is not sent twice: it may have happened", async () => {
    const schema = { name: "c", fields: [{ name: "id", dataType: 5 as const, isPrimaryKey: true }] };
    const { double, client } = await started({ DescribeCollection: reply(milvus.DescribeCollection, { schema }), Insert: hangUp });
    const error = await failureOf(client.insert({ collectionName: "c", data: { id: 1 } }));
    expect(error.code).toBe(2);
    expect(double.asked.filter((asked) => asked.rpc === "Insert")).toHaveLength(1);
  });
});

describe("stale schemas", () => {
  const described = (field: string, collectionID: bigint, updateTimestamp: bigint): Answer =>
    reply(milvus.DescribeCollection, {
      schema: { name: "c", fields: [{ name: field, dataType: 5, isPrimaryKey: true }] },
      collectionID,
      updateTimestamp,
    });
  const inserted = reply(milvus.Insert, { insertCnt: 1n, timestamp: 9n });
  const mismatch = reply(milvus.Insert, {
    status: { code: 109, errorCode: 1, reason: "collection schema mismatch[collection=c]", extraInfo: new Map() },
  });

  test("a schema is fetched once, and its version goes with the rows", async () => {
    const { double, client } = await started({ DescribeCollection: described("id", 1n, 5n), Insert: inserted });
    await client.insert({ collectionName: "c", data: { id: 1 } });
    await client.insert({ collectionName: "c", data: [{ id: 2 }] });
    expect(double.asked.map((asked) => asked.rpc)).toEqual(["DescribeCollection", "Insert", "Insert"]);
    expect(milvus.Insert.request.decode(double.asked[1]?.message ?? Buffer.alloc(0)).schemaTimestamp).toBe(5n);
  });

  test("rows that only the new schema takes are sent after one more look", async () => {
    const { double, client } = await started({
      DescribeCollection: [described("id", 1n, 5n), described("key", 2n, 6n)],
      Insert: inserted,
    });
    await client.insert({ collectionName: "c", data: { id: 1 } });
    await client.insert({ collectionName: "c", data: { key: 2 } });
    expect(double.asked.map((asked) => asked.rpc)).toEqual(["DescribeCollection", "Insert", "DescribeCollection", "Insert"]);
  });

  test("a mismatch that the server tells is repaired once", async () => {
    const { double, client } = await started({
      DescribeCollection: [described("id", 1n, 5n), described("id", 1n, 6n)],
      Insert: [inserted, mismatch, inserted, mismatch],
    });
    await client.insert({ collectionName: "c", data: { id: 1 } });
    await client.insert({ collectionName: "c", data: { id: 2 } });
    expect(milvus.Insert.request.decode(double.asked.at(-1)?.message ?? Buffer.alloc(0)).schemaTimestamp).toBe(6n);
    expect(await failureOf(client.insert({ collectionName: "c", data: { id: 3 } }))).toMatchObject({ code: 109 });
  });

  test("rows that no schema takes fail as they are", async () => {
    const { client } = await started({ DescribeCollection: described("id", 1n, 5n), Insert: inserted });
    for (let round = 0; round < 2; round++) {
      const error = await failureOf(client.insert({ collectionName: "c", data: { other: 1 } }));
      expect(error.message).toContain("unexpected field `other`");
    }
  });
});

test("a large request and a large reply pass whole", async () => {
  const dim = 1000;
  const rows = Array.from({ length: 3000 }, (_, id) => ({ id, vector: Float32Array.from({ length: dim }, () => id) }));
  const vector = { name: "vector", dataType: 101 as const, typeParams: [{ key: "dim", value: String(dim) }] };
  const schema = { name: "c", fields: [{ name: "id", dataType: 5 as const, isPrimaryKey: true }, vector] };
  let fields: Buffer[] = [];
  const { client } = await started({
    DescribeCollection: reply(milvus.DescribeCollection, { schema }),
    Insert: (asked) => {
      fields = milvus.Insert.request.decode(asked.message).fieldsData;
      reply(milvus.Insert, { insertCnt: 3000n })(asked);
    },
    Query: (asked) => reply(milvus.Query, { fieldsData: fields })(asked),
  });
  expect((await client.insert({ collectionName: "c", data: rows })).insertCount).toBe(3000);
  const back = await client.query<{ id: number; vector: Float32Array }>({ collectionName: "c", limit: 3000 });
  expect(back.map((row) => row.id)).toEqual(rows.map((row) => row.id));
  expect(back.every((row) => row.vector.length === dim && row.vector.every((element) => element === row.id))).toBe(true);
});

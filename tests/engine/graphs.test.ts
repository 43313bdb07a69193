/** Graphs over every type of vectors, through requests: built, with progress, searched, opened again after a restart, built again when damaged. */
import { readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { DataType, IDs, PlaceholderGroup, type PlaceholderType, SearchResultData } from "../../src/shared/proto/generated/messages.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const ROWS = 1500;
const DIM = 32;
const collectionName = "graphs";
let folder: string;
let engine: EngineApi;
let driver: Driver;

const field = (name: string, dataType: DataType) => ({ name, dataType, typeParams: [{ key: "dim", value: String(DIM) }] });
const CASES: readonly [DataType, string, string, Record<string, string>][] = [
  [DataType.FloatVector, "HNSW_SQ", "L2", { sq_type: "SQ4U", refine: "true", refine_type: "FP16" }],
  [DataType.Float16Vector, "HNSW", "COSINE", { M: "8" }],
  [DataType.BFloat16Vector, "DISKANN", "L2", {}],
  [DataType.Int8Vector, "HNSW_PQ", "IP", { m: "16" }],
  [DataType.BinaryVector, "HNSW", "HAMMING", {}],
];
const nameOf = (type: DataType) => `v${type}`;

/** Whole numbers in -64..63, of which each type holds each, from a small generator. */
const valuesOf = (row: number): number[] => {
  let state = (row + 1) * 2654435761;
  return Array.from({ length: DIM }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return ((state >>> 20) % 128) - 64;
  });
};
const bitsOf = (values: number[]): number[] =>
  Array.from({ length: DIM / 8 }, (_, at) =>
    values.slice(at * 8, at * 8 + 8).reduce((byte, value, bit) => byte | (value > 0 ? 1 << bit : 0), 0),
  );
const vectorOf = (type: DataType, row: number): number[] => (type === DataType.BinaryVector ? bitsOf(valuesOf(row)) : valuesOf(row));

const halves = (values: number[], bits: (float: number) => number): Buffer => Buffer.from(Uint16Array.from(values.map(bits)).buffer);
const floatBits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] as number;
/** A query's bytes; the values are whole and small, so 16 bits hold them exactly. */
const queryOf = (type: DataType, row: number): Buffer => {
  const values = vectorOf(type, row);
  switch (type) {
    case DataType.FloatVector:
      return Buffer.from(Float32Array.from(values).buffer);
    case DataType.BFloat16Vector:
      return halves(values, (value) => floatBits(value) >>> 16);
    case DataType.Float16Vector:
      return halves(values, (value) =>
        value === 0 ? 0 : ((floatBits(value) >>> 16) & 0x8000) | (((floatBits(value) >>> 13) & 0x3ffff) - (112 << 10)),
      );
    default:
      return Buffer.from(Int8Array.from(values).buffer);
  }
};

const search = async (type: DataType, row: number, limit = 3): Promise<bigint[]> => {
  const searchParams = Object.entries({ anns_field: nameOf(type), topk: String(limit) }).map(([key, value]) => ({ key, value }));
  const values = [queryOf(type, row)];
  const placeholderGroup = PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type: type as number as PlaceholderType, values }] });
  const reply = await driver.call<{ results: Buffer }>("Search", { collectionName, nq: 1n, placeholderGroup, searchParams });
  return IDs.decode(SearchResultData.decode(reply.results).ids).intId?.data ?? [];
};

interface Described {
  readonly indexDescriptions: readonly { state: number; indexedRows: bigint; pendingIndexRows: bigint; totalRows: bigint }[];
}
const describeIndex = async () => (await driver.call<Described>("DescribeIndex", { collectionName })).indexDescriptions;
const until = async (ready: () => boolean): Promise<void> => {
  while (!ready()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const open = async (): Promise<void> => {
  engine = await openEngine({ folder });
  driver = new Driver(engine);
};

beforeAll(async () => {
  folder = temporaryFolder();
  await open();
  await driver.call(
    "CreateCollection",
    createRequest(collectionName, { fields: [idField, ...CASES.map(([type]) => field(nameOf(type), type))] }),
  );
  for (const [type, indexType, metric, params] of CASES) {
    const extraParams = Object.entries({ index_type: indexType, metric_type: metric, ...params }).map(([key, value]) => ({ key, value }));
    await driver.call("CreateIndex", { collectionName, fieldName: nameOf(type), extraParams });
  }
  await driver.call("LoadCollection", { collectionName });
  const schema = engine.catalog.collections.values().next().value?.schema;
  if (schema === undefined) throw new Error("no collection");
  const rows = Array.from({ length: ROWS }, (_, row) => ({
    id: row,
    ...Object.fromEntries(CASES.map(([type]) => [nameOf(type), vectorOf(type, row)])),
  }));
  await driver.call("Insert", { collectionName, fieldsData: rowsToFields(schema, rows).map(({ data }) => data), numRows: ROWS });
  await driver.call("Flush", { collectionNames: [collectionName] });
  await until(() => engine.jobs().length === 0);
}, 120_000);
afterAll(async () => {
  await engine.close();
  removeFolder(folder);
});

const findsRows = async (): Promise<void> => {
  for (const [type] of CASES) {
    for (const row of [0, 7, 777, ROWS - 1]) {
      const [nearest] = await search(type, row);
      expect([nameOf(type), nearest]).toEqual([nameOf(type), BigInt(row)]);
    }
  }
};

describe("graphs", () => {
  it("are built for each type, and each row is found by its own vector", async () => {
    expect(readdirSync(join(folder, "indexes"))).toHaveLength(CASES.length);
    const finished = { indexedRows: BigInt(ROWS), pendingIndexRows: 0n, totalRows: BigInt(ROWS), state: 3 };
    expect(await describeIndex()).toEqual(CASES.map(() => expect.objectContaining(finished)));
    await findsRows();
    for (const [type] of CASES) expect(await search(type, 5, 100)).toHaveLength(100);
  });

  it("are opened again after a restart, and built again where a file was cut", async () => {
    await engine.close();
    const files = readdirSync(join(folder, "indexes"));
    await open();
    await until(() => engine.jobs().length === 0);
    expect(readdirSync(join(folder, "indexes"))).toEqual(files);
    await findsRows();
    await engine.close();
    for (const file of files) truncateSync(join(folder, "indexes", file), 5000);
    await open();
    await findsRows();
    const done = async () => (await describeIndex()).every(({ state }) => state === 3);
    while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 20));
    await until(() => engine.jobs().length === 0);
    await findsRows();
  }, 120_000);
});

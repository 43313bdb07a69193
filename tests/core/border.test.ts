/** The border to the Rust core: what crosses it comes back, and what is wrong comes back as a failure that has a kind. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Core, type CoreFailure, type CoreSegment, loadCore } from "../../src/engine/core.js";
import { coreError, coreFailureOf } from "../../src/engine/core-errors.js";
import { MilvusError } from "../../src/shared/errors.js";
import { DataType, FieldData, IDs } from "../../src/shared/proto/generated/messages.js";
import { runSeed, SeededRandom } from "../support/random.js";

const core: Core = loadCore();
const folder = mkdtempSync(join(tmpdir(), "elanus-core-"));
afterAll(() => rmSync(folder, { recursive: true }));

const KEY = 100;
const VECTOR = 101;
const TEXT = 102;
const DIM = 4;

const schema = core.createSchema(
  JSON.stringify([
    { id: KEY, type: DataType.Int64, primary: true },
    { id: VECTOR, type: DataType.FloatVector, dim: DIM },
    { id: TEXT, type: DataType.VarChar, maxLength: 8, nullable: true },
  ]),
);

const field = (value: Partial<FieldData>): Buffer => Buffer.from(FieldData.encode(FieldData.create(value)));

const keyField = (keys: bigint[]): Buffer =>
  field({ type: DataType.Int64, scalars: { longData: { data: keys } } as unknown as FieldData["scalars"] });

const vectorField = (values: number[], dim = DIM): Buffer =>
  field({
    type: DataType.FloatVector,
    vectors: { dim: BigInt(dim), floatVector: { data: Float32Array.from(values) } } as unknown as FieldData["vectors"],
  });

const textField = (texts: string[], validData: boolean[]): Buffer =>
  field({ type: DataType.VarChar, scalars: { stringData: { data: texts } } as unknown as FieldData["scalars"], validData });

const vectorOf = (key: bigint): number[] => [Number(key), 1, 0, 0];

const fieldsOf = (keys: bigint[]) => [
  { id: KEY, data: keyField(keys) },
  { id: VECTOR, data: vectorField(keys.flatMap(vectorOf)) },
];

const idsOf = (keys: bigint[]): Buffer => Buffer.from(IDs.encode(IDs.create({ intId: { data: keys } as unknown as IDs["intId"] })));

const keysIn = (ids: Buffer): bigint[] => [...(IDs.decode(ids).intId?.data ?? [])].map(BigInt);

const filled = async (keys: bigint[], timestamp = 10n): Promise<CoreSegment> => {
  const segment = core.createSegment(schema);
  segment.append(await core.decodeRows(schema, keys.length, fieldsOf(keys)), timestamp);
  return segment;
};

const seal = async (segment: CoreSegment, name: string): Promise<{ sealed: CoreSegment; path: string; bytes: Buffer }> => {
  const sealing = segment.startSealing();
  const blocks: Buffer[] = [];
  for (let index = 0; index < sealing.blockCount; index += 1) blocks.push(await sealing.block(index));
  const path = join(folder, name);
  const bytes = Buffer.concat(blocks);
  writeFileSync(path, bytes);
  const sealed = await core.openSegment(schema, path);
  sealing.finish(sealed);
  return { sealed, path, bytes };
};

/** The failure that a call throws or rejects with. */
const failureOf = async (call: () => unknown): Promise<CoreFailure> => {
  try {
    await call();
  } catch (error) {
    const known = coreFailureOf(error);
    if (known === undefined) throw error;
    return known;
  }
  throw new Error("the call succeeded");
};

const headerOf = (type: DataType): Buffer => field({ type, fieldName: "name" });

const query = (limit: number) => ({
  readTimestamp: 1000n,
  limit,
  offset: 0,
  outputs: [
    { id: KEY, header: headerOf(DataType.Int64) },
    { id: VECTOR, header: headerOf(DataType.FloatVector) },
    { id: TEXT, header: headerOf(DataType.VarChar) },
  ],
});

describe("rows", () => {
  test("come back as they were given, nulls included", async () => {
    const segment = core.createSegment(schema);
    const fields = [...fieldsOf([3n, 1n, 2n]), { id: TEXT, data: textField(["three", "two"], [true, false, true]) }];
    const rows = await core.decodeRows(schema, 3, fields);
    expect([rows.rowCount, keysIn(rows.ids()), rows.hasDuplicateKeys()]).toEqual([3, [3n, 1n, 2n], false]);
    segment.append(rows, 5n);
    const result = await core.query([segment], query(-1));
    expect(result.rowCount).toBe(3);
    const [keys, vectors, texts] = result.fields.map((bytes) => FieldData.decode(bytes));
    expect([...(keys?.scalars?.longData?.data ?? [])].map(BigInt)).toEqual([1n, 2n, 3n]);
    expect([...(vectors?.vectors?.floatVector?.data ?? [])]).toEqual([1n, 2n, 3n].flatMap(vectorOf));
    expect(texts?.scalars?.stringData?.data).toEqual(["", "two", "three"]);
    expect(texts?.validData).toEqual([false, true, true]);
    expect(texts?.fieldName).toBe("name");
  });

  test("get generated keys and keep the given ones apart", async () => {
    const rows = await core.decodeRows(schema, 2, fieldsOf([7n, 7n]), 2n ** 60n);
    expect(keysIn(rows.ids())).toEqual([2n ** 60n, 2n ** 60n + 1n]);
    expect(keysIn(rows.givenIds())).toEqual([7n, 7n]);
    expect((await core.decodeRows(schema, 2, fieldsOf([7n, 7n]))).hasDuplicateKeys()).toBe(true);
  });

  test("belong to one segment only", async () => {
    const rows = await core.decodeRows(schema, 1, fieldsOf([1n]));
    core.createSegment(schema).append(rows, 1n);
    expect((await failureOf(() => core.createSegment(schema).append(rows, 1n))).kind).toBe("malformed");
  });
});

describe("a sealed segment", () => {
  test("answers as the growing one did, deletes included", async () => {
    const keys = Array.from({ length: 3000 }, (_, at) => BigInt((at * 7) % 3000));
    const growing = await filled(keys);
    expect(growing.delete(idsOf([5n, 6n, 9999n]), 20n)).toBe(2);
    const { sealed, path } = await seal(growing, "sealed");
    expect([sealed.sealed, sealed.rowCount, sealed.deletedCount]).toEqual([true, 3000, 2]);
    for (const readTimestamp of [10n, 19n, 20n]) {
      const [before, after] = [await core.keys([growing], { readTimestamp }), await core.keys([sealed], { readTimestamp })];
      expect(after.equals(before)).toBe(true);
      expect(await core.count([sealed], { readTimestamp })).toBe(readTimestamp < 20n ? 3000 : 2998);
    }
    const again = await core.openSegment(schema, path);
    again.applyDeletes(sealed.encodeDeletes());
    expect(again.deletedCount).toBe(2);
    expect((await failureOf(() => again.startSealing())).kind).toBe("malformed");
  });

  test("finds the nearest rows with and without an index", async () => {
    const keys = Array.from({ length: 2500 }, (_, at) => BigInt(at));
    const { sealed } = await seal(await filled(keys), "nearest");
    const search = {
      fieldId: VECTOR,
      metric: "L2" as const,
      vectors: Buffer.from(Float32Array.from(vectorOf(1234n)).buffer),
      limit: 3,
      offset: 0,
      ef: 0,
      readTimestamp: 1000n,
      roundDecimal: -1,
      outputs: [],
    };
    const scanned = await core.search([sealed], search);
    expect([scanned.topks, keysIn(scanned.ids)]).toEqual([[3], [1234n, 1233n, 1235n]]);
    await sealed.buildIndex(VECTOR, { kind: "HNSW", metric: "L2", m: 8, efConstruction: 40 });
    expect(sealed.hasIndex(VECTOR)).toBe(true);
    const walked = await core.search([sealed], search);
    expect(keysIn(walked.ids)).toEqual([1234n, 1233n, 1235n]);
    const bytes = await sealed.encodeIndex(VECTOR);
    sealed.dropIndex(VECTOR);
    expect([sealed.hasIndex(VECTOR), await sealed.encodeIndex(VECTOR)]).toEqual([false, null]);
    const path = join(folder, "index");
    writeFileSync(path, bytes ?? "");
    await sealed.openIndex(VECTOR, path);
    expect(sealed.hasIndex(VECTOR)).toBe(true);
  });

  test("is refused when its file is damaged, with file and place", async () => {
    const { path, bytes } = await seal(await filled([1n, 2n, 3n]), "damaged");
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const failure = await failureOf(() => core.openSegment(schema, path));
    expect(failure).toEqual({ kind: "damaged", args: [path, 64, "checksum"] });
    expect((await failureOf(() => core.openSegment(schema, join(folder, "absent")))).kind).toBe("damaged");
  });
});

describe("failures", () => {
  test("carry kind, field and arguments, which become Milvus's words", async () => {
    const fields = [
      { id: KEY, data: keyField([1n, 2n]) },
      { id: VECTOR, data: vectorField([1, 2, 3, 4, 5, 6, 7, 8, 9]) },
    ];
    const failure = await failureOf(() => core.decodeRows(schema, 2, fields));
    expect(failure).toEqual({ kind: "vectorLength", fieldId: VECTOR, args: [9, DIM] });
    const error = coreError(new Error(JSON.stringify(failure)));
    expect(error).toBeInstanceOf(MilvusError);
    expect((error as MilvusError).message).toContain("the length(9) of float data should divide the dim(4)");
  });

  test("of small and of large requests reject alike", async () => {
    for (const rowCount of [2, 3000]) {
      const keys = Array.from({ length: rowCount }, (_, at) => BigInt(at));
      const failure = await failureOf(() => core.decodeRows(schema, rowCount + 1, fieldsOf(keys)));
      expect(failure).toEqual({ kind: "rowCount", fieldId: KEY, args: [rowCount, rowCount + 1] });
    }
  });

  test("come from bytes of any kind, and the process lives", async () => {
    const segment = await filled([1n, 2n]);
    const seed = runSeed();
    const random = new SeededRandom(seed);
    for (let round = 0; round < 300; round += 1) {
      const noise = random.bytes(1 + random.below(40));
      const calls: (() => unknown)[] = [
        () => core.decodeRows(schema, random.below(4), [{ id: KEY, data: noise }]),
        () => segment.applyDeletes(noise),
        () => core.query([segment], { ...query(1), filter: noise }),
        () => core.createSchema(noise.toString("latin1")),
      ];
      for (const call of calls) expect((await failureOf(call)).kind, `ELANUS_SEED=${seed}`).not.toBe("panic");
    }
    expect(await core.count([segment], { readTimestamp: 10n })).toBe(2);
  });

  test("tell of numbers that are out of range", async () => {
    const segment = await filled([1n]);
    for (const timestamp of [-1n, 2n ** 64n]) {
      expect((await failureOf(() => segment.delete(idsOf([1n]), timestamp))).kind).toBe("malformed");
    }
    expect((await failureOf(() => core.decodeRows(schema, -1, []))).kind).toBe("malformed");
    expect((await failureOf(() => core.decodeRows(schema, 1, fieldsOf([1n]), 2n ** 63n))).kind).toBe("malformed");
    expect((await failureOf(() => segment.buildIndex(VECTOR, { kind: "HNSW", metric: "L2", m: 8, efConstruction: 8 }))).kind).toBe(
      "malformed",
    );
  });
});

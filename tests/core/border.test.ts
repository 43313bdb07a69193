/** The border to the Rust core: what crosses it comes back, and what is wrong comes back as a failure that has a kind. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Core, type CoreColumn, type CoreFailure, type CoreSegment, loadCore } from "../../src/engine/core.js";
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
    await sealed.openIndex(VECTOR, path, true);
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

/** Rows of keys from 0, and one field of type `type`, id 103. */
const columnOf = (column: object) =>
  core.createSchema(
    JSON.stringify([
      { id: KEY, type: DataType.Int64, primary: true },
      { id: 103, ...column },
    ]),
  );

const roundTrip = async (column: Omit<CoreColumn, "id">, data: Buffer, rowCount: number): Promise<FieldData | undefined> => {
  const wide = columnOf(column);
  const keys = Array.from({ length: rowCount }, (_, at) => BigInt(at));
  const segment = core.createSegment(wide);
  segment.append(
    await core.decodeRows(wide, rowCount, [
      { id: KEY, data: keyField(keys) },
      { id: 103, data },
    ]),
    1n,
  );
  const outputs = [{ id: 103, header: headerOf(column.type as DataType) }];
  const [bytes] = (await core.query([segment], { readTimestamp: 10n, limit: -1, offset: 0, outputs })).fields;
  return bytes === undefined ? undefined : FieldData.decode(bytes);
};

describe("types beside numbers, texts and float vectors", () => {
  test("arrays come back as arrays of their element type", async () => {
    const rows = [{ stringData: { data: ["a", "bc"] } }, { stringData: { data: [] } }];
    const data = field({ scalars: { arrayData: { data: rows } } as unknown as FieldData["scalars"], validData: [true, false, true] });
    const column = { type: DataType.Array, elementType: DataType.VarChar, maxCapacity: 2, maxLength: 2, nullable: true };
    const back = await roundTrip(column, data, 3);
    const arrays = back?.scalars?.arrayData;
    expect(arrays?.elementType).toBe(DataType.VarChar);
    expect(arrays?.data.map((row) => row.stringData?.data)).toEqual([["a", "bc"], undefined, []]);
    expect(back?.validData).toEqual([true, false, true]);
  });

  test("vectors of bits, 16-bit floats, int8 and sparse ones come back compact, with their dim", async () => {
    const vectors = (value: object, validData: boolean[] = []) =>
      field({ vectors: value as unknown as FieldData["vectors"], ...(validData.length > 0 ? { validData } : {}) });
    const bits = Buffer.from([1, 2, 255, 4]);
    const binary = await roundTrip(
      { type: DataType.BinaryVector, dim: 16, nullable: true },
      vectors({ dim: 16n, binaryVector: bits }, [true, false, true]),
      3,
    );
    expect([binary?.vectors?.dim, binary?.vectors?.binaryVector, binary?.validData]).toEqual([16n, bits, [true, false, true]]);
    const floats = { dim: 2n, floatVector: { data: Float32Array.from([1, -2]) } };
    const half = await roundTrip({ type: DataType.Float16Vector, dim: 2 }, vectors(floats), 1);
    expect(half?.vectors?.float16Vector).toEqual(Buffer.from([0, 0x3c, 0, 0xc0]));
    const brain = await roundTrip({ type: DataType.BFloat16Vector, dim: 2 }, vectors(floats), 1);
    expect(brain?.vectors?.bfloat16Vector).toEqual(Buffer.from([0x80, 0x3f, 0, 0xc0]));
    const bytes = await roundTrip({ type: DataType.Int8Vector, dim: 3 }, vectors({ dim: 3n, int8Vector: Buffer.from([1, 255, 128]) }), 1);
    expect(bytes?.vectors?.int8Vector).toEqual(Buffer.from([1, 255, 128]));
    const pair = Buffer.from([41, 0, 0, 0, 0, 0, 0x80, 0x3f]);
    const sparse = await roundTrip(
      { type: DataType.SparseFloatVector },
      vectors({ sparseFloatVector: { contents: [pair, Buffer.alloc(0)] } }),
      2,
    );
    expect(sparse?.vectors?.dim).toBe(42n);
    expect(sparse?.vectors?.sparseFloatVector).toMatchObject({ contents: [pair, Buffer.alloc(0)], dim: 42n });
  });

  test("faults become Milvus's words", async () => {
    const fieldOf = (type: DataType) => () => ({ name: "f", type });
    const wordsOf = async (column: Omit<CoreColumn, "id">, value: Partial<FieldData>) => {
      const failure = await failureOf(() => roundTrip(column, field(value), 1));
      return (coreError(new Error(JSON.stringify(failure)), fieldOf(column.type as DataType)) as MilvusError).message;
    };
    const array = { type: DataType.Array, elementType: DataType.Int64, maxCapacity: 1 };
    const arrays = (row: object) => ({ scalars: { arrayData: { data: [row] } } as unknown as FieldData["scalars"] });
    expect(await wordsOf(array, arrays({ longData: { data: [1n, 2n] } }))).toContain(
      "the length (2) of 0th array exceeds max capacity (1)",
    );
    expect(await wordsOf(array, arrays({ stringData: { data: ["a"] } }))).toContain("insert data does not match");
    const texts = { type: DataType.Array, elementType: DataType.VarChar, maxLength: 1 };
    expect(await wordsOf(texts, arrays({ stringData: { data: ["a", "bc"] } }))).toContain(
      'length of Array array field "f" exceeds max length, row number: 0, array index: 1, length: 2, max length: 1',
    );
    const sparse = { vectors: { sparseFloatVector: { contents: [Buffer.alloc(9)] } } as unknown as FieldData["vectors"] };
    expect(await wordsOf({ type: DataType.SparseFloatVector }, sparse)).toContain("invalid data length in sparse float vector: 9");
    const binary = { vectors: { dim: 16n, binaryVector: Buffer.alloc(3) } as unknown as FieldData["vectors"] };
    expect(await wordsOf({ type: DataType.BinaryVector, dim: 16 }, binary)).toContain("the num(24) of all bits should divide the dim(16)");
  });
});

describe("a schema that changes", () => {
  test("gives rows that are there the new columns, and takes rows of the old schema", async () => {
    const segment = await filled([1n, 2n]);
    const late = await core.decodeRows(schema, 1, fieldsOf([3n]));
    const columns = [
      { id: KEY, type: DataType.Int64, primary: true },
      { id: VECTOR, type: DataType.FloatVector, dim: DIM },
      { id: TEXT, type: DataType.VarChar, maxLength: 8, nullable: true },
    ];
    segment.setSchema(core.createSchema(JSON.stringify([...columns, { id: 103, type: DataType.VarChar, default: "new" }])));
    segment.append(late, 11n);
    const outputs = [{ id: 103, header: headerOf(DataType.VarChar) }];
    const [bytes] = (await core.query([segment], { readTimestamp: 20n, limit: -1, offset: 0, outputs })).fields;
    expect(FieldData.decode(bytes ?? Buffer.alloc(0)).scalars?.stringData?.data).toEqual(["new", "new", "new"]);
    const other = core.createSchema(JSON.stringify([{ id: KEY, type: DataType.VarChar, primary: true }]));
    expect((await failureOf(() => segment.setSchema(other))).kind).toBe("malformed");
  });

  test("rows are split by a key, once", async () => {
    for (const rowCount of [40, 3000]) {
      const keys = Array.from({ length: rowCount }, (_, at) => BigInt(at));
      const rows = await core.decodeRows(schema, rowCount, fieldsOf(keys), 10_000n);
      const parts = await rows.split(KEY, 4);
      expect(parts.length).toBe(4);
      const made = parts.flatMap((part) => (part === null ? [] : keysIn(part.ids())));
      const given = parts.flatMap((part) => (part === null ? [] : keysIn(part.givenIds())));
      expect(made.map((key) => key - 10_000n)).toEqual(given);
      expect([...given].sort((left, right) => Number(left - right))).toEqual(keys);
      expect((await failureOf(() => rows.split(KEY, 4))).kind).toBe("malformed");
    }
    const lone = await core.decodeRows(schema, 1, fieldsOf([1n]));
    expect((await lone.split(KEY, 64)).filter((part) => part !== null).length).toBe(1);
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

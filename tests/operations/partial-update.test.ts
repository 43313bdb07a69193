/**
 * Upserts of some columns, over growing and sealed rows: what is kept, replaced, merged, appended and removed; and what is refused, with Milvus's words,
 * changing nothing.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import {
  type CollectionSchema,
  DataType,
  FieldData,
  FieldSchema,
  type MutationResult,
  FieldPartialUpdateOp_OpType as Op,
} from "../../src/shared/proto/generated/messages.js";
import type { Init } from "../../src/shared/proto/wire.js";
import { fieldsToRows, idsToValues } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { createRequest } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

type Field = Exclude<Parameters<typeof createRequest>[1], undefined>["fields"];
type Row = Record<string, unknown>;

const length = { key: "max_length", value: "8" };
const array = (name: string, elementType: number, init: object = {}) => ({
  name,
  dataType: DataType.Array,
  elementType: elementType as 5,
  typeParams: [{ key: "max_capacity", value: "4" }, length],
  ...init,
});
const fields = [
  { name: "id", dataType: DataType.Int64, isPrimaryKey: true },
  { name: "vector", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: "2" }] },
  { name: "other", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: "2" }], nullable: true },
  { name: "count", dataType: DataType.Int32, nullable: true },
  { name: "name", dataType: DataType.VarChar, typeParams: [length], defaultValue: { stringData: "none" } },
  { name: "doc", dataType: DataType.JSON, nullable: true },
  { name: "ends", dataType: DataType.Timestamptz, nullable: true },
  array("tags", DataType.VarChar, { nullable: true }),
  array("numbers", DataType.Int64),
  array("parts", DataType.Float, { nullable: true }),
] satisfies Field;

let folder: string;
let engine: EngineApi;
let driver: Driver;
const collectionName = "rows";

const schemaOf = (name: string): CollectionSchema => {
  const found = [...engine.catalog.collections.values()].find((collection) => collection.name === name);
  if (found === undefined) throw new Error(`no collection ${name}`);
  return found.schema;
};

interface Options {
  readonly name?: string;
  readonly fieldOps?: readonly { readonly fieldName: string; readonly op: number }[];
  readonly full?: boolean;
  readonly request?: Row;
}

const upsert = async (
  rows: readonly Row[],
  { name = collectionName, fieldOps = [], full, request }: Options = {},
): Promise<MutationResult> => {
  const schema = schemaOf(name);
  const columns = rowsToFields(schema, rows, { operation: "upsert", partialUpdate: !full });
  return driver.call("Upsert", {
    collectionName: name,
    fieldsData: columns.map(({ data }) => data),
    numRows: rows.length,
    partialUpdate: !full,
    fieldOps,
    ...request,
  });
};

const read = async (filter = "id >= 0", outputFields = ["*"], name = collectionName): Promise<Row[]> => {
  const { fieldsData } = await driver.call<{ fieldsData: Buffer[] }>("Query", { collectionName: name, expr: filter, outputFields });
  const rows = fieldsToRows(fieldsData.map((data) => FieldData.decode(data)));
  return rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, plain(value)])));
};
const plain = (value: unknown): unknown => {
  if (typeof value === "bigint") return Number(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as number[]);
  return Array.isArray(value) ? value.map(plain) : value;
};

const create = async (name: string, init: Parameters<typeof createRequest>[1], vectors = ["vector"]): Promise<void> => {
  await driver.call("CreateCollection", createRequest(name, init));
  for (const fieldName of vectors) {
    const extraParams = [
      { key: "index_type", value: "FLAT" },
      { key: "metric_type", value: "L2" },
    ];
    await driver.call("CreateIndex", { collectionName: name, fieldName, indexName: fieldName, extraParams });
  }
  await driver.call("LoadCollection", { collectionName: name });
};

const first: Row = {
  id: 1,
  vector: [1, 1],
  other: [9, 9],
  count: 10,
  name: "one",
  doc: { a: 1 },
  ends: "2030-01-01T00:00:00Z",
  tags: ["a", "b"],
  numbers: [1, 2],
  parts: [0.5],
  color: "red",
  size: 3,
};
const second: Row = {
  id: 2,
  vector: [2, 2],
  other: null,
  count: null,
  name: "two",
  doc: null,
  ends: null,
  tags: null,
  numbers: [],
  parts: null,
};

beforeEach(async () => {
  folder = temporaryFolder();
  engine = await openEngine({ folder });
  driver = new Driver(engine);
  await create(collectionName, { fields, schema: { enableDynamicField: true } }, ["vector", "other"]);
  await upsert([first, second], { full: true });
});
afterEach(async () => {
  await engine.close();
  removeFolder(folder);
});

const append = (fieldName: string) => ({ fieldName, op: Op.ARRAY_APPEND });
const remove = (fieldName: string) => ({ fieldName, op: Op.ARRAY_REMOVE });
const stored = (row: Row): Row => ({ ...first, ...row });

interface Case {
  readonly what: string;
  readonly rows: readonly Row[];
  readonly ops?: Options["fieldOps"];
  /** By key: what the rows have then, over what they had. */
  readonly after: Readonly<Record<number, Row>>;
}

const cases: readonly Case[] = [
  { what: "a scalar is replaced, everything else kept", rows: [{ id: 1, count: 11 }], after: { 1: { count: 11 } } },
  {
    what: "different rows in one call, in any order",
    rows: [
      { id: 2, name: "b" },
      { id: 1, name: "a" },
    ],
    after: { 1: { name: "a" }, 2: { name: "b" } },
  },
  { what: "a vector is replaced", rows: [{ id: 1, vector: [5, 6] }], after: { 1: { vector: [5, 6] } } },
  {
    what: "a vector is nulled, another given",
    rows: [
      { id: 1, other: null },
      { id: 2, other: [3, 4] },
    ],
    after: { 1: { other: null }, 2: { other: [3, 4] } },
  },
  {
    what: "null replaces a value",
    rows: [{ id: 1, count: null, doc: null, tags: null, ends: null }],
    after: { 1: { count: null, doc: null, tags: null, ends: null } },
  },
  { what: "null is the default where there is one", rows: [{ id: 1, name: null }], after: { 1: { name: "none" } } },
  { what: "JSON is replaced whole", rows: [{ id: 1, doc: { b: 2 } }], after: { 1: { doc: { b: 2 } } } },
  { what: "a moment is replaced", rows: [{ id: 2, ends: "2031-01-01T00:00:00+08:00" }], after: { 2: { ends: "2030-12-31T16:00:00Z" } } },
  {
    what: "keys of the dynamic field are merged",
    rows: [
      { id: 1, color: "blue", fresh: [1, { a: null }] },
      { id: 2, color: null, fresh: 0 },
    ],
    after: { 1: { color: "blue", fresh: [1, { a: null }] }, 2: { color: null, fresh: 0 } },
  },
  { what: "only the key: nothing changes", rows: [{ id: 1 }], after: {} },
  { what: "an array is replaced", rows: [{ id: 1, tags: ["z"] }], after: { 1: { tags: ["z"] } } },
  {
    what: "REPLACE is what happens without it",
    rows: [{ id: 1, tags: ["z"] }],
    ops: [{ fieldName: "tags", op: Op.REPLACE }],
    after: { 1: { tags: ["z"] } },
  },
  {
    what: "elements are appended, up to the capacity",
    rows: [{ id: 1, tags: ["c", "a"] }],
    ops: [append("tags")],
    after: { 1: { tags: ["a", "b", "c", "a"] } },
  },
  { what: "nothing is appended", rows: [{ id: 1, tags: [] }], ops: [append("tags")], after: {} },
  {
    what: "appending to null and to none",
    rows: [{ id: 2, tags: ["c"], numbers: [7] }],
    ops: [append("tags"), append("numbers")],
    after: { 2: { tags: ["c"], numbers: [7] } },
  },
  {
    what: "a null payload leaves the array",
    rows: [
      { id: 1, tags: null },
      { id: 2, tags: null },
    ],
    ops: [append("tags")],
    after: {},
  },
  {
    what: "elements are removed wherever they stand",
    rows: [{ id: 1, tags: ["b", "q"], numbers: [1, 1] }],
    ops: [remove("tags"), remove("numbers")],
    after: { 1: { tags: ["a"], numbers: [2] } },
  },
  { what: "the last element is removed", rows: [{ id: 1, numbers: [2, 1] }], ops: [remove("numbers")], after: { 1: { numbers: [] } } },
  {
    what: "removing from null and from none",
    rows: [{ id: 2, tags: ["c"], numbers: [7] }],
    ops: [remove("tags"), remove("numbers")],
    after: {},
  },
  {
    what: "one array grows, another shrinks, a third is replaced",
    rows: [{ id: 1, tags: ["c"], numbers: [1], parts: [0.25] }],
    ops: [append("tags"), remove("numbers")],
    after: { 1: { tags: ["a", "b", "c"], numbers: [2], parts: [0.25] } },
  },
];

describe.each([false, true])("an upsert of some columns, of sealed rows: %s", (sealed) => {
  beforeEach(async () => {
    if (sealed) await driver.call("Flush", { collectionNames: [collectionName] });
  });

  it.each(cases)("$what", async ({ rows, ops, after }) => {
    await upsert(rows, ops === undefined ? {} : { fieldOps: ops });
    const expected = [stored(after[1] ?? {}), { ...second, ...after[2] }];
    expect(await read()).toEqual(expected);
    await driver.call("Flush", { collectionNames: [collectionName] });
    expect(await read()).toEqual(expected);
  });

  it("new keys take what is given, the default or null, and an array whatever its operation", async () => {
    const rows = [
      { id: 3, vector: [3, 3], numbers: [5], tags: ["n"] },
      { id: 1, vector: [4, 4], numbers: [1], tags: ["n"] },
    ];
    const result = await upsert(rows, { fieldOps: [append("tags"), remove("numbers")] });
    expect(idsToValues(result.IDs)).toEqual([3, 1]);
    expect(result.upsertCnt).toBe(2n);
    const added = {
      id: 3,
      vector: [3, 3],
      other: null,
      count: null,
      name: "none",
      doc: null,
      ends: null,
      tags: ["n"],
      numbers: [5],
      parts: null,
    };
    expect(await read()).toEqual([stored({ vector: [4, 4], numbers: [2], tags: ["a", "b", "n"] }), second, added]);
  });

  it("deleted keys are new", async () => {
    await driver.call("Delete", { collectionName, expr: "id in [1]" });
    await expect(upsert([{ id: 1, count: 1 }])).rejects.toMatchObject({ code: 1100 });
    expect(await read()).toEqual([second]);
  });
});

/** A column with another name or type than the schema's. */
const column = (init: Init<FieldData>): Buffer => FieldData.encode(FieldData.create(init));
const ids = column({ type: DataType.Int64, fieldName: "id", scalars: { longData: { data: [1n] } } });

interface Refusal {
  readonly what: string;
  readonly rows: readonly Row[];
  readonly options?: Options;
  readonly code?: number;
  readonly words: string;
}

const tags: Row[] = [{ id: 1, tags: ["c"] }];
const refusals: readonly Refusal[] = [
  {
    what: "a new key without a column",
    rows: [
      { id: 1, count: 1 },
      { id: 3, count: 1 },
    ],
    words: "fieldSchema(vector) has no corresponding fieldData pass in",
  },
  {
    what: "a key twice",
    rows: [
      { id: 3, count: 1 },
      { id: 3, count: 1 },
    ],
    words: "duplicate primary keys are not allowed in the same batch",
  },
  { what: "no key", rows: [{ count: 1 }], words: "must assign pk when upsert, primary field: id" },
  { what: "null where none may be", rows: [{ id: 1, numbers: null }], words: "numbers" },
  {
    what: "more elements than fit",
    rows: [
      { id: 1, tags: ["c", "d", "e"] },
      { id: 2, tags: ["c"] },
    ],
    options: { fieldOps: [append("tags")] },
    words: "array length 5 exceeds max_capacity 4",
  },
  {
    what: "more elements than fit alone",
    rows: [{ id: 3, numbers: [1, 2, 3, 4, 5], vector: [0, 0] }],
    options: { fieldOps: [append("numbers")] },
    words: `ARRAY_APPEND payload for field "numbers" row 0 has length 5 exceeding max_capacity 4`,
  },
  {
    what: "an element that is too long",
    rows: [{ id: 1, tags: ["123456789"] }],
    options: { fieldOps: [append("tags")] },
    words: `length of Array array field "tags" exceeds max length`,
  },
  { what: "a text that is too long", rows: [{ id: 1, name: "123456789" }], words: "length of varchar field name exceeds max length" },
  {
    what: "an operation on a scalar",
    rows: [{ id: 1, count: 1 }],
    options: { fieldOps: [append("count")] },
    words: `op ARRAY_APPEND requires Array field, but field "count" is Int32`,
  },
  {
    what: "an operation on the key",
    rows: tags,
    options: { fieldOps: [remove("id")] },
    words: `field "id" is the primary key and cannot carry a partial-update op`,
  },
  {
    what: "an operation on no field",
    rows: tags,
    options: { fieldOps: [append("nothing")] },
    words: `field "nothing" not found in collection schema`,
  },
  {
    what: "an operation without a name",
    rows: tags,
    options: { fieldOps: [append("")] },
    code: 1101,
    words: "FieldPartialUpdateOp.field_name is required",
  },
  {
    what: "two operations on a field",
    rows: tags,
    options: { fieldOps: [append("tags"), { fieldName: "tags", op: Op.REPLACE }] },
    words: `duplicate partial-update op for field "tags"`,
  },
  {
    what: "an operation without its column",
    rows: tags,
    options: { fieldOps: [append("numbers")] },
    words: `partial-update op targets field "numbers" not present in fields_data`,
  },
  {
    what: "an operation that there is not",
    rows: tags,
    options: { fieldOps: [{ fieldName: "tags", op: 7 }] },
    words: "unsupported partial update op: 7",
  },
  {
    what: "an unknown field",
    rows: tags,
    options: { request: { fieldsData: [ids, column({ type: DataType.Int64, fieldName: "what", scalars: { longData: { data: [1n] } } })] } },
    words: "fieldName what not exist in collection schema",
  },
  {
    what: "a payload of another kind",
    rows: tags,
    options: {
      fieldOps: [append("tags")],
      request: { fieldsData: [ids, column({ type: DataType.Array, fieldName: "tags", scalars: { longData: { data: [1n] } } })] },
    },
    words: `partial-update op field "tags" payload is not an Array`,
  },
  {
    what: "elements of another type",
    rows: tags,
    options: {
      fieldOps: [append("tags")],
      request: {
        fieldsData: [
          ids,
          column({
            type: DataType.Array,
            fieldName: "tags",
            scalars: { arrayData: { data: [{ longData: { data: [1n] } }], elementType: DataType.Int64 } },
          }),
        ],
      },
    },
    words: `field "tags" expects element type VarChar but request provides Int64`,
  },
  { what: "a text that is no moment", rows: [{ id: 1, ends: "soon" }], words: "got invalid timestamptz string 'soon'" },
  {
    what: "a partition that there is not",
    rows: tags,
    options: { request: { partitionName: "nowhere" } },
    code: 200,
    words: "partition not found",
  },
];

describe("is refused, changing nothing:", () => {
  it.each(refusals)("$what", async ({ rows, options, code = 1100, words }) => {
    await expect(upsert(rows, options)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    expect(await read()).toEqual([first, second]);
  });

  it("a collection that is not loaded", async () => {
    await driver.call("ReleaseCollection", { collectionName });
    await expect(upsert([{ id: 1, count: 1 }])).rejects.toMatchObject({
      code: 101,
      message: `failed to query: collection not loaded[collection=${collectionName}]`,
    });
  });
});

describe("an upsert of some columns", () => {
  it("makes new keys where the server makes them", async () => {
    const automatic = { name: "id", dataType: DataType.Int64, isPrimaryKey: true, autoID: true };
    const count = { name: "count", dataType: DataType.Int32, nullable: true };
    await create("automatic", { fields: [automatic, ...fields.slice(1, 2), count] });
    const schema = schemaOf("automatic");
    const inserted = await driver.call<MutationResult>("Insert", {
      collectionName: "automatic",
      fieldsData: rowsToFields(schema, [{ vector: [1, 2], count: 3 }]).map(({ data }) => data),
      numRows: 1,
    });
    const [old] = idsToValues(inserted.IDs);
    const [fresh] = idsToValues((await upsert([{ id: old, count: 4 }], { name: "automatic" })).IDs);
    expect(fresh).not.toBe(old);
    expect(await read("count > 0", ["vector", "count"], "automatic")).toEqual([{ id: Number(fresh), vector: [1, 2], count: 4 }]);
  });

  it("keeps to the partition that it names, and follows a partition key", async () => {
    await driver.call("CreatePartition", { collectionName, partitionName: "p" });
    await driver.call("LoadCollection", { collectionName });
    await upsert([{ ...first, name: "in p" }], { full: true, request: { partitionName: "p" } });
    await upsert([{ id: 1, count: 77 }], { request: { partitionName: "p" } });
    expect(await read("count == 77", ["name"])).toEqual([{ id: 1, name: "in p" }]);
    expect(await read("count == 10", ["name"])).toEqual([{ id: 1, name: "one" }]);

    const key = { name: "tenant", dataType: DataType.VarChar, typeParams: [length], isPartitionKey: true };
    await create("keyed", { fields: [...fields.slice(0, 2), key, ...fields.slice(3, 4)] });
    const rows = Array.from({ length: 20 }, (_, id) => ({ id, vector: [id, id], tenant: `t${id}`, count: 0 }));
    await upsert(rows, { name: "keyed", full: true });
    await upsert(
      rows.map(({ id }) => ({ id, count: 1 })),
      { name: "keyed" },
    );
    await upsert(
      rows.slice(0, 10).map(({ id }) => ({ id, tenant: `moved${id % 3}` })),
      { name: "keyed" },
    );
    const expected = rows.map((row) => ({ ...row, count: 1, tenant: row.id < 10 ? `moved${row.id % 3}` : row.tenant }));
    expect(await read("id >= 0", ["*"], "keyed")).toEqual(expected);
    expect(await read(`tenant == "moved1"`, ["tenant"], "keyed")).toEqual([1, 4, 7].map((id) => ({ id, tenant: "moved1" })));
  });

  it("knows fields that were added later", async () => {
    await driver.call("Flush", { collectionNames: [collectionName] });
    const schema = { name: "later", dataType: DataType.Int64, nullable: true, defaultValue: { longData: 5n } };
    await driver.call("AddCollectionField", { collectionName, schema: FieldSchema.encode(FieldSchema.create(schema)) });
    await upsert([{ id: 1, count: 12 }]);
    await upsert([{ id: 2, later: 6 }]);
    expect(await read()).toEqual([stored({ count: 12, later: 5 }), { ...second, later: 6 }]);
  });
});

describe("over REST", () => {
  const post = (body: Row) => driver.post("entities/upsert", { collectionName, ...body });

  it("columns that no row has are kept, operations are told by their names", async () => {
    const reply = await post({ data: [{ id: 1, count: 5 }], partialUpdate: true });
    expect(reply).toMatchObject({ data: { upsertCount: 1, upsertIds: [1] } });
    await post({
      data: { id: 1, tags: ["c"], numbers: [1] },
      fieldOps: [
        { fieldName: "tags", op: " array_append" },
        { fieldName: "numbers", op: "ARRAY_REMOVE" },
      ],
    });
    await post({ data: [{ id: 2, name: null, color: "blue" }], partialUpdate: true, fieldOps: [{ fieldName: "name", op: "REPLACE" }] });
    expect(await read()).toEqual([stored({ count: 5, tags: ["a", "b", "c"], numbers: [2] }), { ...second, name: "none", color: "blue" }]);
  });

  it("refuses in Milvus's words", async () => {
    const whole = { data: [{ id: 1, count: 1 }] };
    await expect(post({ ...whole, partialUpdate: true, fieldOps: [{ fieldName: "tags", op: "PREPEND" }] })).rejects.toMatchObject({
      code: 1100,
      message: "unsupported partial update op: PREPEND: invalid parameter",
    });
    await expect(
      post({
        data: [
          { id: 1, count: 1 },
          { id: 2, name: "b" },
        ],
        partialUpdate: true,
      }),
    ).rejects.toMatchObject({
      code: 1804,
      message: expect.stringContaining("column count has length 1, expected 2"),
    });
    await expect(post(whole)).rejects.toMatchObject({ code: 1804 });
    expect(await read()).toEqual([first, second]);
  });
});

/** Searches that are like one before: answered as if they were prepared anew, and never with what was true before the catalog or the rows changed. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import {
  DataType,
  FieldData,
  PlaceholderGroup,
  PlaceholderType,
  SearchResultData,
  type SearchResults,
} from "../../src/shared/proto/generated/messages.js";
import { idsToValues } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const DIM = 4;
const COUNT = 300;
let folder: string;
let engine: EngineApi;
let driver: Driver;

const fields = [
  idField,
  { name: "vector", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: String(DIM) }] },
  { name: "half", dataType: DataType.Float16Vector, typeParams: [{ key: "dim", value: String(DIM) }] },
  { name: "sparse", dataType: DataType.SparseFloatVector },
  { name: "kind", dataType: DataType.Int32, nullable: true },
  { name: "moment", dataType: DataType.Timestamptz, nullable: true },
];

const rowOf = (random: SeededRandom, id: number) => ({
  id,
  vector: Array.from({ length: DIM }, () => random.next()),
  half: Array.from({ length: DIM }, () => random.next()),
  sparse: { [random.below(4)]: 1 + random.next(), [4 + random.below(4)]: 1 },
  kind: id % 5 === 4 ? null : id % 3,
  moment: "2026-01-01T00:00:00Z",
});

const insert = async (name: string, rows: readonly object[]): Promise<void> => {
  const schema = [...engine.catalog.collections.values()].find((collection) => collection.name === name)?.schema;
  if (schema === undefined) throw new Error(`no collection ${name}`);
  const columns = rowsToFields(schema, rows as never);
  await driver.call("Insert", { collectionName: name, fieldsData: columns.map(({ data }) => data), numRows: rows.length });
};

const create = async (name: string, seed: number): Promise<void> => {
  const random = new SeededRandom(seed);
  await driver.call("CreateCollection", createRequest(name, { fields }));
  for (const [fieldName, metric] of [
    ["vector", "L2"],
    ["half", "COSINE"],
    ["sparse", "IP"],
  ])
    await driver.call("CreateIndex", { collectionName: name, fieldName, extraParams: [{ key: "metric_type", value: metric }] });
  await driver.call("LoadCollection", { collectionName: name });
  const rows = Array.from({ length: COUNT }, (_, id) => rowOf(random, id));
  await insert(name, rows.slice(0, 200));
  await driver.call("Flush", { collectionNames: [name] });
  await insert(name, rows.slice(200));
};

const seed = runSeed();

beforeAll(async () => {
  folder = temporaryFolder();
  engine = await openEngine({ folder });
  driver = new Driver(engine);
  await create("rows", seed);
  await create("others", seed + 1);
  await driver.call("CreateAlias", { collectionName: "rows", alias: "name" });
});
afterAll(async () => {
  await engine.close();
  removeFolder(folder);
});

const placeholders = (random: SeededRandom, field: string, count: number, dim = DIM): Buffer => {
  const floats = () => Buffer.from(Float32Array.from({ length: dim }, () => random.next()).buffer);
  const sparse = () => {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(random.below(4), 0);
    bytes.writeFloatLE(1 + random.next(), 4);
    bytes.writeUInt32LE(4 + random.below(4), 8);
    bytes.writeFloatLE(random.next(), 12);
    return bytes;
  };
  const isSparse = field === "sparse";
  const type = isSparse ? PlaceholderType.SparseFloatVector : PlaceholderType.FloatVector;
  return PlaceholderGroup.encode({
    placeholders: [{ tag: "$0", type, values: Array.from({ length: count }, isSparse ? sparse : floats) }],
  });
};

interface Like {
  readonly collectionName: string;
  readonly field: string;
  readonly topk: string;
  readonly offset: string;
  readonly dsl: string;
  readonly outputFields: readonly string[];
  readonly params: string;
  readonly decimals: string;
}

const plain: Like = {
  collectionName: "rows",
  field: "vector",
  topk: "5",
  offset: "0",
  dsl: "",
  outputFields: [],
  params: "{}",
  decimals: "-1",
};

const request = (like: Like, placeholderGroup: Buffer, nq: number) => ({
  collectionName: like.collectionName,
  dsl: like.dsl,
  dslType: 1,
  outputFields: like.outputFields,
  placeholderGroup,
  nq: BigInt(nq),
  searchParams: Object.entries({
    anns_field: like.field,
    topk: like.topk,
    offset: like.offset,
    params: like.params,
    round_decimal: like.decimals,
  }).map(([key, value]) => ({ key, value })),
});

const shown = (reply: SearchResults) => {
  if (reply.status?.code) return reply.status;
  const results = SearchResultData.decode(reply.results as Buffer);
  return {
    ...results,
    ids: idsToValues(results.ids),
    fieldsData: results.fieldsData.map((data) => FieldData.decode(data as unknown as Buffer)),
    collectionName: reply.collectionName,
  };
};

const search = async (init: object) => {
  const { reply, wasAgain } = await driver.encoded<SearchResults>("Search", init);
  return {
    wasAgain,
    reply: shown(reply),
    ids: reply.status?.code ? [] : idsToValues(SearchResultData.decode(reply.results as Buffer).ids),
  };
};

/** The same request, prepared anew. */
const anew = async (init: object) => shown(await driver.call<SearchResults>("Search", init));

describe(`ELANUS_SEED=${seed}`, () => {
  it("answers as if it were prepared anew, for any parameters and any number of vectors", async () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 60; round++) {
      const field = random.pick(["vector", "vector", "half", "sparse"]);
      const like: Like = {
        collectionName: random.pick(["rows", "name"]),
        field,
        topk: String(1 + random.below(20)),
        offset: String(random.below(4)),
        dsl: random.pick(["", "kind < 2", "kind is null", "id in [1, 2, 3, 250]", "id < 0"]),
        outputFields: random.pick([[], ["kind"], ["id", "vector"], ["kind", "sparse"]]),
        params: field === "vector" ? random.pick(["{}", '{"radius": 1.0}', '{"radius": 1.5, "range_filter": 0.1}']) : "{}",
        decimals: random.pick(["-1", "2"]),
      };
      await search(request(like, placeholders(random, field, 1), 1));
      for (const count of [1, 1 + random.below(4)]) {
        const init = request(like, placeholders(random, field, count), count);
        const { wasAgain, reply } = await search(init);
        expect(wasAgain).toBe(true);
        expect(reply).toEqual(await anew(init));
      }
    }
  });

  it("tells wrong vectors as the first search does", async () => {
    const random = new SeededRandom(seed);
    const good = request(plain, placeholders(random, "vector", 1), 1);
    await search(good);
    const wrong = [
      request(plain, placeholders(random, "vector", 1, DIM + 1), 1),
      request(plain, placeholders(random, "sparse", 1), 1),
      request(plain, placeholders(random, "vector", 2), 3),
      request(plain, Buffer.from("zz"), 1),
      request(plain, Buffer.alloc(0), 0),
    ];
    for (const init of wrong) {
      const { reply, wasAgain } = await search(init);
      expect(wasAgain).toBe(true);
      await expect(driver.call("Search", init)).rejects.toMatchObject({
        code: (reply as { code: number }).code,
        message: (reply as { reason: string }).reason,
      });
    }
    expect((await search(good)).ids).toHaveLength(5);
  });

  it("sees rows that were written and deleted meanwhile", async () => {
    const init = request(plain, placeholders(new SeededRandom(7), "vector", 1), 1);
    const [first] = (await search(init)).ids;
    await driver.call("Delete", { collectionName: "rows", expr: `id == ${first}` });
    const { ids, wasAgain } = await search(init);
    expect(wasAgain).toBe(true);
    expect(ids).not.toContain(first);
    await insert("rows", [{ ...rowOf(new SeededRandom(1), 1000), vector: [...new Float32Array(vectorIn(init))] }]);
    expect((await search(init)).ids[0]).toBe(1000);
  });

  it("is prepared anew when the name points elsewhere, the index is another, the collection is released or gone", async () => {
    const init = request({ ...plain, collectionName: "name" }, placeholders(new SeededRandom(8), "vector", 1), 1);
    await search(init);
    const before = (await search(init)).reply;
    await driver.call("AlterAlias", { collectionName: "others", alias: "name" });
    const after = await search(init);
    expect(after.wasAgain).toBe(false);
    expect(after.reply).not.toEqual(before);
    expect((await search(init)).reply).toEqual(
      await anew({ ...init, collectionName: "others" }).then((r) => ({ ...r, collectionName: "name" })),
    );
    await driver.call("ReleaseCollection", { collectionName: "others" });
    expect((await search(init)).reply).toMatchObject({ code: 101 });
    await driver.call("DropIndex", { collectionName: "others", fieldName: "vector", indexName: "vector" });
    const extraParams = [{ key: "metric_type", value: "IP" }];
    await driver.call("CreateIndex", { collectionName: "others", fieldName: "vector", extraParams });
    await driver.call("LoadCollection", { collectionName: "others" });
    const byProduct = (await search(init)).reply;
    expect(byProduct).toEqual({ ...(await anew({ ...init, collectionName: "others" })), collectionName: "name" });
    await driver.call("DropAlias", { alias: "name" });
    expect((await search(init)).reply).toMatchObject({ code: 100 });
  });

  it("keeps no search that gives more than hits, and none that failed", async () => {
    const group = placeholders(new SeededRandom(9), "vector", 1);
    const init = request(plain, group, 1);
    const more = (pairs: Readonly<Record<string, string>>) => ({
      ...init,
      searchParams: [...init.searchParams, ...Object.entries(pairs).map(([key, value]) => ({ key, value }))],
    });
    const never = [
      more({ group_by_field: "kind" }),
      more({ iterator: "True", search_iter_v2: "True", search_iter_batch_size: "5" }),
      request({ ...plain, outputFields: ["moment"] }, group, 1),
      request({ ...plain, dsl: "nobody == 1" }, group, 1),
    ];
    for (const each of never) {
      await search(each);
      expect((await search(each)).wasAgain).toBe(false);
    }
  });
});

/** The bytes of the first vector of a request. */
const vectorIn = (init: { readonly placeholderGroup: Buffer }): ArrayBuffer => {
  const value = PlaceholderGroup.decode(init.placeholderGroup).placeholders[0]?.values[0] as Buffer;
  return value.buffer.slice(value.byteOffset, value.byteOffset + value.length) as ArrayBuffer;
};

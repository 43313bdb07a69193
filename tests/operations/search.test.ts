/** Search by primary keys, grouping, iterators, windows and hints, through the same handlers that the wire calls. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import {
  DataType,
  FieldData,
  IDs,
  PlaceholderGroup,
  PlaceholderType,
  SearchRequest,
  SearchResultData,
  type SearchResults,
} from "../../src/shared/proto/generated/messages.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

const collectionName = "rows";
const COUNT = 60;
let folder: string;
let engine: EngineApi;
let driver: Driver;
let engineSearches = 0;

const fields = [
  idField,
  { name: "vector", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: "2" }], nullable: true },
  { name: "half", dataType: DataType.Float16Vector, typeParams: [{ key: "dim", value: "2" }] },
  { name: "bits", dataType: DataType.BinaryVector, typeParams: [{ key: "dim", value: "8" }] },
  { name: "kind", dataType: DataType.Int32, nullable: true },
  { name: "price", dataType: DataType.Float },
  { name: "doc", dataType: DataType.JSON },
];
/** Row i lies at (i, 0), so the hits of (0, 0) come in the order of their keys. Every seventh has no vector, every fifth no kind. */
const rows = Array.from({ length: COUNT }, (_, id) => ({
  id,
  vector: id % 7 === 6 ? null : [id, 0],
  half: [id, 0],
  bits: [id % 256],
  kind: id % 5 === 4 ? null : id % 3,
  price: id,
  doc: { kind: { name: id % 4 === 0 ? "a" : "b" }, id },
}));

beforeAll(async () => {
  folder = temporaryFolder();
  engine = await openEngine({ folder });
  const counting = new Proxy(engine, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name === "search") engineSearches++;
      return value.bind(target);
    },
  });
  driver = new Driver(counting);
  await driver.call("CreateCollection", createRequest(collectionName, { fields }));
  for (const [fieldName, metric] of [
    ["vector", "L2"],
    ["half", "L2"],
    ["bits", "HAMMING"],
  ]) {
    const extraParams = [{ key: "metric_type", value: metric }];
    await driver.call("CreateIndex", { collectionName, fieldName, extraParams });
  }
  await driver.call("LoadCollection", { collectionName });
  const schema = engine.catalog.collections.values().next().value?.schema;
  if (schema === undefined) throw new Error("no collection");
  for (const some of [rows.slice(0, 40), rows.slice(40)]) {
    const columns = rowsToFields(schema, some);
    await driver.call("Insert", { collectionName, fieldsData: columns.map(({ data }) => data), numRows: some.length });
    if (some.length === 40) await driver.call("Flush", { collectionNames: [collectionName] });
  }
});
afterAll(async () => {
  await engine.close();
  removeFolder(folder);
});
beforeEach(() => {
  engineSearches = 0;
});

const floats = (...vectors: readonly (readonly number[])[]): Buffer =>
  PlaceholderGroup.encode({
    placeholders: [
      { tag: "$0", type: PlaceholderType.FloatVector, values: vectors.map((vector) => Buffer.from(Float32Array.from(vector).buffer)) },
    ],
  });

interface Asked {
  readonly params?: Readonly<Record<string, string>>;
  readonly ids?: readonly number[];
  readonly vectors?: Buffer;
  readonly dsl?: string;
  readonly outputFields?: readonly string[];
  readonly guaranteeTimestamp?: bigint;
}

const search = async ({ params = {}, ids, vectors, ...more }: Asked) => {
  const given = { anns_field: "vector", topk: "5", params: "{}", ...params };
  const reply = await driver.call<SearchResults>("Search", {
    collectionName,
    ...(ids === undefined
      ? { placeholderGroup: vectors ?? floats([0, 0]) }
      : { ids: IDs.create({ intId: { data: ids.map(BigInt) } } as object) }),
    searchParams: Object.entries(given).map(([key, value]) => ({ key, value })),
    ...more,
  });
  const results = SearchResultData.decode(reply.results as Buffer);
  const keys = [...(IDs.decode(results.ids).intId?.data ?? [])].map(Number);
  return {
    keys,
    topks: results.topks.map(Number),
    scores: [...results.scores],
    iterator: results.searchIteratorV2Results,
    sessionTs: reply.sessionTs,
    columns: results.fieldsData.map((data) => FieldData.decode(data as unknown as Buffer)),
    one: results.groupByFieldValue,
    many: results.groupByFieldValues,
  };
};

const withVector = rows.filter(({ vector }) => vector !== null).map(({ id }) => id);

describe("by primary keys", () => {
  it("searches with the vectors of rows, in the order of the keys; a row without one has no hits", async () => {
    const { keys, topks } = await search({ ids: [50, 6, 3], params: { topk: "2" } });
    expect(topks).toEqual([2, 0, 2]);
    expect(keys).toEqual([50, 49, 3, 2]);
  });

  it("searches with nothing when no row has a vector", async () => {
    expect(await search({ ids: [6, 13] })).toMatchObject({ keys: [], topks: [0, 0] });
  });

  it("searches 16-bit floats and bits", async () => {
    expect((await search({ ids: [10], params: { anns_field: "half", topk: "3" } })).keys).toEqual([10, 9, 11]);
    expect((await search({ ids: [10], params: { anns_field: "bits", topk: "1" } })).keys).toEqual([10]);
  });

  it.each([
    [[1, 2, 1], {}, "duplicate IDs found in search request"],
    [[1, 777, 999], {}, "some of the provided primary key IDs do not exist: missing IDs = [777 999]"],
    [[1], { anns_field: "" }, "multiple vector fields exist, please specify anns_field in search_params"],
    [[1], { anns_field: "price" }, "field (price) to search is not of vector data type"],
  ])("refuses %j %j", async (ids, params, words) => {
    await expect(search({ ids, params })).rejects.toMatchObject({ code: 1100, message: expect.stringContaining(words) });
  });

  it("refuses keys of another type", async () => {
    const request = driver.call("Search", {
      collectionName,
      ids: IDs.create({ strId: { data: ["1"] } } as object),
      searchParams: [{ key: "anns_field", value: "vector" }],
    });
    await expect(request).rejects.toMatchObject({
      code: 1100,
      message: expect.stringContaining("primary key is int64, but IDs type mismatch"),
    });
  });
});

it("finds rows that are the query itself in a range of cosines that ends at 1", async () => {
  await driver.call("CreateCollection", createRequest("cosines", { fields: [idField, fields[1] as object] }));
  await driver.call("CreateIndex", {
    collectionName: "cosines",
    fieldName: "vector",
    extraParams: [{ key: "metric_type", value: "COSINE" }],
  });
  await driver.call("LoadCollection", { collectionName: "cosines" });
  const schema = [...engine.catalog.collections.values()].find(({ name }) => name === "cosines")?.schema;
  if (schema === undefined) throw new Error("no collection");
  const vectors = Array.from({ length: 200 }, (_, id) => [Math.sin(id) + 2, Math.cos(id) / 3]);
  const columns = rowsToFields(
    schema,
    vectors.map((vector, id) => ({ id, vector })),
  );
  await driver.call("Insert", { collectionName: "cosines", fieldsData: columns.map(({ data }) => data), numRows: vectors.length });
  const reply = await driver.call<SearchResults>("Search", {
    collectionName: "cosines",
    placeholderGroup: floats(...vectors),
    searchParams: Object.entries({ anns_field: "vector", topk: "200", params: '{"radius": 0.5, "range_filter": 1.0}' }).map(
      ([key, value]) => ({
        key,
        value,
      }),
    ),
  });
  const results = SearchResultData.decode(reply.results as Buffer);
  const keys = [...(IDs.decode(results.ids).intId?.data ?? [])].map(Number);
  let at = 0;
  results.topks.forEach((count, query) => {
    expect(keys.slice(at, at + Number(count))).toContain(query);
    at += Number(count);
  });
  expect(results.topks).toHaveLength(200);
});

it("takes query vectors of float32 for 16-bit floats", async () => {
  expect((await search({ vectors: floats([7.1, 0]), params: { anns_field: "half", topk: "2" } })).keys).toEqual([7, 8]);
});

describe("grouping", () => {
  const kindOf = (id: number) => rows[id]?.kind ?? null;

  it("gives the best hits of each group, best group first, and tells the values", async () => {
    const { keys, topks, one, many } = await search({ params: { group_by_field: "kind", group_size: "2", strict_group_size: "true" } });
    // Of kind 0, 1, 2 and none: two rows each.
    expect(keys).toEqual([0, 3, 1, 7, 2, 5, 4, 9]);
    expect(topks).toEqual([8]);
    expect(one?.validData).toEqual([true, true, true, true, true, true, false, false]);
    expect(one?.scalars?.intData?.data.slice(0, 6)).toEqual([0, 0, 1, 1, 2, 2]);
    expect(many).toEqual([]);
  });

  it("counts groups by limit and offset, for several queries", async () => {
    const { keys, topks } = await search({
      vectors: floats([0, 0], [59, 0]),
      params: { group_by_field: "kind", topk: "2", offset: "1" },
      dsl: "kind is not null",
    });
    expect(topks).toEqual([2, 2]);
    expect(keys.map(kindOf)).toEqual([1, 2, ...keys.slice(2).map(kindOf)]);
    expect(new Set(keys.slice(2).map(kindOf)).size).toBe(2);
  });

  it("groups by several fields for clients that say so", async () => {
    const { keys, one, many } = await search({ params: { group_by_fields: "kind, id", topk: "4" } });
    expect(keys).toEqual([0, 1, 2, 3]);
    expect(one).toBeUndefined();
    expect(many.map(({ fieldName }) => fieldName)).toEqual(["kind", "id"]);
  });

  it("groups by a value in documents", async () => {
    const { keys, one } = await search({ params: { group_by_field: 'doc["kind"]["name"]' } });
    expect(keys).toEqual([0, 1]);
    expect(one?.scalars?.stringData?.data).toEqual(['"a"', '"b"']);
    const typed = await search({ params: { group_by_field: "doc['id']", json_type: "Int64", topk: "3" } });
    expect(typed.one?.scalars?.longData?.data).toEqual([0n, 1n, 2n]);
    await expect(
      search({ params: { group_by_field: 'doc["kind"]["name"]', json_type: "Int64", strict_cast: "true" } }),
    ).rejects.toMatchObject({ code: 2000, message: expect.stringContaining("failed to cast json value to int64_t") });
  });

  it.each([
    [{ group_by_field: "nowhere" }, 1700, "groupBy field not found in schema: field not found[field=nowhere]"],
    [{ group_by_field: "kind", group_size: "0" }, 1100, "input group size:0 is negative, failed to do search_groupby"],
    [{ group_by_field: "kind", group_size: "11" }, 1100, "input group size:11 exceeds configured max group size:10"],
    [{ group_by_field: "price" }, 2001, "unsupported data type FLOAT for group by operator"],
    [{ group_by_field: "half" }, 2001, "unsupported data type VECTOR_FLOAT16 for group by operator"],
    [{ group_by_field: "kind", anns_field: "bits" }, 1100, "not support search_group_by operation based on binary vector column"],
    [{ group_by_field: "kind", params: '{"radius": 5}' }, 1100, "Not allowed to do range-search when doing search-group-by"],
    [{ group_by_field: "kind", iterator: "True" }, 1100, "Not allowed to do groupBy when doing iteration"],
    [{ group_by_fields: 'kind,doc["id"]' }, 1100, "group_by with json path is not supported for multi-field group_by"],
  ])("refuses %j", async (params, code, words) => {
    await expect(search({ params })).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  it("groups the hits of a hybrid search", async () => {
    const one = (x: number) =>
      SearchRequest.create({
        collectionName,
        placeholderGroup: floats([x, 0]),
        nq: 1n,
        searchParams: Object.entries({ anns_field: "vector", topk: "10", params: "{}" }).map(([key, value]) => ({ key, value })),
      });
    const rankParams = Object.entries({ limit: "3", group_by_field: "kind", group_size: "2", rank_group_scorer: "sum" });
    const reply = await driver.call<SearchResults>("HybridSearch", {
      collectionName,
      requests: [one(0), one(10)],
      rankParams: rankParams.map(([key, value]) => ({ key, value })),
    });
    const results = SearchResultData.decode(reply.results as Buffer);
    const kinds = [...(IDs.decode(results.ids).intId?.data ?? [])].map((id) => kindOf(Number(id)));
    const groups = kinds.filter((kind, at) => at === 0 || kinds[at - 1] !== kind);
    expect(groups).toHaveLength(3);
    expect(new Set(groups).size).toBe(3);
    const sums = groups.map((group) =>
      [...results.scores].filter((_, at) => kinds[at] === group).reduce((total, score) => total + score, 0),
    );
    expect(sums).toEqual([...sums].sort((left, right) => right - left));
  });
});

describe("iterators of the second kind", () => {
  const page = (params: Readonly<Record<string, string>>, more: Omit<Asked, "params"> = {}) =>
    search({ params: { iterator: "True", search_iter_v2: "True", search_iter_batch_size: "7", topk: "7", ...params }, ...more });

  const walk = async (outputFields: readonly string[], more: Omit<Asked, "params"> = {}, extra: Readonly<Record<string, string>> = {}) => {
    const found: number[] = [];
    const columns: FieldData[] = [];
    let next: Readonly<Record<string, string>> = extra;
    let guaranteeTimestamp: bigint | undefined;
    for (;;) {
      const at = guaranteeTimestamp === undefined ? {} : { guaranteeTimestamp };
      const reply = await page(next, { outputFields, ...more, ...at });
      found.push(...reply.keys);
      columns.push(...reply.columns);
      guaranteeTimestamp = reply.sessionTs;
      next = { ...extra, search_iter_id: reply.iterator?.token ?? "", search_iter_last_bound: String(reply.iterator?.lastBound) };
      if (reply.keys.length === 0) return { found, columns };
    }
  };

  it("walks through all rows, best first, each once, and looks at all of them only now and then", async () => {
    expect((await walk([])).found).toEqual(withVector);
    // Eight pages and the empty one: two looks at all rows.
    expect(engineSearches).toBe(2);
  });

  it("reads the output fields of each page, with the user's filter and range", async () => {
    const { found, columns } = await walk(
      ["price"],
      { dsl: "price >= 10 and price < 40 or price > 58" },
      { params: '{"radius": 3600, "range_filter": 144}' },
    );
    expect(found).toEqual(withVector.filter((id) => (id >= 12 && id < 40) || id > 58));
    expect(columns.flatMap((column) => [...(column.scalars?.floatData?.data ?? [])])).toEqual(found);
  });

  it("goes on from any bound, with a token of nobody's and with one of another search", async () => {
    const first = await page({});
    const token = first.iterator?.token ?? "";
    const other = { vectors: floats([59, 0]) };
    expect((await page({ search_iter_id: token, search_iter_last_bound: "100" }, other)).keys).toEqual([47, 46, 45, 44, 43, 42, 40]);
    expect((await page({ search_iter_id: token, search_iter_last_bound: "100" })).keys).toEqual([11, 12, 14, 15, 16, 17, 18]);
    expect((await page({ search_iter_id: token, search_iter_last_bound: "25" })).keys).toEqual([7, 8, 9, 10, 11, 12, 14]);
    const unknown = "00000000-0000-8000-8000-00000000abcd";
    expect((await page({ search_iter_id: unknown, search_iter_last_bound: "25" })).keys).toEqual([7, 8, 9, 10, 11, 12, 14]);
  });

  it.each([
    [{ iterator: "False" }, "parse iterator v2 info failed: both iterator and search_iter_v2 must be set in the SDK"],
    [{ offset: "1" }, "parse iterator v2 info failed: Setting an offset is not permitted when using a search iterator v2"],
    [{ search_iter_id: "x" }, "parse iterator v2 info failed: invalid token format"],
    [{ search_iter_batch_size: "" }, "parse iterator v2 info failed: batch size is required"],
    [{ search_iter_batch_size: "0" }, "batch size is invalid, it should be in range [1, 16384], but got 0"],
    [{ search_iter_last_bound: "near" }, "failed to parse input last bound"],
    [{ collection_id: "7" }, "collection id:7 in the request is not consistent to that in the search context"],
  ])("refuses %j", async (params, words) => {
    await expect(page(params)).rejects.toMatchObject({ code: 1100, message: expect.stringContaining(words) });
  });
});

it.each([
  [{ topk: "16385" }, 1100, "topk [16385] is invalid, it should be in range [1, 16384], but got 16385"],
  [{ topk: "16000", offset: "385" }, 1100, "offset+topk [16385] is invalid, it should be in range [1, 16384], but got 16385"],
  [{ hints: "fast" }, 2000, "hints: fast not supported"],
  [{ params: '{"hints": "disable"}' }, 2000, 'hints: "disable" not supported'],
  [{ params: '{"range_filter": 3}' }, 1100, "range_filter requires radius to be set"],
  [{ params: '{"radius": 3, "range_filter": 5}' }, 2000, "metric type (L2), range_filter(5) must be less than radius(3)"],
  [{ params: '{"radius": "3"}' }, 2000, "type must be number, but is string"],
])("refuses %j", async (params, code, words) => {
  await expect(search({ params })).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
});

it("takes the hints that there are, and gives more hits of a collection for large results", async () => {
  for (const params of [{ hints: "iterative_filter" }, { hints: "disable" }, { params: '{"hints": "iterative_filter"}' }] as Record<
    string,
    string
  >[])
    expect((await search({ params })).keys).toEqual([0, 1, 2, 3, 4]);
  const large = createRequest("large", { fields: fields.slice(0, 2) });
  await driver.call("CreateCollection", { ...large, properties: [{ key: "query_mode", value: "large_topk" }] });
  await driver.call("CreateIndex", { collectionName: "large", fieldName: "vector", extraParams: [{ key: "metric_type", value: "L2" }] });
  await driver.call("LoadCollection", { collectionName: "large" });
  const ask = (topk: string) =>
    driver.call("Search", {
      collectionName: "large",
      placeholderGroup: floats([0, 0]),
      searchParams: [
        { key: "anns_field", value: "vector" },
        { key: "topk", value: topk },
      ],
    });
  await expect(ask("1000000")).resolves.toBeDefined();
  await expect(ask("1000001")).rejects.toMatchObject({ message: expect.stringContaining("should be in range [1, 1000000]") });
});

describe("through REST", () => {
  const ask = async (body: Readonly<Record<string, unknown>>) => {
    const reply = await driver.post("entities/search", { collectionName, annsField: "vector", limit: 3, ...body });
    return (reply.data as { id: number }[]).map(({ id }) => Number(id));
  };

  it("searches by keys, by vectors of every type, and in groups", async () => {
    expect(await ask({ ids: [10, "40"] })).toEqual([10, 9, 11, 40, 39, 38]);
    expect(await ask({ data: [[0, 0]], groupingField: "kind", groupSize: 2, strictGroupSize: true })).toEqual([0, 3, 1, 7, 2, 5]);
    expect(await ask({ annsField: "half", data: [[7, 0]], limit: 1 })).toEqual([7]);
    expect(await ask({ annsField: "bits", data: [[9]], limit: 1 })).toEqual([9]);
  });

  it.each([
    [{ ids: [1], data: [[0, 0]] }, 1100, "are mutually exclusive"],
    [{}, 1802, "either 'ids' (for primary key search) or 'data' (for vector search) must be provided"],
    [{ ids: [1.5] }, 1100, "invalid int64 id at index 0: 1.5 has fractional part"],
    [{ ids: [{}] }, 1100, "invalid id type at index 0"],
  ])("refuses %j", async (body, code, words) => {
    await expect(ask(body)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });
});

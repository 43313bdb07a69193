import { beforeEach, describe, expect, test } from "vitest";
import { DataType } from "../../src/shared/proto/generated/messages.js";
import { MemoryClient } from "../support/memory-engine.js";
import { createRequest, idField, vectorField } from "../support/schemas.js";

let client: MemoryClient;

const text = { name: "t", dataType: DataType.VarChar, typeParams: [{ key: "max_length", value: "9" }] };
const number = { name: "n", dataType: DataType.Float };
const json = { name: "j", dataType: DataType.JSON };

beforeEach(async () => {
  client = new MemoryClient();
  await client.call("CreateCollection", createRequest("c", { fields: [idField, vectorField, text, number, json] }));
});

const invalid = (words: string) => ({ code: 1100, reason: `${words}: invalid parameter` });
/** Milvus wraps what a check says in an error of the same kind. */
const invalidWithin = (words: string) => invalid(`${words}: invalid parameter`);
const badParams = (words: string) => ({
  code: 1100,
  reason: `${words}: invalid parameter[expected=valid index params][actual=invalid index params]`,
});
const notBuilt = { code: 3000, reason: "index type MINHASH_LSH is not supported yet: unsupported operation" };
const pairs = (params: Record<string, string>) => Object.entries(params).map(([key, value]) => ({ key, value }));
const create = (fieldName: string, params: Record<string, string>, more: Record<string, unknown> = {}) =>
  client.call("CreateIndex", { collectionName: "c", fieldName, extraParams: pairs(params), ...more });
const hnsw = (params: Record<string, unknown> = {}) => ({ index_type: "HNSW", metric_type: "L2", params: JSON.stringify(params) });
const typed = (type: string, params: Record<string, string> = {}) => ({ index_type: type, metric_type: "L2", ...params });

const refusals: readonly [string, Record<string, string>, Record<string, unknown>][] = [
  ["x", hnsw(), invalid("cannot create index on non-exist field: x")],
  // A build of Milvus for CPUs does not register what needs a GPU.
  ...["GPU_CAGRA", "GPU_IVF_FLAT", "GPU_IVF_PQ", "GPU_BRUTE_FORCE"].flatMap((type): typeof refusals => {
    const unknown = { code: 1100, reason: `invalid parameter[expected=valid index][actual=invalid index type: ${type}]` };
    return [
      ["vector", typed(type), unknown],
      ["vector", { index_type: type }, unknown],
      ["t", { index_type: type }, unknown],
      [
        "vector",
        typed(type, { "mmap.enabled": "true" }),
        invalidWithin(`invalid mmap type params: index type ${type} does not support mmap`),
      ],
    ];
  }),
  ["vector", typed("HYBRID"), { code: 1100, reason: "invalid parameter[expected=valid index][actual=invalid index type: HYBRID]" }],
  ["vector", { index_type: "HNSW" }, badParams("metric type not set for vector index")],
  ["vector", { index_type: "HNSW", metric_type: "HAMMING" }, badParams("float vector index does not support metric type: HAMMING")],
  ["vector", { metric_type: "l2" }, badParams("float vector index does not support metric type: l2")],
  ["vector", typed("AUTOINDEX", { M: "8" }), invalid("only metric type can be passed when use AutoIndex")],
  ["vector", { nlist: "8" }, invalid("only metric type can be passed when use AutoIndex")],
  ["vector", typed("BIN_FLAT"), invalid("data type FloatVector can't build with this index BIN_FLAT")],
  ["vector", typed("INVERTED"), invalid("data type FloatVector can't build with this index INVERTED")],
  ["vector", hnsw({ M: -1 }), invalid("Out of range in json: param 'M' (-1) should be in range [2, 2048]")],
  ["vector", hnsw({ M: 2049 }), invalid("Out of range in json: param 'M' (2049) should be in range [2, 2048]")],
  ["vector", typed("HNSW", { M: "16.0" }), invalid("wrong data type in json, key: 'M', value: '16.0'")],
  ["vector", typed("HNSW", { M: "True" }), invalid("invalid integer value, key: 'M', value: 'True'")],
  ["vector", typed("HNSW", { M: "[16]" }), invalid("invalid integer value, key: 'M', value: '[16]'")],
  ["vector", hnsw({ efConstruction: 0 }), invalid("Out of range in json: param 'efConstruction' (0) should be in range [1, 2147483647]")],
  ["vector", typed("IVF_FLAT", { nlist: "65537" }), invalid("Out of range in json: param 'nlist' (65537) should be in range [1, 65536]")],
  ["vector", typed("HNSW_SQ", { sq_type: "FP32" }), invalid("invalid scalar quantizer type")],
  ["vector", typed("HNSW_SQ", { refine: "1" }), invalid("Type conflict in json: param 'refine' (\"1\") should be a boolean")],
  [
    "vector",
    typed("HNSW_SQ", { refine_type: "INT8" }),
    invalid("invalid refine type : INT8, optional types are [sq4u, sq6, sq8, fp16, bf16, fp32, flat]"),
  ],
  [
    "vector",
    typed("HNSW_PQ", { m: "7" }),
    invalid("The dimension of the vector (dim) should be a multiple of the number of subquantizers (m). Dimension: 8, m: 7"),
  ],
  ["vector", { ...hnsw({ M: 8 }), M: "9" }, invalid("duplicated index param (key=M) (value=9) found")],
  [
    "vector",
    typed("DISKANN", { "mmap.enabled": "1" }),
    invalidWithin("invalid mmap type params: index type DISKANN does not support mmap"),
  ],
  [
    "vector",
    typed("HNSW", { warmup: "soon" }),
    invalidWithin("invalid warmup params: invalid warmup policy: soon, must be 'disable', 'sync' or 'async'"),
  ],
  [
    "vector",
    typed("HNSW", { "mmap.enabled": "tRuE" }),
    invalidWithin("invalid mmap type params: invalid mmap.enabled value: tRuE, expected: true, false"),
  ],
  [
    "vector",
    typed("HNSW", { "mmap.enabled": "perhaps" }),
    invalidWithin("invalid mmap type params: invalid mmap.enabled value: perhaps, expected: true, false"),
  ],
  ["vector", { ...hnsw(), params: "[" }, { code: 1100 }],
  ["t", hnsw(), invalid("index HNSW only supports vector data type")],
  ["t", { index_type: "RTREE" }, invalid("RTREE index can only be built on geometry field, got VarChar")],
  ["t", { index_type: "NGRAM" }, { code: 1101, reason: "Ngram index must specify both min_gram and max_gram: missing parameter" }],
  [
    "t",
    { index_type: "NGRAM", min_gram: "3", max_gram: "2" },
    invalid("invalid min_gram or max_gram value for Ngram index, min_gram: 3, max_gram: 2"),
  ],
  [
    "j",
    { index_type: "NGRAM", json_cast_type: "double" },
    invalid("JSON field with ngram index only supports VARCHAR cast type, got: DOUBLE"),
  ],
  ["j", { index_type: "BITMAP", json_cast_type: "double" }, invalid("json_cast_type DOUBLE is not supported for BITMAP index")],
  ["n", { index_type: "Trie" }, invalid("TRIE are only supported on varchar field")],
  ["n", { index_type: "BITMAP" }, invalid("bitmap index are only supported on bool, int, string and array field")],
  ["id", { index_type: "BITMAP" }, invalid("create bitmap index on primary key not supported")],
  [
    "j",
    { index_type: "INVERTED" },
    { code: 1101, reason: "json index must specify cast type: missing parameter[missing_param=json_cast_type]" },
  ],
  [
    "j",
    { index_type: "NGRAM", min_gram: "2", max_gram: "3" },
    { code: 1101, reason: "JSON field with ngram index must specify json_cast_type: missing parameter" },
  ],
  ["j", { index_type: "INVERTED", json_cast_type: "text" }, invalid("json_cast_type TEXT is not supported")],
  ["j", { index_type: "INVERTED", json_cast_type: "double", json_path: "1" }, { code: 65535, reason: "cannot parse identifier: 1" }],
];

describe("create refuses in Milvus's words", () => {
  test.each(refusals)("on %s: %o", async (fieldName, params, expected) => {
    expect(await create(fieldName, params)).toMatchObject(expected);
    expect(client.engine.catalog.collections.first()?.indexes).toEqual([]);
  });

  test("names of the index and the collection", async () => {
    expect(await create("vector", hnsw(), { indexName: "1" })).toMatchObject(
      invalid("Invalid index name: 1. The first character of a index name must be an underscore or letter."),
    );
    expect(await create("vector", hnsw(), { indexName: "a-b" })).toMatchObject(
      invalid("Invalid index name: a-b. Index name can only contain numbers, letters, and underscores."),
    );
    // Milvus does not look at the syntax of the collection's name here.
    expect(await create("vector", hnsw(), { collectionName: "1" })).toMatchObject({
      code: 100,
      reason: "collection not found[database=default][collection=1]",
    });
  });
});

const described = async (request: Record<string, unknown> = {}) => {
  const { reply } = await client.call("DescribeIndex", { collectionName: "c", ...request });
  return reply.indexDescriptions as Record<string, unknown>[];
};

describe("what is created", () => {
  test("every type of a float vector is accepted, and shown as it was asked for", async () => {
    for (const type of [
      "FLAT",
      "IVF_FLAT",
      "IVF_SQ8",
      "IVF_PQ",
      "IVF_RABITQ",
      "SCANN",
      "HNSW",
      "HNSW_SQ",
      "HNSW_PQ",
      "HNSW_PRQ",
      "DISKANN",
    ]) {
      const params = typed(type, { params: JSON.stringify(type === "IVF_PQ" ? { m: 4 } : {}), unknown_key: "kept" });
      expect(await create("vector", params)).toMatchObject({ code: 0, reason: "" });
      expect(await described()).toMatchObject([{ indexName: "vector", fieldName: "vector", params: pairs(params), state: 3 }]);
      await client.call("DropIndex", { collectionName: "c", indexName: "vector" });
    }
  });

  test("no type means AUTOINDEX with its metric", async () => {
    await create("vector", {});
    expect(await described()).toMatchObject([{ params: pairs({ index_type: "AUTOINDEX", metric_type: "COSINE" }) }]);
  });

  test("other vectors: their metrics, their types, their parameters", async () => {
    const binary = { ...vectorField, name: "b", dataType: DataType.BinaryVector };
    const sparse = { name: "s", dataType: DataType.SparseFloatVector };
    const bytes = { ...vectorField, name: "i", dataType: DataType.Int8Vector };
    const list = {
      name: "l",
      dataType: DataType.Array,
      elementType: DataType.Float,
      typeParams: [{ key: "max_capacity", value: "4" }],
    };
    const others = { collectionName: "o" };
    await client.call("CreateCollection", createRequest("o", { fields: [idField, binary, sparse, bytes, list] }));
    for (const [name, params, words] of [
      ["b", { index_type: "BIN_FLAT", metric_type: "L2" }, badParams("binary vector index does not support metric type: L2")],
      [
        "b",
        { index_type: "BIN_IVF_FLAT", metric_type: "SUBSTRUCTURE" },
        invalid("metric type SUBSTRUCTURE not found or not supported, supported: [HAMMING JACCARD]"),
      ],
      ["b", { index_type: "FLAT", metric_type: "HAMMING" }, invalid("data type BinaryVector can't build with this index FLAT")],
      ["s", { metric_type: "L2" }, badParams("only IP&BM25 is the supported metric type for sparse index")],
      ["s", { metric_type: "BM25" }, badParams("only BM25 Function output field support BM25 metric type")],
      [
        "s",
        { index_type: "SPARSE_INVERTED_INDEX", metric_type: "IP", drop_ratio_build: "1" },
        invalid("Out of range in json: param 'drop_ratio_build' (1.0) should be in range [0.000000, 1.000000)"),
      ],
      [
        "s",
        { index_type: "SPARSE_INVERTED_INDEX", metric_type: "IP", inverted_index_algo: "X" },
        {
          code: 1100,
          reason: expect.stringContaining("sparse inverted index algo X not found or not supported, supported: [TAAT_NAIVE DAAT_WAND"),
        },
      ],
      ["i", { index_type: "FLAT", metric_type: "L2" }, invalid("data type Int8Vector can't build with this index FLAT")],
      ["b", { index_type: "MINHASH_LSH", metric_type: "MHJACCARD", mh_lsh_band: "8" }, notBuilt],
      ["b", { index_type: "MINHASH_LSH", metric_type: "HAMMING" }, notBuilt],
      ["b", { index_type: "AUTOINDEX", metric_type: "MHJACCARD" }, notBuilt],
      ["b", { metric_type: "MHJACCARD" }, notBuilt],
      ["i", { metric_type: "JACCARD" }, badParams("int vector index does not support metric type: JACCARD")],
      ["l", { index_type: "BITMAP" }, invalid("bitmap index are only supported on bool, int, string for array field")],
    ] as const)
      expect(await create(name, params, others)).toMatchObject(words);
    for (const name of ["b", "s", "i"]) expect((await create(name, {}, others)).code).toBe(0);
    expect((await create("l", { index_type: "INVERTED" }, others)).code).toBe(0);
    const metrics = (await described(others)).slice(0, 3).map((index) => (index.params as { value: string }[])[1]?.value);
    expect(metrics).toEqual(["HAMMING", "IP", "COSINE"]);
  });

  test("limits are legal, and None is the default", async () => {
    expect((await create("vector", typed("HNSW", { M: "2048", efConstruction: "None" }))).code).toBe(0);
  });

  test("scalar indexes", async () => {
    for (const [field, params] of [
      ["t", { index_type: "INVERTED" }],
      ["n", { index_type: "STL_SORT" }],
      ["id", {}],
      ["j", { index_type: "INVERTED", json_cast_type: "double", json_path: "j['a'][\"b/c\"]" }],
      ["j", { index_type: "INVERTED", json_cast_type: "varchar" }],
    ] as const)
      expect(await create(field, params)).toMatchObject({ code: 0, reason: "" });
    expect((await described()).map((index) => index.indexName)).toEqual(["t", "n", "id", "j/a/b~1c", "j"]);
  });

  test("what says how an index is held does not make it another, but a request that says it asks for another", async () => {
    await create("vector", hnsw({ M: 8, warmup: "sync" }), { indexName: "v" });
    expect((await create("vector", hnsw({ M: 8 }), { indexName: "v" })).code).toBe(0);
    expect(await create("vector", hnsw({ M: 8, warmup: "sync" }), { indexName: "v" })).toMatchObject(
      invalid("CreateIndex failed: at most one distinct index is allowed per field"),
    );
  });

  test("the same again succeeds and writes nothing; other parameters, another name do not", async () => {
    await create("vector", hnsw({ M: 8 }), { indexName: "v" });
    const written = client.engine.records.length;
    expect((await create("vector", hnsw({ M: 8 }), { indexName: "v" })).code).toBe(0);
    expect((await create("vector", hnsw({ M: 8 }))).code).toBe(0);
    expect((await create("vector", typed("HNSW", { M: "8" }), { indexName: "v" })).code).toBe(0);
    expect(client.engine.records.length).toBe(written);
    const distinct = invalid("CreateIndex failed: at most one distinct index is allowed per field");
    expect(await create("vector", hnsw({ M: 9 }), { indexName: "v" })).toMatchObject(distinct);
    expect(await create("t", { index_type: "INVERTED" }, { indexName: "v" })).toMatchObject(distinct);
    expect(await create("vector", hnsw({ M: 8 }), { indexName: "w" })).toMatchObject(
      invalid("CreateIndex failed: creating multiple indexes on same field is not supported"),
    );
  });

  test("a name that is no field is a key of the dynamic field", async () => {
    await client.call("CreateCollection", createRequest("d", { schema: { enableDynamicField: true } }));
    const params = { index_type: "INVERTED", json_cast_type: "double" };
    expect((await create("price", params, { collectionName: "d" })).code).toBe(0);
    expect(await described({ collectionName: "d" })).toMatchObject([{ indexName: "$meta/price", fieldName: "price" }]);
  });
});

describe("describe, states, drop, alter", () => {
  const names = { collectionName: "c" };
  const load = () => client.call("LoadCollection", names);

  test("nothing there: 700", async () => {
    for (const rpc of ["DescribeIndex", "GetIndexState", "GetIndexBuildProgress", "GetIndexStatistics"]) {
      expect(await client.call(rpc, names)).toMatchObject({ code: 700, legacy: 25, reason: "index not found[collection=c]" });
      expect(await client.call(rpc, { ...names, indexName: "i" })).toMatchObject({ code: 700, reason: "index not found[indexName=i]" });
    }
    expect((await client.call("DropIndex", { ...names, indexName: "i" })).code).toBe(0);
  });

  test("several and no name: 702", async () => {
    await create("vector", hnsw());
    await create("t", {});
    for (const rpc of ["GetIndexState", "GetIndexBuildProgress", "DropIndex"])
      expect(await client.call(rpc, names)).toMatchObject({ code: 702, reason: "index duplicates[indexName=]", input: true });
    expect((await client.call("GetIndexState", { ...names, indexName: "t" })).reply.state).toBe(3);
    expect(await described()).toHaveLength(2);
  });

  test("a vector index stays while its collection is loaded, a scalar one may go", async () => {
    await create("vector", hnsw());
    await create("t", {});
    await load();
    const id = client.engine.catalog.collections.first()?.id;
    expect(await client.call("DropIndex", { ...names, indexName: "vector" })).toMatchObject(
      invalid(`vector index cannot be dropped on loaded collection: ${id}`),
    );
    expect((await client.call("DropIndex", { ...names, indexName: "t" })).code).toBe(0);
    await client.call("ReleaseCollection", names);
    expect((await client.call("DropIndex", { ...names, fieldName: "vector" })).code).toBe(0);
  });

  test("alter: keys, names, loads", async () => {
    await create("vector", hnsw());
    const alter = (request: Record<string, unknown>) => client.call("AlterIndex", { ...names, indexName: "vector", ...request });
    const on = { extraParams: pairs({ "mmap.enabled": "true" }) };
    expect(await alter({ ...on, deleteKeys: ["warmup"] })).toMatchObject(invalid("cannot provide both DeleteKeys and ExtraParams"));
    expect(await alter({ extraParams: pairs({ M: "8" }) })).toMatchObject(invalid("M is not a configable index property"));
    expect(await alter({ ...on, indexName: "" })).toMatchObject(invalid("index name is empty"));
    expect(await alter({ ...on, indexName: "x" })).toMatchObject({ code: 700, reason: "index not found[indexName=x]" });
    for (const [key, value, words] of [
      ["mmap.enabled", "maybe", "invalid mmap index params: invalid mmap.enabled value: maybe, expected: true, false"],
      ["indexoffsetcache.enabled", "true", "invalid offset cache index params: only bitmap index support indexoffsetcache.enabled now"],
      [
        "indexoffsetcache.enabled",
        "",
        "invalid offset cache index params: invalid indexoffsetcache.enabled value: , expected: true, false",
      ],
    ] as const)
      expect(await alter({ extraParams: pairs({ [key]: value }) })).toMatchObject(invalidWithin(words));
    expect((await alter(on)).code).toBe(0);
    expect((await described())[0]?.params).toContainEqual({ key: "mmap.enabled", value: "true" });
    await load();
    expect(await alter({ deleteKeys: ["mmap.enabled"] })).toMatchObject({
      code: 104,
      reason: "can't alter index on loaded collection, please release the collection first: collection already loaded[collection=c]",
    });
  });
});

test("REST: create, list, describe, alter, drop", async () => {
  const body = { collectionName: "c" };
  expect(await client.post("indexes/list", body)).toEqual({ data: [] });
  const indexParams = [{ fieldName: "vector", metricType: "IP", indexType: "HNSW", params: { M: 8 } }, { fieldName: "t" }];
  expect(await client.post("indexes/create", { ...body, indexParams })).toEqual({ data: {} });
  expect(await client.post("indexes/list", body)).toEqual({ data: ["vector", "t"] });
  expect((await client.post("indexes/describe", { ...body, indexName: "vector" })).data).toMatchObject([
    { indexName: "vector", fieldName: "vector", indexType: "HNSW", metricType: "IP", indexState: "Finished", failReason: "" },
  ]);
  expect(await client.post("indexes/describe", { ...body, indexName: "x" })).toMatchObject({ code: 700 });
  const properties = { "mmap.enabled": true };
  expect(await client.post("indexes/alter_properties", { ...body, indexName: "vector", properties })).toEqual({ data: {} });
  expect((await client.post("indexes/describe", { ...body, indexName: "vector" })).data).toMatchObject([{ "mmap.enabled": "true" }]);
  expect(await client.post("indexes/drop_properties", { ...body, indexName: "vector", propertyKeys: ["mmap.enabled"] })).toEqual({
    data: {},
  });
  expect(await client.post("indexes/drop", { ...body, indexName: "t" })).toEqual({ data: {} });
  expect(await client.post("indexes/create", { ...body, indexParams: [{}] })).toMatchObject({ code: 1802 });
});

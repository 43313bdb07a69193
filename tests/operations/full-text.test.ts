/** Full-text search as clients meet it: the rules of functions and analyzers, what is told of them, and what is refused, in Milvus's words. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import {
  CollectionSchema,
  DataType,
  type DescribeCollectionResponse,
  type DescribeIndexResponse,
  FieldData,
  FieldSchema,
  FunctionType,
  IDs,
  PlaceholderGroup,
  PlaceholderType,
  SearchResultData,
} from "../../src/shared/proto/generated/messages.js";
import type { Init } from "../../src/shared/proto/wire.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { Driver } from "../support/driver.js";
import { createRequest, idField } from "../support/schemas.js";
import { removeFolder, temporaryFolder } from "../support/server.js";

let folder: string;
let engine: EngineApi;
let driver: Driver;

beforeAll(async () => {
  folder = temporaryFolder();
  engine = await openEngine({ folder });
  driver = new Driver(engine);
});

afterAll(async () => {
  await engine.close();
  removeFolder(folder);
});

const pairs = (params: Readonly<Record<string, string>>) => Object.entries(params).map(([key, value]) => ({ key, value }));

const text = (params: Readonly<Record<string, string>> = {}): Init<FieldSchema> => ({
  name: "text",
  dataType: DataType.VarChar,
  typeParams: pairs({ max_length: "200", enable_analyzer: "true", ...params }),
});
const sparse: Init<FieldSchema> = { name: "sparse", dataType: DataType.SparseFloatVector };

interface FunctionInit {
  readonly name?: string;
  readonly type?: FunctionType;
  readonly inputFieldNames?: readonly string[];
  readonly outputFieldNames?: readonly string[];
  readonly params?: { key: string; value: string }[];
}

const bm25: FunctionInit = { name: "f", type: FunctionType.BM25, inputFieldNames: ["text"], outputFieldNames: ["sparse"] };

const create = (name: string, functions: readonly FunctionInit[], fields: readonly Init<FieldSchema>[] = [idField, text(), sparse]) =>
  driver.call("CreateCollection", createRequest(name, { fields, schema: { functions: functions as never } }));

const index = (collectionName: string, params: Readonly<Record<string, string>>) =>
  driver.call("CreateIndex", { collectionName, fieldName: "sparse", extraParams: pairs(params) });

const BM25_INDEX = { index_type: "SPARSE_INVERTED_INDEX", metric_type: "BM25" };

const schema = CollectionSchema.create({ fields: [idField, text(), sparse].map((field) => FieldSchema.create(field)) });

const insert = (collectionName: string, rows: readonly Record<string, unknown>[], fields = schema) =>
  driver.call("Insert", {
    collectionName,
    fieldsData: rowsToFields(fields, rows).map(({ data }) => data),
    numRows: rows.length,
  });

const withoutSparse = CollectionSchema.create({ ...schema, fields: schema.fields.slice(0, 2) });

const loaded = async (name: string, texts: readonly string[], fields?: readonly Init<FieldSchema>[]): Promise<void> => {
  await create(name, [bm25], fields);
  await index(name, BM25_INDEX);
  await driver.call("LoadCollection", { collectionName: name });
  if (texts.length > 0)
    await insert(
      name,
      texts.map((text, id) => ({ id, text })),
      withoutSparse,
    );
};

const search = async (
  collectionName: string,
  query: object,
  params: Readonly<Record<string, string>> = {},
): Promise<{ ids: bigint[]; results: SearchResultData }> => {
  const reply = await driver.call<{ results: Buffer }>("Search", {
    collectionName,
    nq: 1n,
    searchParams: pairs({ anns_field: "sparse", topk: "10", params: "{}", ...params }),
    ...query,
  });
  const results = SearchResultData.decode(reply.results);
  return { ids: IDs.decode(results.ids).intId?.data ?? [], results };
};

const byText = (query: string, type: PlaceholderType = PlaceholderType.VarChar) => ({
  placeholderGroup: PlaceholderGroup.encode({ placeholders: [{ tag: "$0", type, values: [Buffer.from(query)] }] }),
});

describe("functions of a schema", () => {
  const extra: Init<FieldSchema> = { ...text(), name: "plain", typeParams: pairs({ max_length: "9" }) };
  const dense: Init<FieldSchema> = { name: "dense", dataType: DataType.FloatVector, typeParams: pairs({ dim: "4" }) };
  const cases: readonly [words: string, functions: readonly FunctionInit[], fields?: readonly Init<FieldSchema>[]][] = [
    ["function name cannot be empty", [{ ...bm25, name: "" }]],
    ["function input field names cannot be empty, function: f", [{ ...bm25, inputFieldNames: [] }]],
    ["function output field names cannot be empty, function: f", [{ ...bm25, outputFieldNames: [] }]],
    ["function input field name cannot be empty string, function: f", [{ ...bm25, inputFieldNames: [""] }]],
    ["function output field name cannot be empty string, function: f", [{ ...bm25, outputFieldNames: [""] }]],
    [
      "each function input field should be used exactly once in the same function, function: f, input field: text",
      [{ ...bm25, inputFieldNames: ["text", "text"] }],
    ],
    [
      "a single field cannot be both input and output in the same function, function: f, field: text",
      [{ ...bm25, outputFieldNames: ["text"] }],
    ],
    ["BM25 function accepts no params", [{ ...bm25, params: pairs({ a: "1" }) }]],
    ["check function params with unknown function type", [{ ...bm25, type: FunctionType.Rerank }]],
    ["duplicate function name: f", [bm25, bm25]],
    ["function input field not found: nope", [{ ...bm25, inputFieldNames: ["nope"] }]],
    ["function output field not found: nope", [{ ...bm25, outputFieldNames: ["nope"] }]],
    ["BM25 function input field must be a VARCHAR/TEXT field, got 1 field with type Int64", [{ ...bm25, inputFieldNames: ["id"] }]],
    ["BM25 function input field must set enable_analyzer to true", [{ ...bm25, inputFieldNames: ["plain"] }], [idField, extra, sparse]],
    ["function output field cannot be primary key: function f, field id", [{ ...bm25, outputFieldNames: ["id"] }]],
    ["function output field cannot be nullable: function f, field sparse", [bm25], [idField, text(), { ...sparse, nullable: true }]],
    ["duplicate function output field: function g, field sparse", [bm25, { ...bm25, name: "g" }]],
    [
      "BM25 function output field must be a SparseFloatVector field, but got FloatVector",
      [{ ...bm25, outputFieldNames: ["dense"] }],
      [idField, text(), dense],
    ],
    [
      "minhash function output field 'bits' dim 40 is not multiple of 32 (one minhash signature size)",
      [{ name: "h", type: FunctionType.MinHash, inputFieldNames: ["text"], outputFieldNames: ["bits"] }],
      [idField, text(), { name: "bits", dataType: DataType.BinaryVector, typeParams: pairs({ dim: "40" }) }],
    ],
  ];
  it.each(cases)("%s", async (words, functions, fields) => {
    await expect(create("refused", functions, fields)).rejects.toThrow(words);
    expect(driver.collections()).not.toContain("refused");
  });

  it("are told with their numbers, and mark what they make", async () => {
    await create("told", [bm25]);
    const { schema: described } = await driver.call<DescribeCollectionResponse>("DescribeCollection", { collectionName: "told" });
    expect(described?.functions).toMatchObject([{ name: "f", id: 100n, type: 1, inputFieldIds: [101n], outputFieldIds: [102n] }]);
    expect(described?.fields.map((field) => field.isFunctionOutput)).toEqual([false, false, true]);
    const { data } = await driver.post("collections/describe", { collectionName: "told" });
    expect(data).toMatchObject({
      functions: [{ name: "f", type: 1, inputFieldNames: ["text"], outputFieldNames: ["sparse"] }],
      fields: [{}, {}, { isFunctionOutput: true }],
    });
  });
});

describe("analyzers", () => {
  const cases: readonly [words: string, params: object][] = [
    ["validate analyzer failed for field: text, error: unsupported tokenizer: nope", { tokenizer: "nope" }],
    ["unknown build-in analyzer type: klingon", { type: "klingon" }],
    ["build analyzer failed, filter not found :nope", { tokenizer: "standard", filter: ["nope"] }],
    ["unknown analyzer option key: filters", { tokenizer: "standard", filters: [] }],
    ["stop_words should be array", { tokenizer: "standard", filter: [{ type: "stop", stop_words: "a" }] }],
    ["tokenizer icu in the analyzer of field text is not supported yet", { tokenizer: "icu" }],
  ];
  it.each(cases)("%s", async (words, params) => {
    const fields = [idField, text({ analyzer_params: JSON.stringify(params) }), sparse];
    await expect(create("refused", [bm25], fields)).rejects.toThrow(words);
  });

  it("of texts that nobody reads terms of are not looked at, as in Milvus", async () => {
    await create("unread", [], [idField, text({ analyzer_params: "nonsense" }), sparse]);
    await expect(create("matched", [], [idField, text({ analyzer_params: "nonsense", enable_match: "true" }), sparse])).rejects.toThrow(
      "validate analyzer failed for field: text",
    );
  });

  it("cut and change texts as they say", async () => {
    const analyzer = { tokenizer: "whitespace", filter: ["lowercase", "asciifolding", { type: "stop", stop_words: ["of"] }] };
    await loaded("analyzed", ["Kites of São-Paulo", "kites"], [idField, text({ analyzer_params: JSON.stringify(analyzer) }), sparse]);
    expect((await search("analyzed", byText("SAO-PAULO"))).ids).toEqual([0n]);
    expect((await search("analyzed", byText("sao of"))).ids).toEqual([]);
  });
});

describe("a field that BM25 makes", () => {
  it("is indexed by BM25 only", async () => {
    await create("indexed", [bm25]);
    await expect(index("indexed", { ...BM25_INDEX, metric_type: "IP" })).rejects.toThrow(
      "index metric type of BM25 function output field must be BM25, got IP",
    );
    await index("indexed", { index_type: "SPARSE_INVERTED_INDEX" });
    const { indexDescriptions } = await driver.call<DescribeIndexResponse>("DescribeIndex", { collectionName: "indexed" });
    expect(indexDescriptions[0]?.params).toContainEqual({ key: "metric_type", value: "BM25" });
  });

  it("is neither given nor given out", async () => {
    await loaded("hidden", ["kite"]);
    await expect(insert("hidden", [{ id: 1, text: "kite", sparse: { 1: 1 } }])).rejects.toThrow("more fieldData has pass in");
    const query = (outputFields: readonly string[]) =>
      driver.call<{ fieldsData: Buffer[] }>("Query", { collectionName: "hidden", expr: "id >= 0", outputFields });
    await expect(query(["sparse"])).rejects.toThrow("not allowed to retrieve raw data of field sparse");
    const { fieldsData } = await query(["*"]);
    expect(fieldsData.map((data) => FieldData.decode(data).fieldName)).toEqual(["id", "text"]);
    const { results } = await search("hidden", { ...byText("kite"), outputFields: ["*"] });
    expect(results.outputFields).toEqual(["id", "text"]);
  });

  it("is searched for texts, or those of rows", async () => {
    const nullable = { ...text(), nullable: true };
    await loaded("searched", ["kite wind", "wind", "kite kite"], [idField, nullable, sparse]);
    expect((await search("searched", byText("Kite"))).ids).toEqual([2n, 0n]);
    const floats = byText("12345678", PlaceholderType.SparseFloatVector);
    await expect(search("searched", floats)).rejects.toThrow(
      "please provide varchar/text for BM25 Function based search, got SparseFloatVector",
    );
    await expect(search("searched", byText("\u0000"), { metric_type: "IP" })).rejects.toThrow("metric type not match");
    const nulls = CollectionSchema.create({ fields: [FieldSchema.create(idField), FieldSchema.create(nullable)] });
    await insert("searched", [{ id: 7, text: null }], nulls);
    const byKeys = await search("searched", { nq: 0n, ids: { intId: { data: [1n, 7n, 2n] } } });
    expect(byKeys.results.topks).toEqual([2n, 0n, 2n]);
    expect(byKeys.ids).toEqual([1n, 0n, 2n, 0n]);
  });

  it("is made and searched through REST", async () => {
    const collectionName = "rest";
    await driver.post("collections/create", {
      collectionName,
      schema: {
        fields: [
          { fieldName: "id", dataType: "Int64", isPrimary: true },
          {
            fieldName: "text",
            dataType: "VarChar",
            elementTypeParams: { max_length: 99, enable_analyzer: true, analyzer_params: { type: "english" } },
          },
          { fieldName: "sparse", dataType: "SparseFloatVector" },
        ],
        functions: [{ name: "f", type: "BM25", inputFieldNames: ["text"], outputFieldNames: ["sparse"], params: {} }],
      },
      indexParams: [{ fieldName: "sparse", indexName: "sparse", metricType: "BM25", params: { index_type: "AUTOINDEX" } }],
    });
    const data = ["the soaring kites", "winds"].map((text, id) => ({ id, text }));
    expect(await driver.post("entities/insert", { collectionName, data })).toMatchObject({ data: { insertCount: 2 } });
    const found = await driver.post("entities/search", {
      collectionName,
      data: ["kite soars", "the"],
      annsField: "sparse",
      outputFields: ["text"],
    });
    expect(found).toMatchObject({ data: [{ id: 0, text: "the soaring kites" }], topks: [1, 0] });
    await expect(driver.post("entities/search", { collectionName, data: [[1]], annsField: "sparse" })).rejects.toThrow("string");
  });
});

/**
 * What the schema of a collection may not be and may not become: one table of calls, codes and words, over the real port. Each refusal leaves the
 * collection as it was. Rules of a new collection's fields one by one are in tests/operations/collection.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GrpcTransport } from "../../src/client/grpc-transport.js";
import { MILVUS_SERVICE, type Transport } from "../../src/client/transport.js";
import { realEnv } from "../../src/shared/env.js";
import { MilvusError } from "../../src/shared/errors.js";
import {
  CollectionSchema,
  DataType,
  type DescribeCollectionResponse,
  FieldSchema,
  FunctionType,
  type Method,
  services,
} from "../../src/shared/proto/generated/messages.js";
import type { Init } from "../../src/shared/proto/wire.js";
import { removeFolder, startServer, type TestServer } from "../support/server.js";

type Rpc = keyof (typeof services)["milvus.proto.milvus.MilvusService"];
const milvus = services[MILVUS_SERVICE];

const pairs = (of: Readonly<Record<string, string>>) => Object.entries(of).map(([key, value]) => ({ key, value }));
const id = { name: "id", dataType: DataType.Int64, isPrimaryKey: true };
const vector = { name: "vector", dataType: DataType.FloatVector, typeParams: pairs({ dim: "4" }) };
const schema = (name: string, more: Init<CollectionSchema> = {}) => ({
  collectionName: name,
  schema: CollectionSchema.encode({ name, fields: [id, vector], ...more }),
});

const text = { name: "text", dataType: DataType.VarChar, typeParams: pairs({ max_length: "99", enable_analyzer: "true" }) };
const terms = { name: "terms", dataType: DataType.SparseFloatVector };
const bits = { name: "bits", dataType: DataType.BinaryVector, typeParams: pairs({ dim: "64" }) };
const bm25 = { name: "bm25", type: FunctionType.BM25, inputFieldNames: ["text"], outputFieldNames: ["terms"] };
const hashes = { name: "hashes", type: FunctionType.MinHash, inputFieldNames: ["text"], outputFieldNames: ["bits"] };
const embed = { name: "embed", type: FunctionType.TextEmbedding, inputFieldNames: ["text"], outputFieldNames: ["vector"] };

const label = {
  name: "label",
  dataType: DataType.Array,
  elementType: DataType.VarChar,
  typeParams: pairs({ max_length: "9", max_capacity: "4" }),
};
const shot = {
  name: "shot",
  dataType: DataType.ArrayOfVector,
  elementType: DataType.FloatVector,
  typeParams: pairs({ dim: "4", max_capacity: "4" }),
};
const clips = { name: "clips", nullable: true, fields: [label, shot] };

/** The collection that the changes below are asked of. */
const full = schema("c", {
  enableDynamicField: true,
  fields: [
    id,
    vector,
    text,
    { ...terms, isFunctionOutput: true },
    bits,
    { name: "part", dataType: DataType.Int64, isPartitionKey: true },
    { name: "cluster", dataType: DataType.Int64, isClusteringKey: true },
    { name: "until", dataType: DataType.Timestamptz, nullable: true },
    { name: "plain", dataType: DataType.Int64, nullable: true },
    { name: "tags", dataType: DataType.Array, elementType: DataType.Int64, typeParams: pairs({ max_capacity: "4" }) },
  ],
  functions: [bm25, hashes],
  structArrayFields: [clips],
});

const newField = (more: object = {}) => ({
  collectionName: "c",
  schema: FieldSchema.encode({ name: "new", dataType: DataType.Int64, nullable: true, ...more }),
});
const drop = (what: object) => ({ collectionName: "c", action: { dropRequest: what } });
const add = (what: object) => ({ collectionName: "c", action: { addRequest: what } });
const alter = (properties: Readonly<Record<string, string>>, deleteKeys: string[] = []) => ({
  collectionName: "c",
  properties: pairs(properties),
  deleteKeys,
});
const alterOf = (fieldName: string, properties: Readonly<Record<string, string>>, deleteKeys: string[] = []) => ({
  ...alter(properties, deleteKeys),
  fieldName,
});
const struct = (more: object) => schema("new", { structArrayFields: [{ ...clips, ...more }] });
const added = (more: object) => ({ collectionName: "c", structArrayFieldSchema: { ...clips, name: "more", ...more } });
const withFunction = (fn: object, fields: object[] = [text, terms, bits]) =>
  schema("new", { fields: [id, vector, ...fields], functions: [fn as never] });

const INVALID = ": invalid parameter";
const notThere = "can't find collection[database=default][collection=nobody]";

/** Code 1100 where none is given. */
const refusals: readonly [rpc: Rpc, request: object, words: string, code?: number][] = [
  // Structs of a new collection.
  ["CreateCollection", struct({ fields: [] }), `struct array field clips has no sub-fields${INVALID}`],
  [
    "CreateCollection",
    struct({ fields: [{ ...label, dataType: DataType.Int64 }] }),
    `fields in StructArrayField must be Array or ArrayOfVector, field name = label, field type = Int64${INVALID}`,
  ],
  ["CreateCollection", struct({ fields: [{ ...label, elementType: DataType.Array }] }), `nested array is not supported label${INVALID}`],
  ["CreateCollection", struct({ fields: [{ ...label, elementType: DataType.JSON }] }), `element type JSON is not supported${INVALID}`],
  [
    "CreateCollection",
    struct({ fields: [{ ...shot, elementType: DataType.SparseFloatVector }] }),
    `Unsupported element type SparseFloatVector of ArrayOfVector field shot, only fixed dimension vector types are supported${INVALID}`,
  ],
  [
    "CreateCollection",
    struct({ fields: [{ ...shot, typeParams: pairs({ dim: "1", max_capacity: "4" }) }] }),
    `invalid dimension: 1. should be in range 2 ~ 32768${INVALID}`,
  ],
  [
    "CreateCollection",
    struct({ fields: [{ ...label, typeParams: pairs({ max_capacity: "4" }) }] }),
    "type param(max_length) should be specified for the field(label) of collection new: missing parameter",
    1101,
  ],
  [
    "CreateCollection",
    struct({ fields: [{ ...shot, typeParams: pairs({ dim: "4" }) }] }),
    "type param(max_capacity) should be specified for array field shot of collection new: missing parameter",
    1101,
  ],
  [
    "CreateCollection",
    struct({ fields: [{ ...shot, typeParams: pairs({ dim: "4", max_capacity: "4097" }) }] }),
    `the maximum capacity specified for a Array should be in (0, 4096]${INVALID}`,
  ],
  [
    "CreateCollection",
    struct({ fields: [label, { ...shot, typeParams: pairs({ dim: "4", max_capacity: "5" }) }] }),
    `all sub-fields in struct array field must have the same max_capacity: structName=clips, subFieldName=shot, max_capacity=5, expected=4${INVALID}`,
  ],
  [
    "CreateCollection",
    struct({ nullable: false, fields: [{ ...label, nullable: true }] }),
    `sub-field in non-nullable struct cannot be nullable individually, set nullable on the struct instead: structName=clips, subFieldName=label${INVALID}`,
  ],
  ["CreateCollection", struct({ name: "vector" }), `duplicated field name vector found${INVALID}`],
  ["CreateCollection", struct({ fields: [label, label] }), `duplicated field name clips[label] found${INVALID}`],
  [
    "CreateCollection",
    struct({ fields: [{ ...label, isPrimaryKey: true }] }),
    `primary key is not supported for struct field, field name = label${INVALID}`,
  ],
  [
    "CreateCollection",
    struct({ fields: [{ ...label, autoID: true }] }),
    `autoID is not supported for struct field, field name = label${INVALID}`,
  ],
  [
    "CreateCollection",
    struct({ fields: [{ ...label, isPartitionKey: true }] }),
    "partition key is not supported for struct field, field name = label: illegal collection schema[collection=new]",
    105,
  ],
  [
    "CreateCollection",
    struct({ fields: [{ ...label, isClusteringKey: true }] }),
    "clustering key is not supported for struct field, field name = label: illegal collection schema[collection=new]",
    105,
  ],
  [
    "CreateCollection",
    struct({ fields: [{ ...label, defaultValue: { stringData: "x" } }] }),
    `fields in struct array field not support default_value, data type:Array, element type:VarChar, name:label${INVALID}`,
  ],
  [
    "CreateCollection",
    struct({ name: "1st" }),
    "Invalid field name: 1st. The first character of a field name must be an underscore or letter.: field name invalid[field=1st]",
    1701,
  ],
  [
    "CreateCollection",
    schema("new", { fields: [id, vector, { name: "t", dataType: DataType.Text, typeParams: pairs({ max_length: "2097153" }) }] }),
    `the maximum length specified for the field(t) should be in (0, 2097152], but got 2097153 instead${INVALID}`,
  ],
  // Functions of a new collection.
  [
    "CreateCollection",
    withFunction({ ...hashes, params: pairs({ num_hashes: "3" }) }),
    `minhash function output field 'bits' dim 64 does not match expected dim 96 (numHashes 3 * one minhash signature size of 32bit)${INVALID}`,
  ],
  ["CreateCollection", withFunction({ ...hashes, params: pairs({ num_hashes: "0" }) }), `param num_hashes:0 must be positive${INVALID}`],
  ["CreateCollection", withFunction({ ...hashes, params: pairs({ shingle_size: "x" }) }), `param shingle_size:x is not a number${INVALID}`],
  [
    "CreateCollection",
    withFunction({ ...hashes, params: pairs({ hash_function: "md5" }) }),
    `unknown hash function: md5 (expected 'xxhash64' or 'sha1')${INVALID}`,
  ],
  [
    "CreateCollection",
    withFunction({ ...hashes, params: pairs({ token_level: "line" }) }),
    `unknown token_level: line (expected 'char' or 'word')${INVALID}`,
  ],
  [
    "CreateCollection",
    withFunction({ ...hashes, outputFieldNames: ["vector"] }),
    `MinHash function output field must be a BinaryVector field, but got FloatVector${INVALID}`,
  ],
  ["CreateCollection", withFunction(embed), `TextEmbedding function accepts no params${INVALID}`],
  [
    "CreateCollection",
    withFunction({ ...embed, params: pairs({ dim: "4" }) }),
    `the text embedding service provider parameter:[provider] was not found${INVALID}`,
  ],
  [
    "CreateCollection",
    withFunction({ ...embed, params: pairs({ provider: "nobody" }) }),
    `unsupported text embedding service provider: [nobody] , list of supported [openai, azure_openai, dashscope, bedrock, vertexai, voyageai, cohere, siliconflow, tei, yc, zilliz, gemini, huggingface]${INVALID}`,
  ],
  [
    "CreateCollection",
    withFunction({ ...embed, outputFieldNames: ["bits"], params: pairs({ provider: "tei" }) }),
    `TextEmbedding function output field must be a FloatVector or Int8Vector field${INVALID}`,
  ],
  [
    "CreateCollection",
    withFunction({ ...embed, params: pairs({ provider: "tei" }) }, [{ ...text, nullable: true }]),
    `function input field cannot be nullable: function embed, field text${INVALID}`,
  ],
  ["CreateCollection", withFunction({ ...embed, type: FunctionType.Rerank }), `check function params with unknown function type${INVALID}`],
  // Fields that are to go.
  ["AlterCollectionSchema", { collectionName: "nobody", action: { dropRequest: { fieldName: "x" } } }, notThere, 100],
  ["AlterCollectionSchema", { collectionName: "c" }, `action is nil in alter schema task${INVALID}`],
  ["AlterCollectionSchema", { collectionName: "c", action: {} }, `unknown action type in alter collection schema request${INVALID}`],
  ["AlterCollectionSchema", drop({}), "drop request must specify field_name, field_id, or function_name: missing parameter", 1101],
  ["AlterCollectionSchema", drop({ fieldName: "" }), `field name is empty${INVALID}`],
  ["AlterCollectionSchema", drop({ fieldName: "nope" }), `field not found: nope${INVALID}`],
  ["AlterCollectionSchema", drop({ fieldId: 999n }), `field not found with id: 999${INVALID}`],
  ["AlterCollectionSchema", drop({ fieldName: "id" }), `cannot drop primary key field: id${INVALID}`],
  ["AlterCollectionSchema", drop({ fieldName: "part" }), `cannot drop partition key field: part${INVALID}`],
  ["AlterCollectionSchema", drop({ fieldName: "cluster" }), `cannot drop clustering key field: cluster${INVALID}`],
  ["AlterCollectionSchema", drop({ fieldName: "$meta" }), `field not found: $meta${INVALID}`],
  ["AlterCollectionSchema", drop({ fieldName: "text" }), `field is referenced by function bm25 as input, drop function first${INVALID}`],
  ["AlterCollectionSchema", drop({ fieldName: "terms" }), `field is referenced by function bm25 as output, drop function first${INVALID}`],
  ["AlterCollectionSchema", drop({ fieldName: "clips[label]" }), `field not found: clips[label]${INVALID}`],
  ["AlterCollectionSchema", drop({ fieldId: 111n }), `cannot drop sub-field of struct array field: clips.label${INVALID}`],
  ["AlterCollectionSchema", drop({ functionName: "" }), `function name is empty${INVALID}`],
  ["AlterCollectionSchema", drop({ functionName: "nope" }), `function not found: nope${INVALID}`],
  [
    "AlterCollectionSchema",
    drop({ functionName: "bm25" }),
    `BM25 function must be dropped with its output field in drop_function_field interface: bm25${INVALID}`,
  ],
  [
    "DropCollectionFunction",
    { collectionName: "c", functionName: "bm25" },
    `BM25 function must be dropped with its output field in drop_function_field interface: bm25${INVALID}`,
  ],
  [
    "AlterCollectionSchema",
    { ...drop({ fieldName: "vector" }), collectionName: "small" },
    `cannot drop the last vector field: vector${INVALID}`,
  ],
  [
    "AlterCollectionSchema",
    { ...drop({ fieldName: "clips" }), collectionName: "lists" },
    `cannot drop struct array field clips: it would leave no vector field in the collection${INVALID}`,
  ],
  [
    "AlterCollectionSchema",
    { ...drop({ functionName: "bm25", dropFunctionOutputFields: true }), collectionName: "words" },
    `cannot drop function bm25: it would leave no vector field in the collection${INVALID}`,
  ],
  [
    "AlterCollectionSchema",
    { ...drop({ fieldName: "until" }), collectionName: "ttl" },
    `cannot drop field until because it is referenced by collection property ttl_field, drop the property first${INVALID}`,
  ],
  // Fields and functions that are to come.
  ["AddCollectionField", { ...newField(), collectionName: "nobody" }, notThere, 100],
  ["AddCollectionField", newField({ name: "clips" }), `duplicated field name clips${INVALID}`],
  ["AddCollectionField", newField({ isClusteringKey: true }), `already has another clustering key field, field name: new${INVALID}`],
  [
    "AddCollectionField",
    newField({ dataType: DataType.ArrayOfVector, typeParams: pairs({ dim: "4" }) }),
    `array of vector can only be in the struct array field, field name: new${INVALID}`,
  ],
  ["AlterCollectionSchema", add({}), `fieldInfos and function schema are both empty${INVALID}`],
  ["AlterCollectionSchema", add({ fieldInfos: [{}] }), `fieldSchema is nil in fieldInfos${INVALID}`],
  ["AlterCollectionSchema", add({ fieldInfos: [{}, {}] }), `For now, only one field info is supported${INVALID}`],
  ["AlterCollectionSchema", add({ funcSchema: [bm25, bm25] }), `For now, at most one function schema is supported${INVALID}`],
  [
    "AlterCollectionSchema",
    add({ fieldInfos: [{ fieldSchema: { name: "new", dataType: DataType.Int64 } }] }),
    `added field must be nullable, please check it, field name = new${INVALID}`,
  ],
  [
    "AlterCollectionSchema",
    add({ funcSchema: [{ ...bm25, name: "other" }] }),
    `BM25 function must be added with its output field in add_function_field interface${INVALID}`,
  ],
  [
    "AlterCollectionSchema",
    add({
      fieldInfos: [{ fieldSchema: { ...terms, name: "more" } }],
      funcSchema: [{ ...bm25, name: "other", outputFieldNames: ["more"] }],
    }),
    `index params are required when adding function output field "more" of vector type SparseFloatVector: provide index_type/metric_type (and params) in field_info.extra_params${INVALID}`,
  ],
  [
    "AlterCollectionSchema",
    add({
      fieldInfos: [{ fieldSchema: { ...terms, name: "more" }, extraParams: pairs({ metric_type: "BM25" }) }],
      funcSchema: [{ ...bm25, name: "other", outputFieldNames: ["more"] }],
    }),
    `an explicit index_type is required for the bound index of function output field "more"${INVALID}`,
  ],
  [
    "AlterCollectionSchema",
    add({ fieldInfos: [{ fieldSchema: { ...terms, name: "more" } }], funcSchema: [{ ...bm25, name: "other" }] }),
    `function output field "terms" must be the newly-added field "more"${INVALID}`,
  ],
  ["AddCollectionFunction", { collectionName: "c" }, `function schema is empty${INVALID}`],
  ["AddCollectionFunction", { collectionName: "c", functionSchema: bm25 }, `currently does not support adding BM25 function${INVALID}`],
  ["AddCollectionFunction", { collectionName: "c", functionSchema: hashes }, `duplicate function name: hashes${INVALID}`],
  [
    "AddCollectionFunction",
    { collectionName: "c", functionSchema: { ...hashes, name: "other" } },
    `duplicate function output field: function other, field bits${INVALID}`,
  ],
  [
    "AddCollectionFunction",
    { collectionName: "nobody", functionSchema: hashes },
    "collection not found[database=default][collection=nobody]",
    100,
  ],
  [
    "AlterCollectionFunction",
    { collectionName: "c", functionName: "bm25", functionSchema: bm25 },
    `currently does not support alter BM25 function${INVALID}`,
  ],
  [
    "AlterCollectionFunction",
    { collectionName: "c", functionName: "other", functionSchema: hashes },
    `invalid function config, name not match${INVALID}`,
  ],
  [
    "AlterCollectionFunction",
    { collectionName: "c", functionName: "other", functionSchema: { ...hashes, name: "other" } },
    `function other not found${INVALID}`,
  ],
  ["AddCollectionStructField", { collectionName: "c" }, `struct array field schema is nil${INVALID}`],
  [
    "AddCollectionStructField",
    added({ nullable: false }),
    `added struct field must be nullable, please check it, struct field name = more${INVALID}`,
  ],
  ["AddCollectionStructField", added({ name: "RowID" }), `not support to add system field, field name = RowID${INVALID}`],
  ["AddCollectionStructField", added({ name: "clips" }), `duplicated field name clips${INVALID}`],
  ["AddCollectionStructField", added({ fields: [label, label] }), `duplicated field name label${INVALID}`],
  [
    "AddCollectionStructField",
    added({ fields: [{ ...label, isPartitionKey: true }] }),
    `partition key is not supported for struct field, field name = label${INVALID}`,
  ],
  [
    "AddCollectionStructField",
    added({ fields: [{ ...label, defaultValue: { stringData: "x" } }] }),
    `default value is not supported for struct field, field name = label${INVALID}`,
  ],
  // Properties.
  ["AlterCollection", alter({}), `no properties or delete keys provided${INVALID}`],
  ["AlterCollection", alter({ a: "1" }, ["b"]), `cannot provide both DeleteKeys and ExtraParams${INVALID}`],
  ["AlterCollection", alter({ "cipher.key": "1" }), `can not alter cipher related properties${INVALID}`],
  ["AlterCollection", alter({ "collection.ttl.seconds": "x" }), `collection TTL is not a valid positive integer${INVALID}`],
  [
    "AlterCollection",
    alter({ "collection.ttl.seconds": "-2" }),
    `collection TTL is out of range, expect [-1, 3155760000], got -2${INVALID}`,
  ],
  ["AlterCollection", alter({ ttl_field: "plain" }), `ttl field must be timestamptz, field name = plain${INVALID}`],
  ["AlterCollection", alter({ ttl_field: "nope" }), `ttl field name nope not found in schema${INVALID}`],
  [
    "AlterCollection",
    { ...alter({ "collection.ttl.seconds": "9" }), collectionName: "ttl" },
    `ttl field is already exists, cannot be set collection TTL${INVALID}`,
  ],
  [
    "AlterCollection",
    alter({ allow_insert_auto_id: "true" }),
    `the value for allow_insert_auto_id must be false when autoID is false${INVALID}`,
  ],
  ["AlterCollection", alter({ timezone: "Mars" }), `unknown or invalid IANA Time Zone ID: Mars${INVALID}`],
  [
    "AlterCollection",
    alter({ "collection.description": "d".repeat(1025) }),
    `the length of a collection description must not exceed 1024 bytes${INVALID}`,
  ],
  [
    "AlterCollection",
    alter({ "namespace.sharding.enabled": "true" }),
    `cannot alter namespace.sharding.enabled after collection creation${INVALID}`,
  ],
  ["AlterCollection", alter({ "dynamicfield.enabled": "maybe" }), `invalid dynamic schema property value: maybe${INVALID}`],
  [
    "AlterCollection",
    alter({ "dynamicfield.enabled": "false", a: "1" }),
    `cannot alter dynamic schema with other properties at the same time${INVALID}`,
  ],
  [
    "AlterCollection",
    alter({}, ["dynamicfield.enabled"]),
    `cannot delete key dynamicfield.enabled, dynamic field schema could support set to true/false${INVALID}`,
  ],
  ["AlterCollection", { ...alter({ a: "1" }), collectionName: "nobody" }, "collection not found[database=default][collection=nobody]", 100],
  ["AlterCollectionField", alterOf("plain", { dim: "8" }), `dim does not allow update in collection field param${INVALID}`],
  ["AlterCollectionField", alterOf("plain", {}, ["max_length"]), `max_length is not allowed to drop in collection field param${INVALID}`],
  ["AlterCollectionField", alterOf("text", { max_length: "x" }), `max_length should be an integer, but got string${INVALID}`],
  ["AlterCollectionField", alterOf("text", { max_length: "65536" }), `65536 exceeds the maximum allowed value 65535${INVALID}`],
  [
    "AlterCollectionField",
    alterOf("tags", { max_capacity: "4097" }),
    `the maximum capacity specified for a Array should be in (0, 4096]${INVALID}`,
  ],
  ["AlterCollectionField", alterOf("nope", { "mmap.enabled": "true" }), `field nope does not exist in collection${INVALID}`],
  // Names, and the rest.
  ["RenameCollection", { oldName: "c", newName: "" }, "collection name should not be empty"],
  ["RenameCollection", { oldName: "", newName: "d" }, `old collection name should not be empty${INVALID}`],
  ["RenameCollection", { oldName: "c", newName: "c" }, `collection name or database name should be different${INVALID}`],
  [
    "RenameCollection",
    { oldName: "c", newName: "small" },
    `duplicated new collection name default:small with other collection name or alias${INVALID}`,
  ],
  ["RenameCollection", { oldName: "c", newName: "d", newDBName: "nowhere" }, "database not found[database=nowhere]", 800],
  ["RenameCollection", { oldName: "nobody", newName: "d" }, "collection not found[database=default][collection=nobody]", 100],
  ["TruncateCollection", { collectionName: "nobody" }, "collection not found[database=default][collection=nobody]", 100],
  ["DescribeCollection", { collectionName: "nobody" }, notThere, 100],
  ["BatchDescribeCollection", { collectionName: [] }, "collection names cannot be empty: missing parameter", 1101],
  [
    "Insert",
    { collectionName: "c", numRows: 1, fieldsData: [] },
    "writing rows of which MinHash function hashes makes a field is not supported yet: unsupported operation",
    3000,
  ],
];

let server: TestServer;
let transport: Transport;

const call = (rpc: Rpc, request: object): Promise<object> =>
  transport.call(milvus[rpc] as unknown as Method<object, object>, request, { service: MILVUS_SERVICE, databaseName: "" });

const failureOf = async (rpc: Rpc, request: object): Promise<MilvusError> => {
  const outcome = await call(rpc, request).catch((error: unknown) => error);
  if (outcome instanceof MilvusError) return outcome;
  throw new Error(`${rpc} did not fail`);
};

const described = async (): Promise<unknown> => {
  const names = ["c", "small", "lists", "words", "ttl"];
  const replies = (await Promise.all(
    names.map((collectionName) => call("DescribeCollection", { collectionName })),
  )) as DescribeCollectionResponse[];
  return replies.map((reply) => ({ schema: reply.schema, properties: reply.properties, at: reply.updateTimestamp }));
};

beforeAll(async () => {
  server = await startServer();
  transport = new GrpcTransport({ kind: "remote", origin: server.uri, credentials: "" }, realEnv);
  await call("CreateCollection", full);
  await call("CreateCollection", schema("small"));
  await call("CreateCollection", schema("lists", { fields: [id], structArrayFields: [clips] }));
  await call("CreateCollection", schema("words", { fields: [id, text, terms], functions: [bm25] }));
  await call("CreateCollection", {
    ...schema("ttl", { fields: [id, vector, { name: "until", dataType: DataType.Timestamptz, nullable: true }] }),
    properties: pairs({ ttl_field: "until" }),
  });
});
afterAll(async () => {
  await transport.close();
  expect(await server.stop()).toBe(0);
  removeFolder(server.folder);
});

describe("refusals", () => {
  test.each(refusals.map(([rpc, request, words, code]) => [`${rpc}: ${words}`, rpc, request, words, code ?? 1100] as const))(
    "%s",
    async (_name, rpc, request, words, code) => {
      const before = await described();
      const failure = await failureOf(rpc, request);
      expect({ code: failure.code, words: failure.message }).toEqual({ code, words: expect.stringContaining(words) });
      expect(await described()).toEqual(before);
    },
  );
});

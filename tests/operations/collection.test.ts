import { beforeEach, describe, expect, test } from "vitest";
import { DataType, ValueField } from "../../src/shared/proto/generated/messages.js";
import { MemoryClient } from "../support/memory-engine.js";
import { createRequest, idField, vectorField } from "../support/schemas.js";

let client: MemoryClient;
beforeEach(() => {
  client = new MemoryClient();
});

const invalid = (words: string) => ({ code: 1100, reason: `${words}: invalid parameter`, legacy: 5, input: true });
const missing = (words: string) => ({ code: 1101, reason: `${words}: missing parameter`, legacy: 5, input: true });
const badField = (name: string, words: string) => ({ code: 1701, reason: `${words}: field name invalid[field=${name}]` });
const field = (name: string, dataType: DataType, more: Record<string, unknown> = {}) => ({ name, dataType, ...more });
const vector = (dim: string) => ({ ...vectorField, typeParams: [{ key: "dim", value: dim }] });
const text = (length?: string) =>
  field("t", DataType.VarChar, { typeParams: length === undefined ? [] : [{ key: "max_length", value: length }] });
const property = (key: string, value: string) => ({ properties: [{ key, value }] });
const many = (count: number, make: (index: number) => object) => Array.from({ length: count }, (_, index) => make(index));
const withField = (...more: object[]) => ({ fields: [idField, vectorField, ...more] });
const withDefault = (dataType: DataType, value: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  withField(field("d", dataType, { defaultValue: ValueField.create(value), ...more }));

const cases: readonly [string, Record<string, unknown>, Record<string, unknown>][] = [
  ["too many shards", { shardsNum: 17 }, invalid("maximum shards's number should be limited to 16")],
  [
    "too many fields",
    { fields: [idField, vectorField, ...many(63, (index) => field(`f${index}`, DataType.Int8))] },
    invalid("maximum field's number should be limited to 64"),
  ],
  [
    "too many vectors",
    { fields: [idField, ...many(11, (index) => ({ ...vectorField, name: `v${index}` }))] },
    invalid("maximum vector field's number should be limited to 10"),
  ],
  ["no vector", { fields: [idField] }, invalid("schema does not contain vector field")],
  ["shards before fields", { shardsNum: 99, fields: [] }, invalid("maximum shards's number should be limited to 16")],
  [
    "a bad name, after the counts",
    { schema: { name: "12 s" } },
    invalid("Invalid collection name: 12 s. the first character of a collection name must be an underscore or letter"),
  ],
  [
    "a long description",
    { schema: { description: "d".repeat(1025) } },
    invalid("the length of a collection description must not exceed 1024 bytes"),
  ],
  [
    "a reserved field",
    withField(field("RowID", DataType.Int8)),
    badField("RowID", 'field name "RowID" is reserved for internal use and cannot be used in user schemas'),
  ],
  [
    "two primary keys",
    { fields: [idField, { ...idField, name: "id2" }, vectorField] },
    invalid("there are more than one primary key, field name = id, id2"),
  ],
  [
    "a float primary key",
    { fields: [{ ...idField, dataType: DataType.Float }, vectorField] },
    invalid("the data type of primary key should be Int64 or VarChar"),
  ],
  ["no primary key", { fields: [vectorField] }, missing("primary key is not specified")],
  [
    "a dynamic field of the client's",
    withField(field("d", DataType.JSON, { isDynamic: true })),
    invalid("cannot explicitly set a field as a dynamic field"),
  ],
  [
    "auto id elsewhere",
    withField(field("n", DataType.Int64, { autoID: true })),
    invalid("only primary field can speficy AutoID with true, field name = n"),
  ],
  [
    "a String field",
    withField(field("s", DataType.String)),
    invalid("string data type not supported yet, please use VarChar type instead"),
  ],
  ["a field without type", withField(field("s", DataType.None)), invalid("data type None is not valid")],
  ["an array of nothing", withField(field("s", DataType.Array)), invalid("element data type None is not valid")],
  [
    "an array of JSON",
    withField(field("s", DataType.Array, { elementType: DataType.JSON })),
    invalid("element type JSON is not supported"),
  ],
  ["partitions without a key", { numPartitions: 8n }, invalid("num_partitions should only be specified with partition key field enabled")],
  [
    "a nullable partition key",
    withField(field("k", DataType.Int64, { isPartitionKey: true, nullable: true })),
    invalid("partition key field not support nullable"),
  ],
  [
    "isolation without a key",
    property("partitionkey.isolation", "true"),
    {
      code: 105,
      reason:
        "partition key isolation mode is enabled but no partition key field is set. Please set the partition key first: illegal collection schema[collection=c]",
    },
  ],
  ["a query mode", property("query_mode", "fast"), invalid('invalid query_mode value "fast", valid values: [large_topk]')],
  ["a key in another case", property("Query_Mode", "large_topk"), invalid('invalid property key "Query_Mode", did you mean "query_mode"?')],
  ["a time zone", property("timezone", "Mars/Base"), invalid("unknown or invalid IANA Time Zone ID: Mars/Base")],
  [
    "a TTL that is no number",
    property("collection.ttl.seconds", "soon"),
    invalid('collection ttl property value not valid, parse error: strconv.ParseInt: parsing "soon": invalid syntax'),
  ],
  [
    "a TTL out of range",
    property("collection.ttl.seconds", "-2"),
    invalid("collection TTL is out of range, expect [-1, 3155760000], got -2"),
  ],
  ["a TTL field", property("ttl_field", "when"), invalid("ttl field name when not found in schema")],
  [
    "a warmup policy",
    property("warmup.vectorField", "hot"),
    invalid("invalid warmup value for key warmup.vectorField: invalid warmup policy: hot, must be 'disable', 'sync' or 'async'"),
  ],
  [
    "two clustering keys",
    withField(field("x", DataType.Int8, { isClusteringKey: true }), field("y", DataType.Int8, { isClusteringKey: true })),
    { code: 105, reason: "there are more than one clustering key, field name = x, y: illegal collection schema[collection=c]" },
  ],
  [
    "a JSON clustering key",
    withField(field("x", DataType.JSON, { isClusteringKey: true })),
    { code: 105, reason: "clustering key field x has unsupported data type JSON: illegal collection schema[collection=c]" },
  ],
  [
    "a field name",
    withField(field("$meta", DataType.Int8)),
    badField("$meta", "Invalid field name: $meta. The first character of a field name must be an underscore or letter."),
  ],
  ["a keyword", withField(field("True", DataType.Int8)), badField("True", "Invalid field name: True. True is keyword in milvus.")],
  ["an empty field name", withField(field("", DataType.Int8)), badField("", "field name should not be empty")],
  [
    "no dimension",
    { fields: [idField, { ...vectorField, typeParams: [] }] },
    invalid("dimension is not defined in field type params of field vector, check type param `dim` for vector field"),
  ],
  ["dimension 1", { fields: [idField, vector("1")] }, invalid("invalid dimension: 1. should be in range 2 ~ 32768")],
  [
    "dimension 32769",
    { fields: [idField, vector("32769")] },
    invalid("invalid dimension: 32769 of field vector. float vector dimension should be in range 2 ~ 32768"),
  ],
  [
    "a dimension that is no number",
    { fields: [idField, vector("8.0")] },
    { code: 65535, reason: 'strconv.ParseInt: parsing "8.0": invalid syntax' },
  ],
  [
    "an unknown warm-up policy of a field",
    withField(field("w", DataType.Int8, { typeParams: [{ key: "warmup", value: "Sync" }] })),
    invalid("invalid warmup policy for field w: invalid warmup policy: Sync, must be 'disable', 'sync' or 'async'"),
  ],
  ["a text without length", withField(text()), missing("type param(max_length) should be specified for the field(t) of collection c")],
  [
    "a text too long",
    withField(text("65536")),
    invalid("the maximum length specified for the field(t) should be in (0, 65535], but got 65536 instead"),
  ],
  ["a name twice", withField(field("vector", DataType.Int8)), invalid("duplicated field name vector found")],
  [
    "a key that is not loaded",
    { fields: [{ ...idField, typeParams: [{ key: "field.skipLoad", value: "true" }] }, vectorField] },
    invalid("Primary key field id cannot skip loading"),
  ],
  ["an unknown database", { dbName: "nowhere" }, { code: 800, reason: "database not found[database=nowhere]" }],
  [
    "another name in the schema",
    { schema: { name: "d" } },
    {
      code: 1100,
      reason: "collection name = c, schema.Name=d: invalid parameter[expected=collection name matches schema name][actual=don't match]",
    },
  ],
  [
    "a nullable key",
    { fields: [{ ...idField, nullable: true }, vectorField] },
    invalid("primary field not support null, type:Int64, name:id"),
  ],
  ["a default of JSON", withDefault(DataType.JSON, { stringData: "{}" }), invalid("type not support default_value, type:JSON, name:d")],
  [
    "a default of another type",
    withDefault(DataType.Int64, { stringData: "1" }),
    invalid("type (Int64) of field (d) is not equal to the type(DataType_VarChar) of default_value"),
  ],
  [
    "a default out of range",
    withDefault(DataType.Int8, { intData: 128 }),
    { code: 1100, reason: "default value out of range: invalid parameter[128 out of range -128 <= value <= 127]" },
  ],
  [
    "a default too long",
    withDefault(DataType.VarChar, { stringData: "abc" }, { typeParams: [{ key: "max_length", value: "2" }] }),
    {
      code: 1100,
      reason:
        "the length (3) of string exceeds max length (2): invalid parameter[expected=valid length string][actual=string length exceeds max length]",
    },
  ],
  [
    "a match without analyzer",
    withField({
      ...text("9"),
      typeParams: [
        { key: "max_length", value: "9" },
        { key: "enable_match", value: "true" },
      ],
    }),
    invalid("field t which has enable_match or is input of BM25 function must also enable_analyzer"),
  ],
  [
    "a type of which no rows are",
    withField(field("t", DataType.Mol)),
    { code: 3000, reason: "data type Mol of field t is not supported yet: unsupported operation" },
  ],
  [
    "its dimension before that",
    { fields: [idField, { ...vector("1"), dataType: DataType.Float16Vector }] },
    invalid("invalid dimension: 1. should be in range 2 ~ 32768"),
  ],
];

describe("create refuses, in Milvus's order and words, and writes nothing", () => {
  test.each(cases)("%s", async (_, request, expected) => {
    const outcome = await client.call("CreateCollection", createRequest("c", request));
    expect(outcome).toMatchObject(expected);
    expect(client.engine.records).toHaveLength(0);
  });

  test("bytes that are no schema", async () => {
    const outcome = await client.call("CreateCollection", { collectionName: "c", schema: Buffer.from([0x0a, 0xff]) });
    expect(outcome).toMatchObject({ code: 1100, reason: "collection schema cannot be read: message is truncated: invalid parameter" });
  });
});

const described = async (name: string) => (await client.call("DescribeCollection", { collectionName: name })).reply;

describe("what is created", () => {
  test("fields are numbered from 100, the dynamic one is kept but not shown, Milvus's properties are added", async () => {
    const request = createRequest("c", { schema: { enableDynamicField: true, description: "words" }, ...property("k", "v") });
    expect((await client.call("CreateCollection", request)).code).toBe(0);
    const reply = await described("c");
    expect(reply).toMatchObject({
      collectionName: "c",
      dbName: "default",
      shardsNum: 1,
      consistencyLevel: 2,
      numPartitions: 1n,
      aliases: [],
      schema: { name: "c", description: "words", enableDynamicField: true, dbName: "default", version: 0 },
    });
    expect((reply.schema as { fields: object[] }).fields).toMatchObject([
      { fieldID: 100n, name: "id", isPrimaryKey: true },
      { fieldID: 101n, name: "vector", typeParams: [{ key: "dim", value: "8" }] },
    ]);
    const properties = reply.properties as { key: string; value: string }[];
    expect(Object.fromEntries(properties.map(({ key, value }) => [key, value]))).toEqual({
      k: "v",
      max_field_id: "102",
      "namespace.sharding.enabled": "false",
      timezone: "UTC",
    });
    expect(reply.updateTimestamp).toBe(reply.createdTimestamp);
    expect(reply.updateTimestampStr).toBe(String(reply.updateTimestamp));
    expect(reply.createdUtcTimestamp).toBe((reply.createdTimestamp as bigint) >> 18n);
    expect((await client.call("ShowPartitions", { collectionName: "c" })).reply.partitionNames).toEqual(["_default"]);
    const kept = client.engine.catalog.collections.first()?.schema.fields.at(-1);
    expect(kept).toMatchObject({ name: "$meta", fieldID: 102n, isDynamic: true, nullable: true });
  });

  test("a collection can be described by its id; the name in the reply is then empty", async () => {
    await client.call("CreateCollection", createRequest("c"));
    const { collectionID } = await described("c");
    expect((await client.call("DescribeCollection", { collectionID })).reply).toMatchObject({ collectionName: "", schema: { name: "c" } });
    expect((await client.call("DescribeCollection", { collectionID: 5n })).code).toBe(100);
  });

  test("the same definition again succeeds, another one does not", async () => {
    await client.call("CreateCollection", createRequest("c"));
    const written = client.engine.records.length;
    expect((await client.call("CreateCollection", createRequest("c"))).code).toBe(0);
    expect(client.engine.records.length).toBe(written);
    for (const other of [{ fields: [idField, vector("16")] }, { consistencyLevel: 0 }, { shardsNum: 2 }, property("a", "b")])
      expect(await client.call("CreateCollection", createRequest("c", other))).toMatchObject(
        invalid("create duplicate collection with different parameters, collection: c"),
      );
  });

  test("defaults and nulls are kept", async () => {
    await client.call("CreateCollection", createRequest("c", withDefault(DataType.Double, { doubleData: -0 }, { nullable: true })));
    const { fields } = (await described("c")).schema as { fields: { defaultValue?: ValueField; nullable: boolean }[] };
    expect(fields[2]).toMatchObject({ nullable: true, defaultValue: { doubleData: -0 } });
  });

  test("the property database.max.collections limits a database", async () => {
    await client.call("CreateDatabase", { dbName: "d", ...property("database.max.collections", "1") });
    expect((await client.call("CreateCollection", createRequest("c", { dbName: "d" }))).code).toBe(0);
    expect(await client.call("CreateCollection", createRequest("e", { dbName: "d" }))).toMatchObject({
      code: 102,
      reason: "exceeded the limit number of collections[dbName=d][limit=1]",
    });
  });
});

describe("drop, has, describe, list, statistics", () => {
  beforeEach(async () => {
    await client.call("CreateCollection", createRequest("c"));
  });

  test("dropping what is not there succeeds, in any database", async () => {
    for (const request of [{ collectionName: "x" }, { collectionName: "c", dbName: "nowhere" }, { collectionName: "12 s" }])
      expect((await client.call("DropCollection", request)).code).toBe(0);
    expect((await client.call("DropCollection", { collectionName: "c" })).code).toBe(0);
    expect((await client.call("HasCollection", { collectionName: "c" })).reply.value).toBe(false);
    expect((await client.call("CreateCollection", createRequest("c", { fields: [idField, vector("4")] }))).code).toBe(0);
  });

  test("errors of reads", async () => {
    const bad = invalid("Invalid collection name: 1c. the first character of a collection name must be an underscore or letter");
    expect(await client.call("HasCollection", { collectionName: "1c" })).toMatchObject(bad);
    expect(await client.call("HasCollection", { collectionName: "c", dbName: "n" })).toMatchObject({ code: 800 });
    expect(await client.call("DescribeCollection", { collectionName: "1c" })).toMatchObject(bad);
    expect(await client.call("DescribeCollection", { collectionName: "" })).toMatchObject(invalid("collection name should not be empty"));
    expect(await client.call("DescribeCollection", { collectionName: "c", dbName: "n" })).toMatchObject({ code: 800 });
    expect(await client.call("BatchDescribeCollection", {})).toMatchObject(missing("collection names cannot be empty"));
    expect(await client.call("ShowCollections", { dbName: "n" })).toMatchObject({ code: 800 });
    expect(await client.call("GetCollectionStatistics", { collectionName: "x" })).toMatchObject({
      code: 100,
      legacy: 4,
      reason: "collection not found[database=default][collection=x]",
    });
    expect(await client.call("TruncateCollection", { collectionName: "x" })).toMatchObject({ code: 100 });
  });

  test("lists and counts", async () => {
    const { reply } = await client.call("ShowCollections");
    expect(reply).toMatchObject({ collectionNames: ["c"], shardsNum: [1], inMemoryPercentages: [] });
    expect((await client.call("ShowCollections", { type: 1 })).reply.collectionNames).toEqual([]);
    expect((await client.call("ShowCollections", { type: 1, collectionNames: ["c"] })).code).toBe(101);
    expect((await client.call("GetCollectionStatistics", { collectionName: "c" })).reply.stats).toEqual([{ key: "row_count", value: "7" }]);
  });

  test("a truncate is always written: rows are not the catalog's", async () => {
    expect((await client.call("TruncateCollection", { collectionName: "c" })).code).toBe(0);
    expect((await client.call("TruncateCollection", { collectionName: "c" })).code).toBe(0);
    expect(client.engine.records.filter((record) => record.kind === "truncateCollection")).toHaveLength(2);
  });
});

describe("rename", () => {
  beforeEach(async () => {
    for (const name of ["c", "d"]) await client.call("CreateCollection", createRequest(name));
  });

  const renames: readonly [Record<string, unknown>, Record<string, unknown>][] = [
    [
      { oldName: "c", newName: "1" },
      invalid("Invalid collection name: 1. the first character of a collection name must be an underscore or letter"),
    ],
    [{ oldName: "", newName: "e" }, invalid("old collection name should not be empty")],
    [{ oldName: "c", newName: "c" }, invalid("collection name or database name should be different")],
    [{ oldName: "x", newName: "x" }, invalid("collection name or database name should be different")],
    [
      { oldName: "x", newName: "e" },
      { code: 100, reason: "collection not found[database=default][collection=x]" },
    ],
    [{ oldName: "c", newName: "d" }, invalid("duplicated new collection name default:d with other collection name or alias")],
    [{ oldName: "x", newName: "d" }, invalid("duplicated new collection name default:d with other collection name or alias")],
    [
      { oldName: "c", newName: "e", newDBName: "n" },
      { code: 800, reason: "database not found[database=n]" },
    ],
  ];
  test.each(renames)("%o is refused", async (request, expected) => {
    expect(await client.call("RenameCollection", request)).toMatchObject(expected);
  });

  test("moves the schema timestamp, keeps the id, frees the old name", async () => {
    const before = await described("c");
    expect((await client.call("RenameCollection", { oldName: "c", newName: "e" })).code).toBe(0);
    const after = await described("e");
    expect(after).toMatchObject({ collectionID: before.collectionID, schema: { name: "e" } });
    expect(after.updateTimestamp).toBeGreaterThan(before.updateTimestamp as bigint);
    expect((await client.call("CreateCollection", createRequest("c"))).code).toBe(0);
  });
});

describe("properties and fields", () => {
  beforeEach(async () => {
    await client.call("CreateCollection", createRequest("c", withField(text("9"))));
  });
  const alter = (request: Record<string, unknown>) => client.call("AlterCollection", { collectionName: "c", ...request });
  const propertiesOf = async () =>
    Object.fromEntries(((await described("c")).properties as { key: string; value: string }[]).map(({ key, value }) => [key, value]));

  test("set, replace, delete; without a change nothing is written", async () => {
    expect((await alter(property("mmap.enabled", "True"))).code).toBe(0);
    expect(await propertiesOf()).toMatchObject({ "mmap.enabled": "True" });
    const stamp = (await described("c")).updateTimestamp;
    expect((await alter(property("mmap.enabled", "True"))).code).toBe(0);
    expect((await described("c")).updateTimestamp).toBe(stamp);
    expect((await alter({ deleteKeys: ["mmap.enabled"] })).code).toBe(0);
    expect(await propertiesOf()).not.toHaveProperty("mmap.enabled");
  });

  test("the description is the schema's, not a property", async () => {
    expect((await alter(property("collection.description", "new words"))).code).toBe(0);
    expect((await described("c")).schema).toMatchObject({ description: "new words" });
    expect(await propertiesOf()).not.toHaveProperty("collection.description");
  });

  const refusals: readonly [Record<string, unknown>, Record<string, unknown>][] = [
    [{ ...property("a", "b"), deleteKeys: ["c"] }, invalid("cannot provide both DeleteKeys and ExtraParams")],
    [{}, invalid("no properties or delete keys provided")],
    [
      { ...property("a", "b"), collectionName: "x" },
      { code: 100, reason: "collection not found[database=default][collection=x]" },
    ],
    [property("collection.ttl.seconds", "x"), invalid("collection TTL is not a valid positive integer")],
    [property("timezone", "x"), invalid("unknown or invalid IANA Time Zone ID: x")],
    [property("allow_insert_auto_id", "true"), invalid("the value for allow_insert_auto_id must be false when autoID is false")],
    [property("collection.description", "d".repeat(1025)), invalid("the length of a collection description must not exceed 1024 bytes")],
    [property("cipher.x", "1"), invalid("can not alter cipher related properties")],
    [property("namespace.sharding.enabled", "true"), invalid("cannot alter namespace.sharding.enabled after collection creation")],
    [property("dynamicfield.enabled", "perhaps"), invalid("invalid dynamic schema property value: perhaps")],
    [
      { deleteKeys: ["dynamicfield.enabled"] },
      invalid("cannot delete key dynamicfield.enabled, dynamic field schema could support set to true/false"),
    ],
  ];
  test.each(refusals)("%o is refused", async (request, expected) => {
    const written = client.engine.records.length;
    expect(await alter(request)).toMatchObject(expected);
    expect(client.engine.records.length).toBe(written);
  });

  const alterField = (request: Record<string, unknown>) =>
    client.call("AlterCollectionField", { collectionName: "c", fieldName: "t", ...request });

  test("a field's length, description and switches", async () => {
    expect((await alterField(property("max_length", "20"))).code).toBe(0);
    expect((await alterField(property("field.description", "about"))).code).toBe(0);
    expect((await alterField(property("mmap_enabled", "true"))).code).toBe(0);
    const { schema } = await described("c");
    expect((schema as { fields: object[] }).fields[2]).toMatchObject({
      description: "about",
      typeParams: [
        { key: "max_length", value: "20" },
        { key: "mmap.enabled", value: "true" },
      ],
    });
    expect((schema as { version: number }).version).toBe(3);
    expect((await alterField({ deleteKeys: ["mmap_enabled"] })).code).toBe(0);
  });

  test("what a field does not allow", async () => {
    expect(await alterField(property("dim", "4"))).toMatchObject(invalid("dim does not allow update in collection field param"));
    expect(await alterField({ deleteKeys: ["max_length"] })).toMatchObject(
      invalid("max_length is not allowed to drop in collection field param"),
    );
    expect(await alterField(property("max_length", "65536"))).toMatchObject(invalid("65536 exceeds the maximum allowed value 65535"));
    expect(await alterField(property("max_length", "x"))).toMatchObject(invalid("max_length should be an integer, but got string"));
    expect(await alterField({ fieldName: "vector", ...property("max_length", "4") })).toMatchObject(
      invalid(" can not modify the maxlength for non-string types"),
    );
    expect(await alterField({ fieldName: "x", ...property("field.description", "4") })).toMatchObject(
      invalid("field x does not exist in collection"),
    );
  });
});

describe("REST", () => {
  test("quick create makes key, vector, dynamic field, index and load", async () => {
    expect(await client.post("collections/create", { collectionName: "q", dimension: 4 })).toEqual({ data: {} });
    const { data } = await client.post("collections/describe", { collectionName: "q" });
    expect(data).toMatchObject({
      collectionName: "q",
      autoId: false,
      enableDynamicField: true,
      consistencyLevel: "Bounded",
      load: "LoadStateLoaded",
      indexes: [{ indexName: "vector", fieldName: "vector", metricType: "COSINE" }],
      fields: [
        { name: "id", type: "Int64", primaryKey: true },
        { name: "vector", type: "FloatVector", params: [{ key: "dim", value: "4" }] },
      ],
    });
    expect(await client.post("collections/list", {})).toEqual({ data: ["q"] });
    expect(await client.post("collections/has", { collectionName: "q" })).toEqual({ data: { has: true } });
    expect(await client.post("collections/get_stats", { collectionName: "q" })).toEqual({ data: { rowCount: 7 } });
    expect(await client.post("collections/get_load_state", { collectionName: "q" })).toMatchObject({
      data: { loadState: "LoadStateLoaded", loadProgress: 100 },
    });
    expect(await client.post("collections/get_load_state", { collectionName: "x" })).toMatchObject({ code: 100 });
  });

  test("a full schema is created as it is written, and not loaded without indexes", async () => {
    const schema = {
      autoId: true,
      fields: [
        { fieldName: "key", dataType: "Int64", isPrimary: true },
        { fieldName: "words", dataType: "VarChar", elementTypeParams: { max_length: 20 }, nullable: true, defaultValue: "none" },
        { fieldName: "v", dataType: "FloatVector", elementTypeParams: { dim: "4" } },
      ],
    };
    expect(await client.post("collections/create", { collectionName: "f", schema, consistencyLevel: "Strong" })).toEqual({ data: {} });
    expect((await client.post("collections/describe", { collectionName: "f" })).data).toMatchObject({
      autoId: true,
      enableDynamicField: false,
      consistencyLevel: "Strong",
      load: "LoadStateNotLoad",
      fields: [
        { name: "key", autoId: true },
        { name: "words", nullable: true, defaultValue: { Data: { StringData: "none" } } },
        { name: "v" },
      ],
    });
  });

  test("its refusals, which create nothing", async () => {
    const fields = [
      { fieldName: "key", dataType: "Int64", isPrimary: true },
      { fieldName: "v", dataType: "floatvector" },
    ];
    expect(await client.post("collections/create", { collectionName: "q" })).toMatchObject({
      code: 1100,
      message:
        "dimension is required for quickly create collection(default metric type: COSINE): invalid parameter[expected=collectionName & dimension][actual=collectionName]",
    });
    expect(await client.post("collections/create", { collectionName: "q", schema: { fields } })).toMatchObject({
      code: 1100,
      message: "data type floatvector is invalid(case sensitive): invalid parameter",
    });
    expect(await client.post("collections/create", { collectionName: "q", dimension: 4, consistencyLevel: "Sure" })).toMatchObject({
      code: 1100,
    });
    expect(await client.post("collections/create", { collectionName: "q", dimension: 4, dbName: "n" })).toMatchObject({ code: 800 });
    expect(client.engine.records).toHaveLength(0);
  });

  test("rename, properties, truncate, drop", async () => {
    await client.post("collections/create", { collectionName: "q", dimension: 4 });
    expect(await client.post("collections/rename", { collectionName: "q", newCollectionName: "r" })).toEqual({ data: {} });
    expect(await client.post("collections/alter_properties", { collectionName: "r", properties: { "x.y": 3 } })).toEqual({ data: {} });
    expect((await client.post("collections/describe", { collectionName: "r" })).data).toMatchObject({
      properties: expect.arrayContaining([{ key: "x.y", value: "3" }]),
    });
    expect(await client.post("collections/drop_properties", { collectionName: "r", propertyKeys: ["x.y"] })).toEqual({ data: {} });
    expect(await client.post("collections/truncate", { collectionName: "r" })).toEqual({ data: {} });
    expect(await client.post("collections/drop", { collectionName: "r" })).toEqual({ data: {} });
    expect(await client.post("collections/describe", { collectionName: "r" })).toMatchObject({ code: 100 });
  });
});

/** Fields, structs and functions that come and go at random, beside the plainest model of them. */
import { expect, test } from "vitest";
import { decodeCatalog, decodeRecord, encodeCatalog, encodeRecord } from "../../src/catalog/codec.js";
import { applyRecord, emptyCatalog } from "../../src/catalog/reducer.js";
import type { Catalog, CatalogRecord, Collection } from "../../src/catalog/types.js";
import { MilvusError } from "../../src/shared/errors.js";
import {
  CollectionSchema,
  DataType,
  FieldSchema,
  FunctionSchema,
  FunctionType,
  StructArrayFieldSchema,
} from "../../src/shared/proto/generated/messages.js";
import { columnsOf } from "../../src/shared/schema.js";
import { forSeeds, type Pick } from "../support/seeds.js";

const ID = 7n;
const NAMES = ["a", "b", "c", "d"] as const;
const nameOf = (pick: Pick): string => NAMES[pick(NAMES.length)] ?? "a";

const field = (name: string, dataType: DataType, more: Partial<FieldSchema> = {}): FieldSchema =>
  FieldSchema.create({ name, dataType, nullable: true, ...more });

const fn = (name: string, type: FunctionType, output: string): FunctionSchema =>
  FunctionSchema.create({ name, type, inputFieldNames: ["text"], outputFieldNames: [output] });

const created: CatalogRecord = {
  kind: "createCollection",
  timestamp: 1n,
  id: ID,
  database: "default",
  schema: CollectionSchema.create({
    name: "c",
    fields: [
      field("id", DataType.Int64, { fieldID: 100n, isPrimaryKey: true, nullable: false }),
      field("text", DataType.VarChar, { fieldID: 101n }),
      field("vector", DataType.FloatVector, { fieldID: 102n }),
    ],
  }),
  properties: [{ key: "max_field_id", value: "102" }],
  partitions: [{ id: 8n, name: "_default", createdTimestamp: 0n }],
  shardsNum: 1,
  consistencyLevel: 0,
  numPartitions: 1n,
};

const collectionOf = (catalog: Catalog): Collection => catalog.collections.get(ID) as Collection;

const randomRecord = (pick: Pick, catalog: Catalog, timestamp: bigint): CatalogRecord => {
  const name = nameOf(pick);
  const common = { timestamp, collectionId: ID };
  switch (pick(8)) {
    case 0:
      return { ...common, kind: "addField", field: field(name, pick(2) === 0 ? DataType.Int64 : DataType.FloatVector) };
    case 1: {
      const fields = ["x", "y"]
        .slice(0, 1 + pick(2))
        .map((member) => field(member, pick(2) === 0 ? DataType.Array : DataType.ArrayOfVector));
      return { ...common, kind: "addStruct", struct: StructArrayFieldSchema.create({ name, nullable: true, fields }) };
    }
    case 2:
    case 3:
      return { ...common, kind: "dropField", fieldId: 100n + BigInt(pick(40)) };
    case 4:
      return {
        ...common,
        kind: "addFunction",
        function: fn(`f_${name}`, pick(2) === 0 ? FunctionType.BM25 : FunctionType.MinHash, name),
        output: { field: field(name, DataType.SparseFloatVector, { nullable: false }), index: { id: timestamp, name, params: [] } },
      };
    case 5:
      return { ...common, kind: "dropFunction", name: `f_${name}`, withOutputs: pick(2) === 0 };
    case 6:
      return { ...common, kind: "alterFunction", function: fn(`f_${name}`, FunctionType.MinHash, nameOf(pick)) };
    default: {
      const columns = columnsOf(collectionOf(catalog).schema);
      const fieldId = columns[pick(columns.length)]?.fieldID ?? 100n;
      return { ...common, kind: "createIndex", id: timestamp, name: `i${fieldId}`, fieldId, params: [] };
    }
  }
};

const idsOf = ({ schema }: Collection): bigint[] => [...columnsOf(schema), ...schema.structArrayFields].map((each) => each.fieldID);

/** What holds of every version. */
const check = (collection: Collection): void => {
  const { schema } = collection;
  const names = [...columnsOf(schema), ...schema.structArrayFields].map((each) => each.name);
  expect(new Set(names).size, "names are different").toBe(names.length);
  expect(new Set(idsOf(collection)).size, "ids are different").toBe(idsOf(collection).length);
  const ids = new Set(columnsOf(schema).map((column) => column.fieldID));
  expect(
    collection.indexes.every((index) => ids.has(index.fieldId)),
    "indexes are of fields that are there",
  ).toBe(true);
  const made = schema.functions.flatMap((each) => each.outputFieldNames);
  expect(
    schema.fields
      .filter((each) => each.isFunctionOutput)
      .map((each) => each.name)
      .sort(),
  ).toEqual([...made].sort());
  for (const each of schema.functions)
    expect(each.outputFieldIds).toEqual(each.outputFieldNames.map((name) => schema.fields.find((one) => one.name === name)?.fieldID));
  expect(
    columnsOf(schema).some((column) =>
      [DataType.FloatVector, DataType.SparseFloatVector, DataType.ArrayOfVector].includes(column.dataType as never),
    ),
  ).toBe(true);
};

test("ids are never given twice, versions count changes, nothing dangles, and bytes give all of it back", () => {
  forSeeds(150, (pick) => {
    let catalog = applyRecord(emptyCatalog(), created);
    const everGiven = new Set(idsOf(collectionOf(catalog)));
    let changes = 0;
    for (let step = 0; step < 80; step++) {
      const record = randomRecord(pick, catalog, 10n + BigInt(step));
      expect(decodeRecord(encodeRecord(record))).toStrictEqual(record);
      const before = collectionOf(catalog);
      try {
        catalog = applyRecord(catalog, record);
      } catch (error) {
        expect(error, String(error)).toBeInstanceOf(MilvusError);
        continue;
      }
      const after = collectionOf(catalog);
      if (record.kind !== "createIndex") changes++;
      for (const id of idsOf(after)) {
        if (idsOf(before).includes(id)) continue;
        expect(everGiven.has(id), `id ${id} was given before`).toBe(false);
        everGiven.add(id);
      }
      check(after);
    }
    expect(collectionOf(catalog).schema.version).toBe(changes);
    expect(decodeCatalog(encodeCatalog(catalog)).collections.get(ID)).toStrictEqual(collectionOf(catalog));
  });
});

test("what a user wrote into max_field_id gives no id twice, and breaks nothing", () => {
  const first = applyRecord(emptyCatalog(), created);
  for (const value of ["3", "none", "", "-1"]) {
    const altered = applyRecord(first, {
      ...{ kind: "alterCollection", timestamp: 2n, collectionId: ID, deleteKeys: [] },
      properties: [{ key: "max_field_id", value }],
    });
    const added = applyRecord(altered, { kind: "addField", timestamp: 3n, collectionId: ID, field: field("new", DataType.Int64) });
    expect(collectionOf(added).schema.fields.at(-1)).toMatchObject({ name: "new", fieldID: 103n });
  }
});

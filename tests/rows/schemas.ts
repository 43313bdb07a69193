/** Schemas for the tests of rows. */
import { CollectionSchema, DataType, FieldSchema } from "../../src/shared/proto/generated/messages.js";
import type { Init } from "../../src/shared/proto/wire.js";

export const field = (name: string, dataType: number, more: Init<FieldSchema> = {}): FieldSchema =>
  FieldSchema.create({ name, dataType: dataType as FieldSchema["dataType"], ...more });

export const vectorField = (name: string, dim: number, more: Init<FieldSchema> = {}): FieldSchema =>
  field(name, DataType.FloatVector, { typeParams: [{ key: "dim", value: String(dim) }], ...more });

export const schemaOf = (fields: FieldSchema[], more: Init<CollectionSchema> = {}): CollectionSchema =>
  CollectionSchema.create({ name: "rows", fields, ...more });

export const arrayField = (name: string, elementType: number, more: Init<FieldSchema> = {}): FieldSchema =>
  field(name, DataType.Array, {
    elementType: elementType as FieldSchema["elementType"],
    typeParams: [{ key: "max_capacity", value: "16" }],
    ...more,
  });

const scalarTypes = ["Bool", "Int8", "Int16", "Int32", "Int64", "Float", "Double", "VarChar"] as const;
const vectorTypes = ["FloatVector", "BinaryVector", "Float16Vector", "BFloat16Vector", "Int8Vector", "SparseFloatVector"] as const;

/** Of all vectors of `everyType` that have one. */
export const DIM = 16;
const dim = { typeParams: [{ key: "dim", value: String(DIM) }] };

/** Fields `{prefix}_{type}` and `{prefix}_ArrayOf{type}` of every type that rows have. */
const fieldsOfEveryType = (prefix: string, nullable: boolean): FieldSchema[] => [
  ...[...scalarTypes, "JSON" as const].map((name) => field(`${prefix}_${name}`, DataType[name], { nullable })),
  ...scalarTypes.map((name) => arrayField(`${prefix}_ArrayOf${name}`, DataType[name], { nullable })),
  ...vectorTypes.map((name) => field(`${prefix}_${name}`, DataType[name], { nullable, ...(name === "SparseFloatVector" ? {} : dim) })),
];

/** Every type that rows have, each as field `a_{type}` and as nullable field `n_{type}`. */
export const everyType = (): CollectionSchema =>
  schemaOf([field("id", DataType.Int64, { isPrimaryKey: true }), ...fieldsOfEveryType("a", false), ...fieldsOfEveryType("n", true)], {
    enableDynamicField: true,
  });

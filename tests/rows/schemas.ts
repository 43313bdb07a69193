/** Schemas for the tests of rows. */
import { CollectionSchema, DataType, FieldSchema } from "../../src/shared/proto/generated/messages.js";
import type { Init } from "../../src/shared/proto/wire.js";

export const field = (name: string, dataType: number, more: Init<FieldSchema> = {}): FieldSchema =>
  FieldSchema.create({ name, dataType: dataType as FieldSchema["dataType"], ...more });

export const vectorField = (name: string, dim: number, more: Init<FieldSchema> = {}): FieldSchema =>
  field(name, DataType.FloatVector, { typeParams: [{ key: "dim", value: String(dim) }], ...more });

export const schemaOf = (fields: FieldSchema[], more: Init<CollectionSchema> = {}): CollectionSchema =>
  CollectionSchema.create({ name: "rows", fields, ...more });

/** Every type that rows have, each also as a nullable field. */
export const everyType = (): CollectionSchema => {
  const types: (keyof typeof DataType)[] = ["Bool", "Int8", "Int16", "Int32", "Int64", "Float", "Double", "VarChar", "JSON"];
  const plain = types.map((name) => field(`a_${name}`, DataType[name]));
  const nullable = types.map((name) => field(`n_${name}`, DataType[name], { nullable: true }));
  return schemaOf(
    [
      field("id", DataType.Int64, { isPrimaryKey: true }),
      ...plain,
      ...nullable,
      vectorField("vector", 3),
      vectorField("n_vector", 2, { nullable: true }),
    ],
    { enableDynamicField: true },
  );
};

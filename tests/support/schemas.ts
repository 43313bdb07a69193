/** Collection schemas for tests of operations. */
import { CollectionSchema, DataType, FieldSchema } from "../../src/shared/proto/generated/messages.js";
import type { Init } from "../../src/shared/proto/wire.js";

type Field = Init<FieldSchema>;

export const idField: Field = { name: "id", dataType: DataType.Int64, isPrimaryKey: true };
export const vectorField: Field = { name: "vector", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: "8" }] };

/** A CreateCollection request; `fields` replaces the usual two. */
export const createRequest = (
  name: string,
  {
    fields = [idField, vectorField],
    schema = {},
    ...request
  }: { fields?: readonly Field[]; schema?: Init<CollectionSchema> } & Record<string, unknown> = {},
): Record<string, unknown> => ({
  collectionName: name,
  schema: CollectionSchema.encode({ name, fields: fields.map((field) => FieldSchema.create(field)), ...schema }),
  shardsNum: 1,
  consistencyLevel: 2,
  ...request,
});

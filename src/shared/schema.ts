/** Facts about the fields of a collection schema that several rooms ask for. */
import {
  type CollectionSchema,
  DataType,
  FieldSchema,
  FunctionType,
  type StructArrayFieldSchema,
  ValueField,
} from "./proto/generated/messages.js";

export const DYNAMIC_FIELD = "$meta";

/** The field that takes the keys which are no fields; its id is given when a collection gets it. */
export const dynamicField = (): FieldSchema =>
  FieldSchema.create({
    name: DYNAMIC_FIELD,
    description: "dynamic schema",
    dataType: DataType.JSON,
    isDynamic: true,
    nullable: true,
    defaultValue: ValueField.create({ bytesData: Buffer.from("{}") }),
  });

const VECTORS: ReadonlySet<number> = new Set([
  DataType.BinaryVector,
  DataType.FloatVector,
  DataType.Float16Vector,
  DataType.BFloat16Vector,
  DataType.SparseFloatVector,
  DataType.Int8Vector,
  DataType.ArrayOfVector,
]);

export const isVector = (type: DataType): boolean => VECTORS.has(type);

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(DataType).map(([name, value]) => [value as number, name]));

/** Milvus's name of a data type, e.g. `Int64`, `FloatVector`. */
export const typeName = (type: DataType): string => NAMES.get(type) ?? String(type);

export const fieldNamed = (schema: CollectionSchema, name: string): FieldSchema | undefined =>
  schema.fields.find((field) => field.name === name);

/** What the column of a struct's member is called where fields are named: in filters, output fields, indexes. */
export const memberColumn = (struct: string, member: string): string => `${struct}[${member}]`;

const columns = new WeakMap<CollectionSchema, readonly FieldSchema[]>();

/** Every column: the fields, then the members of the structs under their columns' names. */
export const columnsOf = (schema: CollectionSchema): readonly FieldSchema[] => {
  if (schema.structArrayFields.length === 0) return schema.fields;
  const known = columns.get(schema);
  if (known !== undefined) return known;
  const members = schema.structArrayFields.flatMap((struct) =>
    struct.fields.map((field) => ({ ...field, name: memberColumn(struct.name, field.name) })),
  );
  const all = [...schema.fields, ...members];
  columns.set(schema, all);
  return all;
};

export const columnNamed = (schema: CollectionSchema, name: string): FieldSchema | undefined =>
  columnsOf(schema).find((field) => field.name === name);

export const columnWithId = (schema: CollectionSchema, id: bigint): FieldSchema | undefined =>
  columnsOf(schema).find((field) => field.fieldID === id);

export const structNamed = (schema: CollectionSchema, name: string): StructArrayFieldSchema | undefined =>
  schema.structArrayFields.find((struct) => struct.name === name);

/** Fields as the limit counts them: without the dynamic one; a struct is one, each of its members another. */
export const fieldCount = (schema: CollectionSchema): number =>
  schema.fields.filter((field) => !field.isDynamic).length +
  schema.structArrayFields.reduce((sum, struct) => sum + 1 + struct.fields.length, 0);

/** Columns of vectors, members of structs among them. */
export const vectorColumns = (schema: CollectionSchema): FieldSchema[] => columnsOf(schema).filter((field) => isVector(field.dataType));

/** The primary key; a checked schema has one. */
export const primaryField = (schema: CollectionSchema): FieldSchema => {
  const field = schema.fields.find((candidate) => candidate.isPrimaryKey);
  if (field === undefined) throw new Error(`schema of ${schema.name} has no primary key`);
  return field;
};

/** An integer type parameter such as `dim` or `max_length`; undefined when absent or not an integer. */
export const typeParam = (field: FieldSchema, key: string): number | undefined => {
  const text = field.typeParams.find((pair) => pair.key === key)?.value;
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
};

/** Whether a BM25 function makes the field; no other function makes sparse vectors. */
export const isOfTerms = (field: Pick<FieldSchema, "dataType" | "isFunctionOutput">): boolean =>
  field.isFunctionOutput && field.dataType === DataType.SparseFloatVector;

/** The field of texts whose terms this one has: the input of the BM25 function that makes it; undefined of other fields. */
export const bm25Input = (schema: CollectionSchema, field: FieldSchema): FieldSchema | undefined => {
  const maker = schema.functions.find(({ type, outputFieldNames }) => type === FunctionType.BM25 && outputFieldNames.includes(field.name));
  return maker === undefined ? undefined : fieldNamed(schema, maker.inputFieldNames[0] ?? "");
};

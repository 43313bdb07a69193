/** The payload of one column: the values of the rows that have one, as `schema.FieldData` carries them for the field's type. */
import { invalid } from "../errors.js";
import { DataType, type FieldData, type FieldSchema } from "../proto/generated/messages.js";
import type { Init } from "../proto/wire.js";
import { typeName, typeParam } from "../schema.js";
import type { Dialect } from "./dialect.js";
import { sparseDim } from "./sparse.js";

type Scalars = NonNullable<Init<FieldData>["scalars"]>;
type Vectors = NonNullable<Init<FieldData>["vectors"]>;
type Payload = Pick<Init<FieldData>, "scalars" | "vectors">;

/** @param valid empty: every value is there */
export const payload = (field: FieldSchema, values: readonly unknown[], valid: readonly boolean[], dialect: Dialect): Payload => {
  if (field.dataType === DataType.FloatVector) return { vectors: floatVectors(field, values, valid, dialect) };
  const key = byteVectors[field.dataType];
  if (key !== undefined || field.dataType === DataType.SparseFloatVector) {
    const dim = typeParam(field, "dim") ?? 0;
    const rows = readAll(values, valid, dialect.bytes(field, dim)) as Uint8Array[];
    return { vectors: key === undefined ? sparseVectors(rows) : { dim: BigInt(dim), [key]: Buffer.concat(rows) } };
  }
  if (field.dataType === DataType.Array) return { scalars: arrays(field, readAll(values, valid, dialect.array(field)) as unknown[][]) };
  const read = dialect.scalar(field);
  return { scalars: wrapperOf(field, field.dataType)(readAll(values, valid, read)) };
};

const readAll = (values: readonly unknown[], valid: readonly boolean[], read: (value: unknown, row: number) => unknown): unknown[] => {
  const made: unknown[] = [];
  for (let row = 0; row < values.length; row++) if (valid[row] !== false) made.push(read(values[row], row));
  return made;
};

const ints = (data: unknown[]): Scalars => ({ intData: { data: data as number[] } });

const wrappers: Readonly<Partial<Record<number, (data: unknown[]) => Scalars>>> = {
  [DataType.Bool]: (data) => ({ boolData: { data: data as boolean[] } }),
  [DataType.Int8]: ints,
  [DataType.Int16]: ints,
  [DataType.Int32]: ints,
  [DataType.Int64]: (data) => ({ longData: { data: data as bigint[] } }),
  [DataType.Float]: (data) => ({ floatData: { data: data as number[] } }),
  [DataType.Double]: (data) => ({ doubleData: { data: data as number[] } }),
  [DataType.Timestamptz]: (data) => ({ stringData: { data: data as string[] } }),
  [DataType.VarChar]: (data) => ({ stringData: { data: data as string[] } }),
  [DataType.Text]: (data) => ({ stringData: { data: data as string[] } }),
  [DataType.Geometry]: (data) => ({ geometryWktData: { data: data as string[] } }),
  [DataType.JSON]: (data) => ({ jsonData: { data: data as Buffer[] } }),
};

const wrapperOf = (field: FieldSchema, type: DataType): ((data: unknown[]) => Scalars) => {
  const wrap = wrappers[type];
  if (wrap === undefined) throw invalid(`the type(${typeName(type)}) of field(${field.name}) is not supported, use other sdk please`);
  return wrap;
};

const arrays = (field: FieldSchema, rows: readonly unknown[][]): Scalars => ({
  arrayData: { data: rows.map(wrapperOf(field, field.elementType)), elementType: field.elementType },
});

/** Vectors of a fixed number of bytes, and the member of VectorField that has them. */
const byteVectors: Readonly<Partial<Record<number, keyof Vectors>>> = {
  [DataType.BinaryVector]: "binaryVector",
  [DataType.Float16Vector]: "float16Vector",
  [DataType.BFloat16Vector]: "bfloat16Vector",
  [DataType.Int8Vector]: "int8Vector",
};

const sparseVectors = (rows: readonly Uint8Array[]): Vectors => {
  const contents = rows as Buffer[];
  return { dim: BigInt(contents.reduce((most, row) => Math.max(most, sparseDim(row)), 0)), sparseFloatVector: { contents } };
};

const floatVectors = (field: FieldSchema, values: readonly unknown[], valid: readonly boolean[], dialect: Dialect): Vectors => {
  const dim = typeParam(field, "dim") ?? 0;
  const read = dialect.vector(field, dim);
  const all = new Float32Array(values.length * dim);
  let used = 0;
  for (let row = 0; row < values.length; row++) {
    if (valid[row] === false) continue;
    read(values[row], all, used);
    used += dim;
  }
  return { dim: BigInt(dim), floatVector: { data: all.subarray(0, used) } };
};

/** Rows of a result's column in another order, some of them left out or repeated. */
import type { FieldData, ScalarField, VectorField } from "../proto/generated/messages.js";

type Listed = { readonly data: ArrayLike<unknown> & Iterable<unknown> };

const isListed = (member: unknown): member is Listed => typeof member === "object" && member !== null && "data" in member;

/** Position of each row's vector among those that there are: rows that are null have none. */
const vectorPlaces = (valid: readonly boolean[], rows: readonly number[]): number[] => {
  if (valid.length === 0) return [...rows];
  let next = 0;
  const places = valid.map((isThere) => (isThere ? next++ : -1));
  return rows.map((row) => places[row] as number).filter((place) => place >= 0);
};

const scalarsOf = (scalars: ScalarField, rows: readonly number[]): ScalarField =>
  Object.fromEntries(
    Object.entries(scalars).map(([name, member]) => [
      name,
      isListed(member) ? { ...(member as object), data: rows.map((row) => (member.data as readonly unknown[])[row]) } : member,
    ]),
  ) as unknown as ScalarField;

const vectorsOf = (vectors: VectorField, places: readonly number[], count: number): VectorField => {
  const slices = (bytes: Buffer): Buffer => {
    const width = count === 0 ? 0 : bytes.length / count;
    return Buffer.concat(places.map((place) => bytes.subarray(place * width, (place + 1) * width)));
  };
  const { floatVector, sparseFloatVector } = vectors;
  const bytes = (["binaryVector", "float16Vector", "bfloat16Vector", "int8Vector"] as const).flatMap((name) => {
    const value = vectors[name];
    return value === undefined ? [] : [[name, slices(value)] as const];
  });
  return {
    ...vectors,
    ...Object.fromEntries(bytes),
    ...(sparseFloatVector === undefined
      ? {}
      : { sparseFloatVector: { ...sparseFloatVector, contents: places.map((place) => sparseFloatVector.contents[place] as Buffer) } }),
    ...(floatVector === undefined ? {} : { floatVector: { data: floatsOf(floatVector.data, places, Number(vectors.dim)) } }),
  };
};

const floatsOf = (data: Float32Array, places: readonly number[], dim: number): Float32Array => {
  const picked = new Float32Array(places.length * dim);
  places.forEach((place, at) => {
    picked.set(data.subarray(place * dim, (place + 1) * dim), at * dim);
  });
  return picked;
};

/** Lists of vectors have one of each row, also of one that is null. */
const listsOf = (vectors: VectorField, rows: readonly number[]): VectorField => {
  const { vectorArray } = vectors;
  if (vectorArray === undefined) return vectors;
  return { ...vectors, vectorArray: { ...vectorArray, data: rows.map((row) => vectorArray.data[row] as VectorField) } };
};

/** `rowCount`: rows that the column has. */
export const pickRows = (column: FieldData, rows: readonly number[], rowCount: number): FieldData => {
  if (column.vectors?.vectorArray !== undefined)
    return {
      ...column,
      validData: column.validData.length === 0 ? [] : rows.map((row) => column.validData[row] as boolean),
      vectors: listsOf(column.vectors, rows),
    };
  const valid = column.validData;
  const there = valid.length === 0 ? rowCount : valid.filter((flag) => flag).length;
  return {
    ...column,
    validData: valid.length === 0 ? [] : rows.map((row) => valid[row] as boolean),
    ...(column.scalars === undefined ? {} : { scalars: scalarsOf(column.scalars, rows) }),
    ...(column.vectors === undefined ? {} : { vectors: vectorsOf(column.vectors, vectorPlaces(valid, rows), there) }),
  };
};

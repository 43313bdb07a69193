/** Random schemas, and random rows that fit them: few keys and few values, so that rows meet. */
import type { FieldDefinition } from "../../src/client/index.js";
import type { SeededRandom } from "../support/random.js";

export type Key = number | bigint | string;

/** What a field of a row may be, in the form that the client's results have. */
export type Value = unknown;

export type FieldType =
  | "Int64"
  | "Int8"
  | "Int32"
  | "Bool"
  | "Float"
  | "Double"
  | "VarChar"
  | "JSON"
  | "Integers"
  | "Texts"
  | "Timestamptz";

export interface ShapeField {
  readonly name: string;
  readonly type: FieldType;
  readonly nullable?: boolean;
  readonly defaultValue?: boolean | number | string;
  readonly isPartitionKey?: boolean;
  readonly isClusteringKey?: boolean;
}

/** A collection's fields besides its key `id` and its vector `vector`. */
export interface Shape {
  readonly keyType: "Int64" | "VarChar";
  readonly autoId: boolean;
  readonly dynamic: boolean;
  readonly fields: readonly ShapeField[];
}

export const DIM = 4;
const KEYS = 32;
const ARRAY_CAPACITY = 8;

/** Fields that a collection may have, or get later. */
const extras: readonly ShapeField[] = [
  { name: "small", type: "Int8", nullable: true },
  { name: "flag", type: "Bool", nullable: true },
  { name: "ratio", type: "Float", defaultValue: 1.5 },
  { name: "weight", type: "Double", nullable: true, defaultValue: -0.25 },
  { name: "note", type: "VarChar", nullable: true },
  { name: "rank", type: "Int32", defaultValue: 7 },
  { name: "doc", type: "JSON", nullable: true },
  { name: "tags", type: "Integers", nullable: true },
  { name: "words", type: "Texts" },
];

/** Fields that may be added: they take nulls. */
export const addable: readonly ShapeField[] = [
  { name: "late_number", type: "Int64", nullable: true },
  { name: "late_default", type: "Int32", nullable: true, defaultValue: 3 },
  { name: "late_text", type: "VarChar", nullable: true, defaultValue: "late" },
  { name: "late_tags", type: "Integers", nullable: true },
  { name: "late_flag", type: "Bool", nullable: true },
];

export const hasPartitionKey = (shape: Shape): boolean => shape.fields.some((field) => field.isPartitionKey);
export const hasClusteringKey = (shape: Shape): boolean => shape.fields.some((field) => field.isClusteringKey);

export const randomShape = (random: SeededRandom): Shape => {
  const partitionKey = random.chance(0.25) ? random.pick(["number", "text"]) : undefined;
  const clusteringKey = random.chance(0.3) ? "number" : undefined;
  const own = (name: string) => ({
    ...(partitionKey === name ? { isPartitionKey: true } : {}),
    ...(clusteringKey === name ? { isClusteringKey: true } : {}),
  });
  return {
    keyType: random.chance(0.4) ? "VarChar" : "Int64",
    autoId: random.chance(0.2),
    dynamic: random.chance(0.6),
    fields: [
      { name: "number", type: "Int64", ...own("number") },
      { name: "text", type: "VarChar", ...own("text") },
      ...extras.filter(() => random.chance(0.45)),
    ],
  };
};

const MAX_LENGTH = 32;
const types: Record<FieldType, Partial<FieldDefinition> & Pick<FieldDefinition, "dataType">> = {
  Int64: { dataType: "Int64" },
  Int8: { dataType: "Int8" },
  Int32: { dataType: "Int32" },
  Bool: { dataType: "Bool" },
  Float: { dataType: "Float" },
  Double: { dataType: "Double" },
  VarChar: { dataType: "VarChar", maxLength: MAX_LENGTH },
  JSON: { dataType: "JSON" },
  Integers: { dataType: "Array", elementType: "Int64", maxCapacity: ARRAY_CAPACITY },
  Texts: { dataType: "Array", elementType: "VarChar", maxLength: MAX_LENGTH, maxCapacity: ARRAY_CAPACITY },
  Timestamptz: { dataType: "Timestamptz" },
};

export const fieldDefinition = ({ type, ...field }: ShapeField): FieldDefinition => ({ ...types[type], ...field });

export const schemaOf = (shape: Shape) => ({
  enableDynamicField: shape.dynamic,
  fields: [
    {
      name: "id",
      dataType: shape.keyType,
      isPrimary: true,
      autoId: shape.autoId,
      ...(shape.keyType === "VarChar" ? { maxLength: MAX_LENGTH } : {}),
    },
    ...shape.fields.map(fieldDefinition),
    { name: "vector", dataType: "FloatVector" as const, dim: DIM },
  ] satisfies FieldDefinition[],
});

const TEXTS = ["", "a", "ab", "abc", "b", "ba", "c", "ä", "日本", "a%b"];
const WORDS = ["red", "green", "blue", "äöü"];

export const randomKey = (random: SeededRandom, shape: Shape): Key => {
  const number = random.below(KEYS);
  return shape.keyType === "Int64" ? number - 4 : number === 0 ? "ä" : `k${number}`;
};

const list = <T>(random: SeededRandom, longest: number, make: () => T): T[] => Array.from({ length: random.below(longest + 1) }, make);

const randomDocument = (random: SeededRandom): Value => ({
  ...(random.chance(0.8) ? { a: random.below(5) } : {}),
  ...(random.chance(0.5) ? { b: random.pick(WORDS) } : {}),
  ...(random.chance(0.3) ? { c: { d: random.below(3), e: null } } : {}),
  ...(random.chance(0.3) ? { f: [random.below(3), "x", true] } : {}),
});

export const randomValue = (random: SeededRandom, type: FieldType): Value => {
  switch (type) {
    case "Int64":
      return random.below(12) - 3;
    case "Int8":
    case "Int32":
      return random.below(8) - 2;
    case "Bool":
      return random.chance(0.5);
    case "Float":
      return random.below(9) / 2 - 1;
    case "Double":
      return random.below(9) / 4 - 1;
    case "VarChar":
      return random.pick(TEXTS);
    case "JSON":
      return randomDocument(random);
    case "Integers":
      return list(random, 4, () => random.below(5));
    case "Texts":
      return list(random, 3, () => random.pick(WORDS));
    case "Timestamptz":
      throw new Error("moments are made by who knows the clock");
  }
};

export const randomVector = (random: SeededRandom): number[] => {
  const vector = Array.from({ length: DIM }, () => random.below(7) - 3);
  // Of the zero vector there is no cosine.
  return vector.every((value) => value === 0) ? [1, 0, 0, 0] : vector;
};

export const randomExtra = (random: SeededRandom): Record<string, unknown> => ({
  ...(random.chance(0.5) ? { x: random.below(4) } : {}),
  ...(random.chance(0.3) ? { y: random.pick(WORDS) } : {}),
  ...(random.chance(0.2) ? { z: random.chance(0.5) } : {}),
});

/** A row as it is inserted: fields that take nulls may be absent or null. */
export const randomRow = (random: SeededRandom, shape: Shape, key: Key | undefined): Record<string, unknown> => {
  const row: Record<string, unknown> = key === undefined ? {} : { id: key };
  for (const field of shape.fields) {
    const optional = field.nullable || field.defaultValue !== undefined;
    if (optional && random.chance(0.25)) {
      if (random.chance(0.5)) row[field.name] = null;
    } else row[field.name] = randomValue(random, field.type);
  }
  row.vector = randomVector(random);
  return shape.dynamic ? { ...row, ...randomExtra(random) } : row;
};

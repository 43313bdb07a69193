/** Random filters: their text, and what they say of a row of the model, with three-valued logic. */
import type { SeededRandom } from "../support/random.js";
import type { ModelRow } from "./model.js";
import { type Key, randomKey, randomValue, type Shape, type ShapeField } from "./shape.js";

export type Truth = boolean | null;

export interface Filter {
  readonly text: string;
  test(row: ModelRow): Truth;
  /** The whole filter names these keys, each once, and says nothing else. */
  readonly keys?: readonly Key[];
}

export const matches = (filter: Filter, row: ModelRow): boolean => filter.test(row) === true;

type Scalar = number | bigint | string | boolean;

const literal = (value: Scalar): string => (typeof value === "string" ? JSON.stringify(value) : String(value));

const order = (left: Scalar, right: Scalar): number =>
  typeof left === "string" && typeof right === "string"
    ? Buffer.compare(Buffer.from(left), Buffer.from(right))
    : left < right
      ? -1
      : left > right
        ? 1
        : 0;

const comparisons: Record<string, (order: number) => boolean> = {
  "==": (by) => by === 0,
  "!=": (by) => by !== 0,
  "<": (by) => by < 0,
  "<=": (by) => by <= 0,
  ">": (by) => by > 0,
  ">=": (by) => by >= 0,
};

const compare = (name: string, get: (row: ModelRow) => unknown, operator: string, value: Scalar): Filter => ({
  text: `${name} ${operator} ${literal(value)}`,
  test: (row) => {
    const held = get(row);
    // Of JSON a value of another kind says nothing.
    if (held === null || held === undefined || typeof held !== typeof value) return null;
    return comparisons[operator]?.(order(held as Scalar, value)) ?? null;
  },
});

const within = (name: string, get: (row: ModelRow) => unknown, values: readonly Scalar[]): Filter => ({
  text: `${name} in [${values.map(literal).join(", ")}]`,
  test: (row) => {
    const held = get(row);
    return held === null || held === undefined ? null : values.includes(held as Scalar);
  },
});

const keysFilter = (random: SeededRandom, shape: Shape, known: readonly Key[]): Filter => {
  const some = (): Key => (known.length > 0 && (shape.autoId || random.chance(0.7)) ? random.pick(known) : randomKey(random, shape));
  const kind = random.below(3);
  if (kind === 0) return compare("id", (row) => row.key, random.pick(["<", "<=", ">", ">=", "!="]), some());
  const keys = [...new Set(Array.from({ length: kind === 1 ? 1 : 1 + random.below(6) }, some))];
  const [first] = keys as [Key];
  return {
    text: kind === 1 ? `id == ${literal(first)}` : `id in [${keys.map(literal).join(", ")}]`,
    test: (row) => keys.includes(row.key),
    keys,
  };
};

const like = (name: string, get: (row: ModelRow) => unknown, prefix: string, side: "start" | "end" | "middle"): Filter => ({
  text: `${name} like "${side === "start" ? "" : "%"}${prefix}${side === "end" ? "" : "%"}"`,
  test: (row) => {
    const held = get(row);
    if (typeof held !== "string") return null;
    return side === "start" ? held.startsWith(prefix) : side === "end" ? held.endsWith(prefix) : held.includes(prefix);
  },
});

const isNull = (field: ShapeField, wanted: boolean): Filter => ({
  text: `${field.name} ${wanted ? "is null" : "is not null"}`,
  test: (row) => (row.values[field.name] === null) === wanted,
});

const ofDocument = (random: SeededRandom, field: ShapeField): Filter => {
  const { name } = field;
  const document = (row: ModelRow) => (row.values[name] ?? {}) as { a?: unknown; b?: unknown; c?: { d?: unknown } };
  const kind = random.below(4);
  if (kind === 0) return compare(`${name}["a"]`, (row) => document(row).a, random.pick(Object.keys(comparisons)), random.below(5));
  if (kind === 1) return compare(`${name}["b"]`, (row) => document(row).b, "==", random.pick(["red", "green"]));
  if (kind === 2) return compare(`${name}["c"]["d"]`, (row) => document(row).c?.d, ">=", 1);
  return { text: `exists ${name}["a"]`, test: (row) => document(row).a !== undefined };
};

const ofArray = (random: SeededRandom, { name }: ShapeField): Filter => {
  const wanted = random.below(4);
  const array = (row: ModelRow) => row.values[name] as unknown[] | null;
  if (random.chance(0.4)) return compare(`array_length(${name})`, (row) => array(row)?.length ?? null, random.pick([">", "=="]), wanted);
  return {
    text: `array_contains(${name}, ${wanted})`,
    test: (row) => array(row)?.includes(wanted) ?? null,
  };
};

const ofExtra = (random: SeededRandom): Filter => {
  const kind = random.below(3);
  if (kind === 0) return compare("x", (row) => row.extra.x, random.pick(Object.keys(comparisons)), random.below(4));
  if (kind === 1) return compare("y", (row) => row.extra.y, "==", random.pick(["red", "blue"]));
  return { text: "exists x", test: (row) => row.extra.x !== undefined };
};

const ofField = (random: SeededRandom, field: ShapeField): Filter => {
  const get = (row: ModelRow) => row.values[field.name];
  if (field.nullable && random.chance(0.2)) return isNull(field, random.chance(0.5));
  if (field.type === "JSON") return ofDocument(random, field);
  if (field.type === "Integers") return ofArray(random, field);
  const value = () => randomValue(random, field.type) as Scalar;
  if (field.type === "Texts") return compare(`array_length(${field.name})`, (row) => (get(row) as unknown[]).length, "<", 2);
  if (field.type === "Bool") return compare(field.name, get, random.pick(["==", "!="]), value());
  if (field.type === "VarChar" && random.chance(0.4))
    return like(field.name, get, random.pick(["a", "b", "ä"]), random.pick(["start", "end", "middle"]));
  if (random.chance(0.3)) return within(field.name, get, [value(), value(), value()]);
  return compare(field.name, get, random.pick(Object.keys(comparisons)), value());
};

const leaf = (random: SeededRandom, shape: Shape, known: readonly Key[]): Filter => {
  if (random.chance(0.2)) return keysFilter(random, shape, known);
  if (shape.dynamic && random.chance(0.15)) return ofExtra(random);
  return ofField(random, random.pick(shape.fields));
};

const joined = (operator: "and" | "or", left: Filter, right: Filter): Filter => ({
  text: `(${left.text}) ${operator} (${right.text})`,
  test: (row) => {
    const decisive = operator === "or";
    const [one, other] = [left.test(row), right.test(row)];
    if (one === decisive || other === decisive) return decisive;
    return one === null || other === null ? null : !decisive;
  },
  ...(operator === "or" && left.keys !== undefined && right.keys !== undefined
    ? { keys: [...new Set([...left.keys, ...right.keys])] }
    : {}),
});

const negated = (filter: Filter): Filter => ({
  text: `not (${filter.text})`,
  test: (row) => {
    const truth = filter.test(row);
    return truth === null ? null : !truth;
  },
});

/** @param known keys that are there, to be named more often than others */
export const randomFilter = (random: SeededRandom, shape: Shape, known: readonly Key[]): Filter => {
  const kind = random.next();
  if (kind < 0.55) return leaf(random, shape, known);
  if (kind < 0.65) return negated(leaf(random, shape, known));
  return joined(random.pick(["and", "or"]), leaf(random, shape, known), leaf(random, shape, known));
};

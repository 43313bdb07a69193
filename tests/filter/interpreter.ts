/**
 * What a filter program means, said a second time: runs its bytes over one row.
 *
 * Reads the format from its description in src/filter/program.ts and shares no code with the writer. Three-valued: true, false, null. A row maps field
 * ids to cells: null, a bool, an integer (bigint), a float64 (number), a float32 (`single`), a string, JSON (`json`), or an array (`array`).
 */
import { equalJson, follow, hasLeaf, type Json, parseJson } from "./json-value.js";

export interface Single {
  readonly single: number;
}
export interface JsonCell {
  readonly json: Json;
}
export interface ArrayCell {
  readonly array: readonly Json[];
  /** The elements are float32. */
  readonly rounded: boolean;
}
export type Cell = null | boolean | bigint | number | string | Single | JsonCell | ArrayCell;
export type Row = ReadonlyMap<number, Cell>;
export type Truth = boolean | null;

export const single = (value: number): Single => ({ single: Math.fround(value) });
export const json = (text: string): JsonCell => ({ json: parseJson(text) });

/** An array of scalars; `rounded`: float32. */
export const array = (elements: readonly Json[], rounded = false): ArrayCell => ({
  array: rounded ? elements.map((element) => Math.fround(Number(element))) : elements,
  rounded,
});

interface Operand {
  readonly field: number;
  readonly path: readonly (string | number)[] | undefined;
  readonly element: number | undefined;
  readonly length: boolean;
  readonly arithmetic: number;
  readonly argument: Json;
}

/** Leaves answer for a row; an inner node takes the answers of `count` nodes. */
type Node =
  | { readonly count: 0; readonly test: (row: Row) => Truth }
  | { readonly count: number; readonly join: (truths: Truth[]) => Truth };

class Reader {
  #at = 0;
  constructor(readonly bytes: Buffer) {}

  get finished(): boolean {
    return this.#at === this.bytes.length;
  }

  #step(size: number): number {
    this.#at += size;
    return this.#at - size;
  }

  u8(): number {
    return this.bytes.readUInt8(this.#step(1));
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.#step(4));
  }

  string(): string {
    const length = this.u32();
    const start = this.#step(length);
    if (start + length > this.bytes.length) throw new RangeError("a string goes beyond the program");
    return this.bytes.toString("utf8", start, start + length);
  }

  value(): Json {
    const tag = this.u8();
    if (tag === 1) return this.u8() === 1;
    if (tag === 2) return this.bytes.readBigInt64LE(this.#step(8));
    if (tag === 3) return this.bytes.readDoubleLE(this.#step(8));
    if (tag === 4) return this.string();
    if (tag === 5) return parseJson(this.string());
    throw new RangeError(`value tag ${tag}`);
  }

  operand(): Operand {
    const source = this.u8();
    if (source < 1 || source > 4) throw new RangeError(`source ${source}`);
    const field = this.u32();
    const element = source === 3 ? this.u32() : undefined;
    const path = source === 1 || source === 3 ? undefined : Array.from({ length: this.u32() }, () => this.#pathStep());
    const arithmetic = this.u8();
    return { field, path, element, length: source === 4, arithmetic, argument: arithmetic === 0 ? null : this.value() };
  }

  #pathStep(): string | number {
    const tag = this.u8();
    if (tag === 1) return this.string();
    if (tag === 2) return this.u32();
    throw new RangeError(`step ${tag}`);
  }
}

const isNumber = (value: unknown): value is bigint | number => typeof value === "bigint" || typeof value === "number";

const calculate = (operator: number, left: bigint | number, right: bigint | number): bigint | number | null => {
  const integers = typeof left === "bigint" && typeof right === "bigint" ? ([left, right] as const) : undefined;
  if (operator >= 5 || (operator === 4 && integers !== undefined)) {
    const whole = (value: bigint | number): bigint | undefined =>
      typeof value === "bigint" ? value : Number.isInteger(value) ? BigInt(value) : undefined;
    const [a, b] = [whole(left), whole(right)];
    if (a === undefined || b === undefined) return null;
    const results: Record<number, () => bigint> = { 4: () => a / b, 5: () => a % b, 6: () => a & b, 7: () => a | b, 8: () => a ^ b };
    const result = results[operator];
    if (result === undefined) throw new RangeError(`arithmetic ${operator}`);
    return BigInt.asIntN(64, result());
  }
  if (integers !== undefined) {
    const [a, b] = integers;
    return BigInt.asIntN(64, operator === 1 ? a + b : operator === 2 ? a - b : a * b);
  }
  const [a, b] = [Number(left), Number(right)];
  return operator === 1 ? a + b : operator === 2 ? a - b : operator === 3 ? a * b : a / b;
};

/** What the cell has at the operand's path or index. */
const stored = (cell: Cell, { path, element }: Operand): Json => {
  if (typeof cell !== "object" || cell === null) return cell;
  if ("single" in cell) return cell.single;
  if ("json" in cell) return follow(cell.json, path ?? []) ?? null;
  return element === undefined ? cell.array : (cell.array[element] ?? null);
};

/** What an operand is in a row: null when nothing is there. `rounded`: a float32, which meets constants as float32. */
const cellValue = (operand: Operand, row: Row): { value: Json; rounded: boolean } => {
  const cell = row.get(operand.field);
  if (cell === undefined) throw new RangeError(`field ${operand.field} is not in the row`);
  let value = stored(cell, operand);
  if (operand.length) value = Array.isArray(value) ? BigInt(value.length) : null;
  const rounded = typeof cell === "object" && cell !== null && !operand.length && ("single" in cell || ("array" in cell && cell.rounded));
  if (operand.arithmetic === 0 || value === null) return { value, rounded };
  if (!isNumber(value) || !isNumber(operand.argument)) return { value: null, rounded };
  const argument = rounded ? Math.fround(Number(operand.argument)) : operand.argument;
  const result = calculate(operand.arithmetic, value, argument);
  return { value: rounded && typeof result === "number" ? Math.fround(result) : result, rounded };
};

/** -1, 0, 1; NaN for numbers without order; null for kinds that do not meet. */
const order = (left: Json, right: Json): number | null => {
  if (isNumber(left) && isNumber(right)) {
    const [a, b] = typeof left === typeof right ? [left, right] : [Number(left), Number(right)];
    return a < b ? -1 : a > b ? 1 : a === b ? 0 : Number.NaN;
  }
  if (typeof left === "string" && typeof right === "string") return Buffer.compare(Buffer.from(left), Buffer.from(right));
  return typeof left === "boolean" && typeof right === "boolean" ? Number(left) - Number(right) : null;
};

const compare = (comparison: number, left: Json, right: Json): Truth => {
  if (left === null || right === null) return null;
  if (Array.isArray(right)) {
    if (!Array.isArray(left)) return null;
    return comparison === 1 ? equalJson(left, right) : comparison === 2 ? !equalJson(left, right) : false;
  }
  const ordered = order(left, right);
  if (ordered === null) return null;
  const results = [undefined, ordered === 0, ordered !== 0, ordered < 0, ordered <= 0, ordered > 0, ordered >= 0];
  const result = results[comparison];
  if (result === undefined) throw new RangeError(`comparison ${comparison}`);
  return result;
};

const constant = (value: Json, rounded: boolean): Json => {
  if (rounded && Array.isArray(value)) return value.map((element: Json) => constant(element, true));
  return rounded && isNumber(value) ? Math.fround(Number(value)) : value;
};

const and = (truths: Truth[]): Truth => (truths.includes(false) ? false : truths.includes(null) ? null : true);
const or = (truths: Truth[]): Truth => (truths.includes(true) ? true : truths.includes(null) ? null : false);
const not = ([truth]: Truth[]): Truth => (truth === null || truth === undefined ? null : !truth);

/** `%` any text, `_` one character, `\` takes the next one as it is. */
const likePattern = (pattern: string): RegExp => {
  let source = "";
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at++) {
    let character = characters[at] as string;
    if (character === "%" || character === "_") {
      source += character === "%" ? ".*" : ".";
      continue;
    }
    if (character === "\\") {
      at += 1;
      if (at === characters.length) throw new RangeError("a pattern ends with its escape character");
      character = characters[at] as string;
    }
    source += character.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  }
  return new RegExp(`^${source}$`, "su");
};

const comparisonNode = (reader: Reader, operands: boolean): Node => {
  const comparison = reader.u8();
  const left = reader.operand();
  if (operands) {
    const right = reader.operand();
    return { count: 0, test: (row) => compare(comparison, cellValue(left, row).value, cellValue(right, row).value) };
  }
  const literal = reader.value();
  return {
    count: 0,
    test: (row) => {
      const { value, rounded } = cellValue(left, row);
      return compare(comparison, value, constant(literal, rounded));
    },
  };
};

const rangeNode = (reader: Reader): Node => {
  const inclusive = reader.u8();
  const operand = reader.operand();
  const [low, high] = [reader.value(), reader.value()];
  return {
    count: 0,
    test: (row) => {
      const { value, rounded } = cellValue(operand, row);
      const above = compare((inclusive & 1) !== 0 ? 6 : 5, value, constant(low, rounded));
      return and([above, compare((inclusive & 2) !== 0 ? 4 : 3, value, constant(high, rounded))]);
    },
  };
};

const membershipNode = (reader: Reader): Node => {
  const operand = reader.operand();
  const values = Array.from({ length: reader.u32() }, () => reader.value());
  return {
    count: 0,
    test: (row) => {
      const { value, rounded } = cellValue(operand, row);
      if (values.length === 0) return value === null ? null : false;
      return or(values.map((candidate) => compare(1, value, constant(candidate, rounded))));
    },
  };
};

const containsNode = (reader: Reader): Node => {
  const all = reader.u8() === 2;
  const operand = reader.operand();
  const wanted = Array.from({ length: reader.u32() }, () => reader.value());
  return {
    count: 0,
    test: (row) => {
      const { value, rounded } = cellValue(operand, row);
      if (!Array.isArray(value)) return null;
      const has = (one: Json): boolean => value.some((element: Json) => equalJson(element, constant(one, rounded)));
      return all ? wanted.every(has) : wanted.some(has);
    },
  };
};

const likeNode = (reader: Reader): Node => {
  const operand = reader.operand();
  const pattern = likePattern(reader.string());
  return {
    count: 0,
    test: (row) => {
      const { value } = cellValue(operand, row);
      return typeof value === "string" ? pattern.test(value) : null;
    },
  };
};

const presenceNode = (reader: Reader, exists: boolean): Node => {
  const operand = reader.operand();
  return {
    count: 0,
    test: (row) => {
      if (operand.path === undefined && !exists) return row.get(operand.field) === null;
      const { value } = cellValue(operand, row);
      return exists ? hasLeaf(value) : value === null;
    },
  };
};

const readNode = (reader: Reader): Node => {
  const opcode = reader.u8();
  switch (opcode) {
    case 0x01:
    case 0x02:
      return { count: 0, test: () => opcode === 0x01 };
    case 0x10:
      return { count: reader.u32(), join: and };
    case 0x11:
      return { count: reader.u32(), join: or };
    case 0x12:
      return { count: 1, join: not };
    case 0x20:
    case 0x21:
      return comparisonNode(reader, opcode === 0x21);
    case 0x22:
      return rangeNode(reader);
    case 0x23:
      return membershipNode(reader);
    case 0x24:
      return likeNode(reader);
    case 0x25:
    case 0x26:
      return presenceNode(reader, opcode === 0x26);
    case 0x27:
      return containsNode(reader);
    default:
      throw new RangeError(`opcode ${opcode}`);
  }
};

/** The nodes in preorder; throws when the bytes are not one whole program. */
const readProgram = (program: Buffer): Node[] => {
  const reader = new Reader(program);
  if (reader.u8() !== 2) throw new RangeError("not a program of version 2");
  const nodes: Node[] = [];
  for (let missing = 1; missing > 0; missing -= 1) {
    const node = readNode(reader);
    missing += node.count;
    nodes.push(node);
  }
  if (!reader.finished) throw new RangeError("bytes behind the program");
  return nodes;
};

/** What the program says of each row; no program says true. */
export const evaluate = (program: Buffer | undefined, rows: readonly Row[]): Truth[] => {
  if (program === undefined) return rows.map(() => true);
  const nodes = readProgram(program);
  return rows.map((row) => {
    // From the last node to the first, the children of a node lie on top of the stack, the first one uppermost.
    const truths: Truth[] = [];
    for (const node of nodes.toReversed()) {
      if ("test" in node) truths.push(node.test(row));
      else truths.push(node.join(truths.splice(truths.length - node.count)));
    }
    return truths[0] ?? null;
  });
};

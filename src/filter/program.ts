/**
 * The compact form of a typed filter, read by `core/src/filter/program.rs`. Little-endian, preorder, no padding:
 *
 *     program  := version:u8 (2) node
 *     node     := 0x01                                          true for every row
 *               | 0x02                                          false for every row
 *               | 0x10 count:u32 node*                          and   (Kleene)
 *               | 0x11 count:u32 node*                          or    (Kleene)
 *               | 0x12 node                                     not   (Kleene)
 *               | 0x20 comparison:u8 operand value              operand CMP value
 *               | 0x21 comparison:u8 operand operand            operand CMP operand
 *               | 0x22 inclusive:u8 operand value value         low CMP operand CMP high; bit 0: low inclusive, bit 1: high inclusive
 *               | 0x23 operand count:u32 value*                 operand in [values]; all of one tag
 *               | 0x24 operand string                           operand like pattern
 *               | 0x25 operand                                  operand is null (never null itself); JSON path: absent or null
 *               | 0x26 operand                                  exists: the JSON path has at least one leaf that is not null
 *               | 0x27 quantifier:u8 operand count:u32 value*   the array (an Array column, or at a JSON path) contains 1: any, 2: all of the values,
 *                                                               one at least
 *     operand  := source arithmetic:u8 [value]                  value only when arithmetic is not 0
 *     source   := 0x01 field:u32                                column (of a JSON column: the whole document; of an Array column: the whole array)
 *               | 0x02 field:u32 count:u32 step*                path in a JSON column
 *               | 0x03 field:u32 index:u32                      element of an Array column
 *               | 0x04 field:u32 count:u32 step*                length, an Int64, of the array at a path in a JSON column, or of an Array column (no steps)
 *     step     := 0x01 string | 0x02 index:u32
 *     value    := 0x01 u8 (bool) | 0x02 i64 | 0x03 f64 | 0x04 string | 0x05 string (JSON text, for JSON operands)
 *     string   := length:u32 bytes (UTF-8)
 *
 * Comparison: 1 `==`, 2 `!=`, 3 `<`, 4 `<=`, 5 `>`, 6 `>=`. Arithmetic: 1 `+`, 2 `-`, 3 `*`, 4 `/`, 5 `%`, 6 `&`, 7 `|`, 8 `^`.
 * A comparison, range, membership or pattern on a null (or, for JSON, absent or differently typed) operand is null; only true selects a row.
 * An element beyond the end of its array is null; so are containment and length where no array is. A whole Array column meets JSON lists alone, with `==`
 * (as long, and equal element by element) and `!=`. Numbers in arrays are equal across kinds; JSON null equals nothing.
 * Integers compare as int64 and wrap; a float on either side compares as float64, but a Float
 * column computes and compares in float32, its constants too. The nesting is at most 10,000 deep and is walked without recursion.
 */

export const Comparison = { Equal: 1, NotEqual: 2, Less: 3, LessEqual: 4, Greater: 5, GreaterEqual: 6 } as const;
export type Comparison = (typeof Comparison)[keyof typeof Comparison];

export const Arithmetic = { None: 0, Add: 1, Subtract: 2, Multiply: 3, Divide: 4, Modulo: 5, BitAnd: 6, BitOr: 7, BitXor: 8 } as const;
export type Arithmetic = (typeof Arithmetic)[keyof typeof Arithmetic];

export const Opcode = {
  True: 0x01,
  False: 0x02,
  And: 0x10,
  Or: 0x11,
  Not: 0x12,
  Compare: 0x20,
  CompareOperands: 0x21,
  Range: 0x22,
  In: 0x23,
  Like: 0x24,
  IsNull: 0x25,
  Exists: 0x26,
  Contains: 0x27,
} as const;

export const Source = { Column: 0x01, Path: 0x02, Element: 0x03, Length: 0x04 } as const;
export const ContainsQuantifier = { Any: 1, All: 2 } as const;
export const Step = { Key: 0x01, Index: 0x02 } as const;

export const PROGRAM_VERSION = 2;

/** Bits of a Range's `inclusive`. */
export const RangeInclusive = { Low: 1, High: 2 } as const;

export type ProgramValue =
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "int"; readonly value: bigint }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  /** JSON text. */
  | { readonly kind: "json"; readonly value: string };

const valueTags = { bool: 1, int: 2, float: 3, string: 4, json: 5 } as const;

export interface ProgramOperand {
  readonly field: number;
  /** Of a JSON column: keys and indexes, one at least. Absent: the column itself. */
  readonly path?: readonly (string | number)[];
  /** Of an Array column: an index. */
  readonly element?: number;
  /** The length of the array in place of the array. */
  readonly length?: true;
  readonly arithmetic?: { readonly operator: Arithmetic; readonly value: ProgramValue };
}

/** Writes a program in preorder: after `and(n)` or `or(n)` the caller writes n nodes, after `not()` one. */
export class ProgramWriter {
  #bytes = Buffer.alloc(256);
  #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.byteLength);
  #length = 0;
  constructor() {
    this.#u8(PROGRAM_VERSION);
  }

  constant(value: boolean): void {
    this.#u8(value ? Opcode.True : Opcode.False);
  }

  and(count: number): void {
    this.#u8(Opcode.And);
    this.#u32(count);
  }

  or(count: number): void {
    this.#u8(Opcode.Or);
    this.#u32(count);
  }

  not(): void {
    this.#u8(Opcode.Not);
  }

  compare(comparison: Comparison, operand: ProgramOperand, value: ProgramValue): void {
    this.#u8(Opcode.Compare);
    this.#u8(comparison);
    this.#operand(operand);
    this.#value(value);
  }

  compareOperands(comparison: Comparison, left: ProgramOperand, right: ProgramOperand): void {
    this.#u8(Opcode.CompareOperands);
    this.#u8(comparison);
    this.#operand(left);
    this.#operand(right);
  }

  range(inclusive: number, operand: ProgramOperand, low: ProgramValue, high: ProgramValue): void {
    this.#u8(Opcode.Range);
    this.#u8(inclusive);
    this.#operand(operand);
    this.#value(low);
    this.#value(high);
  }

  /** `values` are all of one kind. */
  in(operand: ProgramOperand, values: readonly ProgramValue[]): void {
    this.#u8(Opcode.In);
    this.#operand(operand);
    this.#u32(values.length);
    for (const value of values) this.#value(value);
  }

  like(operand: ProgramOperand, pattern: string): void {
    this.#u8(Opcode.Like);
    this.#operand(operand);
    this.#string(pattern);
  }

  /** `values` are one at least; of a JSON operand they may be of several kinds. */
  contains(all: boolean, operand: ProgramOperand, values: readonly ProgramValue[]): void {
    this.#u8(Opcode.Contains);
    this.#u8(all ? ContainsQuantifier.All : ContainsQuantifier.Any);
    this.#operand(operand);
    this.#u32(values.length);
    for (const value of values) this.#value(value);
  }

  isNull(operand: ProgramOperand): void {
    this.#u8(Opcode.IsNull);
    this.#operand(operand);
  }

  exists(operand: ProgramOperand): void {
    this.#u8(Opcode.Exists);
    this.#operand(operand);
  }

  /** The program; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #operand(operand: ProgramOperand): void {
    const { path, element, length } = operand;
    this.#u8(length === true ? Source.Length : path !== undefined ? Source.Path : element !== undefined ? Source.Element : Source.Column);
    this.#u32(operand.field);
    if (length === true || path !== undefined) this.#path(path ?? []);
    else if (element !== undefined) this.#u32(element);
    this.#u8(operand.arithmetic?.operator ?? Arithmetic.None);
    if (operand.arithmetic !== undefined) this.#value(operand.arithmetic.value);
  }

  #path(steps: readonly (string | number)[]): void {
    this.#u32(steps.length);
    for (const step of steps) {
      this.#u8(typeof step === "string" ? Step.Key : Step.Index);
      if (typeof step === "string") this.#string(step);
      else this.#u32(step);
    }
  }

  #value(value: ProgramValue): void {
    this.#u8(valueTags[value.kind]);
    if (value.kind === "bool") this.#u8(value.value ? 1 : 0);
    else if (value.kind === "string" || value.kind === "json") this.#string(value.value);
    else {
      this.#room(8);
      if (value.kind === "int") this.#view.setBigInt64(this.#length, value.value, true);
      else this.#view.setFloat64(this.#length, value.value, true);
      this.#length += 8;
    }
  }

  #string(value: string): void {
    const length = Buffer.byteLength(value);
    this.#u32(length);
    this.#room(length);
    this.#length += this.#bytes.write(value, this.#length);
  }

  #u8(value: number): void {
    this.#room(1);
    this.#view.setUint8(this.#length, value);
    this.#length += 1;
  }

  #u32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** Makes room for `size` more bytes. */
  #room(size: number): void {
    if (this.#length + size <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + size));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer, larger.byteOffset, larger.byteLength);
  }
}

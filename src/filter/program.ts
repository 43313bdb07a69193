/**
 * The compact form of a typed filter, read by `core/src/filter/program.rs`. Little-endian, preorder, no padding:
 *
 *     program  := version:u8 (1) node
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
 *     operand  := source arithmetic:u8 [value]                  value only when arithmetic is not 0
 *     source   := 0x01 field:u32                                column
 *               | 0x02 field:u32 count:u32 step*                path in a JSON column
 *     step     := 0x01 string | 0x02 index:u32
 *     value    := 0x01 u8 (bool) | 0x02 i64 | 0x03 f64 | 0x04 string | 0x05 string (JSON text, for JSON operands)
 *     string   := length:u32 bytes (UTF-8)
 *
 * Comparison: 1 `==`, 2 `!=`, 3 `<`, 4 `<=`, 5 `>`, 6 `>=`. Arithmetic: 1 `+`, 2 `-`, 3 `*`, 4 `/`, 5 `%`, 6 `&`, 7 `|`, 8 `^`.
 * A comparison, range, membership or pattern on a null (or, for JSON, absent or differently typed) operand is null; only true selects a row.
 * Integers compare as int64 and wrap; a float on either side compares as float64. The nesting is at most 10,000 deep and is walked without recursion.
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
} as const;

export const PROGRAM_VERSION = 1;

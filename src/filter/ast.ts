/**
 * A parsed filter: its nodes in postorder.
 *
 * Operands come before their operator, so whoever walks it needs a stack and no recursion, and sees the parts in the order Milvus's visitor does.
 * A node knows the tokens it spans, twice: bare, and with the parentheses around it (messages quote the one or the other).
 */
import type { TokenKind } from "./tokens.js";

export const NodeKind = {
  Integer: 1,
  Float: 2,
  Boolean: 3,
  String: 4,
  RawString: 5,
  /** A field, `$meta`, or a key of the dynamic field. */
  Name: 6,
  /** `name["key"]`. */
  Path: 7,
  /** `{name}`; `token` is the name. */
  Template: 8,
  /** `count` elements. */
  List: 9,
  /** `token` is the name or path; `operator` IsNull or IsNotNull. */
  NullTest: 10,
  /** `+ - ~ not exists` by `operator`; one operand. */
  Prefix: 11,
  /** By `operator`; two operands. */
  Binary: 12,
  /** Two operands; `count` 1 for `not in`. */
  In: 13,
  /** A list of literals alone, `first` to `last` its tokens: numbers, strings and bools, numbers perhaps behind a minus. */
  LiteralList: 15,
  /** Two operands, the bounds in the order written; `token` is the name or path; `operator` Less (ascending) or Greater; `count` see RangeBounds. */
  Range: 14,
  /** Two operands, the array and the wanted elements; `operator` Contains, ContainsAll or ContainsAny. */
  Contains: 16,
  /** `array_length(name)`; `token` is the name or path. */
  Length: 17,
} as const;
export type NodeKind = (typeof NodeKind)[keyof typeof NodeKind];

/** Bits of a Range's `count`. */
export const RangeBounds = { LeftInclusive: 1, RightInclusive: 2 } as const;

export interface Node {
  readonly kind: NodeKind;
  readonly operator: TokenKind;
  /** Index of the token that gives the node its value, or of its operator. */
  readonly token: number;
  readonly count: number;
  readonly first: number;
  readonly last: number;
  /** `first` and `last` with the parentheses around. */
  outerFirst: number;
  outerLast: number;
}

/**
 * A typed filter, before template values are put in.
 *
 * Model: the checker makes `Item`s (what a part of the expression is: a constant, a template, a column, arithmetic, a predicate); predicates carry
 * their `Plan`. A plan holds constants already cast to the type of what they meet; a `Template` stands where a value comes later. Constants are folded
 * as plans are joined, which in Kleene logic changes no row: `true and x` is x, `false and x` is false, `not not x` is x.
 */
import { DataType } from "../shared/proto/generated/messages.js";
import type { Arithmetic, Comparison } from "./program.js";
import type { Constant } from "./values.js";

/** A field of a collection as the filter sees it; `dataType` and `elementType` are Milvus DataType numbers. */
export interface FilterField {
  readonly id: number;
  readonly name: string;
  readonly dataType: number;
  readonly primary?: boolean;
  /** The partition of a row follows from this field; of an Int64 or VarChar, at most one. */
  readonly partitionKey?: boolean;
  readonly nullable?: boolean;
  /** The dynamic field: undeclared names are its keys. */
  readonly dynamic?: boolean;
  readonly elementType?: number;
}

export interface Column {
  readonly field: FilterField;
  /** Of a JSON field; absent: the whole document. */
  readonly path?: readonly (string | number)[];
  /** Of an Array field: the index of one element; absent: the whole array. */
  readonly element?: number;
  /** Not the array that is there but the number of its elements. */
  readonly length?: true;
}

/** The type of the value that a column has in a row. */
export const valueType = ({ field, element, length }: Column): number => {
  if (length === true) return DataType.Int64;
  return element === undefined ? field.dataType : (field.elementType ?? DataType.None);
};

export interface Template {
  readonly kind: "template";
  readonly name: string;
}
export type Slot = Constant | Template;

/** `column OP operand`, in the arithmetic of `type`. */
export interface Calculation {
  readonly operator: Arithmetic;
  readonly operand: Slot;
  readonly type: DataType;
}

/** One wanted element, all of a list, any of a list: Milvus's names, as its messages say them. */
export type Quantifier = "Contains" | "ContainsAll" | "ContainsAny";

export type Plan =
  | { readonly op: "constant"; readonly value: boolean }
  | { readonly op: "and" | "or"; readonly left: Plan; readonly right: Plan }
  | { readonly op: "not"; readonly operand: Plan }
  | {
      readonly op: "compare";
      readonly comparison: Comparison;
      readonly column: Column;
      readonly calculation?: Calculation;
      readonly value: Slot;
    }
  | { readonly op: "compareColumns"; readonly comparison: Comparison; readonly left: Column; readonly right: Column }
  | { readonly op: "range"; readonly column: Column; readonly low: Slot; readonly high: Slot; readonly inclusive: number }
  | { readonly op: "in"; readonly column: Column; readonly values: Slot }
  | { readonly op: "like"; readonly column: Column; readonly pattern: Slot }
  | { readonly op: "contains"; readonly quantifier: Quantifier; readonly column: Column; readonly wanted: Slot }
  | { readonly op: "isNull"; readonly column: Column }
  | { readonly op: "exists"; readonly column: Column };

/** What a part of an expression is. `type`: None for a template. */
export type Item =
  | { readonly kind: "constant"; readonly type: DataType; readonly value: Constant }
  | { readonly kind: "template"; readonly type: DataType; readonly name: string }
  | { readonly kind: "column"; readonly type: DataType; readonly column: Column }
  /** `array_length(column)`, which stands only on one side of a comparison. */
  | { readonly kind: "length"; readonly type: DataType; readonly column: Column }
  | {
      readonly kind: "arithmetic";
      readonly type: DataType;
      readonly operator: Arithmetic;
      readonly left: Item;
      readonly right: Item;
      /** A template is somewhere in it: types are checked when its value is known. */
      readonly template: boolean;
    }
  | { readonly kind: "predicate"; readonly type: DataType; readonly plan: Plan };

export const constantPlan = (value: boolean): Plan => ({ op: "constant", value });

export const joined = (op: "and" | "or", left: Plan, right: Plan): Plan => {
  const decisive = op === "or";
  if (left.op === "constant") return left.value === decisive ? left : right;
  if (right.op === "constant") return right.value === decisive ? right : left;
  return { op, left, right };
};

export const inverted = (operand: Plan): Plan => {
  if (operand.op === "constant") return constantPlan(!operand.value);
  return operand.op === "not" ? operand.operand : { op: "not", operand };
};

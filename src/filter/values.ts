/**
 * Constants of a filter, and what may be made of two of them.
 *
 * Integers are int64 and wrap, as Go's do; a float on either side makes both floats. Strings compare by their UTF-8 bytes. Where Milvus panics
 * (a negated string, a list in arithmetic) the expression is unsupported. A Timestamptz is an integer of microseconds. Source: milvus planparserv2 operators.go, utils.go (castValue).
 */
import { FILTER_LIST_DEPTH_MAX } from "../shared/limits.js";
import { DataType } from "../shared/proto/generated/messages.js";
import { type FilterError, planFailed } from "./errors.js";
import { Comparison, type ProgramValue } from "./program.js";
import { TokenKind } from "./tokens.js";
import { isFloatingType, isIntegerType, isStringType, typeName } from "./types.js";

export interface ArrayConstant {
  readonly kind: "array";
  readonly values: readonly Constant[];
  /** None when empty or mixed. */
  readonly elementType: DataType;
  /** 1 for a list without lists. */
  readonly depth: number;
}
export type Constant = Exclude<ProgramValue, { kind: "json" }> | ArrayConstant;

const INT64_MIN = -(2n ** 63n);

export const constantType = (value: Constant): DataType => {
  if (value.kind === "bool") return DataType.Bool;
  if (value.kind === "int") return DataType.Int64;
  if (value.kind === "float") return DataType.Double;
  return value.kind === "string" ? DataType.VarChar : DataType.Array;
};

/** Lists nest at most FILTER_LIST_DEPTH_MAX deep, so what walks them may recurse. */
export const arrayOf = (values: readonly Constant[]): ArrayConstant => {
  const [first] = values;
  let depth = 1;
  let same = true;
  for (const value of values) {
    if (value.kind === "array") depth = Math.max(depth, value.depth + 1);
    same &&= value.kind === first?.kind;
  }
  if (depth > FILTER_LIST_DEPTH_MAX) throw planFailed(`lists are nested more than ${FILTER_LIST_DEPTH_MAX} deep`);
  return { kind: "array", values, elementType: same && first !== undefined ? constantType(first) : DataType.None, depth };
};

const jsonText = (value: Constant): string => {
  if (value.kind === "array") return `[${value.values.map(jsonText).join(",")}]`;
  if (value.kind === "string") return JSON.stringify(value.value);
  if (value.kind === "float" && !Number.isFinite(value.value)) throw planFailed("a list of a JSON comparison cannot hold infinity or NaN");
  return value.value.toString();
};

const constantNames = { bool: "bool_val", int: "int64_val", float: "float_val", string: "string_val" } as const;

/** As protobuf's text format prints a GenericValue: `int64_val:1`. */
export const constantText = (value: Constant): string => {
  if (value.kind === "string") return `string_val:${JSON.stringify(value.value)}`;
  if (value.kind !== "array") return `${constantNames[value.kind]}:${value.value}`;
  const same = value.values.length === 0 || value.elementType !== DataType.None;
  const fields = value.values.map((element) => `array:{${constantText(element)}}`);
  if (same) fields.push("same_type:true");
  if (value.elementType !== DataType.None) fields.push(`element_type:${typeName(value.elementType)}`);
  return `array_val:{${fields.join(" ")}}`;
};

export const programValue = (value: Constant): ProgramValue => (value.kind === "array" ? { kind: "json", value: jsonText(value) } : value);

/** The value as one of a field of `type` is compared with; undefined when it cannot be. */
export const tryCast = (type: DataType, value: Constant): Constant | undefined => {
  if (type === DataType.JSON) return value;
  if (type === DataType.Array) return value.kind === "array" ? value : undefined;
  if (isStringType(type)) return value.kind === "string" ? value : undefined;
  if (type === DataType.Bool) return value.kind === "bool" ? value : undefined;
  if (isIntegerType(type) || type === DataType.Timestamptz) return value.kind === "int" ? value : undefined;
  if (!isFloatingType(type)) return undefined;
  if (value.kind === "int") return { kind: "float", value: Number(value.value) };
  return value.kind === "float" ? value : undefined;
};

export const cannotCast = (type: DataType, value: Constant): FilterError =>
  planFailed(`cannot cast value to ${typeName(type)}, value: ${constantText(value)}`);

const compareStrings = (left: string, right: string): number => Buffer.compare(Buffer.from(left), Buffer.from(right));

const order = (left: Constant, right: Constant): number | undefined => {
  if (left.kind === "string" && right.kind === "string") return compareStrings(left.value, right.value);
  if (left.kind === "int" && right.kind === "int") return left.value < right.value ? -1 : left.value > right.value ? 1 : 0;
  if ((left.kind !== "int" && left.kind !== "float") || (right.kind !== "int" && right.kind !== "float")) return undefined;
  const difference = Number(left.value) - Number(right.value);
  return Number(left.value) === Number(right.value) ? 0 : difference;
};

/** `left CMP right`; undefined when the two cannot be compared. A NaN is in no order with anything, itself included. */
export const compareConstants = (comparison: Comparison, left: Constant, right: Constant): boolean | undefined => {
  if (left.kind === "bool" && right.kind === "bool") {
    if (comparison === Comparison.Equal) return left.value === right.value;
    return comparison === Comparison.NotEqual ? left.value !== right.value : undefined;
  }
  const ordered = order(left, right);
  if (ordered === undefined) return undefined;
  if (comparison === Comparison.Equal) return ordered === 0;
  if (comparison === Comparison.NotEqual) return ordered !== 0;
  if (comparison === Comparison.Less) return ordered < 0;
  if (comparison === Comparison.LessEqual) return ordered <= 0;
  return comparison === Comparison.Greater ? ordered > 0 : ordered >= 0;
};

const int = (value: bigint): Constant => ({ kind: "int", value: BigInt.asIntN(64, value) });
const float = (value: number): Constant => ({ kind: "float", value });

const power = (left: Constant, right: Constant): Constant | undefined => {
  if ((left.kind !== "int" && left.kind !== "float") || (right.kind !== "int" && right.kind !== "float")) return undefined;
  const result = Number(left.value) ** Number(right.value);
  if (left.kind !== "int" || right.kind !== "int" || right.value < 0n || result > 2 ** 63) return float(result);
  return Math.abs(result) >= 2 ** 63 ? int(INT64_MIN) : int(BigInt(Math.trunc(result)));
};

const integerOnly: ReadonlyMap<TokenKind, string> = new Map([
  [TokenKind.Modulo, "modulo can only apply on integer"],
  [TokenKind.BitAnd, "bitand can only apply on integer fields"],
  [TokenKind.BitOr, "bitor can only apply on integer fields"],
  [TokenKind.BitXor, "bitxor can only apply on integer fields"],
]);

const names: ReadonlyMap<TokenKind, string> = new Map([
  [TokenKind.Add, "add"],
  [TokenKind.Subtract, "subtract"],
  [TokenKind.Multiply, "multiply"],
  [TokenKind.Divide, "divide"],
]);

const integerArithmetic = (operator: TokenKind, left: bigint, right: bigint): bigint => {
  if (operator === TokenKind.Add) return left + right;
  if (operator === TokenKind.Subtract) return left - right;
  if (operator === TokenKind.Multiply) return left * right;
  if (operator === TokenKind.Divide) return left / right;
  if (operator === TokenKind.Modulo) return left % right;
  if (operator === TokenKind.BitAnd) return left & right;
  return operator === TokenKind.BitOr ? left | right : left ^ right;
};

const floatArithmetic = (operator: TokenKind, left: number, right: number): number => {
  if (operator === TokenKind.Add) return left + right;
  if (operator === TokenKind.Subtract) return left - right;
  return operator === TokenKind.Multiply ? left * right : left / right;
};

/** `left OP right` for the arithmetic and bitwise operators; undefined where Milvus panics. */
export const foldArithmetic = (operator: TokenKind, left: Constant, right: Constant): Constant | undefined => {
  if (operator === TokenKind.Power) return power(left, right);
  const needsIntegers = integerOnly.get(operator);
  if (needsIntegers !== undefined && (left.kind !== "int" || right.kind !== "int")) throw planFailed(needsIntegers);
  const name = names.get(operator);
  if (left.kind === "bool" || right.kind === "bool") throw planFailed(`${name} cannot apply on bool field`);
  if (left.kind === "string" || right.kind === "string") throw planFailed(`${name} cannot apply on string field`);
  if (left.kind === "array" || right.kind === "array") return undefined;
  if (operator === TokenKind.Divide && Number(right.value) === 0) throw planFailed("cannot divide by zero");
  if (operator === TokenKind.Modulo && right.value === 0n) throw planFailed("cannot modulo by zero");
  if (left.kind === "int" && right.kind === "int") return int(integerArithmetic(operator, left.value, right.value));
  return float(floatArithmetic(operator, Number(left.value), Number(right.value)));
};

/** `-value`; undefined where Milvus panics. */
export const negated = (value: Constant): Constant | undefined => {
  if (value.kind === "int") return int(-value.value);
  return value.kind === "float" ? float(-value.value) : undefined;
};

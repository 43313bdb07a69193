/**
 * Comparisons: of a field with a constant, of two fields, of a field between two bounds.
 *
 * Two constants are folded. A constant on the left turns the comparison round. With a template nothing is checked before its value is known.
 * Source: milvus planparserv2 utils.go (HandleCompare, handleCompareRightValue, castRangeValue), parser_visitor.go (VisitRange).
 */
import { DataType } from "../shared/proto/generated/messages.js";
import { calculationOf, castSlot, hasTemplate, isValue, refuseWholeArray, scalarType, slotOf } from "./arithmetic.js";
import { requireScalar } from "./columns.js";
import { badExpression, type FilterError, planFailed } from "./errors.js";
import { type Column, constantPlan, type Item, type Plan, type Slot, valueType } from "./plan.js";
import { Comparison, RangeInclusive } from "./program.js";
import { TokenKind } from "./tokens.js";
import { canCompare, isFloatingType, isIntegerType, isStringType, typeName } from "./types.js";
import { type Constant, cannotCast, compareConstants, tryCast } from "./values.js";

const comparisons: ReadonlyMap<TokenKind, Comparison> = new Map([
  [TokenKind.Equal, Comparison.Equal],
  [TokenKind.NotEqual, Comparison.NotEqual],
  [TokenKind.Less, Comparison.Less],
  [TokenKind.LessEqual, Comparison.LessEqual],
  [TokenKind.Greater, Comparison.Greater],
  [TokenKind.GreaterEqual, Comparison.GreaterEqual],
] as const);

const turned: Readonly<Record<Comparison, Comparison>> = {
  [Comparison.Equal]: Comparison.Equal,
  [Comparison.NotEqual]: Comparison.NotEqual,
  [Comparison.Less]: Comparison.Greater,
  [Comparison.LessEqual]: Comparison.GreaterEqual,
  [Comparison.Greater]: Comparison.Less,
  [Comparison.GreaterEqual]: Comparison.LessEqual,
};

export const comparisonOf = (token: TokenKind): Comparison | undefined => comparisons.get(token);

const typeText = (item: Item): string =>
  item.type === DataType.Array ? `${typeName(item.type)}[${typeName(scalarType(item))}]` : typeName(item.type);

const withValue = (comparison: Comparison, item: Item, slot: Slot): Plan => {
  if (item.kind === "arithmetic") {
    const value = hasTemplate(item) ? slot : castSlot(item.type, slot);
    const { column, calculation } = calculationOf(item);
    requireScalar(column, "arithmetic");
    return { op: "compare", comparison, column, calculation, value };
  }
  const column = item.kind === "length" ? lengthOf(item.column) : item.kind === "column" ? item.column : undefined;
  const value = castSlot(column === undefined ? item.type : (valueType(column) as DataType), slot);
  if (column === undefined) throw planFailed("not supported to combine multiple fields");
  if (valueType(column) !== DataType.Array) requireScalar(column, "comparison");
  return { op: "compare", comparison, column, value };
};

const lengthOf = (column: Column): Column => ({ ...column, length: true });

const ofColumns = (comparison: Comparison, left: Item, right: Item): Plan => {
  if (left.kind !== "column" || right.kind !== "column") throw planFailed("only comparison between two fields is supported");
  if (left.type === DataType.JSON || right.type === DataType.JSON)
    throw planFailed("two column comparison with JSON type is not supported");
  if (left.type === DataType.Array || right.type === DataType.Array)
    throw planFailed(`unsupported ${left.type === DataType.Array ? "left" : "right"} datatype:ARRAY of compare expr`);
  requireScalar(left.column, "comparison");
  requireScalar(right.column, "comparison");
  return { op: "compareColumns", comparison, left: left.column, right: right.column };
};

/** `left CMP right`; `sign` and `text` are the operator and the whole as written. */
export const compare = (comparison: Comparison, sign: string, left: Item, right: Item, text: () => string): Item => {
  if (left.kind === "constant" && right.kind === "constant") {
    const value = compareConstants(comparison, left.value, right.value);
    if (value === undefined) throw badExpression(`comparison operations cannot be applied to two incompatible operands: ${text()}`);
    return { kind: "constant", type: DataType.Bool, value: { kind: "bool", value } };
  }
  if (isValue(left) && isValue(right)) throw badExpression(`placeholder was not supported between two constants with operator: ${sign}`);
  if (comparison !== Comparison.Equal && comparison !== Comparison.NotEqual) {
    refuseWholeArray(left);
    refuseWholeArray(right);
  }
  if (!hasTemplate(left) && !hasTemplate(right) && !canCompare(scalarType(left), scalarType(right)))
    throw planFailed(`comparisons between ${typeText(left)} and ${typeText(right)} are not supported`);
  const leftSlot = slotOf(left);
  const rightSlot = slotOf(right);
  const plan =
    leftSlot !== undefined
      ? withValue(turned[comparison], right, leftSlot)
      : rightSlot !== undefined
        ? withValue(comparison, left, rightSlot)
        : ofColumns(comparison, left, right);
  return { kind: "predicate", type: DataType.Bool, plan };
};

const noRange = (): FilterError => planFailed("invalid range operations");

const bound = (column: Column, value: Constant): Constant => {
  const type = valueType(column);
  if (type === DataType.Bool || (type === DataType.JSON && value.kind === "bool"))
    throw planFailed("invalid range operations on boolean expr");
  if (type === DataType.JSON && value.kind === "array") throw noRange();
  if (isStringType(type) && value.kind !== "string") throw noRange();
  if ((isIntegerType(type) || type === DataType.Timestamptz) && value.kind !== "int") throw noRange();
  if (!isFloatingType(type)) return value;
  if (value.kind === "int") return { kind: "float", value: Number(value.value) };
  if (value.kind !== "float") throw noRange();
  return value;
};

/** Both bounds known: of one kind, and not the wrong way round. */
export const checkedBounds = (inclusive: number, low: Constant, high: Constant): readonly [Constant, Constant] => {
  const closed = inclusive === (RangeInclusive.Low | RangeInclusive.High);
  const empty = compareConstants(closed ? Comparison.Greater : Comparison.GreaterEqual, low, high);
  if (empty === undefined) throw noRange();
  if (empty) throw planFailed("invalid range: lowerbound is greater than upperbound");
  if (low.kind === "int" && high.kind === "float") return [{ kind: "float", value: Number(low.value) }, high];
  if (low.kind === "float" && high.kind === "int") return [low, { kind: "float", value: Number(high.value) }];
  return [low, high];
};

/** A bound whose value came from a template: cast as any compared value is. */
export const filledBound = (column: Column, value: Constant): Constant => {
  const type = valueType(column) as DataType;
  const cast = tryCast(type, value);
  if (cast === undefined) throw cannotCast(type, value);
  return bound(column, cast);
};

/** `low CMP column CMP high`; `texts` are the two bounds as Milvus quotes them. */
export const range = (column: Column, low: Item, high: Item, inclusive: number, texts: () => readonly [string, string]): Item => {
  if (valueType(column) === DataType.Array) throw planFailed("can not comparisons array fields directly");
  const [lowSlot, highSlot] = [slotOf(low), slotOf(high)];
  if (lowSlot === undefined) throw badExpression(`lowerbound cannot be a non-const expression: ${texts()[0]}`);
  if (highSlot === undefined) throw badExpression(`upperbound cannot be a non-const expression: ${texts()[1]}`);
  requireScalar(column, "range");
  const lowValue = lowSlot.kind === "template" ? lowSlot : bound(column, lowSlot);
  const highValue = highSlot.kind === "template" ? highSlot : bound(column, highSlot);
  const known = lowValue.kind !== "template" && highValue.kind !== "template";
  const [first, second] = known ? checkedBounds(inclusive, lowValue, highValue) : [lowValue, highValue];
  return { kind: "predicate", type: DataType.Bool, plan: { op: "range", column, low: first, high: second, inclusive } };
};

export const booleanItem = (value: boolean): Item => ({ kind: "predicate", type: DataType.Bool, plan: constantPlan(value) });

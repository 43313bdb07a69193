/**
 * The operators `+ - * / % ** & | ^ << >>`: two constants are folded, a field and a constant become one item, all else is refused.
 *
 * What a calculation may be (`field OP constant`, the constant first only for `+` and `*`) is decided when it is compared with something, as Milvus
 * does: `calculationOf`. Source: milvus planparserv2 parser_visitor.go (VisitAddSub, VisitMulDivMod, visitBitwiseBinaryOp), utils.go.
 */
import { DataType } from "../shared/proto/generated/messages.js";
import { badExpression, planFailed } from "./errors.js";
import { type Calculation, type Column, type Item, type Slot, valueType } from "./plan.js";
import { Arithmetic } from "./program.js";
import { TokenKind } from "./tokens.js";
import { canCalculate, holdsIntegers, integersNeeded, resultType, typeName } from "./types.js";
import { cannotCast, constantType, foldArithmetic, tryCast } from "./values.js";

const operators: ReadonlyMap<TokenKind, readonly [Arithmetic, string]> = new Map([
  [TokenKind.Add, [Arithmetic.Add, "add"]],
  [TokenKind.Subtract, [Arithmetic.Subtract, "subtract"]],
  [TokenKind.Multiply, [Arithmetic.Multiply, "multiply"]],
  [TokenKind.Divide, [Arithmetic.Divide, "divide"]],
  [TokenKind.Modulo, [Arithmetic.Modulo, "modulo"]],
  [TokenKind.BitAnd, [Arithmetic.BitAnd, "bitand"]],
  [TokenKind.BitOr, [Arithmetic.BitOr, "bitor"]],
  [TokenKind.BitXor, [Arithmetic.BitXor, "bitxor"]],
] as const);

export const isArithmetic = (operator: TokenKind): boolean => operators.has(operator) || operator === TokenKind.Power;

const isBitwise = (operator: Arithmetic): boolean => operator >= Arithmetic.BitAnd;

export const isValue = (item: Item): boolean => item.kind === "constant" || item.kind === "template";
export const hasTemplate = (item: Item): boolean => item.kind === "template" || (item.kind === "arithmetic" && item.template);

/** An Array field, unlike one of its elements, has no order, and nothing is calculated with it. */
export const refuseWholeArray = (item: Item): void => {
  if (item.kind === "column" && valueType(item.column) === DataType.Array) throw planFailed("can not comparisons array fields directly");
};

/** The type that takes part: of a list and of an Array field that of the elements. */
export const scalarType = (item: Item): DataType => {
  if (item.type !== DataType.Array) return item.type;
  if (item.kind === "constant" && item.value.kind === "array") return item.value.elementType;
  return item.kind === "column" ? ((item.column.field.elementType ?? DataType.None) as DataType) : DataType.None;
};

const requireIntegers = (operator: Arithmetic, left: number, right: number): void => {
  if (operator !== Arithmetic.Modulo && !isBitwise(operator)) return;
  if (!holdsIntegers(left) || !holdsIntegers(right)) throw integersNeeded(operator === Arithmetic.Modulo ? "modulo" : "bitwise");
};

const calculationType = (operator: Arithmetic, name: string, left: Item, right: Item): DataType => {
  if (hasTemplate(left)) return right.type;
  if (hasTemplate(right)) return left.type;
  const [field, other] = isValue(left) ? [scalarType(right), scalarType(left)] : [scalarType(left), scalarType(right)];
  if (!canCalculate(field, other))
    throw badExpression(`'${name}' cannot perform arithmetic between ${typeName(field)} field and ${typeName(other)}: query plan failed`);
  requireIntegers(operator, field, other);
  return resultType(field, other);
};

/** `text` is the whole expression as written; undefined where Milvus panics. */
export const arithmetic = (token: TokenKind, sign: string, left: Item, right: Item, text: () => string): Item | undefined => {
  if (left.kind === "constant" && right.kind === "constant") {
    const value = foldArithmetic(token, left.value, right.value);
    return value === undefined ? undefined : { kind: "constant", type: constantType(value), value };
  }
  const known = operators.get(token);
  if (known === undefined) throw badExpression(`power can only apply on constants: ${text()}`);
  const [operator, name] = known;
  if (isValue(left) && isValue(right))
    throw badExpression(`placeholder was not supported between two constants with operator: ${isBitwise(operator) ? text() : sign}`);
  refuseWholeArray(left);
  refuseWholeArray(right);
  const type = calculationType(operator, name, left, right);
  return { kind: "arithmetic", type, operator, left, right, template: hasTemplate(left) || hasTemplate(right) };
};

/** The constant as `type`; a template waits. */
export const castSlot = (type: DataType, slot: Slot): Slot => {
  if (slot.kind === "template") return slot;
  const value = tryCast(type, slot);
  if (value === undefined) throw cannotCast(type, slot);
  return value;
};

/** A value as a plan holds it. */
export const slotOf = (item: Item): Slot | undefined => {
  if (item.kind === "constant") return item.value;
  return item.kind === "template" ? { kind: "template", name: item.name } : undefined;
};

const requireDivisor = (operator: Arithmetic, operand: Slot): void => {
  const divides = operator === Arithmetic.Divide || operator === Arithmetic.Modulo;
  if (divides && (operand.kind === "int" || operand.kind === "float") && Number(operand.value) === 0)
    throw planFailed("division or modulus by zero");
};

/** The column and the constant of a calculation; throws when it is anything but one of each, in an order that can be run. */
export const calculationOf = (item: Item & { kind: "arithmetic" }): { column: Column; calculation: Calculation } => {
  const { left, right, operator, type } = item;
  if (left.kind === "column" && right.kind === "column")
    throw planFailed("not supported to do arithmetic operations between multiple fields");
  const reversed = isValue(left);
  const field = reversed ? right : left;
  const operand = slotOf(reversed ? left : right);
  if (field.kind !== "column" || operand === undefined) throw planFailed("complicated arithmetic operations are not supported");
  if (reversed && operator !== Arithmetic.Add && operator !== Arithmetic.Multiply) throw planFailed("module field is not yet supported");
  const value = castSlot(type, operand);
  requireDivisor(operator, value);
  return { column: field.column, calculation: { operator, operand: value, type } };
};

/** The same, once the template's value is known: its type decides that of the calculation. */
export const filledCalculation = (column: Column, operator: Arithmetic, operand: Exclude<Slot, { kind: "template" }>): Calculation => {
  const own = valueType(column);
  requireIntegers(operator, own, constantType(operand));
  if (operand.kind === "array") throw planFailed("can not comparisons array directly");
  const type = resultType(own, constantType(operand));
  const value = castSlot(type, operand);
  requireDivisor(operator, value);
  return { operator, operand: value, type };
};

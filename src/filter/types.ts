/**
 * Which types of fields go with which: comparison and arithmetic.
 *
 * `left` and `right` are the types of fields or constants (an Int64 constant, a Double one, …); an Array stands for its elements.
 * Source: milvus planparserv2 utils.go (canBeComparedDataType, canArithmeticDataType, getTargetType, checkValidModArith).
 */
import { DataType } from "../shared/proto/generated/messages.js";
import { type FilterError, planFailed } from "./errors.js";

const namesOfTypes = new Map<number, string>(Object.entries(DataType).map(([name, type]) => [type, name]));

export const typeName = (type: number): string => namesOfTypes.get(type) ?? String(type);

export const isIntegerType = (type: number): boolean => type >= DataType.Int8 && type <= DataType.Int64;
export const isFloatingType = (type: number): boolean => type === DataType.Float || type === DataType.Double;
export const isNumericType = (type: number): boolean => isIntegerType(type) || isFloatingType(type);
export const isStringType = (type: number): boolean => type === DataType.String || type === DataType.VarChar || type === DataType.Text;
export const isVectorType = (type: number): boolean => type >= DataType.BinaryVector && type <= DataType.ArrayOfVector;

export const canCompare = (left: number, right: number): boolean => {
  if (left === DataType.JSON) return true;
  if (left === DataType.Bool) return right === DataType.Bool || right === DataType.JSON;
  if (isNumericType(left)) return isNumericType(right) || right === DataType.JSON;
  return isStringType(left) && (isStringType(right) || right === DataType.JSON);
};

export const canCalculate = (field: number, other: number): boolean => {
  if (isIntegerType(field)) return isIntegerType(other) || other === DataType.JSON;
  if (isFloatingType(field)) return isNumericType(other) || other === DataType.JSON;
  return field === DataType.JSON && isNumericType(other);
};

/** The type that arithmetic of a field of `left` and something of `right` is done in. */
export const resultType = (left: number, right: number): DataType => {
  const json = left === DataType.JSON;
  if (json && right === DataType.JSON) return DataType.JSON;
  if (isFloatingType(left) && (isNumericType(right) || right === DataType.JSON)) return DataType.Double;
  if ((json || isIntegerType(left)) && isFloatingType(right)) return DataType.Double;
  if ((json || isIntegerType(left)) && isIntegerType(right)) return DataType.Int64;
  if (isIntegerType(left) && right === DataType.JSON) return DataType.Int64;
  throw planFailed(`incompatible data type, ${typeName(left)}, ${typeName(right)}`);
};

export const holdsIntegers = (type: number): boolean => isIntegerType(type) || type === DataType.JSON || type === DataType.Timestamptz;

/** Which operators ask for integers on both sides, and what they say when they get others. */
export const integersNeeded = (operator: "modulo" | "bitwise"): FilterError =>
  planFailed(operator === "modulo" ? "modulo can only apply on integer types" : "bitwise operations can only apply on integer types");

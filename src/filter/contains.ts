/**
 * `json_contains`, `array_contains` and their `_all` and `_any`: an array at a JSON path or in an Array field, and the elements wanted in it.
 *
 * Elements wanted in an Array field are of its elements' type; in JSON they may be anything, lists too. Of one element the value is cast, of a list's
 * elements only what they may be compared with is checked, unless the list comes from a template: so Milvus has it.
 * Source: milvus planparserv2 parser_visitor.go (VisitJSONContains*, VisitArrayLength), utils.go (checkContainsElement), fill_expression_value.go.
 */
import { DataType } from "../shared/proto/generated/messages.js";
import { slotOf } from "./arithmetic.js";
import { badExpression, notSupported, planFailed } from "./errors.js";
import type { Column, Item, Plan, Quantifier } from "./plan.js";
import { TokenKind } from "./tokens.js";
import { canCompare, typeName } from "./types.js";
import { arrayOf, type Constant, cannotCast, constantType, tryCast } from "./values.js";

const operations: Readonly<Record<Quantifier, string>> = {
  Contains: "contains",
  ContainsAll: "contains_all",
  ContainsAny: "contains_any",
};

const quantifierOf = (token: TokenKind): Quantifier => {
  if (token === TokenKind.ContainsAll) return "ContainsAll";
  return token === TokenKind.ContainsAny ? "ContainsAny" : "Contains";
};

const holdsArrays = ({ field }: Column): boolean => field.dataType === DataType.JSON || field.dataType === DataType.Array;

/** Throws unless the value may be looked for in arrays of the column. */
const checkWanted = (quantifier: Quantifier, { field }: Column, value: Constant): void => {
  if (quantifier !== "Contains" && value.kind !== "array") throw planFailed(`${quantifier} operation element must be an array`);
  if (field.dataType !== DataType.Array) return;
  const type = (field.elementType ?? DataType.None) as DataType;
  const elements = quantifier !== "Contains" && value.kind === "array" ? value.values : [castTo(type, value)];
  for (const element of elements)
    if (!canCompare(type, constantType(element)))
      throw planFailed(
        `${quantifier} operation can't compare between array element type: ${typeName(type)} and ${typeName(constantType(element))}`,
      );
};

const castTo = (type: DataType, value: Constant): Constant => {
  const result = tryCast(type, value);
  if (result === undefined) throw cannotCast(type, value);
  return result;
};

/** The value with each element in the type of the array's elements, where it can have that. */
const inElementType = (quantifier: Quantifier, { field }: Column, value: Constant): Constant => {
  if (field.dataType !== DataType.Array) return value;
  const type = (field.elementType ?? DataType.None) as DataType;
  const cast = (element: Constant): Constant => tryCast(type, element) ?? element;
  return quantifier !== "Contains" && value.kind === "array" ? arrayOf(value.values.map(cast)) : cast(value);
};

/** A template's value, once it is known. */
export const filledWanted = (quantifier: Quantifier, column: Column, value: Constant): Constant => {
  checkWanted(quantifier, column, value);
  const { field } = column;
  if (field.dataType !== DataType.Array) return value;
  const type = (field.elementType ?? DataType.None) as DataType;
  if (quantifier === "Contains" || value.kind !== "array") return castTo(type, value);
  return arrayOf(value.values.map((element) => castTo(type, element)));
};

/** `texts` are the array and the wanted as written. */
export const contains = (token: TokenKind, array: Item, wanted: Item, texts: readonly [() => string, () => string]): Plan => {
  const quantifier = quantifierOf(token);
  const operation = operations[quantifier];
  if (array.kind !== "column" || !holdsArrays(array.column))
    throw badExpression(`${operation} operation are only supported on json or array fields now, got: ${texts[0]()}`);
  const { column } = array;
  const slot = slotOf(wanted);
  if (slot === undefined) throw badExpression(`${operation} operation are only supported explicitly specified element, got: ${texts[1]()}`);
  if (slot.kind !== "template") checkWanted(quantifier, column, slot);
  if (column.element !== undefined) throw planFailed(`${operation} on an element of array field ${column.field.name}: ${texts[0]()}`);
  return { op: "contains", quantifier, column, wanted: slot.kind === "template" ? slot : inElementType(quantifier, column, slot) };
};

/** `text` is the whole call as written. */
export const arrayLength = (column: Column, text: () => string): Item => {
  const type = column.field.dataType;
  if (type === DataType.ArrayOfVector) throw notSupported(`array_length on ${typeName(type)} field ${column.field.name}`);
  if (!holdsArrays(column) || column.element !== undefined)
    throw badExpression(`array_length operation are only supported on json, array or array-of-vector fields now, got: ${text()}`);
  return { kind: "length", type: DataType.Int64, column };
};

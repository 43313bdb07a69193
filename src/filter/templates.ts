/**
 * Template values: from the request's messages to constants, and into a plan's open places.
 *
 * All values of a request are read, used or not; a JSON list keeps 64-bit integers exact. A list may hold numbers of both kinds for a JSON operand: they
 * become floats. Source: milvus planparserv2 convert_field_data_to_generic_value.go, fill_expression_value.go.
 */
import { DataType, type TemplateArrayValue, type TemplateValue } from "../shared/proto/generated/messages.js";
import { filledCalculation } from "./arithmetic.js";
import { checkedBounds, filledBound } from "./comparison.js";
import { filledWanted } from "./contains.js";
import { badPlan, FilterError } from "./errors.js";
import { type Plan, type Slot, valueType } from "./plan.js";
import { matchEnd, stringEnd } from "./scan.js";
import { type ArrayConstant, arrayOf, type Constant, cannotCast, tryCast } from "./values.js";

/** The brackets and scalars of a JSON text that is known to be right; commas and colons are left out. */
function* jsonTokens(text: string): Generator<string> {
  const scalar = /[-+.0-9eE]+|true|false|null|[[\]{]/y;
  for (let at = 0; at < text.length; ) {
    const string = text[at] === '"' ? stringEnd(text, at, false) : -1;
    const end = string === -1 ? matchEnd(scalar, text, at) : string;
    if (end !== -1) yield text.slice(at, end);
    at = end === -1 ? at + 1 : end;
  }
}

const jsonScalar = (token: string): Constant => {
  if (token.startsWith('"')) return { kind: "string", value: JSON.parse(token) as string };
  if (token === "true" || token === "false") return { kind: "bool", value: token === "true" };
  if (token === "null" || token === "{") throw badPlan(`${token === "null" ? "<nil>" : "a JSON object"} is of unknown type`);
  if (/^-?[0-9]+$/.test(token) && token.length <= 20) {
    const value = BigInt(token);
    if (BigInt.asIntN(64, value) === value) return { kind: "int", value };
  }
  const value = Number(token);
  if (!Number.isFinite(value)) throw badPlan(`${token} is a number, but couldn't convert it`);
  return { kind: "float", value };
};

/** A JSON scalar or list of such. */
const jsonConstant = (text: string): Constant => {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new FilterError(`invalid JSON in a template value: ${(error as Error).message}`, "", "plan");
  }
  const open: Constant[][] = [[]];
  for (const token of jsonTokens(text)) {
    if (token === "[") open.push([]);
    else {
      const value = token === "]" ? arrayOf(open.pop() ?? []) : jsonScalar(token);
      open.at(-1)?.push(value);
    }
  }
  const [value] = open[0] ?? [];
  if (value === undefined) throw new Error("a JSON text held no value");
  return value;
};

const arrayConstant = (message: TemplateArrayValue): ArrayConstant => {
  if (message.boolData !== undefined) return arrayOf(message.boolData.data.map((value) => ({ kind: "bool", value })));
  if (message.longData !== undefined) return arrayOf(message.longData.data.map((value) => ({ kind: "int", value })));
  if (message.doubleData !== undefined) return arrayOf(Array.from(message.doubleData.data, (value) => ({ kind: "float", value })));
  if (message.stringData !== undefined) return arrayOf(message.stringData.data.map((value) => ({ kind: "string", value })));
  if (message.arrayData !== undefined) return arrayOf(message.arrayData.data.map(arrayConstant));
  if (message.jsonData !== undefined) return arrayOf(message.jsonData.data.map((bytes) => jsonConstant(bytes.toString("utf8"))));
  throw badPlan("unknown template variable value type: <nil>");
};

const templateConstant = (message: TemplateValue): Constant => {
  if (message.boolVal !== undefined) return { kind: "bool", value: message.boolVal };
  if (message.int64Val !== undefined) return { kind: "int", value: message.int64Val };
  if (message.floatVal !== undefined) return { kind: "float", value: message.floatVal };
  if (message.stringVal !== undefined) return { kind: "string", value: message.stringVal };
  if (message.arrayVal !== undefined) return arrayConstant(message.arrayVal);
  throw badPlan("expression elements can only be scalars");
};

/** The constants of a request's template values. */
export class TemplateConstants {
  readonly #byName = new Map<string, Constant>();
  constructor(messages: ReadonlyMap<string, TemplateValue>) {
    for (const [name, message] of messages) this.#byName.set(name, templateConstant(message));
  }

  /** `what` is how the message calls it: `the value of`, `the lower value of`, … */
  get(slot: Slot, what = "the value of"): Constant {
    if (slot.kind !== "template") return slot;
    const value = this.#byName.get(slot.name);
    if (value === undefined) throw badPlan(`${what} expression template variable name {${slot.name}} is not found`);
    return value;
  }
}

const cast = (type: number, value: Constant): Constant => {
  const result = tryCast(type as DataType, value);
  if (result === undefined) throw cannotCast(type as DataType, value);
  return result;
};

const isTemplate = (slot: Slot | undefined): boolean => slot?.kind === "template";

export interface FilledCompare {
  readonly value: Constant;
  readonly operand?: Constant;
}

/** The constants of a comparison. */
export const fillCompare = (plan: Plan & { op: "compare" }, templates: TemplateConstants): FilledCompare => {
  const { column, calculation, value } = plan;
  if (calculation === undefined) {
    const constant = templates.get(value);
    return { value: isTemplate(value) ? cast(valueType(column), constant) : constant };
  }
  const operand = templates.get(calculation.operand, "the right operand value of");
  if (!isTemplate(calculation.operand) && !isTemplate(value)) return { value: templates.get(value), operand };
  const filled = filledCalculation(column, calculation.operator, operand);
  return { value: cast(filled.type, templates.get(value)), operand: templates.get(filled.operand) };
};

/** The bounds of a range, low and high. */
export const fillRange = (plan: Plan & { op: "range" }, templates: TemplateConstants): readonly [Constant, Constant] => {
  const low = templates.get(plan.low, "the lower value of");
  const high = templates.get(plan.high, "the upper value of");
  if (!isTemplate(plan.low) && !isTemplate(plan.high)) return [low, high];
  return checkedBounds(
    plan.inclusive,
    isTemplate(plan.low) ? filledBound(plan.column, low) : low,
    isTemplate(plan.high) ? filledBound(plan.column, high) : high,
  );
};

export const fillPattern = (plan: Plan & { op: "like" }, templates: TemplateConstants): string => {
  const value = templates.get(plan.pattern);
  if (value.kind === "string") return value.value;
  const name = plan.pattern.kind === "template" ? plan.pattern.name : "";
  throw badPlan(`the value of like expression template variable {${name}} is not string`);
};

/** The elements that an array must contain. */
export const fillWanted = (plan: Plan & { op: "contains" }, templates: TemplateConstants): readonly Constant[] => {
  const value = templates.get(plan.wanted);
  const wanted = isTemplate(plan.wanted) ? filledWanted(plan.quantifier, plan.column, value) : value;
  return plan.quantifier !== "Contains" && wanted.kind === "array" ? wanted.values : [wanted];
};

/** The list of a membership test; for a JSON operand numbers of two kinds are made floats. */
export const fillList = (plan: Plan & { op: "in" }, templates: TemplateConstants): readonly Constant[] => {
  const list = templates.get(plan.values);
  if (list.kind !== "array") {
    const name = plan.values.kind === "template" ? plan.values.name : "";
    throw badPlan(`the value of term expression template variable {${name}} is not array`);
  }
  const type = valueType(plan.column);
  const values = isTemplate(plan.values) ? list.values.map((value) => cast(type, value)) : list.values;
  const mixed = type === DataType.JSON && values.some(({ kind }) => kind === "int") && values.some(({ kind }) => kind === "float");
  return mixed ? values.map((value) => (value.kind === "int" ? { kind: "float", value: Number(value.value) } : value)) : values;
};

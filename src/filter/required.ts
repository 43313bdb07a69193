/**
 * Which values of a field a filter requires.
 *
 * `requiredValues` gives values one of which the field has in every row that matches: `==` and `in` name them, `and` keeps the shorter of two lists,
 * `or` needs both. They are a bound, not an answer: the filter still runs. The walk keeps a stack and does not recurse; lists are joined the smaller
 * into the larger, so a long run of `or` stays cheap.
 */
import { DataType } from "../shared/proto/generated/messages.js";
import type { PrimaryKeys } from "../shared/types.js";
import type { Column, FilterField, Plan } from "./plan.js";
import { Comparison } from "./program.js";
import { fillCompare, fillList, type TemplateConstants } from "./templates.js";
import type { Constant } from "./values.js";

type Leaf = Plan & { op: "compare" | "in" };

/** The column that a `column == constant` or `column in [...]` names values of. */
const namedColumn = (plan: Plan): Column | undefined => {
  if (plan.op === "in") return plan.column;
  return plan.op === "compare" && plan.comparison === Comparison.Equal && plan.calculation === undefined ? plan.column : undefined;
};

const namedValues = (plan: Leaf, templates: TemplateConstants): readonly Constant[] =>
  plan.op === "in" ? fillList(plan, templates) : [fillCompare(plan, templates).value];

/** The operands of a run of one operator, in order. */
export const operandsOf = (plan: Plan & { op: "and" | "or" }): Plan[] => {
  const operands: Plan[] = [];
  const waiting: Plan[] = [plan];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (next.op !== plan.op) operands.push(next);
    else waiting.push(next.right, next.left);
  }
  return operands;
};

/** The keys of `pk == c`, `pk in [...]` and of these joined by `or`, when that is the whole filter; each once, in the order of their first mention. */
export const keysOf = (plan: Plan, templates: TemplateConstants): PrimaryKeys | undefined => {
  const operands = plan.op === "or" ? operandsOf(plan) : [plan];
  const primary = namedColumn(operands[0] as Plan)?.field;
  if (primary?.primary !== true || !operands.every((operand) => namedColumn(operand)?.field === primary)) return undefined;
  const keys = new Set<bigint | string>();
  for (const operand of operands)
    for (const value of namedValues(operand as Leaf, templates)) if (value.kind === "int" || value.kind === "string") keys.add(value.value);
  return primary.dataType === DataType.Int64
    ? { kind: "int64", keys: [...keys] as bigint[] }
    : { kind: "varchar", keys: [...keys] as string[] };
};

type Values = (bigint | string)[];

const leafValues = (plan: Plan, field: FilterField, templates: TemplateConstants): Values | undefined => {
  if (plan.op === "constant") return plan.value ? undefined : [];
  if (namedColumn(plan)?.field !== field) return undefined;
  const values = namedValues(plan as Leaf, templates);
  return values.flatMap((value) => (value.kind === "int" || value.kind === "string" ? [value.value] : []));
};

const both = (left: Values | undefined, right: Values | undefined): Values | undefined => {
  if (left === undefined || right === undefined) return left ?? right;
  return left.length <= right.length ? left : right;
};

const either = (left: Values | undefined, right: Values | undefined): Values | undefined => {
  if (left === undefined || right === undefined) return undefined;
  const [large, small] = left.length < right.length ? [right, left] : [left, right];
  for (const value of small) large.push(value);
  return large;
};

/** Values of an Int64 or VarChar field one of which every matching row has; undefined: it may have any. */
export const requiredValues = (root: Plan, field: FilterField, templates: TemplateConstants): readonly (bigint | string)[] | undefined => {
  const waiting: { plan: Plan; joins: boolean }[] = [{ plan: root, joins: false }];
  const found: (Values | undefined)[] = [];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { plan, joins } = next;
    if (plan.op !== "and" && plan.op !== "or") found.push(leafValues(plan, field, templates));
    else if (joins) {
      const right = found.pop();
      const left = found.pop();
      found.push(plan.op === "and" ? both(left, right) : either(left, right));
    } else waiting.push({ plan, joins: true }, { plan: plan.right, joins: false }, { plan: plan.left, joins: false });
  }
  const [values] = found;
  return values === undefined ? undefined : [...new Set(values)];
};

/**
 * From a filter's text to the program that the core runs.
 *
 *     text -> tokens (lexer) -> nodes in postorder (parser) -> plan (checker) -> template values -> program bytes
 *
 * Runs of `and` and of `or` become one node, so the program is nested only where the two really alternate. Nothing recurses on the input's depth.
 */
import { FILTER_DEPTH_MAX } from "../shared/limits.js";
import { DataType, type TemplateValue } from "../shared/proto/generated/messages.js";
import type { PrimaryKeys } from "../shared/types.js";
import { check } from "./checker.js";
import { Columns } from "./columns.js";
import { FilterError, planFailed } from "./errors.js";
import { isolationFault } from "./isolation.js";
import { tokenize } from "./lexer.js";
import { parse } from "./parser.js";
import { type Column, constantPlan, type FilterField, type Plan, valueType } from "./plan.js";
import { Comparison, type ProgramOperand, ProgramWriter } from "./program.js";
import { keysOf, operandsOf, requiredValues } from "./required.js";
import { fillCompare, fillList, fillPattern, fillRange, fillWanted, TemplateConstants } from "./templates.js";
import { type Constant, programValue } from "./values.js";

export interface CompiledFilter {
  /** For the core; undefined when every row matches. */
  readonly program: Buffer | undefined;
  readonly alwaysTrue: boolean;
  /** When the whole filter is `pk == c` or `pk in [...]` or several of these joined by `or`: the keys, each once. */
  readonly keys?: PrimaryKeys;
  /** Values one of which the partition key has in every row that matches; absent: it may have any. */
  readonly partitionKeys?: readonly (bigint | string)[];
  /** Of fields with a partition key: why the filter is refused where keys are isolated; absent: it is about one key. */
  readonly isolationFault?: string;
}

const operandOf = ({ field, path, element, length }: Column): ProgramOperand => ({
  field: field.id,
  ...(path === undefined ? {} : { path }),
  ...(element === undefined ? {} : { element }),
  ...(length === undefined ? {} : { length }),
});

/** One test a kind of value (of whole arrays one a list): a program's list is of one kind. A value of another kind than all of them is null for each, as it is in Milvus. */
const writeMembership = (writer: ProgramWriter, column: Column, values: readonly Constant[]): void => {
  if (valueType(column) === DataType.Array) {
    writer.or(values.length);
    for (const value of values) writer.compare(Comparison.Equal, operandOf(column), programValue(value));
    return;
  }
  const kinds = new Set<Constant["kind"]>();
  for (const { kind } of values) kinds.add(kind);
  const lists = kinds.size < 2 ? [values] : [...kinds].map((kind) => values.filter((value) => value.kind === kind));
  if (lists.length > 1) writer.or(lists.length);
  for (const list of lists) writer.in(operandOf(column), list.map(programValue));
};

/** Of no elements an array contains all and none, whether it is null or not. */
const writeContains = (writer: ProgramWriter, plan: Plan & { op: "contains" }, templates: TemplateConstants): void => {
  const wanted = fillWanted(plan, templates);
  const all = plan.quantifier === "ContainsAll";
  if (wanted.length === 0) writer.constant(all);
  else writer.contains(all, operandOf(plan.column), wanted.map(programValue));
};

const writeCompare = (writer: ProgramWriter, plan: Plan & { op: "compare" }, templates: TemplateConstants): void => {
  const { value, operand } = fillCompare(plan, templates);
  const column = operandOf(plan.column);
  const calculated =
    operand === undefined || plan.calculation === undefined
      ? column
      : { ...column, arithmetic: { operator: plan.calculation.operator, value: programValue(operand) } };
  writer.compare(plan.comparison, calculated, programValue(value));
};

const writeRange = (writer: ProgramWriter, plan: Plan & { op: "range" }, templates: TemplateConstants): void => {
  const [low, high] = fillRange(plan, templates);
  writer.range(plan.inclusive, operandOf(plan.column), programValue(low), programValue(high));
};

const writeLeaf = (writer: ProgramWriter, plan: Plan, templates: TemplateConstants): void => {
  if (plan.op === "constant") writer.constant(plan.value);
  else if (plan.op === "compare") writeCompare(writer, plan, templates);
  else if (plan.op === "compareColumns") writer.compareOperands(plan.comparison, operandOf(plan.left), operandOf(plan.right));
  else if (plan.op === "range") writeRange(writer, plan, templates);
  else if (plan.op === "in") writeMembership(writer, plan.column, fillList(plan, templates));
  else if (plan.op === "like") writer.like(operandOf(plan.column), fillPattern(plan, templates));
  else if (plan.op === "contains") writeContains(writer, plan, templates);
  else if (plan.op === "isNull") writer.isNull(operandOf(plan.column));
  else if (plan.op === "exists") writer.exists(operandOf(plan.column));
  else throw new Error(`${plan.op} is not a leaf of a filter`);
};

const write = (root: Plan, templates: TemplateConstants): Buffer => {
  const writer = new ProgramWriter();
  const waiting: { plan: Plan; depth: number }[] = [{ plan: root, depth: 1 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { plan, depth } = next;
    if (depth > FILTER_DEPTH_MAX) throw planFailed(`the expression is nested more than ${FILTER_DEPTH_MAX} deep`);
    if (plan.op === "not") {
      writer.not();
      waiting.push({ plan: plan.operand, depth: depth + 1 });
    } else if (plan.op === "and" || plan.op === "or") {
      const operands = operandsOf(plan);
      writer[plan.op](operands.length);
      for (const operand of operands.reverse()) waiting.push({ plan: operand, depth: depth + 1 });
    } else writeLeaf(writer, plan, templates);
  }
  return writer.finish();
};

const isBlank = (text: string): boolean => text.trim() === "";

const noTemplates: ReadonlyMap<string, TemplateValue> = new Map();

/** Errors of template values are found when the plan is filled, where Milvus no longer says `cannot parse expression`. */
const filling = <T>(action: () => T): T => {
  try {
    return action();
  } catch (error) {
    if (error instanceof FilterError) throw new FilterError(error.message, error.sentinel, "plan");
    throw error;
  }
};

/** Compiles a filter for rows of `fields`. Throws FilterError. */
export const compileFilter = (
  text: string,
  fields: readonly FilterField[],
  templates: ReadonlyMap<string, TemplateValue> = noTemplates,
): CompiledFilter => {
  let plan: Plan = constantPlan(true);
  if (!isBlank(text)) {
    const tokens = tokenize(text);
    plan = check(tokens, parse(tokens), new Columns(fields));
  }
  return filling(() => {
    const constants = new TemplateConstants(templates);
    const partitionKey = fields.find((field) => field.partitionKey === true);
    const fault = partitionKey === undefined ? undefined : isolationFault(plan, partitionKey);
    const isolation = fault === undefined ? {} : { isolationFault: fault };
    if (plan.op === "constant" && plan.value) return { program: undefined, alwaysTrue: true, ...isolation };
    const program = write(plan, constants);
    const keys = keysOf(plan, constants);
    const partitionKeys = partitionKey === undefined ? undefined : requiredValues(plan, partitionKey, constants);
    return {
      program,
      alwaysTrue: false,
      ...(keys === undefined ? {} : { keys }),
      ...(partitionKeys === undefined ? {} : { partitionKeys }),
      ...isolation,
    };
  });
};

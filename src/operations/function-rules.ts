/**
 * Functions of a schema: fields that the server makes of others. What they must be, in Milvus's order and words; how they are kept; and the analyzers of
 * the texts that they read. BM25 makes a sparse vector of a text; what others would make is told by name when rows come (`row-handlers.ts`).
 * Sources: milvus internal/util/function/validator/validator.go, internal/rootcoord/create_collection_task.go.
 */
import { FIRST_FUNCTION_ID } from "../catalog/apply-function.js";
import { propertyOf } from "../catalog/properties.js";
import { parseBool } from "../shared/booleans.js";
import { invalid, missing } from "../shared/errors.js";
import {
  type CollectionSchema,
  DataType,
  type FieldSchema,
  type FunctionSchema,
  FunctionType,
} from "../shared/proto/generated/messages.js";
import { bm25Input, fieldNamed, typeName } from "../shared/schema.js";
import { checkFunctionParams } from "./function-params.js";

const TEXTS: ReadonlySet<number> = new Set([DataType.VarChar, DataType.Text]);

const isOn = (field: FieldSchema, key: string): boolean => parseBool(propertyOf(field.typeParams, key) ?? "false") === true;

const count = (names: readonly string[], name: string): number => names.filter((other) => other === name).length;

const checkNames = (fn: FunctionSchema): void => {
  const { name, inputFieldNames: inputs, outputFieldNames: outputs } = fn;
  if (name === "") throw missing("function name cannot be empty");
  if (inputs.length === 0) throw missing(`function input field names cannot be empty, function: ${name}`);
  if (outputs.length === 0) throw missing(`function output field names cannot be empty, function: ${name}`);
  for (const input of inputs) {
    if (input === "") throw missing(`function input field name cannot be empty string, function: ${name}`);
    if (count(inputs, input) > 1)
      throw invalid(`each function input field should be used exactly once in the same function, function: ${name}, input field: ${input}`);
  }
  for (const output of outputs) {
    if (output === "") throw missing(`function output field name cannot be empty string, function: ${name}`);
    if (inputs.includes(output))
      throw invalid(`a single field cannot be both input and output in the same function, function: ${name}, field: ${output}`);
    if (count(outputs, output) > 1)
      throw invalid(
        `each function output field should be used exactly once in the same function, function: ${name}, output field: ${output}`,
      );
  }
};

const checkParams = (fn: FunctionSchema): void => {
  switch (fn.type) {
    case FunctionType.BM25:
      if (fn.params.length !== 0) throw invalid("BM25 function accepts no params");
      return;
    case FunctionType.TextEmbedding:
      // Milvus's words, the wrong way round as they are.
      if (fn.params.length === 0) throw invalid("TextEmbedding function accepts no params");
      return;
    case FunctionType.MinHash:
      return;
    default:
      throw invalid("check function params with unknown function type");
  }
};

const checkInputs = (fn: FunctionSchema, fields: readonly FieldSchema[]): void => {
  if (fn.type === FunctionType.TextEmbedding) {
    const [text] = fields;
    if (text === undefined || fields.length !== 1 || !TEXTS.has(text.dataType))
      throw invalid("TextEmbedding function input field must be a VARCHAR/TEXT field");
    if (text.nullable) throw invalid(`function input field cannot be nullable: function ${fn.name}, field ${text.name}`);
    return;
  }
  const name = fn.type === FunctionType.BM25 ? "BM25" : "MinHash";
  const [field] = fields;
  if (field === undefined || fields.length !== 1 || !TEXTS.has(field.dataType))
    throw invalid(
      `${name} function input field must be a VARCHAR/TEXT field, got ${fields.length} field with type ${typeName(field?.dataType ?? 0)}`,
    );
  if (fn.type === FunctionType.BM25 && !isOn(field, "enable_analyzer"))
    throw invalid("BM25 function input field must set enable_analyzer to true");
};

const checkOutput = (fn: FunctionSchema, field: FieldSchema): void => {
  const where = `function ${fn.name}, field ${field.name}`;
  if (field.isPrimaryKey) throw invalid(`function output field cannot be primary key: ${where}`);
  if (field.isPartitionKey || field.isClusteringKey)
    throw invalid(`function output field cannot be partition key or clustering key: ${where}`);
  if (field.nullable) throw invalid(`function output field cannot be nullable: ${where}`);
};

/** The type that a function's single output must have. */
const OUTPUTS: Readonly<Record<number, readonly [name: string, type: DataType]>> = {
  [FunctionType.BM25]: ["BM25", DataType.SparseFloatVector],
  [FunctionType.MinHash]: ["MinHash", DataType.BinaryVector],
};

const checkOutputs = (fn: FunctionSchema, fields: readonly FieldSchema[]): void => {
  if (fn.type === FunctionType.TextEmbedding) {
    const kind = fields.length === 1 ? fields[0]?.dataType : undefined;
    if (kind !== DataType.FloatVector && kind !== DataType.Int8Vector)
      throw invalid("TextEmbedding function output field must be a FloatVector or Int8Vector field");
  }
  const [name, type] = OUTPUTS[fn.type] ?? [];
  if (name === undefined || type === undefined) return;
  if (fields.length !== 1) throw invalid(`${name} function only need 1 output field, but got ${fields.length}`);
  const actual = fields[0]?.dataType ?? DataType.None;
  if (actual !== type) throw invalid(`${name} function output field must be a ${typeName(type)} field, but got ${typeName(actual)}`);
};

/** Checks the functions of a definition; `withParams`: also what each is told to do. */
export const checkFunctions = (schema: CollectionSchema, withParams = true): void => {
  const [names, taken] = [new Set<string>(), new Set<string>()];
  for (const fn of schema.functions) {
    checkNames(fn);
    checkParams(fn);
    if (names.has(fn.name)) throw invalid(`duplicate function name: ${fn.name}`);
    names.add(fn.name);
    const found = (name: string, side: string): FieldSchema => {
      const field = fieldNamed(schema, name);
      if (field === undefined) throw invalid(`function ${side} field not found: ${name}`);
      return field;
    };
    checkInputs(
      fn,
      fn.inputFieldNames.map((name) => found(name, "input")),
    );
    const outputs = fn.outputFieldNames.map((name) => {
      const field = found(name, "output");
      checkOutput(fn, field);
      if (taken.has(name)) throw invalid(`duplicate function output field: function ${fn.name}, field ${name}`);
      taken.add(name);
      return field;
    });
    checkOutputs(fn, outputs);
  }
  if (!withParams) return;
  for (const fn of schema.functions) {
    const [input, output] = [fieldNamed(schema, fn.inputFieldNames[0] ?? ""), fieldNamed(schema, fn.outputFieldNames[0] ?? "")];
    if (input !== undefined && output !== undefined) checkFunctionParams(fn, input, output);
  }
};

/** The schema as it is kept: functions numbered, with the numbers of their fields; the fields that they make are marked. */
export const withFunctions = (schema: CollectionSchema): CollectionSchema => {
  const idOf = (name: string): bigint => fieldNamed(schema, name)?.fieldID ?? 0n;
  const made = new Set(schema.functions.flatMap((fn) => fn.outputFieldNames));
  return {
    ...schema,
    fields: schema.fields.map((field) => ({ ...field, isFunctionOutput: made.has(field.name) })),
    functions: schema.functions.map((fn, index) => ({
      ...fn,
      id: FIRST_FUNCTION_ID + BigInt(index),
      inputFieldIds: fn.inputFieldNames.map(idOf),
      outputFieldIds: fn.outputFieldNames.map(idOf),
    })),
  };
};

/** @param check throws when an analyzer cannot be made of the parameters of the named field */
export const checkAnalyzers = (schema: CollectionSchema, check: (field: string, params: string) => void): void => {
  const inputs = new Set(schema.fields.map((field) => bm25Input(schema, field)?.name));
  const analyzed = schema.fields.filter((field) => isOn(field, "enable_match") || inputs.has(field.name));
  for (const field of analyzed) {
    if (!isOn(field, "enable_analyzer"))
      throw invalid(`field ${field.name} which has enable_match or is input of BM25 function must also enable_analyzer`);
    if (propertyOf(field.typeParams, "multi_analyzer_params") === undefined) continue;
    if (isOn(field, "enable_match")) throw invalid(`multi analyzer now only support for bm25, but now field ${field.name} enable match`);
    if (propertyOf(field.typeParams, "analyzer_params") !== undefined)
      throw invalid(`field ${field.name} analyzer params should be none if has multi analyzer params`);
  }
  for (const field of analyzed) {
    const params = propertyOf(field.typeParams, "analyzer_params");
    if (params !== undefined) check(field.name, params);
  }
};

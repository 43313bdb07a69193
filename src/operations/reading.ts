/** What search, query and delete share: which rows to look at, the filter, and the output columns. */
import { isPartitionLoaded, partitionNamed } from "../catalog/read.js";
import type { Collection, CollectionSchema } from "../catalog/types.js";
import type { CoreOutput } from "../engine/core.js";
import { type CompiledFilter, FilterCache, FilterError, type FilterField, planError } from "../filter/index.js";
import { parseBool } from "../shared/booleans.js";
import { failure, invalid } from "../shared/errors.js";
import { checkPartitionName } from "../shared/names.js";
import { fieldHeader } from "../shared/proto/envelope.js";
import type { FieldSchema, KeyValuePair, TemplateValue } from "../shared/proto/generated/messages.js";
import { columnsOf, DYNAMIC_FIELD, isOfTerms, memberColumn, primaryField, structNamed } from "../shared/schema.js";
import { structOf } from "./struct-rows.js";

/** Value of the first pair with this key. */
export const parameter = (pairs: readonly KeyValuePair[], key: string): string | undefined => pairs.find((pair) => pair.key === key)?.value;

/** Go's strconv.ParseInt(text, 0, 64): decimal, 0x, 0o, 0b; undefined when it is none. */
export const parseInteger = (text: string): number | undefined => {
  const match = /^([+-]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|\d+)$/.exec(text.trim());
  if (match === null) return undefined;
  const digits = (match[2] as string).replace(/^0([0-7]+)$/, "0o$1");
  const value = Number(digits);
  return match[1] === "-" ? -value : value;
};

const filterFields = (collection: Collection): FilterField[] =>
  collection.schema.fields.map((field) => ({
    id: Number(field.fieldID),
    name: field.name,
    dataType: field.dataType,
    primary: field.isPrimaryKey,
    partitionKey: field.isPartitionKey,
    nullable: field.nullable && !field.isDynamic,
    dynamic: field.isDynamic,
    elementType: field.elementType,
  }));

/** Compiled filters of all collections; a schema object stays the same until the schema changes. */
const compiled = new FilterCache({ countMax: 10_000, byteMax: 64 * 1024 * 1024 });

/** @throws 1100 `failed to create query plan: cannot parse expression: …` */
export const compile = (
  collection: Collection,
  text: string,
  templates: ReadonlyMap<string, TemplateValue>,
  plan: "query" | "delete" = "query",
): CompiledFilter => {
  try {
    return compiled.compile(text, collection.schema, () => filterFields(collection), templates);
  } catch (error) {
    if (error instanceof FilterError) throw planError(plan, text, error);
    throw error;
  }
};

/** Ids of the named partitions; none named: empty, which stands for all. @throws 1100 for a bad or unknown name: reads say it in words of their own */
export const partitionIdsOf = (collection: Collection, names: readonly string[]): bigint[] => {
  for (const name of names) checkPartitionName(name, false);
  const ids = names.map((name) => {
    const partition = partitionNamed(collection, name);
    if (partition === undefined) throw invalid(`partition name ${name} not found`);
    return partition.id;
  });
  return [...new Set(ids)];
};

/** Whether only rows of sealed segments are to be read. */
export const ignoresGrowing = (params: readonly KeyValuePair[]): boolean => {
  const parsed = parseBool(parameter(params, "ignore_growing") ?? "false");
  if (parsed === undefined) throw invalid("parse ignore growing field failed");
  return parsed;
};

/**
 * The partitions to read, all of them loaded.
 * @param context what could not be done then, as Milvus says it: `failed to query`
 * @throws 101 when the collection is not loaded, 201 when a named partition is not
 */
export const loadedScope = (collection: Collection, requestedName: string, partitionIds: readonly bigint[], context = ""): bigint[] => {
  if (collection.load === undefined) throw failure("collectionNotLoaded", { collection: requestedName }, context);
  const missing = partitionIds.find((id) => !isPartitionLoaded(collection, id));
  if (missing !== undefined) throw failure("partitionNotLoaded", { partition: missing }, context);
  if (partitionIds.length > 0) return [...partitionIds];
  return collection.load.all ? [] : [...collection.load.partitionIds];
};

export interface OutputPlan {
  readonly outputs: CoreOutput[];
  /** As the reply lists them: columns and dynamic keys as asked for. */
  readonly names: string[];
  /** Lower-case `count(*)` and the like, as the user wrote them. */
  readonly aggregates: { readonly name: string; readonly operator: string; readonly target: string }[];
}

const AGGREGATE = /^\s*(count|sum|avg|min|max)\s*\(\s*(\*|[^()]*?)\s*\)\s*$/i;
const DYNAMIC_KEY = /^\$meta\[(?:"([^"\\]*)"|'([^'\\]*)')\]$/;
const IDENTIFIER = /^[a-zA-Z_$][a-zA-Z0-9_$]*$/;

/** The key of the dynamic field that an output name stands for. */
const dynamicKey = (name: string): string => {
  const path = DYNAMIC_KEY.exec(name);
  const key = path ? (path[1] ?? path[2]) : IDENTIFIER.test(name) ? name : undefined;
  if (key === undefined) throw invalid(`parse output field name failed: ${name}`);
  return key;
};

const output = (field: FieldSchema, keys?: string[]): CoreOutput => ({
  id: Number(field.fieldID),
  header: fieldHeader(field.dataType, field.name, field.fieldID, field.isDynamic),
  ...(keys === undefined ? {} : { keys }),
});

/** The members of structs have their plain names in results. */
const shownField = (schema: CollectionSchema, field: FieldSchema): FieldSchema =>
  structOf(schema, Number(field.fieldID))?.fields.find((member) => member.fieldID === field.fieldID) ?? field;

/**
 * Turns names of output fields into columns: `*`, columns, dynamic keys and aggregates.
 * @param withKey the primary key is always among the columns (query), or only when asked for by name or `*` (search)
 */
export const planOutputs = (collection: Collection, requested: readonly string[], withKey: boolean): OutputPlan => {
  const { schema } = collection;
  const fields = new Map(columnsOf(schema).map((field) => [field.name, field]));
  const dynamic = collection.schema.fields.find((field) => field.isDynamic);
  const columns = new Set<FieldSchema>();
  const names = new Set<string>();
  const aggregates: OutputPlan["aggregates"][number][] = [];
  const keys = new Set<string>();
  let wholeDynamic = false;
  for (const raw of requested) {
    const name = raw.trim();
    const aggregate = AGGREGATE.exec(name);
    const field = fields.get(name);
    const struct = structNamed(schema, name);
    if (name === "*") {
      for (const column of fields.values()) {
        // What BM25 makes of texts is not given out.
        if (isOfTerms(column)) continue;
        columns.add(column);
        names.add(structOf(schema, Number(column.fieldID))?.name ?? column.name);
      }
      wholeDynamic = dynamic !== undefined;
    } else if (aggregate !== null) {
      aggregates.push({ name, operator: (aggregate[1] as string).toLowerCase(), target: aggregate[2] as string });
    } else if (struct !== undefined) {
      for (const member of struct.fields) columns.add(fields.get(memberColumn(name, member.name)) as FieldSchema);
      names.add(name);
    } else if (field !== undefined) {
      if (isOfTerms(field)) throw invalid(`not allowed to retrieve raw data of field ${name}`);
      columns.add(field);
      names.add(name);
      if (field === dynamic) wholeDynamic = true;
    } else if (dynamic !== undefined) {
      keys.add(dynamicKey(name));
      columns.add(dynamic);
      names.add(name);
    } else throw invalid(`field ${name} not exist`);
  }
  if (withKey) columns.add(primaryField(collection.schema));
  const wanted = columnsOf(schema).filter((field) => columns.has(field));
  const outputs = wanted.map((field) =>
    output(shownField(schema, field), field.name === DYNAMIC_FIELD && !wholeDynamic ? [...keys] : undefined),
  );
  return { outputs, names: [...names], aggregates };
};

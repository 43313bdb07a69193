/**
 * What the properties of a collection, its fields and its indexes ask of memory.
 *
 * A column's pages belong to a mapped file; an index is open or is not. A warm-up policy says when they come: `sync` before a load answers, `async` soon
 * after, `disable` when somebody needs them. The nearest property counts: the field's or the index's own `warmup`, then the collection's key for its kind, then
 * Milvus's defaults (queryNode.segcore.tieredStorage.warmup: vector columns `disable`, the rest `sync`). A column with `mmap.enabled` = false is to stay in
 * memory: it is read in by `sync` unless told otherwise, and counted to the budget. Other columns are the system's to keep or to drop, and are not counted.
 * An index's file is mapped, too, and counted unless its `mmap.enabled` is true.
 */
import { propertyOf } from "../catalog/properties.js";
import type { Collection, IndexDefinition } from "../catalog/types.js";
import { parseBool } from "../shared/booleans.js";
import type { FieldSchema, KeyValuePair } from "../shared/proto/generated/messages.js";
import { columnsOf, isVector } from "../shared/schema.js";
import { indexParameter } from "./index-plan.js";

export type Warmup = "sync" | "async" | "disable";

export interface ColumnPolicy {
  readonly fieldId: number;
  readonly warmup: Warmup;
  /** Its pages are counted to the budget. */
  readonly counted: boolean;
}

/** Values are checked when a property is set; what is none counts as not set. */
const policyOf = (text: string | undefined): Warmup | undefined =>
  text === "sync" || text === "async" || text === "disable" ? text : undefined;

const mapped = (...lists: readonly (readonly KeyValuePair[])[]): boolean => {
  const text = lists.map((list) => propertyOf(list, "mmap.enabled")).find((value) => value !== undefined);
  return text?.toLowerCase() !== "false";
};

const columnPolicy = (collection: Collection, field: FieldSchema): ColumnPolicy => {
  const vector = isVector(field.dataType);
  const struct = collection.schema.structArrayFields.find(({ fields }) => fields.some((member) => member.fieldID === field.fieldID));
  const shared = struct?.typeParams ?? [];
  const held = !mapped(field.typeParams, shared, collection.properties);
  const warmup =
    policyOf(propertyOf(field.typeParams, "warmup")) ??
    policyOf(propertyOf(shared, "warmup")) ??
    policyOf(propertyOf(collection.properties, vector ? "warmup.vectorField" : "warmup.scalarField")) ??
    (held || !vector ? "sync" : "disable");
  return { fieldId: Number(field.fieldID), warmup, counted: held && warmup !== "disable" };
};

/** Columns whose pages are read in before somebody needs them. Fields that a load leaves out are not. */
export const columnsToWarm = (collection: Collection): ColumnPolicy[] => {
  const { load, schema } = collection;
  const wanted = (field: FieldSchema): boolean =>
    field.isDynamic
      ? load?.skipDynamicField !== true
      : load === undefined || load.loadFields.length === 0 || load.loadFields.includes(field.name.replace(/\[.*$/, ""));
  return columnsOf(schema)
    .filter(wanted)
    .map((field) => columnPolicy(collection, field))
    .filter(({ warmup }) => warmup !== "disable");
};

/** Whether an index is to stay in memory; with `mmap.enabled` = true its pages are the system's to keep or to drop (mmap.vectorIndex: false). */
export const indexIsHeld = (collection: Collection, index: IndexDefinition): boolean => {
  const text = indexParameter(index, "mmap.enabled") ?? propertyOf(collection.properties, "mmap.enabled");
  return parseBool(text ?? "false") !== true;
};

/** Only vector indexes are structures of their own. */
export const indexWarmup = (collection: Collection, index: IndexDefinition): Warmup =>
  policyOf(indexParameter(index, "warmup")) ?? policyOf(propertyOf(collection.properties, "warmup.vectorIndex")) ?? "sync";

/** Reading the rows that have given primary keys. */
import type { Collection } from "../catalog/types.js";
import type { CompiledFilter } from "../filter/index.js";
import { DataType, IDs, type SearchRequest, TemplateArrayValue, TemplateValue } from "../shared/proto/generated/messages.js";
import { primaryField } from "../shared/schema.js";
import { compile } from "./reading.js";

export type Key = bigint | string;

export const keysIn = (ids: IDs): readonly Key[] => (ids.strId === undefined ? [...(ids.intId?.data ?? [])] : ids.strId.data);

export const encodeKeys = (collection: Collection, keys: readonly Key[]): Buffer =>
  IDs.encode(
    primaryField(collection.schema).dataType === DataType.VarChar
      ? { strId: { data: keys as string[] } }
      : { intId: { data: keys as bigint[] } },
  );

/** The variable that the keys are given by; no name of a user's that is likely. */
const VARIABLE = "keys_to_read";

/** The filter of the rows with these keys that `among`, if given, takes as well. */
export const keyFilter = (
  collection: Collection,
  keys: readonly Key[],
  among?: Pick<SearchRequest, "dsl" | "exprTemplateValues">,
): CompiledFilter => {
  const key = primaryField(collection.schema);
  const array = key.dataType === DataType.VarChar ? { stringData: { data: keys as string[] } } : { longData: { data: keys as bigint[] } };
  const templates = new Map(among?.exprTemplateValues);
  templates.set(VARIABLE, TemplateValue.create({ arrayVal: TemplateArrayValue.create(array) }));
  const own = `${key.name} in {${VARIABLE}}`;
  const text = among?.dsl.trim() ?? "";
  return compile(collection, text === "" ? own : `${own} and (${text})`, templates);
};

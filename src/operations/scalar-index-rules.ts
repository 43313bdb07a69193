/**
 * Which scalar index may be built on which field. An index changes the speed of a filter, never its meaning.
 * Source: milvus internal/util/indexparamcheck/{inverted,bitmap,stl_sort,trie,ngram,rtree}_checker.go.
 */
import type { FieldSchema } from "../catalog/types.js";
import { invalid, missing } from "../shared/errors.js";
import { DataType } from "../shared/proto/generated/messages.js";
import { typeName } from "../shared/schema.js";

type Params = ReadonlyMap<string, string>;

const INTEGERS: readonly DataType[] = [DataType.Int8, DataType.Int16, DataType.Int32, DataType.Int64];
const NUMBERS: readonly DataType[] = [...INTEGERS, DataType.Float, DataType.Double];

const CASTS = ["BOOL", "DOUBLE", "VARCHAR", "ARRAY_BOOL", "ARRAY_DOUBLE", "ARRAY_VARCHAR", "JSON"];
const CASTS_OF: Readonly<Record<string, readonly string[]>> = {
  STL_SORT: ["DOUBLE", "VARCHAR"],
  BITMAP: ["BOOL", "VARCHAR"],
  NGRAM: ["VARCHAR"],
};

const checkCast = (type: string | undefined, params: Params): void => {
  const cast = (params.get("json_cast_type") ?? "").trim().toUpperCase();
  const own = type === undefined ? undefined : CASTS_OF[type];
  if (own === undefined && !CASTS.includes(cast)) throw invalid(`json_cast_type ${cast} is not supported`);
  if (own !== undefined && !own.includes(cast)) {
    if (type === "NGRAM") throw invalid(`JSON field with ngram index only supports VARCHAR cast type, got: ${cast}`);
    throw invalid(`json_cast_type ${cast} is not supported for ${type} index`);
  }
  const cast_function = params.get("json_cast_function")?.trim().toUpperCase();
  if (cast_function === undefined) return;
  if (cast_function !== "STRING_TO_DOUBLE") throw invalid(`json_cast_function ${cast_function} is not supported`);
  if (cast !== "DOUBLE") throw invalid(`json_cast_function STRING_TO_DOUBLE is not supported for json_cast_type ${cast}`);
};

const checkGrams = (params: Params): void => {
  const [low, high] = [params.get("min_gram"), params.get("max_gram")];
  if (low === undefined || high === undefined) throw missing("Ngram index must specify both min_gram and max_gram");
  if (!/^[+-]?\d+$/.test(low)) throw invalid(`min_gram for Ngram index must be an integer, got: ${low}`);
  if (!/^[+-]?\d+$/.test(high)) throw invalid(`max_gram for Ngram index must be an integer, got: ${high}`);
  if (Number(low) <= 0 || Number(high) <= 0 || Number(low) > Number(high))
    throw invalid(`invalid min_gram or max_gram value for Ngram index, min_gram: ${low}, max_gram: ${high}`);
};

const checkBitmap = (field: FieldSchema): void => {
  const fits = (type: DataType): boolean => type === DataType.Bool || type === DataType.VarChar || INTEGERS.includes(type);
  if (field.dataType === DataType.JSON || fits(field.dataType)) return;
  if (field.dataType !== DataType.Array) throw invalid("bitmap index are only supported on bool, int, string and array field");
  if (!fits(field.elementType)) throw invalid("bitmap index are only supported on bool, int, string for array field");
};

/** `type` undefined: chosen by the server. */
export const checkScalarIndex = (type: string | undefined, field: FieldSchema, params: Params): void => {
  const { dataType } = field;
  const isJson = dataType === DataType.JSON;
  const text = dataType === DataType.VarChar;
  switch (type) {
    case "BITMAP":
      if (field.isPrimaryKey) throw invalid("create bitmap index on primary key not supported");
      checkBitmap(field);
      break;
    case "STL_SORT":
    case "Asceneding":
      if (!isJson && !text && !NUMBERS.includes(dataType) && dataType !== DataType.Timestamptz)
        throw invalid(`STL_SORT are only supported on numeric, varchar or timestamptz field, got ${typeName(dataType)}`);
      break;
    case "INVERTED":
      if (dataType === DataType.Timestamptz || dataType === DataType.Geometry)
        throw invalid(`INVERTED are not supported on ${typeName(dataType)} field`);
      break;
    case "Trie":
    case "TRIE":
    case "marisa-trie":
      if (!text) throw invalid("TRIE are only supported on varchar field");
      break;
    case "NGRAM":
      if (!text && !isJson) throw invalid("ngram index can only be created on VARCHAR or JSON field");
      if (isJson) checkCast(type, params);
      checkGrams(params);
      return;
    case "RTREE":
      if (dataType !== DataType.Geometry) throw invalid(`RTREE index can only be built on geometry field, got ${typeName(dataType)}`);
  }
  if (isJson) checkCast(type, params);
};

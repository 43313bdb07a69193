/**
 * Timestamptz columns between clients and the engine: clients give and get text, the engine holds microseconds in UTC.
 *
 * Text without an offset is of the collection's time zone, else the database's, else UTC; results are in the zone that the request asks for, else in that one.
 */
import { propertyOf } from "../catalog/properties.js";
import { databaseById } from "../catalog/read.js";
import type { Catalog, Collection } from "../catalog/types.js";
import { invalid } from "../shared/errors.js";
import { DataType, FieldData, type FieldSchema } from "../shared/proto/generated/messages.js";
import { DEFAULT_TIME_ZONE, formatMoment, parseMoment } from "../shared/time-zone.js";
import { isTimeZone } from "./property-rules.js";

export const TIME_ZONE = "timezone";
/** Milvus's words, whatever is wrong with the text. */
const WRONG_TEXT = "invalid timezone name; must be a valid IANA Time Zone ID (e.g., 'Asia/Shanghai' or 'UTC')";

export const timeZoneOf = (catalog: Catalog, collection: Collection): string =>
  propertyOf(collection.properties, TIME_ZONE) ??
  propertyOf(databaseById(catalog, collection.databaseId)?.properties ?? [], TIME_ZONE) ??
  DEFAULT_TIME_ZONE;

/** The field as it is kept: a default that is a text is the moment that it stands for now, whatever the zone may be later. */
export const withMomentDefault = (field: FieldSchema, zone: string): FieldSchema => {
  const text = field.dataType === DataType.Timestamptz ? field.defaultValue?.stringData : undefined;
  return text === undefined ? field : { ...field, defaultValue: { timestamptzData: parseMoment(text, zone) } };
};

/** The field as clients see it. */
export const withTextDefault = (field: FieldSchema, zone: string): FieldSchema => {
  const moment = field.defaultValue?.timestamptzData;
  return moment === undefined ? field : { ...field, defaultValue: { stringData: formatMoment(moment, zone) } };
};

/** The column with its texts as microseconds. @throws MilvusError 1100 for text that is no moment */
export const momentsOf = (data: Buffer, zone: string): Buffer => {
  const column = FieldData.decode(data);
  const texts = column.scalars?.stringData?.data;
  if (texts === undefined) throw invalid("timestamptz field data must be a string array");
  // A null among rows of which all have a place has an empty text.
  const isNull = (row: number): boolean => column.validData.length === texts.length && column.validData[row] === false;
  const given = texts.filter((_, row) => !isNull(row));
  const moments = given.map((text) => {
    try {
      return parseMoment(text, zone);
    } catch {
      throw invalid(`got invalid timestamptz string '${text}': ${WRONG_TEXT}`);
    }
  });
  return FieldData.encode({ ...column, type: DataType.Timestamptz, scalars: { timestamptzData: { data: moments } } });
};

const momentIds = (collection: Collection): ReadonlySet<number> =>
  new Set(collection.schema.fields.filter((field) => field.dataType === DataType.Timestamptz).map((field) => Number(field.fieldID)));

/** Whether columns of these ids are among the collection's moments. */
export const hasMoments = (collection: Collection, ids: readonly number[]): boolean => {
  const moments = momentIds(collection);
  return ids.some((id) => moments.has(id));
};

/** Result columns with moments as texts; others as they are. `asked`: the zone that the request asks for. */
export const withMomentTexts = (fields: readonly Buffer[], ids: readonly number[], collection: Collection, zone: string): Buffer[] => {
  const moments = momentIds(collection);
  if (moments.size === 0) return [...fields];
  return fields.map((data, at) => {
    if (!moments.has(ids[at] as number)) return data;
    const column = FieldData.decode(data);
    const values = column.scalars?.timestamptzData?.data ?? [];
    return FieldData.encode({ ...column, scalars: { stringData: { data: values.map((value) => formatMoment(value, zone)) } } });
  });
};

/** The time zone that a request's parameter names, else the collection's. */
export const resultTimeZone = (catalog: Catalog, collection: Collection, asked: string | undefined): string => {
  if (asked === undefined || asked === "") return timeZoneOf(catalog, collection);
  if (!isTimeZone(asked)) throw invalid(`unknown or invalid IANA Time Zone ID: ${asked}`);
  return asked;
};

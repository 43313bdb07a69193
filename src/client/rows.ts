/** The client's methods that write rows. */
import { invalid } from "../shared/errors.js";
import { DataType, FieldPartialUpdateOp_OpType } from "../shared/proto/generated/messages.js";
import { idsToValues } from "../shared/rows/decode.js";
import { rowsToFields } from "../shared/rows/encode.js";
import { primaryField } from "../shared/schema.js";
import { type CollectionOptions, type KnownSchema, milvus } from "./connection.js";
import { SchemaMethods } from "./schema-changes.js";
import { type FilterParams, templateValues } from "./template.js";

/**
 * A row: values by field name. Keys that are no fields go to the dynamic field, where there is one.
 *
 * | type | takes |
 * | --- | --- |
 * | Int64 | safe integer, bigint |
 * | JSON | any JSON value |
 * | Array | array of what its elements' type takes, typed array |
 * | FloatVector | number[], Float32Array |
 * | Float16Vector, BFloat16Vector | number[] or Float32Array, which is rounded; Uint8Array of the little-endian values |
 * | BinaryVector | bytes as number[] or Uint8Array, of `dim` / 8 |
 * | Int8Vector | number[], Int8Array |
 * | SparseFloatVector | `{ [index]: value }`, `{ indices, values }`, Map |
 */
export type RowData = Readonly<Record<string, unknown>>;

const ARRAY_OPERATIONS = { append: FieldPartialUpdateOp_OpType.ARRAY_APPEND, remove: FieldPartialUpdateOp_OpType.ARRAY_REMOVE } as const;

/** A primary key. */
export type Id = number | bigint | string;

export interface InsertOptions<T extends object = RowData> extends CollectionOptions {
  /** One row or many. */
  readonly data: T | readonly T[];
  /** Default: `_default`, or by the partition key. */
  readonly partitionName?: string;
}

export interface UpsertOptions<T extends object = RowData> extends InsertOptions<T> {
  /** Fields that the rows leave out keep their values. Every row has the same fields. Default false: they become null or their default. */
  readonly partialUpdate?: boolean;
  /** By array field: appends the given elements to those that are there, or removes them. Makes it a partial update. */
  readonly arrayOperations?: Readonly<Record<string, "append" | "remove">>;
}

export interface InsertResult {
  readonly insertCount: number;
  /** Keys of the rows in their order, also those that the server made. */
  readonly ids: Id[];
}

export interface UpsertResult {
  readonly upsertCount: number;
  readonly ids: Id[];
}

/** Either `ids` or `filter`. */
export interface DeleteOptions extends CollectionOptions {
  readonly ids?: Id | readonly Id[];
  readonly filter?: string;
  readonly filterParams?: FilterParams;
  readonly partitionName?: string;
}

/** `[1,2]` or `["a","b"]` as the list of a filter. */
export const idList = (ids: readonly Id[]): string =>
  `[${ids.map((id) => (typeof id === "string" ? JSON.stringify(id) : String(id))).join(",")}]`;

/** `key in [...]`. @throws MilvusError 1100 for keys of the wrong type */
export const idFilter = ({ schema }: KnownSchema, ids: readonly Id[]): string => {
  const field = primaryField(schema);
  for (const id of ids) {
    const fits = field.dataType === DataType.VarChar ? typeof id === "string" : typeof id === "bigint" || Number.isSafeInteger(id);
    if (!fits) throw invalid(`id ${typeof id} ${String(id)} does not fit the primary key ${field.name}`);
  }
  return `${field.name} in ${idList(ids)}`;
};

export const asList = <T>(given: T | readonly T[]): readonly T[] => (Array.isArray(given) ? (given as readonly T[]) : [given as T]);

export abstract class RowMethods extends SchemaMethods {
  /**
   * Adds rows. Keys are not checked for duplicates: use `upsert` where they may exist.
   * @throws MilvusError 1100 when a row does not fit the schema; then none is inserted
   */
  async insert<T extends object = RowData>(options: InsertOptions<T>): Promise<InsertResult> {
    const rows = asList(options.data) as readonly RowData[];
    if (rows.length === 0) return { insertCount: 0, ids: [] };
    const reply = await this.withSchema(options, (known) => this.call(milvus.Insert, this.writing(options, rows, known, {}), options));
    this.rememberWrite(options, reply.timestamp);
    return { insertCount: Number(reply.insertCnt), ids: idsToValues(reply.IDs) };
  }

  /** Adds rows in place of those with the same keys. @throws MilvusError 1100 when a row does not fit the schema; then nothing is changed */
  async upsert<T extends object = RowData>(options: UpsertOptions<T>): Promise<UpsertResult> {
    const rows = asList(options.data) as readonly RowData[];
    if (rows.length === 0) return { upsertCount: 0, ids: [] };
    const fieldOps = Object.entries(options.arrayOperations ?? {}).map(([fieldName, operation]) => ({
      fieldName,
      op: ARRAY_OPERATIONS[operation],
    }));
    const partialUpdate = options.partialUpdate ?? fieldOps.length > 0;
    const reply = await this.withSchema(options, (known) => {
      const request = this.writing(options, rows, known, { operation: "upsert", partialUpdate });
      return this.call(milvus.Upsert, { ...request, partialUpdate, fieldOps }, options);
    });
    this.rememberWrite(options, reply.timestamp);
    return { upsertCount: Number(reply.upsertCnt), ids: idsToValues(reply.IDs) };
  }

  /** Removes rows by key or by filter. `deleteCount` of a deletion by keys is their number, existing or not. */
  async delete(options: DeleteOptions): Promise<{ deleteCount: number }> {
    if (options.ids !== undefined && options.filter)
      throw invalid("Ambiguous filter parameter, only one deletion condition can be specified.");
    if (options.ids === undefined) return this.deleteWhere(options, options.filter ?? "");
    const ids = asList<Id>(options.ids);
    if (ids.length === 0) return { deleteCount: 0 };
    return this.withSchema(options, (known) => this.deleteWhere(options, idFilter(known, ids)));
  }

  private async deleteWhere(options: DeleteOptions, expr: string): Promise<{ deleteCount: number }> {
    const request = {
      ...this.named(options),
      partitionName: options.partitionName ?? "",
      expr,
      exprTemplateValues: templateValues(options.filterParams),
    };
    const reply = await this.call(milvus.Delete, request, options);
    this.rememberWrite(options, reply.timestamp);
    return { deleteCount: Number(reply.deleteCnt) };
  }

  private writing(
    options: InsertOptions<object>,
    rows: readonly RowData[],
    known: KnownSchema,
    form: { operation?: "upsert"; partialUpdate?: boolean },
  ) {
    return {
      ...this.named(options),
      partitionName: options.partitionName ?? "",
      fieldsData: rowsToFields(known.schema, rows, form).map((field) => field.data),
      numRows: rows.length,
      schemaTimestamp: known.updateTimestamp,
    };
  }
}

/** The client's methods on collections. */
import { invalid, MilvusError } from "../shared/errors.js";
import { CollectionSchema, ErrorCode } from "../shared/proto/generated/messages.js";
import { type CallOptions, type CollectionOptions, milvus } from "./connection.js";
import type { IndexDefinition } from "./indexes.js";
import { type ConsistencyLevelName, consistencyOf, type Properties, pairsOf } from "./names.js";
import { PartitionMethods, rowCountOf } from "./partitions.js";
import { type CollectionInfo, collectionInfoOf, type SchemaDefinition, schemaOf } from "./schema.js";

interface CreateOptions extends CollectionOptions {
  /** Default `Bounded`. */
  readonly consistencyLevel?: ConsistencyLevelName | number;
  readonly properties?: Properties;
  readonly shardsNum?: number;
  /** Of a collection with a partition key. */
  readonly numPartitions?: number;
}

/** A collection of one vector field: made, indexed (AUTOINDEX) and loaded in one call. */
export interface CreateFastOptions extends CreateOptions {
  readonly dimension: number;
  /** Default `id`. */
  readonly primaryFieldName?: string;
  /** Default `Int64`. */
  readonly idType?: "Int64" | "VarChar";
  /** Bytes of a VarChar key. */
  readonly maxLength?: number;
  /** Default `vector`. */
  readonly vectorFieldName?: string;
  /** Default `COSINE`. */
  readonly metricType?: string;
  /** Whether the server makes the keys. Default false. */
  readonly autoId?: boolean;
  /** Whether rows may have keys that are no fields. Default true. */
  readonly enableDynamicField?: boolean;
  readonly description?: string;
  readonly schema?: undefined;
}

/** A collection by its schema. With `indexParams` it is indexed and loaded, too. */
export interface CreateBySchemaOptions extends CreateOptions {
  readonly schema: SchemaDefinition;
  readonly indexParams?: IndexDefinition | readonly IndexDefinition[];
}

export type CreateCollectionOptions = CreateFastOptions | CreateBySchemaOptions;

const COLLECTION_NOT_FOUND = 100;

const saysMissing = (error: MilvusError): boolean =>
  error.code === COLLECTION_NOT_FOUND ||
  error.legacy === ErrorCode.CollectionNotExists ||
  (error.legacy === ErrorCode.UnexpectedError && error.message.includes("can't find collection"));

export abstract class CollectionMethods extends PartitionMethods {
  /** The same collection once more is no error. @throws MilvusError 1100 */
  async createCollection(options: CreateCollectionOptions): Promise<void> {
    if (options.schema === undefined) await this.createFast(options);
    else await this.createBySchema(options);
  }

  /** @throws MilvusError 100 if there is neither a collection nor an alias of this name */
  async describeCollection(options: CollectionOptions): Promise<CollectionInfo> {
    const reply = await this.call(milvus.DescribeCollection, this.named(options), options);
    return collectionInfoOf(reply);
  }

  /** True for aliases, too. */
  async hasCollection(options: CollectionOptions): Promise<boolean> {
    try {
      await this.call(milvus.DescribeCollection, this.named(options), options);
      return true;
    } catch (error) {
      if (error instanceof MilvusError && saysMissing(error)) return false;
      throw error;
    }
  }

  /** Names, without aliases. */
  async listCollections(options: CallOptions = {}): Promise<string[]> {
    return (await this.call(milvus.ShowCollections, { dbName: this.databaseOf(options) }, options)).collectionNames;
  }

  /** A collection that does not exist is dropped already. @throws MilvusError 1100 for an alias, and while aliases point at it */
  async dropCollection(options: CollectionOptions): Promise<void> {
    await this.call(milvus.DropCollection, this.named(options), options);
    this.forgetSchema(options);
  }

  /** @param options.newDatabaseName default: the same */
  async renameCollection(options: CollectionOptions & { readonly newName: string; readonly newDatabaseName?: string }): Promise<void> {
    const request = {
      dbName: this.databaseOf(options),
      oldName: options.collectionName,
      newName: options.newName,
      newDBName: options.newDatabaseName ?? "",
    };
    await this.call(milvus.RenameCollection, request, options);
    this.forgetSchema(options);
  }

  /** Rows as the server counts them cheaply: deleted ones may be among them. `count` is exact. */
  async getCollectionStats(options: CollectionOptions): Promise<{ rowCount: number }> {
    return { rowCount: rowCountOf((await this.call(milvus.GetCollectionStatistics, this.named(options), options)).stats) };
  }

  /** Drops all rows; schema, indexes and aliases stay. */
  async truncateCollection(options: CollectionOptions): Promise<void> {
    await this.call(milvus.TruncateCollection, this.named(options), options);
  }

  async alterCollectionProperties(options: CollectionOptions & { readonly properties: Properties }): Promise<void> {
    await this.call(milvus.AlterCollection, { ...this.named(options), properties: pairsOf(options.properties) }, options);
    this.forgetSchema(options);
  }

  async dropCollectionProperties(options: CollectionOptions & { readonly propertyKeys: readonly string[] }): Promise<void> {
    await this.call(milvus.AlterCollection, { ...this.named(options), deleteKeys: options.propertyKeys }, options);
    this.forgetSchema(options);
  }

  private async createFast(options: CreateFastOptions): Promise<void> {
    const { dimension, primaryFieldName = "id", idType = "Int64", vectorFieldName = "vector", metricType = "COSINE" } = options;
    if (!Number.isInteger(dimension)) throw invalid(`dimension should be an integer, but got ${dimension}`);
    if (idType !== "Int64" && idType !== "VarChar") throw invalid(`idType should be Int64 or VarChar, but got ${idType}`);
    const maxLength = options.maxLength === undefined ? {} : { maxLength: options.maxLength };
    await this.createBySchema({
      ...options,
      schema: {
        description: options.description ?? "",
        enableDynamicField: options.enableDynamicField ?? true,
        fields: [
          { name: primaryFieldName, dataType: idType, isPrimary: true, autoId: options.autoId ?? false, ...maxLength },
          { name: vectorFieldName, dataType: "FloatVector", dim: dimension },
        ],
      },
      indexParams: { fieldName: vectorFieldName, indexType: "AUTOINDEX", metricType },
    });
  }

  private async createBySchema(options: CreateBySchemaOptions): Promise<void> {
    const schema = schemaOf(options.collectionName, options.schema);
    const request = {
      ...this.named(options),
      schema: CollectionSchema.encode(schema),
      shardsNum: options.shardsNum ?? 0,
      consistencyLevel: consistencyOf(options.consistencyLevel ?? "Bounded"),
      properties: pairsOf(options.properties),
      numPartitions: BigInt(options.numPartitions ?? 0),
    };
    await this.call(milvus.CreateCollection, request, options);
    this.forgetSchema(options);
    const indexes = options.indexParams === undefined ? [] : [options.indexParams].flat();
    if (indexes.length === 0) return;
    await this.createIndex({ ...options, indexParams: indexes });
    await this.loadCollection(options);
  }
}

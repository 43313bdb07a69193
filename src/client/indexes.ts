/** The client's methods on indexes. */
import { MilvusError } from "../shared/errors.js";
import { type IndexDescription, IndexState } from "../shared/proto/generated/messages.js";
import { toJsonText } from "../shared/rows/json.js";
import { AliasMethods } from "./aliases.js";
import { type CallOptions, type CollectionOptions, milvus } from "./connection.js";
import { type IndexStateName, indexStateName, type Properties, pairsOf, propertiesOf } from "./names.js";

export interface IndexDefinition {
  readonly fieldName: string;
  /** Default: the field's name. */
  readonly indexName?: string;
  /** `AUTOINDEX` (default), `FLAT`, `HNSW`, … */
  readonly indexType?: string;
  /** `COSINE`, `L2`, `IP`, …; the server chooses when absent. */
  readonly metricType?: string;
  /** Parameters of the index, e.g. `{ M: 16, efConstruction: 200 }`. */
  readonly params?: Properties;
}

export interface IndexOptions extends CollectionOptions {
  readonly indexName: string;
}

export interface IndexInfo {
  readonly indexName: string;
  readonly fieldName: string;
  readonly indexType: string;
  readonly metricType: string;
  /** Everything else that was given for it. */
  readonly params: Record<string, string>;
  readonly state: IndexStateName;
  readonly failReason: string;
  readonly totalRows: number;
  readonly indexedRows: number;
  readonly pendingRows: number;
}

export interface CreateIndexOptions extends CollectionOptions {
  /** One index, or several, made one after another. */
  readonly indexParams: IndexDefinition | readonly IndexDefinition[];
  /** Whether to wait until it is built for the rows that are there. Default true. */
  readonly wait?: boolean;
}

const INDEX_NOT_FOUND = 700;

const infoOf = (description: IndexDescription): IndexInfo => {
  const { index_type: indexType = "", metric_type: metricType = "", ...params } = propertiesOf(description.params);
  return {
    indexName: description.indexName,
    fieldName: description.fieldName,
    indexType,
    metricType,
    params,
    state: indexStateName(description.state),
    failReason: description.indexStateFailReason,
    totalRows: Number(description.totalRows),
    indexedRows: Number(description.indexedRows),
    pendingRows: Number(description.pendingIndexRows),
  };
};

export abstract class IndexMethods extends AliasMethods {
  /** The same index once more is no error. @throws MilvusError 1100 for parameters or fields that do not fit */
  async createIndex(options: CreateIndexOptions): Promise<void> {
    const definitions = Array.isArray(options.indexParams) ? options.indexParams : [options.indexParams];
    for (const definition of definitions as readonly IndexDefinition[]) {
      const { fieldName, indexName = "", indexType = "AUTOINDEX", metricType, params } = definition;
      const extraParams = pairsOf({ index_type: indexType, metric_type: metricType, params: params && (toJsonText(params) ?? "{}") });
      await this.call(milvus.CreateIndex, { ...this.named(options), fieldName, indexName, extraParams }, options);
      if (options.wait !== false) await this.untilBuilt(options, fieldName, indexName);
    }
  }

  /** @throws MilvusError 700 */
  async describeIndex(options: IndexOptions): Promise<IndexInfo> {
    const reply = await this.call(milvus.DescribeIndex, { ...this.named(options), indexName: options.indexName }, options);
    const found = reply.indexDescriptions.find((each) => each.indexName === options.indexName) ?? reply.indexDescriptions[0];
    if (found === undefined) throw new MilvusError(INDEX_NOT_FOUND, `index not found[indexName=${options.indexName}]`);
    return infoOf(found);
  }

  /** Names of the indexes of a collection, or of one of its fields. */
  async listIndexes(options: CollectionOptions & { readonly fieldName?: string }): Promise<string[]> {
    const all = await this.describedIndexes(options);
    return all.filter((each) => !options.fieldName || each.fieldName === options.fieldName).map((each) => each.indexName);
  }

  /** An index that does not exist is dropped already. @throws MilvusError 1100 for a vector index of a loaded collection */
  async dropIndex(options: IndexOptions): Promise<void> {
    await this.call(milvus.DropIndex, { ...this.named(options), indexName: options.indexName }, options);
  }

  async alterIndexProperties(options: IndexOptions & { readonly properties: Properties }): Promise<void> {
    const request = { ...this.named(options), indexName: options.indexName, extraParams: pairsOf(options.properties) };
    await this.call(milvus.AlterIndex, request, options);
  }

  async dropIndexProperties(options: IndexOptions & { readonly propertyKeys: readonly string[] }): Promise<void> {
    await this.call(milvus.AlterIndex, { ...this.named(options), indexName: options.indexName, deleteKeys: options.propertyKeys }, options);
  }

  /** Names of database and collection, as requests have them. */
  protected named(options: CollectionOptions): { dbName: string; collectionName: string } {
    return { dbName: this.databaseOf(options), collectionName: options.collectionName };
  }

  /** Empty when there is none. */
  private async describedIndexes(options: CollectionOptions): Promise<IndexDescription[]> {
    try {
      return (await this.call(milvus.DescribeIndex, this.named(options), options)).indexDescriptions;
    } catch (error) {
      if (error instanceof MilvusError && error.code === INDEX_NOT_FOUND) return [];
      throw error;
    }
  }

  private async untilBuilt(options: CollectionOptions, fieldName: string, indexName: string): Promise<void> {
    await this.poll(`index on ${fieldName} of ${options.collectionName}`, options, async (limited: CallOptions) => {
      const all = await this.describedIndexes({ ...options, ...limited });
      const index = all.find((each) => (indexName === "" ? each.fieldName === fieldName : each.indexName === indexName));
      if (index?.state === IndexState.Failed)
        throw new MilvusError(65535, `index ${index.indexName} failed: ${index.indexStateFailReason}`);
      return index === undefined || index.state === IndexState.Finished;
    });
  }
}

/** The client's methods on partitions, and on what is loaded of a collection. */
import type { KeyValuePair } from "../shared/proto/generated/messages.js";
import { type CallOptions, type CollectionOptions, milvus } from "./connection.js";
import { IndexMethods } from "./indexes.js";
import { type LoadStateName, loadStateName } from "./names.js";

export interface PartitionOptions extends CollectionOptions {
  readonly partitionName: string;
}

export interface LoadOptions extends CollectionOptions {
  readonly replicaNumber?: number;
  /** Fields to load; default all. */
  readonly loadFields?: readonly string[];
  readonly skipLoadDynamicField?: boolean;
  /** Whether to wait until it is loaded. Default true. */
  readonly wait?: boolean;
}

export interface LoadPartitionsOptions extends LoadOptions {
  readonly partitionNames: readonly string[];
}

export interface LoadStateInfo {
  readonly state: LoadStateName;
  /** Percent; of a state that is Loading. */
  readonly progress?: number;
}

export const rowCountOf = (stats: readonly KeyValuePair[]): number => Number(stats.find(({ key }) => key === "row_count")?.value ?? 0);

const FULLY = 100n;

export abstract class PartitionMethods extends IndexMethods {
  /** A partition that exists is no error. */
  async createPartition(options: PartitionOptions): Promise<void> {
    await this.call(milvus.CreatePartition, this.partition(options), options);
  }

  /** @throws MilvusError for `_default` and for a partition that is loaded */
  async dropPartition(options: PartitionOptions): Promise<void> {
    await this.call(milvus.DropPartition, this.partition(options), options);
  }

  async hasPartition(options: PartitionOptions): Promise<boolean> {
    return (await this.call(milvus.HasPartition, this.partition(options), options)).value;
  }

  async listPartitions(options: CollectionOptions): Promise<string[]> {
    return (await this.call(milvus.ShowPartitions, this.named(options), options)).partitionNames;
  }

  /** Rows as the server counts them cheaply: deleted ones may be among them. */
  async getPartitionStats(options: PartitionOptions): Promise<{ rowCount: number }> {
    return { rowCount: rowCountOf((await this.call(milvus.GetPartitionStatistics, this.partition(options), options)).stats) };
  }

  async loadPartitions(options: LoadPartitionsOptions): Promise<void> {
    const request = { ...this.loading(options), partitionNames: options.partitionNames };
    await this.call(milvus.LoadPartitions, request, options);
    if (options.wait !== false) await this.untilLoaded(options, options.partitionNames, false);
  }

  async releasePartitions(options: CollectionOptions & { readonly partitionNames: readonly string[] }): Promise<void> {
    await this.call(milvus.ReleasePartitions, { ...this.named(options), partitionNames: options.partitionNames }, options);
  }

  /** Makes a collection ready for search and query, and waits until it is. */
  async loadCollection(options: LoadOptions): Promise<void> {
    await this.call(milvus.LoadCollection, this.loading(options), options);
    if (options.wait !== false) await this.untilLoaded(options, [], false);
  }

  /** Loads what was added by other ways than insert since it was loaded. */
  async refreshLoad(options: LoadOptions): Promise<void> {
    await this.call(milvus.LoadCollection, { ...this.loading(options), refresh: true }, options);
    if (options.wait !== false) await this.untilLoaded(options, [], true);
  }

  async releaseCollection(options: CollectionOptions): Promise<void> {
    await this.call(milvus.ReleaseCollection, this.named(options), options);
  }

  async getLoadState(options: CollectionOptions & { readonly partitionNames?: readonly string[] }): Promise<LoadStateInfo> {
    const request = { ...this.named(options), partitionNames: options.partitionNames ?? [] };
    const state = loadStateName((await this.call(milvus.GetLoadState, request, options)).state);
    if (state !== "Loading") return { state };
    return { state, progress: Number((await this.call(milvus.GetLoadingProgress, request, options)).progress) };
  }

  private partition(options: PartitionOptions) {
    return { ...this.named(options), partitionName: options.partitionName };
  }

  private loading(options: LoadOptions) {
    return {
      ...this.named(options),
      replicaNumber: options.replicaNumber ?? 0,
      loadFields: options.loadFields ?? [],
      skipLoadDynamicField: options.skipLoadDynamicField ?? false,
    };
  }

  private async untilLoaded(options: CollectionOptions, partitionNames: readonly string[], refresh: boolean): Promise<void> {
    await this.poll(`loading of ${options.collectionName}`, options, async (limited: CallOptions) => {
      const reply = await this.call(milvus.GetLoadingProgress, { ...this.named(options), partitionNames }, limited);
      return (refresh ? reply.refreshProgress : reply.progress) >= FULLY;
    });
  }
}

/**
 * The client's methods on snapshots: a collection as it was at one moment, from which new collections are made.
 *
 * A snapshot belongs to its collection, has a name there, and goes with it. Making and restoring copy no rows. Elanus and Milvus 3.0; older servers have none.
 */
import { MilvusError } from "../shared/errors.js";
import type { RestoreSnapshotInfo } from "../shared/proto/generated/messages.js";
import { type CallOptions, type CollectionOptions, milvus } from "./connection.js";
import { type RestoreStateName, restoreStateName } from "./names.js";
import { ReadMethods } from "./reads.js";

export interface SnapshotOptions extends CollectionOptions {
  readonly snapshotName: string;
}

export interface CreateSnapshotOptions extends SnapshotOptions {
  readonly description?: string;
  /** Seconds, at most a week, for which the server's compactions leave the snapshot's segments alone. */
  readonly compactionProtectionSeconds?: number;
}

export interface PinSnapshotOptions extends SnapshotOptions {
  /** Seconds, at most 30 days; absent or 0: until it is unpinned. */
  readonly ttlSeconds?: number;
}

export interface RestoreSnapshotOptions extends SnapshotOptions {
  readonly targetCollectionName: string;
  /** Default: the database of the snapshot. */
  readonly targetDatabaseName?: string;
  /** Whether to wait until it is done. Default true. */
  readonly wait?: boolean;
}

export interface SnapshotInfo {
  readonly name: string;
  readonly description: string;
  readonly collectionName: string;
  /** Partitions that the collection had. */
  readonly partitionNames: string[];
  /** When it was made, as the server tells it. */
  readonly createTimestamp: bigint;
}

export interface RestoreJob {
  readonly jobId: bigint;
  readonly snapshotName: string;
  /** Of the collection that is made. Empty when it is gone. */
  readonly databaseName: string;
  readonly collectionName: string;
  readonly state: RestoreStateName;
  /** Percent. */
  readonly progress: number;
  /** Why it failed. */
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly startTime: number;
  readonly timeCostMs: number;
}

const jobOf = (info: RestoreSnapshotInfo): RestoreJob => ({
  jobId: info.jobId,
  snapshotName: info.snapshotName,
  databaseName: info.dbName,
  collectionName: info.collectionName,
  state: restoreStateName(info.state),
  progress: info.progress,
  reason: info.reason,
  startTime: Number(info.startTime),
  timeCostMs: Number(info.timeCost),
});

export abstract class SnapshotMethods extends ReadMethods {
  /** Keeps the collection as it is at one moment of the call. @throws MilvusError 1100 when the collection has a snapshot of this name */
  async createSnapshot(options: CreateSnapshotOptions): Promise<void> {
    const { description = "", compactionProtectionSeconds = 0 } = options;
    const request = { ...this.snapshot(options), description, compactionProtectionSeconds: BigInt(compactionProtectionSeconds) };
    await this.call(milvus.CreateSnapshot, request, options);
  }

  /** A snapshot that does not exist is dropped already. @throws MilvusError 2601 while it is pinned */
  async dropSnapshot(options: SnapshotOptions): Promise<void> {
    await this.call(milvus.DropSnapshot, this.snapshot(options), options);
  }

  /** @throws MilvusError 2600 */
  async describeSnapshot(options: SnapshotOptions): Promise<SnapshotInfo> {
    const { name, description, collectionName, partitionNames, createTs } = await this.call(
      milvus.DescribeSnapshot,
      this.snapshot(options),
      options,
    );
    return { name, description, collectionName, partitionNames, createTimestamp: createTs };
  }

  async listSnapshots(options: CollectionOptions): Promise<string[]> {
    return (await this.call(milvus.ListSnapshots, this.named(options), options)).snapshots;
  }

  /**
   * Makes a new collection, not loaded, of a snapshot's rows, schema, partitions and indexes. Returns the id of the job.
   * @throws MilvusError 2600; 1100 and 1601 when the target's name is taken; 65535 when the job failed
   */
  async restoreSnapshot(options: RestoreSnapshotOptions): Promise<bigint> {
    const { targetCollectionName, targetDatabaseName: targetDbName = this.databaseOf(options) } = options;
    const { jobId } = await this.call(milvus.RestoreSnapshot, { ...this.snapshot(options), targetDbName, targetCollectionName }, options);
    if (options.wait !== false) {
      await this.poll(`restore of ${options.snapshotName}`, options, async (limited) => {
        const { state, reason } = await this.getRestoreState(jobId, limited);
        if (state === "Failed") throw new MilvusError(65535, `restore of ${options.snapshotName} failed: ${reason}`);
        return state === "Completed";
      });
    }
    return jobId;
  }

  /** @throws MilvusError 2101 when no such job is known */
  async getRestoreState(jobId: bigint, options: CallOptions = {}): Promise<RestoreJob> {
    const { info } = await this.call(milvus.GetRestoreSnapshotState, { jobId }, options);
    if (info === undefined) throw new MilvusError(65535, `the state of restore job ${jobId} says nothing`);
    return jobOf(info);
  }

  /** Jobs into a collection, or into any of the database. */
  async listRestoreJobs(options: CallOptions & { readonly collectionName?: string } = {}): Promise<RestoreJob[]> {
    const request = { dbName: this.databaseOf(options), collectionName: options.collectionName ?? "" };
    return (await this.call(milvus.ListRestoreSnapshotJobs, request, options)).jobs.map(jobOf);
  }

  /** Keeps a snapshot from being dropped. Returns the id of the pin. @throws MilvusError 2600 */
  async pinSnapshot(options: PinSnapshotOptions): Promise<bigint> {
    const request = { ...this.snapshot(options), ttlSeconds: BigInt(options.ttlSeconds ?? 0) };
    return (await this.call(milvus.PinSnapshotData, request, options)).pinId;
  }

  /** A pin that has ended is no error. */
  async unpinSnapshot(pinId: bigint, options: CallOptions = {}): Promise<void> {
    await this.call(milvus.UnpinSnapshotData, { pinId }, options);
  }

  private snapshot(options: SnapshotOptions) {
    return { ...this.named(options), name: options.snapshotName };
  }
}

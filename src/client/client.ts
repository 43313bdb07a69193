/**
 * `MilvusClient`: everything a program does with Milvus, Zilliz Cloud, an Elanus server or a folder.
 *
 * Methods take one object, answer promises of plain objects, arrays and typed arrays, and throw `MilvusError`. They are spread over files by
 * what they act on, each adding to the one before: connection, databases, aliases, indexes, partitions, collections, rows, reads, snapshots, users and roles, and
 * the server itself here.
 */
import { CompactionState, QuotaState } from "../shared/proto/generated/messages.js";
import { type CallOptions, type CollectionOptions, milvus } from "./connection.js";
import { asList } from "./rows.js";
import { UserMethods } from "./users.js";

export interface Health {
  readonly isHealthy: boolean;
  readonly reasons: string[];
  /** Limits that are in force, e.g. `DenyToWrite`. */
  readonly quotaStates: string[];
}

export interface CompactOptions extends CollectionOptions {
  /** Orders rows by the clustering key. */
  readonly isClustering?: boolean;
  /** Writes deletes as files, and nothing else. */
  readonly isL0?: boolean;
  /** Megabytes of the segments made, at least 1024: merges everything into such. */
  readonly targetSize?: number;
  /** Whether to wait until it is done. Default false. */
  readonly wait?: boolean;
}

export interface CompactionStateInfo {
  readonly state: "Executing" | "Completed";
  /** Plans of the compaction, by state. */
  readonly plans: { readonly executing: number; readonly completed: number; readonly failed: number };
}

/**
 * @example
 * const client = new MilvusClient({ uri: "http://localhost:19530", token: "user:password" });
 * await client.createCollection({ collectionName: "kites", dimension: 3 });
 * await client.insert({ collectionName: "kites", data: [{ id: 1, vector: [0.1, 0.2, 0.3], color: "red" }] });
 * const [hits] = await client.search({ collectionName: "kites", data: [0.1, 0.2, 0.3], limit: 1, outputFields: ["color"] });
 * await client.close();
 */
export class MilvusClient extends UserMethods {
  /** Makes rows durable in files of their own and waits until they are. */
  async flush(options: CallOptions & { readonly collectionName: string | readonly string[] }): Promise<void> {
    const collectionNames = asList<string>(options.collectionName);
    const dbName = this.databaseOf(options);
    const flushed = await this.call(milvus.Flush, { dbName, collectionNames }, options);
    for (const collectionName of collectionNames) {
      const segmentIDs = flushed.collSegIDs.get(collectionName)?.data ?? [];
      const flushTs = flushed.collFlushTs.get(collectionName) ?? 0n;
      await this.poll(`flush of ${collectionName}`, options, async (limited) => {
        const reply = await this.call(milvus.GetFlushState, { dbName, collectionName, segmentIDs, flushTs }, limited);
        return reply.flushed;
      });
    }
  }

  /**
   * Begins a compaction: small segments become larger ones, rows that are deleted or expired go. What is read stays the same. Returns its id, -1 when there
   * was nothing to do.
   */
  async compact(options: CompactOptions): Promise<bigint> {
    const { isClustering: majorCompaction = false, isL0: l0Compaction = false, targetSize = 0 } = options;
    const request = { ...this.named(options), majorCompaction, l0Compaction, targetSize: BigInt(targetSize) };
    const { compactionID } = await this.call(milvus.ManualCompaction, request, options);
    if (options.wait) {
      const isDone = async (limited: CallOptions) => (await this.getCompactionState(compactionID, limited)).state === "Completed";
      await this.poll(`compaction ${compactionID}`, options, isDone);
    }
    return compactionID;
  }

  async getCompactionState(compactionId: bigint, options: CallOptions = {}): Promise<CompactionStateInfo> {
    const reply = await this.call(milvus.GetCompactionState, { compactionID: compactionId }, options);
    const plans = { executing: reply.executingPlanNo, completed: reply.completedPlanNo, failed: reply.failedPlanNo };
    const [executing, completed, failed] = Object.values(plans).map(Number) as [number, number, number];
    return { state: reply.state === CompactionState.Executing ? "Executing" : "Completed", plans: { executing, completed, failed } };
  }

  /** e.g. `v2.6.0`. */
  async getServerVersion(options: CallOptions = {}): Promise<string> {
    return (await this.call(milvus.GetVersion, {}, options)).version;
  }

  async checkHealth(options: CallOptions = {}): Promise<Health> {
    const reply = await this.call(milvus.CheckHealth, {}, options);
    const names = Object.entries(QuotaState);
    const quotaStates = reply.quotaStates.map((state) => names.find(([, number]) => number === state)?.[0] ?? String(state));
    return { isHealthy: reply.isHealthy, reasons: reply.reasons, quotaStates };
  }
}

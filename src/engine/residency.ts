/**
 * What of a collection is in memory: as much as is loaded.
 *
 * A release drops the indexes of its segments from memory (their files stay) and lets the mapped pages go, at once. A load opens the index files again and
 * reads in what the properties ask for (`residency-rules.ts`), and answers when all that is `sync` is there. Catalog and memory differ only in between: whoever
 * brings something looks at the catalog again afterwards, so a release that came meanwhile wins. A scan serves segments whose index is not in memory, so answers
 * are right at any moment. An index file that cannot be opened is forgotten, and built again.
 */
import { isPartitionLoaded } from "../catalog/read.js";
import type { Collection, IndexDefinition } from "../catalog/types.js";
import { MilvusError } from "../shared/errors.js";
import { coreError } from "./core-errors.js";
import { columnsToWarm, indexIsHeld, indexWarmup, type Warmup } from "./residency-rules.js";
import type { SegmentEntry, SegmentIndex } from "./shard.js";
import type { EngineState } from "./state.js";

export const isResident = (state: Pick<EngineState, "catalog">, entry: Pick<SegmentEntry, "collectionId" | "partitionId">): boolean => {
  const collection = state.catalog.collections.get(entry.collectionId);
  return collection !== undefined && isPartitionLoaded(collection, entry.partitionId);
};

/** Takes the indexes of a segment that is not loaded from memory; those without a file stay. */
export const putAway = (entry: SegmentEntry): void => {
  for (const { fieldId, file } of entry.indexes.values()) if (file !== undefined) entry.core.dropIndex(Number(fieldId));
};

/** Something that a load brings. */
interface Part {
  readonly entry: SegmentEntry;
  readonly warmup: Warmup;
  /** Of memory. */
  readonly bytes: number;
  /** Counted to the budget, and not counted yet. */
  readonly counted: boolean;
  bring(): Promise<void>;
}

/** A load under way: what it waits for, by partition; undefined while that is being found out. */
interface Loading {
  parts: { readonly partitionId: bigint; readonly bytes: number; done: boolean }[] | undefined;
}

export interface ResidencyHooks {
  /** Indexes were forgotten and are to be built. */
  rebuild(): void;
}

export class Residency {
  private readonly opening = new Map<string, Promise<void>>();
  private readonly loading = new Map<bigint, Set<Loading>>();
  /** Collections with indexes that the first search brings. */
  private readonly onDemand = new Set<bigint>();
  /** Sealed segments that follow the catalog already. */
  private readonly settled = new WeakSet<object>();
  private stopped = false;

  constructor(
    private readonly state: EngineState,
    private readonly hooks: ResidencyHooks,
  ) {}

  /** Nothing is brought any more. */
  stop(): void {
    this.stopped = true;
  }

  /** @throws 3 when loading these partitions (absent: all) takes more memory than there is */
  async requireRoom(collection: Collection, partitionIds?: readonly bigint[]): Promise<void> {
    const entries = this.entries(collection.id, partitionIds);
    const parts = await Promise.all(entries.map((entry) => this.partsOf(collection, entry)));
    const counted = parts.flat().filter((part) => part.counted && part.warmup !== "disable");
    this.state.memory.require(counted.reduce((sum, part) => sum + part.bytes, 0));
  }

  /** Makes memory follow what the catalog says is loaded of a collection; resolves when what a load promises is there. */
  async follow(collectionId: bigint): Promise<void> {
    for (const entry of this.entries(collectionId)) if (!isResident(this.state, entry)) this.letGo(entry);
    const collection = this.state.catalog.collections.get(collectionId);
    if (collection?.load === undefined) this.onDemand.delete(collectionId);
    else await this.whileShown(collectionId, (loading) => this.bringAll(collection, loading));
  }

  /** The same for all collections of a folder that was opened; the caller waits for nothing. */
  begin(): void {
    for (const shard of this.state.shards.values()) this.follow(shard.collectionId).catch((error: unknown) => this.tell(error));
  }

  /** Segments that were sealed or merged since the last call become what the others of their collection are; that is no load that somebody waits for. */
  settle(): void {
    for (const shard of this.state.shards.values()) {
      const fresh = shard.list().filter((entry) => entry.state === "sealed" && !this.settled.has(entry.core));
      if (fresh.length === 0) continue;
      for (const entry of fresh) if (!isResident(this.state, entry)) this.letGo(entry);
      const collection = this.state.catalog.collections.get(shard.collectionId);
      if (collection !== undefined) this.bringAll(collection, { parts: [] }).catch((error: unknown) => this.tell(error));
    }
  }

  /** What a search needs and is not in memory by its policy; undefined: nothing. */
  wanted(collectionId: bigint): Promise<void> | undefined {
    if (!this.onDemand.delete(collectionId)) return undefined;
    const collection = this.state.catalog.collections.get(collectionId);
    return collection === undefined ? undefined : this.bringIndexes(collection);
  }

  /** How much of these partitions (none: all) is there, in percent. */
  progress(collectionId: bigint, partitionIds: readonly bigint[]): number {
    let total = 0;
    let done = 0;
    for (const { parts } of this.loading.get(collectionId) ?? []) {
      if (parts === undefined) return 0;
      for (const part of parts) {
        if (partitionIds.length > 0 && !partitionIds.includes(part.partitionId)) continue;
        total += part.bytes;
        if (part.done) done += part.bytes;
      }
    }
    return done < total ? Math.floor((100 * done) / total) : 100;
  }

  private async whileShown(collectionId: bigint, work: (loading: Loading) => Promise<void>): Promise<void> {
    const loading: Loading = { parts: undefined };
    const all = this.loading.get(collectionId) ?? new Set<Loading>();
    this.loading.set(collectionId, all.add(loading));
    try {
      await work(loading);
    } finally {
      all.delete(loading);
      if (all.size === 0) this.loading.delete(collectionId);
    }
  }

  private entries(collectionId: bigint, partitionIds: readonly bigint[] = []): SegmentEntry[] {
    return (
      this.state.shards
        .get(collectionId)
        ?.list(partitionIds)
        .filter((entry) => entry.state === "sealed") ?? []
    );
  }

  private letGo(entry: SegmentEntry): void {
    putAway(entry);
    this.state.memory.unpin(entry.core);
    this.settled.add(entry.core);
    // A wish that may come to nothing, as when the segment goes meanwhile.
    entry.core.advise(false).catch((error: unknown) => {
      if (this.isWanted(entry)) this.state.logger.warn({ reason: String(coreError(error)) }, "pages were not given back");
    });
  }

  private async bringAll(collection: Collection, loading: Loading): Promise<void> {
    const entries = this.entries(collection.id).filter((entry) => isResident(this.state, entry));
    for (const entry of entries) this.settled.add(entry.core);
    const parts = (await Promise.all(entries.map((entry) => this.partsOf(collection, entry)))).flat();
    if (parts.some((part) => part.warmup === "disable")) this.onDemand.add(collection.id);
    this.bringParts(parts.filter((part) => part.warmup === "async")).catch((error: unknown) => this.tell(error));
    const now = parts.filter((part) => part.warmup === "sync");
    const shown = now.map(({ entry, bytes }) => ({ partitionId: entry.partitionId, bytes, done: false }));
    loading.parts = shown;
    await this.bringParts(now, (at) => {
      const part = shown[at];
      if (part !== undefined) part.done = true;
    });
  }

  private async bringIndexes(collection: Collection): Promise<void> {
    const entries = this.entries(collection.id).filter((entry) => isResident(this.state, entry));
    const parts = await Promise.all(entries.map((entry) => this.indexParts(collection, entry)));
    await this.bringParts(parts.flat());
  }

  private tell(error: unknown): void {
    if (!this.stopped) this.state.logger.warn({ reason: String(coreError(error)) }, "what is loaded is not all in memory");
  }

  /** One after another: each may be large, and the core's threads are for requests, too. What does not fit is left out: a scan serves it. */
  private async bringParts(parts: readonly Part[], done?: (at: number) => void): Promise<void> {
    for (const [at, part] of parts.entries()) {
      if (this.isWanted(part.entry) && isResident(this.state, part.entry)) await this.bringOne(part);
      done?.(at);
    }
  }

  private async bringOne(part: Part): Promise<void> {
    try {
      if (part.counted) this.state.memory.require(part.bytes);
      await part.bring();
    } catch (error) {
      if (!this.isWanted(part.entry)) return;
      const reason = String(coreError(error));
      if (error instanceof MilvusError) this.state.logger.warn({ segment: part.entry.id.toString(), reason }, "not brought into memory");
      else throw error;
    }
    // One that went meanwhile has nothing left to let go, and cannot be asked.
    if (this.isWanted(part.entry) && !isResident(this.state, part.entry)) this.letGo(part.entry);
  }

  private isWanted(entry: SegmentEntry): boolean {
    return !this.stopped && this.state.shards.get(entry.collectionId)?.holds(entry) === true;
  }

  /** What a segment lacks of what its collection's properties ask for. */
  private async partsOf(collection: Collection, entry: SegmentEntry): Promise<Part[]> {
    return [...(await this.indexParts(collection, entry)), ...this.columnParts(collection, entry)];
  }

  private async indexParts(collection: Collection, entry: SegmentEntry): Promise<Part[]> {
    const parts: Part[] = [];
    for (const index of entry.indexes.values()) {
      // A segment that went meanwhile cannot be asked.
      if (!this.isWanted(entry)) return [];
      const definition = collection.indexes.find((candidate) => candidate.id === index.indexId);
      if (definition === undefined || index.file === undefined || entry.core.hasIndex(Number(index.fieldId))) continue;
      parts.push({
        entry,
        warmup: indexWarmup(collection, definition),
        bytes: await this.sizeOf(index.file),
        counted: true,
        bring: () => this.openIndex(entry, index, definition),
      });
    }
    return parts;
  }

  /** 0 for a file that is not there: opening it tells. */
  private async sizeOf(file: string): Promise<number> {
    return this.state.env.files.size(this.state.store.path(file)).catch(() => 0);
  }

  private columnParts(collection: Collection, entry: SegmentEntry): Part[] {
    const columns = columnsToWarm(collection);
    const kinds = (["sync", "async"] as const).flatMap((warmup) => [true, false].map((counted) => ({ warmup, counted })));
    return kinds.flatMap(({ warmup, counted }) => {
      if (counted && this.state.memory.isPinned(entry.core)) return [];
      const fieldIds = columns.filter((column) => column.warmup === warmup && column.counted === counted).map(({ fieldId }) => fieldId);
      const bytes = fieldIds.length === 0 ? 0 : entry.core.mappedSizeOf(fieldIds);
      const bring = async (): Promise<void> => {
        await entry.core.advise(true, fieldIds);
        if (counted) this.state.memory.pin(entry.core, bytes);
      };
      return bytes === 0 ? [] : [{ entry, warmup, bytes, counted, bring }];
    });
  }

  /** Opens an index file once, whoever asks. */
  private openIndex(entry: SegmentEntry, index: SegmentIndex, definition: IndexDefinition): Promise<void> {
    const key = `${entry.id}-${index.indexId}`;
    let work = this.opening.get(key);
    if (work === undefined) {
      work = this.tryOpen(entry, index, definition).finally(() => this.opening.delete(key));
      this.opening.set(key, work);
    }
    return work;
  }

  private async tryOpen(entry: SegmentEntry, index: SegmentIndex, definition: IndexDefinition): Promise<void> {
    const file = index.file as string;
    try {
      const collection = this.state.catalog.collections.get(entry.collectionId);
      const held = collection === undefined || indexIsHeld(collection, definition);
      await entry.core.openIndex(Number(index.fieldId), this.state.store.path(file), held);
    } catch (error) {
      if (!this.isWanted(entry) || entry.indexes.get(index.indexId) !== index) return;
      const reason = String((coreError(error) as Error).message);
      this.state.logger.warn({ file, index: definition.name, reason }, "an index file cannot be used and is built again");
      entry.indexes.delete(index.indexId);
      this.hooks.rebuild();
      return;
    }
    // Dropped while its file was read.
    if (entry.indexes.get(index.indexId) !== index) entry.core.dropIndex(Number(index.fieldId));
  }
}

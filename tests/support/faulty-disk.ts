/**
 * A disk in memory that forgets what was not synced.
 *
 * Each file has the content that processes see (`current`), the content that survives a power loss (`durable`) and the changes between the two
 * (`pending`, in order). A sync moves pending changes over; a sync that fails persists some and drops the others for good, as Linux does: what
 * processes see stays, and later syncs no longer know that it is not durable. Names are kept the same way: creations, renames and removals are
 * pending until their folder is synced. `afterPowerLoss` lets each pending change, and each 512-byte sector of a write, survive or not, by the seed.
 */
import type { SeededRandom } from "./random.js";

const SECTOR = 512;

type Change = { readonly is: "write"; readonly at: number; readonly bytes: Buffer } | { readonly is: "truncate"; readonly length: number };

export class DiskFile {
  current: Buffer = Buffer.alloc(0);
  durable: Buffer = Buffer.alloc(0);
  private pending: Change[] = [];

  change(change: Change): void {
    this.current = changed(this.current, change);
    this.pending.push(change);
  }

  sync(): void {
    for (const change of this.pending) this.durable = changed(this.durable, change);
    this.pending = [];
  }

  /** What is not persisted now never will be by itself. */
  syncInVain(random: SeededRandom): void {
    this.durable = this.survivors(random);
    this.pending = [];
  }

  survivors(random: SeededRandom): Buffer {
    const chance = random.pick([0, 0.5, 0.9, 1]);
    let content: Buffer = Buffer.from(this.durable);
    for (const change of this.pending) {
      if (change.is === "truncate") {
        if (random.chance(chance)) content = changed(content, change);
        continue;
      }
      const end = change.at + change.bytes.length;
      if (end > content.length && random.chance(chance)) content = changed(content, { is: "truncate", length: end });
      for (let at = change.at; at < end; ) {
        const next = Math.min(end, (Math.floor(at / SECTOR) + 1) * SECTOR);
        const torn = random.chance(0.05) ? at + random.below(next - at) : next;
        if (random.chance(chance))
          content = changed(content, { is: "write", at, bytes: change.bytes.subarray(at - change.at, torn - change.at) });
        at = next;
      }
    }
    return content;
  }
}

/** In place where the length allows it. */
const changed = (content: Buffer, change: Change): Buffer => {
  if (change.is === "truncate" && change.length <= content.length) return content.subarray(0, change.length);
  const length = change.is === "truncate" ? change.length : Math.max(content.length, change.at + change.bytes.length);
  let result = content;
  if (length > content.length) {
    result = Buffer.alloc(length);
    content.copy(result);
  }
  if (change.is === "write") change.bytes.copy(result, change.at);
  return result;
};

/** A file, or a folder (undefined content). */
type Node = DiskFile | "folder";
type NameChange =
  | { readonly is: "link"; readonly path: string; readonly node: Node }
  | { readonly is: "unlink"; readonly path: string }
  | { readonly is: "rename"; readonly from: string; readonly path: string; readonly node: Node };

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));

const renamed = (names: Map<string, Node>, change: NameChange): void => {
  if (change.is === "unlink") names.delete(change.path);
  else names.set(change.path, change.node);
  if (change.is === "rename") names.delete(change.from);
};

export class Disk {
  readonly names = new Map<string, Node>();
  private durableNames = new Map<string, Node>();
  private pending: NameChange[] = [];

  file(path: string): DiskFile | undefined {
    const node = this.names.get(path);
    return node instanceof DiskFile ? node : undefined;
  }

  change(change: NameChange): void {
    renamed(this.names, change);
    this.pending.push(change);
  }

  syncFolder(folder: string): void {
    const persists = (change: NameChange) =>
      parentOf(change.path) === folder || (change.is === "rename" && parentOf(change.from) === folder);
    for (const change of this.pending.filter(persists)) {
      renamed(this.durableNames, change);
      this.pending = this.pending.filter((other) => other !== change && !(change.is === "rename" && other.path === change.from));
    }
  }

  get bytes(): number {
    let sum = 0;
    for (const node of this.names.values()) if (node instanceof DiskFile) sum += node.current.length;
    return sum;
  }

  afterPowerLoss(random: SeededRandom): Disk {
    const after = new Disk();
    const chance = random.pick([0, 0.5, 1]);
    const names = new Map(this.durableNames);
    for (const change of this.pending) if (random.chance(chance)) renamed(names, change);
    const copies = new Map<DiskFile, DiskFile>();
    for (const [path, node] of names) {
      if (node === "folder") after.names.set(path, node);
      else {
        const copy = copies.get(node) ?? new DiskFile();
        if (!copies.has(node)) {
          copy.current = node.survivors(random);
          copy.durable = Buffer.from(copy.current);
          copies.set(node, copy);
        }
        after.names.set(path, copy);
      }
    }
    after.durableNames = new Map(after.names);
    return after;
  }

  /** Another disk with the same content, all of it durable. */
  copy(): Disk {
    const after = new Disk();
    for (const [path, node] of this.names) {
      if (node === "folder") after.names.set(path, node);
      else {
        const copy = new DiskFile();
        copy.current = Buffer.from(node.current);
        copy.durable = Buffer.from(node.current);
        after.names.set(path, copy);
      }
    }
    after.durableNames = new Map(after.names);
    return after;
  }
}

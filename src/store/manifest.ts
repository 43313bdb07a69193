/**
 * The manifest's files: `manifest-<version>`, the highest version counts.
 *
 * A commit writes a draft, syncs it, renames it to the next version's name and syncs the folder; the version before is kept for a rescue by hand, the one
 * before that removed. A name therefore stands for durable bytes: a highest version that cannot be read is damage, never passed over in silence, since
 * the files and log records that an older version needs may be gone. Damage of an older version is of no consequence.
 *
 * When the folder's sync fails after the rename, both outcomes are possible after a power loss. The commit then takes the new name back; if that fails
 * too, `uncertain` is set: nothing that the old or the new version names may be removed until a later commit, with a still higher version, succeeds.
 *
 * File: magic "ELANMANI" · u32 format version · u64 version · u32 body bytes · u32 body checksum · u32 checksum of the 28 bytes before · body.
 */
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Env } from "../shared/env.js";
import { failureBecause } from "../shared/errors.js";
import { damaged, listNames, readWhole } from "../shared/files.js";

const MAGIC = Buffer.from("ELANMANI", "latin1");
const FORMAT_VERSION = 1;
const HEADER_BYTES = 32;
const CHECKED_BYTES = 28;

const nameOf = (version: number): string => `manifest-${version.toString(16).padStart(14, "0")}`;
const versionOf = (name: string): number | undefined => {
  const match = /^manifest-([0-9a-f]{14})$/.exec(name);
  return match === null ? undefined : Number.parseInt(match[1] ?? "", 16);
};

const encodeHeader = (version: number, body: Buffer): Buffer => {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(FORMAT_VERSION, 8);
  header.writeBigUInt64LE(BigInt(version), 12);
  header.writeUInt32LE(body.length, 20);
  header.writeUInt32LE(crc32(body), 24);
  header.writeUInt32LE(crc32(header.subarray(0, CHECKED_BYTES)), CHECKED_BYTES);
  return header;
};

const decode = (path: string, version: number, bytes: Buffer): Buffer => {
  if (bytes.length < HEADER_BYTES) throw damaged(path, 0, `the header has ${bytes.length} of ${HEADER_BYTES} bytes`);
  if (!bytes.subarray(0, 8).equals(MAGIC)) throw damaged(path, 0, "not a manifest");
  if (crc32(bytes.subarray(0, CHECKED_BYTES)) !== bytes.readUInt32LE(CHECKED_BYTES))
    throw damaged(path, 0, "the header's checksum does not match");
  const format = bytes.readUInt32LE(8);
  if (format !== FORMAT_VERSION) throw damaged(path, 8, `the format is version ${format}, this program knows version ${FORMAT_VERSION}`);
  if (Number(bytes.readBigUInt64LE(12)) !== version) throw damaged(path, 12, "the version is not the name's");
  const body = bytes.subarray(HEADER_BYTES);
  if (body.length !== bytes.readUInt32LE(20)) throw damaged(path, 20, `the body has ${body.length} of ${bytes.readUInt32LE(20)} bytes`);
  if (crc32(body) !== bytes.readUInt32LE(24)) throw damaged(path, HEADER_BYTES, "the body's checksum does not match");
  return body;
};

/** Writes a file whole under a name of the root folder, durably (directory.ts). */
export type Publish = (name: string, parts: readonly Uint8Array[]) => Promise<unknown>;

export class ManifestFiles {
  /** Whether a commit failed in a way that leaves open which manifest a power loss would bring back. */
  uncertain = false;
  /** The highest version that may exist. */
  private version = 0;
  private committed = 0;

  private constructor(
    private readonly env: Env,
    private readonly folder: string,
    private readonly publish: Publish,
  ) {}

  static async open(env: Env, folder: string, publish: Publish): Promise<ManifestFiles> {
    const manifest = new ManifestFiles(env, folder, publish);
    // A process that was killed between rename and sync left a version that a power loss would still take away.
    await env.files.syncFolder(folder);
    manifest.committed = Math.max(0, ...(await manifest.versions()));
    manifest.version = manifest.committed;
    return manifest;
  }

  private async versions(): Promise<number[]> {
    const names = await listNames(this.env.files, this.folder);
    return names.flatMap((name) => versionOf(name) ?? []);
  }

  async read(): Promise<Buffer | undefined> {
    if (this.committed === 0) return undefined;
    const path = join(this.folder, nameOf(this.committed));
    return decode(path, this.committed, await readWhole(this.env.files, path));
  }

  async commit(body: Buffer): Promise<void> {
    await this.requireUnchanged();
    const version = ++this.version;
    try {
      await this.publish(nameOf(version), [encodeHeader(version, body), body]);
    } catch (error) {
      await this.takeBack(version);
      throw error;
    }
    this.committed = version;
    this.uncertain = false;
    await this.removeOld();
  }

  /** Another writer can only be there if the folder's lock was broken. */
  private async requireUnchanged(): Promise<void> {
    const highest = Math.max(0, ...(await this.versions()));
    if (highest > this.version) throw failureBecause("ioFailed", `another process committed ${nameOf(highest)} in ${this.folder}`);
  }

  private async takeBack(version: number): Promise<void> {
    try {
      await this.env.files.remove(join(this.folder, nameOf(version)));
      await this.env.files.syncFolder(this.folder);
    } catch {
      this.uncertain = true;
    }
  }

  /** Leaves the committed version and the one before it. One that cannot be removed now goes with a later commit. */
  private async removeOld(): Promise<void> {
    try {
      const versions = (await this.versions()).sort((a, b) => b - a);
      for (const version of versions.slice(2)) await this.env.files.remove(join(this.folder, nameOf(version)));
    } catch {
      // Older versions do no harm.
    }
  }
}

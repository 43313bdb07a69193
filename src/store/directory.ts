/**
 * The store in a folder of this machine.
 *
 * In the folder: LOCK (lock.ts), `reserve` (reserve.ts), `manifest-<version>` (manifest.ts), `drafts/` (files being written; emptied at opening), and the files that callers
 * name, mostly in folders of their own. A file is written as a draft, synced, renamed to its name, and the name's folder is synced: a crash leaves a
 * draft, or the whole file.
 */
import { dirname, join, posix } from "node:path";
import type { Env } from "../shared/env.js";
import { failureBecause } from "../shared/errors.js";
import { damaged, fileFailure, isAbsent, listNames, makeDurableFolder, readWhole } from "../shared/files.js";
import { FolderLock } from "./lock.js";
import { ManifestFiles } from "./manifest.js";
import { keepReserve } from "./reserve.js";
import type { Content, Store } from "./store.js";

const DRAFTS = "drafts";

/**
 * Opens the folder, made if absent, for this process alone.
 * @throws MilvusError 2 with one sentence when another process holds it, 1001 when it cannot be read or written.
 */
export const openDirectory = async (env: Env, folder: string): Promise<Store> => {
  let lock: FolderLock | undefined;
  try {
    if (!(await isThere(env, folder))) {
      await env.files.makeFolder(folder);
      await env.files.syncFolder(dirname(folder));
    }
    lock = await FolderLock.acquire(env, folder);
    if (!(await isThere(env, join(folder, DRAFTS)))) await makeDurableFolder(env.files, folder, DRAFTS);
    for (const name of await env.files.list(join(folder, DRAFTS))) await env.files.remove(join(folder, DRAFTS, name));
    const directory = new Directory(env, folder, lock);
    await directory.openManifest();
    await keepReserve(env, folder);
    return directory;
  } catch (error) {
    await lock?.release().catch(() => undefined);
    throw fileFailure(`opening the data folder ${folder}`, error);
  }
};

const isThere = async (env: Env, folder: string): Promise<boolean> => {
  try {
    await env.files.list(folder);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
};

class Directory implements Store {
  private manifest: ManifestFiles | undefined;
  private readonly folders = new Set<string>([""]);
  private drafts = 0;

  constructor(
    private readonly env: Env,
    private readonly folder: string,
    private readonly lock: FolderLock,
  ) {}

  async openManifest(): Promise<void> {
    this.manifest = await ManifestFiles.open(this.env, this.folder, (name, parts) => this.publish(name, parts));
  }

  path(name: string): string {
    const inside = name !== "" && !name.startsWith("/") && posix.normalize(name) === name && name !== ".." && !name.startsWith("../");
    if (!inside) throw new RangeError(`not a name in the store: ${JSON.stringify(name)}`);
    return join(this.folder, name);
  }

  async writeFile(name: string, content: Content): Promise<number> {
    try {
      return await this.publish(name, content);
    } catch (error) {
      throw fileFailure(`writing ${name}`, error);
    }
  }

  async readFile(name: string): Promise<Buffer> {
    try {
      return await readWhole(this.env.files, this.path(name));
    } catch (error) {
      if (isAbsent(error)) throw damaged(this.path(name), 0, "the file is missing");
      throw fileFailure(`reading ${name}`, error);
    }
  }

  async list(folder: string): Promise<string[]> {
    try {
      return await listNames(this.env.files, folder === "" ? this.folder : this.path(folder));
    } catch (error) {
      throw fileFailure(`listing ${folder}`, error);
    }
  }

  async remove(name: string): Promise<void> {
    if (this.manifest?.uncertain !== false) {
      throw failureBecause("ioFailed", `removing ${name}: it is not known which manifest counts until one is committed`);
    }
    try {
      await this.env.files.remove(this.path(name));
    } catch (error) {
      throw fileFailure(`removing ${name}`, error);
    }
  }

  async readManifest(): Promise<Buffer | undefined> {
    try {
      return await this.manifest?.read();
    } catch (error) {
      throw fileFailure("reading the manifest", error);
    }
  }

  async commitManifest(body: Buffer): Promise<void> {
    try {
      await this.manifest?.commit(body);
    } catch (error) {
      throw fileFailure("committing the manifest", error);
    }
  }

  async close(): Promise<void> {
    try {
      await this.lock.release();
    } catch (error) {
      throw fileFailure(`giving ${this.folder} free`, error);
    }
  }

  private async publish(name: string, content: Content): Promise<number> {
    const path = this.path(name);
    await this.makeFolders(posix.dirname(name));
    const draft = join(this.folder, DRAFTS, `${++this.drafts}`);
    try {
      const bytes = await this.writeDraft(draft, content);
      await this.env.files.rename(draft, path);
      await this.env.files.syncFolder(dirname(path));
      return bytes;
    } catch (error) {
      await this.env.files.remove(draft).catch(() => undefined); // or by the next opening
      throw error;
    }
  }

  private async writeDraft(draft: string, content: Content): Promise<number> {
    const file = await this.env.files.open(draft, "create");
    try {
      let bytes = 0;
      if (Array.isArray(content)) bytes = await file.write(content, 0);
      else for await (const part of content as AsyncIterable<Uint8Array>) bytes += await file.write([part], bytes);
      await file.sync();
      return bytes;
    } finally {
      await file.close();
    }
  }

  /** Makes a folder of the store and those above it, durably, once. */
  private async makeFolders(folder: string): Promise<void> {
    const wanted = folder === "." ? "" : folder;
    if (this.folders.has(wanted)) return;
    const parent = posix.dirname(wanted);
    await this.makeFolders(parent);
    await makeDurableFolder(this.env.files, join(this.folder, parent === "." ? "" : parent), posix.basename(wanted));
    this.folders.add(wanted);
  }
}

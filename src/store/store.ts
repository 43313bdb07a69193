/**
 * The store: where whole files live, and the manifest that says which of them count.
 *
 * A file appears with all its bytes, durable, or not at all; names are relative, with "/" between folders. The manifest is replaced as one: a reader
 * finds the old one or the new one. An object store can do the same with put, get, list, delete and a conditional put; it then keeps local copies for
 * `path`.
 */

/** Bytes of a file, in order. */
export type Content = readonly Uint8Array[] | AsyncIterable<Uint8Array>;

export interface Store {
  /** Writes the file whole, durably; replaces one of the same name. Returns its bytes. @throws MilvusError 1001. */
  writeFile(name: string, content: Content): Promise<number>;
  /** @throws MilvusError 1001; 1009 when it is not there: whoever names a file wrote it. */
  readFile(name: string): Promise<Buffer>;
  /** Names of the files and folders right in a folder ("" is the root), sorted; none when it is absent. */
  list(folder: string): Promise<string[]>;
  /**
   * Removes a file; nothing there is no error.
   * @throws MilvusError 1001, also while it is not known whether the last manifest that failed to be committed counts: it may name the file.
   */
  remove(name: string): Promise<void>;
  /** Where the file is on this machine. */
  path(name: string): string;
  /** The body of the last manifest; undefined before the first. @throws MilvusError 1009 with file and offset when it is damaged. */
  readManifest(): Promise<Buffer | undefined>;
  /** Makes `body` the manifest, durably, if nobody else replaced the one read or committed last. @throws MilvusError 1001: the old one counts then. */
  commitManifest(body: Buffer): Promise<void>;
  /** Gives the folder free. */
  close(): Promise<void>;
}

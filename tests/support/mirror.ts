/**
 * A faulty disk for a whole engine: the core maps segment and index files by their paths, so what a `FaultyEnv` has below `segments/` and `indexes/` is
 * kept in a real folder of the same path. Everything else, and every failing, torn and lost call, is the disk's in memory.
 *
 * A process that ended leaves its disk; `nextProcess` writes the real folder anew to what that has, and goes on.
 */
import { accessSync, constants, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DiskFile } from "./faulty-disk.js";
import type { FaultyEnv } from "./faulty-env.js";

const MIRRORED = /\/(segments|indexes)\/[^/]+$/;

/** In memory, where the machine has that. */
const parent = (): string => {
  try {
    accessSync("/dev/shm", constants.W_OK);
    return "/dev/shm";
  } catch {
    return tmpdir();
  }
};

/** A new real folder for a data folder; its path is also the one on the faulty disk. */
export const mirrorFolder = (): string => mkdtempSync(join(parent(), "elanus-mirror-"));

/** As a new name, since the old one's bytes may be mapped. */
const write = (path: string, content: Uint8Array): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
};

/** Makes the real folder follow the disk of `env` from now on. */
export const mirror = (env: FaultyEnv, folder: string): FaultyEnv => {
  const { disk } = env;
  for (let parent = dirname(folder); parent !== "/"; parent = dirname(parent)) {
    if (disk.names.has(parent)) continue;
    disk.change({ is: "link", path: parent, node: "folder" });
    disk.syncFolder(dirname(parent));
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [path, node] of disk.names) if (node instanceof DiskFile && MIRRORED.test(path)) write(path, node.current);
  const change = disk.change.bind(disk);
  disk.change = (made) => {
    change(made);
    if (!MIRRORED.test(made.path)) return;
    if (made.is === "unlink") rmSync(made.path, { force: true });
    else if (made.node instanceof DiskFile) write(made.path, made.node.current);
  };
  return env;
};

/**
 * How far the log reached when the folder was closed in order, kept beside it in the file `closed`.
 *
 * The end of a log cannot be told from a torn write by the log alone when the disk loses it. The log never gets shorter, so the mark holds for every later
 * opening, too; it is written anew at each orderly close. A mark that is damaged or gone says nothing. Text: the next lsn and its CRC-32 (zlib's), in hexadecimal.
 */
import { crc32 } from "node:zlib";
import type { Lsn } from "../log/log.js";
import type { Store } from "../store/store.js";

const NAME = "closed";

export const writeClosedMark = async (store: Store, nextLsn: Lsn): Promise<void> => {
  const lsn = nextLsn.toString(16);
  await store.writeFile(NAME, [Buffer.from(`${lsn} ${crc32(lsn).toString(16)}\n`, "latin1")]);
};

/** The lsn that the log reaches at least; 1 when there is no mark. */
export const readClosedMark = async (store: Store): Promise<Lsn> => {
  if (!(await store.list("")).includes(NAME)) return 1;
  const [lsn = "", checksum] = (await store.readFile(NAME)).toString("latin1").trim().split(" ");
  return crc32(lsn).toString(16) === checksum ? Number.parseInt(lsn, 16) : 1;
};

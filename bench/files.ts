/** Files of raw numbers, of any size (node:fs reads and writes 2 GiB at once at most). */
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";

const CHUNK = 64 * 1024 * 1024;

export const readBytes = (file: string): Buffer => {
  const descriptor = openSync(file, "r");
  try {
    const bytes = new Uint8Array(fstatSync(descriptor).size);
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(descriptor, bytes, at, Math.min(CHUNK, bytes.length - at), at);
      if (read === 0) throw new Error(`${file} ended at ${at} of ${bytes.length} bytes`);
      at += read;
    }
    return Buffer.from(bytes.buffer);
  } finally {
    closeSync(descriptor);
  }
};

export const readFloats = (file: string): Float32Array => new Float32Array(readBytes(file).buffer);

export const readInts = (file: string): Int32Array => new Int32Array(readBytes(file).buffer);

export const writeBytes = (file: string, values: ArrayBufferView): void => {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const descriptor = openSync(file, "w");
  try {
    for (let at = 0; at < bytes.length; at += CHUNK) {
      const part = bytes.subarray(at, at + CHUNK);
      for (let done = 0; done < part.length; ) done += writeSync(descriptor, part, done);
    }
  } finally {
    closeSync(descriptor);
  }
};

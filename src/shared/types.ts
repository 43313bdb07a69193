/** Types that several rooms share. */

/** Hybrid timestamp: milliseconds since 1970 << 18 | logical counter (Milvus's TSO). */
export type Timestamp = bigint;

export const physicalMs = (timestamp: Timestamp): bigint => timestamp >> 18n;
export const timestampOf = (ms: number): Timestamp => BigInt(Math.floor(ms)) << 18n;

/** Primary keys of one collection, all of one type. */
export type PrimaryKeys =
  | { readonly kind: "int64"; readonly keys: readonly bigint[] }
  | { readonly kind: "varchar"; readonly keys: readonly string[] };

/** Where rooms report what happens; pino's loggers are of this shape. */
export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLogger: Logger = { info: () => {}, warn: () => {}, error: () => {} };

/**
 * gRPC's own way to fail: a code and a message in the trailers. Used for what happens before and around an operation (framing, routing, deadlines);
 * failures of operations travel in the reply's `Status`, because clients retry many gRPC codes.
 * Source: grpc/doc/PROTOCOL-HTTP2.md, grpc/doc/statuscodes.md.
 */
export const GrpcCode = {
  Ok: 0,
  Cancelled: 1,
  Unknown: 2,
  DeadlineExceeded: 4,
  NotFound: 5,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  Unauthenticated: 16,
} as const;
export type GrpcCode = (typeof GrpcCode)[keyof typeof GrpcCode];

export class GrpcFailure extends Error {
  override name = "GrpcFailure";
  constructor(
    readonly code: GrpcCode,
    message: string,
  ) {
    super(message);
  }
}

/** Percent-encoding of `grpc-message`: everything outside printable ASCII, and `%`. */
export const encodeMessage = (message: string): string => {
  let encoded = "";
  for (const byte of Buffer.from(message, "utf8"))
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  return encoded;
};

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Milliseconds of a `grpc-timeout` value (at most eight digits and a unit); undefined if it is not one. */
export const timeoutMs = (value: string): number | undefined => {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  return match === null ? undefined : Number(match[1]) * (unitMs[match[2] as string] as number);
};

/**
 * Header lists of requests: what RFC 9113 (8.2, 8.3) calls malformed is told from what may be served, and the rest becomes one object that
 * handlers read. Also the blocks themselves: HEADERS and its CONTINUATIONs are put together here, within bounds.
 */
import { HpackDecoder } from "./hpack-decoder.js";
import type { HeaderField } from "./hpack-table.js";
import { ConnectionError, ErrorCode, Flag, INT31_MAX } from "./protocol.js";

/** Names in lower case, pseudo-header fields with their colon. Shared by requests with equal header blocks: not to be changed. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** What a header block is, beside the headers of a request. `malformed`: of a request or trailers that must be refused. */
export type HeaderList = RequestHeaders | "malformed" | "tooLong" | "trailers";

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const BAD_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/;
const PSEUDO: ReadonlySet<string> = new Set([":method", ":scheme", ":path", ":authority"]);
/** Of a connection, which HTTP/2 tells by other means. */
const OF_CONNECTIONS: ReadonlySet<string> = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);
/** Of these the first counts; other fields that come twice are joined. */
const SINGLE: ReadonlySet<string> = new Set(["authorization", "content-type", "content-length", "host", "user-agent", "grpc-timeout"]);

const wellFormed = ({ name, value }: HeaderField): boolean =>
  NAME.test(name) && !BAD_VALUE.test(value) && !OF_CONNECTIONS.has(name) && (name !== "te" || value.toLowerCase() === "trailers");

const requestHeaders = (fields: readonly HeaderField[]): RequestHeaders | "malformed" => {
  const headers: Record<string, string | undefined> = Object.create(null);
  let regular = false;
  for (const field of fields) {
    const { name, value } = field;
    const before = headers[name];
    if (name.startsWith(":")) {
      if (regular || before !== undefined || !PSEUDO.has(name) || BAD_VALUE.test(value)) return "malformed";
      headers[name] = value;
      continue;
    }
    regular = true;
    if (!wellFormed(field)) return "malformed";
    if (before === undefined) headers[name] = value;
    else if (name === "content-length" && before !== value) return "malformed";
    else if (!SINGLE.has(name)) headers[name] = name === "cookie" ? `${before}; ${value}` : `${before}, ${value}`;
  }
  const length = headers["content-length"];
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return "malformed";
  const { ":method": method, ":scheme": scheme, ":path": path } = headers;
  if (method === "CONNECT") return scheme === undefined && path === undefined ? headers : "malformed";
  return method && scheme && path ? headers : "malformed";
};

/** Where the block of a HEADERS frame lies, without padding; `dependency`: the stream that its priority names, else -1. @throws ConnectionError */
export const blockRange = (flags: number, bytes: Buffer, start: number, end: number): { from: number; to: number; dependency: number } => {
  const padded = (flags & Flag.Padded) !== 0;
  const prioritized = (flags & Flag.Priority) !== 0;
  const from = start + (padded ? 1 : 0) + (prioritized ? 5 : 0);
  if (from > end) throw new ConnectionError(ErrorCode.FrameSize, "HEADERS are shorter than their fields");
  const to = padded ? end - (bytes[start] as number) : end;
  if (to < from) throw new ConnectionError(ErrorCode.Protocol, "padding is longer than its frame");
  return { from, to, dependency: prioritized ? bytes.readUInt32BE(from - 5) & INT31_MAX : -1 };
};

/** Blocks up to here are compared with the one before. */
const REMEMBERED_BYTES = 512;
/** Frames that one header block may come in. */
const FRAMES_MAX = 64;

const equal = (one: Buffer, other: Buffer, start: number): boolean => {
  for (let at = 0; at < one.length; at++) if (one[at] !== other[start + at]) return false;
  return true;
};

export class HeaderBlocks {
  private readonly decoder: HpackDecoder;
  private parts: Buffer[] = [];
  private partBytes = 0;
  /** The last block of a request that left the dynamic table as it was, at that table's version: the same bytes are the same headers. */
  private known: Buffer | undefined;
  private knownVersion = 0;
  private knownHeaders: HeaderList = "malformed";

  constructor(private readonly listBytesMax: number) {
    this.decoder = new HpackDecoder(listBytesMax);
  }

  /** Keeps a part of a block that further frames complete. @throws ConnectionError ENHANCE_YOUR_CALM */
  keep(bytes: Buffer, start: number, end: number): void {
    this.partBytes += end - start;
    // Encoded, a list may be a little longer than its characters, never much.
    if (this.partBytes > 2 * this.listBytesMax || this.parts.length >= FRAMES_MAX)
      throw new ConnectionError(ErrorCode.EnhanceYourCalm, "a header block is too long");
    this.parts.push(Buffer.from(bytes.subarray(start, end)));
  }

  /** The list of the block that ends with these bytes. @throws ConnectionError */
  read(bytes: Buffer, start: number, end: number, trailing: boolean): HeaderList {
    if (this.parts.length === 0) return trailing ? this.trailers(bytes, start, end) : this.request(bytes, start, end);
    this.keep(bytes, start, end);
    const whole = Buffer.concat(this.parts, this.partBytes);
    this.parts = [];
    this.partBytes = 0;
    return trailing ? this.trailers(whole, 0, whole.length) : this.request(whole, 0, whole.length);
  }

  private request(bytes: Buffer, start: number, end: number): HeaderList {
    const { version } = this.decoder;
    const { known } = this;
    if (known !== undefined && known.length === end - start && this.knownVersion === version && equal(known, bytes, start))
      return this.knownHeaders;
    const { fields, tooLong } = this.decoder.decode(bytes, start, end);
    const headers = tooLong ? "tooLong" : requestHeaders(fields);
    if (this.decoder.version === version && end - start <= REMEMBERED_BYTES) {
      this.known = Buffer.from(bytes.subarray(start, end));
      this.knownVersion = version;
      this.knownHeaders = headers;
    }
    return headers;
  }

  private trailers(bytes: Buffer, start: number, end: number): HeaderList {
    const { fields, tooLong } = this.decoder.decode(bytes, start, end);
    return tooLong || !fields.every(wellFormed) ? "malformed" : "trailers";
  }
}

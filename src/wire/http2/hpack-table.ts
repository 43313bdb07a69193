/**
 * The two tables of HPACK that an index points into: the static one (1 to 61) and, behind it, the dynamic one, newest entry first.
 * Source: RFC 7541, section 2.3 and appendix A.
 */
import { ConnectionError, ErrorCode } from "./protocol.js";

export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** What an entry takes of a table or a header list besides its characters. */
export const ENTRY_BYTES = 32;

export const fieldBytes = (field: HeaderField): number => field.name.length + field.value.length + ENTRY_BYTES;

const NAMES_AND_VALUES =
  ":authority|;:method|GET;:method|POST;:path|/;:path|/index.html;:scheme|http;:scheme|https;:status|200;:status|204;:status|206;:status|304;" +
  ":status|400;:status|404;:status|500;accept-charset|;accept-encoding|gzip, deflate;accept-language|;accept-ranges|;accept|;" +
  "access-control-allow-origin|;age|;allow|;authorization|;cache-control|;content-disposition|;content-encoding|;content-language|;" +
  "content-length|;content-location|;content-range|;content-type|;cookie|;date|;etag|;expect|;expires|;from|;host|;if-match|;" +
  "if-modified-since|;if-none-match|;if-range|;if-unmodified-since|;last-modified|;link|;location|;max-forwards|;proxy-authenticate|;" +
  "proxy-authorization|;range|;referer|;refresh|;retry-after|;server|;set-cookie|;strict-transport-security|;transfer-encoding|;user-agent|;" +
  "vary|;via|;www-authenticate|";

/** The first entry has index 1. */
export const staticFields: readonly HeaderField[] = NAMES_AND_VALUES.split(";").map((entry) => {
  const [name = "", value = ""] = entry.split("|");
  return { name, value };
});

export class HeaderTable {
  /** Oldest first; those before `first` are gone. */
  private entries: HeaderField[] = [];
  private first = 0;
  private used = 0;
  private max: number;
  /** Counts the changes: while it is the same, an index means the same. */
  version = 0;

  constructor(private readonly limit: number) {
    this.max = limit;
  }

  /** @throws ConnectionError COMPRESSION_ERROR when there is no such entry */
  at(index: number): HeaderField {
    if (index >= 1) {
      const known = index <= staticFields.length ? staticFields[index - 1] : undefined;
      if (known !== undefined) return known;
      const at = this.entries.length - (index - staticFields.length);
      if (at >= this.first) return this.entries[at] as HeaderField;
    }
    throw new ConnectionError(ErrorCode.Compression, `HPACK: there is no header field ${index}`);
  }

  /** One that is larger than the table empties it. */
  add(field: HeaderField): void {
    this.version++;
    const bytes = fieldBytes(field);
    this.shrink(this.max - bytes);
    if (bytes > this.max) return;
    this.entries.push(field);
    this.used += bytes;
  }

  /** @throws ConnectionError COMPRESSION_ERROR for more than was offered */
  resize(max: number): void {
    if (max > this.limit) throw new ConnectionError(ErrorCode.Compression, `HPACK: a table of ${max} bytes is larger than ${this.limit}`);
    this.version++;
    this.max = max;
    this.shrink(max);
  }

  private shrink(to: number): void {
    while (this.used > to && this.first < this.entries.length) this.used -= fieldBytes(this.entries[this.first++] as HeaderField);
    if (this.first > 64 && this.first * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.first);
      this.first = 0;
    }
  }
}

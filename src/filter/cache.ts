/**
 * Compiled filters by text and schema, the least recently used dropped first.
 *
 * A schema is an object that stays the same as long as the schema does: its identity is the key. Filters of a schema that nobody uses any more age out.
 * Bounded by count and by bytes over all schemas; filters with template values, and texts that do not compile, are not kept.
 */
import type { TemplateValue } from "../shared/proto/generated/messages.js";
import { type CompiledFilter, compileFilter } from "./compile.js";
import type { FilterField } from "./plan.js";

export interface FilterCacheLimits {
  readonly countMax: number;
  readonly byteMax: number;
}

interface Entry {
  readonly filter: CompiledFilter;
  readonly byteSize: number;
}

/** Memory of an entry: UTF-16 text, program, keys. */
const byteSizeOf = (text: string, filter: CompiledFilter): number => {
  let size = text.length * 2 + (filter.program?.length ?? 0);
  for (const key of [...(filter.keys?.keys ?? []), ...(filter.partitionKeys ?? [])])
    size += typeof key === "string" ? key.length * 2 + 16 : 24;
  return size;
};

export class FilterCache {
  /** In order of use, the longest unused first. */
  readonly #entries = new Map<string, Entry>();
  readonly #schemaNumbers = new WeakMap<object, number>();
  readonly #limits: FilterCacheLimits;
  #schemaCount = 0;
  #byteSize = 0;
  constructor(limits: FilterCacheLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#entries.size;
  }

  get byteSize(): number {
    return this.#byteSize;
  }

  /** As `compileFilter`; `schema` is the identity of `fields`. */
  compile(
    text: string,
    schema: object,
    fields: () => readonly FilterField[],
    templates?: ReadonlyMap<string, TemplateValue>,
  ): CompiledFilter {
    if (templates !== undefined && templates.size > 0) return compileFilter(text, fields(), templates);
    const key = `${this.#schemaNumber(schema)} ${text}`;
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.filter;
    }
    const filter = compileFilter(text, fields());
    this.#keep(key, { filter, byteSize: byteSizeOf(text, filter) });
    return filter;
  }

  #schemaNumber(schema: object): number {
    const known = this.#schemaNumbers.get(schema);
    if (known !== undefined) return known;
    this.#schemaCount += 1;
    this.#schemaNumbers.set(schema, this.#schemaCount);
    return this.#schemaCount;
  }

  #keep(key: string, entry: Entry): void {
    if (entry.byteSize > this.#limits.byteMax) return;
    this.#entries.set(key, entry);
    this.#byteSize += entry.byteSize;
    for (const [oldest, { byteSize }] of this.#entries) {
      if (this.#entries.size <= this.#limits.countMax && this.#byteSize <= this.#limits.byteMax) return;
      this.#entries.delete(oldest);
      this.#byteSize -= byteSize;
    }
  }
}

/** Filter expressions: from a client's text to a program for the core. */
export { FilterCache, type FilterCacheLimits } from "./cache.js";
export { type CompiledFilter, compileFilter } from "./compile.js";
export { FilterError, planError } from "./errors.js";
export type { FilterField } from "./plan.js";

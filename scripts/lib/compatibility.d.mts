import type { AnyOperation } from "../../src/operations/operation.js";
/** The text of docs/compatibility.md. */
export function compatibilityText(operations: readonly AnyOperation[]): string;

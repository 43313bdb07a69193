/** docs/compatibility.md says what the operation table says. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { compatibilityText } from "../../scripts/lib/compatibility.mjs";
import { operations } from "../../src/operations/table.js";
import { services } from "../../src/shared/proto/generated/messages.js";

const root = resolve(import.meta.dirname, "../..");

describe("the table of operations", () => {
  it("has a row for every RPC of Milvus's services", () => {
    const rows = new Set(operations.map(({ service, rpc }) => `${service}/${rpc}`));
    const rpcs = Object.entries(services)
      .filter(([service]) => service.startsWith("milvus."))
      .flatMap(([service, methods]) => Object.keys(methods).map((rpc) => `${service}/${rpc}`));
    expect(rpcs.length).toBeGreaterThanOrEqual(154);
    expect(rpcs.filter((rpc) => !rows.has(rpc))).toEqual([]);
    expect(rows.size).toBe(operations.length);
  });

  it("says of an operation without a handler that it is not yet built, and the other way round", () => {
    expect(operations.filter(({ built, handle }) => (handle === undefined) !== (built === "not yet")).map(({ rpc }) => rpc)).toEqual([]);
  });

  it("is what docs/compatibility.md was made from (npm run docs)", () => {
    expect(readFileSync(join(root, "docs/compatibility.md"), "utf8")).toBe(compatibilityText(operations));
  });
});

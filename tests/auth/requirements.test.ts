/** Each operation asks for the privilege that Milvus asks for, and tells truly whether it changes anything. */
import { expect, test } from "vitest";
import { operations } from "../../src/operations/table.js";
import { levelOf, objectTypeOf, PRIVILEGES } from "../../src/shared/privileges.js";
import { ANNOTATIONS } from "./annotations.js";

const built = operations.filter((operation) => operation.built !== "not yet");

/** Ours alone. */
const OWN: typeof ANNOTATIONS = { AlterAliases: ["CreateAlias", "Global"] };

test("every operation has a row in the table of what is asked", () => {
  const unknown = built.map((operation) => operation.rpc).filter((rpc) => !(rpc in ANNOTATIONS) && !(rpc in OWN));
  expect(unknown).toEqual([]);
});

test("each asks for the privilege that Milvus asks for, on the same type of object", () => {
  for (const { rpc, privilege } of built) {
    const [wanted = "", objectType] = ANNOTATIONS[rpc] ?? OWN[rpc] ?? [];
    expect([rpc, privilege]).toEqual([rpc, wanted]);
    if (wanted !== "") expect([rpc, objectTypeOf(wanted)]).toEqual([rpc, objectType]);
    if (wanted !== "") expect(PRIVILEGES).toContain(wanted);
  }
});

test("every privilege that an operation asks for has a level, so that it is known which databases count", () => {
  for (const { rpc, privilege } of built) if (privilege !== "") expect([rpc, levelOf(privilege)]).not.toEqual([rpc, undefined]);
});

test("calls that are told to read change nothing: their privileges are those of the groups that only read, or none", () => {
  const reads = built.filter((operation) => !operation.changes).map(({ rpc, privilege }) => `${rpc} ${privilege}`.trim());
  // Those that read what only their makers may see.
  const makers = ["ListRestoreSnapshotJobs RestoreSnapshot", "BackupRBAC BackupRBAC"];
  const writing = /\b(Create|Drop|Alter|Insert|Upsert|Delete|Load|Release|Flush|Manage|Update|Restore|Transfer|Import|Compaction|Backup)/;
  expect(reads.filter((line) => writing.test(line.split(" ")[1] ?? "")).sort()).toEqual(makers.sort());
});

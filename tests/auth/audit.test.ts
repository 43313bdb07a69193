/** The audit log: who asked for what, and the outcome; names only. */
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { localPrincipal, type Principal } from "../../src/auth/principal.js";
import { type AnyOperation, type Call, dispatch } from "../../src/operations/operation.js";
import { operations } from "../../src/operations/table.js";
import { type Audit, createAudit } from "../../src/telemetry/audit.js";
import { memoryEngine } from "../support/memory-engine.js";
import { catalogWith, engineOf, guardOf, PASSWORD, USER } from "./world.js";

const file = join(tmpdir(), `elanus-audit-${process.pid}.log`);
afterEach(() => rmSync(file, { force: true }));

const lines = (): Record<string, unknown>[] =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const operationOf = (rpc: string): AnyOperation => operations.find((operation) => operation.rpc === rpc) as AnyOperation;

const send = async (rpc: string, request: object, audit: Audit, principal: Principal, engine = memoryEngine() as Call["engine"]) => {
  const operation = operationOf(rpc);
  const guard = guardOf(catalogWith([]), false);
  const call: Call = {
    engine,
    principal,
    guard,
    audit,
    databaseName: "",
    requestId: "r1",
    signal: new AbortController().signal,
    session: { version: "0", startedMs: 0 },
  };
  await dispatch(operation, call, operation.request.create(request as never)).catch(() => undefined);
};

test("what is denied, what is done and what fails has a line; what only reads has none", async () => {
  const audit = createAudit(file);
  const engine = memoryEngine();
  const secret = Buffer.from("top-secret").toString("base64");
  await send("CreateCredential", { username: "ada", password: secret, description: "private" }, audit, localPrincipal(), engine);
  await send("CreateCredential", { username: "ada", password: secret }, audit, localPrincipal(), engine);
  await send("ListCredUsers", {}, audit, localPrincipal(), engine);
  const catalog = catalogWith([]);
  const eve = await guardOf(catalog).authenticate({ kind: "password", user: USER, password: PASSWORD });
  await send("Search", { collectionName: "kites", dsl: "price > 7" }, audit, eve, engineOf(catalog));
  const grantor = { privilege: { name: "Search" } };
  await send(
    "OperatePrivilegeV2",
    { role: { name: "none", description: "" }, grantor, collectionName: "kites" },
    audit,
    localPrincipal(),
    engine,
  );
  const common = { log: "audit", time: expect.stringMatching(/^20\d\d-\d\d-\d\dT/), database: "default", request: "r1" };
  expect(lines()).toEqual([
    { ...common, outcome: "done", user: "root", operation: "CreateCredential", username: "ada" },
    {
      ...common,
      outcome: "failed",
      user: "root",
      operation: "CreateCredential",
      username: "ada",
      reason: "user already exists: ada: invalid parameter",
    },
    {
      ...common,
      outcome: "denied",
      user: USER,
      operation: "Search",
      collectionName: "kites",
      reason: "PrivilegeSearch: permission deny to eve in the `default` database",
    },
    {
      ...common,
      outcome: "failed",
      user: "root",
      operation: "OperatePrivilegeV2",
      collectionName: "kites",
      role: "none",
      privilege: "Search",
      reason: 'failed to operate privilege common check: the role "none" does not exist: invalid parameter',
    },
  ]);
  const written = readFileSync(file, "utf8");
  for (const hidden of ["top-secret", secret, "private", "scrypt", "price"]) expect(written).not.toContain(hidden);
});

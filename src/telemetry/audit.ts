/**
 * The audit log: one JSON line for each call that was denied, and for each that changes something, whether it was done or failed.
 *
 * A line tells who asked for what on which object, and the outcome; never what the request holds besides its names: no password, row or filter.
 */
import { destination, pino, stdTimeFunctions } from "pino";

export interface AuditEntry {
  /** Of the call: who, where, and its id. */
  readonly call: { readonly principal: { readonly user: string }; readonly databaseName: string; readonly requestId: string };
  /** RPC, or REST route. */
  readonly operation: string;
  /** Only names are read of it. */
  readonly request: object;
  readonly outcome: "denied" | "done" | "failed";
  readonly reason?: string;
}

export type Audit = (entry: AuditEntry) => void;

/** Members of requests that name what a call is about. */
const NAMES = ["collectionName", "collectionNames", "alias", "aliasName", "partitionName", "indexName", "oldName", "newName"] as const;
const ACCESS_NAMES = ["username", "userName", "roleName", "groupName", "privilegeGroupName", "name", "resourceGroup"] as const;

const namesIn = (request: object): Record<string, unknown> => {
  const members = request as Readonly<Record<string, unknown>>;
  const named = [...NAMES, ...ACCESS_NAMES].flatMap((name) => {
    const value = members[name];
    const wanted = typeof value === "string" ? value !== "" : Array.isArray(value) && value.every((item) => typeof item === "string");
    return wanted ? [[name, value] as const] : [];
  });
  return Object.fromEntries(named);
};

const grantIn = (request: object): Record<string, unknown> => {
  const { entity, role, grantor } = request as {
    entity?: { role?: { name: string }; name?: string; grantor?: { privilege?: { name: string } } };
    role?: { name: string };
    grantor?: { privilege?: { name: string } };
  };
  const roleName = role?.name ?? entity?.role?.name ?? entity?.name;
  const privilege = grantor?.privilege?.name ?? entity?.grantor?.privilege?.name;
  return { ...(roleName === undefined ? {} : { role: roleName }), ...(privilege === undefined ? {} : { privilege }) };
};

/** @param place `stdout`, or the path of a file that lines are added to */
export const createAudit = (place: string): Audit => {
  const lines = pino(
    { base: undefined, timestamp: stdTimeFunctions.isoTime, formatters: { level: () => ({ log: "audit" }) } },
    place === "stdout" ? destination({ fd: 1, sync: true }) : destination({ dest: place, append: true, mkdir: true, sync: true }),
  );
  return ({ call, operation, request, outcome, reason }) => {
    const { dbName } = request as { dbName?: unknown };
    lines.info({
      outcome,
      user: call.principal.user,
      operation,
      database: (typeof dbName === "string" && dbName) || call.databaseName || "default",
      ...namesIn(request),
      ...grantIn(request),
      ...(reason === undefined ? {} : { reason }),
      request: call.requestId,
    });
  };
};

/**
 * Every RPC of the services, once: the declared ones, then a row without a handler for each that is not built. The wire, the embedded client, the
 * compatibility page and the tests that walk all calls read this table and nothing else.
 */
import { services } from "../shared/proto/generated/messages.js";
import { operations as accessBackups } from "./access-backup.js";
import { operations as aliases } from "./alias.js";
import { operations as balances } from "./balance.js";
import { operations as collections } from "./collection.js";
import { operations as collectionChanges } from "./collection-alter.js";
import { operations as collectionReads } from "./collection-describe.js";
import { operations as collectionFields } from "./collection-field.js";
import { operations as collectionFunctions } from "./collection-function.js";
import { operations as collectionSchemas } from "./collection-schema.js";
import { operations as compactions } from "./compaction.js";
import { operations as connections } from "./connect.js";
import { operations as databases } from "./database.js";
import { operations as flushes } from "./flush.js";
import { operations as grants } from "./grant.js";
import { operations as hybridSearches } from "./hybrid-search.js";
import { operations as imports } from "./import.js";
import { operations as indexes } from "./index.js";
import { operations as loads } from "./load.js";
import { type AnyOperation, defineOperation } from "./operation.js";
import { operations as partitions } from "./partition.js";
import { operations as privilegeGroups } from "./privilege-group.js";
import { operations as queries } from "./query.js";
import { operations as resourceGroups } from "./resource-group.js";
import { legacyRoutes } from "./rest-v1.js";
import { operations as roles } from "./role.js";
import { operations as rows } from "./row.js";
import { operations as searches } from "./search.js";
import { operations as snapshots } from "./snapshot.js";
import { operations as restores } from "./snapshot-restore.js";
import { operations as users } from "./user.js";

const declared: readonly AnyOperation[] = [
  ...connections,
  ...databases,
  ...collections,
  ...collectionReads,
  ...collectionChanges,
  ...collectionFields,
  ...collectionSchemas,
  ...collectionFunctions,
  ...aliases,
  ...partitions,
  ...indexes,
  ...loads,
  ...balances,
  ...rows,
  ...searches,
  ...hybridSearches,
  ...queries,
  ...flushes,
  ...imports,
  ...compactions,
  ...snapshots,
  ...restores,
  ...resourceGroups,
  ...users,
  ...roles,
  ...grants,
  ...privilegeGroups,
  ...accessBackups,
];

const SERVICES = [
  "milvus.proto.milvus.MilvusService",
  "milvus.proto.milvus.ClientTelemetryService",
  "milvus.proto.milvus.ProxyService",
  "elanus.proto.v1.ElanusService",
] as const;

const keyOf = (service: string, rpc: string): string => `${service}/${rpc}`;

const notBuilt = (): AnyOperation[] => {
  const known = new Set(declared.map((operation) => keyOf(operation.service, operation.rpc)));
  return SERVICES.flatMap((service) =>
    Object.values(services[service])
      .filter((method) => !known.has(keyOf(service, method.name)))
      .map((method): AnyOperation => defineOperation<object, object>(method, { privilege: "", scope: "global" }, service)),
  );
};

/** One row an RPC. Rows without `handle` answer UNIMPLEMENTED with the RPC's name. */
export const operations: readonly AnyOperation[] = [...declared, ...notBuilt()].map((operation) => {
  const legacy = legacyRoutes(operation);
  return legacy.length === 0 ? operation : { ...operation, rest: [...operation.rest, ...legacy] };
});

/**
 * The first REST interface, `/v1/vector/...`, which old clients still speak.
 *
 * Model: each of its routes is one of v2 with another body and reply. So they are made from the rows of v2, and run its handlers under its privileges; only
 * the words for what is missing, the defaults and the code of success (200) are their own.
 * Source: milvus internal/distributed/proxy/httpserver/handler_v1.go.
 */
import { requireCollection, resolve } from "../catalog/read.js";
import { failureBecause, MilvusError } from "../shared/errors.js";
import { primaryField } from "../shared/schema.js";
import type { AnyOperation, Call, RestReply, RestRoute } from "./operation.js";
import { keyFilter } from "./query-rest.js";
import { type Body, flagIn, integerIn, objectIn, restDatabase, textIn } from "./support.js";

interface Legacy {
  readonly route: string;
  /** What must be there: groups of members of which one is needed. */
  readonly needs: readonly (readonly string[])[];
  body(call: Call, body: Body): Body;
  data?(reply: RestReply): unknown;
}

const same = (_: Call, body: Body): Body => body;
const LIMIT_DEFAULT = 100;

/** An Int64 key that counts up and one vector, with the dynamic field; indexed and loaded. */
const createBody = (_: Call, body: Body): Body => {
  const vector = textIn(body, "vectorField") || "vector";
  return {
    dbName: body.dbName,
    collectionName: body.collectionName,
    description: body.description,
    schema: {
      autoId: true,
      enableDynamicField: flagIn(body, "enableDynamicField") ?? true,
      fields: [
        { fieldName: textIn(body, "primaryField") || "id", dataType: "Int64", isPrimary: true },
        { fieldName: vector, dataType: "FloatVector", elementTypeParams: { dim: integerIn(body, "dimension") } },
      ],
    },
    indexParams: [{ fieldName: vector, indexName: "vector_idx", metricType: textIn(body, "metricType") || "L2" }],
  };
};

/** Unlike v2, a missing collection is an error. */
const dropBody = (call: Call, body: Body): Body => {
  const { dbName } = restDatabase(call, body);
  const name = textIn(body, "collectionName");
  if (resolve(call.engine.catalog, dbName, name) === undefined)
    throw new MilvusError(100, `collection not found, database: ${dbName}, collection: ${name}`);
  return body;
};

const rowsBody = (_: Call, body: Body): Body => ({ ...body, data: Array.isArray(body.data) ? body.data : [body.data] });

const searchBody = (_: Call, body: Body): Body => ({
  ...body,
  data: [body.vector],
  searchParams: { params: objectIn(body, "params") },
  limit: integerIn(body, "limit") ?? LIMIT_DEFAULT,
});

const deleteBody = (call: Call, body: Body): Body => {
  if (textIn(body, "filter") !== "") return body;
  const collection = requireCollection(call.engine.catalog, restDatabase(call, body).dbName, textIn(body, "collectionName"));
  const ids: readonly unknown[] = Array.isArray(body.id) ? body.id : [body.id];
  return { ...body, filter: keyFilter(primaryField(collection.schema), ids) };
};

const described = ({ data }: RestReply): unknown => {
  const shown = data as Body;
  const names = ["collectionName", "description", "fields", "indexes", "load", "shardsNum", "enableDynamicField"];
  return Object.fromEntries(names.map((name) => [name, shown[name]]));
};

const name = [["collectionName"]];
const rows = [...name, ["data"]];

/** By the route of v2, without what all have in common. */
const LEGACY: Readonly<Record<string, Legacy>> = {
  "collections/list": { route: "GET /v1/vector/collections", needs: [], body: same },
  "collections/create": { route: "POST /v1/vector/collections/create", needs: [...name, ["dimension"]], body: createBody },
  "collections/describe": { route: "GET /v1/vector/collections/describe", needs: name, body: same, data: described },
  "collections/drop": { route: "POST /v1/vector/collections/drop", needs: name, body: dropBody },
  "entities/insert": { route: "POST /v1/vector/insert", needs: rows, body: rowsBody },
  "entities/upsert": { route: "POST /v1/vector/upsert", needs: rows, body: rowsBody },
  "entities/search": { route: "POST /v1/vector/search", needs: [...name, ["vector"]], body: searchBody },
  "entities/query": { route: "POST /v1/vector/query", needs: [...name, ["filter"]], body: same },
  "entities/get": { route: "POST /v1/vector/get", needs: [...name, ["id"]], body: same },
  "entities/delete": { route: "POST /v1/vector/delete", needs: [...name, ["id", "filter"]], body: deleteBody, data: () => ({}) },
};

const isThere = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== "" && value !== 0 && !(Array.isArray(value) && value.length === 0);

const checkNeeds = (body: Body, needs: Legacy["needs"]): void => {
  if (needs.every((members) => members.some((member) => isThere(body[member])))) return;
  const known = failureBecause("httpMissingParameter", "");
  const list = needs.map((members) => members.join("/")).join(", ");
  throw new MilvusError(known.code, `missing required parameters, required parameters: [${list}]`);
};

const V2 = "POST /v2/vectordb/";

const legacyOf = (route: RestRoute, legacy: Legacy): RestRoute => ({
  route: legacy.route,
  ...(route.also === undefined ? {} : { also: route.also }),
  handle: async (call, body) => {
    checkNeeds(body, legacy.needs);
    const reply = await route.handle(call, legacy.body(call, body));
    return { code: 200, data: legacy.data === undefined ? reply.data : legacy.data(reply) };
  },
});

/** The routes of v1 that an operation has by those of v2. */
export const legacyRoutes = (operation: AnyOperation): RestRoute[] =>
  operation.rest.flatMap((route) => {
    const legacy = LEGACY[route.route.slice(V2.length)];
    return legacy === undefined ? [] : [legacyOf(route, legacy)];
  });

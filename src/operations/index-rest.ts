/** REST routes of indexes. They call the handlers of the RPCs. Source: milvus internal/distributed/proxy/httpserver/handler_v2.go. */
import { expandIndexParams } from "../catalog/index-params.js";
import type { KeyValuePair } from "../catalog/types.js";
import { httpFailure, MilvusError } from "../shared/errors.js";
import { type IndexDescription, IndexState } from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import type { Call, RestRoute } from "./operation.js";
import { type Body, nothing, objectIn, objectsIn, pairsIn, parameterText, required, restDatabase, textIn, textsIn } from "./support.js";

const BASE = "POST /v2/vectordb/indexes";

interface Named {
  readonly dbName: string;
  readonly collectionName: string;
  readonly indexName: string;
  readonly fieldName: string;
}

const named = (call: Call, body: Body): Named => ({
  ...restDatabase(call, body),
  collectionName: textIn(body, "collectionName"),
  indexName: textIn(body, "indexName"),
  fieldName: "",
});

const sorted = (body: Body): Body => Object.fromEntries(Object.entries(body).sort(([one], [other]) => (one < other ? -1 : 1)));

/** One entry of `indexParams`; a body's type and metric become pairs, its parameters the one JSON text that clients send and read. */
export const indexIn = (entry: Body): { fieldName: string; indexName: string; extraParams: KeyValuePair[] } => {
  const fieldName = textIn(entry, "fieldName");
  if (fieldName === "")
    throw httpFailure(
      "httpMissingParameter",
      "Key: 'IndexParam.FieldName' Error:Field validation for 'FieldName' failed on the 'required' tag",
    );
  const params = objectIn(entry, "params");
  const type = textIn(entry, "indexType") || (typeof params.index_type === "string" ? params.index_type : "");
  const extraParams = [
    ...(type === "" ? [] : [{ key: "index_type", value: type }]),
    ...(textIn(entry, "metricType") === "" ? [] : [{ key: "metric_type", value: textIn(entry, "metricType") }]),
    ...(Object.keys(params).length === 0 ? [] : [{ key: "params", value: parameterText(sorted(params)) }]),
  ];
  return { fieldName, indexName: textIn(entry, "indexName") || fieldName, extraParams };
};

const stateName = (state: number): string => Object.entries(IndexState).find(([, value]) => value === state)?.[0] ?? "";

const shown = (description: Init<IndexDescription>) => {
  const params = expandIndexParams((description.params ?? []).map((pair) => ({ key: pair.key ?? "", value: pair.value ?? "" })));
  const switches = ["mmap.enabled", "indexoffsetcache.enabled", "warmup"].flatMap((key) => {
    const value = params.get(key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return {
    indexName: description.indexName,
    fieldName: description.fieldName,
    indexType: params.get("index_type") ?? "",
    metricType: params.get("metric_type") ?? "",
    ...Object.fromEntries(switches),
    totalRows: description.totalRows,
    pendingRows: description.pendingIndexRows,
    indexedRows: description.indexedRows,
    indexState: stateName(description.state ?? 0),
    failReason: description.indexStateFailReason,
    minIndexVersion: description.minIndexVersion,
    maxIndexVersion: description.maxIndexVersion,
    indexParams: description.params,
  };
};

type Describe = (call: Call, request: Named) => { readonly indexDescriptions: readonly Init<IndexDescription>[] };
type Create = (call: Call, request: Named & { readonly extraParams: KeyValuePair[] }) => Promise<object>;
type Alter = (call: Call, request: Named & { readonly extraParams: KeyValuePair[]; readonly deleteKeys: string[] }) => Promise<object>;

const list = async (call: Call, body: Body, describe: Describe): Promise<{ data: unknown }> => {
  try {
    return { data: describe(call, named(call, body)).indexDescriptions.map((description) => description.indexName) };
  } catch (error) {
    // A collection without indexes has an empty list.
    if (error instanceof MilvusError && error.code === 700) return { data: [] };
    throw error;
  }
};

export const indexRoutes = {
  create: (create: Create): RestRoute[] => [
    {
      route: `${BASE}/create`,
      required: required("IndexParamReq", "collectionName", "indexParams"),
      handle: async (call, body) => {
        for (const entry of objectsIn(body, "indexParams")) await create(call, { ...named(call, body), ...indexIn(entry) });
        return nothing;
      },
    },
  ],
  describe: (describe: Describe): RestRoute[] => [
    {
      route: `${BASE}/list`,
      required: required("CollectionNameReq", "collectionName"),
      handle: (call, body) => list(call, body, describe),
    },
    {
      route: `${BASE}/describe`,
      required: required("IndexReq", "collectionName", "indexName"),
      handle: async (call, body) => ({ data: describe(call, named(call, body)).indexDescriptions.map(shown) }),
    },
  ],
  alter: (alter: Alter): RestRoute[] => [
    {
      route: `${BASE}/alter_properties`,
      required: required("IndexReqWithProperties", "collectionName", "indexName"),
      handle: async (call, body) =>
        alter(call, { ...named(call, body), extraParams: pairsIn(body, "properties"), deleteKeys: [] }).then(() => nothing),
    },
    {
      route: `${BASE}/drop_properties`,
      required: required("DropIndexPropertiesReq", "collectionName", "indexName"),
      handle: async (call, body) =>
        alter(call, { ...named(call, body), extraParams: [], deleteKeys: textsIn(body, "propertyKeys") }).then(() => nothing),
    },
  ],
  drop: (drop: (call: Call, request: Named) => Promise<object>): RestRoute[] => [
    {
      route: `${BASE}/drop`,
      required: required("IndexReq", "collectionName", "indexName"),
      handle: async (call, body) => drop(call, named(call, body)).then(() => nothing),
    },
  ],
};

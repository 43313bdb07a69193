/** Imports are not built: their routes check what Milvus checks first, and say so. Source: milvus internal/distributed/proxy/httpserver/request_v2.go. */
import { failureBecause } from "../shared/errors.js";
import { services } from "../shared/proto/generated/messages.js";
import { type AnyOperation, defineOperation, type RequiredMember, type RestRoute } from "./operation.js";
import { collectionOf, required, restDatabase, textIn } from "./support.js";

const { Import, GetImportState, ListImportTasks } = services["milvus.proto.milvus.MilvusService"];

const BASE = "POST /v2/vectordb/jobs/import";

const route = (name: string, members: readonly RequiredMember[]): RestRoute => ({
  route: `${BASE}/${name}`,
  required: members,
  handle: async (call, body) => {
    if (textIn(body, "collectionName") !== "")
      collectionOf(call, { ...restDatabase(call, body), collectionName: textIn(body, "collectionName") });
    throw failureBecause("unimplemented", `${BASE.slice("POST ".length)}/${name} is not built yet in Elanus; see docs/compatibility.md`);
  },
});

const job = [{ name: "jobId", goName: "JobIDReq.JobID" }];

export const operations: readonly AnyOperation[] = [
  defineOperation(Import, {
    privilege: "Import",
    scope: "collection",
    note: "refused by name",
    rest: [route("create", required("ImportReq", "collectionName", "files")), route("commit", job), route("abort", job)],
  }),
  defineOperation(GetImportState, {
    privilege: "GetImportProgress",
    scope: "global",
    note: "refused by name",
    rest: [route("describe", job), route("get_progress", job)],
  }),
  defineOperation(ListImportTasks, { privilege: "ListImport", scope: "global", note: "refused by name", rest: [route("list", [])] }),
];

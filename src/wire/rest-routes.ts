/**
 * The routes that Milvus's REST v2 has, so that one which is not built is told apart from one that nobody knows.
 * Source: milvus internal/distributed/proxy/httpserver/handler_v2.go.
 */
const actions: Readonly<Record<string, string>> = {
  aliases: "alter create describe drop list",
  collections:
    "add_function alter_function alter_properties compact create describe drop drop_function drop_properties flush get_compaction_state get_load_state get_stats has list load refresh_load release rename truncate",
  "collections/fields": "add alter_properties",
  "collections/struct_fields": "add",
  common: "run_analyzer",
  databases: "alter alter_properties create describe drop drop_properties list",
  entities: "advanced_search delete get hybrid_search insert query search upsert",
  indexes: "alter_properties create describe drop drop_properties list",
  "jobs/external_collection": "describe list refresh",
  "jobs/import": "abort commit create describe get_progress list",
  "jobs/snapshot": "describe export list restore_external",
  partitions: "create drop get_stats has list load release",
  privilege_groups: "add_privileges_to_group create drop list remove_privileges_from_group",
  quotacenter: "describe",
  resource_groups: "alter create describe drop list transfer_replica",
  roles: "alter create describe drop grant_privilege grant_privilege_v2 list revoke_privilege revoke_privilege_v2",
  segments: "describe",
  users: "create describe drop grant_role list revoke_role update_password",
};

/** `/v2/vectordb/...`, all POST. */
export const milvusRoutes: ReadonlySet<string> = new Set(
  Object.entries(actions).flatMap(([folder, names]) => names.split(" ").map((name) => `/v2/vectordb/${folder}/${name}`)),
);

/** What lists show to a caller who may not see everything: the databases and collections that any grant of his roles names. */
import { type Visible, visibleCollections, visibleDatabases } from "../auth/policy.js";
import type { Collection } from "../catalog/types.js";
import type { Call } from "./operation.js";

const shows = (visible: Visible, name: string): boolean => visible === undefined || visible.has(name);

export const seesDatabase = (call: Call, name: string): boolean =>
  call.principal.unlimited || shows(visibleDatabases(call.engine.catalog.access, call.principal.user), name);

export const seenCollections = (call: Call, database: string): ((collection: Collection) => boolean) => {
  if (call.principal.unlimited) return () => true;
  const visible = visibleCollections(call.engine.catalog.access, call.principal.user, database);
  return (collection) => shows(visible, collection.name);
};

/** Records about users, roles, grants and groups: each changes the catalog's `access` and nothing else. */
import type { Access } from "../shared/access.js";
import { changeGrants } from "./apply-grant.js";
import { alterPrivilegeGroup, createPrivilegeGroup, dropPrivilegeGroup } from "./apply-privilege-group.js";
import { restoreAccess } from "./apply-restore-access.js";
import { alterRole, changeUserRole, createRole, dropRole } from "./apply-role.js";
import { alterUser, createUser, dropUser } from "./apply-user.js";
import type { Catalog, RecordOf } from "./types.js";

type Kind =
  | "createUser"
  | "alterUser"
  | "dropUser"
  | "createRole"
  | "alterRole"
  | "dropRole"
  | "changeUserRole"
  | "changeGrants"
  | "createPrivilegeGroup"
  | "dropPrivilegeGroup"
  | "alterPrivilegeGroup"
  | "restoreAccess";

const next = (access: Access, record: RecordOf<Kind>): Access => {
  switch (record.kind) {
    case "createUser":
      return createUser(access, record);
    case "alterUser":
      return alterUser(access, record);
    case "dropUser":
      return dropUser(access, record);
    case "createRole":
      return createRole(access, record);
    case "alterRole":
      return alterRole(access, record);
    case "dropRole":
      return dropRole(access, record);
    case "changeUserRole":
      return changeUserRole(access, record);
    case "changeGrants":
      return changeGrants(access, record);
    case "createPrivilegeGroup":
      return createPrivilegeGroup(access, record);
    case "dropPrivilegeGroup":
      return dropPrivilegeGroup(access, record);
    case "alterPrivilegeGroup":
      return alterPrivilegeGroup(access, record);
    case "restoreAccess":
      return restoreAccess(access, record);
  }
};

export const applyAccess = (catalog: Catalog, record: RecordOf<Kind>): Catalog => {
  const access = next(catalog.access, record);
  return access === catalog.access ? catalog : { ...catalog, access };
};

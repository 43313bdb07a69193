/** Records about users. Source: milvus internal/rootcoord/meta_table.go. */
import { type Access, ROOT } from "../shared/access.js";
import { failure, invalid, MilvusError } from "../shared/errors.js";
import { USERS_MAX } from "../shared/limits.js";
import type { RecordOf } from "./types.js";

export const createUser = (access: Access, record: RecordOf<"createUser">): Access => {
  const { name, passwordHash, description } = record;
  if (access.users.has(name)) throw invalid(`user already exists: ${name}`);
  if (access.users.size >= USERS_MAX)
    throw failure(
      "quotaExceeded",
      { reason: "unable to add user because the number of users has reached the limit" },
      "failed to check if add credential",
    );
  return { ...access, users: access.users.set(name, { name, passwordHash, description, roles: [] }) };
};

export const alterUser = (access: Access, record: RecordOf<"alterUser">): Access => {
  const user = access.users.get(record.name);
  if (user === undefined) throw new MilvusError(65535, "failed to check if update credential: user not found");
  const { passwordHash = user.passwordHash, description = user.description } = record;
  if (passwordHash === user.passwordHash && description === user.description) return access;
  return { ...access, users: access.users.set(record.name, { ...user, passwordHash, description }) };
};

/** A user that is not there is dropped already. */
export const dropUser = (access: Access, record: RecordOf<"dropUser">): Access => {
  if (record.name === ROOT) throw failure("notPermitted", {}, "root user cannot be deleted");
  return access.users.has(record.name) ? { ...access, users: access.users.delete(record.name) } : access;
};

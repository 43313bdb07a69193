/**
 * Users and their passwords. Passwords come as base64, are hashed here (auth/passwords.ts) and go no further: records, errors and logs never hold one.
 * Sources: milvus internal/proxy/impl.go, internal/rootcoord/root_coord.go.
 */
import { decodeBase64 } from "../auth/credentials.js";
import { ROOT, type User } from "../shared/access.js";
import { failure, invalid, outOfRange } from "../shared/errors.js";
import { PASSWORD_BYTES_MAX, PASSWORD_BYTES_MIN, USER_DESCRIPTION_BYTES_MAX } from "../shared/limits.js";
import { checkUserName } from "../shared/names.js";
import {
  type CreateCredentialRequest,
  ErrorCode,
  type SelectUserRequest,
  services,
  type UpdateCredentialRequest,
} from "../shared/proto/generated/messages.js";
import { type AnyOperation, type Call, defineOperation } from "./operation.js";
import { type Body, change, nothing, relabeled, required, textIn } from "./support.js";

const { CreateCredential, UpdateCredential, DeleteCredential, ListCredUsers, SelectUser } = services["milvus.proto.milvus.MilvusService"];

const checkDescription = (description: string | undefined): void => {
  const length = Buffer.byteLength(description ?? "", "utf8");
  if (length > USER_DESCRIPTION_BYTES_MAX)
    throw invalid(
      `invalid user description with length ${length}, the length of user description must be less than or equal to ${USER_DESCRIPTION_BYTES_MAX}`,
    );
};

/** Go tells the place where base64 ends; so do we, without the text. */
const decoded = (base64: string, context: string): string => {
  const text = decodeBase64(base64);
  if (text !== undefined) return text;
  const good = /^(?:[A-Za-z0-9+/]{4})*/.exec(base64)?.[0].length ?? 0;
  const wrong = base64.slice(good).search(/[^A-Za-z0-9+/]/);
  throw invalid(`${context}: illegal base64 data at input byte ${wrong === -1 ? good : good + wrong}`);
};

const checkPassword = (password: string): void => {
  const length = Buffer.byteLength(password, "utf8");
  if (length < PASSWORD_BYTES_MIN || length > PASSWORD_BYTES_MAX)
    throw outOfRange("invalid password length", length, PASSWORD_BYTES_MIN, PASSWORD_BYTES_MAX);
};

const create = async (call: Call, request: Pick<CreateCredentialRequest, "username" | "password" | "description">) => {
  checkUserName(request.username);
  checkDescription(request.description);
  const password = decoded(request.password, "decode password fail");
  checkPassword(password);
  const name = request.username.trim();
  const passwordHash = await call.guard.hash(password);
  const record = { kind: "createUser", name, passwordHash, description: request.description ?? "" } as const;
  await relabeled(ErrorCode.CreateCredentialFailure, () => change(call, record));
  return {};
};

type Update = Pick<UpdateCredentialRequest, "username" | "oldPassword" | "newPassword" | "description">;

/** Who gives an old password means to change it, so that an empty new one is told to be too short. */
const changesPassword = (request: Update): boolean => request.newPassword !== "" || request.oldPassword !== "";

/** The hash of the new password, when there is one and the old one is right. */
const newHash = async (call: Call, request: Update): Promise<string | undefined> => {
  if (!changesPassword(request)) return undefined;
  const old = decoded(request.oldPassword, "decode old password failed");
  const next = decoded(request.newPassword, "decode password failed");
  checkPassword(next);
  if (!call.guard.isSuperUser(call.principal.user) && !(await call.guard.verify(request.username, old)))
    throw failure("notAuthenticated", {}, `old password not correct for ${request.username}`);
  return call.guard.hash(next);
};

const update = async (call: Call, request: Update) => {
  checkDescription(request.description);
  const { description } = request;
  if (!changesPassword(request) && description === undefined) throw invalid("must update either password or description");
  const passwordHash = await newHash(call, request);
  const record = {
    kind: "alterUser",
    name: request.username.trim(),
    ...(passwordHash === undefined ? {} : { passwordHash }),
    ...(description === undefined ? {} : { description }),
  } as const;
  await relabeled(ErrorCode.UpdateCredentialFailure, () => change(call, record));
  return {};
};

const drop = async (call: Call, request: { readonly username: string }) => {
  if (request.username === ROOT) throw failure("notPermitted", {}, "root user cannot be deleted");
  const name = request.username.trim();
  if (name === "") throw failure("invalidParameter", {}, "failed to check if delete credential: username is empty");
  await relabeled(ErrorCode.DeleteCredentialFailure, () => change(call, { kind: "dropUser", name }));
  return {};
};

const users = (call: Call): User[] => [...call.engine.catalog.access.users.values()].sort((one, other) => (one.name < other.name ? -1 : 1));

const list = (call: Call) => ({ usernames: users(call).map((user) => user.name) });

/** One user, or all; nobody of that name: nothing. */
const select = (call: Call, request: Pick<SelectUserRequest, "user" | "includeRoleInfo">) => {
  if (request.user !== undefined) checkUserName(request.user.name);
  const chosen = users(call).filter((user) => request.user === undefined || user.name === request.user.name);
  return {
    results: chosen.map((user) => ({
      user: { name: user.name },
      roles: request.includeRoleInfo ? user.roles.map((name) => ({ name })) : [],
      description: user.description,
    })),
  };
};

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

/** Absent: not given. */
const descriptionIn = (body: Body): string | undefined =>
  body.description === undefined || body.description === null ? undefined : textIn(body, "description");

const BASE = "POST /v2/vectordb/users";

export const operations: readonly AnyOperation[] = [
  defineOperation(CreateCredential, {
    privilege: "CreateOwnership",
    scope: "global",
    handle: create,
    rest: [
      {
        route: `${BASE}/create`,
        required: required("PasswordReq", "userName", "password"),
        handle: async (call, body) => {
          const [username, password] = [textIn(body, "userName"), base64(textIn(body, "password"))];
          await create(call, { username, password, description: descriptionIn(body) });
          return nothing;
        },
      },
    ],
  }),
  defineOperation(UpdateCredential, {
    privilege: "UpdateUser",
    scope: "global",
    handle: update,
    rest: [
      {
        route: `${BASE}/update_password`,
        required: required("NewPasswordReq", "userName"),
        handle: async (call, body) => {
          const [oldPassword, newPassword] = [base64(textIn(body, "password")), base64(textIn(body, "newPassword"))];
          await update(call, { username: textIn(body, "userName"), oldPassword, newPassword, description: descriptionIn(body) });
          return nothing;
        },
      },
    ],
  }),
  defineOperation(DeleteCredential, {
    privilege: "DropOwnership",
    scope: "global",
    handle: drop,
    rest: [
      {
        route: `${BASE}/drop`,
        required: required("UserReq", "userName"),
        handle: async (call, body) => drop(call, { username: textIn(body, "userName") }).then(() => nothing),
      },
    ],
  }),
  defineOperation(ListCredUsers, {
    privilege: "SelectOwnership",
    scope: "global",
    handle: list,
    rest: [{ route: `${BASE}/list`, handle: async (call) => ({ data: list(call).usernames }) }],
  }),
  defineOperation(SelectUser, {
    privilege: "SelectUser",
    scope: "global",
    handle: select,
    rest: [
      {
        route: `${BASE}/describe`,
        required: required("UserReq", "userName"),
        handle: async (call, body) => {
          const [user] = select(call, { user: { name: textIn(body, "userName") }, includeRoleInfo: true }).results;
          return { data: user?.roles.map((role) => role.name) ?? [], description: user?.description ?? "" };
        },
      },
    ],
  }),
];

/**
 * The decision against a model that knows nothing of rules: it looks through the grants of each role, one by one, every time. Users, roles, grants and groups come
 * from random records, so the catalog's reducer is checked with it. A failure prints its seed.
 */
import { expect, test } from "vitest";
import { isAllowed, type Question, visibleCollections, visibleDatabases } from "../../src/auth/policy.js";
import { decodeCatalog, encodeCatalog } from "../../src/catalog/codec.js";
import { applyRecord, emptyCatalog } from "../../src/catalog/reducer.js";
import type { Catalog, CatalogRecord } from "../../src/catalog/types.js";
import type { CatalogChange } from "../../src/engine/api.js";
import { MilvusError } from "../../src/shared/errors.js";
import { BUILT_IN_GROUPS, LEGACY_GROUPS, type ObjectType, objectTypeOf } from "../../src/shared/privileges.js";
import { forSeeds, type Pick } from "../support/seeds.js";

const USERS = ["root", "ada", "bob"];
const ROLES = ["admin", "public", "reader", "writer"];
const DATABASES = ["default", "birds"];
const OBJECTS = ["kites", "owls", "ada"];
const GROUPS = ["own", "mine"];
const SINGLE = [
  "Search",
  "Insert",
  "CreateCollection",
  "DescribeCollection",
  "CreateOwnership",
  "SelectUser",
  "UpdateUser",
  "Flush",
  "IndexDetail",
];
const GRANTABLE = [...SINGLE, ...BUILT_IN_GROUPS.keys(), ...LEGACY_GROUPS.keys(), ...GROUPS, "All", "*"];
const TYPES: readonly ObjectType[] = ["Collection", "Global", "User"];

interface ModelGrant {
  readonly role: string;
  readonly type: ObjectType;
  readonly database: string;
  readonly object: string;
  readonly privilege: string;
}

class Model {
  readonly users = new Map<string, Set<string>>([["root", new Set()]]);
  readonly roles = new Set(["admin", "public"]);
  grants: ModelGrant[] = [
    { role: "public", type: "Global", database: "*", object: "*", privilege: "DescribeCollection" },
    { role: "public", type: "Global", database: "*", object: "*", privilege: "ListAliases" },
    { role: "public", type: "Collection", database: "*", object: "*", privilege: "IndexDetail" },
  ];
  readonly groups = new Map<string, Set<string>>();

  private covers(grant: ModelGrant, question: Question, database: string, object: string): boolean {
    if (grant.database !== "*" && grant.database !== database) return false;
    if (grant.privilege === "All") return true;
    const objectFits = grant.object === "*" || grant.object === object;
    if (grant.privilege === "*") return grant.type === question.objectType && (grant.type === "Global" || objectFits);
    const legacy = LEGACY_GROUPS.get(grant.privilege);
    if (legacy) return legacy.has(question.privilege) && (grant.privilege === "Admin" || objectFits || object === "*");
    const members = BUILT_IN_GROUPS.get(grant.privilege) ?? [...(this.groups.get(grant.privilege) ?? [])];
    const has = grant.privilege === question.privilege || members.includes(question.privilege);
    return has && objectTypeOf(question.privilege) === question.objectType && (question.objectType === "Global" || objectFits);
  }

  private roleMay(role: string, question: Question): boolean {
    if (question.objects.length === 0) return false;
    const grants = this.grants.filter((grant) => grant.role === role);
    for (const object of question.objects)
      if (!question.databases.some((database) => grants.some((grant) => this.covers(grant, question, database, object)))) return false;
    return true;
  }

  may(user: string, question: Question): boolean {
    const roles = new Set([...(this.users.get(user) ?? []), "public"]);
    return roles.has("admin") || [...roles].some((role) => this.roleMay(role, question));
  }
}

const from = <T>(pick: Pick, list: readonly T[]): T => list[pick(list.length)] as T;

/** A random record, and what it does to the model when it is accepted. */
const draw = (pick: Pick, granted: readonly ModelGrant[]): [CatalogChange, (model: Model) => void] => {
  const [user, role, group] = [from(pick, USERS), from(pick, ROLES), from(pick, GROUPS)];
  switch (pick(20)) {
    case 0:
      return [{ kind: "createUser", name: user, passwordHash: "x", description: "" }, (model) => model.users.set(user, new Set())];
    case 1:
      return [{ kind: "dropUser", name: user }, (model) => model.users.delete(user)];
    case 2:
      return [{ kind: "createRole", name: role, description: "" }, (model) => model.roles.add(role)];
    case 3: {
      const dropped = (model: Model) => {
        model.roles.delete(role);
        model.grants = model.grants.filter((grant) => grant.role !== role);
        for (const roles of model.users.values()) roles.delete(role);
      };
      return [{ kind: "dropRole", name: role, force: pick(2) === 0 }, dropped];
    }
    case 4:
    case 5:
      return [{ kind: "changeUserRole", user, role, action: "add" }, (model) => model.users.get(user)?.add(role)];
    case 6:
      return [{ kind: "changeUserRole", user, role, action: "remove" }, (model) => model.users.get(user)?.delete(role)];
    case 7:
      return [{ kind: "createPrivilegeGroup", name: group }, (model) => model.groups.set(group, new Set())];
    case 8: {
      const [privilege, action] = [from(pick, SINGLE), from(pick, ["add", "remove"] as const)];
      const change = (model: Model) => model.groups.get(group)?.[action === "add" ? "add" : "delete"](privilege);
      return [{ kind: "alterPrivilegeGroup", name: group, action, privileges: [privilege] }, change];
    }
    default:
      return pick(4) === 0 && granted.length > 0 ? revoking(from(pick, granted)) : drawGrant(pick, role);
  }
};

const changing = (action: "grant" | "revoke", grant: ModelGrant): [CatalogChange, (model: Model) => void] => {
  const same = (other: ModelGrant) => JSON.stringify(other) === JSON.stringify(grant);
  const change = (model: Model) => {
    model.grants = model.grants.filter((other) => !same(other));
    if (action === "grant") model.grants.push(grant);
  };
  const { role, type: objectType, database, object: objectName, privilege } = grant;
  const record = { action, role, objectType, database, objectName, privilege, grantor: "root" };
  return [{ kind: "changeGrants", changes: [record] }, change];
};

const revoking = (grant: ModelGrant) => changing("revoke", grant);

const drawGrant = (pick: Pick, role: string) => {
  const privilege = from(pick, GRANTABLE);
  const type = privilege === "*" ? from(pick, TYPES) : objectTypeOf(privilege);
  const [database, object] = [from(pick, [...DATABASES, "*"]), from(pick, [...OBJECTS, "*"])];
  return changing("grant", { role, type, database, object, privilege });
};

const questions: readonly Question[] = SINGLE.flatMap((privilege) => {
  const objectType = objectTypeOf(privilege);
  const objects = objectType === "Global" ? [["*"]] : [["kites"], ["owls"], ["kites", "owls"], ["ada"], []];
  return objects.flatMap((list) =>
    [["default"], ["birds"], ["*"], ["*", "birds"]].map((databases) => ({ privilege, objectType, databases, objects: list })),
  );
});

const apply = (catalog: Catalog, change: CatalogChange, at: number): Catalog | undefined => {
  try {
    return applyRecord(catalog, { ...change, timestamp: BigInt(at) } as CatalogRecord);
  } catch (error) {
    if (error instanceof MilvusError) return undefined;
    throw error;
  }
};

/** How many questions are answered with yes. */
const compare = (catalog: Catalog, model: Model): number => {
  let allowed = 0;
  for (const user of [...USERS, "nobody"])
    for (const question of questions) {
      const found = isAllowed(catalog.access, user, question);
      if (found !== model.may(user, question))
        throw new Error(`${user} ${JSON.stringify(question)}: found ${found}; grants ${JSON.stringify(model.grants)}`);
      if (found) allowed++;
    }
  return allowed;
};

/** A random life of the catalog and its model. `forgets`: what the model does not follow. */
const live = (pick: Pick, forgets: (change: CatalogChange) => boolean = () => false): [Catalog, Model] => {
  const model = new Model();
  let catalog = emptyCatalog();
  for (let step = 1; step <= 120; step++) {
    const [change, follow] = draw(pick, model.grants);
    const next = apply(catalog, change, step);
    if (next === undefined) continue;
    catalog = next;
    if (!forgets(change)) follow(model);
  }
  return [catalog, model];
};

test("users, roles, grants and groups at random: the decision is the model's, before and after writing the catalog", () => {
  let allowed = 0;
  forSeeds(60, (pick) => {
    const [catalog, model] = live(pick);
    allowed += compare(catalog, model);
    compare(decodeCatalog(encodeCatalog(catalog)), model);
  });
  expect(allowed).toBeGreaterThan(1000);
});

test("a model that forgets revokes is found out", () => {
  const isRevoke = (change: CatalogChange) => change.kind === "changeGrants" && change.changes[0]?.action === "revoke";
  let found = 0;
  forSeeds(60, (pick) => {
    const [catalog, model] = live(pick, isRevoke);
    try {
      compare(catalog, model);
    } catch {
      found++;
    }
  });
  expect(found).toBeGreaterThan(0);
});

test("lists show what a grant names: its database, and its collection", () => {
  const start = apply(emptyCatalog(), { kind: "createUser", name: "ada", passwordHash: "x", description: "" }, 1) as Catalog;
  const role = apply(start, { kind: "createRole", name: "reader", description: "" }, 2) as Catalog;
  const bound = apply(role, { kind: "changeUserRole", user: "ada", role: "reader", action: "add" }, 3) as Catalog;
  const granting = (...grants: readonly [string, string, string][]): Catalog => {
    const changes = grants.map(([privilege, database, objectName]) => ({
      action: "grant" as const,
      role: "reader",
      objectType: objectTypeOf(privilege),
      database,
      objectName,
      privilege,
      grantor: "root",
    }));
    return apply(bound, { kind: "changeGrants", changes }, 4) as Catalog;
  };
  const seen = (catalog: Catalog) => [visibleDatabases(catalog.access, "ada"), visibleCollections(catalog.access, "ada", "birds")];
  expect(seen(bound)).toEqual([new Set(), new Set()]);
  expect(seen(granting(["Search", "birds", "kites"]))).toEqual([new Set(["birds"]), new Set(["kites"])]);
  expect(seen(granting(["CollectionReadOnly", "birds", "kites"], ["CreateDatabase", "default", "*"]))).toEqual([
    new Set(["birds", "default"]),
    new Set(["kites"]),
  ]);
  expect(seen(granting(["Search", "*", "*"]))).toEqual([undefined, undefined]);
  expect(seen(granting(["All", "birds", "*"]))).toEqual([new Set(["birds"]), undefined]);
});

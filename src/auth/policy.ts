/**
 * What a user may do: a pure function of users, roles, grants and groups.
 *
 * A question names a privilege, the type of object that it is about, the databases of which one is enough, and the objects, all of which one role must permit.
 * A role's grants are turned into rules once for each version of the access (it changes seldom), and answers are remembered as long as that version lives.
 * What a grant means: `*` in its database or object is every one; grants of `Global` privileges are about the whole database, whatever object they name; a group
 * is its members; `All` is everything in its database; the groups of the first version count for their collection and for what is about no collection.
 * Source: milvus internal/proxy/{privilege_interceptor.go,privilege/model.go}, internal/rootcoord/root_coord.go (expandPrivilegeGroups).
 */
import { type Access, ADMIN_ROLE, type Grant, PUBLIC_ROLE } from "../shared/access.js";
import { ALL, ANY, BUILT_IN_GROUPS, LEGACY_GROUPS, type ObjectType, objectTypeOf } from "../shared/privileges.js";

export interface Question {
  readonly privilege: string;
  readonly objectType: ObjectType;
  readonly databases: readonly string[];
  /** None: nobody but admins may. */
  readonly objects: readonly string[];
}

interface Rule {
  /** undefined: any. */
  readonly objectType: ObjectType | undefined;
  readonly database: string;
  readonly object: string;
  /** undefined: every privilege. */
  readonly privileges: ReadonlySet<string> | undefined;
  /** Counts for questions about no single object, too. */
  readonly alsoWide: boolean;
}

const memberRules = (grant: Grant, members: readonly string[]): Rule[] => {
  const byType = new Map<ObjectType, Set<string>>();
  for (const member of members) {
    const type = objectTypeOf(member);
    const privileges = byType.get(type) ?? new Set();
    byType.set(type, privileges.add(member));
  }
  return [...byType].map(([objectType, privileges]) => ({
    objectType,
    database: grant.database,
    object: objectType === "Global" ? ANY : grant.objectName,
    privileges,
    alsoWide: false,
  }));
};

const rulesOf = (grant: Grant, access: Access): Rule[] => {
  const { database, objectType, objectName, privilege } = grant;
  const whole = { database, object: ANY, privileges: undefined, alsoWide: false };
  if (privilege === ALL) return [{ ...whole, objectType: undefined }];
  if (privilege === ANY) return [{ ...whole, objectType, object: objectType === "Global" ? ANY : objectName }];
  const legacy = LEGACY_GROUPS.get(privilege);
  if (legacy !== undefined)
    return [{ objectType: undefined, database, object: privilege === "Admin" ? ANY : objectName, privileges: legacy, alsoWide: true }];
  return memberRules(grant, BUILT_IN_GROUPS.get(privilege) ?? access.groups.get(privilege)?.privileges ?? [privilege]);
};

const permits = (rule: Rule, question: Question, object: string): boolean =>
  (rule.objectType === undefined || rule.objectType === question.objectType) &&
  (rule.database === ANY || question.databases.includes(rule.database)) &&
  (rule.object === ANY || rule.object === object || (rule.alsoWide && object === ANY)) &&
  (rule.privileges === undefined || rule.privileges.has(question.privilege));

/** Answers and rules of one version of the access. */
class Judge {
  private readonly rules = new Map<string, readonly Rule[]>();
  private readonly answers = new Map<string, boolean>();

  constructor(private readonly access: Access) {}

  isAllowed(user: string, question: Question): boolean {
    const { privilege, objectType, databases, objects } = question;
    const key = [user, privilege, objectType, databases.length, ...databases, ...objects].join("\0");
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const answer = this.decide(user, question);
    if (this.answers.size >= ANSWERS_MAX) this.answers.clear();
    this.answers.set(key, answer);
    return answer;
  }

  private decide(user: string, question: Question): boolean {
    const roles = rolesOf(this.access, user);
    if (roles.includes(ADMIN_ROLE)) return true;
    if (question.objects.length === 0) return false;
    return roles.some((role) => question.objects.every((object) => this.rulesOf(role).some((rule) => permits(rule, question, object))));
  }

  private rulesOf(role: string): readonly Rule[] {
    let rules = this.rules.get(role);
    if (rules === undefined) {
      const grants = this.access.grants.get(role);
      rules = grants === undefined ? [] : [...grants.values()].flatMap((grant) => rulesOf(grant, this.access));
      this.rules.set(role, rules);
    }
    return rules;
  }
}

const ANSWERS_MAX = 10_000;
const judges = new WeakMap<Access, Judge>();

/** Everybody has the public role, and nobody who is not a user has any other. */
export const rolesOf = (access: Access, user: string): readonly string[] => {
  const own = access.users.get(user)?.roles ?? [];
  return own.includes(PUBLIC_ROLE) ? own : [...own, PUBLIC_ROLE];
};

export const isAllowed = (access: Access, user: string, question: Question): boolean => {
  let judge = judges.get(access);
  if (judge === undefined) {
    judge = new Judge(access);
    judges.set(access, judge);
  }
  return judge.isAllowed(user, question);
};

/** Grants of a user's roles, the public one not counted; undefined: the user is an admin. */
const grantsOf = (access: Access, user: string): Grant[] | undefined => {
  const roles = access.users.get(user)?.roles ?? [];
  if (roles.includes(ADMIN_ROLE)) return undefined;
  return roles.filter((role) => role !== PUBLIC_ROLE).flatMap((role) => [...(access.grants.get(role)?.values() ?? [])]);
};

/** Names that lists show; undefined: all. */
export type Visible = ReadonlySet<string> | undefined;

const visible = (names: readonly string[]): Visible => (names.includes(ANY) ? undefined : new Set(names));

/** A database is seen by who has any grant in it. */
export const visibleDatabases = (access: Access, user: string): Visible => {
  const grants = grantsOf(access, user);
  return grants && visible(grants.map((grant) => grant.database));
};

/** A collection is seen by who has any grant on it. */
export const visibleCollections = (access: Access, user: string, database: string): Visible => {
  const grants = grantsOf(access, user)?.filter((grant) => grant.database === database || grant.database === ANY);
  if (grants === undefined || grants.some((grant) => grant.objectType === "Global" && grant.privilege === ALL)) return undefined;
  const onCollections = grants.filter(
    ({ objectType, privilege }) =>
      objectType === "Collection" || access.groups.has(privilege) || (privilege.startsWith("Collection") && BUILT_IN_GROUPS.has(privilege)),
  );
  return visible(onCollections.map((grant) => grant.objectName));
};

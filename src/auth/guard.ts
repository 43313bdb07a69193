/**
 * Who a call comes from: credentials become a principal, or are refused.
 *
 * Authorization off: everybody is served with the rights of root; the name that a call brings is kept, so that logs and grants tell callers apart.
 * Authorization on: the password is verified at every call, so that a changed password or a dropped user counts from the next one. What was verified is
 * remembered as a keyed digest beside the hash that it was verified against; another hash makes it void. The key is random and dies with the process.
 * A wrong user costs the same hash as a wrong password. Calls with the same credentials that come together share one.
 * Source of the words: milvus internal/proxy/authentication_interceptor.go.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { type Access, ROOT } from "../shared/access.js";
import type { Env } from "../shared/env.js";
import type { Credentials } from "./credentials.js";
import { AuthFailure } from "./failures.js";
import { Passwords, type ScryptCost } from "./passwords.js";
import { localPrincipal, type Principal, principal } from "./principal.js";

export interface GuardOptions {
  /** Whether calls must prove who they are. */
  readonly enabled: boolean;
  /** Root's password until it is changed. */
  readonly rootPassword: string;
  /** Who may change other users' passwords without the old one. */
  readonly superUsers?: readonly string[];
  /** The users of now. */
  readonly access: () => Access;
  readonly env: Pick<Env, "random">;
  readonly cost?: ScryptCost;
}

interface Verified {
  readonly digest: Buffer;
  /** That the password was found to fit. */
  readonly hash: string;
}

/** Names in the cache of verified passwords: more than there may be users, so that only names that have gone make it full. */
const VERIFIED_MAX = 1000;

const refusals = {
  none: "missing authorization in header",
  malformed: "invalid token format",
  token: "auth check failure, please check api key is correct",
  password: "auth check failure, please check username and password are correct",
} as const;

export class Guard {
  readonly enabled: boolean;
  private readonly passwords: Passwords;
  private readonly secret: Buffer;
  private readonly verified = new Map<string, Verified>();
  private readonly underWay = new Map<string, Promise<boolean>>();
  private rootHash: Promise<string> | undefined;

  constructor(private readonly options: GuardOptions) {
    this.enabled = options.enabled;
    this.passwords = new Passwords(options.env, options.cost);
    this.secret = options.env.random(32);
  }

  /** At once when that is known. @throws AuthFailure */
  authenticate(credentials: Credentials): Principal | Promise<Principal> {
    if (!this.enabled)
      return credentials.kind === "password" && credentials.user !== "" ? principal(credentials.user, true) : localPrincipal();
    if (credentials.kind !== "password") throw new AuthFailure("unauthenticated", refusals[credentials.kind]);
    const { user, password } = credentials;
    const known = this.remembers(user, password);
    const made = () => principal(user, user === ROOT);
    return known ? made() : this.prove(user, password).then(made);
  }

  private async prove(user: string, password: string): Promise<void> {
    if (!(await this.verify(user, password))) throw new AuthFailure("unauthenticated", refusals.password);
  }

  /** Whether this is the user's password. @throws MilvusError 4 when too many passwords wait to be verified */
  async verify(user: string, password: string): Promise<boolean> {
    if (this.remembers(user, password)) return true;
    const key = `${this.hashOf(user) ?? ""}\0${this.digestOf(user, password).toString("base64")}`;
    const under = this.underWay.get(key);
    if (under) return under;
    const work = this.compare(user, password).finally(() => this.underWay.delete(key));
    this.underWay.set(key, work);
    return work;
  }

  hash(password: string): Promise<string> {
    return this.passwords.hash(password);
  }

  isSuperUser(user: string): boolean {
    return this.options.superUsers?.includes(user) ?? false;
  }

  private async compare(user: string, password: string): Promise<boolean> {
    const stored = this.hashOf(user);
    // Root's first password is a setting; it is hashed like any other, so that checking it takes as long.
    if (stored === "") this.rootHash ??= this.passwords.hash(this.options.rootPassword);
    const hash = stored === "" ? await this.rootHash : stored;
    if (!(await this.passwords.verify(password, hash)) || stored === undefined) return false;
    if (this.verified.size >= VERIFIED_MAX) this.verified.clear();
    this.verified.set(user, { digest: this.digestOf(user, password), hash: stored });
    return true;
  }

  private remembers(user: string, password: string): boolean {
    const verified = this.verified.get(user);
    return verified !== undefined && verified.hash === this.hashOf(user) && timingSafeEqual(verified.digest, this.digestOf(user, password));
  }

  private hashOf(user: string): string | undefined {
    return this.options.access().users.get(user)?.passwordHash;
  }

  private digestOf(user: string, password: string): Buffer {
    return createHmac("sha256", this.secret).update(user).update("\0").update(password).digest();
  }
}

/** Passwords, and who is let in. */
import { beforeEach, describe, expect, test } from "vitest";
import { AuthFailure } from "../../src/auth/failures.js";
import { Guard } from "../../src/auth/guard.js";
import { Passwords, SCRYPT_COST } from "../../src/auth/passwords.js";
import type { Catalog } from "../../src/catalog/types.js";
import { realEnv } from "../../src/shared/env.js";
import { VERIFICATIONS_WAITING_MAX } from "../../src/shared/limits.js";
import { CHEAP } from "../support/guard.js";
import { apply, catalogWith, PASSWORD, USER } from "./world.js";

const refusal = async (work: () => unknown): Promise<string> => {
  try {
    await work();
    return "let in";
  } catch (error) {
    if (!(error instanceof AuthFailure)) throw error;
    return `${error.kind}: ${error.message}`;
  }
};

const wrong = "unauthenticated: auth check failure, please check username and password are correct";

describe("passwords", () => {
  test("a hash fits its password alone, and never holds it", async () => {
    const passwords = new Passwords(realEnv, CHEAP);
    const [one, other] = [await passwords.hash("pass:wörd"), await passwords.hash("pass:wörd")];
    expect(one).not.toBe(other);
    expect(one).toMatch(/^scrypt\$2\$1\$1\$/);
    expect(await passwords.verify("pass:wörd", one)).toBe(true);
    expect(await passwords.verify("pass:word", one)).toBe(false);
  });

  test("the costs are those of the hash, so that older ones still fit; the default ones work", async () => {
    const hash = await new Passwords(realEnv, SCRYPT_COST).hash("password");
    expect(hash).toMatch(/^scrypt\$16384\$8\$5\$/);
    expect(await new Passwords(realEnv, CHEAP).verify("password", hash)).toBe(true);
  });

  test("no hash, and one of another program, fit no password but cost as much", async () => {
    const passwords = new Passwords(realEnv, CHEAP);
    for (const hash of [undefined, "", "$2a$10$abcdefghijklmnopqrstuv", "scrypt$16777216$8$1$AAAA$AAAA", "scrypt$3$1$1$AAAA$AAAA"])
      expect(await passwords.verify("password", hash)).toBe(false);
  });

  test("more than may wait are refused, those that wait are served", async () => {
    const passwords = new Passwords(realEnv, CHEAP);
    const all = Array.from({ length: VERIFICATIONS_WAITING_MAX + 3 }, () => passwords.verify("password", undefined));
    const ends = await Promise.allSettled(all);
    const refused = ends.filter((end) => end.status === "rejected");
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toMatchObject({ code: 4, message: expect.stringContaining("too many concurrent requests") });
    expect(await passwords.verify("password", undefined)).toBe(false);
  });
});

/** Counts the hashes that a guard makes. */
class CountingGuard {
  hashes = 0;
  catalog: Catalog = catalogWith([]);
  readonly guard: Guard;

  constructor(enabled = true) {
    this.guard = new Guard({ enabled, rootPassword: "Milvus", access: () => this.catalog.access, env: realEnv, cost: CHEAP });
    const passwords = Reflect.get(this.guard, "passwords") as Passwords;
    const verify = passwords.verify.bind(passwords);
    passwords.verify = (password, hash) => {
      this.hashes++;
      return verify(password, hash);
    };
  }

  async login(user: string, password: string): Promise<string> {
    return refusal(() => this.guard.authenticate({ kind: "password", user, password }));
  }
}

describe("the guard", () => {
  let world: CountingGuard;
  beforeEach(() => {
    world = new CountingGuard();
  });

  test("the right password is hashed once, and then known", async () => {
    expect(await world.login(USER, PASSWORD)).toBe("let in");
    expect(world.hashes).toBe(1);
    expect(world.guard.authenticate({ kind: "password", user: USER, password: PASSWORD })).toMatchObject({ user: USER, unlimited: false });
    expect(world.hashes).toBe(1);
  });

  test("a wrong user goes the way of a wrong password: the same words after the same hash", async () => {
    expect(await world.login(USER, "another")).toBe(wrong);
    expect(world.hashes).toBe(1);
    expect(await world.login("nobody", PASSWORD)).toBe(wrong);
    expect(world.hashes).toBe(2);
    expect(await world.login("nobody", PASSWORD)).toBe(wrong);
    expect(world.hashes).toBe(3);
  });

  test("calls with the same credentials that come together share one hash", async () => {
    await Promise.all(Array.from({ length: 50 }, () => world.login(USER, PASSWORD)));
    expect(world.hashes).toBe(1);
  });

  test("a changed password, and a dropped user, count from the next call on", async () => {
    await world.login(USER, PASSWORD);
    const passwordHash = await world.guard.hash("the-next-one");
    world.catalog = apply(world.catalog, { kind: "alterUser", name: USER, passwordHash });
    expect(await world.login(USER, PASSWORD)).toBe(wrong);
    expect(await world.login(USER, "the-next-one")).toBe("let in");
    world.catalog = apply(world.catalog, { kind: "dropUser", name: USER });
    expect(await world.login(USER, "the-next-one")).toBe(wrong);
  });

  test("root has the password of the setting until it is changed, and every right", async () => {
    expect(await world.login("root", "milvus")).toBe(wrong);
    expect(await world.guard.authenticate({ kind: "password", user: "root", password: "Milvus" })).toMatchObject({ unlimited: true });
    const passwordHash = await world.guard.hash("another-one");
    world.catalog = apply(world.catalog, { kind: "alterUser", name: "root", passwordHash });
    expect(await world.login("root", "Milvus")).toBe(wrong);
    expect(await world.login("root", "another-one")).toBe("let in");
  });

  test("what is no user and password is told so", async () => {
    expect(await refusal(() => world.guard.authenticate({ kind: "none" }))).toBe("unauthenticated: missing authorization in header");
    expect(await refusal(() => world.guard.authenticate({ kind: "malformed" }))).toBe("unauthenticated: invalid token format");
    expect(await refusal(() => world.guard.authenticate({ kind: "token" }))).toBe(
      "unauthenticated: auth check failure, please check api key is correct",
    );
  });

  test("authorization off: everybody has every right, under the name that he gives", async () => {
    const { guard } = new CountingGuard(false);
    expect(guard.authenticate({ kind: "none" })).toMatchObject({ user: "root", unlimited: true });
    expect(guard.authenticate({ kind: "token" })).toMatchObject({ user: "root", unlimited: true });
    expect(guard.authenticate({ kind: "password", user: "ada", password: "wrong" })).toMatchObject({ user: "ada", unlimited: true });
  });
});

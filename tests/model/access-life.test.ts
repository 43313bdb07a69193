/**
 * Random changes of users, roles, grants and groups on a real folder, with restarts and kills between them: what is told of them is always what a plain model has,
 * and what was acknowledged is there after a kill. A failure names its seed (`ELANUS_SEED`).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { MilvusError } from "../../src/client/index.js";
import { runSeed, SeededRandom } from "../support/random.js";
import { World } from "./world.js";

const USERS = ["ada", "bob", "eve"];
const ROLES = ["reader", "writer"];
const PRIVILEGES = ["Search", "Insert", "Query", "CollectionReadOnly", "own"];
const COLLECTIONS = ["kites", "*"];

class AccessModel {
  readonly users = new Map<string, { password: string; roles: Set<string> }>();
  readonly roles = new Map<string, Set<string>>();
  readonly groups = new Map<string, Set<string>>();
}

/** What the model expects: done, or refused with a code. */
type Expected = number | "done";
type Step = readonly [text: string, work: (world: World) => Promise<unknown>, expected: Expected, change: () => void];

const steps = (random: SeededRandom, model: AccessModel): Step[] => {
  const [userName, roleName, privilege] = [random.pick(USERS), random.pick(ROLES), random.pick(PRIVILEGES)];
  const collectionName = random.pick(COLLECTIONS);
  const newPassword = `password-${random.below(1000)}`;
  const user = model.users.get(userName);
  const grants = model.roles.get(roleName);
  const group = model.groups.get("own");
  const isKnown = grants !== undefined && (privilege !== "own" || group !== undefined);
  const grant = `${collectionName} ${privilege}`;
  const used = [...model.roles.values()].some((all) => [...all].some((one) => one.endsWith(" own")));
  const own = { privilegeGroup: "own" };
  const single = random.pick(["Search", "Insert", "Query"]);
  return [
    [
      `create user ${userName}`,
      ({ client }) => client.createUser({ userName, password: newPassword }),
      user ? 1100 : "done",
      () => model.users.set(userName, { password: newPassword, roles: new Set() }),
    ],
    [`drop user ${userName}`, ({ client }) => client.dropUser({ userName }), "done", () => model.users.delete(userName)],
    [
      `new password of ${userName}`,
      ({ client }) => client.updatePassword({ userName, oldPassword: user?.password ?? "wrong", newPassword }),
      user ? "done" : 1400,
      () => {
        if (user) user.password = newPassword;
      },
    ],
    [
      `create role ${roleName}`,
      ({ client }) => client.createRole({ roleName }),
      grants ? 1100 : "done",
      () => model.roles.set(roleName, new Set()),
    ],
    [
      `drop role ${roleName}`,
      ({ client }) => client.dropRole({ roleName }),
      grants?.size === 0 ? "done" : 1100,
      () => {
        model.roles.delete(roleName);
        for (const { roles } of model.users.values()) roles.delete(roleName);
      },
    ],
    [
      `give ${userName} ${roleName}`,
      ({ client }) => client.grantRole({ userName, roleName }),
      user && grants ? "done" : 1100,
      () => user?.roles.add(roleName),
    ],
    [
      `take ${roleName} from ${userName}`,
      ({ client }) => client.revokeRole({ userName, roleName }),
      grants ? "done" : 1100,
      () => user?.roles.delete(roleName),
    ],
    [
      `grant ${privilege} on ${collectionName} to ${roleName}`,
      ({ client }) => client.grantPrivilegeV2({ roleName, privilege, collectionName }),
      isKnown ? "done" : 1100,
      () => grants?.add(grant),
    ],
    [
      `revoke ${privilege} on ${collectionName} from ${roleName}`,
      ({ client }) => client.revokePrivilegeV2({ roleName, privilege, collectionName }),
      isKnown ? "done" : 1100,
      () => grants?.delete(grant),
    ],
    ["create group", ({ client }) => client.createPrivilegeGroup(own), group ? 1100 : "done", () => model.groups.set("own", new Set())],
    ["drop group", ({ client }) => client.dropPrivilegeGroup(own), used ? 1100 : "done", () => model.groups.delete("own")],
    [
      `put ${single} into the group`,
      ({ client }) => client.addPrivilegesToGroup({ ...own, privileges: [single] }),
      group ? "done" : 1100,
      () => group?.add(single),
    ],
    [
      `take ${single} out of the group`,
      ({ client }) => client.removePrivilegesFromGroup({ ...own, privileges: [single] }),
      group ? "done" : 1100,
      () => group?.delete(single),
    ],
    ["restart", (world) => world.restart(), "done", () => {}],
    ["kill", (world) => world.kill(), "done", () => {}],
  ];
};

const outcome = (work: Promise<unknown>): Promise<Expected> =>
  work.then(
    () => "done" as const,
    (error: unknown) => {
      if (error instanceof MilvusError) return error.code;
      throw error;
    },
  );

const compare = async ({ client }: World, model: AccessModel): Promise<void> => {
  expect(await client.listUsers()).toEqual([...model.users.keys(), "root"].sort());
  expect(await client.listRoles()).toEqual([...model.roles.keys(), "admin", "public"].sort());
  for (const [userName, { roles }] of model.users)
    expect((await client.describeUser({ userName }))?.roles.sort()).toEqual([...roles].sort());
  for (const [roleName, grants] of model.roles) {
    const { privileges } = await client.describeRole({ roleName });
    expect(privileges.map((grant) => `${grant.objectName} ${grant.privilege}`).sort()).toEqual([...grants].sort());
  }
  const own = (await client.listPrivilegeGroups()).filter((group) => group.privilegeGroup === "own");
  expect(own.map((group) => new Set(group.privileges))).toEqual([...model.groups.values()]);
};

it("users, roles, grants and groups are the model's, after restarts and kills too", { timeout: 120_000 }, async () => {
  const seed = runSeed();
  process.stdout.write(`ELANUS_SEED=${seed}\n`);
  const random = new SeededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), "elanus-access-"));
  const world = await World.open({ folder, overPort: false });
  const model = new AccessModel();
  const told: string[] = [];
  try {
    for (let count = 0; count < 600; count++) {
      const [text, work, expected, change] = random.pick(steps(random, model));
      told.push(text);
      expect([text, await outcome(work(world))]).toEqual([text, expected]);
      if (expected === "done") change();
      if (text === "kill" || text === "restart" || random.chance(0.1)) await compare(world, model);
    }
    await world.kill();
    await compare(world, model);
  } catch (error) {
    throw new Error(`ELANUS_SEED=${seed}\n${told.slice(-30).join("\n")}\n=> ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  } finally {
    await world.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

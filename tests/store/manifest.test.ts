/** Manifest commits under failing calls and power losses, and damaged manifests. */
import { expect, test } from "vitest";
import { openDirectory } from "../../src/store/directory.js";
import { FaultyEnv } from "../support/faulty-env.js";
import { runSeed, SeededRandom } from "../support/random.js";

const FOLDER = "/data";
const bodyOf = (version: number): Buffer =>
  Buffer.concat([Buffer.from(`${version} `), new SeededRandom(version).bytes((version * 397) % 3000)]);
const numberIn = (body: Buffer | undefined): number => {
  if (body === undefined) return 0;
  const version = Number.parseInt(body.toString("latin1"), 10);
  if (!body.equals(bodyOf(version))) throw new Error(`manifest ${version} is not what was committed`);
  return version;
};

/**
 * Random commits with faults. After each restart the manifest must be the last acknowledged one, or a later one whose commit was under way or may not
 * be undone; while that is open, nothing may be removed.
 */
const life = async (seed: number, skipsSync: boolean): Promise<number> => {
  const random = new SeededRandom(seed);
  let env = new FaultyEnv(seed);
  let acknowledged = 0;
  let attempted = 0;
  for (let session = 0; session < 6; session++) {
    env.skipsSync = skipsSync;
    const store = await openDirectory(env, FOLDER);
    const found = numberIn(await store.readManifest());
    if (found < acknowledged || found > attempted)
      throw new Error(`seed ${seed}: manifest ${found}, acknowledged ${acknowledged}, attempted ${attempted}`);
    acknowledged = found;
    if (random.chance(0.5)) env.crashAt = env.calls + 1 + random.below(40);
    const rate = random.pick([0, 0.1, 0.5]);
    env.fault = () => (random.chance(rate) ? "EIO" : undefined);
    const commits = async (): Promise<void> => {
      for (let count = random.below(8); count > 0; count--) {
        attempted++;
        const mine = attempted;
        await store.commitManifest(bodyOf(mine)).then(
          () => {
            acknowledged = mine;
          },
          () => undefined,
        );
      }
    };
    await Promise.race([commits(), env.stopped]);
    env = random.chance(0.7) ? env.afterPowerLoss() : env.afterKill();
  }
  return acknowledged;
};

const seed = runSeed();
/** Lives of one run; ELANUS_LIVES for longer runs. */
const LIVES = Number(process.env.ELANUS_LIVES ?? 200);

test(
  `the last acknowledged manifest is there after any crash (seed ${seed})`,
  async () => {
    let acknowledged = 0;
    for (let index = 0; index < LIVES; index++) acknowledged += await life(seed + index, false);
    expect(acknowledged).toBeGreaterThan(LIVES * 5);
  },
  120_000 + LIVES * 200,
);

test(`a store whose syncs do nothing is caught (seed ${seed})`, async () => {
  const lives = async () => {
    for (let index = 0; index < 50; index++) await life(seed + index, true);
  };
  await expect(lives()).rejects.toThrow(/manifest \d+|data integrity/);
}, 120_000);

test("a commit that was refused for good does not come back, and one that may does not let files go", async () => {
  for (let call = 1, done = false; !done; call++) {
    for (let variant = 0; variant < 20; variant++) {
      const lasting = variant % 2 === 1;
      const env = new FaultyEnv(call * 100 + variant);
      const store = await openDirectory(env, FOLDER);
      await store.writeFile("segments/x", [Buffer.from("x")]);
      await store.commitManifest(bodyOf(1));
      const start = env.calls + call;
      env.fault = ({ index }) => (index === start || (lasting && index > start) ? "EIO" : undefined);
      const acknowledged = await store.commitManifest(bodyOf(2)).then(
        () => true,
        () => false,
      );
      done = env.calls < start;
      env.fault = undefined;
      const removable = await store.remove("segments/x").then(
        () => true,
        () => false,
      );
      if (acknowledged) expect(removable, `call ${call}`).toBe(true);
      const found = numberIn(await (await openDirectory(env.afterPowerLoss(), FOLDER)).readManifest());
      if (acknowledged) expect(found, `call ${call}`).toBe(2);
      else if (removable) expect(found, `call ${call}`).toBe(1);
    }
  }
});

test("every flipped bit of the manifest is reported with its place; of the one before, it is of no consequence", async () => {
  const env = new FaultyEnv(1);
  const store = await openDirectory(env, FOLDER);
  await store.commitManifest(bodyOf(1));
  await store.commitManifest(bodyOf(2));
  await store.close();
  const read = async (name: string, offset: number) => {
    const damaged = env.fork();
    damaged.flip(`${FOLDER}/${name}`, offset, offset % 8);
    return (await openDirectory(damaged, FOLDER)).readManifest();
  };
  const size = await env.files.size(`${FOLDER}/manifest-00000000000002`);
  for (let offset = 0; offset < size; offset++) {
    await expect(read("manifest-00000000000002", offset), `byte ${offset}`).rejects.toThrow(
      /^data integrity check failed: \/data\/manifest-00000000000002 at byte \d+: /,
    );
  }
  expect(numberIn(await read("manifest-00000000000001", 3))).toBe(2);
});

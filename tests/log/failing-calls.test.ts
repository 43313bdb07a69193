/** A small load, once for each file call it makes, with that call failing: once, or from then on. Then the log is opened again, after a kill and after a power loss. */
import { expect, test } from "vitest";
import { openLog } from "../../src/log/file-log.js";
import type { LogOptions, LogRecord } from "../../src/log/log.js";
import { MilvusError } from "../../src/shared/errors.js";
import { FaultyEnv } from "../support/faulty-env.js";
import { LogModel } from "./log-model.js";

const FOLDER = "/log";

/** Only coded failures of files may come out of the log. */
const unlessFailed = async (work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof MilvusError) || error.code !== 1001) throw error;
  }
};

/** Opens, appends over several files, cuts, closes, opens again and appends. */
const load = async (env: FaultyEnv, options: LogOptions, model: LogModel): Promise<void> => {
  for (let round = 0; round < 2; round++) {
    const records: LogRecord[] = [];
    const opened = await openLog(env, FOLDER, options, model.from, (record) => void records.push(record)).catch((error: MilvusError) => {
      if (error.code !== 1001) throw error;
    });
    if (opened === undefined) continue;
    model.check(records, opened.nextLsn, false);
    for (let count = 0; count < 4; count++) await Promise.all([model.append(opened), model.append(opened)]);
    await unlessFailed(
      model.sync(opened).then(() => {
        model.from = Math.max(model.from, opened.nextLsn - 2);
        return opened.cut(model.from);
      }),
    );
    await model.append(opened);
    await unlessFailed(opened.close());
  }
};

const reopen = async (env: FaultyEnv, options: LogOptions, model: LogModel, mayLose: boolean): Promise<void> => {
  const records: LogRecord[] = [];
  const log = await openLog(env, FOLDER, options, model.from, (record) => void records.push(record));
  model.check(records, log.nextLsn, mayLose);
  await model.append(log);
  expect(log.nextLsn).toBe(model.from + records.length + 1); // it works again
};

test.each<["always" | "interval", "once" | "from then on", "kill" | "power loss"]>(
  (["always", "interval"] as const).flatMap((fsync) =>
    (["once", "from then on"] as const).flatMap((lasts) =>
      (["kill", "power loss"] as const).map((end) => [fsync, lasts, end] as [typeof fsync, typeof lasts, typeof end]),
    ),
  ),
)("%s: each call fails %s, then a %s", async (fsync, lasts, end) => {
  const options: LogOptions = { fsync, segmentBytes: 400 };
  const clean = new FaultyEnv(3);
  await load(clean, options, new LogModel());
  expect(clean.calls).toBeGreaterThan(60);
  for (let failing = 1; failing <= clean.calls; failing++) {
    const env = new FaultyEnv(failing);
    const model = new LogModel();
    env.fault = ({ index }) => (index === failing || (lasts !== "once" && index > failing) ? "EIO" : undefined);
    try {
      await load(env, options, model);
      await reopen(end === "kill" ? env.afterKill() : env.afterPowerLoss(), options, model, fsync === "interval" && end === "power loss");
    } catch (error) {
      throw new Error(`call ${failing}: ${(error as Error).message}`, { cause: error });
    }
  }
});

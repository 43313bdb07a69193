/**
 * `elanus serve`: settings -> engine -> port -> banner; then until a signal comes: stop the port, close the engine, exit.
 *
 * The first SIGINT or SIGTERM stops cleanly (running calls finish, the log is closed); the second one ends the process at once, which loses
 * nothing that was acknowledged. What keeps the server from starting is told in one sentence, with exit code 1.
 */
import { totalmem } from "node:os";
import { resolve } from "node:path";
import { Guard } from "../auth/guard.js";
import { openEngine } from "../engine/open.js";
import { Quotas } from "../operations/quotas.js";
import { operations } from "../operations/table.js";
import { ROOT } from "../shared/access.js";
import { realEnv } from "../shared/env.js";
import { REQUEST_BYTES_MAX } from "../shared/limits.js";
import { type Settings, settings } from "../shared/settings.js";
import { type Audit, createAudit } from "../telemetry/audit.js";
import { createLogger, type Logger } from "../telemetry/log.js";
import { type RunningServer, startServer } from "../wire/server.js";
import { banner } from "./banner.js";
import { readCertificates, watchCertificates } from "./certificates.js";
import { elanusVersion } from "./version.js";

/** A start that failed, told to the user in one sentence. */
export class StartError extends Error {
  override name = "StartError";
}

const portError = (error: NodeJS.ErrnoException, { host, port }: Settings): StartError => {
  const flag = `--${settings.port.flag}`;
  switch (error.code) {
    case "EADDRINUSE":
      return new StartError(`Port ${port} on ${host} is in use by another process; stop it, or choose another port with ${flag} <number>.`);
    case "EACCES":
      return new StartError(`This user may not listen on port ${port}; choose a port above 1023 with ${flag} <number>.`);
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new StartError(`This machine has no address ${host}; choose one with --${settings.host.flag} <address>.`);
    default:
      return new StartError(`Cannot listen on ${host}:${port}: ${error.message}.`);
  }
};

/** The system's code (`ENOTDIR`), also of an error that only quotes it. */
const systemCode = (error: NodeJS.ErrnoException): string | undefined =>
  typeof error.code === "string" ? error.code : /\bE[A-Z]{3,}\b/.exec(error.message)?.[0];

const folderError = (error: NodeJS.ErrnoException, folder: string): StartError => {
  const holder = /in use by process (\d+)/.exec(error.message)?.[1];
  if (holder !== undefined)
    return new StartError(
      `The data folder ${folder} is in use by process ${holder}; stop that one, or choose another folder with --${settings.data.flag} <folder>.`,
    );
  switch (systemCode(error)) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new StartError(
        `This user may not write to the data folder ${folder}; choose another one with --${settings.data.flag} <folder>.`,
      );
    case "ENOTDIR":
    case "EEXIST":
      return new StartError(`${folder} is not a folder; choose another one with --${settings.data.flag} <folder>.`);
    case "MODULE_NOT_FOUND":
    case "ERR_DLOPEN_FAILED":
      return new StartError(`The Rust core could not be loaded (${error.message.split("\n")[0]}); build it with: npm run build`);
    default:
      return new StartError(error.message);
  }
};

/** A terminal's Ctrl-C may arrive twice, from the terminal and from npm: what comes this soon after the first is the same one. Milliseconds. */
const SAME_SIGNAL_MS = 500;

/** Resolves when the process was told to stop; a second signal exits at once. */
const untilSignal = (logger: Logger): Promise<NodeJS.Signals> =>
  new Promise((resolveSignal) => {
    let toldAt: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      const now = realEnv.elapsed();
      if (toldAt !== undefined && now - toldAt < SAME_SIGNAL_MS) return;
      if (toldAt !== undefined) process.exit(130);
      toldAt = now;
      logger.debug({ signal }, "stopping");
      resolveSignal(signal);
    };
    process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  });

/** Part of the machine's memory, or of what a container may take, that is ours unless told. */
const OUR_PART = 0.8;
/** Part of ours that requests being received may take, but no more than so many bytes, and no less than one may have. */
const RECEIVE_PART = 0.25;
const RECEIVE_BYTES_MAX = 2 ** 30;

/** Bytes that the process has besides. */
const NODE_BYTES = 128 * 2 ** 20;

/** Bytes for requests being received and for everything else. */
const memoryFor = (chosen: number): { receiveBytesMax: number; maxMemory: number } => {
  const constrained = process.constrainedMemory();
  const there = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  const whole = chosen > 0 ? chosen : Math.floor(there * OUR_PART);
  const receiveBytesMax = Math.min(RECEIVE_BYTES_MAX, Math.max(REQUEST_BYTES_MAX, Math.floor(whole * RECEIVE_PART)));
  return { receiveBytesMax, maxMemory: Math.max(whole - receiveBytesMax - NODE_BYTES, Math.floor(whole / 2)) };
};

/** Audit lines are for who must tell users apart: without authorization only when asked for. */
const auditFor = ({ auth, auditLog }: Settings): Audit | undefined => {
  const place = auditLog === "auto" ? (auth ? "stdout" : "off") : auditLog;
  return place === "off" ? undefined : createAudit(place === "stdout" ? place : resolve(place));
};

export const serve = async (chosen: Settings): Promise<void> => {
  const logger = createLogger(chosen.logLevel);
  const folder = resolve(chosen.data);
  const stopped = untilSignal(logger);
  process.on("unhandledRejection", (error) => logger.error({ error }, "a fault of ours: a failure that nobody waited for"));
  const certificates = await readCertificates(realEnv, chosen, logger);
  const { receiveBytesMax, maxMemory } = memoryFor(chosen.maxMemory);
  const engine = await openEngine({
    folder,
    env: realEnv,
    fsync: chosen.fsync,
    logger,
    maxMemory,
    ...(chosen.threads > 0 ? { threads: chosen.threads } : {}),
  }).catch((error) => {
    logger.debug({ error }, "the engine did not open");
    throw folderError(error as NodeJS.ErrnoException, folder);
  });
  if (chosen.auth && chosen.rootPassword === settings.rootPassword.default && engine.catalog.access.users.get(ROOT)?.passwordHash === "")
    logger.warn({}, "the user root still has the password that everybody knows; change it, or choose one with --root-password");
  let server: RunningServer;
  try {
    server = await startServer({
      engine,
      operations,
      session: { version: elanusVersion, startedMs: realEnv.now() },
      env: realEnv,
      guard: new Guard({
        enabled: chosen.auth,
        rootPassword: chosen.rootPassword,
        superUsers: chosen.superUsers.split(",").map((name) => name.trim()),
        access: () => engine.catalog.access,
        env: realEnv,
      }),
      audit: auditFor(chosen),
      quotas: new Quotas(chosen, () => realEnv.elapsed()),
      logger,
      slowRequestMs: chosen.slowRequestMs,
      host: chosen.host,
      port: chosen.port,
      connectionsMax: chosen.connectionsMax,
      receiveBytesMax,
      tls: certificates,
      stopMs: chosen.stopSeconds * 1000,
    });
  } catch (error) {
    await engine.close();
    throw portError(error as NodeJS.ErrnoException, chosen);
  }
  const watch = certificates && watchCertificates(realEnv, chosen, logger, certificates, (found) => server.renewCertificates(found));
  process.on("SIGHUP", () => watch?.look());
  process.stdout.write(banner({ ...chosen, version: elanusVersion, port: server.port, folder, secure: certificates !== undefined }));
  await stopped;
  watch?.stop();
  process.stdout.write("\n  Stopping. (Ctrl-C again: at once)\n");
  await server.stop();
  await engine.close();
  process.stdout.write("  Stopped.\n");
};

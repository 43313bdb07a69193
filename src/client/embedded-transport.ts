/**
 * A client of a folder: the engine runs in this process and its operations are called directly, without a port and without encoding.
 *
 * Model: clients of one folder share one engine, opened by the first and closed with the last; while it is closing, a new client waits and opens
 * it again. Another process that holds the folder makes the first call fail with its words. The engine and its native core are loaded only when
 * the first such client is made.
 */
import type { Guard } from "../auth/guard.js";
import type { EngineApi } from "../engine/api.js";
import type { AnyOperation, Call } from "../operations/operation.js";
import type { Env } from "../shared/env.js";
import { failure, MilvusError } from "../shared/errors.js";
import type { Method } from "../shared/proto/generated/messages.js";
import type { Init } from "../shared/proto/wire.js";
import { complete } from "./complete.js";
import { closedFailure } from "./grpc-transport.js";
import type { EmbeddedTarget } from "./target.js";
import { failureIn, type Transport, type TransportOptions } from "./transport.js";
import { CLIENT_VERSION } from "./version.js";

/** Root's until it is changed. */
const ROOT_PASSWORD = "Milvus";

type Dispatch = typeof import("../operations/operation.js")["dispatch"];

interface Opened {
  readonly engine: EngineApi;
  readonly operations: ReadonlyMap<string, AnyOperation>;
  readonly dispatch: Dispatch;
  readonly guard: Guard;
  readonly startedMs: number;
}

interface Shared {
  readonly opened: Promise<Opened>;
  users: number;
}

/** By folder. Entries stay until their engine is closed. */
const shared = new Map<string, Shared>();
const closing = new Map<string, Promise<void>>();

const open = async (target: EmbeddedTarget, env: Env): Promise<Opened> => {
  await closing.get(target.folder);
  const [{ Guard }, { openEngine }, { operations }, { dispatch }] = await Promise.all([
    import("../auth/guard.js"),
    import("../engine/open.js"),
    import("../operations/table.js"),
    import("../operations/operation.js"),
  ]);
  const engine = await openEngine({ folder: target.folder, env, fsync: target.fsync });
  const byName = new Map(operations.map((operation) => [`${operation.service}/${operation.rpc}`, operation]));
  // Who can open the folder can read it: there is nobody to ask for a password, but there are passwords to change.
  const guard = new Guard({ enabled: false, rootPassword: ROOT_PASSWORD, access: () => engine.catalog.access, env });
  return { engine, operations: byName, dispatch, guard, startedMs: env.now() };
};

const join = (target: EmbeddedTarget, env: Env): Shared => {
  const entry = shared.get(target.folder) ?? { opened: open(target, env), users: 0 };
  // Every call that waits for it tells the failure; a client without calls must not end the process.
  entry.opened.catch(() => {});
  entry.users++;
  shared.set(target.folder, entry);
  return entry;
};

const leave = async (folder: string, entry: Shared): Promise<void> => {
  entry.users--;
  if (entry.users > 0) return;
  shared.delete(folder);
  const closed = entry.opened.then(
    ({ engine }) => engine.close(),
    () => {},
  );
  const settled = closed
    .catch(() => {})
    .then(() => {
      if (closing.get(folder) === settled) closing.delete(folder);
    });
  closing.set(folder, settled);
  await closed;
};

export class EmbeddedTransport implements Transport {
  private readonly entry: Shared;
  private readonly ending = new AbortController();
  private running = 0;
  private idle: (() => void) | undefined;
  private closed: Promise<void> | undefined;

  constructor(
    private readonly target: EmbeddedTarget,
    private readonly env: Env,
  ) {
    this.entry = join(target, env);
  }

  async call<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options: TransportOptions,
  ): Promise<Response> {
    if (this.closed) throw closedFailure();
    const signals = [this.ending.signal, ...(options.signal ? [options.signal] : [])];
    if (options.timeoutMs !== undefined) signals.push(AbortSignal.timeout(options.timeoutMs));
    const signal = AbortSignal.any(signals);
    this.running++;
    const work = this.run(method, request, options, signal).finally(() => this.left());
    return untilAborted(work, signal, () => this.stopped(method.name, options));
  }

  /** Waits for calls that run; their callers are told at once. */
  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async end(): Promise<void> {
    this.ending.abort();
    if (this.running > 0)
      await new Promise<void>((done) => {
        this.idle = done;
      });
    await leave(this.target.folder, this.entry);
  }

  private left(): void {
    this.running--;
    if (this.running === 0) this.idle?.();
  }

  private stopped(rpc: string, options: TransportOptions): MilvusError {
    if (this.ending.signal.aborted) return closedFailure();
    const why = options.signal?.aborted ? "the call was aborted" : `no answer within ${options.timeoutMs} ms`;
    return failure("unexpected", {}, `${rpc} failed: ${why}`);
  }

  private async run<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options: TransportOptions,
    signal: AbortSignal,
  ): Promise<Response> {
    const { engine, operations, dispatch, guard, startedMs } = await this.entry.opened.catch((error) => {
      throw openFailure(error);
    });
    const operation = operations.get(`${options.service}/${method.name}`);
    if (!operation?.handle) throw failure("unimplemented", {}, method.name);
    const { localPrincipal } = await import("../auth/principal.js");
    const call: Call = {
      engine,
      principal: localPrincipal(),
      guard,
      databaseName: options.databaseName,
      requestId: this.env.random(16).toString("hex"),
      signal,
      session: { version: CLIENT_VERSION, startedMs },
    };
    const reply = await dispatch(operation, call, complete(method.request, request));
    const message = complete(method.response, reply as Init<Response>);
    const failed = failureIn(method, message);
    if (failed) throw failed;
    return message;
  }
}

const CORE_MISSING: ReadonlySet<string> = new Set(["MODULE_NOT_FOUND", "ERR_DLOPEN_FAILED"]);

const openFailure = (error: unknown): MilvusError => {
  if (error instanceof MilvusError) return error;
  const { message, code = "" }: NodeJS.ErrnoException = error instanceof Error ? error : new Error(String(error));
  const line = message.split("\n")[0];
  return new MilvusError(1, CORE_MISSING.has(code) ? `the Rust core could not be loaded (${line}); build it with: npm run build` : message);
};

const untilAborted = <T>(work: Promise<T>, signal: AbortSignal, reason: () => MilvusError): Promise<T> =>
  new Promise((done, fail) => {
    const aborted = (): void => fail(reason());
    if (signal.aborted) aborted();
    signal.addEventListener("abort", aborted, { once: true });
    work.then(done, fail).finally(() => signal.removeEventListener("abort", aborted));
  });

/**
 * One call in progress, however it came in. The request id and the abort signal are made when a handler first asks: most never do.
 */
import type { EngineApi } from "../engine/api.js";
import type { AnyOperation, Call, Principal, SessionInfo } from "../operations/operation.js";
import type { Env } from "../shared/env.js";
import type { Logger } from "../telemetry/log.js";

/** What every call of a server shares. */
export interface Host {
  readonly engine: EngineApi;
  readonly operations: readonly AnyOperation[];
  readonly session: SessionInfo;
  readonly env: Env;
  readonly logger: Logger;
  /** Calls that take longer are logged. Milliseconds. */
  readonly slowRequestMs: number;
}

export class WireCall implements Call {
  private controller: AbortController | undefined;
  private reason: Error | undefined;
  private madeId: string | undefined;
  private readonly startedMs: number;

  constructor(
    private readonly host: Host,
    readonly principal: Principal,
    readonly databaseName: string,
    givenId: string | undefined,
    /** REST: whether 64-bit integers may be JSON numbers. */
    readonly allowInt64 = true,
  ) {
    this.madeId = givenId;
    this.startedMs = host.env.elapsed();
  }

  get engine(): EngineApi {
    return this.host.engine;
  }
  get session(): SessionInfo {
    return this.host.session;
  }
  /** The client's own id, or 32 random hexadecimal digits. */
  get requestId(): string {
    this.madeId ??= this.host.env.random(16).toString("hex");
    return this.madeId;
  }
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.reason !== undefined) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  abort(reason: Error): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.controller?.abort(reason);
  }

  get aborted(): boolean {
    return this.reason !== undefined;
  }

  /** Logs the call if it was slow. `name` is its RPC or route. */
  finished(name: string): void {
    const ms = this.host.env.elapsed() - this.startedMs;
    if (ms >= this.host.slowRequestMs)
      this.host.logger.warn(
        { name, ms: Math.round(ms), database: this.databaseName, user: this.principal.user, request: this.requestId },
        "slow request",
      );
  }
}

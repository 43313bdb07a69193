/**
 * One call in progress, however it came in. It has a principal once `authenticate` found out who asks. The request id and the abort signal are made when a handler first asks: most never do.
 */
import type { Credentials } from "../auth/credentials.js";
import { AuthFailure } from "../auth/failures.js";
import type { Guard } from "../auth/guard.js";
import type { EngineApi } from "../engine/api.js";
import type { AnyOperation, Call, Principal, SessionInfo } from "../operations/operation.js";
import type { Quotas } from "../operations/quotas.js";
import type { Env } from "../shared/env.js";
import type { Audit } from "../telemetry/audit.js";
import type { Logger } from "../telemetry/log.js";

/** What every call of a server shares. */
export interface Host {
  readonly engine: EngineApi;
  readonly operations: readonly AnyOperation[];
  readonly session: SessionInfo;
  readonly guard: Guard;
  readonly audit?: Audit | undefined;
  readonly quotas?: Quotas | undefined;
  readonly env: Env;
  readonly logger: Logger;
  /** Calls that take longer are logged. Milliseconds. */
  readonly slowRequestMs: number;
}

export class WireCall implements Call {
  private controller: AbortController | undefined;
  private reason: Error | undefined;
  private madeId: string | undefined;
  private who: Principal | undefined;
  private readonly startedMs: number;

  constructor(
    private readonly host: Host,
    private readonly credentials: Credentials,
    /** REST: of the header, until the body is read. */
    public databaseName: string,
    givenId: string | undefined,
    /** REST: whether 64-bit integers may be JSON numbers. */
    readonly allowInt64 = true,
  ) {
    this.madeId = givenId || undefined;
    this.startedMs = host.env.elapsed();
  }

  /**
   * Finds out who asks; a promise when that takes time. `name`: of the RPC or route, for the audit.
   * @throws AuthFailure, or MilvusError 4 when too many wait to be verified; so does the promise
   */
  authenticate(name: string): Promise<void> | undefined {
    const refused = (error: unknown): never => {
      if (error instanceof AuthFailure) this.tellRefusal(name, error);
      throw error;
    };
    try {
      const principal = this.host.guard.authenticate(this.credentials);
      if (!(principal instanceof Promise)) {
        this.who = principal;
        return undefined;
      }
      return principal.then((known) => {
        this.who = known;
      }, refused);
    } catch (error) {
      return refused(error);
    }
  }

  private tellRefusal(operation: string, error: AuthFailure): void {
    const user = this.credentials.kind === "password" ? this.credentials.user : "";
    const call = { principal: { user }, databaseName: this.databaseName, requestId: this.requestId };
    this.host.audit?.({ call, operation, request: {}, outcome: "denied", reason: error.message });
  }

  get principal(): Principal {
    if (this.who === undefined) throw new AuthFailure("unauthenticated", "the call was not authenticated");
    return this.who;
  }
  get guard(): Guard {
    return this.host.guard;
  }
  get audit(): Audit | undefined {
    return this.host.audit;
  }
  get quotas(): Quotas | undefined {
    return this.host.quotas;
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
        { name, ms: Math.round(ms), database: this.databaseName, user: this.who?.user ?? "", request: this.requestId },
        "slow request",
      );
  }
}

/**
 * A client of a server: Milvus, Zilliz Cloud or Elanus.
 *
 * Every connection begins with Connect, whose identifier goes with each call. What is tried again, with growing pauses, within the call's time
 * (10 s if it has none): calls that could not be sent, calls whose connection broke if repeating them is harmless, and Status code 8 (rate
 * limit). Everything else fails at once.
 */
import { hostname } from "node:os";
import type { Env } from "../shared/env.js";
import { failure, MilvusError } from "../shared/errors.js";
import { type Method, services } from "../shared/proto/generated/messages.js";
import { type Init, WireError } from "../shared/proto/wire.js";
import { GrpcChannel, type UnaryCall } from "./grpc-channel.js";
import { GrpcCode, GrpcError, grpcFailure } from "./grpc-status.js";
import type { RemoteTarget } from "./target.js";
import { failureIn, MILVUS_SERVICE, type Transport, type TransportOptions } from "./transport.js";
import { CLIENT_VERSION } from "./version.js";

const milvus = services[MILVUS_SERVICE];

const RATE_LIMIT = 8;
const RETRY_MS_MAX = 10_000;
const FIRST_PAUSE_MS = 10;
const PAUSE_MS_MAX = 1000;
const HANDSHAKE_MS = 10_000;

/** Calls that must not be carried out twice. */
const ONCE: ReadonlySet<string> = new Set(["Insert", "CreateDatabase", "RenameCollection", "AlterAliases"]);

export class GrpcTransport implements Transport {
  private readonly channel: GrpcChannel;
  private authorization: Readonly<Record<string, string>>;
  private identifier = "";
  private closed = false;

  constructor(
    private readonly target: RemoteTarget,
    private readonly env: Env,
  ) {
    this.authorization = authorizationOf(target.credentials);
    this.channel = new GrpcChannel(target.origin, (unary) => this.handshake(unary), target.tls);
  }

  async call<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options: TransportOptions,
  ): Promise<Response> {
    const parts = method.request.encodeParts(request);
    const started = this.env.elapsed();
    const endMs = started + (options.timeoutMs ?? RETRY_MS_MAX);
    let answered: MilvusError | undefined;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, PAUSE_MS_MAX)) {
      if (this.closed) throw closedFailure();
      const left = options.timeoutMs === undefined ? undefined : Math.max(1, Math.ceil(options.timeoutMs - (this.env.elapsed() - started)));
      const outcome = await this.attempt(method, parts, { ...options, timeoutMs: left });
      if (!(outcome instanceof GrpcError) && !(outcome instanceof MilvusError)) return outcome;
      // What the server said before time ran out tells more than that it did.
      if (answered !== undefined && outcome instanceof GrpcError && outcome.code === GrpcCode.DeadlineExceeded) throw answered;
      if (outcome instanceof MilvusError) answered = outcome;
      const again = outcome instanceof MilvusError ? outcome.code === RATE_LIMIT : mayRepeat(outcome, method.name);
      if (!again || this.closed || this.env.elapsed() + pause >= endMs)
        throw outcome instanceof MilvusError
          ? outcome
          : this.closed
            ? closedFailure()
            : grpcFailure(outcome, method.name, this.target.origin);
      await sleep(pause, options.signal);
    }
  }

  passwordChanged(user: string, password: string): void {
    if (this.target.credentials.startsWith(`${user}:`)) this.authorization = authorizationOf(`${user}:${password}`);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.channel.close();
  }

  private async attempt<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    parts: readonly Buffer[],
    options: TransportOptions,
  ): Promise<Response | GrpcError | MilvusError> {
    try {
      const bytes = await this.channel.unary({
        path: `/${options.service}/${method.name}`,
        metadata: () => this.metadata(options.databaseName),
        parts,
        timeoutMs: options.timeoutMs,
        signal: options.signal,
      });
      const reply = method.response.decode(bytes);
      return failureIn(method, reply) ?? reply;
    } catch (error) {
      if (error instanceof GrpcError || error instanceof MilvusError) return error;
      if (error instanceof WireError)
        return new GrpcError(GrpcCode.Internal, `the reply is no ${method.response.name}: ${error.message}`, true);
      throw error;
    }
  }

  private metadata(databaseName: string): Record<string, string> {
    return {
      ...this.authorization,
      ...(databaseName === "" ? {} : { dbname: databaseName }),
      ...(this.identifier === "" ? {} : { identifier: this.identifier }),
      "client-request-id": this.env.random(16).toString("hex"),
      "client-request-unixmsec": String(this.env.now()),
      "user-agent": `elanus/${CLIENT_VERSION}`,
    };
  }

  /** Announces the client. A server that knows no Connect is used without an identifier. */
  private async handshake(unary: (call: UnaryCall) => Promise<Buffer>): Promise<void> {
    const user = this.target.credentials.includes(":") ? this.target.credentials.slice(0, this.target.credentials.indexOf(":")) : "";
    const clientInfo = {
      sdkType: "nodejs",
      sdkVersion: CLIENT_VERSION,
      localTime: new Date(this.env.now()).toISOString(),
      user,
      host: hostname(),
    };
    this.identifier = "";
    try {
      const bytes = await unary({
        path: `/${MILVUS_SERVICE}/Connect`,
        metadata: () => this.metadata(""),
        parts: milvus.Connect.request.encodeParts({ clientInfo }),
        timeoutMs: HANDSHAKE_MS,
      });
      const reply = milvus.Connect.response.decode(bytes);
      const failed = failureIn(milvus.Connect, reply);
      if (failed) throw failed;
      this.identifier = reply.identifier === 0n ? "" : reply.identifier.toString();
    } catch (error) {
      if (!(error instanceof GrpcError) || error.code !== GrpcCode.Unimplemented) throw error;
    }
  }
}

const authorizationOf = (credentials: string): Readonly<Record<string, string>> =>
  credentials === "" ? {} : { authorization: Buffer.from(credentials).toString("base64") };

const mayRepeat = (error: GrpcError, rpc: string): boolean => error.code === GrpcCode.Unavailable && (!error.sent || !ONCE.has(rpc));

/** What calls of a closed client fail with. */
export const closedFailure = (): MilvusError => failure("serviceUnavailable", {}, "the client is closed", true);

/** Ends early, without failing, when the signal is aborted: the next attempt tells. */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      done();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end, { once: true });
  });

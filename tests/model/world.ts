/**
 * The database that a random life runs on: an engine of this process on a real folder, behind the real client, with or without a port in between.
 *
 * Its clock stands still but for `advance`. It may be restarted in order, or dropped as a kill would. Sizes are small, so that rows are sealed, logs cut and
 * segments merged all the time. `sabotage` stands between client and engine and falsifies calls, to prove that the comparison notices.
 */
import { localPrincipal } from "../../src/auth/principal.js";
import { complete } from "../../src/client/complete.js";
import { MilvusClient } from "../../src/client/index.js";
import { failureIn, MILVUS_SERVICE, type Transport, type TransportOptions } from "../../src/client/transport.js";
import type { EngineApi } from "../../src/engine/api.js";
import { openEngine } from "../../src/engine/open.js";
import { type Call, dispatch } from "../../src/operations/operation.js";
import { operations } from "../../src/operations/table.js";
import { type Method, services } from "../../src/shared/proto/generated/messages.js";
import type { Init } from "../../src/shared/proto/wire.js";
import { silentLogger } from "../../src/telemetry/log.js";
import { type RunningServer, startServer } from "../../src/wire/server.js";
import { testGuard } from "../support/guard.js";
import { KillableEnv } from "../support/killable-env.js";

export const milvus = services[MILVUS_SERVICE];

type Next = () => Promise<object>;
/** Answers a call in the engine's place, or lets `next` do it. */
export type Sabotage = (rpc: string, request: Readonly<Record<string, unknown>>, next: Next) => Promise<object>;

const byName = new Map(operations.map((operation) => [`${operation.service}/${operation.rpc}`, operation]));

/** Calls an engine's operations without a port. */
class DirectTransport implements Transport {
  constructor(private readonly engine: EngineApi) {}

  async call<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options: TransportOptions,
  ): Promise<Response> {
    const operation = byName.get(`${options.service}/${method.name}`);
    if (operation === undefined) throw new Error(`no operation ${method.name}`);
    const call: Call = {
      engine: this.engine,
      principal: localPrincipal(),
      guard: testGuard(() => this.engine.catalog.access),
      databaseName: options.databaseName,
      requestId: "model",
      signal: new AbortController().signal,
      session: { version: "v2.6.0", startedMs: 0 },
    };
    const reply = await dispatch(operation, call, complete(method.request, request));
    const message = complete(method.response, reply as Init<Response>);
    const failed = failureIn(method, message);
    if (failed) throw failed;
    return message;
  }

  async close(): Promise<void> {}
}

class SabotagedTransport implements Transport {
  constructor(
    private readonly transport: Transport,
    private readonly sabotage: Sabotage,
  ) {}

  async call<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options: TransportOptions,
  ): Promise<Response> {
    const next = () => this.transport.call(method, request, options);
    return (await this.sabotage(method.name, request as Readonly<Record<string, unknown>>, next)) as Response;
  }

  close(): Promise<void> {
    return this.transport.close();
  }
}

export interface WorldOptions {
  readonly folder: string;
  /** Through a server's port instead of calling the engine directly. */
  readonly overPort: boolean;
  readonly sabotage?: Sabotage;
}

const SETTINGS = {
  segmentBytesMax: 6000,
  logBytesMax: 40_000,
  replayBytesMax: 20_000,
  upkeepMs: 100,
  compactMs: 30,
};

export class World {
  client!: MilvusClient;
  engine!: EngineApi;
  readonly clock = { now: 1_700_000_000_000 };
  private env!: KillableEnv;
  private server: RunningServer | undefined;
  private transport!: Transport;

  private constructor(private readonly options: WorldOptions) {}

  static async open(options: WorldOptions): Promise<World> {
    const world = new World(options);
    await world.start();
    return world;
  }

  /** Calls an RPC that the client has no method for. */
  call<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    request: Init<Request>,
    databaseName = "",
  ): Promise<Response> {
    return this.transport.call(method, request, { service: MILVUS_SERVICE, databaseName });
  }

  /** Moves the clock by whole seconds. No row is written in the first tick of the new time, so that ages are never an exact number of seconds. */
  advance(seconds: number): void {
    this.clock.now += seconds * 1000;
    this.engine.tick();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Ends the engine as kill -9 would and opens the folder again. */
  async kill(): Promise<void> {
    await this.env.kill();
    await this.client.close();
    await this.server?.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.client.close();
    await this.server?.stop();
    await this.engine.close();
  }

  private async start(): Promise<void> {
    this.env = new KillableEnv(this.clock);
    this.engine = await openEngine({ folder: this.options.folder, env: this.env, settings: SETTINGS, threads: 1 });
    this.engine.tick();
    this.server = this.options.overPort ? await this.listen() : undefined;
    this.client = new MilvusClient(`http://127.0.0.1:${this.server?.port ?? 1}`);
    const own = Reflect.get(this.client, "transport") as Transport;
    const transport = this.server === undefined ? new DirectTransport(this.engine) : own;
    const { sabotage } = this.options;
    this.transport = sabotage === undefined ? transport : new SabotagedTransport(transport, sabotage);
    Reflect.set(this.client, "transport", this.transport);
  }

  private listen(): Promise<RunningServer> {
    return startServer({
      engine: this.engine,
      operations,
      session: { version: "v2.6.0", startedMs: 0 },
      env: this.env,
      guard: testGuard(() => this.engine.catalog.access),
      logger: silentLogger,
      slowRequestMs: 60_000,
      host: "127.0.0.1",
      port: 0,
      connectionsMax: 100,
      stopMs: 0,
    });
  }
}

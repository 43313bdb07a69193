/** Operations on an open engine in few words, through the same handlers that the wire calls. */

import { localPrincipal } from "../../src/auth/principal.js";
import type { EngineApi } from "../../src/engine/api.js";
import { type AnyOperation, type Call, dispatch, dispatchEncoded, type RestReply } from "../../src/operations/operation.js";
import { operations } from "../../src/operations/table.js";
import { MilvusError } from "../../src/shared/errors.js";
import { CollectionSchema, DataType, FieldData, type FieldSchema, type Status } from "../../src/shared/proto/generated/messages.js";
import { fieldsToRows } from "../../src/shared/rows/decode.js";
import { rowsToFields } from "../../src/shared/rows/encode.js";
import { testGuard } from "./guard.js";

const byRpc = new Map(operations.map((operation) => [operation.rpc, operation]));

const field = (init: Partial<FieldSchema>) => init;

const schemaOf = (name: string, dim: number) => ({
  name,
  fields: [
    field({ name: "id", dataType: DataType.Int64, isPrimaryKey: true }),
    field({ name: "vector", dataType: DataType.FloatVector, typeParams: [{ key: "dim", value: String(dim) }] }),
    field({ name: "version", dataType: DataType.Int32 }),
  ],
});

const vectorOf = (id: number, dim: number): number[] => Array.from({ length: dim }, (_, d) => id + d);

export class Driver {
  private readonly dims = new Map<string, number>();
  /** `turn`: what a loop that waits for the engine does between two looks. A process that is over never comes back from it. */
  constructor(
    private readonly engine: EngineApi,
    readonly turn: () => Promise<void> = () => new Promise(setImmediate),
  ) {}

  private get context(): Call {
    return {
      engine: this.engine,
      principal: localPrincipal(),
      guard: testGuard(() => this.engine.catalog.access),
      databaseName: "",
      requestId: "test",
      signal: new AbortController().signal,
      session: { version: "v2.6.0", startedMs: 0 },
    };
  }

  /** Calls an RPC; a failed status is thrown. */
  async call<Reply>(rpc: string, init: object): Promise<Reply> {
    const operation = byRpc.get(rpc) as AnyOperation;
    const reply = (await dispatch(operation, this.context, operation.request.create(init))) as {
      status?: Status;
      code?: number;
      reason?: string;
    };
    const status = reply.status ?? (reply as Status);
    if (status.code) throw new MilvusError(status.code, status.reason);
    return reply as Reply;
  }

  /** Answers a request as the wire does, by its bytes; failures are in the reply's status. `wasAgain`: it was like one before. */
  async encoded<Reply>(rpc: string, init: object): Promise<{ readonly reply: Reply; readonly wasAgain: boolean }> {
    const operation = byRpc.get(rpc) as AnyOperation;
    const bytes = operation.request.encode(init);
    let wasDecoded = false;
    const decode = (encoded: Buffer) => {
      wasDecoded = true;
      return operation.request.decode(encoded);
    };
    const reply = await dispatchEncoded(operation, this.context, bytes, decode);
    return { reply: reply as Reply, wasAgain: !wasDecoded };
  }

  /** Calls a REST route's handler with a parsed body. */
  async post(path: string, body: Readonly<Record<string, unknown>>): Promise<RestReply> {
    const route = operations.flatMap(({ rest }) => rest).find((candidate) => candidate.route === `POST /v2/vectordb/${path}`);
    if (route === undefined) throw new Error(`no route ${path}`);
    return route.handle({ ...this.context, databaseName: "default" }, body);
  }

  /** The dimension of a collection that another driver made. */
  know(collectionName: string, dim: number): void {
    this.dims.set(collectionName, dim);
  }

  /** Creates a collection and nothing else. */
  async define(collectionName: string, dim: number, shardsNum = 1): Promise<void> {
    this.know(collectionName, dim);
    await this.call("CreateCollection", { collectionName, schema: CollectionSchema.encode(schemaOf(collectionName, dim)), shardsNum });
  }

  async createCollection(collectionName: string, dim: number, shardsNum = 1): Promise<void> {
    await this.define(collectionName, dim, shardsNum);
    await this.finish(collectionName);
  }

  /** What follows the creation of a collection: its index, and that it is loaded. */
  async finish(collectionName: string): Promise<void> {
    const extraParams = [
      { key: "index_type", value: "FLAT" },
      { key: "metric_type", value: "L2" },
    ];
    const known = [...this.engine.catalog.collections.values()].find(({ name }) => name === collectionName);
    if (known?.indexes.length === 0) await this.call("CreateIndex", { collectionName, fieldName: "vector", extraParams });
    await this.call("LoadCollection", { collectionName });
  }

  insert = (collectionName: string, ids: readonly number[], version: number, partitionName = "") =>
    this.write("Insert", { collectionName, partitionName }, ids, version);
  upsert = (collectionName: string, ids: readonly number[], version: number, partitionName = "") =>
    this.write("Upsert", { collectionName, partitionName }, ids, version);

  /** A partial upsert of the version alone. */
  async update(collectionName: string, ids: readonly number[], version: number, partitionName = ""): Promise<void> {
    const { fields, ...schema } = schemaOf(collectionName, 1);
    const partial = CollectionSchema.create({ ...schema, fields: fields.filter(({ name }) => name !== "vector") } as object);
    const columns = rowsToFields(
      CollectionSchema.create(CollectionSchema.decode(CollectionSchema.encode(partial))),
      ids.map((id) => ({ id, version })),
    );
    const fieldsData = columns.map(({ data }) => data);
    await this.call("Upsert", { collectionName, partitionName, fieldsData, numRows: ids.length, partialUpdate: true });
  }

  private async write(
    rpc: string,
    { collectionName, partitionName }: { collectionName: string; partitionName: string },
    ids: readonly number[],
    version: number,
  ): Promise<void> {
    const dim = this.dims.get(collectionName) ?? 4;
    const rows = ids.map((id) => ({ id, version, vector: vectorOf(id, dim) }));
    const fields = rowsToFields(
      CollectionSchema.create(CollectionSchema.decode(CollectionSchema.encode(schemaOf(collectionName, dim)))),
      rows,
    );
    await this.call(rpc, { collectionName, partitionName, fieldsData: fields.map(({ data }) => data), numRows: ids.length });
  }

  delete = (collectionName: string, ids: readonly number[]) => this.call("Delete", { collectionName, expr: `id in [${ids.join(",")}]` });
  flush = (collectionName: string) => this.call("Flush", { collectionNames: [collectionName] });
  truncate = (collectionName: string) => this.call("TruncateCollection", { collectionName });
  drop = (collectionName: string) => this.call("DropCollection", { collectionName });
  createAlias = (collectionName: string, alias: string) => this.call("CreateAlias", { collectionName, alias });
  dropAlias = (alias: string) => this.call("DropAlias", { alias });

  collections(): string[] {
    return [...this.engine.catalog.collections.values()].map((collection) => collection.name).sort();
  }

  /** Version of every row, by id in ascending order. */
  async versions(collectionName: string): Promise<Map<number, number>> {
    const rows = await this.rows(collectionName, ["version"]);
    return new Map(rows.map((row) => [Number(row.id), Number(row.version)]));
  }

  /** The same; each row must be there once and have the vector that was written. */
  async wholeRows(collectionName: string): Promise<Map<number, number>> {
    const versions = new Map<number, number>();
    for (const { id, version, vector } of await this.rows(collectionName, ["version", "vector"])) {
      const found = [...(vector as Float32Array)];
      if (found.length === 0 || found.some((element, d) => element !== Number(id) + d))
        throw new Error(`row ${id} has the vector ${found}`);
      if (versions.has(Number(id))) throw new Error(`row ${id} is there twice`);
      versions.set(Number(id), Number(version));
    }
    return versions;
  }

  private async rows(collectionName: string, outputFields: readonly string[]): Promise<Record<string, unknown>[]> {
    const reply = await this.call<{ fieldsData: Buffer[] }>("Query", { collectionName, expr: "id >= 0", outputFields });
    return fieldsToRows(reply.fieldsData.map((data) => FieldData.decode(data)));
  }
}

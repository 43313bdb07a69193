/** The client's methods on aliases: second names of collections, taken wherever a collection's name is. */
import { invalid } from "../shared/errors.js";
import { AliasAction_AliasActionType, services } from "../shared/proto/generated/messages.js";
import { type CallOptions, milvus } from "./connection.js";
import { DatabaseMethods } from "./databases.js";
import { ELANUS_SERVICE } from "./transport.js";

export interface AliasOptions extends CallOptions {
  readonly alias: string;
}

export interface AliasTargetOptions extends AliasOptions {
  readonly collectionName: string;
}

export interface AliasInfo {
  readonly alias: string;
  /** The collection's own name. */
  readonly collectionName: string;
  readonly databaseName: string;
}

export type AliasAction =
  | { readonly action: "create" | "alter"; readonly alias: string; readonly collectionName: string }
  | { readonly action: "drop"; readonly alias: string };

const actions = {
  create: AliasAction_AliasActionType.Create,
  alter: AliasAction_AliasActionType.Alter,
  drop: AliasAction_AliasActionType.Drop,
} as const;

export abstract class AliasMethods extends DatabaseMethods {
  /** @throws MilvusError 1602 if the alias is one of another collection, 1601 if a collection has this name, 100 if there is no such collection */
  async createAlias(options: AliasTargetOptions): Promise<void> {
    await this.call(milvus.CreateAlias, this.target(options), options);
  }

  /** Points an alias at another collection. Readers see the old one or the new one, never neither. @throws MilvusError 1600, 100 */
  async alterAlias(options: AliasTargetOptions): Promise<void> {
    await this.call(milvus.AlterAlias, this.target(options), options);
  }

  /** An alias that does not exist is dropped already. */
  async dropAlias(options: AliasOptions): Promise<void> {
    await this.call(milvus.DropAlias, { dbName: this.databaseOf(options), alias: options.alias }, options);
  }

  /** @throws MilvusError 1600 */
  async describeAlias(options: AliasOptions): Promise<AliasInfo> {
    const reply = await this.call(milvus.DescribeAlias, { dbName: this.databaseOf(options), alias: options.alias }, options);
    return { alias: reply.alias, collectionName: reply.collection, databaseName: reply.dbName };
  }

  /** The aliases of a collection, or of the whole database. */
  async listAliases(options: CallOptions & { readonly collectionName?: string } = {}): Promise<string[]> {
    const request = { dbName: this.databaseOf(options), collectionName: options.collectionName ?? "" };
    return (await this.call(milvus.ListAliases, request, options)).aliases;
  }

  /**
   * Many changes of aliases at once: all of them happen, at one moment, or none does. Elanus only; other servers answer code 10.
   * @throws MilvusError what the first change that is refused would throw alone
   */
  async alterAliases(options: CallOptions & { readonly actions: readonly AliasAction[] }): Promise<void> {
    const made = options.actions.map((change) => {
      const action = actions[change.action];
      if (action === undefined) throw invalid(`action ${change.action} of alias ${change.alias} is not one of create, alter, drop`);
      return { action, alias: change.alias, collectionName: change.action === "drop" ? "" : change.collectionName };
    });
    await this.call(services[ELANUS_SERVICE].AlterAliases, { dbName: this.databaseOf(options), actions: made }, options, ELANUS_SERVICE);
  }

  private target(options: AliasTargetOptions) {
    return { dbName: this.databaseOf(options), collectionName: options.collectionName, alias: options.alias };
  }
}

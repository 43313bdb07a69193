/** The client's methods on databases. */
import { type CallOptions, Connection, milvus } from "./connection.js";
import { type Properties, pairsOf, propertiesOf } from "./names.js";

export interface DatabaseOptions extends Omit<CallOptions, "databaseName"> {
  readonly databaseName: string;
}

export interface DatabaseInfo {
  readonly name: string;
  readonly databaseId: bigint;
  /** Hybrid timestamp. */
  readonly createdTimestamp: bigint;
  readonly properties: Record<string, string>;
}

export abstract class DatabaseMethods extends Connection {
  /** @throws MilvusError 1100 if it exists, 801 at the limit */
  async createDatabase(options: DatabaseOptions & { readonly properties?: Properties }): Promise<void> {
    await this.call(
      milvus.CreateDatabase,
      { dbName: options.databaseName, properties: pairsOf(options.properties) },
      this.outside(options),
    );
  }

  /** A database that does not exist is dropped already. @throws MilvusError if it has collections, or is `default` */
  async dropDatabase(options: DatabaseOptions): Promise<void> {
    await this.call(milvus.DropDatabase, { dbName: options.databaseName }, this.outside(options));
  }

  async listDatabases(options: CallOptions = {}): Promise<string[]> {
    return (await this.call(milvus.ListDatabases, {}, options)).dbNames;
  }

  /** @throws MilvusError 800 */
  async describeDatabase(options: DatabaseOptions): Promise<DatabaseInfo> {
    const reply = await this.call(milvus.DescribeDatabase, { dbName: options.databaseName }, this.outside(options));
    return {
      name: reply.dbName,
      databaseId: reply.dbID,
      createdTimestamp: reply.createdTimestamp,
      properties: propertiesOf(reply.properties),
    };
  }

  /** Makes it the database of calls that name none. @throws MilvusError 800 */
  async useDatabase(options: DatabaseOptions): Promise<void> {
    await this.describeDatabase(options);
    this.switchDatabase(options.databaseName);
  }

  async alterDatabaseProperties(options: DatabaseOptions & { readonly properties: Properties }): Promise<void> {
    await this.call(milvus.AlterDatabase, { dbName: options.databaseName, properties: pairsOf(options.properties) }, this.outside(options));
  }

  async dropDatabaseProperties(options: DatabaseOptions & { readonly propertyKeys: readonly string[] }): Promise<void> {
    await this.call(milvus.AlterDatabase, { dbName: options.databaseName, deleteKeys: options.propertyKeys }, this.outside(options));
  }

  /** The database that is asked about need not exist, so it is not the database of the call. */
  private outside(options: DatabaseOptions): CallOptions {
    return { ...options, databaseName: this.databaseName };
  }
}

/** The client's methods that change what a collection's rows are: fields, structs, functions. */
import { invalid } from "../shared/errors.js";
import { FieldSchema } from "../shared/proto/generated/messages.js";
import { toJsonText } from "../shared/rows/json.js";
import { CollectionMethods } from "./collections.js";
import { type CollectionOptions, milvus } from "./connection.js";
import type { IndexDefinition } from "./indexes.js";
import { type Properties, pairsOf } from "./names.js";
import {
  type FieldDefinition,
  type FunctionDefinition,
  fieldSchemaOf,
  functionSchemaOf,
  type StructDefinition,
  structSchemaOf,
} from "./schema.js";

/** By its name or its id; a struct goes with its members. */
export type DropFieldOptions = CollectionOptions &
  ({ readonly fieldName: string; readonly fieldId?: undefined } | { readonly fieldId: number | bigint; readonly fieldName?: undefined });

export type FunctionOptions = CollectionOptions & { readonly functionName: string };

export abstract class SchemaMethods extends CollectionMethods {
  /**
   * Adds a field to a collection that may have rows: they read it as its default, or null.
   * @throws MilvusError 1100 for a field that is not `nullable`, has the name of another, or is a primary or partition key
   */
  async addCollectionField(options: CollectionOptions & { readonly field: FieldDefinition }): Promise<void> {
    const schema = FieldSchema.encode(fieldSchemaOf(options.field));
    await this.call(milvus.AddCollectionField, { ...this.named(options), schema }, options);
    this.forgetSchema(options);
  }

  /** The same of an array of structs. @throws MilvusError 1100 for a struct that is not `nullable` */
  async addCollectionStructField(options: CollectionOptions & { readonly struct: StructDefinition }): Promise<void> {
    const structArrayFieldSchema = structSchemaOf(options.struct);
    await this.call(milvus.AddCollectionStructField, { ...this.named(options), structArrayFieldSchema }, options);
    this.forgetSchema(options);
  }

  /**
   * Drops a field with its index. Rows lose it at once, their files by and by; its id is never given again.
   * @throws MilvusError 1100 for keys, the last vector field, and a field that a function reads or makes
   */
  async dropCollectionField(options: DropFieldOptions): Promise<void> {
    const named = options.fieldName === undefined ? { fieldId: BigInt(options.fieldId) } : { fieldName: options.fieldName };
    await this.alterSchema(options, { dropRequest: { ...named, dropFunctionOutputFields: false } });
  }

  /** Sets parameters of a field: `max_length`, `max_capacity`, `mmap.enabled`, `warmup`, `field.description`. */
  async alterCollectionField(options: CollectionOptions & { readonly fieldName: string; readonly params: Properties }): Promise<void> {
    const request = { ...this.named(options), fieldName: options.fieldName, properties: pairsOf(options.params) };
    await this.call(milvus.AlterCollectionField, request, options);
    this.forgetSchema(options);
  }

  /** Takes parameters of a field away: `mmap.enabled`, `warmup`. */
  async dropCollectionFieldParams(
    options: CollectionOptions & { readonly fieldName: string; readonly paramKeys: readonly string[] },
  ): Promise<void> {
    const request = { ...this.named(options), fieldName: options.fieldName, deleteKeys: options.paramKeys };
    await this.call(milvus.AlterCollectionField, request, options);
    this.forgetSchema(options);
  }

  /** Adds a function with the field that it makes and that field's index; rows that are there get the field, too. */
  async addFunctionField(
    options: CollectionOptions & {
      readonly field: FieldDefinition;
      readonly function: FunctionDefinition;
      readonly indexParams: Omit<IndexDefinition, "fieldName">;
    },
  ): Promise<void> {
    const { indexName, indexType, metricType, params } = options.indexParams;
    if (indexType === undefined) throw invalid(`an explicit index_type is required for the bound index of field ${options.field.name}`);
    const info = {
      fieldSchema: fieldSchemaOf(options.field),
      indexName: indexName ?? "",
      extraParams: pairsOf({ index_type: indexType, metric_type: metricType, params: params && (toJsonText(params) ?? "{}") }),
    };
    const funcSchema = [functionSchemaOf(options.function)];
    await this.alterSchema(options, { addRequest: { fieldInfos: [info], funcSchema, doPhysicalBackfill: false } });
  }

  /** Drops a BM25 or MinHash function with the field that it makes. */
  async dropFunctionField(options: FunctionOptions): Promise<void> {
    await this.alterSchema(options, { dropRequest: { functionName: options.functionName, dropFunctionOutputFields: true } });
  }

  /** Adds a function over fields that are there. Not for BM25: `addFunctionField`. */
  async addCollectionFunction(options: CollectionOptions & { readonly function: FunctionDefinition }): Promise<void> {
    const functionSchema = functionSchemaOf(options.function);
    await this.call(milvus.AddCollectionFunction, { ...this.named(options), functionSchema }, options);
    this.forgetSchema(options);
  }

  /** Another definition of the function with this name. */
  async alterCollectionFunction(options: CollectionOptions & { readonly function: FunctionDefinition }): Promise<void> {
    const request = {
      ...this.named(options),
      functionName: options.function.name,
      functionSchema: functionSchemaOf(options.function),
    };
    await this.call(milvus.AlterCollectionFunction, request, options);
    this.forgetSchema(options);
  }

  /** The field that it made stays, as one that rows give. One that is not there is dropped already. */
  async dropCollectionFunction(options: FunctionOptions): Promise<void> {
    await this.call(milvus.DropCollectionFunction, { ...this.named(options), functionName: options.functionName }, options);
    this.forgetSchema(options);
  }

  private async alterSchema(
    options: CollectionOptions,
    action: NonNullable<Parameters<typeof milvus.AlterCollectionSchema.request.encode>[0]["action"]>,
  ): Promise<void> {
    await this.call(milvus.AlterCollectionSchema, { ...this.named(options), action }, options);
    this.forgetSchema(options);
  }
}

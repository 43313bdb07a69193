/**
 * A new version of a collection without a moment of absence: readers use an alias, the new version is filled beside the old one, and one call
 * points the alias at it. npx tsx examples/alias-swap.ts
 */
import { MilvusClient } from "elanus";

const client = new MilvusClient({ uri: process.env.MILVUS_URI ?? "http://localhost:19530" });
const alias = "products";

const fill = async (collectionName: string, dimension: number, label: string): Promise<void> => {
  await client.createCollection({ collectionName, dimension });
  const data = Array.from({ length: 100 }, (_, id) => ({ id, vector: Array.from({ length: dimension }, (_, i) => id + i), label }));
  await client.insert({ collectionName, data });
};

/** What a reader does; it knows the alias only. */
const label = async (): Promise<unknown> => {
  const [row] = await client.query({ collectionName: alias, filter: "id == 7", outputFields: ["label"], consistencyLevel: "Strong" });
  return row?.label;
};

await fill("products_blue", 4, "blue");
await client.createAlias({ collectionName: "products_blue", alias });
console.log(`readers see ${await label()}`);

// Another embedding model, another dimension: readers do not notice until it is complete.
await fill("products_green", 8, "green");
await client.alterAlias({ collectionName: "products_green", alias });
console.log(`readers see ${await label()}`);

// Back, if it was a mistake; with a second alias for the other one. Both changes happen at one moment, or none does.
await client.alterAliases({
  actions: [
    { action: "alter", alias, collectionName: "products_blue" },
    { action: "create", alias: "products_next", collectionName: "products_green" },
  ],
});
console.log(`readers see ${await label()}, next is ${(await client.describeAlias({ alias: "products_next" })).collectionName}`);

await client.alterAliases({
  actions: [
    { action: "drop", alias },
    { action: "drop", alias: "products_next" },
  ],
});
await client.dropCollection({ collectionName: "products_blue" });
await client.dropCollection({ collectionName: "products_green" });
await client.close();

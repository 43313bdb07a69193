/**
 * The first steps against a server. Start one (`npm start`), then: npx tsx examples/quickstart.ts
 * Runs as it is against Milvus and Zilliz Cloud, too: MILVUS_URI=https://… MILVUS_TOKEN=… npx tsx examples/quickstart.ts
 */
import { MilvusClient } from "elanus";

const client = new MilvusClient({
  uri: process.env.MILVUS_URI ?? "http://localhost:19530",
  token: process.env.MILVUS_TOKEN ?? "user:password",
});

const collectionName = "quickstart";
await client.dropCollection({ collectionName });
await client.createCollection({ collectionName, dimension: 3 });

// Keys that are no fields (`color`, `wings`) are kept with the row.
await client.insert({
  collectionName,
  data: [
    { id: 1, vector: [0.9, 0.1, 0.0], color: "red", wings: 2 },
    { id: 2, vector: [0.1, 0.9, 0.0], color: "green", wings: 4 },
    { id: 3, vector: [0.0, 0.1, 0.9], color: "blue", wings: 2 },
  ],
});

interface Kite {
  readonly color: string;
}

const [hits = []] = await client.search<Kite>({
  collectionName,
  data: [1, 0, 0],
  filter: "wings == {wings}",
  filterParams: { wings: 2 },
  outputFields: ["color"],
  limit: 2,
  consistencyLevel: "Strong",
});
for (const { id, distance, entity } of hits) console.log(`kite ${id} is ${entity.color}, cosine ${distance.toFixed(3)}`);

await client.upsert({ collectionName, data: { id: 2, vector: [0.1, 0.9, 0.0], color: "orange", wings: 4 } });
console.log(await client.get<Kite>({ collectionName, ids: 2, outputFields: ["color"] }));

await client.delete({ collectionName, ids: [1, 3] });
console.log(`${await client.count({ collectionName, consistencyLevel: "Strong" })} kite left`);

await client.dropCollection({ collectionName });
await client.close();

/**
 * The engine inside this program: no server, no port. The data is in a folder and is there again at the next run.
 * npx tsx examples/embedded.ts ./kites.db
 */
import { MilvusClient } from "elanus";

const folder = process.argv[2] ?? "./kites.db";

// Closed at the end of the block, whatever happens in it.
await using client = new MilvusClient({ uri: folder });

const collectionName = "visits";
if (!(await client.hasCollection({ collectionName })))
  await client.createCollection({
    collectionName,
    schema: {
      fields: [
        { name: "id", dataType: "Int64", isPrimary: true, autoId: true },
        { name: "at", dataType: "VarChar", maxLength: 32 },
        { name: "vector", dataType: "FloatVector", dim: 2 },
      ],
    },
    indexParams: { fieldName: "vector", indexType: "HNSW", metricType: "L2", params: { M: 16, efConstruction: 200 } },
  });

const before = await client.count({ collectionName });
await client.insert({ collectionName, data: { at: new Date().toISOString(), vector: [before, before + 1] } });
console.log(`visit number ${before + 1} of ${folder}`);

const [nearest = []] = await client.search<{ at: string }>({ collectionName, data: [0, 0], limit: 1, outputFields: ["at"] });
console.log(`the first one was at ${nearest[0]?.entity.at}`);

/**
 * A client of its own process that searches at a steady pace, so that what it measures is the server and not the client that inserts beside it.
 *
 * Arguments: uri, collection, dim, milliseconds between two searches. Begins at once; a line on its standard input makes it print the latencies
 * since the last line (JSON, milliseconds) and begin anew; the end of the input ends it.
 */
import { createInterface } from "node:readline";
import { MilvusClient } from "../src/client/index.js";
import { seededRandom } from "./data.js";

const [uri = "", collectionName = "", dim = "0", pace = "10"] = process.argv.slice(2);
const random = seededRandom(7);
const queries = Array.from({ length: 64 }, () => Array.from({ length: Number(dim) }, () => random() - 0.5));
const client = new MilvusClient({ uri, timeout: 60 });
let latencies: number[] = [];
let ended = false;

const lines = createInterface({ input: process.stdin });
lines.on("line", () => {
  process.stdout.write(`${JSON.stringify(latencies)}\n`);
  latencies = [];
});
lines.on("close", () => {
  ended = true;
});

for (let turn = 0; !ended; turn++) {
  const begun = performance.now();
  await client.search({ collectionName, data: [queries[turn % queries.length] as number[]], limit: 10 });
  const took = performance.now() - begun;
  latencies.push(took);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, Number(pace) - took)));
}
await client.close();

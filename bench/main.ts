/** `npm run bench`: prints a table and writes bench/results/<date>.json. `-- --quick` takes a tenth of the rows; `-- --alone` leaves out Milvus Lite, which takes many minutes; `-- --rows N --dim D --seconds S` sets them. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type LibraryFigures, RECALL_TARGET, runSuite, type ServerFigures } from "./suite.js";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rows: { type: "string" },
    dim: { type: "string", default: "768" },
    seconds: { type: "string", default: "8" },
    python: { type: "string" },
    alone: { type: "boolean", default: false },
  },
});
const rowCount = Number(values.rows ?? (values.quick ? 10_000 : 100_000));
const dim = Number(values.dim);

const round = (value: number | undefined, digits = 0): string => (value === undefined ? "-" : value.toFixed(digits));

const table = (servers: readonly ServerFigures[], library: LibraryFigures): string[][] => {
  const rows: string[][] = [["", ...servers.map((server) => server.name), "hnswlib (library, 1 thread)"]];
  const point = library.points.find(({ recall }) => recall >= RECALL_TARGET) ?? library.points.at(-1);
  const line = (name: string, of: (server: ServerFigures) => string, peer = "-") => rows.push([name, ...servers.map(of), peer]);
  line("start to first answer, ms", (s) => round(s.startMs));
  line("idle memory, MB", (s) => round(s.idleMb));
  line("insert, rows/s", (s) => round(s.insertRowsPerSecond));
  line("longest loop stall while inserting, ms", (s) => round(s.loopStallMs, 1));
  line("flush, s", (s) => round(s.flushSeconds, 2));
  line("index built and loaded, s", (s) => round(s.buildSeconds, 1), `${round(library.buildSeconds, 1)} (2 threads)`);
  line("resident (peak), MB", (s) => `${round(s.residentMb)} (${round(s.peakMb)})`, round(library.memoryMb));
  line("ef, recall@10", (s) => `${s.ef}, ${round(s.recall, 3)}`, `${point?.ef}, ${round(point?.recall, 3)}`);
  for (const clients of [1, 16]) {
    const figures = (s: ServerFigures) => s.searches.find((search) => search.clients === clients);
    line(`QPS, ${clients} client${clients > 1 ? "s" : ""}`, (s) => round(figures(s)?.qps), clients === 1 ? round(point?.qps) : "-");
    line("  p50, p99, ms", (s) => `${round(figures(s)?.p50Ms, 2)}, ${round(figures(s)?.p99Ms, 2)}`);
    line("  server CPU-ms a query", (s) => round(figures(s)?.cpuMsPerQuery, 3), clients === 1 ? round(point?.cpuMs, 3) : "-");
  }
  line("alias switch p50, p99, ms", (s) => (s.aliasP50Ms > 0 ? `${round(s.aliasP50Ms, 2)}, ${round(s.aliasP99Ms, 2)}` : "-"));
  return rows;
};

const print = (rows: readonly string[][]): void => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  rows.forEach((row, index) => {
    process.stdout.write(`| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |\n`);
    if (index === 0) process.stdout.write(`| ${widths.map((width) => "-".repeat(width)).join(" | ")} |\n`);
  });
};

const result = await runSuite({ rowCount, dim, seconds: Number(values.seconds), python: values.python, alone: values.alone });
process.stdout.write(`\n${rowCount} x ${dim} float vectors, k=10, L2, HNSW M=16 efConstruction=200\n\n`);
print(table(result.servers, result.library));
const folder = join(import.meta.dirname, "results");
mkdirSync(folder, { recursive: true });
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
const machine = { processor: cpus()[0]?.model, processors: cpus().length, node: process.version };
const file = join(folder, `main-${rowCount}x${dim}.json`);
writeFileSync(file, `${JSON.stringify({ commit, machine, rowCount, dim, ...result }, null, 2)}\n`);
process.stdout.write(`\nwritten: ${file}\n`);

/**
 * `npm run bench -- <suite>`: main (suite.ts, the default), storage (storage.ts), library (library.ts), server (serving.ts). Prints tables and writes
 * bench/results/<suite>….json, and plots where there are curves.
 *
 * `--quick` takes few rows; `--rows N` sets how many; `--alone` leaves out the peers; `--python P` and `--milvus-python P` are Pythons that have them.
 * Main: `--dim D --seconds S`. Storage: `--dim D` (one shape instead of the three), `--log-mb M`, `--no-graph`.
 * Library and server: `--sets words,clustered` (library also binary, sparse). Library: `--passes N`, `--indexes all` or names of further index types.
 * Server: `--seconds S` a figure, `--servers elanus,autoindex,milvus,lite`.
 */
import { parseArgs } from "node:util";
import { runLibrary, SET_NAMES } from "./library.js";
import { reportLibrary } from "./library-report.js";
import { print, round, save } from "./report.js";
import { runServing, SERVER_NAMES } from "./serving.js";
import { reportServing } from "./serving-report.js";
import { type RecoveryFigures, runStorage, type Shape, type StorageFigures } from "./storage.js";
import { type LibraryFigures, RECALL_TARGET, runSuite, type ServerFigures } from "./suite.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    rows: { type: "string" },
    dim: { type: "string" },
    seconds: { type: "string", default: "8" },
    "log-mb": { type: "string", default: "256" },
    "no-graph": { type: "boolean", default: false },
    python: { type: "string" },
    alone: { type: "boolean", default: false },
    sets: { type: "string", default: "" },
    passes: { type: "string", default: "3" },
    indexes: { type: "string", default: "" },
    servers: { type: "string", default: "" },
    "milvus-python": { type: "string" },
  },
});

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

const storageTable = (figures: readonly StorageFigures[]): string[][] => {
  const rows: string[][] = [["", ...figures.map((f) => `${f.name}, ${f.rows} x ${f.dim}`)]];
  const line = (name: string, of: (f: StorageFigures) => string) => rows.push([name, ...figures.map(of)]);
  const resident = (r: StorageFigures["loaded"] | undefined) =>
    r === undefined ? "-" : `${round(r.perByte, 2)} (${round(r.ownPerByte, 2)})`;
  line("insert, rows/s (MB/s)", (f) => `${round(f.rowsPerSecond)} (${round(f.megabytesPerSecond)})`);
  line("server CPU, µs a row", (f) => round(f.cpuMicrosPerRow, 1));
  line("bytes written a byte inserted", (f) => round(f.writtenPerByte, 2));
  line("flush, s", (f) => round(f.flushSeconds, 2));
  line("search alone p50, p99, ms", (f) => `${round(f.searchAlone.p50Ms, 2)}, ${round(f.searchAlone.p99Ms, 2)}`);
  line("search beside inserts p50, p99, ms", (f) => `${round(f.searchBeside.p50Ms, 2)}, ${round(f.searchBeside.p99Ms, 2)}`);
  line("resident a byte of vectors (no file's): growing", (f) => resident(f.growing));
  line("  loaded without a graph", (f) => resident(f.loaded));
  line("  loaded with HNSW", (f) => resident(f.indexed));
  line("  released", (f) => resident(f.released));
  line("HNSW built and loaded, s", (f) => round(f.buildSeconds, 1));
  return rows;
};

const recoveryTable = (figures: readonly RecoveryFigures[]): string[][] => [
  ["", ...figures.map((f) => `${f.name}, ${f.logMb} MB of log`)],
  ["kill -9 to the first answer, s", ...figures.map((f) => round(f.readySeconds, 2))],
  ["acknowledged rows lost", ...figures.map((f) => `${f.lostRows} of ${f.rows}`)],
];

const runMain = async (): Promise<void> => {
  const rowCount = Number(values.rows ?? (values.quick ? 10_000 : 100_000));
  const dim = Number(values.dim ?? "768");
  const result = await runSuite({ rowCount, dim, seconds: Number(values.seconds), python: values.python, alone: values.alone });
  process.stdout.write(`\n${rowCount} x ${dim} float vectors, k=10, L2, HNSW M=16 efConstruction=200\n\n`);
  print(table(result.servers, result.library));
  save(`main-${rowCount}x${dim}`, { rowCount, dim, ...result });
};

/** 384: the shape that other servers were measured with. */
const shapesOf = (): Shape[] => {
  const graph = !values["no-graph"];
  if (values.rows !== undefined) return [{ rows: Number(values.rows), dim: Number(values.dim ?? "384"), graph }];
  const share = values.quick ? 0.1 : 1;
  return [
    { rows: 1_000_000 * share, dim: 128, graph },
    { rows: 500_000 * share, dim: 768, graph },
    { rows: 500_000 * share, dim: 384, graph: false },
  ];
};

const runStorageSuite = async (): Promise<void> => {
  const { python, alone } = values;
  const liteRowsMax = values.quick ? 20_000 : 100_000;
  const result = await runStorage({ shapes: shapesOf(), logMb: Number(values["log-mb"]), python, alone, liteRowsMax, settings: [] });
  process.stdout.write("\nBatches of 5,000 float vectors through gRPC, fsync before the answer\n\n");
  print(storageTable(result.shapes));
  process.stdout.write("\n");
  print(recoveryTable(result.recoveries));
  save(values.rows !== undefined ? `storage-${values.rows}x${values.dim ?? "384"}` : values.quick ? "storage-quick" : "storage", result);
};

const listOf = (text: string, absent: readonly string[]): readonly string[] => (text === "" ? absent : text.split(","));

const QUICK_ROWS = 20_000;

const pythonOf = (): string => {
  if (values.python === undefined) throw new Error("this suite needs Python 3 for its peers and for exact neighbours");
  return values.python;
};

const searchRows = (): number => Number(values.rows ?? (values.quick ? QUICK_ROWS : Number.POSITIVE_INFINITY));

const nameOf = (suiteName: string): string => (values.quick || values.rows !== undefined ? `${suiteName}-${searchRows()}` : suiteName);

const runLibrarySuite = (): void => {
  const sets = listOf(values.sets, SET_NAMES);
  const { alone } = values;
  const options = {
    python: pythonOf(),
    sets,
    rows: searchRows(),
    passes: Number(values.passes),
    indexes: listOf(values.indexes, []),
    alone,
  };
  const results = runLibrary(options);
  reportLibrary(results);
  save(nameOf("library"), { results });
};

const runServerSuite = async (): Promise<void> => {
  const results = await runServing({
    python: pythonOf(),
    milvusPython: values["milvus-python"],
    sets: listOf(values.sets, ["words", "clustered"]),
    rows: searchRows(),
    seconds: Number(values.seconds),
    servers: listOf(values.servers, values.alone ? ["elanus", "autoindex"] : SERVER_NAMES),
  });
  reportServing(results);
  save(nameOf("server"), { results });
};

const suite = positionals[0] ?? "main";
if (suite === "main") await runMain();
else if (suite === "storage") await runStorageSuite();
else if (suite === "library") runLibrarySuite();
else if (suite === "server") await runServerSuite();
else throw new Error(`there is no suite ${suite}: main, storage, library, server`);

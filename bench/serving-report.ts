/** The server suite's tables, targets and plots. */
import { cpuMsAt, qpsAt } from "./curve.js";
import { atLeast, atMost, digits, print, printTargets, ratio, round, savePlot, say, type Target } from "./report.js";
import { type FilteredFigures, type OperatingPoint, RECALLS, type ServingFigures, type ServingResult } from "./serving.js";
import { type Filter, KEPT } from "./sets.js";

const pointOf = (server: ServingFigures | undefined, target: number, clients: number): OperatingPoint | undefined =>
  server?.operating.find((point) => point.target === target && point.clients === clients);

const filteredBy = (server: ServingFigures | undefined, filter: Filter): FilteredFigures | undefined =>
  server?.filtered.find((figures) => figures.filter.label === filter.label && figures.filter.below === filter.below);

const serverTable = ({ servers, dim }: ServingResult): string[][] => {
  const rows: string[][] = [["", ...servers.map(({ name }) => name)]];
  const line = (name: string, of: (server: ServingFigures) => string) => rows.push([name, ...servers.map(of)]);
  line("rows", ({ rowCount }) => digits(rowCount));
  line("insert, rows/s", (server) => digits(server.insertRowsPerSecond));
  line("flush, s", (server) => round(server.flushSeconds, 1));
  line("index built and loaded, s", (server) => round(server.buildSeconds, 1));
  line("resident (peak), MB", (server) => `${round(server.residentMb)} (${round(server.peakMb)})`);
  line("resident / raw vectors", (server) => round(server.residentMb / server.rawMb, 2));
  for (const target of RECALLS) {
    line(`recall >= ${target}: ef, recall`, (server) => {
      const point = pointOf(server, target, 1);
      return point === undefined ? "not reached" : `${point.ef}, ${point.recall.toFixed(4)}`;
    });
    for (const clients of [1, 16]) {
      const of = (server: ServingFigures) => pointOf(server, target, clients);
      line(`  QPS, ${clients} client${clients > 1 ? "s" : ""}`, (server) => digits(of(server)?.qps));
      line("    p50, p99, ms", (server) => `${round(of(server)?.p50Ms, 2)}, ${round(of(server)?.p99Ms, 2)}`);
      line("    server's (generator's) CPU-ms a query", (server) => `${digits(of(server)?.cpuMs)} (${digits(of(server)?.generatorCpuMs)})`);
    }
  }
  line("1,000 exact queries in one request, s", (server) => round(server.exactSeconds, 2));
  line("  GFLOP/s", (server) => digits(server.exactSeconds && (2 * 1000 * server.rowCount * dim) / server.exactSeconds / 1e9));
  line("longest event-loop stall of all searches, ms", (server) => round(server.loopStallMs, 1));
  return rows;
};

const filterTable = ({ servers }: ServingResult): string[][] => [
  ["filter: recall, QPS with 16 clients, server's CPU-ms", ...servers.map(({ name }) => name)],
  ...(["random", "near"] as const).flatMap((label) =>
    KEPT.map((below) => [
      `${label}, keeps ${below} %`,
      ...servers.map((server) => {
        const figures = filteredBy(server, { label, below });
        return figures === undefined ? "-" : `${figures.recall.toFixed(3)}, ${digits(figures.qps)}, ${digits(figures.cpuMs)}`;
      }),
    ]),
  ),
];

/** Of one of our indexes against the peers. */
const targetsAgainst = (ours: ServingFigures, milvus: ServingFigures | undefined, lite: ServingFigures | undefined): Target[] => {
  const qps = (server: ServingFigures | undefined, recall: number) => qpsAt(server?.points ?? [], recall);
  const cpu = (server: ServingFigures | undefined, recall: number) => cpuMsAt(server?.points ?? [], recall);
  const { name } = ours;
  const filters = ours.filtered.flatMap(({ filter, recall, qps: reached, cpuMs }) => {
    const peer = filteredBy(milvus, filter);
    const text = `${name}, ${filter.label} filter keeps ${filter.below} %`;
    return [
      atLeast(`${text}: recall`, 0.95, recall),
      atLeast(`${text}: QPS / Milvus 2.3.5`, 4, ratio(reached, peer?.qps), ratio(peer?.cpuMs, cpuMs)),
    ];
  });
  return [
    ...RECALLS.flatMap((recall) => [
      atLeast(`${name}, recall ${recall}, 16 clients: QPS / Milvus 2.3.5`, 5, ratio(qps(ours, recall), qps(milvus, recall))),
      atMost(`${name}, recall ${recall}: CPU-ms a query / Milvus 2.3.5`, 0.2, ratio(cpu(ours, recall), cpu(milvus, recall))),
      atLeast(`${name}, recall ${recall}: QPS / Milvus Lite`, 100, ratio(qps(ours, recall), qps(lite, recall))),
    ]),
    atMost(`${name}, recall 0.95, 1 client: p50, ms`, 0.35, pointOf(ours, 0.95, 1)?.p50Ms),
    ...filters,
    ...(name.endsWith("HNSW") ? [atMost(`${name}: resident / raw vectors`, 1.3, ours.residentMb / ours.rawMb)] : []),
    atMost(`${name}: longest event-loop stall of all searches, ms`, 20, ours.loopStallMs),
  ];
};

export const reportServing = (results: readonly ServingResult[]): void => {
  for (const result of results) {
    const find = (name: string) => result.servers.find((server) => server.name === name);
    say(`\n${result.set} through gRPC, k=10\n`);
    print(serverTable(result));
    say("");
    print(filterTable(result));
    const ours = result.servers.filter(({ name }) => name.startsWith("Elanus"));
    printTargets(ours.flatMap((server) => targetsAgainst(server, find("Milvus 2.3.5"), find("Milvus Lite"))));
    savePlot(`server-${result.set}`, `${result.set}: through gRPC, 16 clients`, result.servers);
  }
};

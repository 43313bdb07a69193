/** The library suite's tables, targets and plots. */
import { cpuMsAt, qpsAt } from "./curve.js";
import type { LibraryCurve, LibraryResult } from "./library.js";
import { atLeast, atMost, digits, print, printTargets, ratio, round, savePlot, say, type Target } from "./report.js";

const curveTable = (result: LibraryResult): string[][] => [
  ["", "QPS at 0.95", "QPS at 0.99", "CPU-ms at 0.95", "most recall", "build, 2 threads, s", "memory (no file's), MB"],
  ...result.curves.map((curve) => [
    curve.kind === undefined || curve.name.endsWith(curve.kind) ? curve.name : `${curve.name} (${curve.kind})`,
    digits(qpsAt(curve.points, 0.95)),
    digits(qpsAt(curve.points, 0.99)),
    digits(cpuMsAt(curve.points, 0.95)),
    round(Math.max(...curve.points.map(({ recall }) => recall)), 4),
    round(curve.buildSeconds, 1),
    curve.ownMb === undefined ? round(curve.memoryMb) : `${round(curve.memoryMb)} (${round(curve.ownMb)})`,
  ]),
];

const exactTable = ({ exact }: LibraryResult): string[][] => [
  ["1,000 queries at once, GFLOP/s", "1 thread", "2 threads"],
  ...[...new Set(exact.map(({ name }) => name))].map((name) => [
    name,
    ...[1, 2].map((threads) => digits(exact.find((figures) => figures.name === name && figures.threads === threads)?.gflops)),
  ]),
];

const RECALLS = [0.95, 0.99] as const;

/** How many times as much the one does; Infinity when only it reaches the recall. */
const compare = (
  ours: LibraryCurve | undefined,
  peer: LibraryCurve | undefined,
  of: (curve: LibraryCurve) => number | undefined,
): number | undefined => {
  const [one, other] = [ours && of(ours), peer && of(peer)];
  return one !== undefined && peer !== undefined && other === undefined ? Number.POSITIVE_INFINITY : ratio(one, other);
};

const targetsOf = (result: LibraryResult): Target[] => {
  const find = (name: string): LibraryCurve | undefined => result.curves.find((curve) => curve.name === name);
  const faster = (ours: string, peer: string, leasts: readonly [number, number]): Target[] =>
    RECALLS.map((recall, at) => {
      const [one, other] = [find(`Elanus ${ours}`), find(peer)];
      const byClock = compare(one, other, ({ points }) => qpsAt(points, recall));
      const byCpu = compare(one, other, ({ points }) => ratio(1, cpuMsAt(points, recall)));
      return atLeast(`QPS at ${recall}: ${ours} / ${peer}`, leasts[at] as number, byClock, byCpu);
    });
  const built = (ours: string): Target => {
    const [one, other] = [find(`Elanus ${ours}`), find("faiss HNSW")];
    const byCpu = ratio(one?.buildCpuSeconds, other?.buildCpuSeconds);
    return atMost(`build time: ${ours} / faiss HNSW`, 0.45, ratio(one?.buildSeconds, other?.buildSeconds), byCpu);
  };
  const scan = (threads: number): Target => {
    const of = (name: string) => result.exact.find((each) => each.name === name && each.threads === threads);
    const [one, other] = [of("Elanus"), of("matrix product")];
    const figure = `1,000 queries at once / matrix product, ${threads} thread${threads > 1 ? "s" : ""}`;
    return atLeast(figure, 0.6, ratio(one?.gflops, other?.gflops), ratio(one?.gflopsByCpu, other?.gflopsByCpu));
  };
  const memory = atMost("memory: AUTOINDEX / hnswlib", 0.45, ratio(find("Elanus AUTOINDEX")?.memoryMb, find("hnswlib")?.memoryMb));
  return [
    ...faster("HNSW", "faiss HNSW", [1.3, 1.3]),
    ...["hnswlib", "usearch f32"].flatMap((peer) => faster("HNSW", peer, [1.5, 1.5])),
    ...["HNSW_SQ", "AUTOINDEX"].flatMap((ours) => [...faster(ours, "faiss HNSW-SQ8", [1.5, 2]), ...faster(ours, "hnswlib", [2.2, 2])]),
    ...["HNSW", "HNSW_SQ", "AUTOINDEX"].map(built),
    ...(result.dim < 768 ? [] : [memory]),
    ...[1, 2].map(scan),
  ];
};

export const reportLibrary = (results: readonly LibraryResult[]): void => {
  for (const result of results) {
    say(`\n${result.set}, k=10, one thread\n`);
    print(curveTable(result));
    if (result.exact.length > 0) {
      say("");
      print(exactTable(result));
      printTargets(targetsOf(result));
    }
    savePlot(`library-${result.set}`, `${result.set}: in process, one thread`, result.curves);
  }
};

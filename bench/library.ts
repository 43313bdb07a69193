/**
 * The library suite: our core called directly beside hnswlib, faiss and usearch, on the same data, in one run, each in a process of its own.
 *
 * Curves: all queries in one call on one thread, k=10, recall against queries a second, the search parameter swept until `RECALL_MAX`. Built on two
 * threads. Memory: what the process grew by, with the vectors. Scans: 1,000 queries in one call without an index as GFLOP/s (2 x queries x rows x
 * dimensions), beside the machine's best matrix product and faiss's IndexFlat.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Curve, qpsAt } from "./curve.js";
import type { Task, Variant } from "./library-elanus.js";
import { say } from "./report.js";
import { binarySet, clusteredSet, ensureTruth, K, kthFile, sparseSet, truthFile, type VectorSet, wordSet } from "./sets.js";

const M = 16;
const EF_CONSTRUCTION = 200;
const BUILD_THREADS = 2;
const RECALL_MAX = 0.997;
const EFS = [10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];
const PROBES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

export interface LibraryCurve extends Curve {
  readonly buildSeconds: number;
  readonly buildCpuSeconds: number;
  /** Megabytes that the process grew by, vectors and mapped pages included; and those that are no file's. */
  readonly memoryMb: number;
  readonly ownMb?: number;
  /** The structure of the core that served. */
  readonly kind?: string;
}

export interface ExactFigures {
  readonly name: string;
  readonly threads: number;
  readonly gflops: number;
  /** By CPU time instead of the clock, which stays true on a busy machine. */
  readonly gflopsByCpu: number;
}

type Gflops = Pick<ExactFigures, "gflops" | "gflopsByCpu">;

export interface LibraryResult {
  readonly set: string;
  readonly rowCount: number;
  readonly dim: number;
  readonly curves: readonly LibraryCurve[];
  readonly exact: readonly ExactFigures[];
}

export interface LibraryOptions {
  readonly python: string;
  /** Names of sets: words, clustered, binary, sparse. */
  readonly sets: readonly string[];
  /** At most so many rows of each. */
  readonly rows: number;
  readonly passes: number;
  /** Further index types of ours, by name in Milvus. */
  readonly indexes: readonly string[];
  /** Without the peers. */
  readonly alone: boolean;
}

const graph = { M, efConstruction: EF_CONSTRUCTION };
const byEf = { sweep: { key: "ef", values: EFS } } as const;
const byProbes = { sweep: { key: "nprobe", values: PROBES } } as const;

/** Our index types over float vectors; the first three are always measured. */
const FLOAT_VARIANTS: readonly Variant[] = [
  { name: "HNSW", indexType: "HNSW", params: graph, ...byEf },
  { name: "HNSW_SQ", indexType: "HNSW_SQ", params: { ...graph, sq_type: "SQ8", refine: "true", refine_type: "FP32" }, ...byEf },
  { name: "AUTOINDEX", indexType: "AUTOINDEX", params: {}, ...byEf },
  { name: "HNSW_PQ", indexType: "HNSW_PQ", params: { ...graph, m: 0, nbits: 8, refine: "true", refine_type: "FP32" }, ...byEf },
  { name: "IVF_FLAT", indexType: "IVF_FLAT", params: { nlist: 1024 }, ...byProbes },
  { name: "IVF_SQ8", indexType: "IVF_SQ8", params: { nlist: 1024 }, ...byProbes },
  { name: "IVF_PQ", indexType: "IVF_PQ", params: { nlist: 1024, m: 0, nbits: 8 }, ...byProbes },
  { name: "IVF_RABITQ", indexType: "IVF_RABITQ", params: { nlist: 1024, refine: "true", refine_type: "SQ8" }, ...byProbes },
  { name: "SCANN", indexType: "SCANN", params: { nlist: 1024 }, ...byProbes },
  { name: "DISKANN", indexType: "DISKANN", params: {}, sweep: { key: "searchList", values: EFS } },
];

/** Sub-vectors of product codes that divide the dimension, about four dimensions each. */
const withCodeSize = (variant: Variant, dim: number): Variant =>
  variant.params.m === 0 ? { ...variant, params: { ...variant.params, m: dim / 4 } } : variant;

const VARIANTS = {
  binary: [
    { name: "BIN_FLAT", indexType: "BIN_FLAT", params: {} },
    { name: "BIN_IVF_FLAT", indexType: "BIN_IVF_FLAT", params: { nlist: 1024 }, ...byProbes },
    { name: "HNSW", indexType: "HNSW", params: graph, ...byEf },
  ],
  sparse: [
    { name: "scan", indexType: "FLAT", params: {} },
    {
      name: "SPARSE_INVERTED_INDEX",
      indexType: "SPARSE_INVERTED_INDEX",
      params: {},
      sweep: { key: "dropRatioSearch", values: [0, 0.1, 0.2, 0.3, 0.5] },
    },
  ],
} as const satisfies Record<string, readonly Variant[]>;

const PEERS = {
  float: ["hnswlib", "faiss HNSW", "faiss HNSW-SQ8", "usearch f32", "usearch bf16"],
  binary: ["faiss binary flat", "faiss binary HNSW", "usearch b1"],
  sparse: [],
} as const;

const SETS: Readonly<Record<string, { readonly rows: number; readonly make: (rows: number) => VectorSet }>> = {
  words: { rows: 340_000, make: wordSet },
  clustered: { rows: 500_000, make: (rows) => clusteredSet(rows) },
  binary: { rows: 200_000, make: (rows) => binarySet(rows) },
  sparse: { rows: 200_000, make: sparseSet },
};

export const SET_NAMES = Object.keys(SETS);

export const makeSet = (name: string, rowsMax: number, python: string): VectorSet => {
  const entry = SETS[name];
  if (entry === undefined) throw new Error(`there is no data set ${name}: ${SET_NAMES.join(", ")}`);
  const set = entry.make(Math.min(entry.rows, rowsMax));
  ensureTruth(set, python);
  return set;
};

/** The JSON in the last line that a process prints. */
const lastLine = <T>(command: string, args: readonly string[]): T => {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (status !== 0) throw new Error(`${args.slice(0, -1).join(" ")} failed (exit code ${status})`);
  return JSON.parse(stdout.trim().split("\n").at(-1) as string) as T;
};

const peer = <T>(python: string, set: VectorSet, library: string, more: object): T =>
  lastLine<T>(python, [
    join(import.meta.dirname, "library_peers.py"),
    JSON.stringify({
      ...set,
      ...more,
      library,
      k: K,
      m: M,
      efConstruction: EF_CONSTRUCTION,
      efs: EFS,
      buildThreads: BUILD_THREADS,
      recallMax: RECALL_MAX,
      truthFile: truthFile(set),
      kthFile: kthFile(set),
    }),
  ]);

class Ours {
  private readonly folder = mkdtempSync(join(tmpdir(), "elanus-library-"));
  private readonly segmentFile = join(this.folder, "segment");
  private readonly indexFile = join(this.folder, "index");

  constructor(
    private readonly set: VectorSet,
    private readonly passes: number,
  ) {}

  private run<T>(role: Task["role"], threads: number, variant?: Variant): T {
    const { set, passes, segmentFile, indexFile } = this;
    if (role !== "seal" && !existsSync(segmentFile)) this.run("seal", BUILD_THREADS);
    const task: Task = { role, set, threads, passes, segmentFile, indexFile, recallMax: RECALL_MAX, ...(variant && { variant }) };
    return lastLine<T>(process.execPath, ["--import", "tsx", join(import.meta.dirname, "library-elanus.ts"), JSON.stringify(task)]);
  }

  curve(variant: Variant): LibraryCurve {
    const built = this.run<Pick<LibraryCurve, "kind" | "buildSeconds" | "buildCpuSeconds"> & { readonly indexMb: number }>(
      "build",
      BUILD_THREADS,
      variant,
    );
    const found = this.run<Pick<LibraryCurve, "points" | "memoryMb" | "ownMb">>("search", 1, variant);
    return { ...found, ...built, name: `Elanus ${variant.name}` };
  }

  exact(threads: number): ExactFigures {
    return { name: "Elanus", threads, ...this.run<Gflops>("exact", threads) };
  }

  end(): void {
    rmSync(this.folder, { recursive: true });
  }
}

const variantsOf = (set: VectorSet, indexes: readonly string[]): readonly Variant[] => {
  if (set.kind !== "float") return VARIANTS[set.kind];
  const more = FLOAT_VARIANTS.slice(3).filter(({ name }) => indexes.includes(name) || indexes.includes("all"));
  return [...FLOAT_VARIANTS.slice(0, 3), ...more].map((variant) => withCodeSize(variant, set.dim));
};

const tell = (curve: LibraryCurve): LibraryCurve => {
  const at = [0.95, 0.99].map((recall) => `${Math.round(qpsAt(curve.points, recall) ?? 0)} at ${recall}`).join(", ");
  say(`  ${curve.name}: built in ${curve.buildSeconds.toFixed(1)} s, QPS ${at}`);
  return curve;
};

const measureExact = (set: VectorSet, ours: Ours, { python, passes, alone }: LibraryOptions): ExactFigures[] =>
  [1, BUILD_THREADS].flatMap((threads) => [
    ours.exact(threads),
    { name: "matrix product", threads, ...peer<Gflops>(python, set, "matrix product", { passes, threads }) },
    ...(alone ? [] : [{ name: "faiss IndexFlat", threads, ...peer<Gflops>(python, set, "faiss flat", { passes, threads }) }]),
  ]);

export const runLibrary = (options: LibraryOptions): LibraryResult[] =>
  options.sets.map((name) => {
    const { python, passes, alone } = options;
    const set = makeSet(name, options.rows, python);
    say(`${set.name}`);
    const ours = new Ours(set, passes);
    try {
      const exact = set.kind === "float" ? measureExact(set, ours, options) : [];
      const curves = variantsOf(set, options.indexes).map((variant) => tell(ours.curve(variant)));
      const peers = alone
        ? []
        : PEERS[set.kind].map((library) => tell({ name: library, ...peer<Omit<LibraryCurve, "name">>(python, set, library, { passes }) }));
      return { set: set.name, rowCount: set.rowCount, dim: set.dim, curves: [...curves, ...peers], exact };
    } finally {
      ours.end();
    }
  });

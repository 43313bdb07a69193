/**
 * Our core on one data set, called directly, in a process of its own. One argument: a `Task` as JSON. Prints one line of JSON.
 *
 * - seal: writes all rows as one segment file.
 * - build: opens it, builds an index on `threads` threads, writes the index file.
 * - search: maps both on one thread, lets their pages go (they come back as searches touch them), and sweeps the search parameter, all queries in one call;
 *   the best of the passes counts, memory is what is resident afterwards beyond what was before the files were opened.
 * - exact: all queries in one call without an index, on `threads` threads.
 */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { type CoreIndex, type CoreLook, type CoreSearchResult, type CoreSegment, loadCore } from "../src/engine/core.js";
import { graphOf } from "../src/engine/index-plan.js";
import { DataType, FieldData, FieldSchema, IDs } from "../src/shared/proto/generated/messages.js";
import type { Init } from "../src/shared/proto/wire.js";
import type { Point } from "./curve.js";
import { readBytes, readFloats, readInts } from "./files.js";
import { K, kthFile, truthFile, type VectorSet } from "./sets.js";
import { readSparse } from "./sparse.js";

export interface Variant {
  /** As it stands in tables. */
  readonly name: string;
  readonly indexType: string;
  readonly params: Readonly<Record<string, string | number>>;
  /** The search parameter that is swept; absent: one point with the defaults. */
  readonly sweep?: { readonly key: keyof CoreLook; readonly values: readonly number[] };
}

export interface Task {
  readonly role: "seal" | "build" | "search" | "exact";
  readonly set: VectorSet;
  readonly variant?: Variant;
  readonly threads: number;
  readonly passes: number;
  readonly segmentFile: string;
  readonly indexFile: string;
  readonly recallMax: number;
}

const KEY = 100;
const VECTOR = 101;
const BATCH = 20_000;
const EVERYTHING = 2n ** 62n;
const TYPES = { float: DataType.FloatVector, binary: DataType.BinaryVector, sparse: DataType.SparseFloatVector } as const;

const task = JSON.parse(process.argv[2] as string) as Task;
const { set } = task;
const core = loadCore();
core.configure(task.threads);
const schema = core.createSchema(
  JSON.stringify([
    { id: KEY, type: DataType.Int64, primary: true },
    { id: VECTOR, type: TYPES[set.kind], ...(set.kind === "sparse" ? {} : { dim: set.dim }) },
  ]),
);

/** The rows' vectors from `first` on as a column of an insert. */
const vectorsOf = (): ((first: number, count: number) => Init<FieldData>) => {
  const dim = BigInt(set.dim);
  if (set.kind === "sparse") {
    const rows = readSparse(set.rowsFile);
    return (first, count) => ({ vectors: { dim, sparseFloatVector: { dim, contents: rows.slice(first, first + count) } } });
  }
  if (set.kind === "binary") {
    const bytes = readBytes(set.rowsFile);
    const size = set.dim / 8;
    return (first, count) => ({ vectors: { dim, binaryVector: bytes.subarray(first * size, (first + count) * size) } });
  }
  const values = readFloats(set.rowsFile);
  return (first, count) => ({ vectors: { dim, floatVector: { data: values.subarray(first * set.dim, (first + count) * set.dim) } } });
};

const encoded = (type: DataType, value: Init<FieldData>): Buffer => FieldData.encode({ type, ...value });

const seal = async (): Promise<object> => {
  const segment = core.createSegment(schema);
  const vectors = vectorsOf();
  for (let first = 0; first < set.rowCount; first += BATCH) {
    const count = Math.min(BATCH, set.rowCount - first);
    const keys = Array.from({ length: count }, (_, at) => BigInt(first + at));
    const fields = [
      { id: KEY, data: encoded(DataType.Int64, { scalars: { longData: { data: keys } } }) },
      { id: VECTOR, data: encoded(TYPES[set.kind], vectors(first, count)) },
    ];
    segment.append(await core.decodeRows(schema, count, fields), 1n);
  }
  const sealing = segment.startSealing();
  const file = openSync(task.segmentFile, "w");
  for (let block = 0; block < sealing.blockCount; block++) {
    const bytes = await sealing.block(block);
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  }
  closeSync(file);
  return {};
};

/** What the engine would build for such an index; undefined: it scans. */
const planOf = (variant: Variant): CoreIndex | undefined => {
  const pairs = { index_type: variant.indexType, metric_type: set.metric, ...variant.params };
  const params = Object.entries(pairs).map(([key, value]) => ({ key, value: String(value) }));
  const field = FieldSchema.create({
    fieldID: BigInt(VECTOR),
    dataType: TYPES[set.kind],
    typeParams: [{ key: "dim", value: String(set.dim) }],
  });
  return graphOf({ id: 1n, name: "vector", fieldId: BigInt(VECTOR), params, createdTimestamp: 0n }, field);
};

const build = async (variant: Variant): Promise<object> => {
  const segment = await core.openSegment(schema, task.segmentFile);
  const plan = planOf(variant);
  if (plan === undefined) return { kind: "scan", buildSeconds: 0, buildCpuSeconds: 0, indexMb: 0 };
  const [begun, used] = [performance.now(), process.cpuUsage()];
  await segment.buildIndex(VECTOR, plan);
  const buildSeconds = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(used);
  const bytes = await segment.encodeIndex(VECTOR);
  if (bytes === null) throw new Error(`${variant.name} was not built`);
  writeFileSync(task.indexFile, bytes);
  return { kind: plan.kind, buildSeconds, buildCpuSeconds: (user + system) / 1e6, indexMb: bytes.length / 2 ** 20 };
};

const residentMb = (key: "VmRSS" | "RssAnon"): number => {
  const line = new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(readFileSync("/proc/self/status", "utf8"));
  return Number(line?.[1]) / 1024;
};

interface Queries {
  readonly vectors: Buffer;
  readonly lengths?: number[];
}

const queriesOf = (): Queries => {
  if (set.kind !== "sparse") return { vectors: readBytes(set.queriesFile) };
  const rows = readSparse(set.queriesFile);
  return { vectors: Buffer.concat(rows), lengths: rows.map((row) => row.length) };
};

const searchAll = (segment: CoreSegment, queries: Queries, look: CoreLook): Promise<CoreSearchResult> =>
  core.search([segment], {
    fieldId: VECTOR,
    metric: set.metric,
    ...queries,
    limit: K,
    offset: 0,
    look,
    readTimestamp: EVERYTHING,
    roundDecimal: -1,
    outputs: [],
  });

/** Share of the hits that are right. Binary: any row as near as the last of the exact ones is. */
const recallOf = (result: CoreSearchResult): number => {
  const truth = readInts(truthFile(set));
  const kth = readFloats(kthFile(set));
  const ids = IDs.decode(result.ids).intId?.data ?? [];
  let found = 0;
  let at = 0;
  result.topks.forEach((count, query) => {
    const nearest = new Set(truth.subarray(query * K, (query + 1) * K));
    for (const end = at + count; at < end; at++) {
      const near = set.kind === "binary" && result.scores.readFloatLE(4 * at) <= (kth[query] as number);
      if (near || nearest.has(Number(ids[at]))) found++;
    }
  });
  return found / truth.length;
};

/** The best of the passes. */
const measure = async (segment: CoreSegment, queries: Queries, look: CoreLook): Promise<Omit<Point, "effort">> => {
  let [seconds, cpu] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let result: CoreSearchResult | undefined;
  for (let pass = 0; pass < task.passes; pass++) {
    const [begun, used] = [performance.now(), process.cpuUsage()];
    result = await searchAll(segment, queries, look);
    seconds = Math.min(seconds, (performance.now() - begun) / 1000);
    const { user, system } = process.cpuUsage(used);
    cpu = Math.min(cpu, (user + system) / 1000);
  }
  if (result === undefined) throw new Error("no pass was run");
  return { recall: recallOf(result), qps: set.queryCount / seconds, cpuMs: cpu / set.queryCount };
};

const search = async (variant: Variant): Promise<object> => {
  const queries = queriesOf();
  const before = { all: residentMb("VmRSS"), own: residentMb("RssAnon") };
  const segment = await core.openSegment(schema, task.segmentFile);
  if (planOf(variant) !== undefined) await segment.openIndex(VECTOR, task.indexFile, true);
  await segment.advise(false);
  const points: Point[] = [];
  const key = variant.sweep?.key;
  for (const effort of variant.sweep?.values ?? [0]) {
    const point = { effort, ...(await measure(segment, queries, key === undefined ? {} : { [key]: effort })) };
    points.push(point);
    if (point.recall >= task.recallMax && key !== "dropRatioSearch") break;
  }
  return { points, memoryMb: residentMb("VmRSS") - before.all, ownMb: residentMb("RssAnon") - before.own };
};

const exact = async (): Promise<object> => {
  const segment = await core.openSegment(schema, task.segmentFile);
  const queries = queriesOf();
  await measure(segment, queries, {});
  const { qps, cpuMs, recall } = await measure(segment, queries, {});
  const work = (2 * set.rowCount * set.dim) / 1e9;
  return { gflops: work * qps, gflopsByCpu: (1000 * work * task.threads) / cpuMs, recall };
};

const roles = {
  seal,
  exact,
  build: () => build(task.variant as Variant),
  search: () => search(task.variant as Variant),
};
process.stdout.write(`${JSON.stringify(await roles[task.role]())}\n`);

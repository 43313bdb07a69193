/** Clients that write to a server until it is killed, and what they may find afterwards. */
import { MilvusClient } from "../../src/client/index.js";
import { Entry, idsOf, isAcknowledged, type Ledger, type LedgerRow, readBatches, rowsOf } from "./ledger.js";
import type { SeededRandom } from "./random.js";

export const COLLECTION = "crash";
/** Batches of one writer above which it deletes more than it inserts. */
const OWN_BATCHES_MAX = 120;
const SNAPSHOTS_MAX = 4;
const SIDES = ["side_0", "side_1", "side_2"];

/** Everything but rows that clients of the killed server made. */
export class CatalogLedger {
  /** Collections and snapshots: true where they should be. */
  readonly sides = new Map(SIDES.map((name) => [name, new Entry<true>(undefined)]));
  readonly snapshots = new Map<string, Entry<true>>();
  nextSnapshot = 0;
  readonly moving = new Entry<string>("even");
  /** Two aliases that are always moved together, by one request. */
  readonly both = new Entry<string>("even");
}

const same = <T>(one: T, other: T): boolean => one === other;

export const prepare = async (uri: string): Promise<void> => {
  await using client = new MilvusClient({ uri });
  await client.createCollection({
    collectionName: COLLECTION,
    schema: {
      fields: [
        { name: "id", dataType: "Int64", isPrimary: true },
        { name: "vector", dataType: "FloatVector", dim: 4 },
        { name: "version", dataType: "Int64" },
        { name: "label", dataType: "Int64" },
        { name: "batch", dataType: "Int64" },
      ],
    },
    indexParams: { fieldName: "vector", indexType: "HNSW", metricType: "L2" },
  });
  for (const collectionName of ["even", "odd"]) await client.createCollection({ collectionName, dimension: 4 });
  for (const alias of ["moving", "left", "right"]) await client.createAlias({ collectionName: "even", alias });
};

type Stopped = () => boolean;

/** Inserts, upserts, updates and deletes batches of its own, one request after another, until one is not acknowledged. */
export const writer = async (
  client: MilvusClient,
  ledger: Ledger,
  random: SeededRandom,
  own: number[],
  stopped: Stopped,
): Promise<void> => {
  const target = { collectionName: COLLECTION };
  while (!stopped()) {
    const full = own.length > OWN_BATCHES_MAX;
    const at = random.below(Math.max(1, own.length));
    const number = own[at];
    const entry = number === undefined ? undefined : ledger.batches.get(number);
    const kind = entry === undefined ? 0 : random.below(full ? 8 : 10);
    const state = entry?.stable;
    if (number === undefined || entry === undefined || state === undefined || kind >= 7) {
      if (number !== undefined && state === undefined) own.splice(at, 1);
      const fresh = ledger.begin();
      own.push(fresh.number);
      const first = { version: 0, label: 0 };
      if (!(await fresh.entry.change(first, () => client.insert({ ...target, data: rowsOf(fresh.number, first) })))) return;
    } else if (kind < 2) {
      const next = { version: state.version + 1, label: state.label + 1 };
      if (!(await entry.change(next, () => client.upsert({ ...target, data: rowsOf(number, next) })))) return;
    } else if (kind < 4) {
      const next = { ...state, label: state.label + 1 };
      const data = idsOf(number).map((id) => ({ id, label: next.label }));
      if (!(await entry.change(next, () => client.upsert({ ...target, data, partialUpdate: true })))) return;
    } else {
      const filter = kind === 4 ? { ids: idsOf(number) } : { filter: `batch == ${number}` };
      if (!(await entry.change(undefined, () => client.delete({ ...target, ...filter })))) return;
      own.splice(at, 1);
    }
  }
};

const aliasMover = async (client: MilvusClient, ledger: CatalogLedger, stopped: Stopped): Promise<void> => {
  for (let turn = 0; !stopped(); turn++) {
    const collectionName = turn % 2 === 0 ? "odd" : "even";
    const moved = await ledger.moving.change(collectionName, () => client.alterAlias({ collectionName, alias: "moving" }));
    const actions = ["left", "right"].map((alias) => ({ action: "alter" as const, alias, collectionName }));
    if (!moved || !(await ledger.both.change(collectionName, () => client.alterAliases({ actions })))) return;
  }
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Creates and drops collections, flushes, compacts, makes and drops snapshots, until a request is not acknowledged. */
const keeper = async (client: MilvusClient, ledger: CatalogLedger, random: SeededRandom, stopped: Stopped): Promise<void> => {
  const target = { collectionName: COLLECTION };
  const snapshots = () => [...ledger.snapshots].filter(([, { stable }]) => stable === true);
  const work: readonly (() => Promise<boolean>)[] = [
    () => isAcknowledged(client.flush(target)),
    () => isAcknowledged(client.flush(target)),
    () => isAcknowledged(client.compact({ ...target, wait: random.chance(0.5) })),
    () => {
      const [collectionName, entry] = random.pick([...ledger.sides]);
      return entry.stable === undefined
        ? entry.change(true, () => client.createCollection({ collectionName, dimension: 4 }))
        : entry.change(undefined, () => client.dropCollection({ collectionName }));
    },
    async () => {
      if (snapshots().length >= SNAPSHOTS_MAX) return true;
      const snapshotName = `snapshot_${ledger.nextSnapshot++}`;
      const entry = new Entry<true>(undefined);
      ledger.snapshots.set(snapshotName, entry);
      return entry.change(true, () => client.createSnapshot({ ...target, snapshotName }));
    },
    async () => {
      const there = snapshots();
      if (there.length === 0) return true;
      const [snapshotName, entry] = random.pick(there);
      return entry.change(undefined, () => client.dropSnapshot({ ...target, snapshotName }));
    },
  ];
  while (!stopped()) {
    await pause(5 + random.below(40));
    if (!(await random.pick(work)())) return;
  }
};

/** Four writers and the rest; ends some time after the server did. */
export const load = (
  clients: readonly MilvusClient[],
  ledgers: { readonly rows: Ledger; readonly catalog: CatalogLedger },
  random: SeededRandom,
  own: readonly number[][],
  stopped: Stopped,
): Promise<unknown> => {
  const [mover, upkeep, ...writers] = clients as [MilvusClient, MilvusClient, ...MilvusClient[]];
  return Promise.all([
    ...writers.map((client, at) => writer(client, ledgers.rows, random, own[at] as number[], stopped)),
    aliasMover(mover, ledgers.catalog, stopped),
    keeper(upkeep, ledgers.catalog, random, stopped),
  ]);
};

const PAGE = 10_000;

export const readAll = async (client: MilvusClient, collectionName: string): Promise<LedgerRow[]> => {
  const found: LedgerRow[] = [];
  for (;;) {
    const after = found.at(-1)?.id ?? -1;
    const rows = await client.query<LedgerRow>({ collectionName, filter: `id > ${after}`, limit: PAGE });
    found.push(...rows);
    if (rows.length < PAGE) return found;
  }
};

/** Faults of names and aliases; what is there is then taken for acknowledged. */
export const checkCatalog = async (client: MilvusClient, ledger: CatalogLedger): Promise<string[]> => {
  const faults: string[] = [];
  const names = new Set(await client.listCollections());
  for (const [name, entry] of ledger.sides) {
    const found = names.has(name) ? (true as const) : undefined;
    if (!entry.allows(found, same)) faults.push(`collection ${name} is ${found ? "" : "not "}there`);
    entry.settle(found);
  }
  const snapshots = new Set(await client.listSnapshots({ collectionName: COLLECTION }));
  for (const [name, entry] of ledger.snapshots) {
    const found = snapshots.has(name) ? (true as const) : undefined;
    if (!entry.allows(found, same)) faults.push(`snapshot ${name} is ${found ? "" : "not "}there`);
    if (found) entry.settle(found);
    else ledger.snapshots.delete(name);
  }
  for (const name of snapshots) if (!ledger.snapshots.has(name)) faults.push(`snapshot ${name} was never made, or was dropped`);
  const target = async (alias: string) => (await client.describeAlias({ alias })).collectionName;
  const [moving, left, right] = [await target("moving"), await target("left"), await target("right")];
  if (left !== right) faults.push(`aliases of one request are at ${left} and ${right}`);
  for (const [entry, found] of [
    [ledger.moving, moving],
    [ledger.both, left],
  ] as const) {
    if (!entry.allows(found, same)) faults.push(`an alias is at ${found}, should be at ${entry.stable}`);
    entry.settle(found);
  }
  return faults;
};

/** Restores a snapshot: it holds whole batches, and none that was never sent. */
export const checkSnapshot = async (client: MilvusClient, snapshotName: string, ledger: Ledger): Promise<string[]> => {
  const restored = { collectionName: "restored" };
  await client.restoreSnapshot({ collectionName: COLLECTION, snapshotName, targetCollectionName: restored.collectionName });
  await client.loadCollection(restored);
  const { faults, states } = readBatches(await readAll(client, restored.collectionName));
  for (const number of states.keys()) if (number >= ledger.next) faults.push(`a snapshot has batch ${number}, which was never sent`);
  await client.releaseCollection(restored);
  await client.dropCollection(restored);
  return faults;
};

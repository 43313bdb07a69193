/** Iterators: pages that all show the moment of the first one, whatever is written, flushed, merged or expires between them. */
import { MilvusError, type SearchHit } from "../../../src/client/index.js";
import { DslType, PlaceholderGroup, PlaceholderType, SearchResultData } from "../../../src/shared/proto/generated/messages.js";
import { resultsToHits } from "../../../src/shared/rows/decode.js";
import { SeededRandom } from "../../support/random.js";
import { type Filter, randomFilter } from "../filters.js";
import {
  anyCollection,
  type Kind,
  keysOf,
  Mismatch,
  type Named,
  plainRow,
  randomOutputs,
  refused,
  type Step,
  same,
  shown,
  unreadable,
} from "../kind.js";
import { type Metric, type Model, type ModelCollection, newest } from "../model.js";
import { randomVector } from "../shape.js";
import { milvus, type World } from "../world.js";
import { ranked, sameHits } from "./reads.js";
import { randomChange } from "./writes.js";

/** What happens between two pages. */
type Interlude = (world: World) => Promise<void>;

/**
 * Things that happen between pages, drawn when the iterator is, but for changes of rows, whose arguments follow from the rows that are there then: they
 * have a seed of their own.
 */
const interlude = (random: SeededRandom, model: Model, { collection, options }: Named, log: string[]): Interlude => {
  const kind = random.below(11);
  const own = new SeededRandom(random.below(2 ** 31));
  return async (world) => {
    if (kind < 7) {
      const step = randomChange(own, model, collection);
      if (step === undefined) return;
      log.push(step.text);
      await step.run(world);
    } else if (kind === 10) {
      log.push("3 s pass");
      world.advance(3);
    } else if (kind === 7) {
      log.push("flush");
      await world.client.flush(options);
    } else {
      log.push("merge");
      await world.client.compact({ ...options, targetSize: 1024, wait: true });
    }
  };
};

const interludes = (random: SeededRandom, model: Model, of: Named, log: string[]): Interlude[] =>
  Array.from({ length: 4 }, () => interlude(random, model, of, log));

/** Tells what happened between the pages with the failure. */
const told = async (log: readonly string[], work: Promise<void>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof Mismatch || error instanceof MilvusError)
      throw new Mismatch(`${error.message}\nbetween the pages: ${log.length === 0 ? "nothing" : log.join("; ")}`);
    throw error;
  }
};

const queryIterator = (random: SeededRandom, model: Model, of: Named): Step => {
  const { collection, options, text } = of;
  const filter = random.chance(0.5) ? randomFilter(random, collection.shape, keysOf(collection)) : undefined;
  const batchSize = 1 + random.below(7);
  const limit = random.chance(0.3) ? 1 + random.below(20) : undefined;
  const outputs = randomOutputs(random, collection);
  const log: string[] = [];
  const between = interludes(random, model, of, log);
  const run = async (world: World): Promise<void> => {
    const asked = { ...options, batchSize, ...(filter && { filter: filter.text }), ...(outputs && { outputFields: outputs }) };
    const pages = world.client.queryIterator<Record<string, unknown>>({ ...asked, ...(limit === undefined ? {} : { limit }) });
    const code = unreadable(collection);
    if (code !== undefined) return refused("iterator over what is not loaded", code, pages.next());
    const expected = newest(collection.visible(model.clock.now, [], filter))
      .slice(0, limit)
      .map((row) => shown(row, outputs));
    const found: Record<string, unknown>[] = [];
    for await (const page of pages) {
      found.push(...page.map(plainRow));
      same("rows of a page", found, expected.slice(0, found.length));
      await between.shift()?.(world);
    }
    same("rows of all pages", found, expected);
  };
  return {
    text: `query iterator over ${text}${filter === undefined ? "" : ` where ${filter.text}`} by ${batchSize} limit ${limit ?? "none"}`,
    about: collection,
    run: (world) => told(log, run(world)),
  };
};

interface SearchPage {
  readonly hits: SearchHit<object>[];
  readonly moment: bigint;
}

interface SearchArguments {
  readonly of: Named;
  readonly vector: readonly number[];
  readonly metric: Metric;
  readonly batch: number;
  readonly filter: Filter | undefined;
}

const FAR = 1e9;

/** The next page: hits that are not better than the last one, of keys that were not there. */
const page = async (
  world: World,
  { of, vector, metric, batch, filter }: SearchArguments,
  seen: SearchHit<object>[],
  moment: bigint,
): Promise<SearchPage> => {
  const last = seen.at(-1)?.distance;
  const ids = seen.map(({ id }) => (typeof id === "string" ? JSON.stringify(id) : String(id)));
  const others = last === undefined ? "" : `not (id in [${ids.join(", ")}])`;
  const params = last === undefined ? {} : { radius: metric === "L2" ? FAR : -FAR, range_filter: last };
  const reply = await world.call(milvus.Search, {
    dbName: of.options.databaseName,
    collectionName: of.options.collectionName,
    dsl: [filter?.text, others]
      .filter(Boolean)
      .map((text) => `(${text})`)
      .join(" and "),
    dslType: DslType.BoolExprV1,
    placeholderGroup: PlaceholderGroup.encode({
      placeholders: [{ tag: "$0", type: PlaceholderType.FloatVector, values: [Buffer.from(Float32Array.from(vector).buffer)] }],
    }),
    nq: 1n,
    outputFields: ["*"],
    guaranteeTimestamp: moment,
    searchParams: [
      { key: "iterator", value: "True" },
      { key: "topk", value: String(batch) },
      { key: "params", value: JSON.stringify(params) },
    ],
  });
  const [hits = []] = resultsToHits(SearchResultData.decode(reply.results)) as SearchHit<object>[][];
  return { hits, moment: reply.sessionTs };
};

const searchIterator = (random: SeededRandom, model: Model, of: Named): Step | undefined => {
  const { collection, text } = of;
  if (collection.index === undefined) return undefined;
  const { metric } = collection.index;
  const filter = random.chance(0.4) ? randomFilter(random, collection.shape, keysOf(collection)) : undefined;
  const asked: SearchArguments = { of, vector: randomVector(random), metric, batch: 1 + random.below(8), filter };
  const log: string[] = [];
  const between = interludes(random, model, of, log);
  const run = async (world: World): Promise<void> => {
    const code = unreadable(collection);
    if (code !== undefined) return refused("iterator over what is not loaded", code, page(world, asked, [], 0n));
    const all = ranked(collection.visible(model.clock.now, [], filter), asked.vector, metric);
    const hits: SearchHit<object>[] = [];
    let moment = 0n;
    for (let count = 0; count < 6; count++) {
      const found = await page(world, asked, hits, moment);
      moment ||= found.moment;
      hits.push(...found.hits);
      sameHits(hits, all, { metric, limit: hits.length, outputs: undefined });
      if (found.hits.length < asked.batch) {
        same("number of hits of all pages", hits.length, all.length);
        return;
      }
      await between.shift()?.(world);
    }
  };
  return {
    text: `search iterator over ${text} near ${JSON.stringify(asked.vector)}${filter === undefined ? "" : ` where ${filter.text}`} by ${asked.batch}`,
    about: collection,
    run: (world) => told(log, run(world)),
  };
};

const kind = (name: string, weight: number, draw: (random: SeededRandom, model: Model, of: Named) => Step | undefined): Kind => ({
  name,
  weight,
  draw: (random, model) => {
    const of = anyCollection(random, model, (collection: ModelCollection) => collection.rows.length > 0);
    return of === undefined ? undefined : draw(random, model, of);
  },
});

export const iterators: readonly Kind[] = [kind("query iterator", 3, queryIterator), kind("search iterator", 2, searchIterator)];

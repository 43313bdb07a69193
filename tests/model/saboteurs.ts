/** Planted faults: each answers some calls wrongly, or loses what it should do, as a broken engine might. */
import { FieldData, IDs, SearchResultData } from "../../src/shared/proto/generated/messages.js";
import type { Sabotage } from "./world.js";

type Message = Readonly<Record<string, unknown>>;

/** From the `nth` call of an RPC that `spoil` can do something with, once. */
const once = (rpc: string, nth: number, spoil: (reply: object, request: Message) => object | undefined): (() => Sabotage) => {
  return () => {
    let seen = 0;
    let done = false;
    return async (name, request, next) => {
      const reply = await next();
      if (name !== rpc || done || ++seen < nth) return reply;
      const spoiled = spoil(reply, request);
      done = spoiled !== undefined;
      return spoiled ?? reply;
    };
  };
};

/** The `nth` call of an RPC is answered and never done. */
const lost = (rpc: string, nth: number, answer: (request: Message) => object): (() => Sabotage) => {
  return () => {
    let seen = 0;
    return (name, request, next) => (name === rpc && ++seen === nth ? Promise.resolve(answer(request)) : next());
  };
};

interface Rows {
  readonly fieldsData: readonly Buffer[];
}

const columns = (reply: object): FieldData[] => (reply as Rows).fieldsData.map((bytes) => FieldData.decode(bytes));

/** Changes the Int64 column of a name; undefined when there is nothing to change. */
const changedColumn = (reply: object, name: string, change: (values: bigint[]) => bigint[] | undefined): object | undefined => {
  const all = columns(reply);
  const column = all.find(({ fieldName }) => fieldName === name);
  const values = change([...(column?.scalars?.longData?.data ?? [])]);
  if (column === undefined || values === undefined) return undefined;
  const changed = { ...column, scalars: { longData: { data: values } } };
  return { ...reply, fieldsData: all.map((each) => FieldData.encode(each === column ? changed : each)) };
};

const withoutLastHit = (reply: object): object | undefined => {
  const results = SearchResultData.decode((reply as { results: Buffer }).results);
  const ids = IDs.decode(results.ids);
  const count = results.scores.length;
  if (results.topks.length !== 1 || count < 2 || ids.intId === undefined) return undefined;
  const cut = { intId: { data: ids.intId.data.slice(0, -1) } };
  const scores = results.scores.slice(0, -1);
  return {
    ...reply,
    results: SearchResultData.encode({
      ...results,
      fieldsData: [],
      outputFields: [],
      ids: IDs.encode(cut),
      scores,
      topks: [BigInt(count - 1)],
    }),
  };
};

export const saboteurs: Readonly<Record<string, () => Sabotage>> = {
  "a value of a query that is another": once("Query", 20, (reply) =>
    changedColumn(reply, "number", ([head, ...rest]) => (head === undefined ? undefined : [head + 1n, ...rest])),
  ),
  "two rows of a query that are swapped": once("Query", 20, (reply) =>
    changedColumn(reply, "id", ([one, two, ...rest]) => (one === undefined || two === undefined ? undefined : [two, one, ...rest])),
  ),
  "a count that is one too many": once("Query", 5, (reply) =>
    changedColumn(reply, "count(*)", ([count]) => (count === undefined ? undefined : [count + 1n])),
  ),
  "a hit that is missing": once("Search", 5, withoutLastHit),
  "a delete that is lost": lost("Delete", 12, () => ({ deleteCnt: 1n, timestamp: 0n })),
  "a release that is lost": lost("ReleaseCollection", 2, () => ({})),
  "an alias that does not move": lost("AlterAlias", 4, () => ({})),
  "a truncation that is lost": lost("TruncateCollection", 2, () => ({})),
  "a snapshot that is lost": lost("CreateSnapshot", 2, () => ({})),
  "an iterator that shows what is new": () => (name, request, next) => {
    if (name === "Query" && (request.guaranteeTimestamp as bigint) > 1000n) Object.assign(request, { guaranteeTimestamp: 0n });
    return next();
  },
};

/**
 * The hits of a hybrid search as groups: ranked one by one first, then by group.
 * Source: milvus internal/util/function/chain/operator_group_by.go.
 */
import { invalid } from "../shared/errors.js";
import type { FieldData, KeyValuePair, SearchResultData } from "../shared/proto/generated/messages.js";
import type { Key } from "./by-keys.js";
import { parameter } from "./reading.js";
import type { Grouping } from "./search-group.js";

export interface Hit {
  readonly key: Key;
  readonly score: number;
}

type Scorer = (scores: readonly number[]) => number;

const sum: Scorer = (scores) => scores.reduce((total, score) => total + score, 0);

const SCORERS: ReadonlyMap<string, Scorer> = new Map<string, Scorer>([
  // The best one: scores of a group come best first, and distances rise.
  ["max", (scores) => scores[0] ?? 0],
  ["sum", sum],
  ["avg", (scores) => sum(scores) / scores.length],
]);

/** How the score of a group comes of those of its hits. @throws 1100 */
export const groupScorer = (rankParams: readonly KeyValuePair[]): Scorer => {
  const name = parameter(rankParams, "rank_group_scorer") ?? "max";
  const scorer = SCORERS.get(name);
  if (scorer === undefined) throw invalid(`invalid group scorer ${JSON.stringify(name)}, must be max/sum/avg`);
  return scorer;
};

/** The parameters of grouping, which all searches of a hybrid search share. */
export const groupingParams = (rankParams: readonly KeyValuePair[]): KeyValuePair[] =>
  rankParams.filter(({ key }) =>
    ["group_by_field", "group_by_fields", "group_size", "strict_group_size", "json_path", "json_type", "strict_cast"].includes(key),
  );

const valueAt = (column: FieldData, row: number): unknown => {
  if (column.validData.length > 0 && column.validData[row] === false) return null;
  const scalars = column.scalars ?? {};
  const list = Object.values(scalars).find(
    (member): member is { data: ArrayLike<unknown> } => typeof member === "object" && "data" in member,
  );
  return list?.data[row] ?? null;
};

/** The name of each hit's group. */
export const groupNames = (results: SearchResultData, count: number): string[] => {
  const columns = results.groupByFieldValue === undefined ? results.groupByFieldValues : [results.groupByFieldValue];
  const text = (_: string, value: unknown) => (typeof value === "bigint" ? `${value}n` : value);
  return Array.from({ length: count }, (_, row) =>
    JSON.stringify(
      columns.map((column) => valueAt(column, row)),
      text,
    ),
  );
};

/**
 * The groups `offset..offset + limit`, one after another.
 * @param hits best first
 * @param better orders scores, the better one first
 */
export const groupedHits = (
  hits: readonly Hit[],
  nameOf: (key: Key) => string,
  grouping: Grouping,
  scorer: Scorer,
  better: (one: number, other: number) => number,
  window: { readonly limit: number; readonly offset: number },
): Hit[] => {
  const groups = new Map<string, Hit[]>();
  for (const hit of hits) {
    const name = nameOf(hit.key);
    const group = groups.get(name) ?? [];
    groups.set(name, group);
    if (group.length < grouping.by.size) group.push(hit);
  }
  const scored = [...groups.values()].map((group) => ({ group, score: scorer(group.map(({ score }) => score)) }));
  const first = ({ group }: { readonly group: readonly Hit[] }): Key => group[0]?.key ?? "";
  scored.sort(
    (one, other) => better(one.score, other.score) || other.group.length - one.group.length || (first(one) < first(other) ? -1 : 1),
  );
  return scored.slice(window.offset, window.offset + window.limit).flatMap(({ group }) => group);
};

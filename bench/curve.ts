/** Curves of recall against queries a second, and what they say at one recall. */

export interface Point {
  /** The search parameter that the curve sweeps: ef, nprobe, ... */
  readonly effort: number;
  readonly recall: number;
  readonly qps: number;
  /** Milliseconds of CPU a query. */
  readonly cpuMs: number;
}

export interface Curve {
  readonly name: string;
  readonly points: readonly Point[];
}

/** By growing recall, without points that another beats in both. */
export const frontier = (points: readonly Point[]): Point[] =>
  points
    .filter((point) => !points.some((other) => other !== point && other.recall >= point.recall && other.qps > point.qps))
    .sort((one, other) => one.recall - other.recall);

/**
 * Between the two points around the recall, the logarithm of `value` taken as linear in recall. A curve that begins above the recall gives its first point;
 * one that does not reach it gives undefined.
 */
const valueAt = (points: readonly Point[], recall: number, value: (point: Point) => number): number | undefined => {
  const sorted = frontier(points);
  const after = sorted.findIndex((point) => point.recall >= recall);
  const [below, above] = [sorted[after - 1], sorted[after]];
  if (above === undefined) return undefined;
  if (below === undefined) return value(above);
  const share = (recall - below.recall) / (above.recall - below.recall);
  return Math.exp(Math.log(value(below)) * (1 - share) + Math.log(value(above)) * share);
};

export const qpsAt = (points: readonly Point[], recall: number): number | undefined => valueAt(points, recall, ({ qps }) => qps);

export const cpuMsAt = (points: readonly Point[], recall: number): number | undefined => valueAt(points, recall, ({ cpuMs }) => cpuMs);

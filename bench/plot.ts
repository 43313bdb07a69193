/**
 * Plots of recall against queries a second as SVG: recall to the right on a scale that widens towards 1 (the distance from 1, logarithmic), queries a
 * second upwards, logarithmic. Colours are told apart in grey, too, by the marks.
 */
import { type Curve, frontier } from "./curve.js";

const WIDTH = 800;
const HEIGHT = 480;
const LEFT = 70;
const RIGHT = 240;
const TOP = 40;
const BOTTOM = 50;
const MISS_MIN = 0.001;
const MISS_MAX = 0.5;
const COLOURS = ["#1b6ac9", "#d1495b", "#2e933c", "#8f5db7", "#e08e00", "#3a3a3a", "#00a0a0", "#a0522d"];
const RECALLS = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999];

const escaped = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

const across = (recall: number): number => {
  const miss = Math.min(MISS_MAX, Math.max(MISS_MIN, 1 - recall));
  return LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(MISS_MAX / miss)) / Math.log(MISS_MAX / MISS_MIN);
};

const mark = (x: number, y: number, turn: number, colour: string): string => {
  const shapes = [
    `<circle cx="${x}" cy="${y}" r="3.5" fill="${colour}"/>`,
    `<rect x="${x - 3}" y="${y - 3}" width="6" height="6" fill="${colour}"/>`,
    `<path d="M${x} ${y - 4}l4 7h-8z" fill="${colour}"/>`,
    `<circle cx="${x}" cy="${y}" r="3" fill="white" stroke="${colour}" stroke-width="1.5"/>`,
  ];
  // Shifted each time the colours begin anew, so that no two curves look alike.
  return shapes[(turn + Math.floor(turn / COLOURS.length)) % shapes.length] as string;
};

const text = (x: number, y: number, content: string, more = ""): string => `<text x="${x}" y="${y}" ${more}>${escaped(content)}</text>`;

/** Powers of ten and their halves that enclose the values. */
const ticksOf = (low: number, high: number): number[] => {
  const ticks: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high * 10; power *= 10) ticks.push(power, 2 * power, 5 * power);
  const first = ticks.findLastIndex((tick) => tick <= low);
  return ticks.slice(Math.max(0, first), ticks.findIndex((tick) => tick >= high) + 1);
};

export const recallPlot = (title: string, curves: readonly Curve[]): string => {
  const shown = curves.map(({ name, points }) => ({ name, points: frontier(points) })).filter(({ points }) => points.length > 0);
  const speeds = shown.flatMap(({ points }) => points.map(({ qps }) => qps));
  const ticks = ticksOf(Math.min(...speeds), Math.max(...speeds));
  const [low, high] = [ticks[0] as number, ticks.at(-1) as number];
  const up = (qps: number): number => HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * Math.log(qps / low)) / (Math.log(high / low) || 1);
  const grid = [
    ...RECALLS.map((recall) => {
      const x = across(recall).toFixed(1);
      return `<path d="M${x} ${TOP}V${HEIGHT - BOTTOM}" stroke="#ddd"/>${text(Number(x), HEIGHT - BOTTOM + 18, String(recall), 'text-anchor="middle"')}`;
    }),
    ...ticks.map((tick) => {
      const y = up(tick).toFixed(1);
      return `<path d="M${LEFT} ${y}H${WIDTH - RIGHT}" stroke="#ddd"/>${text(LEFT - 8, Number(y) + 4, tick.toLocaleString("en"), 'text-anchor="end"')}`;
    }),
  ];
  const lines = shown.map(({ name, points }, turn) => {
    const colour = COLOURS[turn % COLOURS.length] as string;
    const places = points.map(({ recall, qps }) => [Number(across(recall).toFixed(1)), Number(up(qps).toFixed(1))] as const);
    const path = places.map(([x, y], at) => `${at === 0 ? "M" : "L"}${x} ${y}`).join("");
    const key = TOP + 12 + 20 * turn;
    const legend = `${mark(WIDTH - RIGHT + 20, key - 4, turn, colour)}${text(WIDTH - RIGHT + 32, key, name)}`;
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.5"/>${places.map(([x, y]) => mark(x, y, turn, colour)).join("")}${legend}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    text(LEFT, 22, title, 'font-size="15"'),
    ...grid,
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "recall@10", 'text-anchor="middle"'),
    text(0, 0, "queries a second", `text-anchor="middle" transform="translate(16 ${HEIGHT / 2}) rotate(-90)"`),
    ...lines,
    "</svg>",
    "",
  ].join("\n");
};

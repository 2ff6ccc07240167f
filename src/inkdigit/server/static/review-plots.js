// The review's plots: figures -> a tree of SVG elements. Pure; colours come from the style sheet, by class.
// Each is drawn for a width in CSS pixels, so that its words are as large on a phone.

import { nameOf, percent } from "./review-words.js";

/** @typedef {import("./review-calls.js").ClassCounts} ClassCounts */
/** @typedef {import("./review-calls.js").Counts} Counts */
/** @typedef {import("./review-calls.js").Label} Label */
/** @typedef {import("./review-calls.js").Status} Status */
/** @typedef {import("./review-calls.js").Week} Week */
/** @typedef {{ readonly name: string, readonly attributes: Readonly<Record<string, string>>, readonly children: readonly (Node | string)[] }} Node */

/** @type {readonly Status[]} */
export const STATUSES = ["accepted", "new", "rejected"];
/** @type {readonly Label[]} */
export const CLASSES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, null];

/** The width of a plot where there is room for it. */
export const WIDE = 560;
/** Below this there is no room for two things side by side. */
const NARROW = 420;

/**
 * @param {string} name
 * @param {Readonly<Record<string, string | number>>} attributes
 * @param {...(Node | string)} children
 * @returns {Node}
 */
export function el(name, attributes, ...children) {
  const texts = Object.entries(attributes).map(([key, value]) => [key, typeof value === "number" ? round(value) : value]);
  return { name, attributes: Object.fromEntries(texts), children };
}

/** @param {number} value */
function round(value) {
  return String(Math.round(value * 10) / 10);
}

/**
 * @param {string} label What it shows, in a sentence.
 * @param {readonly [number, number]} size
 * @param {...Node} children
 */
export function svg(label, [width, height], ...children) {
  return el("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...children);
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} content
 * @param {Readonly<Record<string, string | number>>} [attributes]
 */
export function text(x, y, content, attributes = {}) {
  return el("text", { x, y, ...attributes }, content);
}

// --- how many, by status

/**
 * One bar, divided.
 *
 * @param {Counts} counts
 * @param {number} [wide]
 * @returns {Node}
 */
export function statusPlot(counts, wide = WIDE) {
  const total = Math.max(1, STATUSES.reduce((sum, status) => sum + counts[status], 0));
  let x = 0;
  const parts = STATUSES.map((status) => {
    const width = (counts[status] / total) * wide;
    const part = el("rect", { class: status, x, y: 0, width, height: 28 }, el("title", {}, `${counts[status]} ${status}`));
    x += width;
    return part;
  });
  const [across, down] = wide < NARROW ? [0, 22] : [180, 0];
  const names = STATUSES.map((status, i) => key(status, 14 + i * across, 50 + i * down, `${counts[status]} ${status}`));
  return svg(STATUSES.map((status) => `${counts[status]} ${status}`).join(", "), [wide, 62 + 2 * down], ...parts, ...names.flat());
}

/**
 * @param {string} name Of a class of the style sheet.
 * @param {number} x
 * @param {number} y
 * @param {string} content
 */
function key(name, x, y, content) {
  return [el("rect", { class: name, x: x - 14, y: y - 10, width: 10, height: 10 }), text(x + 2, y, content)];
}

// --- what is drawn

const ROW = 24;

/**
 * A bar for each class.
 *
 * @param {readonly ClassCounts[]} classes
 * @param {number} [wide]
 * @returns {Node}
 */
export function classPlot(classes, wide = WIDE) {
  const totals = classes.map((counts) => STATUSES.reduce((sum, status) => sum + counts[status], 0));
  const most = Math.max(1, ...totals);
  const rows = classes.map((counts, row) => {
    let x = 70;
    const bars = STATUSES.map((status) => {
      const width = (counts[status] / most) * (wide - 130);
      const bar = el("rect", { class: status, x, y: row * ROW + 3, width, height: ROW - 7 });
      x += width;
      return bar;
    });
    const name = text(60, row * ROW + 16, nameOf(counts.truth), { "text-anchor": "end" });
    const count = text(x + 6, row * ROW + 16, String(totals[row]), { class: "muted" });
    return el("g", {}, name, ...bars, count);
  });
  const said = classes.map((counts, row) => `${nameOf(counts.truth)}: ${totals[row]}`).join(", ");
  return svg(`Drawings of each class. ${said}`, [wide, classes.length * ROW], ...rows);
}

// --- what is misread

const CELL = 42;
const EDGE = 66;

/**
 * A square for each class and reading: right ones in the diagonal, the more of a row the darker; errors in red, the
 * more of them the darker. Each leads to its drawings.
 *
 * @param {readonly (readonly number[])[]} confusion
 * @returns {Node}
 */
export function confusionPlot(confusion) {
  const most = Math.max(1, ...confusion.flatMap((row, i) => row.filter((_, j) => j !== i)));
  const cells = confusion.flatMap((row, i) => row.map((count, j) => cell(count, i, j, { most, row })));
  const side = EDGE + CELL * CLASSES.length;
  const names = CLASSES.flatMap((label, i) => [
    text(EDGE - 8, EDGE + CELL * i + CELL / 2 + 5, label === null ? "none" : nameOf(label), { "text-anchor": "end" }),
    text(EDGE + CELL * i + CELL / 2, EDGE - 9, label === null ? "none" : nameOf(label), { "text-anchor": "middle" }),
  ]);
  const titles = [
    text(EDGE + (CELL * CLASSES.length) / 2, 16, "read as", { "text-anchor": "middle", class: "muted" }),
    text(-EDGE - (CELL * CLASSES.length) / 2, 14, "labelled", { "text-anchor": "middle", class: "muted", transform: "rotate(-90)" }),
  ];
  const plot = svg("How drawings of each class are read", [side + 1, side + 1], ...titles, ...names, ...cells);
  return { ...plot, attributes: { ...plot.attributes, role: "group" } };
}

/**
 * @param {number} count
 * @param {number} i
 * @param {number} j
 * @param {{ most: number, row: readonly number[] }} of
 */
function cell(count, i, j, { most, row }) {
  const [truth, reading] = [CLASSES[i] ?? null, CLASSES[j] ?? null];
  const total = Math.max(1, row.reduce((sum, one) => sum + one, 0));
  const share = i === j ? count / total : Math.sqrt(count / most);
  const [x, y] = [EDGE + CELL * j, EDGE + CELL * i];
  const square = el("rect", { class: i === j ? "right" : "wrong", x, y, width: CELL, height: CELL, "fill-opacity": (0.7 * share).toFixed(3) });
  if (count === 0) return square;
  const said = `${nameOf(truth)} read as ${nameOf(reading)}: ${count}`;
  const number = text(x + CELL / 2, y + CELL / 2 + 5, String(count), { "text-anchor": "middle" });
  return el("a", { href: placeOf(truth, reading), "aria-label": said }, el("title", {}, said), square, number);
}

/**
 * Where the drawings of one class lie that are read as another.
 *
 * @param {Label} truth
 * @param {Label} reading
 */
export function placeOf(truth, reading) {
  return `#status=all&order=valuable&truth=${truth ?? "none"}&reading=${reading ?? "none"}`;
}

// --- how sure it is, week by week

const [LEFT, TOP, HEIGHT, FLOOR] = [48, 10, 170, 60];

/**
 * The model's confidence in what was drawn each week: median and the band of four fifths; what was told at the time is
 * dashed. Below, how much was drawn.
 *
 * @param {readonly Week[]} weeks
 * @param {number} [wide]
 * @returns {Node}
 */
export function weeksPlot(weeks, wide = WIDE) {
  const width = wide - LEFT - 12;
  const days = weeks.map(({ monday }) => Date.parse(monday) / 86_400_000);
  const [first, last] = [days[0] ?? 0, days.at(-1) ?? 0];
  const low = Math.floor(Math.min(0.9, ...weeks.map((week) => Math.min(week.low, week.told ?? 1))) * 10) / 10;
  const most = Math.max(1, ...weeks.map((week) => week.drawings));
  const slot = Math.min(40, width / ((last - first) / 7 + 1));
  const x = (/** @type {number} */ i) => LEFT + slot / 2 + (last === first ? 0 : (((days[i] ?? first) - first) / (last - first)) * (width - slot));
  const y = (/** @type {number} */ value) => TOP + HEIGHT * (1 - (value - low) / (1 - low));
  const line = (/** @type {(week: Week) => number | null} */ of) =>
    weeks.flatMap((week, i) => {
      const value = of(week);
      return value === null ? [] : [`${round(x(i))},${round(y(value))}`];
    });
  const band = [...line((week) => week.high), ...line((week) => week.low).reverse()].join(" ");
  const base = TOP + HEIGHT + 24 + FLOOR;
  const bars = weeks.map(({ drawings }, i) => {
    const height = (drawings / most) * FLOOR;
    return el("rect", { class: "new", x: x(i) - slot * 0.35, y: base - height, width: slot * 0.7, height });
  });
  const dots = weeks.map((week, i) =>
    el("circle", { class: "median", cx: x(i), cy: y(week.median), r: 4 }, el("title", {}, weekInWords(week))),
  );
  const whiskers = weeks.map((week, i) => el("line", { class: "whisker", x1: x(i), x2: x(i), y1: y(week.low), y2: y(week.high) }));
  return svg(
    weeks.map(weekInWords).join("; "),
    [wide, base + 22],
    ...ticks(low).flatMap((value) => gridLine(y(value), width, percent(value))),
    el("polygon", { class: "band", points: band }),
    ...whiskers,
    el("polyline", { class: "told", points: line((week) => week.told).join(" ") }),
    el("polyline", { class: "line", points: line((week) => week.median).join(" ") }),
    ...dots,
    ...bars,
    text(LEFT - 6, base - FLOOR + 4, String(most), { "text-anchor": "end", class: "muted" }),
    text(LEFT - 6, base, "0", { "text-anchor": "end", class: "muted" }),
    ...labelled(weeks, width).map((i) => text(x(i), base + 17, dayOf(weeks[i]?.monday ?? ""), { "text-anchor": "middle", class: "muted" })),
  );
}

/** @param {number} low */
function ticks(low) {
  const step = low >= 0.8 ? 0.05 : low >= 0.5 ? 0.1 : 0.2;
  const found = [];
  for (let value = 1; value > low - 1e-9; value -= step) found.push(value);
  return found;
}

/**
 * @param {number} y
 * @param {number} width
 * @param {string} name
 */
function gridLine(y, width, name) {
  return [el("line", { class: "rule", x1: LEFT, x2: LEFT + width, y1: y, y2: y }), text(LEFT - 6, y + 4, name, { "text-anchor": "end", class: "muted" })];
}

/**
 * The weeks that get a date, which takes 80 pixels.
 *
 * @param {readonly Week[]} weeks
 * @param {number} width
 */
function labelled(weeks, width) {
  const every = Math.ceil(weeks.length / Math.floor(width / 80));
  return weeks.map((_, i) => i).filter((i) => i % every === 0);
}

/** @param {string} monday */
export function dayOf(monday) {
  return new Date(`${monday}T00:00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}

/** @param {Week} week */
export function weekInWords({ monday, drawings, low, median, high }) {
  return `week of ${dayOf(monday)}: ${drawings} drawings, confidence ${percent(median)} (${percent(low)} to ${percent(high)})`;
}

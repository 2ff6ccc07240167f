// The status page's plots: what was counted, slot by slot -> a tree of SVG elements. Pure.

import { WIDE, el, svg, text } from "./review-plots.js";

/** @typedef {Readonly<Record<string, number>>} Counts */
/** @typedef {{ readonly slot: number, readonly status: Counts, readonly type: Counts, readonly label: Counts, readonly times: Counts, readonly confidences: Counts }} RecordOf */
/** @typedef {{ readonly slot: number, readonly counts: RecordOf }} Slot What happened in one slot. */
/** @typedef {import("./review-plots.js").Node} Node */

const [LEFT, RIGHT, TOP, HEIGHT] = [72, 8, 10, 140];
export const SLOTS = 240;

/**
 * What happened in each slot: the difference of two records belongs to the slot of the first.
 *
 * @param {readonly RecordOf[]} records
 * @returns {Slot[]}
 */
export function slotsOf(records) {
  return records.slice(0, -1).map((record, i) => ({ slot: record.slot, counts: less(records[i + 1] ?? record, record) }));
}

/**
 * @param {RecordOf} after
 * @param {RecordOf} before
 * @returns {RecordOf}
 */
function less(after, before) {
  const of = (/** @type {Counts} */ a, /** @type {Counts} */ b) => Object.fromEntries(Object.entries(a).map(([name, value]) => [name, Math.max(0, value - (b[name] ?? 0))]));
  return { slot: before.slot, status: of(after.status, before.status), type: of(after.type, before.type), label: of(after.label, before.label), times: of(after.times, before.times), confidences: of(after.confidences, before.confidences) };
}

/** @param {Counts} counts */
export function sumOf(counts) {
  return Object.values(counts).reduce((sum, one) => sum + one, 0);
}

/**
 * A quantile from the cumulative counts of a histogram: the bound that so much of it lies under; null of nothing.
 *
 * @param {Counts} buckets
 * @param {number} share 0 to 1.
 */
export function quantileOf(buckets, share) {
  const bounds = Object.keys(buckets).filter((bound) => bound !== "+Inf").sort((a, b) => Number(a) - Number(b));
  const total = buckets["+Inf"] ?? 0;
  if (total === 0) return null;
  let [low, under] = [0, 0];
  for (const bound of bounds) {
    const count = buckets[bound] ?? 0;
    if (count >= share * total) return low + ((Number(bound) - low) * (share * total - under)) / Math.max(1e-9, count - under);
    [low, under] = [Number(bound), count];
  }
  return low;
}

/** Seconds; all that took longer is counted as one. */
const LONGEST = 60;

/** @param {number} seconds Of a quantile. */
export function timeInWords(seconds) {
  if (seconds >= LONGEST) return `over ${LONGEST} s`;
  if (seconds >= 0.9995) return `${seconds.toFixed(1)} s`;
  return seconds < 0.0995 ? `${(1000 * seconds).toPrecision(2)} ms` : `${Math.round(1000 * seconds)} ms`;
}

/**
 * What a plot of medians says to those who do not see it.
 *
 * @param {Counts} buckets
 * @param {(value: number) => string} write
 */
export function medianInWords(buckets, write) {
  const median = quantileOf(buckets, 0.5);
  return median === null ? "none in the last hour" : `median ${write(median)} in the last hour`;
}

/**
 * Bars, one for each slot, of parts one upon the other.
 *
 * @param {readonly Slot[]} slots
 * @param {number} now The slot of this moment.
 * @param {readonly { readonly name: string, readonly of: (counts: RecordOf) => number }[]} parts Named by classes of the style sheet.
 * @param {string} label
 * @param {number} [wide] In CSS pixels.
 * @returns {Node}
 */
export function barsPlot(slots, now, parts, label, wide = WIDE) {
  const width = wide - LEFT - RIGHT;
  const most = Math.max(1, ...slots.map(({ counts }) => parts.reduce((sum, part) => sum + part.of(counts), 0)));
  const bars = slots.flatMap(({ slot, counts }) => {
    let y = TOP + HEIGHT;
    return parts.flatMap((part) => {
      const height = (part.of(counts) / most) * HEIGHT;
      y -= height;
      return height > 0 ? [el("rect", { class: part.name, x: xOf(slot, now, width), y, width: (0.85 * width) / SLOTS, height })] : [];
    });
  });
  return svg(label, [wide, TOP + HEIGHT + 26], ...frame(String(most), width), ...bars);
}

/**
 * Dots and lines, one for each series.
 *
 * @param {readonly Slot[]} slots
 * @param {number} now
 * @param {readonly { readonly name: string, readonly of: (counts: RecordOf) => number | null }[]} series Named by classes of the style sheet.
 * @param {number} top The largest value, or 0 for that of the data, which is not written where there are none.
 * @param {(value: number) => string} write
 * @param {string} label
 * @param {number} [wide] In CSS pixels.
 * @returns {Node}
 */
export function linesPlot(slots, now, series, top, write, label, wide = WIDE) {
  const width = wide - LEFT - RIGHT;
  const found = series.map(({ name, of }) => ({ name, points: slots.flatMap(({ slot, counts }) => { const value = of(counts); return value === null ? [] : [{ x: xOf(slot, now, width) + 1, value }]; }) }));
  const most = top || Math.max(0, ...found.flatMap(({ points }) => points.map(({ value }) => value)));
  const y = (/** @type {number} */ value) => TOP + HEIGHT * (most === 0 ? 1 : 1 - Math.min(1, value / most));
  const lines = found.flatMap(({ name, points }) => [
    el("polyline", { class: `line ${name}`, points: points.map((point) => `${point.x.toFixed(1)},${y(point.value).toFixed(1)}`).join(" ") }),
    ...points.map((point) => el("circle", { class: name, cx: point.x, cy: y(point.value), r: 2.5 })),
  ]);
  return svg(label, [wide, TOP + HEIGHT + 26], ...frame(most === 0 ? "" : write(most), width), ...lines);
}

/**
 * How often each class was read.
 *
 * @param {Counts} labels
 * @param {number} [wide] In CSS pixels.
 * @returns {Node}
 */
export function labelsPlot(labels, wide = WIDE) {
  const names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "none"];
  const most = Math.max(1, ...Object.values(labels));
  const column = (wide - 2 * RIGHT) / names.length;
  const bars = names.flatMap((name, i) => {
    const [count, middle] = [labels[name] ?? 0, RIGHT + column * (i + 0.5)];
    const height = (count / most) * (HEIGHT - 20);
    return [
      el("rect", { class: "good", x: middle - column * 0.35, y: TOP + HEIGHT - height, width: column * 0.7, height }),
      text(middle, TOP + HEIGHT - height - 4, count > 0 ? String(count) : "", { "text-anchor": "middle" }),
      text(middle, TOP + HEIGHT + 18, name, { "text-anchor": "middle", class: "muted" }),
    ];
  });
  return svg(names.map((name) => `${name}: ${labels[name] ?? 0}`).join(", "), [wide, TOP + HEIGHT + 26], ...bars);
}

/**
 * @param {number} slot
 * @param {number} now
 * @param {number} width
 */
function xOf(slot, now, width) {
  return LEFT + ((slot - now + SLOTS - 1) / SLOTS) * width;
}

/**
 * @param {string} most
 * @param {number} width
 */
function frame(most, width) {
  const base = TOP + HEIGHT;
  return [
    el("line", { class: "rule", x1: LEFT, x2: LEFT + width, y1: TOP, y2: TOP }),
    el("line", { class: "rule", x1: LEFT, x2: LEFT + width, y1: base, y2: base }),
    text(LEFT - 6, TOP + 5, most, { "text-anchor": "end", class: "muted" }),
    text(LEFT - 6, base + 4, "0", { "text-anchor": "end", class: "muted" }),
    text(LEFT, base + 20, "1 h ago", { class: "muted" }),
    text(LEFT + width, base + 20, "now", { "text-anchor": "end", class: "muted" }),
  ];
}

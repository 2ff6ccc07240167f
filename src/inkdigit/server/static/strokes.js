// Strokes are data. The page's canvas, the posted picture and the undo history are all made from them.

/** The height of the paper, in drawing units; the posted picture has one pixel per unit. */
export const SIZE = 280;

/** @typedef {{ readonly x: number, readonly y: number }} Point  In drawing units, y points down. */
/** @typedef {{ readonly width: number, readonly points: readonly Point[] }} Stroke  At least one point. */
/** @typedef {readonly Stroke[]} Drawing */
/** @typedef {{ readonly left: number, readonly top: number, readonly right: number, readonly bottom: number }} Bounds */
/**
 * @typedef {{
 *   readonly past: readonly Drawing[],
 *   readonly present: Drawing,
 *   readonly future: readonly Drawing[],
 * }} History
 */

/** What a server takes of one drawing, or of all of a call together; length is the way of the pen, in drawing units. */
export const MOST = { strokes: 500, points: 20_000, length: 200_000 };
const WIDTHS = { least: 1, most: 40 };
const PLACES = { least: -64, most: 2048 };

/** @type {History} */
export const EMPTY = { past: [], present: [], future: [] };

/**
 * @param {number} width
 * @param {Point} point
 * @returns {Stroke}
 */
export function startStroke(width, point) {
  return { width, points: [point] };
}

/**
 * Add points, leaving out those that stay where the pen already is.
 *
 * @param {Stroke} stroke
 * @param {readonly Point[]} points
 * @returns {Stroke} The same object when nothing was added.
 */
export function extendStroke(stroke, points) {
  const grown = [...stroke.points];
  for (const point of points) {
    const last = grown[grown.length - 1];
    if (last === undefined || last.x !== point.x || last.y !== point.y) grown.push(point);
  }
  return grown.length === stroke.points.length ? stroke : { ...stroke, points: grown };
}

/**
 * @param {Stroke} stroke
 * @returns {number} The way of the pen, in drawing units.
 */
export function strokeLength({ points }) {
  return points.reduce((sum, point, i) => {
    const last = points[i - 1];
    return last === undefined ? sum : sum + Math.hypot(point.x - last.x, point.y - last.y);
  }, 0);
}

/**
 * @param {Drawing} drawing
 * @returns {Bounds | null} Round all its ink, the width of the pen included; null where there is none.
 */
export function boundsOf(drawing) {
  if (drawing.length === 0) return null;
  const around = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const { width, points } of drawing) {
    for (const { x, y } of points) {
      around.left = Math.min(around.left, x - width / 2);
      around.top = Math.min(around.top, y - width / 2);
      around.right = Math.max(around.right, x + width / 2);
      around.bottom = Math.max(around.bottom, y + width / 2);
    }
  }
  return around;
}

/**
 * Make a drawing the present one; what was undone before is gone.
 *
 * @param {History} history
 * @param {Drawing} drawing
 * @returns {History}
 */
export function commit({ past, present }, drawing) {
  return { past: [...past, present], present: drawing, future: [] };
}

/**
 * @param {History} history
 * @returns {History} The same object when there is nothing to undo.
 */
export function undo(history) {
  const { past, present, future } = history;
  const last = past[past.length - 1];
  return last === undefined ? history : { past: past.slice(0, -1), present: last, future: [present, ...future] };
}

/**
 * @param {History} history
 * @returns {History} The same object when there is nothing to redo.
 */
export function redo(history) {
  const { past, present, future } = history;
  const next = future[0];
  return next === undefined ? history : { past: [...past, present], present: next, future: future.slice(1) };
}

/**
 * Whether a drawing is within what servers take and links hold.
 *
 * @param {Drawing} drawing
 * @returns {string | null} Why it is not.
 */
export function faultOf(drawing) {
  if (drawing.length === 0 || drawing.length > MOST.strokes) return `a drawing has 1 to ${MOST.strokes} strokes`;
  const points = drawing.flatMap((stroke) => stroke.points);
  if (points.length > MOST.points) return `a drawing has at most ${MOST.points} points`;
  if (drawing.some((stroke) => stroke.points.length === 0)) return "a stroke has no point";
  if (!drawing.every(({ width }) => isIn(WIDTHS, width))) return "a pen is too thin or too wide";
  if (!points.every(({ x, y }) => isIn(PLACES, x, y))) return "a point is far off the paper";
  if (drawing.reduce((sum, stroke) => sum + strokeLength(stroke), 0) > MOST.length) return "the way of the pen is too long";
  return null;
}

/**
 * @param {{ readonly least: number, readonly most: number }} range
 * @param {...number} values
 */
export function isIn({ least, most }, ...values) {
  return values.every((value) => value >= least && value <= most);
}

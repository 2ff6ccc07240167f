// How large the paper is, what of it is posted, and whether one digit or more can stand there. Pure: lengths in drawing units.

import { SIZE, boundsOf } from "./strokes.js";

/** @typedef {import("./strokes.js").Bounds} Bounds */
/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {{ readonly width: number, readonly height: number }} Paper In drawing units. */
/** @typedef {{ readonly left: number, readonly top: number, readonly width: number, readonly height: number }} Crop */

/** A square one, as it was before numbers were read. */
export const SQUARE = { width: SIZE, height: SIZE };

/** Where the pen goes over the edge of the paper it is followed this far: out of sight, also with the widest pen. */
const OFF = 20;
/** Strokes that stand apart by less, as a share of the drawing's height, belong together: hands leave small gaps. */
const GAP = 0.02;
/** What stands apart by more is seen to, as a share of the height; of 3,088 pen digits two have such a gap within. */
const APART = 0.05;
/** What is drawn wider than this, for its height, is more than one digit. */
const WIDEST_DIGIT = 1.2;
/** A lone stroke lower than this is a dash, and no row of joined digits. */
const LOWEST_ROW = 42;

/**
 * The paper for a pad of so many pixels. It is `SIZE` high, or higher where a drawing made on a wider pad would not
 * fit: turning a phone shows the drawing smaller, and cuts nothing off.
 *
 * @param {number} width Of the pad, in pixels; above 0.
 * @param {number} height
 * @param {Drawing} drawing
 * @returns {Paper} With the pad's proportions.
 */
export function paperFor(width, height, drawing) {
  const across = (SIZE * width) / height;
  const { right, bottom } = boundsOf(drawing) ?? { right: 0, bottom: 0 };
  const fits = right <= across + 2 * OFF && bottom <= SIZE + 2 * OFF;
  const times = fits ? 1 : Math.max(right / across, bottom / SIZE);
  return { width: across * times, height: SIZE * times };
}

/**
 * Keep a point on the paper, or so little off it that the stroke's end is out of sight; and to a quarter of a unit, as a
 * shared drawing has it, so that the two are painted alike.
 *
 * @param {import("./strokes.js").Point} point
 * @param {Paper} paper
 */
export function keepNear({ x, y }, { width, height }) {
  return { x: toQuarter(clamp(x, -OFF, width + OFF)), y: toQuarter(clamp(y, -OFF, height + OFF)) };
}

/**
 * Whether the drawing can only be one digit: strokes that stand above one another rather than side by side, and not
 * wider than a digit is.
 *
 * @param {Drawing} drawing
 */
export function isOneDigit(drawing) {
  const ink = boundsOf(drawing);
  if (ink === null) return true;
  const [width, height] = [ink.right - ink.left, ink.bottom - ink.top];
  if (clustersOf(drawing, GAP * height) > 1) return false;
  return width <= WIDEST_DIGIT * height || height < LOWEST_ROW;
}

/**
 * Whether there is ink that stands visibly apart from other ink, side by side.
 *
 * @param {Drawing} drawing
 */
export function standsApart(drawing) {
  const ink = boundsOf(drawing);
  return ink !== null && clustersOf(drawing, APART * (ink.bottom - ink.top)) > 1;
}

/**
 * How many groups of strokes stand side by side, with a gap of paper between them from top to bottom.
 *
 * @param {Drawing} drawing
 * @param {number} gap A narrower gap does not count.
 */
export function clustersOf(drawing, gap) {
  const spans = drawing.map((stroke) => boundsOf([stroke])).filter((ink) => ink !== null);
  spans.sort((a, b) => a.left - b.left);
  let count = 0;
  let end = -Infinity;
  for (const { left, right } of spans) {
    if (left > end + gap) count += 1;
    end = Math.max(end, right);
  }
  return count;
}

/**
 * The square that is posted for one digit: as high as the paper where the ink fits, with the ink in its middle as far
 * as the paper goes.
 *
 * @param {Drawing} drawing
 * @param {Paper} paper
 * @returns {Crop} In whole units, so that a pixel of ink is the same pixel wherever the digit stands.
 */
export function squareFor(drawing, paper) {
  const ink = boundsOf(drawing) ?? { left: 0, top: 0, right: 0, bottom: 0 };
  const [first, last] = [clamp(ink.left, 0, paper.width), clamp(ink.right, 0, paper.width)];
  const side = Math.ceil(Math.max(paper.height, Math.min(last - first, paper.width)));
  const left = Math.round(clamp((first + last - side) / 2, 0, Math.max(paper.width - side, 0)));
  return { left, top: 0, width: side, height: side };
}

/**
 * All of the paper, which is posted for a number.
 *
 * @param {Paper} paper
 * @returns {Crop}
 */
export function wholeOf({ width, height }) {
  return { left: 0, top: 0, width: Math.round(width), height: Math.round(height) };
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

/** @param {number} value */
function toQuarter(value) {
  return Math.floor(value * 4 + 0.5) / 4;
}

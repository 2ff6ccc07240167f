// What a person says of a drawing, as data: one digit's strokes on a square paper, and what they show. Pure.

import { squareFor } from "./paper.js";
import { shownOf } from "./reading.js";
import { SIZE, boundsOf } from "./strokes.js";

/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./paper.js").Crop} Crop */
/** @typedef {import("./paper.js").Paper} Paper */
/** @typedef {import("./reading.js").Box} Box */
/** @typedef {import("./reading.js").ReadNumber} ReadNumber */
/** @typedef {import("./strokes.js").Drawing} Drawing */
/**
 * @typedef {object} Example
 * @property {string} id One for each digit drawn: what is said of it later takes the place of what was said before.
 * @property {number | null} label What a person says it is; null for no digit.
 * @property {number | null} predicted What was read; null for no digit.
 * @property {number} confidence 0 to 1.
 * @property {string} model The version that read it.
 * @property {Drawing} drawing On a square paper of 280 units: what was posted of it, as a picture of 280 pixels or more.
 */
/** @typedef {{ readonly width: number, readonly points: readonly (readonly number[])[] }} Written A stroke, its points as [x, y]. */
/** @typedef {{ readonly answer: Answer, readonly drawing: Drawing, readonly crop: Crop }} ReadDigit */
/** @typedef {{ readonly numbers: readonly ReadNumber[], readonly drawing: Drawing, readonly paper: Paper, readonly model: string }} ReadDrawing */

/** A stroke belongs to a digit when at least this share of it, from left to right, is in the digit's box. */
const MOST = 0.75;
/** Boxes are whole pixels round the ink; as much is forgiven at each side, in drawing units. */
const SLACK = 3;

/**
 * @param {string} id
 * @param {number | null} label What a person says it is.
 * @param {ReadDigit} read
 * @returns {Example}
 */
export function exampleOf(id, label, { answer, drawing, crop }) {
  return {
    id,
    label,
    predicted: answer.is_digit ? answer.label : null,
    confidence: answer.confidence,
    model: answer.model,
    drawing: cutOut(drawing, crop),
  };
}

/**
 * The digits of a drawn number, each with what a person lets stand or puts in its place. Signs are left out, and so
 * are digits whose strokes cannot be told from those of their neighbours: a half digit would teach nothing good.
 *
 * @param {string} id
 * @param {ReadDrawing} read
 * @param {(digit: import("./reading.js").Digit) => boolean} isMeant
 * @returns {readonly Example[]}
 */
export function examplesOf(id, { numbers, drawing, paper, model }, isMeant) {
  const digits = numbers.flatMap((number) => number.digits);
  const parts = strokesBy(
    drawing,
    digits.map(({ box }) => box),
  );
  return digits.flatMap((digit, i) => {
    const strokes = parts[i] ?? [];
    if (strokes.length === 0 || !isMeant(digit) || !isDigit(shownOf(digit))) return [];
    return [
      {
        id: idOf(id, i),
        label: Number(shownOf(digit)),
        predicted: isDigit(digit.label) ? Number(digit.label) : null,
        confidence: digit.confidence,
        model,
        drawing: cutOut(strokes, squareFor(strokes, paper)),
      },
    ];
  });
}

/**
 * @param {string} id Of a drawn number.
 * @param {number} place Of one of its characters, from 0.
 */
export function idOf(id, place) {
  return `${id}.${place}`;
}

/**
 * Which strokes make up each digit.
 *
 * @param {Drawing} drawing
 * @param {readonly Box[]} boxes
 * @returns {readonly Drawing[]} One for each box; empty where a stroke in it is shared with another one.
 */
export function strokesBy(drawing, boxes) {
  const shares = drawing.map((stroke) => boxes.map((box) => shareIn(stroke, box)));
  const isOwn = (/** @type {readonly number[]} */ row, /** @type {number} */ i) =>
    row.every((share, j) => (j === i ? share >= MOST : share < 1 - MOST));
  return boxes.map((_, i) => {
    const touching = drawing.filter((_, stroke) => (shares[stroke]?.[i] ?? 0) > 1 - MOST);
    return touching.every((stroke) => isOwn(shares[drawing.indexOf(stroke)] ?? [], i)) ? touching : [];
  });
}

/**
 * @param {import("./strokes.js").Stroke} stroke
 * @param {Box} box
 * @returns {number} How much of the stroke's width is in the box, 0 to 1.
 */
function shareIn(stroke, [left, top, width, height]) {
  const ink = /** @type {import("./strokes.js").Bounds} */ (boundsOf([stroke]));
  if (ink.bottom <= top || ink.top >= top + height) return 0;
  const within = Math.min(ink.right, left + width + SLACK) - Math.max(ink.left, left - SLACK);
  return Math.max(within, 0) / (ink.right - ink.left);
}

/**
 * Strokes as a server takes them.
 *
 * @param {Drawing} drawing
 * @returns {readonly Written[]}
 */
export function writtenOf(drawing) {
  return drawing.map(({ width, points }) => ({ width, points: points.map(({ x, y }) => [x, y]) }));
}

/**
 * @param {Drawing} drawing
 * @param {Crop} crop A square.
 * @returns {Drawing} To a tenth of a unit, which no picture shows.
 */
function cutOut(drawing, { left, top, width: side }) {
  const scale = SIZE / side;
  return drawing.map(({ width, points }) => ({
    width: round(width * scale),
    points: points.map(({ x, y }) => ({ x: round((x - left) * scale), y: round((y - top) * scale) })),
  }));
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}

/** @param {string} label */
function isDigit(label) {
  return /^\d$/.test(label);
}

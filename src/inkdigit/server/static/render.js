// Strokes -> what is seen: the pad on the screen, by its canvas, and the picture that is posted, by `raster.js`.

import { greyPng } from "./png.js";
import { paint } from "./raster.js";

/** @typedef {import("./paper.js").Crop} Crop */
/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {import("./strokes.js").Point} Point */

/** @typedef {{ readonly left: number, readonly top: number, readonly side: number }} Place In drawing units. */
/** @typedef {{ readonly picture: CanvasImageSource, readonly place: Place }} Tint */

const HAIR = 0.01;
/** Ink without a colour of its own. */
const GREY = "#969696";
/** The picture is see-through where the model saw little ink; so many layers of it cover the whole stroke. */
const LAYERS = 6;

/**
 * The part of a 2D context that drawing needs.
 *
 * @typedef {Pick<CanvasRenderingContext2D, "beginPath" | "moveTo" | "lineTo" | "quadraticCurveTo" | "stroke"
 *   | "lineCap" | "lineJoin" | "lineWidth" | "strokeStyle">} Pen
 */

/**
 * Draw every stroke, in drawing units, with round ends and corners.
 *
 * @param {Pen} pen
 * @param {Drawing} drawing
 * @param {string} colour
 */
export function drawStrokes(pen, drawing, colour) {
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.strokeStyle = colour;
  for (const { width, points } of drawing) {
    pen.lineWidth = width;
    pen.beginPath();
    trace(pen, points);
    pen.stroke();
  }
}

/**
 * The part of a 2D context that tinting needs.
 *
 * @typedef {Pen & Pick<CanvasRenderingContext2D, "drawImage" | "globalCompositeOperation">} Brush
 */

/**
 * Draw every stroke in the colours of a picture; what the picture leaves out is grey.
 *
 * @param {Brush} brush
 * @param {Drawing} drawing
 * @param {Tint} tint
 */
export function drawTinted(brush, drawing, { picture, place: { left, top, side } }) {
  drawStrokes(brush, drawing, GREY);
  brush.globalCompositeOperation = "source-atop";
  for (let layer = 0; layer < LAYERS; layer += 1) brush.drawImage(picture, left, top, side, side);
  brush.globalCompositeOperation = "source-over";
}

/**
 * Curves through the middles of neighbouring points: as smooth as the hand was, and never outside its corners.
 *
 * @param {Pen} pen
 * @param {readonly Point[]} points
 */
function trace(pen, points) {
  const first = points[0];
  const last = points[points.length - 1];
  if (first === undefined || last === undefined) return;
  pen.moveTo(first.x, first.y);
  points.slice(1, -1).forEach((corner, i) => {
    const next = points[i + 2] ?? last;
    pen.quadraticCurveTo(corner.x, corner.y, (corner.x + next.x) / 2, (corner.y + next.y) / 2);
  });
  // A line of no length is not painted at all; a hair's length is, and round ends make it a disc.
  pen.lineTo(last === first ? last.x + HAIR : last.x, last.y);
}

/**
 * The picture that is posted: black ink on white paper, one pixel per drawing unit, whatever screen and colours the pad
 * has, and the same in every browser.
 *
 * @param {Drawing} drawing
 * @param {Crop} crop What of the paper it shows.
 * @returns {Promise<string>} A grey PNG as a data URL.
 */
export function pictureOf(drawing, crop) {
  return greyPng(paint(drawing, crop), crop.width, crop.height);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 */
export function context2d(canvas) {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("this browser has no 2D canvas");
  return context;
}

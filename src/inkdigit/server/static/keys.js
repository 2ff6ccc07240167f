// What a key means: a command for the whole page, or a move of the keyboard pen on the pad.

/** @typedef {import("./paper.js").Paper} Paper */
/** @typedef {import("./strokes.js").Point} Point */
/** @typedef {Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">} Key */
/** @typedef {"undo" | "redo" | "clear"} Command */

const STEP = 7;
const FINE_STEP = 1.75;

/** Inputs that take no text. */
const NOT_TEXT = ["range", "file", "checkbox", "radio", "button"];

/** @type {Readonly<Record<string, readonly [number, number]>>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {Key} key
 * @returns {Command | null}
 */
export function commandOf({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  if (altKey) return null;
  if (!ctrlKey && !metaKey) return key === "Escape" ? "clear" : null;
  const letter = key.toLowerCase();
  if (letter === "z") return shiftKey ? "redo" : "undo";
  return letter === "y" && !shiftKey ? "redo" : null;
}

/**
 * What a key says of a drawing: which digit it is, null for none; undefined for any other key.
 *
 * @param {Key} key
 * @returns {number | null | undefined}
 */
export function labelOf({ key, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey) return undefined;
  if (/^[0-9]$/.test(key)) return Number(key);
  return key.toLowerCase() === "n" ? null : undefined;
}

/**
 * Whether a key that is pressed there is meant as text.
 *
 * @param {EventTarget | null} target
 */
export function isTextField(target) {
  if (target instanceof HTMLInputElement) return !NOT_TEXT.includes(target.type);
  return target instanceof HTMLElement && (target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName));
}

/** @param {string} key */
export function isArrow(key) {
  return Object.hasOwn(ARROWS, key);
}

/**
 * Move the keyboard pen by all arrows that are held, so that two of them draw a slope.
 *
 * @param {Point} point
 * @param {Iterable<string>} held
 * @param {boolean} fine
 * @param {Paper} paper
 * @returns {Point} On the paper.
 */
export function step({ x, y }, held, fine, paper) {
  const size = fine ? FINE_STEP : STEP;
  const moves = [...held].map((key) => ARROWS[key] ?? [0, 0]);
  return {
    x: clamp(x + moves.reduce((sum, [dx]) => sum + dx, 0) * size, paper.width),
    y: clamp(y + moves.reduce((sum, [, dy]) => sum + dy, 0) * size, paper.height),
  };
}

/**
 * @param {number} value
 * @param {number} most
 */
function clamp(value, most) {
  return Math.min(Math.max(value, 0), most);
}

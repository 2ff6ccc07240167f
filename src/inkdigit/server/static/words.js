// An answer in words: how sure, and what else it could be.

/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {"sure" | "unsure" | "none"} Mood */
/**
 * @typedef {{
 *   readonly mood: Mood,
 *   readonly headline: string,
 *   readonly detail: string,
 *   readonly signs: readonly string[],
 * }} Verdict `signs` is what is written large: the digit, the two between which it is, or a question mark.
 */

/** With a space at which no line breaks. */
export const UNIT = "\u00a0%";

/** Below this confidence the runner-up is named. */
const UNSURE = 0.7;

/** @type {readonly (readonly [number, string])[]} */
const HOW_SURE = [
  [0.995, "As good as certain"],
  [0.95, "Quite sure"],
  [0.85, "Fairly sure"],
  [0, "Not quite sure"],
];

/**
 * @param {Answer} answer
 * @returns {Verdict}
 */
export function verdictOf({ label, confidence, is_digit, probabilities }) {
  if (!is_digit) {
    return {
      mood: "none",
      headline: "That does not look like a digit.",
      detail: `Closest guess: ${article(label)}\u00a0${label}, ${percent(confidence)}.`,
      signs: ["?"],
    };
  }
  if (confidence < UNSURE) {
    const second = runnerUp(probabilities, label);
    return {
      mood: "unsure",
      headline: `Unsure: ${article(label)} ${label}, or perhaps ${article(second)} ${second}.`,
      detail: `${percent(confidence)} for the ${label}, ${percent(probabilities[second] ?? 0)} for the ${second}.`,
      signs: [`${label}`, `${second}`],
    };
  }
  return {
    mood: "sure",
    headline: `That is ${article(label)} ${label}.`,
    detail: `${howSure(confidence)}, ${percent(confidence)}.`,
    signs: [`${label}`],
  };
}

/**
 * One decimal, and never rounded to a certainty that is none: 0.99996 is "99.9 %", 0.0004 is "under 0.1 %".
 *
 * @param {number} share 0 to 1.
 */
export function percent(share) {
  if (share <= 0) return `0${UNIT}`;
  if (share >= 1) return `100${UNIT}`;
  if (share < 0.001) return `under 0.1${UNIT}`;
  return Math.min(share * 100, 99.9).toFixed(1) + UNIT;
}

/**
 * @param {readonly number[]} probabilities
 * @param {number} label
 * @returns {number} The likeliest digit apart from the label.
 */
export function runnerUp(probabilities, label) {
  const others = probabilities.map((share, digit) => ({ share, digit })).filter(({ digit }) => digit !== label);
  return others.reduce((best, other) => (other.share > best.share ? other : best)).digit;
}

/** @param {number} confidence */
function howSure(confidence) {
  return HOW_SURE.find(([floor]) => confidence >= floor)?.[1] ?? "Not quite sure";
}

/** @param {number} digit */
function article(digit) {
  return digit === 8 ? "an" : "a";
}

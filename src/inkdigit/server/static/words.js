// An answer in words: how sure, and what else it could be.

import { choicesOf, doubtsOf, isChosen, isCorrected, isDoubtful, remaining, shownOf, textOf } from "./reading.js";

/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./reading.js").Digit} Digit */
/** @typedef {import("./reading.js").ReadNumber} ReadNumber */
/** @typedef {{ readonly headline: string, readonly detail: string }} Words */
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

/** Below this confidence a number is only probable. */
const FAIRLY_SURE = 0.85;

/** @type {readonly (readonly [number, string])[]} */
const HOW_SURE = [
  [0.995, "As good as certain"],
  [0.95, "Quite sure"],
  [FAIRLY_SURE, "Fairly sure"],
  [0, "Not quite sure"],
];

/**
 * @param {Answer} answer
 * @returns {Verdict}
 */
export function verdictOf({ label, confidence, is_digit, probabilities, adapted, alone }) {
  if (!is_digit) {
    return {
      mood: "none",
      headline: "That does not look like a digit.",
      detail: `Closest guess: ${article(label)}\u00a0${label}, ${percent(confidence)}${withLearned(adapted)}.`,
      signs: ["?"],
    };
  }
  if (alone !== undefined) {
    return {
      mood: "unsure",
      headline: `Unsure: ${article(label)} ${label}, with something beside it.`,
      detail: `${percent(Math.min(confidence, alone))} for the ${label}${withLearned(adapted)}; what stands beside it may not have been read.`,
      signs: [`${label}`, "?"],
    };
  }
  if (confidence < UNSURE) {
    const second = runnerUp(probabilities, label);
    return {
      mood: "unsure",
      headline: `Unsure: ${article(label)} ${label}, or perhaps ${article(second)} ${second}.`,
      detail: `${percent(confidence)} for the ${label}, ${percent(probabilities[second] ?? 0)} for the ${second}${withLearned(adapted)}.`,
      signs: [`${label}`, `${second}`],
    };
  }
  return {
    mood: "sure",
    headline: `That is ${article(label)} ${label}.`,
    detail: `${howSure(confidence)}, ${percent(confidence)}${withLearned(adapted)}.`,
    signs: [`${label}`],
  };
}

/** @param {Answer["adapted"]} adapted */
function withLearned(adapted) {
  return adapted === true ? ", with what it learned from you" : "";
}

/**
 * What a person says of a digit, and what was read.
 *
 * @param {Answer} answer
 * @param {number | null} label Null for no digit.
 * @returns {Words & { readonly signs: readonly string[] }}
 */
export function wordsOfCorrection({ label: read, confidence, is_digit, adapted, alone }, label) {
  const end = `${withLearned(adapted)}.`;
  const wasRead = is_digit ? `It was read as ${article(read)} ${read}, ${percent(confidence)}${end}` : `It was taken for no digit${end}`;
  if (label === null) {
    return { headline: "That is no digit, as you say.", detail: is_digit ? wasRead : `It did not look like one, either${end}`, signs: ["?"] };
  }
  const isRight = is_digit && label === read && alone === undefined;
  return {
    headline: `That is ${article(label)} ${label}, as you say.`,
    detail: isRight ? `${howSure(confidence)}, ${percent(confidence)}${end}` : wasRead,
    signs: [`${label}`],
  };
}

/** @param {number | null} label */
export function labelInWords(label) {
  return label === null ? "No digit" : `${article(label) === "an" ? "An" : "A"} ${label}`;
}

/**
 * What a drawing of numbers says.
 *
 * @param {readonly ReadNumber[]} numbers At least one.
 * @param {boolean} [areRight] As a person says.
 * @returns {Words}
 */
export function wordsOfDrawing(numbers, areRight = false) {
  const [only] = numbers;
  const left = remaining(numbers);
  if (areRight) return { headline: `That is ${listOf(left.map(textOf)) || "nothing"}, as you say.`, detail: howRead(numbers) };
  if (left.length === 0) return { headline: "Nothing, as you chose.", detail: "All of it is taken away." };
  if (only === undefined || numbers.length > 1) return { headline: sentence(listOf(left.map(textOf))), detail: doubtsIn(numbers) };
  if (isCorrected(only)) return { headline: `${textOf(only)}, as you chose.`, detail: sureOf(only) };
  const isSure = doubtsOf(only) === 0 && only.confidence >= FAIRLY_SURE;
  return { headline: sentence(`${isSure ? "That is" : "Probably"} ${textOf(only)}`), detail: sureOf(only) };
}

/**
 * What a picture of numbers says, of which one is looked at.
 *
 * @param {readonly ReadNumber[]} numbers
 * @param {ReadNumber | undefined} selected
 * @returns {Words}
 */
export function wordsOfPicture(numbers, selected) {
  if (selected === undefined) return { headline: "No numbers found.", detail: "The picture shows none that can be read." };
  const { length: left } = remaining(numbers);
  const headline = left === 0 ? "No number is left." : left === 1 ? "One number." : `${left} numbers.`;
  const text = textOf(selected);
  return { headline, detail: text === "" ? "The marked one is taken away." : `${text}: ${lowerFirst(sureOf(selected))}` };
}

/**
 * How sure one number is, or what in it is doubtful.
 *
 * @param {ReadNumber} number
 */
export function sureOf(number) {
  const doubtful = number.digits.filter(isDoubtful);
  const [first] = doubtful;
  if (first === undefined) {
    if (!isCorrected(number)) return `${howSure(number.confidence)}, ${percent(number.confidence)}.`;
    return `Nothing in it is doubtful${number.digits.some(({ doubtful }) => doubtful) ? " any more" : ""}.`;
  }
  if (doubtful.length > 1) return `${doubtful.length} of its digits are doubtful; choose one to see what else it may be.`;
  const [, other] = choicesOf(first);
  const place = placeOf(number, number.digits.indexOf(first));
  const perhaps = other === undefined ? "" : `, or perhaps ${wordOf(other.label)}`;
  return `The ${place} is doubtful: ${wordOf(shownOf(first))}, ${percent(first.confidence)}${perhaps}.`;
}

/**
 * What was read of numbers that a person says are right now, or how sure the reading was where it was right, too.
 *
 * @param {readonly ReadNumber[]} numbers
 */
function howRead(numbers) {
  const read = numbers.map(({ digits }) => digits.map(({ label }) => label).join(""));
  if (numbers.some((number, i) => textOf(number) !== read[i])) return sentence(`It was read as ${listOf(read)}`);
  const confidence = Math.min(...numbers.map((number) => number.confidence));
  return `${howSure(confidence)}, ${percent(confidence)}.`;
}

/** @param {readonly ReadNumber[]} numbers */
function doubtsIn(numbers) {
  const count = numbers.reduce((sum, number) => sum + doubtsOf(number), 0);
  if (count === 0) return "No digit is doubtful.";
  return count === 1 ? "One digit is doubtful; choose it to see what else it may be." : `${count} digits are doubtful; choose one to see what else it may be.`;
}

/**
 * @param {ReadNumber} number
 * @param {number} index From 0.
 * @returns {string} "4th digit", or "4th character" where signs are among them.
 */
export function placeOf({ digits }, index) {
  return `${ordinal(index + 1)} ${digits.every(({ label }) => /^\d$/.test(label)) ? "digit" : "character"}`;
}

/**
 * A character as a screen reader shall say it, and how sure it is.
 *
 * @param {Digit} digit
 */
export function nameOf(digit) {
  const name = wordOf(shownOf(digit));
  const given = digit.isFinal === true ? ", given away" : "";
  if (isChosen(digit)) return `${name}, chosen by you${given}`;
  const repaired = digit.repairedFrom === undefined ? "" : `, read as ${wordOf(digit.repairedFrom)} at first`;
  return `${name}, ${digit.doubtful ? "doubtful, " : ""}${percent(digit.confidence)}${repaired}${given}`;
}

/**
 * A number on a picture as a screen reader shall say it.
 *
 * @param {ReadNumber} number
 */
export function nameOfNumber(number) {
  const [text, count] = [wordOf(textOf(number)), doubtsOf(number)];
  if (count > 0) return `${text}, ${count === 1 ? "one doubtful digit" : `${count} doubtful digits`}`;
  return isCorrected(number) ? `${text}, chosen by you` : text;
}

/** @type {Readonly<Record<string, string>>} */
const SIGNS = {
  "": "nothing",
  ".": "point",
  ",": "comma",
  "-": "dash",
  "/": "slash",
  ":": "colon",
  "=": "equals sign",
};

/** @param {string} label */
export function wordOf(label) {
  return SIGNS[label] ?? label;
}

/** @param {number} count */
function ordinal(count) {
  const last = count % 100 >= 11 && count % 100 <= 13 ? 0 : count % 10;
  return `${count}${["th", "st", "nd", "rd"][last] ?? "th"}`;
}

/** @param {readonly string[]} texts */
function listOf(texts) {
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} and ${texts[texts.length - 1] ?? ""}`;
}

/**
 * With one stop at its end, also after a number that ends in a point of its own.
 *
 * @param {string} text
 */
function sentence(text) {
  return /[.,]$/.test(text) ? text : `${text}.`;
}

/** @param {string} text */
function lowerFirst(text) {
  return text.charAt(0).toLowerCase() + text.slice(1);
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

// A reading of numbers as data: what was read, what a person chose instead, and the same as text and as CSV.

/** @typedef {readonly [number, number, number, number]} Box Left, top, width, height in pixels of the picture as sent. */
/** @typedef {{ readonly label: string, readonly confidence: number }} Choice A label of "" says that nothing stands there. */
/**
 * @typedef {object} Digit One character of a number: a digit, or a sign such as the decimal point.
 * @property {string} label What was read.
 * @property {number} confidence 0 to 1.
 * @property {Box} box
 * @property {boolean} doubtful
 * @property {readonly Choice[]} alternatives The likeliest first.
 * @property {string} [repairedFrom] What was read before an expectation called for `label`.
 * @property {string} [chosen] What a person says it is.
 * @property {boolean} [isFinal] It was given away like this, and stands until it is deleted.
 */
/**
 * @typedef {object} ReadNumber
 * @property {number} confidence Of the whole text, 0 to 1.
 * @property {Box} box
 * @property {readonly Digit[]} digits From left to right.
 */
/** @typedef {{ readonly number: number, readonly digit: number }} Place Of a digit among several numbers, from 0. */

/** Named as those of `inkdigit read --format csv`. */
const COLUMNS = ["number", "text", "confidence", "doubt", "x", "y", "width", "height"];

/** @param {Digit} digit */
export function shownOf({ label, chosen }) {
  return chosen ?? label;
}

/** @param {ReadNumber} number */
export function textOf({ digits }) {
  return digits.map(shownOf).join("");
}

/**
 * What may stand in a place: what was read, then the alternatives, each label once.
 *
 * @param {Digit} digit
 * @returns {readonly Choice[]}
 */
export function choicesOf({ label, confidence, alternatives }) {
  const byLabel = new Map([{ label, confidence }, ...alternatives].map((one) => [one.label, one]));
  return [...byLabel.set(label, { label, confidence }).values()];
}

/** @param {Digit} digit */
export function isChosen({ chosen }) {
  return chosen !== undefined;
}

/**
 * Doubt is over once a person chose, also for what was read.
 *
 * @param {Digit} digit
 */
export function isDoubtful(digit) {
  return digit.doubtful && !isChosen(digit);
}

/**
 * What was said of a drawing holds for another reading of it, too: each character is what a person had it for.
 *
 * @param {readonly ReadNumber[]} numbers
 * @param {readonly Digit[]} said Of an earlier reading.
 * @returns {readonly ReadNumber[]}
 */
export function recalled(numbers, said) {
  const recall = (/** @type {Digit} */ digit) => {
    const before = said.find(({ box }) => isSamePlace(box, digit.box));
    const isAsRead = before === undefined || (!isChosen(before) && shownOf(before) === digit.label);
    return isAsRead ? digit : { ...digit, chosen: shownOf(before) };
  };
  return numbers.map((number) => ({ ...number, digits: number.digits.map(recall) }));
}

/**
 * @param {readonly ReadNumber[]} numbers
 * @param {(place: number) => boolean} isFinal Of a character in its place among all of them.
 * @returns {readonly ReadNumber[]} The same ones when this changes nothing.
 */
export function settled(numbers, isFinal) {
  let place = 0;
  const settle = (/** @type {Digit} */ digit) => {
    const stands = isFinal(place++);
    return stands === (digit.isFinal ?? false) ? digit : { ...digit, isFinal: stands };
  };
  const after = numbers.map((number) => ({ ...number, digits: number.digits.map(settle) }));
  const isSame = after.every(({ digits }, i) => digits.every((digit, j) => digit === numbers[i]?.digits[j]));
  return isSame ? numbers : after;
}

/**
 * What stands when all else that was said of a reading is forgotten: these characters, as they are shown.
 *
 * @param {readonly Digit[]} digits
 * @param {(place: number) => boolean} isFinal
 * @returns {readonly Digit[]}
 */
export function standing(digits, isFinal) {
  return digits.flatMap((digit, place) => (isFinal(place) ? [{ ...digit, chosen: shownOf(digit) }] : []));
}

/**
 * Whether two boxes share more than half of what they cover; those of neighbours that overlap do not.
 *
 * @param {Box} a
 * @param {Box} b
 */
function isSamePlace([x, y, width, height], [x2, y2, width2, height2]) {
  const wide = Math.min(x + width, x2 + width2) - Math.max(x, x2);
  const high = Math.min(y + height, y2 + height2) - Math.max(y, y2);
  const shared = Math.max(wide, 0) * Math.max(high, 0);
  return shared > (width * height + width2 * height2 - shared) / 2;
}

/** @param {ReadNumber} number */
export function doubtsOf({ digits }) {
  return digits.filter(isDoubtful).length;
}

/** @param {ReadNumber} number */
export function isCorrected({ digits }) {
  return digits.some(isChosen);
}

/**
 * @param {readonly ReadNumber[]} numbers
 * @param {Place} place
 * @param {string} label
 * @returns {readonly ReadNumber[]} New ones, in which a person chose this label; the same where the character stands.
 */
export function choose(numbers, place, label) {
  if (numbers[place.number]?.digits[place.digit]?.isFinal === true) return numbers;
  return numbers.map((number, i) => {
    if (i !== place.number) return number;
    const digits = number.digits.map((digit, j) => (j === place.digit ? { ...digit, chosen: label } : digit));
    return { ...number, digits };
  });
}

/**
 * @param {readonly ReadNumber[]} numbers
 * @returns {number} How many characters were read in all.
 */
export function lengthOf(numbers) {
  return numbers.reduce((sum, { digits }) => sum + digits.length, 0);
}

/**
 * @param {readonly ReadNumber[]} numbers
 * @returns {readonly ReadNumber[]} Those of which a person did not take every character away.
 */
export function remaining(numbers) {
  return numbers.filter((number) => textOf(number) !== "");
}

/**
 * One number a line, as the server's text/plain has them.
 *
 * @param {readonly ReadNumber[]} numbers
 */
export function asText(numbers) {
  return remaining(numbers)
    .map((number) => `${textOf(number)}\n`)
    .join("");
}

/**
 * @param {ReadNumber} number
 * @returns {string} The text with a question mark in place of each doubtful character; "" where none is.
 */
function doubtOf(number) {
  if (doubtsOf(number) === 0) return "";
  return number.digits.map((digit) => (isDoubtful(digit) ? "?" : shownOf(digit))).join("");
}

/**
 * @param {readonly ReadNumber[]} numbers
 * @returns {string} RFC 4180 with a heading; `confidence` is empty where a person chose.
 */
export function asCsv(numbers) {
  const rows = remaining(numbers).map((number, i) => [
    String(i + 1),
    cellOf(textOf(number)),
    isCorrected(number) ? "" : String(number.confidence),
    cellOf(doubtOf(number)),
    ...number.box.map(String),
  ]);
  return [COLUMNS, ...rows].map((row) => `${row.join(",")}\r\n`).join("");
}

/**
 * The text so that a spreadsheet never takes it for a formula; a plain negative number is none.
 *
 * @param {string} text Digits and signs.
 */
function cellOf(text) {
  const safe = /^=|^-(?!\d*\.?\d*$)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// Where the tags of numbers on a picture have room: none may cover what is written there, or another tag. Pure.

/** @typedef {{ readonly left: number, readonly top: number, readonly width: number, readonly height: number }} Box */
/** @typedef {{ readonly ink: Box, readonly width: number, readonly height: number }} Tagged A number's ink, and the size of its tag. */
/** @typedef {"above" | "below" | "nowhere"} Side */

/** Between the ink and its frame, on which its tag stands, in the unit of the boxes: CSS pixels. */
export const MARGIN = 4;

/**
 * @param {readonly Tagged[]} numbers
 * @param {number} selected Whose tag is shown in any case, above.
 * @param {number} [across] Width of the picture, over whose right edge no tag runs.
 * @returns {Side[]}
 */
export function sidesOf(numbers, selected, across = Infinity) {
  /** @type {Map<Tagged, Side>} */
  const sides = new Map();
  /** @type {Box[]} */
  const laid = [];
  const lay = (/** @type {Tagged} */ number, /** @type {"above" | "below"} */ side) => {
    sides.set(number, side);
    laid.push(tagOf(number, side, across));
  };
  const first = numbers[selected];
  if (first !== undefined) lay(first, "above");
  for (const side of /** @type {const} */ (["above", "below"])) {
    for (const number of numbers) {
      const taken = [...numbers.filter((other) => other !== number).map(frameOf), ...laid];
      const room = roomOf(number, side, across);
      if (!sides.has(number) && !taken.some((box) => isOver(box, room))) lay(number, side);
    }
  }
  return numbers.map((number) => sides.get(number) ?? "nowhere");
}

/**
 * @param {Tagged} number
 * @returns {Box}
 */
function frameOf({ ink: { left, top, width, height } }) {
  return { left: left - MARGIN, top: top - MARGIN, width: width + 2 * MARGIN, height: height + 2 * MARGIN };
}

/**
 * @param {Tagged} number
 * @param {"above" | "below"} side
 * @param {number} across
 * @returns {Box}
 */
function tagOf({ ink, width, height }, side, across) {
  const top = side === "above" ? ink.top - MARGIN - height : ink.top + ink.height + MARGIN;
  return { left: Math.min(ink.left - MARGIN, across - width), top, width, height };
}

/**
 * Below a number its tag needs twice the room: it would seem to be that of a number which follows close.
 *
 * @param {Tagged} number
 * @param {"above" | "below"} side
 * @param {number} across
 * @returns {Box}
 */
function roomOf(number, side, across) {
  const tag = tagOf(number, side, across);
  return side === "above" ? tag : { ...tag, height: 2 * (tag.height + MARGIN) };
}

/**
 * @param {Box} one
 * @param {Box} other
 */
function isOver(one, other) {
  return (
    one.left < other.left + other.width &&
    other.left < one.left + one.width &&
    one.top < other.top + other.height &&
    other.top < one.top + one.height
  );
}

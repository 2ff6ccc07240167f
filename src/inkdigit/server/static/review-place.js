// Where one is in the review, as the fragment of the address: kept over a reload, and followed by links.

/** @typedef {{ view: "drawings" | "statistics", status: string, order: string, truth: string, reading: string, after: string }} Place */

/** @type {Readonly<Place>} */
export const START = { view: "drawings", status: "new", order: "newest", truth: "any", reading: "any", after: "" };

/** @type {Readonly<Record<keyof Place, RegExp>>} */
const VALUES = {
  view: /^(drawings|statistics)$/,
  status: /^(new|accepted|rejected|all)$/,
  order: /^(newest|valuable)$/,
  truth: /^(any|none|[0-9])$/,
  reading: /^(any|none|[0-9])$/,
  after: /^([0-9]{1,5}-[0-9]{1,10})?$/,
};

/**
 * @param {string} hash
 * @returns {Place} What is missing or none is as it is at the start.
 */
export function placeFrom(hash) {
  const place = { ...START };
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (isName(name) && VALUES[name].test(value)) Object.assign(place, { [name]: value });
  }
  return place;
}

/** @param {Place} place */
export function hashOf(place) {
  const told = Object.entries(place).filter(([name, value]) => isName(name) && value !== START[name]);
  return `#${new URLSearchParams(told)}`;
}

/**
 * What the server is asked for.
 *
 * @param {Place} place
 * @param {string} after
 * @returns {Record<string, string>}
 */
export function queryOf({ status, order, truth, reading }, after) {
  return { status, order, truth, reading, ...(after === "" ? {} : { after }) };
}

/**
 * @param {string} name
 * @returns {name is keyof Place}
 */
function isName(name) {
  return Object.hasOwn(START, name);
}

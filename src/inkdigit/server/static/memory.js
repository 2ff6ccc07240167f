// What this device remembers, and no other: corrected drawings, what was learned from them, receipts, what waits to be sent.

/** @typedef {import("./api.js").Adapted} Adapted */
/** @typedef {import("./examples.js").Example} Example */
/** @typedef {import("./strokes.js").Drawing} Drawing */
/**
 * @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem"> & { readonly isPassing?: (name: string) => boolean }} Store
 *   `isPassing` says of what is in it whether it goes with the page.
 */
/**
 * @typedef {object} Receipt
 * @property {string} receipt
 * @property {number | null} label
 * @property {string} day A date such as 2026-03-09.
 * @property {string} [key] Under which it was handed in; receipts of older versions have none.
 */
/** @typedef {{ readonly key: string, readonly example: Example }} Waiting `key` keeps it from being stored twice. */

/** Examples beyond these push out the oldest. */
export const MOST_EXAMPLES = 100;
/** Drawings that wait for a server; beyond these none is taken on. */
export const MOST_WAITING = 20;

const PREFIX = "inkdigit.";
/** Where it is written that what was learned is not used. */
export const OFF = `${PREFIX}off`;
/** Written for a moment when all is forgotten, so that other tabs can tell it from the last example taken back. */
export const FORGOTTEN = `${PREFIX}forgotten`;

/** Every reading goes to the store, so that two tabs never write over what the other one learned. */
export class Memory {
  #store;

  /** @param {Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** @returns {readonly Example[]} The newest last. */
  get examples() {
    return this.#list("examples").map(unpacked).filter((one) => one !== null);
  }

  /** @param {readonly Example[]} examples Each takes the place of one of the same id. */
  remember(examples) {
    if (examples.length > 0) this.replace(({ id }) => examples.some((one) => one.id === id), examples);
  }

  /**
   * In one step, so that another tab never sees what lies between.
   *
   * @param {(example: Example) => boolean} isMeant
   * @param {readonly Example[]} examples In their place.
   */
  replace(isMeant, examples) {
    const kept = this.examples.filter((example) => !isMeant(example));
    const now = [...kept, ...examples].slice(-MOST_EXAMPLES);
    this.#write("examples", now.length > 0 ? now.map(packed) : null);
  }

  /** All examples, and say so to other tabs. */
  forget() {
    this.#write("examples", null);
    this.#write("forgotten", true);
    this.#write("forgotten", null);
  }

  /** @returns {Adapted | null} What a server made of the examples. */
  get learned() {
    const value = this.#read("learned");
    return isRecord(value) && typeof value.layer === "string" && typeof value.model === "string"
      ? /** @type {Adapted} */ (/** @type {unknown} */ (value))
      : null;
  }

  /** @param {Adapted | null} learned */
  set learned(learned) {
    this.#write("learned", learned);
  }

  /** @returns {boolean} Whether what was learned is of other examples than there are: the server was away, or the page left. */
  get isStale() {
    return this.#read("stale") === true;
  }

  set isStale(stale) {
    this.#write("stale", stale ? true : null);
  }

  /** @returns {boolean} Whether what was learned is used. */
  get isOn() {
    return this.#read("off") !== true;
  }

  set isOn(on) {
    this.#write("off", on ? null : true);
  }

  /** @returns {readonly Receipt[]} The newest last. */
  get receipts() {
    return this.#list("receipts").filter(isReceipt);
  }

  /** @param {readonly Receipt[]} receipts */
  set receipts(receipts) {
    this.#write("receipts", receipts.length > 0 ? receipts : null);
  }

  /** @returns {readonly Waiting[]} The oldest first. */
  get waiting() {
    return this.#list("waiting").flatMap((value) => {
      const example = isRecord(value) ? unpacked(value.example) : null;
      return isRecord(value) && typeof value.key === "string" && example !== null ? [{ key: value.key, example }] : [];
    });
  }

  /** @param {readonly Waiting[]} waiting */
  set waiting(waiting) {
    const packets = waiting.map(({ key, example }) => ({ key, example: packed(example) }));
    this.#write("waiting", packets.length > 0 ? packets : null);
  }

  /** @returns {string | null} The random number that stands for this browser. */
  get writer() {
    const value = this.#read("writer");
    return typeof value === "string" ? value : null;
  }

  /** @param {string | null} writer */
  set writer(writer) {
    this.#write("writer", writer);
  }

  /**
   * @param {"examples" | "receipts"} name
   * @returns {boolean} Whether these go with the page, since the browser stores nothing, or no more.
   */
  isPassing(name) {
    return this.#store.isPassing?.(PREFIX + name) === true;
  }

  /**
   * @param {string} name
   * @returns {unknown[]}
   */
  #list(name) {
    const value = this.#read(name);
    return Array.isArray(value) ? value : [];
  }

  /**
   * @param {string} name
   * @returns {unknown} Null for what is not there, or is not ours.
   */
  #read(name) {
    try {
      return JSON.parse(this.#store.getItem(PREFIX + name) ?? "null");
    } catch {
      return null;
    }
  }

  /**
   * @param {string} name
   * @param {unknown} value Null takes it away.
   */
  #write(name, value) {
    if (value === null) this.#store.removeItem(PREFIX + name);
    else this.#store.setItem(PREFIX + name, JSON.stringify(value));
  }
}

/**
 * The browser's own store; what it does not take, for want of room or leave, is remembered as long as the page is open.
 *
 * @param {() => Store} open Throws where the browser grants none.
 * @returns {Store}
 */
export function storeOf(open) {
  /** @type {Map<string, string>} */
  const others = new Map();
  const attempt = (/** @type {(store: Store) => string | null | void} */ act) => {
    try {
      return act(open()) ?? null;
    } catch {
      return undefined;
    }
  };
  return {
    getItem: (name) => others.get(name) ?? attempt((store) => store.getItem(name)) ?? null,
    setItem: (name, value) => {
      others.delete(name);
      if (attempt((store) => store.setItem(name, value)) === undefined) others.set(name, value);
    },
    removeItem: (name) => {
      others.delete(name);
      attempt((store) => store.removeItem(name));
    },
    isPassing: (name) => others.has(name),
  };
}

/**
 * 128 random bits; `crypto.randomUUID` would need https.
 *
 * @returns {string} 32 hexadecimal digits.
 */
export function randomToken() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Strokes as rows of numbers, the pen's width first: a third of the room.
 *
 * @param {Example} example
 */
function packed({ drawing, ...rest }) {
  return { ...rest, strokes: drawing.map(({ width, points }) => [width, ...points.flatMap(({ x, y }) => [x, y])]) };
}

/**
 * @param {unknown} value
 * @returns {Example | null}
 */
function unpacked(value) {
  if (!isRecord(value)) return null;
  const { id, label, predicted, confidence, model, strokes } = value;
  const drawing = Array.isArray(strokes) ? strokes.map(strokeOf) : [];
  if (typeof id !== "string" || typeof model !== "string" || !isLabel(label) || !isLabel(predicted)) return null;
  if (typeof confidence !== "number" || drawing.length === 0) return null;
  return drawing.every((one) => one !== null) ? { id, label, predicted, confidence, model, drawing } : null;
}

/**
 * @param {unknown} row
 * @returns {import("./strokes.js").Stroke | null}
 */
function strokeOf(row) {
  if (!Array.isArray(row) || row.length < 3 || row.length % 2 === 0 || !row.every(Number.isFinite)) return null;
  const [width, ...numbers] = /** @type {number[]} */ (row);
  const points = numbers.flatMap((x, i) => (i % 2 === 0 ? [{ x, y: numbers[i + 1] ?? 0 }] : []));
  return { width: width ?? 0, points };
}

/**
 * @param {unknown} value
 * @returns {value is Receipt}
 */
function isReceipt(value) {
  return isRecord(value) && typeof value.receipt === "string" && typeof value.day === "string" && isLabel(value.label);
}

/**
 * @param {unknown} value
 * @returns {value is number | null}
 */
function isLabel(value) {
  return value === null || (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 9);
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isRecord(value) {
  return typeof value === "object" && value !== null;
}

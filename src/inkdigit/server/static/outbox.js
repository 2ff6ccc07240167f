// Drawings on their way to a server that is to keep them: none is lost, and none is kept twice. Pure.

import { Refusal } from "./api.js";
import { MOST_WAITING } from "./memory.js";

/** @typedef {import("./examples.js").Example} Example */
/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {import("./memory.js").Receipt} Receipt */
/** @typedef {import("./memory.js").Waiting} Waiting */
/**
 * @typedef {object} Post
 * @property {(example: Example, key: string) => Promise<string>} keep Brings the receipt.
 * @property {(receipt: string) => Promise<void>} remove
 * @property {() => string} token Random, another one at each call.
 * @property {() => string} today A date such as 2026-03-09.
 */

const NO_STORE = 501;
/** The server asks for a key, or for one that may do more, and takes the drawing once it is given. */
const NO_KEY = 401;
const NOT_THIS_KEY = "scope-missing";

/** Event: `change` (something was sent, discarded or taken back, or could not be sent). */
export class Outbox extends EventTarget {
  #memory;
  #post;
  /** @type {Promise<void> | null} */
  #flight = null;
  /** @type {unknown} */
  #trouble = null;
  /** @type {Map<string, unknown>} Why the server will never take a drawing, by key. */
  #refusals = new Map();

  /**
   * @param {Memory} memory
   * @param {Post} post
   */
  constructor(memory, post) {
    super();
    this.#memory = memory;
    this.#post = post;
  }

  get isFull() {
    return this.#memory.waiting.length >= MOST_WAITING;
  }

  /** What came between when something was sent last; null when nothing did. */
  get trouble() {
    return this.#trouble;
  }

  /** @param {string} key */
  isWaiting(key) {
    return this.#memory.waiting.some((one) => one.key === key);
  }

  /** @param {string} key */
  receiptOf(key) {
    return this.#memory.receipts.find((one) => one.key === key);
  }

  /** @param {string} key */
  refusalOf(key) {
    return this.#refusals.get(key);
  }

  /**
   * Take on drawings that a person gave away just now.
   *
   * @param {readonly Example[]} examples
   * @returns {readonly string[]} Their keys.
   */
  put(examples) {
    const waiting = examples.map((example) => ({ key: this.#post.token(), example }));
    this.#memory.waiting = [...this.#memory.waiting, ...waiting];
    return waiting.map(({ key }) => key);
  }

  /** @param {readonly string[]} keys These are not to be sent after all. */
  discard(keys) {
    this.#drop(keys);
    this.#changed();
  }

  /** Send what waits, the oldest first. What the server refuses waits no longer; what it has no time for does. */
  async flush() {
    // Whoever comes while it is at work waits for that, and then looks again.
    while (this.#flight !== null) await this.#flight;
    this.#flight = this.#sendAll();
    try {
      await this.#flight;
    } finally {
      this.#flight = null;
    }
    this.#changed();
  }

  /**
   * Take drawings back that were given away.
   *
   * @param {readonly string[]} receipts
   * @throws {import("./api.js").ServerAway | Refusal} The rest is still there.
   */
  async remove(receipts) {
    try {
      for (const receipt of receipts) {
        await this.#post.remove(receipt);
        this.#memory.receipts = this.#memory.receipts.filter((one) => one.receipt !== receipt);
      }
    } finally {
      this.#forgetWriter();
      this.#changed();
    }
  }

  /** @param {readonly string[]} keys */
  #drop(keys) {
    this.#memory.waiting = this.#memory.waiting.filter(({ key }) => !keys.includes(key));
    this.#forgetWriter();
  }

  /** The number that stands for this browser is worth nothing once none of its drawings is kept. */
  #forgetWriter() {
    if (this.#memory.receipts.length + this.#memory.waiting.length === 0) this.#memory.writer = null;
  }

  async #sendAll() {
    this.#trouble = null;
    for (const { key, example } of this.#memory.waiting) {
      if (!this.isWaiting(key)) continue; // it was discarded, or sent by another tab, meanwhile
      try {
        this.#note({ receipt: await this.#post.keep(example, key), label: example.label, day: this.#post.today(), key });
      } catch (failure) {
        this.#trouble = failure;
        if (!isFinal(failure)) break;
        this.#refusals.set(key, failure);
      }
      this.#drop([key]);
    }
  }

  /** @param {Receipt} receipt */
  #note(receipt) {
    this.#memory.receipts = [...this.#memory.receipts.filter((one) => one.receipt !== receipt.receipt), receipt];
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * Whether the server will never take this drawing; a failure of its own may pass.
 *
 * @param {unknown} error
 */
export function isFinal(error) {
  if (!(error instanceof Refusal) || error.status === NO_KEY || error.type === NOT_THIS_KEY) return false;
  return error.status < 500 || error.status === NO_STORE;
}

/**
 * Whether it keeps no drawings at all.
 *
 * @param {unknown} error
 */
export function isWithoutStore(error) {
  return error instanceof Refusal && [404, 405, NO_STORE].includes(error.status);
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

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
/** The server asks for a key, and takes the drawing once it is given. */
const NO_KEY = 401;

export class Outbox {
  #memory;
  #post;
  /** @type {Promise<unknown> | null} What came between, or null. */
  #flight = null;
  /** @type {Map<string, Receipt>} By key, since the page was opened. */
  #sent = new Map();

  /**
   * @param {Memory} memory
   * @param {Post} post
   */
  constructor(memory, post) {
    this.#memory = memory;
    this.#post = post;
  }

  get isFull() {
    return this.#memory.waiting.length >= MOST_WAITING;
  }

  /** @param {string} key */
  receiptOf(key) {
    return this.#sent.get(key);
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
    this.#memory.waiting = this.#memory.waiting.filter(({ key }) => !keys.includes(key));
    this.#forgetWriter();
  }

  /**
   * Send what waits, the oldest first. What the server refuses waits no longer; what it has no time for does.
   *
   * @returns {Promise<unknown>} What came between at last; null when nothing did.
   */
  async flush() {
    // Whoever comes while it is at work waits for that, and then looks again.
    while (this.#flight !== null) await this.#flight;
    this.#flight = this.#sendAll();
    try {
      return await this.#flight;
    } finally {
      this.#flight = null;
    }
  }

  /**
   * Take a drawing back that was given away.
   *
   * @param {string} receipt
   * @throws {import("./api.js").ServerAway | Refusal} It is still there.
   */
  async remove(receipt) {
    await this.#post.remove(receipt);
    this.#memory.receipts = this.#memory.receipts.filter((one) => one.receipt !== receipt);
    this.#forgetWriter();
  }

  /** The number that stands for this browser is worth nothing once none of its drawings is kept. */
  #forgetWriter() {
    if (this.#memory.receipts.length + this.#memory.waiting.length === 0) this.#memory.writer = null;
  }

  /** @returns {Promise<unknown>} */
  async #sendAll() {
    let error = null;
    for (const { key, example } of this.#memory.waiting) {
      try {
        this.#note(key, { receipt: await this.#post.keep(example, key), label: example.label, day: this.#post.today() });
      } catch (failure) {
        error = failure;
        if (!isFinal(failure)) break;
      }
      this.discard([key]);
    }
    return error;
  }

  /**
   * @param {string} key
   * @param {Receipt} receipt
   */
  #note(key, receipt) {
    this.#sent.set(key, receipt);
    this.#memory.receipts = [...this.#memory.receipts.filter((one) => one.receipt !== receipt.receipt), receipt];
  }
}

/**
 * Whether the server will never take this drawing; a failure of its own may pass.
 *
 * @param {unknown} error
 */
export function isFinal(error) {
  return error instanceof Refusal && error.status !== NO_KEY && (error.status < 500 || error.status === NO_STORE);
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

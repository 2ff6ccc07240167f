// The review's calls to the server, each with the admin key.

import { Refusal, ServerAway } from "./api.js";

/** @typedef {number | null} Label 0 to 9; null for what is not a digit. */
/** @typedef {"new" | "accepted" | "rejected"} Status */
/** @typedef {"agrees" | "doubtful" | "disagrees" | "mislabelled"} Standing */
/**
 * @typedef {object} Reading What the model that serves now makes of a drawing.
 * @property {Label} label
 * @property {number} confidence 0 to 1.
 * @property {number} of_truth The probability of what the drawing is said to be.
 * @property {Standing} standing
 */
/**
 * @typedef {object} Drawing
 * @property {number} id
 * @property {string} created
 * @property {Status} status
 * @property {Label} label What was handed in with it.
 * @property {Label} truth What it is by the review, the label before that.
 * @property {string} image A data URL.
 * @property {Reading} reading
 */
/** @typedef {{ readonly id: number, readonly status: Status, readonly truth: Label }} Verdict */
/** @typedef {Readonly<Record<Status, number>>} Counts */
/**
 * @typedef {object} Found
 * @property {readonly Drawing[]} drawings
 * @property {string | null} next
 * @property {number} unread Drawings that the model has yet to read before there is an order: ask again.
 * @property {number} matching
 * @property {Counts} counts
 * @property {string} model
 */
/** @typedef {{ readonly changed: number, readonly counts: Counts }} Reviewed */
/** @typedef {Reviewed & { readonly drawings: readonly Verdict[] }} Undone How those that were taken back stand again. */
/** @typedef {Counts & { readonly truth: Label }} ClassCounts */
/** @typedef {{ readonly truth: Label, readonly reading: Label, readonly count: number, readonly examples: readonly { id: number, image: string }[] }} Misreading */
/** @typedef {{ readonly monday: string, readonly drawings: number, readonly low: number, readonly median: number, readonly high: number, readonly told: number | null, readonly agreed: number }} Week */
/**
 * @typedef {object} Statistics
 * @property {string} model
 * @property {Counts} counts
 * @property {number} considered
 * @property {number} unread
 * @property {readonly ClassCounts[]} classes
 * @property {readonly (readonly number[])[]} confusion
 * @property {readonly Misreading[]} errors
 * @property {readonly Week[]} weeks
 */

const NOT_NOW = [429, 502, 503, 504];

/** The routes under `api/v1/review/`. Every call throws a ServerAway or a Refusal where it fails. */
export class Office {
  #base;
  #key;
  #fetch;

  /**
   * @param {URL} base
   * @param {string} key
   * @param {typeof globalThis.fetch} [fetch]
   */
  constructor(base, key, fetch = (...call) => globalThis.fetch(...call)) {
    this.#base = base;
    this.#key = key;
    this.#fetch = fetch;
  }

  /**
   * @param {Readonly<Record<string, string>>} query
   * @returns {Promise<Found>}
   */
  async drawings(query) {
    return /** @type {Found} */ (await this.#call(`drawings?${new URLSearchParams(query)}`));
  }

  /**
   * @param {readonly Verdict[]} verdicts
   * @returns {Promise<Reviewed>}
   */
  async review(verdicts) {
    return /** @type {Reviewed} */ (await this.#call("verdicts", { verdicts }));
  }

  /** @returns {Promise<Undone>} */
  async undo() {
    return /** @type {Undone} */ (await this.#call("undo", {}));
  }

  /** @returns {Promise<Statistics>} */
  async statistics() {
    return /** @type {Statistics} */ (await this.#call("statistics"));
  }

  /**
   * @param {string} path
   * @param {object} [body] Makes it a POST.
   * @returns {Promise<unknown>}
   */
  async #call(path, body) {
    const headers = { Authorization: `Bearer ${this.#key}`, "Content-Type": "application/json" };
    const post = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const response = await this.#answered(new URL(path, this.#base), { headers, cache: "no-store", ...post });
    if (response.ok) return response.json();
    if (NOT_NOW.includes(response.status)) throw new ServerAway("The server cannot reach the drawings at the moment.");
    const { detail, type } = await response.json().catch(() => ({}));
    throw new Refusal(detail ?? `The server answered with status ${response.status}.`, { status: response.status, type });
  }

  /**
   * @param {URL} url
   * @param {RequestInit} request
   */
  async #answered(url, request) {
    try {
      return await this.#fetch(url, request);
    } catch (error) {
      // fetch rejects with a TypeError when no connection came about.
      throw error instanceof TypeError ? new ServerAway("The server does not answer.", { cause: error }) : error;
    }
  }
}

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
 * @property {readonly number[]} shares The probabilities of the digits 0 to 9 and of no digit.
 * @property {readonly Standing[]} standings What the standing is if the drawing is said to be each of these.
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
/** @typedef {{ readonly changed: number, readonly counts: Counts }} Changed */
/** @typedef {Changed & { readonly missing: readonly number[] }} Reviewed `missing` are gone: their writers deleted them. */
/** @typedef {Changed & { readonly drawings: readonly Verdict[] }} Undone How those that were taken back stand again. */
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
const PATIENCE_MS = 10_000;
/** For one answer of these the model may read a thousand drawings. */
const READING_PATIENCE_MS = 30_000;

/** The routes under `api/v1/review/`. Every call throws a ServerAway or a Refusal where it fails. */
export class Office {
  #base;
  #key;
  #fetch;
  #patience;

  /**
   * @param {URL} base
   * @param {string} key
   * @param {typeof globalThis.fetch} [fetch]
   * @param {{ readonly step: number, readonly reading: number }} [patience] Milliseconds before the server counts as away.
   */
  constructor(base, key, fetch = (...call) => globalThis.fetch(...call), patience = { step: PATIENCE_MS, reading: READING_PATIENCE_MS }) {
    this.#base = base;
    this.#key = key;
    this.#fetch = fetch;
    this.#patience = patience;
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
    const signal = AbortSignal.timeout(body === undefined ? this.#patience.reading : this.#patience.step);
    const { status, isOk, told } = await this.#answered(new URL(path, this.#base), { headers, cache: "no-store", signal, ...post });
    if (isOk) return told;
    if (NOT_NOW.includes(status)) throw new ServerAway(told.detail ?? "The server cannot reach the drawings at the moment.");
    throw new Refusal(told.detail ?? `The server answered with status ${status}.`, { status, type: told.type });
  }

  /**
   * @param {URL} url
   * @param {RequestInit} request
   */
  async #answered(url, request) {
    try {
      const response = await this.#fetch(url, request);
      const { ok: isOk, status } = response;
      return { isOk, status, told: await (isOk ? response.json() : response.json().catch(() => ({}))) };
    } catch (error) {
      throw unanswered(error);
    }
  }
}

/**
 * What no answer means: the server may have done what it was asked to all the same, and the cause says so.
 *
 * @param {unknown} error
 */
function unanswered(error) {
  // A TypeError when no connection came about, or broke; what the signal gives up for when it took too long.
  if (error instanceof TypeError) return new ServerAway("The server does not answer.", { cause: error });
  const isLate = error instanceof DOMException && error.name === "TimeoutError";
  return isLate ? new ServerAway("The server took too long to answer.", { cause: error }) : error;
}

// Waiting for a server that is away: look again, less and less often, until it is back.

import { CLOCK } from "./latest.js";

/** @typedef {import("./latest.js").Timers} Timers */

const PAUSES_MS = [500, 1000, 2000, 4000, 8000];

/**
 * @typedef {object} RecoveryOptions
 * @property {() => Promise<boolean>} probe Whether the server is there.
 * @property {() => void} onBack
 * @property {readonly number[]} [pauses] Milliseconds before each look; the last one repeats.
 * @property {Timers} [timers]
 */

export class Recovery {
  /** @type {Required<RecoveryOptions>} */
  #options;
  /** @type {number | null} */
  #timer = null;
  #looks = 0;
  #waiting = false;

  /** @param {RecoveryOptions} options */
  constructor(options) {
    this.#options = { pauses: PAUSES_MS, timers: CLOCK, ...options };
  }

  /** Start looking; does nothing while it already looks. */
  start() {
    if (this.#waiting) return;
    this.#waiting = true;
    this.#lookLater();
  }

  /** The server answered, or nobody waits for it any more: the next wait starts with short pauses again. */
  stop() {
    this.#waiting = false;
    this.#looks = 0;
    this.#clear();
  }

  /** Look at once instead of at the next turn. */
  async hurry() {
    if (!this.#waiting) return;
    this.#clear();
    await this.#look();
  }

  #lookLater() {
    const { pauses, timers } = this.#options;
    const pause = pauses[Math.min(this.#looks, pauses.length - 1)] ?? 0;
    this.#timer = timers.set(() => void this.#look(), pause);
  }

  async #look() {
    this.#timer = null;
    this.#looks += 1;
    const back = await this.#options.probe();
    if (!this.#waiting || this.#timer !== null) return;
    if (!back) return this.#lookLater();
    // Not `stop`: should the very next call fail again, the pauses go on growing.
    this.#waiting = false;
    this.#options.onBack();
  }

  #clear() {
    if (this.#timer !== null) this.#options.timers.clear(this.#timer);
    this.#timer = null;
  }
}

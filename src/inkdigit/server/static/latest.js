// Asking while somebody draws: not at every move, one call at a time, and only ever forwards in time.

/**
 * @typedef {object} Timers
 * @property {(callback: () => void, ms: number) => number} set
 * @property {(timer: number) => void} clear
 */

/** @type {Timers} */
export const CLOCK = {
  set: (callback, ms) => Number(setTimeout(callback, ms)),
  clear: (timer) => clearTimeout(timer),
};

/**
 * @template Question, Reply
 * @typedef {object} AskerOptions
 * @property {(question: Question, signal: AbortSignal) => Promise<Reply>} ask
 * @property {(reply: Reply, question: Question) => void} onReply
 * @property {(error: unknown, question: Question) => void} onError
 * @property {() => void} [onLate] The reply to `now` lets one wait.
 * @property {number} [pause] Milliseconds that `soon` gathers changes before it asks.
 * @property {number} [patience] Milliseconds after which a reply is late.
 * @property {Timers} [timers]
 */

/**
 * Asks the newest question, and never reports an older reply after a newer question was settled or dropped.
 *
 * `soon` is for a drawing that is still growing: it waits a little, and for the call under way, so that at most one
 * call is in flight. `now` is for a finished stroke: it gives up the call under way. `drop` forgets everything.
 *
 * @template Question, Reply
 */
export class Asker {
  /** @type {Required<AskerOptions<Question, Reply>>} */
  #options;
  /** @type {AbortController | null} */
  #flight = null;
  /** @type {{ question: Question } | null} */
  #waiting = null;
  /** @type {number | null} */
  #timer = null;
  /** @type {number | null} */
  #lateTimer = null;

  /** @param {AskerOptions<Question, Reply>} options */
  constructor(options) {
    this.#options = { onLate: () => undefined, pause: 120, patience: 500, timers: CLOCK, ...options };
  }

  /** @param {Question} question */
  soon(question) {
    this.#waiting = { question };
    this.#timer ??= this.#options.timers.set(() => {
      this.#timer = null;
      this.#askWaiting();
    }, this.#options.pause);
  }

  /** @param {Question} question */
  now(question) {
    this.drop();
    const { timers, onLate, patience } = this.#options;
    this.#lateTimer = timers.set(onLate, patience);
    void this.#ask(question);
  }

  drop() {
    if (this.#timer !== null) this.#options.timers.clear(this.#timer);
    this.#stopWaiting();
    this.#flight?.abort();
    this.#timer = this.#flight = this.#waiting = null;
  }

  #stopWaiting() {
    if (this.#lateTimer !== null) this.#options.timers.clear(this.#lateTimer);
    this.#lateTimer = null;
  }

  #askWaiting() {
    if (this.#waiting === null || this.#flight !== null || this.#timer !== null) return;
    const { question } = this.#waiting;
    this.#waiting = null;
    void this.#ask(question);
  }

  /** @param {Question} question */
  async #ask(question) {
    const { ask, onReply, onError } = this.#options;
    const flight = (this.#flight = new AbortController());
    // A flight that is no longer the current one was given up: whatever it brings is older than what came since.
    const land = (/** @type {() => void} */ report) => {
      if (this.#flight !== flight) return;
      this.#flight = null;
      this.#stopWaiting();
      report();
      this.#askWaiting();
    };
    await ask(question, flight.signal).then(
      (reply) => land(() => onReply(reply, question)),
      (error) => land(() => onError(error, question)),
    );
  }
}

// Reading one person's hand: their drawings go to the server, which makes a layer of them and keeps none. Pure.

import { Refusal, ServerAway } from "./api.js";
import { writtenOf } from "./examples.js";
import { Asker } from "./latest.js";
import { paintingCost } from "./raster.js";
import { MOST, faultOf, strokeLength } from "./strokes.js";

/** @typedef {import("./api.js").Adapted} Adapted */
/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./api.js").Labelled} Labelled */
/** @typedef {import("./examples.js").Example} Example */
/** @typedef {import("./memory.js").Memory} Memory */
/** @typedef {"untaught" | "learning" | "used" | "unused" | "off" | "waiting" | "unable" | "large"} State */

/** A server that cannot learn: asking it again is of no use. */
const CANNOT = [404, 405, 501];

const MALFORMED = 400;

/** Of a call: points, the way of the pen, pixels that are looked at to paint it. No server takes more. */
const LIMITS = [MOST.points, MOST.length, 140_000_000];

/** Events: `change` (what is known of the hand, or whether it is used). */
export class Learner extends EventTarget {
  #memory;
  /** @type {Asker<readonly Labelled[], Adapted>} */
  #asker;
  /** @type {"idle" | "learning" | "waiting" | "unable" | "large"} */
  #work = "idle";
  /**
   * The model for which a layer was last asked, "" where that was not known, and null where none is to be asked again: one
   * that gives none is not asked at every answer.
   *
   * @type {string | null}
   */
  #askedFor = null;
  /** @type {readonly Example[]} What a layer was last asked of. */
  #lessons = [];

  /**
   * @param {Memory} memory
   * @param {(drawings: readonly Labelled[], signal: AbortSignal) => Promise<Adapted>} adapt
   */
  constructor(memory, adapt) {
    super();
    this.#memory = memory;
    this.#asker = new Asker({
      ask: adapt,
      onReply: (learned) => {
        if (this.#isForgotten()) return this.#learn();
        this.#memory.learned = learned;
        this.#memory.isStale = false;
        this.#to("idle");
      },
      onError: (error) => {
        const isTooMuch = error instanceof Refusal && error.status === MALFORMED && this.#lessons.length > 1;
        if (isTooMuch) return this.#ask(this.#lessons.slice(-Math.floor(this.#lessons.length / 2)));
        if (error instanceof ServerAway) this.#askedFor = null; // it may do so the next time
        this.#to(error instanceof Refusal && CANNOT.includes(error.status) ? "unable" : "waiting");
      },
    });
  }

  /** @returns {State} */
  get state() {
    if (this.#memory.examples.length === 0) return "untaught";
    if (!this.#memory.isOn) return "off";
    if (this.#work !== "idle") return this.#work;
    const { learned, isStale } = this.#memory;
    if (learned === null || isStale) return "waiting";
    return learned.used ? "used" : "unused";
  }

  /** @returns {string | null} What goes along with a picture; null where nothing was learned, or nothing that helps. */
  get layer() {
    const { examples, isOn, learned } = this.#memory;
    return isOn && examples.length > 0 && learned !== null && learned.used ? learned.layer : null;
  }

  /** Whether what was said goes with the page. */
  get isPassing() {
    return this.#memory.isPassing("examples");
  }

  /** @returns {{ readonly corrections: number, readonly confirmations: number }} */
  get lessons() {
    const lessons = this.#memory.examples;
    const corrections = lessons.filter(({ label, predicted }) => label !== predicted).length;
    return { corrections, confirmations: lessons.length - corrections };
  }

  /**
   * Take to heart what a person says of one drawing, in place of what they said of it before.
   *
   * @param {string} id Of the drawing; its digits' begin with it.
   * @param {readonly Example[]} examples What is no digit teaches nothing of how somebody writes digits.
   */
  learnFrom(id, examples) {
    const lessons = examples.filter(({ label }) => label !== null);
    const isOfIt = (/** @type {Example} */ example) => example.id === id || example.id.startsWith(`${id}.`);
    if (lessons.length === 0 && !this.#memory.examples.some(isOfIt)) return;
    this.#memory.replace(isOfIt, lessons);
    this.#learn();
  }

  /** The server does not know the layer: it is of another version, or damaged. The drawings are still there. */
  dropLayer() {
    this.#memory.learned = null;
    this.dispatchEvent(new Event("change"));
  }

  /** All of it. */
  forget() {
    this.#memory.forget();
    this.#learn();
  }

  /** @param {boolean} on */
  set isOn(on) {
    this.#memory.isOn = on;
    this.dispatchEvent(new Event("change"));
  }

  /**
   * A layer belongs to one model; where another one answers, one for that is asked. So it is where there is none yet, or
   * none of what was said last.
   *
   * @param {Answer} answer To a finished drawing.
   */
  note({ model }) {
    if (this.#work === "learning" || this.#work === "unable" || this.#askedFor === model) return;
    const { examples, isOn, isStale, learned } = this.#memory;
    if ((learned?.model === model && !isStale) || !isOn || examples.length === 0) return;
    this.#askedFor = model;
    this.#learn();
  }

  /** The server answered, not with a digit: it may make the layer that it could not make when something was said. */
  retry() {
    if (this.state !== "waiting" || this.#askedFor !== null) return;
    this.#askedFor = "";
    this.#learn();
  }

  #learn() {
    const lessons = this.#memory.examples;
    this.#asker.drop();
    this.#memory.isStale = lessons.length > 0;
    if (lessons.length === 0) {
      this.#memory.learned = null;
      return this.#to("idle");
    }
    if (this.#work !== "unable") {
      const some = fitting(lessons);
      if (some.length === 0) {
        this.#memory.learned = null;
        return this.#to("large");
      }
      this.#work = "learning";
      this.#ask(some);
    }
    this.dispatchEvent(new Event("change"));
  }

  /** @param {readonly Example[]} lessons */
  #ask(lessons) {
    this.#lessons = lessons;
    this.#asker.now(lessons.map(({ drawing, label }) => ({ strokes: writtenOf(drawing), label: Number(label) })));
  }

  /** Whether another tab forgot some of the lessons meanwhile: a layer of them is not to be kept. */
  #isForgotten() {
    const remembered = new Set(this.#memory.examples.map(({ id }) => id));
    return !this.#lessons.every(({ id }) => remembered.has(id));
  }

  /** @param {"idle" | "waiting" | "unable" | "large"} work */
  #to(work) {
    this.#work = work;
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * @param {readonly Example[]} examples
 * @returns {readonly Example[]} The newest that fit into a call, without those that never would.
 */
function fitting(examples) {
  const taken = [];
  let sums = LIMITS.map(() => 0);
  for (const example of [...examples].reverse()) {
    const costs = costsOf(example.drawing);
    if (!isWithin(costs) || faultOf(example.drawing) !== null) continue;
    sums = sums.map((sum, i) => sum + (costs[i] ?? 0));
    if (!isWithin(sums)) break;
    taken.unshift(example);
  }
  return taken;
}

/** @param {import("./strokes.js").Drawing} drawing */
function costsOf(drawing) {
  const sumOf = (/** @type {(stroke: import("./strokes.js").Stroke) => number} */ of) => drawing.reduce((sum, stroke) => sum + of(stroke), 0);
  return [sumOf(({ points }) => points.length), sumOf(strokeLength), paintingCost(drawing)];
}

/** @param {readonly number[]} costs */
function isWithin(costs) {
  return costs.every((cost, i) => cost <= (LIMITS[i] ?? 0));
}

/** @type {Readonly<Record<State, (lessons: string) => string>>} */
const WORDS = {
  untaught: () => "",
  learning: (lessons) => `Learning from your ${lessons} …`,
  used: (lessons) => `Learned from your ${lessons}.`,
  unused: (lessons) => `Your ${lessons} do not yet make it read you better, so its answers stay as they are.`,
  off: (lessons) => `Your ${lessons} are remembered, and not used.`,
  waiting: (lessons) => `Your ${lessons} are remembered; the server cannot learn from them just now.`,
  large: (lessons) => `Your ${lessons} are remembered, and too large to learn from.`,
  unable: (lessons) => `Your ${lessons} are remembered; this server cannot learn from them.`,
};

/**
 * @param {Pick<Learner, "state" | "lessons"> & Partial<Pick<Learner, "isPassing">>} learner
 * @returns {string}
 */
export function wordsOf({ state, lessons: { corrections, confirmations }, isPassing = false }) {
  const parts = [
    ...(corrections > 0 ? [counted(corrections, "correction")] : []),
    ...(confirmations > 0 ? [counted(confirmations, "right answer")] : []),
  ];
  const isOne = corrections + confirmations === 1;
  const words = `${WORDS[state](parts.join(" and "))}${isPassing ? " This browser remembers nothing after the page is closed." : ""}`;
  return isOne ? words.replace(" do not ", " does not ").replace(" are remembered", " is remembered").replace("from them", "from it") : words;
}

/**
 * @param {number} count
 * @param {string} what
 */
function counted(count, what) {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

// Which call reads a drawing: what can only be one digit goes to predict, anything wider to read.

import { Refusal } from "./api.js";
import { isOneDigit, squareFor, wholeOf } from "./paper.js";
import { lengthOf } from "./reading.js";

/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./api.js").Reading} Reading */
/** @typedef {import("./paper.js").Crop} Crop */
/** @typedef {import("./paper.js").Paper} Paper */
/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {{ readonly image: string, readonly crop: Crop }} Posted */
/** @typedef {Posted & { readonly answer: Answer }} DigitReply */
/** @typedef {Posted & { readonly reading: Reading }} NumberReply */
/**
 * @typedef {object} Calls
 * @property {(image: string, signal: AbortSignal) => Promise<Answer>} predict
 * @property {(image: string, signal: AbortSignal) => Promise<Reading>} read
 * @property {(drawing: Drawing, crop: Crop) => string} pictureOf
 */

/** A server without the reader: asking it again is of no use. */
const NO_READER = [404, 501];
const NOTHING_READ = 422;

export class DrawingReader {
  #calls;
  #hasReader = true;

  /** @param {Calls} calls */
  constructor(calls) {
    this.#calls = calls;
  }

  /**
   * Read a drawing. Where the reader finds fewer than two characters, or there is none, the digit model has its say.
   *
   * @param {{ readonly drawing: Drawing, readonly paper: Paper }} question
   * @param {AbortSignal} signal
   * @returns {Promise<DigitReply | NumberReply>}
   */
  async ask({ drawing, paper }, signal) {
    if (this.#hasReader && !isOneDigit(drawing)) {
      const reply = await this.#readNumbers(drawing, wholeOf(paper), signal);
      if (reply !== null && lengthOf(reply.reading.numbers) > 1) return reply;
    }
    const crop = squareFor(drawing, paper);
    const image = this.#calls.pictureOf(drawing, crop);
    return { image, crop, answer: await this.#calls.predict(image, signal) };
  }

  /**
   * @param {Drawing} drawing
   * @param {Crop} crop
   * @param {AbortSignal} signal
   * @returns {Promise<NumberReply | null>} Null where nothing is read.
   */
  async #readNumbers(drawing, crop, signal) {
    const image = this.#calls.pictureOf(drawing, crop);
    try {
      return { image, crop, reading: await this.#calls.read(image, signal) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (NO_READER.includes(error.status)) this.#hasReader = false;
      else if (error.status !== NOTHING_READ) throw error;
      return null;
    }
  }
}

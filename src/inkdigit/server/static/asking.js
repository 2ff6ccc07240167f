// Which call reads a drawing: what can only be one digit goes to predict, anything wider to read. Two digits that are
// written close together look like one sign, so what predict takes for none is shown to read, too.

import { Refusal } from "./api.js";
import { isOneDigit, squareFor, standsApart, wholeOf } from "./paper.js";
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
 * @property {(drawing: Drawing, crop: Crop) => Promise<string>} pictureOf
 */

/** A server without the reader: asking it again is of no use. */
const NO_READER = [404, 501];
const NOTHING_READ = 422;
/**
 * How sure the reader must be that there is a number where the digit model sees no digit. Of 150 pairs of pen digits so
 * close that they pass for one sign, 129 are then read right and 3 wrong; of 216 letters 12 pass for a number.
 */
const SURE = 0.9;

export class DrawingReader {
  #calls;
  #hasReader = true;

  /** @param {Calls} calls */
  constructor(calls) {
    this.#calls = calls;
  }

  /**
   * Read a drawing. Where the reader finds fewer than two characters, or there is none, the digit model has its say,
   * and of ink that stands apart it is told that it may not have been read; where the digit model sees no digit, the
   * reader is heard if it is sure of a number.
   *
   * @param {{ readonly drawing: Drawing, readonly paper: Paper }} question
   * @param {AbortSignal} signal
   * @returns {Promise<DigitReply | NumberReply>}
   */
  async ask({ drawing, paper }, signal) {
    if (!isOneDigit(drawing)) {
      const number = await this.#readNumbers(drawing, wholeOf(paper), signal);
      if (isNumber(number)) return number;
      const reply = await this.#predict(drawing, paper, signal);
      return standsApart(drawing) ? { ...reply, answer: { ...reply.answer, alone: sureOf(number) } } : reply;
    }
    const reply = await this.#predict(drawing, paper, signal);
    if (reply.answer.is_digit) return reply;
    const number = await this.#readNumbers(drawing, wholeOf(paper), signal);
    return isNumber(number) && number.reading.numbers.every(({ confidence }) => confidence >= SURE) ? number : reply;
  }

  /**
   * @param {Drawing} drawing
   * @param {Paper} paper
   * @param {AbortSignal} signal
   * @returns {Promise<DigitReply>}
   */
  async #predict(drawing, paper, signal) {
    const crop = squareFor(drawing, paper);
    const image = await this.#calls.pictureOf(drawing, crop);
    return { image, crop, answer: await this.#calls.predict(image, signal) };
  }

  /**
   * @param {Drawing} drawing
   * @param {Crop} crop
   * @param {AbortSignal} signal
   * @returns {Promise<NumberReply | null>} Null where nothing is read.
   */
  async #readNumbers(drawing, crop, signal) {
    if (!this.#hasReader) return null;
    const image = await this.#calls.pictureOf(drawing, crop);
    try {
      const reading = await this.#calls.read(image, signal);
      return { image, crop, reading };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (NO_READER.includes(error.status)) this.#hasReader = false;
      else if (error.status !== NOTHING_READ) throw error;
      return null;
    }
  }
}

/**
 * @param {NumberReply | null} reply
 * @returns {reply is NumberReply} Whether more than one character is read.
 */
function isNumber(reply) {
  return reply !== null && lengthOf(reply.reading.numbers) > 1;
}

/** @param {NumberReply | null} reply */
function sureOf(reply) {
  return Math.min(1, ...(reply?.reading.numbers ?? []).map(({ confidence }) => confidence));
}

// Under the answer: that it is right, which digit it is instead, or that it is none; by a tap or a key.

import { exampleOf, examplesOf, idOf } from "./examples.js";
import { isTextField, labelOf } from "./keys.js";
import { isChosen, recalled, settled, standing } from "./reading.js";
import { find } from "./view.js";

/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./examples.js").Example} Example */
/** @typedef {import("./examples.js").ReadDigit} ReadDigit */
/** @typedef {import("./examples.js").ReadDrawing} ReadDrawing */
/** @typedef {import("./reading.js").Digit} Digit */
/** @typedef {import("./strokes.js").Drawing} Drawing */
/** @typedef {{ readonly digit: ReadDigit } | { readonly number: ReadDrawing }} Subject */
/**
 * @typedef {object} Said What a person said of one drawing.
 * @property {string} id
 * @property {number | null | undefined} label Of a digit, null for none; undefined while nothing was said.
 * @property {boolean} isAllRight Of a number.
 * @property {readonly Digit[]} digits Of a number, as they stood when something was said of them last.
 * @property {number} age How often all was forgotten before.
 */

/**
 * Events: `say` (a person said what the drawing shows, or took it back), `subject` (another answer stands on the page,
 * or none), `settle` (other characters of a number can be changed than before).
 */
export class Correcting extends EventTarget {
  #right;
  #none;
  #digits;
  #token;
  /** @type {Subject | null} */
  #subject = null;
  /** @type {WeakMap<Drawing, Said>} By drawing, so that one that comes back is not asked about again. */
  #said = new WeakMap();
  /** @type {ReadonlySet<string>} Ids of what was given away. */
  #given = new Set();
  /** How often all was forgotten: drawings that come back later have a label of before no more. */
  #age = 0;
  #isAwaited = false;
  /** @type {number | null | undefined} What a person said by a key before the answer came. */
  #early = undefined;

  /**
   * @param {Document} page
   * @param {() => string} token Random, another one at each call.
   */
  constructor(page, token) {
    super();
    this.#token = token;
    this.#right = find(page, "#right", HTMLButtonElement);
    this.#none = find(page, "#none", HTMLButtonElement);
    this.#digits = [...page.querySelectorAll("#shares button")];
    this.#right.addEventListener("click", () => this.#sayRight());
    this.#none.addEventListener("click", () => this.#toggle(null));
    this.#digits.forEach((button, digit) => button.addEventListener("click", () => this.#toggle(digit)));
    page.addEventListener("keydown", (event) => this.#keyDown(event));
    this.#paint();
  }

  /** @returns {Answer | null} The answer to a digit of which something can be said. */
  get answer() {
    return this.#subject !== null && "digit" in this.#subject ? this.#subject.digit.answer : null;
  }

  /** The numbers of which something can be said, with what was said of them. */
  get numbers() {
    return this.#subject !== null && "number" in this.#subject ? this.#subject.number.numbers : [];
  }

  /** What a person says of the digit, null for no digit; undefined while nothing is said. */
  get label() {
    return this.#now?.label;
  }

  /** Whether a person says that the numbers are right as they stand. */
  get isAllRight() {
    return this.answer === null && this.#now?.isAllRight === true;
  }

  /** @returns {string} Of the drawing of which something can be said. */
  get id() {
    return this.#now?.id ?? "";
  }

  /** @returns {readonly Example[]} What was said, digit by digit. */
  get examples() {
    const [subject, said] = [this.#subject, this.#now];
    if (subject === null || said === undefined) return [];
    if ("number" in subject) return examplesOf(said.id, subject.number, meantBy(said));
    return said.label === undefined ? [] : [exampleOf(said.id, said.label, subject.digit)];
  }

  /** @param {ReadonlySet<string>} ids What was said of these digits stands, since it was given away like that. */
  set given(ids) {
    this.#given = ids;
    const [before, { id }] = [this.numbers, this];
    const numbers = settled(before, (place) => ids.has(idOf(id, place)));
    if (this.#subject !== null && "number" in this.#subject) this.#subject = { number: { ...this.#subject.number, numbers } };
    this.#paint();
    if (numbers !== before) this.dispatchEvent(new Event("settle"));
  }

  /** The answer to a finished drawing is on its way: a key that says what it shows is heard from now on. */
  await() {
    this.#isAwaited = true;
  }

  /** @param {Subject | null} subject The answer to a finished drawing; null when another one comes, or none. */
  turnTo(subject) {
    const early = this.#early;
    [this.#isAwaited, this.#early] = [false, undefined];
    if (subject === null && this.#subject === null) return;
    this.#subject = subject;
    if (subject !== null && "number" in subject) this.#recall(subject.number);
    this.#paint();
    this.dispatchEvent(new Event("subject"));
    if (early !== undefined && early !== this.label) this.#say(early);
  }

  /** What was said of any drawing, as if it never had been; what was given away stands. Another answer has to come. */
  forget() {
    this.#age += 1;
    this.turnTo(null);
  }

  /** @param {ReadDrawing["numbers"]} numbers As a person has them now. */
  renumber(numbers) {
    if (this.#subject === null || !("number" in this.#subject) || numbers === this.numbers) return;
    this.#subject = { number: { ...this.#subject.number, numbers } };
    this.#tell();
  }

  /** @param {ReadDrawing} read Another reading of a drawing of which something was said. */
  #recall(read) {
    const said = /** @type {Said} */ (this.#now);
    this.#subject = { number: { ...read, numbers: recalled(read.numbers, said.digits.filter(meantBy(said))) } };
  }

  /** @returns {Said | undefined} */
  get #now() {
    if (this.#subject === null) return undefined;
    const { drawing } = "digit" in this.#subject ? this.#subject.digit : this.#subject.number;
    const before = this.#said.get(drawing);
    if (before?.age === this.#age) return before;
    const id = before?.id ?? this.#token();
    const said = { id, label: undefined, isAllRight: false, digits: [], ...this.#standing(before), age: this.#age };
    this.#said.set(drawing, said);
    return said;
  }

  /**
   * @param {Said | undefined} said Before all was forgotten.
   * @returns {Partial<Said>} What of it was given away.
   */
  #standing(said) {
    if (said === undefined) return {};
    if (this.#given.has(said.id)) return { label: said.label };
    return { digits: standing(said.digits, (place) => this.#given.has(idOf(said.id, place))) };
  }

  /** Whether what was said of the digit stands; of a number, that the rest of it is right. */
  get #isFinal() {
    if (this.answer !== null) return this.#given.has(this.id);
    const digits = this.numbers.flatMap((number) => number.digits);
    return this.#now?.isAllRight === true && digits.some((digit) => digit.isFinal === true && !isChosen(digit));
  }

  #sayRight() {
    const [answer, said] = [this.answer, this.#now];
    if (answer !== null) return this.#toggle(rightOf(answer));
    if (said === undefined || this.#isFinal) return;
    said.isAllRight = !said.isAllRight;
    this.#tell();
  }

  /** @param {number | null} label Said once more, it is taken back. */
  #toggle(label) {
    this.#say(label === this.label ? undefined : label);
  }

  /** @param {number | null | undefined} label */
  #say(label) {
    const said = this.#now;
    if (said === undefined || this.#isFinal || this.answer === null) return;
    said.label = label;
    this.#tell();
  }

  #tell() {
    const [subject, said] = [this.#subject, this.#now];
    if (said !== undefined && subject !== null && "number" in subject) said.digits = subject.number.numbers.flatMap(({ digits }) => digits);
    this.#paint();
    this.dispatchEvent(new Event("say"));
  }

  /** @param {KeyboardEvent} event */
  #keyDown(event) {
    const label = labelOf(event);
    if (label === undefined || event.defaultPrevented || isTextField(event.target)) return;
    if (this.answer === null && !this.#hears(event)) return;
    event.preventDefault();
    if (this.answer === null) this.#early = label;
    else if (label !== this.label) this.#say(label);
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {boolean} Whether it says something of the answer that is on its way, and not of a number that still stands there.
   */
  #hears({ target }) {
    const isOfNumber = target instanceof Element && target.closest(".reading") !== null;
    return this.#isAwaited && this.#subject === null && !isOfNumber;
  }

  #paint() {
    const [answer, said] = [this.answer, this.#now];
    for (const button of [this.#right, this.#none, ...this.#digits]) {
      button.setAttribute("aria-disabled", String(said === undefined || this.#isFinal));
    }
    this.#digits.forEach((button, digit) => {
      button.setAttribute("aria-pressed", String(said?.label === digit));
      button.setAttribute("tabindex", answer === null ? "-1" : "0");
    });
    const isRight = answer !== null && said?.label === rightOf(answer);
    this.#right.setAttribute("aria-pressed", String(isRight || said?.isAllRight === true));
    this.#none.setAttribute("aria-pressed", String(said?.label === null));
  }
}

/**
 * @param {Said} said
 * @returns {(digit: import("./reading.js").Digit) => boolean} Whether a digit of a number is among what was said.
 */
function meantBy({ isAllRight }) {
  return isAllRight ? () => true : isChosen;
}

/** @param {Answer} answer */
function rightOf({ label, is_digit }) {
  return is_digit ? label : null;
}

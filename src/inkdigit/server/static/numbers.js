// Numbers written large, digit by digit: what is doubtful is marked in its place, and offers what else it may be.

import { glyphFigure, widthOf } from "./figures.js";
import { choicesOf, choose, isChosen, isDoubtful, shownOf } from "./reading.js";
import { find } from "./view.js";
import { nameOf, percent, placeOf, wordOf } from "./words.js";

/** @typedef {import("./reading.js").Digit} Digit */
/** @typedef {import("./reading.js").Place} Place */
/** @typedef {import("./reading.js").ReadNumber} ReadNumber */

const GAP = 0.7; // between two numbers, as a share of a digit
const DIGITS = [..."0123456789"];
/** With more characters than this only the doubtful ones have room for how sure they are. */
const ROOMY = 6;

/** Event: `choose` (a person chose what stands in a place; `numbers` says what they are now). */
export class NumbersView extends EventTarget {
  #list;
  #choices;
  #others;
  /** @type {readonly ReadNumber[]} */
  #numbers = [];
  /** @type {readonly HTMLElement[]} One for each of their characters. */
  #cells = [];
  /** @type {Place | null} The place whose choices are on offer. */
  #open = null;
  /** Whether another drawing stands on the pad than the one that was read. */
  #isStale = false;
  #areRight = false;

  /** @param {Document} page */
  constructor(page) {
    super();
    this.#list = find(page, "#number", HTMLOListElement);
    this.#choices = find(page, "#choices", HTMLElement);
    this.#others = find(page, "#others", HTMLElement);
    for (const part of [this.#list, this.#choices, this.#others]) part.addEventListener("keydown", (event) => this.#keyDown(event));
    // Before the toolbar's, which would clear the drawing: this view is made first.
    page.addEventListener("keydown", (event) => this.#keyDownElsewhere(event));
  }

  get numbers() {
    return this.#numbers;
  }

  /**
   * @param {readonly ReadNumber[]} numbers
   * @param {boolean} [areRight] As a person says: none of their digits is doubtful any more.
   */
  show(numbers, areRight = false) {
    this.#numbers = numbers;
    this.#areRight = areRight;
    this.#open = null;
    this.#isStale = false;
    this.#paint();
  }

  /** @param {boolean} areRight */
  set areRight(areRight) {
    if (areRight === this.#areRight) return;
    this.#areRight = areRight;
    this.#open = null;
    this.#paint();
  }

  /** What stands there is of another drawing than the one on the pad, until numbers are shown again: a choice would be lost. */
  outdate() {
    if (this.#isStale) return;
    this.#isStale = true;
    this.#paintState();
  }

  get #places() {
    return this.#numbers.flatMap(({ digits }, number) => digits.map((_, digit) => ({ number, digit })));
  }

  #paint() {
    const places = this.#places;
    const focused = this.#focusedPlace();
    const signs = places.map((place) => shownOf(this.#digitAt(place)));
    const gaps = Math.max(this.#numbers.length - 1, 0) * GAP;
    this.#list.style.setProperty("--total", String(signs.reduce((sum, sign) => sum + widthOf(sign) / 100, gaps)));
    this.#list.classList.toggle("is-long", signs.length > ROOMY);
    this.#cells = places.map((place) => this.#cell(place));
    this.#list.replaceChildren(...this.#wholes());
    this.#paintChoices();
    this.#paintState();
    // What is focused was just made anew.
    if (focused >= 0) this.#cells[Math.min(focused, places.length - 1)]?.querySelector("button")?.focus();
  }

  /** Of several numbers each is a list of its own, so that a line breaks between two of them where it can. */
  #wholes() {
    if (this.#numbers.length < 2) return this.#cells;
    return this.#numbers.map((_, number) => {
      const whole = document.createElement("li");
      whole.className = "whole";
      const list = whole.appendChild(document.createElement("ol"));
      list.append(...this.#cells.filter((_, i) => this.#places[i]?.number === number));
      return whole;
    });
  }

  /** @returns {number} From 0; -1 where the focus is elsewhere. With it on what a place may be, the first. */
  #focusedPlace() {
    const { activeElement } = document;
    if (this.#choices.contains(activeElement) || this.#others.contains(activeElement)) return 0;
    return this.#cells.findIndex((item) => item.contains(activeElement));
  }

  /** Apart, so that what is focused is not made anew while one draws. */
  #paintState() {
    for (const part of [this.#list, this.#choices, this.#others]) {
      for (const button of part.querySelectorAll("button")) {
        button.setAttribute("aria-disabled", String(this.#isStale || button.closest(".is-given") !== null));
      }
    }
  }

  /** @param {Place} place */
  #cell(place) {
    const digit = this.#digitAt(place);
    const item = document.createElement("li");
    item.classList.toggle("is-doubtful", isDoubtful(digit));
    item.classList.toggle("is-chosen", isChosen(digit));
    item.classList.toggle("is-given", digit.isFinal === true);
    item.style.setProperty("--wide", String(widthOf(shownOf(digit)) / 100));
    item.style.setProperty("--share", String(isChosen(digit) ? 1 : digit.confidence));
    item.append(this.#button(place, digit), caption(digit));
    return item;
  }

  /**
   * @param {Place} place
   * @param {Digit} digit
   */
  #button(place, digit) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(glyphFigure(shownOf(digit)));
    button.setAttribute("aria-label", nameOf(digit));
    button.setAttribute("aria-expanded", String(this.#isOpen(place)));
    button.setAttribute("aria-controls", this.#choices.id);
    button.addEventListener("click", () => this.#toggle(place));
    return button;
  }

  #paintChoices() {
    const place = this.#open;
    this.#choices.hidden = this.#others.hidden = place === null;
    if (place === null) {
      this.#choices.replaceChildren();
      return this.#others.replaceChildren();
    }
    const number = /** @type {ReadNumber} */ (this.#numbers[place.number]);
    const digit = this.#digitAt(place);
    const likely = choicesOf(digit);
    const title = document.createElement("p");
    if (digit.isFinal === true) {
      title.textContent = `The ${placeOf(number, place.digit)} was given away like this, and stands until that is taken back.`;
      this.#choices.replaceChildren(title);
      this.#others.hidden = true;
      return this.#others.replaceChildren();
    }
    title.textContent = `The ${placeOf(number, place.digit)} is`;
    this.#choices.setAttribute("aria-label", `What the ${placeOf(number, place.digit)} may be`);
    const isNew = (/** @type {string} */ label) => !likely.some((choice) => choice.label === label);
    const signs = [...(canBePoint(number, place.digit) ? ["."] : []), ""].filter(isNew).map((label) => ({ label }));
    this.#choices.replaceChildren(title, ...[...likely, ...signs].map((choice) => this.#choice(place, digit, choice)));
    const others = DIGITS.filter(isNew);
    this.#others.replaceChildren("or", ...others.map((label) => this.#choice(place, digit, { label })));
  }

  /**
   * @param {Place} place
   * @param {Digit} digit
   * @param {{ readonly label: string, readonly confidence?: number }} choice Without a confidence it is not likely at all.
   */
  #choice(place, digit, { label, confidence }) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", String(label === shownOf(digit)));
    button.append(label === "" ? "nothing" : label);
    button.addEventListener("click", () => this.#choose(place, label));
    button.setAttribute("aria-label", confidence === undefined ? wordOf(label) : `${wordOf(label)}, ${percent(confidence)}`);
    if (confidence === undefined) return button;
    const share = document.createElement("small");
    share.textContent = percent(confidence);
    button.append(" ", share);
    return button;
  }

  /** @param {Place} place */
  #toggle(place) {
    if (this.#isStale && !this.#isOpen(place)) return;
    this.#open = this.#isOpen(place) ? null : place;
    this.#paint();
    this.#focus(place);
  }

  /**
   * @param {Place} place
   * @param {string} label
   */
  #choose(place, label) {
    if (this.#isStale) return;
    this.#numbers = choose(this.#numbers, place, label);
    this.#open = null;
    this.#paint();
    this.#focus(place);
    this.dispatchEvent(new Event("choose"));
  }

  /** @param {KeyboardEvent} event */
  #keyDown(event) {
    const place = this.#open ?? this.#placeOf(event.target);
    if (event.key === "Escape" && this.#open !== null) this.#toggle(this.#open);
    else if (place !== null && !this.#isStale && typedOf(event) !== null) this.#type(place, typedOf(event) ?? "");
    else return;
    // Not for the page, which would clear the drawing.
    event.preventDefault();
  }

  /**
   * Closes what is on offer, without taking the focus from where it is.
   *
   * @param {KeyboardEvent} event
   */
  #keyDownElsewhere(event) {
    const isInSight = this.#choices.offsetParent !== null;
    if (event.key !== "Escape" || event.defaultPrevented || this.#open === null || !isInSight) return;
    event.preventDefault();
    this.#open = null;
    this.#paint();
  }

  /**
   * What is typed takes the place of a digit, and the next one has its turn.
   *
   * @param {Place} place
   * @param {string} label
   */
  #type(place, label) {
    this.#choose(place, label);
    const next = this.#cells[this.#indexOf(place) + 1];
    next?.querySelector("button")?.focus();
  }

  /**
   * @param {EventTarget | null} target
   * @returns {Place | null}
   */
  #placeOf(target) {
    const index = this.#cells.findIndex((item) => target instanceof Node && item.contains(target));
    return this.#places[index] ?? null;
  }

  /** @param {Place} place */
  #indexOf({ number, digit }) {
    return this.#numbers.slice(0, number).reduce((sum, { digits }) => sum + digits.length, 0) + digit;
  }

  /** @param {Place} place What is focused was just made anew. */
  #focus(place) {
    this.#cells[this.#indexOf(place)]?.querySelector("button")?.focus();
  }

  /** @param {Place} place */
  #isOpen(place) {
    return this.#open?.number === place.number && this.#open.digit === place.digit;
  }

  /** @param {Place} place */
  #digitAt({ number, digit }) {
    const read = /** @type {Digit} */ (this.#numbers[number]?.digits[digit]);
    return this.#areRight ? { ...read, doubtful: false } : read;
  }
}

/**
 * @param {ReadNumber} number
 * @param {number} place Of one of its characters.
 * @returns {boolean} Whether it may be the decimal point: within the number, which has no other.
 */
function canBePoint({ digits }, place) {
  return place > 0 && place < digits.length - 1 && digits.every((digit, i) => i === place || shownOf(digit) !== ".");
}

/**
 * @param {KeyboardEvent} event
 * @returns {string | null} The digit that a key types, "" for one that takes it away; a key that is held types once.
 */
function typedOf({ key, ctrlKey, metaKey, altKey, repeat }) {
  if (ctrlKey || metaKey || altKey || repeat) return null;
  if (key === "Backspace" || key === "Delete") return "";
  return /^[0-9]$/.test(key) ? key : null;
}

/**
 * The mark below a character: how sure it is, with a question mark where it is doubtful.
 *
 * @param {Digit} digit
 */
function caption(digit) {
  const text = document.createElement("span");
  text.className = "caption";
  text.setAttribute("aria-hidden", "true"); // the name of the character says it
  const mark = text.appendChild(document.createElement("b"));
  mark.textContent = isChosen(digit) ? "✓" : isDoubtful(digit) ? "?" : "";
  const share = text.appendChild(document.createElement("span"));
  share.textContent = digit.isFinal === true ? "given" : isChosen(digit) ? "yours" : percent(digit.confidence);
  return text;
}

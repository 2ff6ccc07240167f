// The grid of drawings: it shows the desk, and tells which drawing was clicked. It decides nothing.

import { SIGNS, describe, nameOf, percent } from "./review-words.js";
import { find } from "./view.js";

/** @typedef {import("./review-calls.js").Drawing} Drawing */
/** @typedef {import("./review-desk.js").Desk} Desk */

/** Events: `pick`, whose `detail` is the place of the drawing, whether it was picked before, and whether Shift or Ctrl was held. */
export class Grid extends EventTarget {
  #root;
  #desk;
  /** @type {HTMLElement[]} */
  #cards = [];
  /** @type {readonly number[]} */
  #shown = [];

  /**
   * @param {HTMLElement} root
   * @param {Desk} desk
   */
  constructor(root, desk) {
    super();
    this.#root = root;
    this.#desk = desk;
    root.addEventListener("click", (event) => this.#picked(event));
  }

  /** How many drawings stand in a row. */
  get columns() {
    const top = this.#cards[0]?.offsetTop;
    const second = this.#cards.findIndex((card) => card.offsetTop !== top);
    return second < 0 ? Math.max(1, this.#cards.length) : second;
  }

  /** Show the desk as it is; with `focus`, the keyboard goes to the drawing that is looked at. @param {boolean} focus */
  show(focus) {
    const { drawings } = this.#desk;
    const ids = drawings.map(({ id }) => id);
    if (String(ids) !== String(this.#shown)) {
      this.#cards = drawings.map(cardOf);
      this.#root.replaceChildren(...this.#cards);
      this.#shown = ids;
    }
    drawings.forEach((drawing, place) => this.#update(drawing, place));
    const focused = this.#cards[this.#desk.focus];
    if (focus) focused?.focus({ preventScroll: true });
    if (focus) focused?.scrollIntoView({ block: "nearest" });
  }

  /**
   * @param {Drawing} drawing
   * @param {number} place
   */
  #update(drawing, place) {
    const card = this.#cards[place];
    if (card === undefined) return;
    const isFocus = place === this.#desk.focus;
    card.tabIndex = isFocus ? 0 : -1;
    card.classList.toggle("is-here", isFocus);
    card.setAttribute("aria-selected", String(this.#desk.isChosen(drawing.id)));
    card.dataset.status = drawing.status;
    card.dataset.judged = String(this.#desk.isJudged(drawing.id));
    card.dataset.standing = drawing.reading.standing;
    find(card, ".sign", HTMLElement).textContent = SIGNS[drawing.reading.standing];
    const words = describe(drawing);
    find(card, ".told", HTMLElement).textContent = words;
    find(card, ".foot-of-card", HTMLElement).title = words; // it may be cut off where letters are wide
    const truth = find(card, ".truth", HTMLElement);
    truth.textContent = drawing.truth === null ? "none" : nameOf(drawing.truth);
    truth.classList.toggle("is-none", drawing.truth === null);
  }

  /** @param {MouseEvent} event */
  #picked(event) {
    const card = event.target instanceof Element ? event.target.closest(".card") : null;
    const place = this.#cards.findIndex((one) => one === card);
    if (place < 0) return;
    const again = place === this.#desk.focus;
    const detail = { place, again, range: event.shiftKey, toggle: event.ctrlKey || event.metaKey };
    this.dispatchEvent(new CustomEvent("pick", { detail }));
  }
}

/**
 * @param {Drawing} drawing
 * @returns {HTMLElement}
 */
function cardOf({ id, image, reading }) {
  const card = part("div", "card");
  card.id = `drawing-${id}`;
  card.setAttribute("role", "option");
  const picture = document.createElement("img");
  picture.src = image;
  picture.alt = "";
  const read = part("span", "read", reading.label === null ? "none" : `${reading.label}`);
  if (reading.label !== null) read.append(part("span", "share", ` ${percent(reading.confidence)}`));
  const foot = part("span", "foot-of-card");
  foot.setAttribute("aria-hidden", "true"); // the same in words is `told`
  foot.append(part("span", "truth"), part("span", "sign"), read);
  card.append(picture, foot, part("span", "stamp"), part("span", "told unseen"));
  return card;
}

/**
 * @param {string} tag
 * @param {string} name
 * @param {string} [content]
 */
export function part(tag, name, content = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = content;
  return element;
}

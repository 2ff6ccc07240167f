// A picture with its numbers over it: a list of buttons, each in the place of its number.

import { doubtsOf, isCorrected, textOf } from "./reading.js";
import { sidesOf } from "./tags.js";
import { find } from "./view.js";
import { nameOfNumber } from "./words.js";

/** @typedef {import("./reading.js").ReadNumber} ReadNumber */

/** Event: `select` (another number is looked at). */
export class PictureView extends EventTarget {
  #frame;
  #image;
  #boxes;
  /** @type {readonly ReadNumber[]} */
  #numbers = [];
  #selected = 0;

  /** @param {Document} page */
  constructor(page) {
    super();
    this.#frame = find(page, "#frame", HTMLElement);
    this.#image = find(page, "#picture", HTMLImageElement);
    this.#boxes = find(page, "#boxes", HTMLOListElement);
    this.#image.addEventListener("load", () => this.#paint());
    this.#image.addEventListener("error", () => this.#hide()); // instead of the browser's sign for a broken picture
    new ResizeObserver(() => this.#layTags()).observe(this.#frame);
  }

  /** @param {File} file It is shown at once; its numbers come later. */
  open(file) {
    this.close();
    this.#image.alt = `The picture ${file.name}`;
    this.#image.src = URL.createObjectURL(file);
  }

  close() {
    this.#hide();
    this.numbers = [];
  }

  #hide() {
    URL.revokeObjectURL(this.#image.src);
    this.#image.removeAttribute("src");
  }

  get numbers() {
    return this.#numbers;
  }

  /** The first number with a doubtful digit, or else the first one, is looked at first. */
  set numbers(numbers) {
    this.#numbers = numbers;
    this.#selected = Math.max(
      numbers.findIndex((number) => doubtsOf(number) > 0),
      0,
    );
    this.#paint();
  }

  /** @returns {ReadNumber | undefined} The number that is looked at. */
  get selected() {
    return this.#numbers[this.#selected];
  }

  /** @param {ReadNumber} number It takes the place of the one that is looked at. */
  correct(number) {
    this.#numbers = this.#numbers.map((before, i) => (i === this.#selected ? number : before));
    this.#paint();
  }

  #paint() {
    const { naturalWidth: width, naturalHeight: height } = this.#image;
    if (width === 0) return this.#boxes.replaceChildren();
    this.#frame.style.setProperty("--proportions", String(width / height));
    // Painted anew, what is focused would lose the focus.
    while (this.#boxes.children.length > this.#numbers.length) this.#boxes.lastElementChild?.remove();
    this.#numbers.forEach((number, i) => {
      const item = this.#boxes.children[i] ?? this.#boxes.appendChild(this.#item(i));
      dress(/** @type {HTMLElement} */ (item), number, i === this.#selected, { width, height });
    });
    this.#layTags();
  }

  #layTags() {
    const items = /** @type {HTMLElement[]} */ ([...this.#boxes.children]);
    const numbers = items.map((item) => {
      const { offsetLeft: left, offsetTop: top, offsetWidth: width, offsetHeight: height } = item;
      const tag = find(item, "span", HTMLElement);
      return { ink: { left, top, width, height }, width: tag.offsetWidth, height: tag.offsetHeight };
    });
    sidesOf(numbers, this.#selected, this.#boxes.clientWidth).forEach((side, i) => items[i]?.setAttribute("data-tag", side));
  }

  /** @param {number} index */
  #item(index) {
    const item = document.createElement("li");
    const button = item.appendChild(document.createElement("button"));
    button.type = "button";
    const tag = button.appendChild(document.createElement("span"));
    tag.setAttribute("aria-hidden", "true");
    button.addEventListener("click", () => {
      this.#selected = index;
      this.#paint();
      this.dispatchEvent(new Event("select"));
    });
    return item;
  }
}

/**
 * @param {HTMLElement} item
 * @param {ReadNumber} number
 * @param {boolean} isSelected
 * @param {{ width: number, height: number }} picture In its own pixels, upright.
 */
function dress(item, number, isSelected, picture) {
  const [x, y, width, height] = number.box;
  item.style.setProperty("--x", String(x / picture.width));
  item.style.setProperty("--y", String(y / picture.height));
  item.style.setProperty("--width", String(width / picture.width));
  item.style.setProperty("--height", String(height / picture.height));
  item.style.setProperty("--size", String(height / picture.width)); // of the number's writing, by the picture's width
  item.classList.toggle("is-doubtful", doubtsOf(number) > 0);
  item.classList.toggle("is-chosen", isCorrected(number));
  const button = find(item, "button", HTMLButtonElement);
  button.setAttribute("aria-label", nameOfNumber(number));
  button.setAttribute("aria-pressed", String(isSelected));
  const tag = find(item, "span", HTMLElement);
  tag.hidden = textOf(number) === "";
  tag.textContent = doubtsOf(number) > 0 ? `${textOf(number)}?` : textOf(number);
}

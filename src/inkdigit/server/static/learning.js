// What was learned of a person's hand, in a line: how much, whether it is used, and how to be rid of it.

import { wordsOf } from "./learner.js";
import { FORGOTTEN, OFF } from "./memory.js";
import { find } from "./view.js";

/** @typedef {import("./learner.js").Learner} Learner */

const FORGET = "Forget";

/** Events: `forget` (all of it is forgotten), `switch` (answers are to be given in another way from now on). */
export class Learning extends EventTarget {
  #learner;
  #line;
  #said;
  #switch;
  #forget;
  #notes;

  /**
   * @param {Document} page
   * @param {Learner} learner
   */
  constructor(page, learner) {
    super();
    this.#learner = learner;
    this.#line = find(page, "#learned", HTMLElement);
    this.#said = find(page, "#learned-said", HTMLElement);
    this.#switch = find(page, "#learned-switch", HTMLButtonElement);
    this.#forget = find(page, "#forget", HTMLButtonElement);
    this.#notes = find(page, "#notes-said", HTMLElement);
    this.#switch.addEventListener("click", () => this.#turn(learner.state === "off"));
    this.#forget.addEventListener("click", () => this.#forgetAll());
    this.#forget.addEventListener("blur", () => this.#ask(false));
    learner.addEventListener("change", () => this.#paint());
    window.addEventListener("storage", (event) => this.#follow(event));
    this.#paint();
  }

  /** @param {boolean} on */
  #turn(on) {
    this.#learner.isOn = on;
    this.dispatchEvent(new Event("switch"));
  }

  /** Forgotten is forgotten: it takes two taps. */
  #forgetAll() {
    if (this.#forget.textContent === FORGET) return this.#ask(true);
    this.#ask(false);
    this.#notes.textContent = "Forgotten: nothing of your hand is remembered.";
    this.#learner.forget();
    this.#tellForgotten();
  }

  #tellForgotten() {
    this.dispatchEvent(new Event("forget"));
    this.dispatchEvent(new Event("switch"));
  }

  /** @param {StorageEvent} event Another tab learned, forgot all, or was switched; without a key, the browser forgot. */
  #follow({ key, newValue }) {
    this.#paint();
    if (key === null || (key === FORGOTTEN && newValue !== null)) this.#tellForgotten();
    else if (key === OFF) this.dispatchEvent(new Event("switch"));
  }

  /** @param {boolean} isSure */
  #ask(isSure) {
    this.#forget.textContent = isSure ? "Forget it all?" : FORGET;
  }

  #paint() {
    const { state } = this.#learner;
    const words = wordsOf(this.#learner);
    // A live region speaks on every write, also of the same words.
    if (this.#said.textContent !== words) this.#said.textContent = words;
    const focused = document.activeElement;
    this.#line.hidden = state === "untaught";
    if (state !== "untaught") this.#notes.textContent = "";
    this.#switch.textContent = state === "off" ? "Use them" : "Off";
    this.#switch.hidden = state === "unable";
    // The button that was just used may be gone.
    if (this.#line.hidden && this.#line.contains(focused)) this.#notes.focus();
    else if (this.#switch.hidden && focused === this.#switch) this.#forget.focus();
  }
}

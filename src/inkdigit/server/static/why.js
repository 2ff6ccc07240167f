// The switch that asks which ink decided, and the answer to it, in the colours of the drawing.

import { find } from "./view.js";

/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {import("./paper.js").Crop} Crop */
/** @typedef {import("./pad.js").Pad} Pad */

/** Events: `on` (it was switched on). */
export class Why extends EventTarget {
  #button;
  #pad;
  /** The picture that is to be shown, once it is decoded. */
  #picture = new Image();

  /**
   * @param {Document} page
   * @param {Pad} pad
   */
  constructor(page, pad) {
    super();
    this.#pad = pad;
    this.#button = find(page, "#why", HTMLButtonElement);
    this.#button.addEventListener("click", () => this.#switch(!this.isOn));
  }

  get isOn() {
    return this.#button.getAttribute("aria-pressed") === "true";
  }

  /**
   * @param {Answer} answer Without an explanation in it, nothing is shown.
   * @param {Crop} crop What of the paper was posted.
   */
  show({ explanation, place }, { left, top }) {
    this.clear();
    if (!this.isOn || explanation === undefined || place === undefined) return;
    const picture = this.#picture;
    picture.addEventListener("load", () => {
      // What was cleared, or asked anew, while the picture was decoded is shown no more.
      if (picture === this.#picture) this.#pad.tint = { picture, place: { left: place.left + left, top: place.top + top, side: place.side } };
    });
    picture.src = explanation;
  }

  clear() {
    this.#picture = new Image();
    this.#pad.tint = null;
  }

  /** @param {boolean} on */
  #switch(on) {
    this.#button.setAttribute("aria-pressed", String(on));
    if (on) this.dispatchEvent(new Event("on"));
    else this.clear();
  }
}

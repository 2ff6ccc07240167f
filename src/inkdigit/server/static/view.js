// What the page says: the answer, the prompt on blank paper, or the problem. It shows, and decides nothing.

import { GLYPHS } from "./glyphs.js";
import { UNIT, percent, verdictOf } from "./words.js";

/** @typedef {import("./api.js").Answer} Answer */
/** @typedef {{ readonly what: string, readonly remedy: string, readonly retrying: boolean }} Problem */

const SVG = "http://www.w3.org/2000/svg";

export class View {
  #root;
  #figure;
  #headline;
  #detail;
  #shares;
  #saw;
  #model;
  #call;
  #save;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");
  /** What the figure shows, so that the same digit is not written twice. */
  #shown = "";

  /** @param {Document} page */
  constructor(page) {
    this.#root = find(page, "#answer", HTMLElement);
    this.#figure = find(page, "#figure", SVGSVGElement);
    this.#headline = find(page, "#headline", HTMLElement);
    this.#detail = find(page, "#detail", HTMLElement);
    this.#shares = [...page.querySelectorAll("#shares > li")].map((bar) => ({
      bar: /** @type {HTMLElement} */ (bar),
      number: find(bar, ".number", HTMLElement),
      unit: find(bar, ".unit", HTMLElement),
    }));
    this.#saw = find(page, "#saw", HTMLImageElement);
    this.#model = find(page, "#model", HTMLElement);
    this.#call = find(page, "#call", HTMLTextAreaElement);
    this.#save = find(page, "#save", HTMLAnchorElement);
  }

  /**
   * While somebody draws, screen readers wait for the answer to the finished stroke.
   *
   * @param {boolean} busy
   */
  set busy(busy) {
    this.#root.setAttribute("aria-busy", String(busy));
  }

  /** Blank paper. */
  prompt() {
    this.#say("blank", "Draw a digit.", "0 to 9, anywhere on the paper, as large as you like.");
    this.#draw("blank", [..."0123456789"]);
    this.#fill(null);
  }

  /**
   * @param {Answer} answer
   * @param {{ image: string, call: string }} from The picture that was posted, and the call that posts it.
   */
  answer(answer, { image, call }) {
    const { mood, headline, detail, signs } = verdictOf(answer);
    this.#say(mood, headline, detail);
    this.#draw(mood, signs);
    this.#fill(answer);
    this.#model.textContent = answer.model;
    this.#call.value = call;
    this.#save.href = image;
    if (answer.input) this.#saw.src = answer.input;
  }

  /** @param {Problem} problem */
  problem({ what, remedy, retrying }) {
    this.#say("problem", "Encountered an error.", `${what} ${remedy}`);
    this.#root.dataset.retrying = String(retrying);
    this.#draw("problem", ["!"]);
    this.#fill(null);
  }

  /**
   * @param {string} mood
   * @param {string} headline
   * @param {string} detail
   */
  #say(mood, headline, detail) {
    this.#root.dataset.mood = mood;
    this.#root.dataset.retrying = "false";
    // A live region speaks on every write, also of the same words.
    if (this.#headline.textContent !== headline) this.#headline.textContent = headline;
    if (this.#detail.textContent !== detail) this.#detail.textContent = detail;
  }

  /** @param {Answer | null} answer */
  #fill(answer) {
    this.#root.dataset.label = answer === null ? "" : String(answer.label);
    this.#shares.forEach(({ bar, number, unit }, digit) => {
      const share = answer?.probabilities[digit] ?? 0;
      bar.style.setProperty("--share", String(share));
      bar.classList.toggle("is-first", answer?.label === digit);
      bar.classList.toggle("is-small", share < 0.01 || answer?.is_digit === false); // ten times 10 % says nothing
      number.textContent = answer === null ? "" : percent(share).replace(UNIT, "");
      unit.textContent = answer === null ? "" : UNIT;
    });
    if (answer !== null) return;
    this.#saw.removeAttribute("src");
    this.#call.value = "";
    this.#save.removeAttribute("href");
  }

  /**
   * @param {string} mood
   * @param {readonly string[]} signs One large, two side by side, or all ten digits as a specimen.
   */
  #draw(mood, signs) {
    const name = `${mood} ${signs.join(" ")}`;
    if (name === this.#shown) return;
    this.#shown = name;
    const perRow = signs.length > 2 ? 5 : Math.max(signs.length, 1);
    const rows = Math.max(Math.ceil(signs.length / perRow), 1);
    this.#figure.setAttribute("viewBox", `0 0 ${perRow * 120 - 20} ${rows * 170 - 30}`);
    this.#figure.replaceChildren(
      ...signs.map((sign, i) => glyph(sign, (i % perRow) * 120, Math.floor(i / perRow) * 170)),
    );
    if (mood === "sure" && !this.#calm.matches) write(this.#figure);
  }
}

/**
 * @param {string} sign
 * @param {number} x
 * @param {number} y
 */
function glyph(sign, x, y) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", GLYPHS[sign] ?? "");
  path.setAttribute("pathLength", "1");
  path.setAttribute("transform", `translate(${x} ${y})`);
  return path;
}

/**
 * Let the figure be written rather than appear.
 *
 * @param {SVGSVGElement} figure
 */
function write(figure) {
  figure.querySelector("path")?.animate(
    [
      { strokeDasharray: "1 1", strokeDashoffset: "1" },
      { strokeDasharray: "1 1", strokeDashoffset: "0" },
    ],
    { duration: 320, easing: "cubic-bezier(0.3, 0, 0.2, 1)" },
  );
}

/**
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
export function find(root, selector, kind) {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} at ${selector}`);
  return found;
}

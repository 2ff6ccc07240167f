// Buttons, slider and keys around the pad.

import { copied } from "./clipboard.js";
import { commandOf, isTextField } from "./keys.js";
import { find } from "./view.js";

/** @typedef {import("./pad.js").Pad} Pad */
/** @typedef {import("./scene.js").Scene} Scene */

/**
 * @param {Document} page
 * @param {Pad} pad
 * @param {Scene} scene
 */
export function toolbar(page, pad, scene) {
  commands(page, pad, scene);
  penWidth(page, pad);
  keyboardPen(page, pad);
  copying(page);
}

/**
 * @param {Document} page
 * @param {Pad} pad
 * @param {Scene} scene While it shows a picture, the keys leave the pad alone, and the one that clears puts it away.
 */
function commands(page, pad, scene) {
  const undo = find(page, "#undo", HTMLButtonElement);
  const redo = find(page, "#redo", HTMLButtonElement);
  const clear = find(page, "#clear", HTMLButtonElement);
  undo.addEventListener("click", () => pad.undo());
  redo.addEventListener("click", () => pad.redo());
  clear.addEventListener("click", () => pad.clear());
  page.addEventListener("keydown", (event) => {
    const command = commandOf(event);
    if (command === null || event.defaultPrevented || isTextField(event.target)) return;
    if (scene.isPicture && command !== "clear") return;
    event.preventDefault();
    if (scene.isPicture) scene.showDrawing();
    else pad[command]();
  });
  const refresh = () => {
    // Not `disabled`: the button that was just used would lose the focus.
    undo.setAttribute("aria-disabled", String(!pad.canUndo));
    redo.setAttribute("aria-disabled", String(!pad.canRedo));
    clear.setAttribute("aria-disabled", String(pad.drawing.length === 0));
  };
  for (const name of ["change", "strokeend", "clear"]) pad.addEventListener(name, refresh);
  refresh();
}

/**
 * @param {Document} page
 * @param {Pad} pad
 */
function penWidth(page, pad) {
  const slider = find(page, "#width", HTMLInputElement);
  const follow = () => {
    pad.penWidth = slider.valueAsNumber;
  };
  slider.addEventListener("input", follow);
  // A browser that comes back to the page moves the slider without a word, and later than this.
  window.addEventListener("pageshow", () => pad.penWidth === slider.valueAsNumber || follow());
  follow();
}

/**
 * @param {Document} page
 * @param {Pad} pad
 */
function keyboardPen(page, pad) {
  const nib = find(page, "#nib", HTMLElement);
  const said = find(page, "#pen-state", HTMLElement);
  const follow = () => {
    nib.style.setProperty("--x", String(pad.cursor.x / pad.paper.width));
    nib.style.setProperty("--y", String(pad.cursor.y / pad.paper.height));
    nib.style.setProperty("--width", String(pad.penWidth / pad.paper.width));
    nib.classList.toggle("is-down", pad.isPenDown);
  };
  pad.addEventListener("penmove", () => {
    follow();
    const state = pad.isPenDown ? "Pen down" : "Pen up";
    if (said.textContent !== state) said.textContent = state;
  });
  pad.addEventListener("paper", follow);
  follow();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => pad.repaint());
  window.addEventListener("resize", () => pad.repaint());
}

/** @param {Document} page */
function copying(page) {
  const call = find(page, "#call", HTMLTextAreaElement);
  const button = find(page, "#copy", HTMLButtonElement);
  const said = find(page, "#copied", HTMLElement);
  button.addEventListener("click", async () => {
    if (call.value === "") {
      said.textContent = call.placeholder;
      return;
    }
    call.select();
    said.textContent = (await copied(page, call.value)) ? "Copied." : "Selected: copy it with Ctrl+C.";
  });
  call.addEventListener("focus", () => call.select());
}

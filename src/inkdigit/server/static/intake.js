// Pictures that come to the page: dropped on it, pasted, chosen, or taken with the camera.

import { firstPicture } from "./limits.js";
import { find } from "./view.js";

/** @typedef {import("./scene.js").Scene} Scene */

/**
 * @param {Document} page
 * @param {Scene} scene
 */
export function intake(page, scene) {
  for (const id of ["#choose", "#camera"]) {
    const input = find(page, id, HTMLInputElement);
    input.addEventListener("change", () => {
      take(input.files, scene);
      input.value = ""; // so that the same file can be chosen again
    });
  }
  page.addEventListener("paste", (event) => {
    if (isText(event)) return;
    if (take(event.clipboardData?.files, scene)) event.preventDefault();
  });
  dropping(page, find(page, ".sheet", HTMLElement), scene);
}

/**
 * Whether a field takes it: what is copied from a spreadsheet is text, and a picture of it.
 *
 * @param {ClipboardEvent} event
 */
function isText({ target, clipboardData }) {
  return target instanceof Element && target.matches(":read-write") && clipboardData?.types.includes("text/plain") === true;
}

/**
 * The whole page takes a file, so that one which misses the sheet does not open in its place.
 *
 * @param {Document} page
 * @param {HTMLElement} sheet Shows that it would take what hovers over the page.
 * @param {Scene} scene
 */
function dropping(page, sheet, scene) {
  const hover = (/** @type {boolean} */ over) => sheet.classList.toggle("is-hovered", over);
  page.addEventListener("dragover", (event) => {
    if (event.dataTransfer === null || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    hover(true);
  });
  page.addEventListener("dragleave", (event) => event.relatedTarget === null && hover(false));
  page.addEventListener("drop", (event) => {
    hover(false);
    if (take(event.dataTransfer?.files, scene)) event.preventDefault();
  });
}

/**
 * Of several files the first that is a picture.
 *
 * @param {FileList | null | undefined} files
 * @param {Scene} scene
 * @returns {boolean} Whether there was one.
 */
function take(files, scene) {
  const all = [...(files ?? [])];
  const picture = firstPicture(all);
  if (picture === undefined) return false;
  scene.showPicture(picture, all.length);
  return true;
}

// A drawing as a link, and a link as a drawing: the part behind the # is the drawing itself, and no server sees it.

import { copied } from "./clipboard.js";
import { ShareError, codeIn, decode, encode, linkTo } from "./share.js";
import { find } from "./view.js";

/** @typedef {import("./pad.js").Pad} Pad */
/** @typedef {import("./scene.js").Scene} Scene */
/** @typedef {import("./view.js").View} View */

/**
 * @param {Document} page
 * @param {{ pad: Pad, scene: Scene, view: View, rest: () => void }} parts `rest` turns from what is on the pad.
 */
export function sharing(page, { pad, scene, view, rest }) {
  const panel = find(page, "#shared", HTMLElement);
  const said = find(page, "#shared-said", HTMLElement);
  const link = find(page, "#link", HTMLInputElement);
  const tell = (/** @type {"none" | "told" | "shown"} */ state, /** @type {string} */ words) => {
    panel.dataset.state = state;
    said.textContent = words;
  };

  const share = async () => {
    if (pad.drawing.length === 0) return;
    try {
      link.value = linkTo(location.href, await encode(pad.drawing, pad.paper));
    } catch (error) {
      return tell("told", messageOf(error));
    }
    if (await copied(page, link.value)) return tell("told", "Link copied. It holds the drawing itself; no server keeps it.");
    tell("shown", "This browser does not let it be copied. Copy the link yourself; it holds the drawing itself.");
    link.select();
  };
  /** @type {import("./strokes.js").Drawing | null} The drawing of the link in the address bar. */
  let opened = null;
  const open = async () => {
    const code = codeIn(location.hash);
    if (code === null) return;
    try {
      const drawing = await decode(code);
      scene.showDrawing();
      opened = drawing;
      pad.show(drawing);
    } catch (error) {
      scene.showDrawing(); // no answer to a picture is to come in its place
      rest(); // the answer is out of sight, and nothing can be said of it
      view.problem({ what: messageOf(error), remedy: "Ask for the link again, or draw.", retrying: false });
      view.busy = false;
    }
  };
  const button = find(page, "#share", HTMLButtonElement);
  const letGo = () => {
    if (codeIn(location.hash) !== null) history.replaceState(null, "", location.pathname + location.search);
  };
  const follow = () => {
    button.hidden = pad.drawing.length === 0; // beside a broken link, it would stand alone
    tell("none", "");
    if (pad.drawing !== opened) letGo(); // what is drawn on is not the link's drawing
  };
  button.addEventListener("click", () => void share());
  link.addEventListener("focus", () => link.select());
  for (const name of ["change", "clear"]) pad.addEventListener(name, follow);
  scene.addEventListener("picture", letGo); // so that the link can be opened again
  button.hidden = true;
  window.addEventListener("hashchange", () => void open());
  void open();
}

/** @param {unknown} error */
function messageOf(error) {
  if (!(error instanceof ShareError)) throw error;
  return sentence(error.message);
}

/** @param {string} text */
function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? "" : "."}`;
}

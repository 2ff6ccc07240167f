// Signs as pen paths, to stand in the page's text or its figures.

import { GLYPHS } from "./glyphs.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} sign
 * @param {number} [x]
 * @param {number} [y]
 * @returns {SVGPathElement}
 */
export function glyphPath(sign, x = 0, y = 0) {
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", GLYPHS[sign] ?? "");
  path.setAttribute("pathLength", "1");
  path.setAttribute("transform", `translate(${x} ${y})`);
  return path;
}

/**
 * @param {string} sign
 * @returns {SVGSVGElement} For the eye only; what it says is told apart.
 */
export function glyphFigure(sign) {
  const figure = document.createElementNS(SVG, "svg");
  figure.setAttribute("viewBox", `${(100 - widthOf(sign)) / 2} 0 ${widthOf(sign)} 140`);
  figure.setAttribute("aria-hidden", "true");
  figure.append(glyphPath(sign));
  return figure;
}

/** @param {string} sign Of the frame that a sign takes, 100 for a digit. */
export function widthOf(sign) {
  return [".", ",", ":"].includes(sign) ? 40 : 100;
}

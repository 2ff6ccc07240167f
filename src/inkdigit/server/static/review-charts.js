// The statistics as a page: plots, the worst errors with drawings beside them, and the figures behind each plot.

import { part } from "./review-grid.js";
import { CLASSES, STATUSES, classPlot, confusionPlot, dayOf, placeOf, statusPlot, weeksPlot, WIDE } from "./review-plots.js";
import { nameOf, percent } from "./review-words.js";

/** @typedef {import("./review-calls.js").Misreading} Misreading */
/** @typedef {import("./review-calls.js").Statistics} Statistics */
/** @typedef {import("./review-plots.js").Node} PlotNode */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {HTMLElement} root
 * @param {Statistics} statistics
 */
export function showStatistics(root, statistics) {
  const { counts, classes, confusion, errors, weeks, considered, model } = statistics;
  const total = STATUSES.reduce((sum, status) => sum + counts[status], 0);
  if (total === 0) {
    root.replaceChildren(part("p", "notice", "Nothing was handed in yet."));
    return;
  }
  const wide = widthOf(root);
  const note = considered < total ? [part("p", "note", `All but the first plot are of the newest ${considered} of ${total}.`)] : [];
  root.replaceChildren(
    chart("Where they stand", "", statusPlot(counts, wide), null, "wide"),
    chart("What is drawn", "By the label, or by what the review made of it.", classPlot(classes, wide), tableOf(["", ...STATUSES], classes.map((one) => [nameOf(one.truth), ...STATUSES.map((status) => one[status])]))),
    chart("How sure the model is", `Confidence of ${model} in the drawings of each week: the median, and the middle four fifths; dashed, what was told when they were drawn. The bars count drawings.`, weeksPlot(weeks, wide), tableOf(["week of", "drawings", "median", "lowest tenth", "highest tenth", "told then", "read then as labelled"], weeks.map((week) => [dayOf(week.monday), week.drawings, percent(week.median), percent(week.low), percent(week.high), week.told === null ? "" : percent(week.told), percent(week.agreed)]))),
    chart("Where the model errs", `How ${model} reads them, without those that were rejected. Each square leads to its drawings.`, confusionPlot(confusion), tableOf(["labelled", ...CLASSES.map((label) => `as ${label ?? "none"}`)], confusion.map((row, i) => [nameOf(CLASSES[i] ?? null), ...row])), "matrix"),
    errorsOf(errors),
    ...note,
  );
}

/**
 * @param {HTMLElement} root Of charts.
 * @returns {number} CSS pixels that a plot has there, as far as it can use them.
 */
export function widthOf(root) {
  return Math.min(WIDE, root.clientWidth - 24); // what is round it on a phone
}

/**
 * @param {string} title
 * @param {string} note
 * @param {PlotNode} plot
 * @param {HTMLElement | null} table
 * @param {string} [size]
 */
function chart(title, note, plot, table, size = "") {
  const section = part("section", `chart ${size}`);
  section.append(part("h2", "", title));
  if (note !== "") section.append(part("p", "note", note));
  const box = part("div", "plot");
  box.append(mount(plot));
  section.append(box);
  if (table !== null) {
    const details = document.createElement("details");
    details.append(part("summary", "", "The figures"), table);
    section.append(details);
  }
  return section;
}

/**
 * @param {readonly Misreading[]} errors
 * @returns {HTMLElement}
 */
function errorsOf(errors) {
  const section = part("section", "chart");
  section.append(part("h2", "", "The most frequent errors"));
  if (errors.length === 0) section.append(part("p", "note", "It reads every drawing as it is labelled."));
  const list = part("ol", "errors");
  list.append(...errors.map(errorOf));
  section.append(list);
  return section;
}

/** @param {Misreading} error */
function errorOf({ truth, reading, count, examples }) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = placeOf(truth, reading);
  link.append(part("strong", "", `${nameOf(truth)} read as ${nameOf(reading)}`), ` ${count}`);
  const pictures = part("span", "examples");
  for (const { image } of examples) {
    const picture = document.createElement("img");
    picture.src = image;
    picture.alt = "";
    pictures.append(picture);
  }
  link.append(pictures);
  item.append(link);
  return item;
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly (string | number)[])[]} rows
 */
function tableOf(head, rows) {
  const table = document.createElement("table");
  table.createTHead().insertRow().append(...head.map((name) => heading(name, "col")));
  const body = table.createTBody();
  for (const [first, ...rest] of rows) {
    const row = body.insertRow();
    row.append(heading(String(first ?? ""), "row"));
    for (const value of rest) row.insertCell().textContent = String(value);
  }
  const box = part("div", "table");
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "Figures");
  box.append(table);
  return box;
}

/**
 * @param {string} name
 * @param {"col" | "row"} scope
 */
function heading(name, scope) {
  const cell = document.createElement("th");
  cell.scope = scope;
  cell.textContent = name;
  return cell;
}

/**
 * @param {PlotNode} node
 * @returns {SVGElement}
 */
export function mount({ name, attributes, children }) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.map((child) => (typeof child === "string" ? child : mount(child))));
  return element;
}

// Wires the status page: asks for the figures every few seconds, and shows them as plots.

import { mount, widthOf } from "./review-charts.js";
import { part } from "./review-grid.js";
import { barsPlot, labelsPlot, linesPlot, quantileOf, slotsOf, sumOf } from "./status-plots.js";
import { find } from "./view.js";

/** @typedef {import("./status-plots.js").RecordOf} RecordOf */
/** @typedef {{ readonly slot_seconds: number, readonly records: readonly RecordOf[], readonly models: readonly { reads: string, version: string }[], readonly refused: readonly string[] }} Status */

const KEY = "inkdigit-admin-key"; // the review's, in this tab
const EVERY_MS = 5000;
const parts = {
  door: find(document, "#door", HTMLFormElement),
  key: find(document, "#key", HTMLInputElement),
  plots: find(document, "#plots", HTMLElement),
  now: find(document, "#now", HTMLElement),
};

async function look() {
  const key = sessionStorage.getItem(KEY);
  try {
    const answer = await fetch("api/v1/status", { headers: key === null ? {} : { Authorization: `Bearer ${key}` } });
    parts.door.hidden = ![401, 403].includes(answer.status);
    if (answer.ok) show(await answer.json());
    else if (parts.door.hidden) parts.now.textContent = "The server refuses to tell.";
    else shut(key !== null);
  } catch {
    parts.now.textContent = "The server does not answer.";
  }
}

/** @param {boolean} refused  a key, which is forgotten: sent again and again it would count as a thief's */
function shut(refused) {
  sessionStorage.removeItem(KEY);
  parts.plots.replaceChildren();
  parts.now.textContent = refused ? "The server does not take this key for an admin's." : "";
}

/** @param {Status} status */
function show({ records, models, refused }) {
  const slots = slotsOf(records);
  const [first, last] = [records[0], records.at(-1)];
  if (first === undefined || last === undefined) return;
  const now = last.slot - 1;
  const hour = slotsOf([first, last])[0]?.counts ?? first;
  const milliseconds = (/** @type {number} */ value) => (value < 0.0995 ? `${(1000 * value).toPrecision(2)} ms` : value < 0.9995 ? `${Math.round(1000 * value)} ms` : `${value.toFixed(1)} s`);
  const answered = sumOf(hour.status);
  const named = models.map(({ reads, version }) => `${reads}: ${version}${refused.includes(reads) ? " (a newer one was refused; the log says why)" : ""}`).join(", ");
  parts.now.textContent = `In the last hour ${answered} answers, ${sumOf(hour.type)} of them problems, and ${sumOf(hour.label)} digits read. Models: ${named}.`;
  const wide = widthOf(parts.plots);
  const of = (/** @type {string} */ name) => (/** @type {RecordOf} */ counts) => counts.status[name] ?? 0;
  const time = (/** @type {number} */ share) => (/** @type {RecordOf} */ counts) => quantileOf(counts.times, share);
  const sure = (/** @type {number} */ share) => (/** @type {RecordOf} */ counts) => quantileOf(counts.confidences, share);
  const worst = Object.entries(hour.type).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]).slice(0, 5).map(([name, count]) => `${name} ${count}`).join(", ");
  parts.plots.replaceChildren(
    chart("Answers", "Each bar is 15 seconds: well, refused, failed.", barsPlot(slots, now, [{ name: "bad", of: of("5xx") }, { name: "doubt", of: of("4xx") }, { name: "good", of: (counts) => of("2xx")(counts) + of("3xx")(counts) }], `${answered} answers in the last hour`, wide)),
    chart("Time to answer a picture", "The median, and dashed what 95 % stay under.", linesPlot(slots, now, [{ name: "good", of: time(0.5) }, { name: "told", of: time(0.95) }], 0, milliseconds, `median ${milliseconds(quantileOf(hour.times, 0.5) ?? 0)} in the last hour`, wide)),
    chart("Problems and refusals", worst === "" ? "None in the last hour." : worst, barsPlot(slots, now, [{ name: "doubt", of: (counts) => sumOf(counts.type) }], `${sumOf(hour.type)} problems in the last hour`, wide)),
    chart("Confidence", "The median, and dashed what nine of ten digits are above.", linesPlot(slots, now, [{ name: "good", of: sure(0.5) }, { name: "told", of: sure(0.1) }], 1, (value) => `${100 * value} %`, "confidence in the last hour", wide)),
    chart("What was read", "none is what is no digit.", labelsPlot(hour.label, wide)),
  );
}

/**
 * @param {string} title
 * @param {string} note
 * @param {import("./review-plots.js").Node} plot
 */
function chart(title, note, plot) {
  const section = part("section", "chart");
  section.append(part("h2", "", title), part("p", "note", note), mount(plot));
  return section;
}

parts.door.addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, parts.key.value);
  look();
});
look();
setInterval(() => parts.door.hidden && look(), EVERY_MS);

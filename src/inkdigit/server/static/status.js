// Wires the status page: asks for the figures every few seconds, and shows them as plots.

import { storeOf } from "./memory.js";
import { mount, widthOf } from "./review-charts.js";
import { part } from "./review-grid.js";
import { barsPlot, labelsPlot, linesPlot, medianInWords, quantileOf, slotsOf, sumOf, timeInWords } from "./status-plots.js";
import { percent } from "./review-words.js";
import { find } from "./view.js";

/** @typedef {import("./status-plots.js").RecordOf} RecordOf */
/** @typedef {{ readonly slot_seconds: number, readonly records: readonly RecordOf[], readonly models: readonly { reads: string, version: string }[], readonly refused: readonly string[] }} Status */

const KEY = "inkdigit-admin-key"; // the review's, in this tab
const EVERY_MS = 5000;
const PATIENCE_MS = 4000;
const parts = {
  door: find(document, "#door", HTMLFormElement),
  key: find(document, "#key", HTMLInputElement),
  forget: find(document, "#forget", HTMLButtonElement),
  said: find(document, "#key-said", HTMLElement),
  plots: find(document, "#plots", HTMLElement),
  now: find(document, "#now", HTMLElement),
};

const store = storeOf(() => window.sessionStorage);
let key = store.getItem(KEY);

async function look() {
  const sent = key;
  let answer, told;
  try {
    const headers = sent === null ? {} : { Authorization: `Bearer ${sent}` };
    answer = await fetch("api/v1/status", { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
    told = await (answer.ok ? answer.json() : answer.json().catch(() => ({})));
  } catch {
    parts.now.textContent = `The server does not answer${parts.plots.hasChildNodes() ? "; these are its last figures" : ""}.`;
    return;
  }
  if (sent !== key) return; // another key was given since
  parts.door.hidden = ![401, 403].includes(answer.status);
  if (!parts.door.hidden) return shut(sent === null ? "" : "The server does not take this key for an admin's.");
  if (!answer.ok) {
    parts.now.textContent = told.detail ?? "The server refuses to tell.";
    return;
  }
  if (sent !== null) store.setItem(KEY, sent);
  parts.forget.hidden = sent === null;
  show(told);
}

/** @param {string} why  The key is forgotten: sent again and again it would count as a thief's. */
function shut(why) {
  key = null;
  store.removeItem(KEY);
  parts.forget.hidden = true;
  parts.plots.replaceChildren();
  parts.now.textContent = "";
  parts.said.textContent = why;
}

/** @param {string} given */
function open(given) {
  // What no header can carry would fail as if there were no server.
  if (!/^[!-~]+$/.test(given)) {
    parts.door.hidden = false;
    return shut("That is not the key: it has no spaces, and letters of ASCII only.");
  }
  key = given;
  parts.said.textContent = "";
  void look();
}

/** @param {Status} status */
function show({ records, models, refused }) {
  const slots = slotsOf(records);
  const [first, last] = [records[0], records.at(-1)];
  if (first === undefined || last === undefined) return;
  const now = last.slot - 1;
  const hour = slotsOf([first, last])[0]?.counts ?? first;
  const answered = sumOf(hour.status);
  const named = models.map(({ reads, version }) => `${reads}: ${version}${refused.includes(reads) ? " (a newer one was refused; the log says why)" : ""}`).join(", ");
  parts.now.textContent = `In the last hour ${answered} answers, ${sumOf(hour.type)} of them problems, and ${sumOf(hour.label)} digits read. Models: ${named}.`;
  const wide = widthOf(parts.plots);
  const of = (/** @type {string} */ name) => (/** @type {RecordOf} */ counts) => counts.status[name] ?? 0;
  const kinds = [
    { name: "good", means: "well", of: (/** @type {RecordOf} */ counts) => of("2xx")(counts) + of("3xx")(counts) },
    { name: "doubt", means: "refused", of: of("4xx") },
    { name: "bad", means: "failed", of: of("5xx") },
  ].map((kind) => ({ ...kind, means: `${kind.means} ${kind.of(hour)}` }));
  const time = (/** @type {number} */ share) => (/** @type {RecordOf} */ counts) => quantileOf(counts.times, share);
  const sure = (/** @type {number} */ share) => (/** @type {RecordOf} */ counts) => quantileOf(counts.confidences, share);
  const worst = Object.entries(hour.type).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]).slice(0, 5).map(([name, count]) => `${name} ${count}`).join(", ");
  parts.plots.replaceChildren(
    chart("Answers", legend("Each bar is 15 seconds:", kinds), barsPlot(slots, now, [...kinds].reverse(), `${answered} answers in the last hour`, wide)),
    chart("Time to answer a picture", quantileOf(hour.times, 0.5) === null ? "None in the last hour." : "The median, and dashed what 95 % stay under.", linesPlot(slots, now, [{ name: "good", of: time(0.5) }, { name: "told", of: time(0.95) }], 0, timeInWords, medianInWords(hour.times, timeInWords), wide)),
    chart("Problems and refusals", worst === "" ? "None in the last hour." : worst, barsPlot(slots, now, [{ name: "doubt", of: (counts) => sumOf(counts.type) }], `${sumOf(hour.type)} problems in the last hour`, wide)),
    chart("Confidence", quantileOf(hour.confidences, 0.5) === null ? "None in the last hour." : "The median, and dashed what nine of ten digits are above.", linesPlot(slots, now, [{ name: "good", of: sure(0.5) }, { name: "told", of: sure(0.1) }], 1, percent, medianInWords(hour.confidences, percent), wide)),
    chart("What was read", "none is what is no digit.", labelsPlot(hour.label, wide)),
  );
}

/**
 * @param {string} words
 * @param {readonly { readonly name: string, readonly means: string }[]} kinds Named by classes of the style sheet.
 */
function legend(words, kinds) {
  const note = part("p", "note kinds", words);
  for (const { name, means } of kinds) {
    const entry = part("span", "entry");
    entry.append(part("span", `swatch ${name}`), ` ${means}`);
    note.append(" ", entry);
  }
  return note;
}

/**
 * @param {string} title
 * @param {string | HTMLElement} note
 * @param {import("./review-plots.js").Node} plot
 */
function chart(title, note, plot) {
  const section = part("section", "chart");
  section.append(part("h2", "", title), typeof note === "string" ? part("p", "note", note) : note, mount(plot));
  return section;
}

parts.door.addEventListener("submit", (event) => {
  event.preventDefault();
  open(parts.key.value.trim());
});
parts.forget.addEventListener("click", () => {
  shut("");
  void look();
});
if (key === null) void look();
else open(key);
setInterval(() => parts.door.hidden && look(), EVERY_MS);

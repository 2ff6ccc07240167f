// What the review says, in words.

/** @typedef {import("./review-calls.js").Counts} Counts */
/** @typedef {import("./review-calls.js").Drawing} Drawing */
/** @typedef {import("./review-calls.js").Label} Label */
/** @typedef {import("./review-calls.js").Standing} Standing */
/** @typedef {import("./review-calls.js").Verdict} Verdict */

/** @type {Readonly<Record<Standing, string>>} */
export const SIGNS = { agrees: "=", doubtful: "?", disagrees: "≠", mislabelled: "!" };

/** @param {Label} label */
export function nameOf(label) {
  return label === null ? "no digit" : String(label);
}

/** @param {number} share */
export function percent(share) {
  if (share > 0.99 && share < 1) return "99+ %";
  return share > 0 && share < 0.01 ? "under 1 %" : `${Math.round(share * 100)} %`;
}

/** @param {Drawing} drawing All of it, for those who do not see it. */
export function describe({ status, truth, label, reading }) {
  const said = truth === label ? `labelled ${nameOf(truth)}` : `labelled ${nameOf(label)}, now ${nameOf(truth)}`;
  return `${said}; ${readingInWords(reading)}; ${status}`;
}

/** @param {Drawing["reading"]} reading */
export function readingInWords({ label, confidence, of_truth, standing }) {
  const read = label === null ? `refused as no digit, ${percent(confidence)}` : `read as ${label}, ${percent(confidence)}`;
  if (standing === "agrees" || standing === "doubtful") return read;
  const against = odds(confidence, of_truth);
  return standing === "mislabelled" ? `${read}; probably labelled wrongly, ${against}` : `${read}; ${against} against the label`;
}

/**
 * @param {number} first
 * @param {number} second
 */
export function odds(first, second) {
  const times = first / Math.max(second, 1e-6);
  return times >= 1000 ? "over 1000 to 1" : `${times >= 10 ? Math.round(times) : Math.max(times, 1).toFixed(1)} to 1`;
}

/**
 * @param {readonly Verdict[]} verdicts
 * @param {number} [of] How many were judged, if some of them are gone.
 */
export function verdictInWords(verdicts, of = verdicts.length) {
  const [first] = verdicts;
  if (first === undefined) return "";
  const many = of === 1 ? "" : `${of === verdicts.length ? of : `${verdicts.length} of ${of}`} drawings `;
  const done = first.status === "rejected" ? "rejected" : "accepted";
  const alike = verdicts.every(({ truth }) => truth === first.truth);
  const text = `${many}${done}${done === "accepted" && alike ? ` as ${nameOf(first.truth)}` : ""}`;
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

/**
 * What became of a step of which some drawings are gone.
 *
 * @param {string} words For the rest of it; empty where there is none.
 * @param {number} gone How many.
 */
export function withGone(words, gone) {
  if (words === "") return gone === 1 ? "This drawing was deleted meanwhile." : `These ${gone} drawings were deleted meanwhile.`;
  return `${words.slice(0, -1)}; ${gone === 1 ? "one was" : `${gone} were`} deleted meanwhile.`;
}

/**
 * What was taken back.
 *
 * @param {readonly Verdict[]} undone How the drawings stand again.
 * @param {"this" | "another" | "unknown"} which Whether it was the step that was meant; unknown where none was taken here.
 */
export function undoneInWords(undone, which) {
  const [first] = undone;
  if (first === undefined) return "There is nothing to take back.";
  if (which === "this") return `Taken back: ${undone.length === 1 ? "one drawing" : `${undone.length} drawings`}.`;
  const step = which === "another" ? "not your last step here, but the last of all" : "the last step of all, of an earlier visit or by somebody else";
  const again = undone.length === 1 ? `drawing ${first.id} is again ${standingInWords(first)}` : `${undone.length} drawings are again as they were before it`;
  return `Taken back: ${step}; ${again}.`;
}

/** @param {Verdict} verdict */
function standingInWords({ status, truth }) {
  if (status === "rejected") return status;
  return status === "new" ? `new, labelled ${nameOf(truth)}` : `accepted as ${nameOf(truth)}`;
}

/** @param {Counts} counts */
export function countsInWords(counts) {
  return `${counts.new} new, ${counts.accepted} accepted, ${counts.rejected} rejected`;
}

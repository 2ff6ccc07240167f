// The calls and the command that give the same answer from a shell.

import { typeOf } from "./api.js";

/**
 * @param {URL} url
 * @param {string} image A data URL.
 * @param {{ readonly layer?: string | null, readonly hasKey?: boolean }} [given] What the answer was given with: what was learned of a
 *   hand, and a key, which is not shown.
 * @returns {string} For sh, bash and zsh.
 */
export function curlCall(url, image, { layer = null, hasKey = false } = {}) {
  const body = JSON.stringify(layer === null ? { image } : { image, layer });
  return `curl -s ${quote(url.href)}${keyOf(hasKey)} -H 'Content-Type: application/json' -d ${quote(body)}`;
}

/**
 * @param {URL} url
 * @param {{ readonly name: string, readonly type: string }} file
 * @param {{ readonly hasKey?: boolean }} [given]
 * @returns {string} To run where the file lies.
 */
export function curlUpload(url, file, { hasKey = false } = {}) {
  return `curl -s ${quote(url.href)}${keyOf(hasKey)} -H ${quote(`Content-Type: ${typeOf(file)}`)} --data-binary ${quote(`@${pathOf(file.name)}`)}`;
}

/**
 * @param {string} name Of a picture of numbers.
 * @returns {string} The command that reads it, to run where it lies.
 */
export function commandFor(name) {
  return `inkdigit read ${quote(pathOf(name))}`;
}

/** @param {string} name Which a program would take for an option, or for its input, where a dash begins it. */
function pathOf(name) {
  return name.startsWith("-") ? `./${name}` : name;
}

/** @param {boolean} hasKey */
function keyOf(hasKey) {
  return hasKey ? ' -H "Authorization: Bearer $INKDIGIT_KEY"' : "";
}

/** @param {string} text */
function quote(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

// The calls that give the same answer from a shell.

/**
 * @param {URL} url
 * @param {string} image A data URL.
 * @param {string | null} [layer] What was learned of a hand, where the answer was given with it.
 * @returns {string} For sh, bash and zsh.
 */
export function curlCall(url, image, layer = null) {
  const body = JSON.stringify(layer === null ? { image } : { image, layer });
  return `curl -s ${quote(url.href)} -H 'Content-Type: application/json' -d ${quote(body)}`;
}

/**
 * @param {URL} url
 * @param {{ readonly name: string, readonly type: string }} file
 * @returns {string} To run where the file lies.
 */
export function curlUpload(url, { name, type }) {
  return `curl -s ${quote(url.href)} -H ${quote(`Content-Type: ${type}`)} --data-binary ${quote(`@${name}`)}`;
}

/** @param {string} text */
function quote(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

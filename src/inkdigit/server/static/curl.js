// The call that gives the same answer from a shell.

/**
 * @param {URL} url
 * @param {string} image A data URL.
 * @returns {string} For sh, bash and zsh.
 */
export function curlCall(url, image) {
  const body = JSON.stringify({ image });
  return `curl -s ${quote(url.href)} -H 'Content-Type: application/json' -d ${quote(body)}`;
}

/** @param {string} text */
function quote(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

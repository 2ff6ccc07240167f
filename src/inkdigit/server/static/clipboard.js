// Text to the clipboard, also where the browser keeps its own interface for secure pages.

/**
 * @param {Document} page
 * @param {string} text
 * @returns {Promise<boolean>} False where the browser does not allow it at all.
 */
export async function copied(page, text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(page, text);
  }
}

/**
 * The old way, which works without https on any host, too.
 *
 * @param {Document} page
 * @param {string} text
 */
function copiedBySelection(page, text) {
  const write = (/** @type {ClipboardEvent} */ event) => {
    event.preventDefault();
    event.clipboardData?.setData("text/plain", text);
  };
  page.addEventListener("copy", write, { once: true });
  try {
    return page.execCommand("copy");
  } finally {
    page.removeEventListener("copy", write);
  }
}

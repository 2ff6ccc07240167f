// Which files are worth sending: the cheap check before a long upload.

/** @typedef {import("./view.js").Problem} Problem */

export const TYPES = ["image/png", "image/jpeg", "image/webp"];
/** The server takes no larger body. */
export const MAX_BYTES = 16 * 1024 * 1024;

/**
 * @param {{ readonly type: string, readonly size: number }} file
 * @returns {Problem | null} Why it cannot be read; null where the server should decide.
 */
export function faultOf({ type, size }) {
  if (!TYPES.includes(type)) return fault("This file is not read.", "Choose a PNG, JPEG or WebP picture.");
  if (size === 0) return fault("This file is empty.", "Choose another picture.");
  if (size <= MAX_BYTES) return null;
  const [megabytes, most] = [size, MAX_BYTES].map((bytes) => bytes / 1024 / 1024);
  return fault(
    `This picture has ${Math.ceil(megabytes ?? 0)} MiB; at most ${most} MiB are read.`,
    "Make it smaller, or save it as a JPEG.",
  );
}

/**
 * @param {string} what
 * @param {string} remedy
 * @returns {Problem}
 */
function fault(what, remedy) {
  return { what, remedy, retrying: false };
}

// Which files are worth sending: the cheap check before a long upload.

/** @typedef {import("./view.js").Problem} Problem */

export const TYPES = ["image/png", "image/jpeg", "image/webp"];
/** The server takes no larger body. */
export const MAX_BYTES = 16 * 1024 * 1024;

/**
 * @param {{ readonly type: string, readonly size: number }} file Without a type where the system knows none.
 * @returns {Problem | null} Why it cannot be read; null where the server should decide.
 */
export function faultOf({ type, size }) {
  if (type !== "" && !TYPES.includes(type)) return fault("This file is not read.", "Choose a PNG, JPEG or WebP picture.");
  if (size === 0) return fault("This file is empty.", "Choose another picture.");
  if (size <= MAX_BYTES) return null;
  const [megabytes, most] = [size, MAX_BYTES].map((bytes) => bytes / 1024 / 1024);
  return fault(
    `This picture has ${Math.ceil(megabytes ?? 0)} MiB; at most ${most} MiB are read.`,
    "Make it smaller, or save it as a JPEG.",
  );
}

/** The file is a folder, or was moved or changed since it was chosen. */
export class Unopened extends Error {
  /** @type {Problem} */
  problem = fault("This file cannot be opened.", "Choose a PNG, JPEG or WebP picture.");
}

/**
 * What else would pass for a server that is away.
 *
 * @param {Blob} file
 * @throws {Unopened}
 */
export async function tryOpening(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch (error) {
    throw new Unopened(String(error));
  }
}

/**
 * @template {{ readonly type: string, readonly size: number }} T
 * @param {readonly T[]} files
 * @returns {T | undefined} The first that is a picture, or else the first that may be one, or else the first.
 */
export function firstPicture(files) {
  const good = files.filter((file) => faultOf(file) === null);
  return good.find(({ type }) => type !== "") ?? good[0] ?? files[0];
}

/**
 * @param {string} what
 * @param {string} remedy
 * @returns {Problem}
 */
function fault(what, remedy) {
  return { what, remedy, retrying: false };
}

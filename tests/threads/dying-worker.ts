/** A thread that dies at its first message: with an error, or without a word. */

declare const self: Worker;

self.onmessage = () => {
  if (process.env.TEST_DEATH === "an error") throw new TypeError("died on purpose");
  process.exit(0);
};

/** Every wait in a test ends: with what it waited for, or with a sentence that says what never came. */

/** Generous, because a loaded machine is slow; a test that passes never comes near it. */
export const WAIT_TIMEOUT_MS = 30_000;

/** For `setDefaultTimeout`, which holds for one file: longer than any wait, so that a test that hangs says for what. */
export const TEST_TIMEOUT_MS = 60_000;

/** @param what completes the sentence "Waited … ms for". Called when the wait has failed. */
export async function withDeadline<T>(
  promise: Promise<T>,
  what: () => string,
  timeoutMs = WAIT_TIMEOUT_MS,
): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Waited ${timeoutMs} ms for ${what()}`)), timeoutMs);
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until the answer is yes. Every asking takes a while of its own: it goes over the network. */
export async function until(isReached: () => Promise<boolean>, timeoutMs = WAIT_TIMEOUT_MS): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isReached())) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for ${isReached}`);
  }
}

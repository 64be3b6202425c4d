/** What somebody is told who is not let in; anything but a refusal fails the test. */

import { expect } from "bun:test";
import type { Authenticator } from "../../../src/access/authenticator.ts";
import { ProblemError } from "../../../src/problem.ts";

/** @returns the reason, which must not hold any part of the credential. */
export async function refusalOf(authenticator: Authenticator, credential: string): Promise<string> {
  let error: unknown;
  try {
    await authenticator.authenticate(credential);
  } catch (thrown) {
    error = thrown;
  }
  if (!(error instanceof ProblemError)) throw new Error(`Expected a refusal, got ${error}`);
  expect(error.problem).toMatchObject({ code: "unauthorized", status: 401 });
  for (const part of credential.split(/[._]/)) if (part.length > 8) expect(error.message).not.toContain(part);
  return error.problem.detail;
}

/** The OpenAPI document has nothing that a strict linter would have otherwise. */

import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess } from "../support/node-process.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** Where a rule does not hold, and why it should not. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  // Probes are asked by machines that send whatever they send: they look at nothing, and so refuse nothing.
  "operation-4xx-response": ["/health", "/health/ready", "/health/live"].map(
    (path) => `#/paths/${path.replaceAll("/", "~1")}/get/responses`,
  ),
};

/** Rules beyond those of the strict set that hold as well. */
const MORE_RULES = {
  "no-ambiguous-paths": "error",
  "operation-description": "error",
  "operation-operationId": "error",
  "operation-operationId-unique": "error",
  "operation-operationId-url-safe": "error",
  "operation-singular-tag": "error",
  "operation-tag-defined": "error",
  "operation-parameters-unique": "error",
  "parameter-description": "error",
  "path-declaration-must-exist": "error",
  "path-parameters-defined": "error",
  "tag-description": "error",
  "info-contact": "error",
  "no-unused-components": "error",
  "no-invalid-parameter-examples": "error",
  "no-invalid-schema-examples": "error",
} as const;

describe("the OpenAPI document", () => {
  let text: string;
  beforeAll(async () => {
    await using node = await NodeProcess.start();
    text = await node.getText("/docs/json");
  });

  const faultsOf = async (source: string): Promise<string[]> => {
    const config = await createConfig({ extends: ["recommended-strict"], rules: MORE_RULES });
    const problems = await lintFromString({ source, absoluteRef: "/openapi.json", config });
    return problems
      .filter(({ ruleId, location }) => !EXCEPTIONS[ruleId]?.includes(location[0]?.pointer ?? ""))
      .map(({ ruleId, message, location }) => `${ruleId} at ${location[0]?.pointer}: ${message}`);
  };

  test("has no problem by the strict rules of Redocly, but for the exceptions that are argued here", async () => {
    expect(await faultsOf(text)).toEqual([]);
  });

  test("would be seen to have one, and every exception is needed", async () => {
    const broken = text.replace('"operationId":"getStats"', '"operationId":"get stats"');
    expect(await faultsOf(broken)).not.toEqual([]);
    const config = await createConfig({ extends: ["recommended-strict"], rules: MORE_RULES });
    const problems = await lintFromString({ source: text, absoluteRef: "/openapi.json", config });
    expect(problems.length).toBe(Object.values(EXCEPTIONS).flat().length);
  });
});

/** compose.yaml: a node, and a load test that waits until it is healthy. Checked by Compose itself. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { find, isMissing } from "../support/prerequisites.ts";
import { FINAL_STAGE } from "./image.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const ROOT = join(import.meta.dir, "../..");

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly profiles?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

describe.skipIf(isMissing("compose"))("docker compose config", () => {
  /** What Compose makes of the file, or of another one. */
  const config = (file: string, input = "") => {
    const command = [find("compose")!, "-f", file, "--profile", "load", "config"];
    const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: ROOT, stdin: Buffer.from(input) });
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  };

  test("finds nothing wrong, and would find it", () => {
    expect(config("compose.yaml")).toMatchObject({ exitCode: 0, stderr: "" });
    expect(config("-", "services: { node: { image: onefold, prots: ['8080'] } }").exitCode).not.toBe(0);
  });

  test("the load test waits for the node's health, and runs only when it is asked for", () => {
    const { services } = Bun.YAML.parse(config("compose.yaml").stdout) as {
      readonly services: Readonly<Record<"node" | "load" | "load-token", Service>>;
    };
    const { node, load, "load-token": token } = services;
    expect(Object.keys(services).sort()).toEqual(["load", "load-token", "node"]);
    expect(node.profiles).toBeUndefined();
    expect(load.profiles).toEqual(["load"]);
    expect(token.profiles).toEqual(["load"]);
    expect(token.depends_on?.node).toMatchObject({ condition: "service_healthy" });
    expect(load.depends_on?.["load-token"]).toMatchObject({ condition: "service_completed_successfully" });
    expect(load.image).toBe(node.image);
    const port = FINAL_STAGE.the("EXPOSE");
    expect(load.command).toEqual(
      `bench --url http://node:${port} --events 5000 --duplicates 1000 --token-file /data/load.token`.split(
        " ",
      ),
    );
    expect(token.command?.join(" ")).toContain("--output /data/load.token --replace");
  });
});

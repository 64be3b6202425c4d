/** The Dockerfile makes an image that serves: read-only, not as root, and with nothing but the executable in it. */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import manifest from "../../package.json" with { type: "json" };
import { SETTING_NAMES, SETTINGS, variableOf } from "../../src/config/settings.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import type { Program } from "../support/program.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { parseCopy } from "./dockerfile.ts";
import { BUILD_STAGE, FINAL_STAGE, Image, MAY_ENTER, stageNamed } from "./image.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

/** The build installs from the registry. */
const BUILD_TIMEOUT_MS = 5 * 60_000;

/** glibc and its loader: what `gcr.io/distroless/base` has. */
const GLIBC = /^(?:libc|libm|libdl|libpthread|librt|ld-linux-[\w-]+)\.so\.\d+$/;

describe("the image, built by hand from the Dockerfile", () => {
  let image: Image;
  beforeAll(async () => {
    image = await Image.build();
  }, BUILD_TIMEOUT_MS);
  afterAll(() => image?.[Symbol.dispose]());

  const entrypoint = FINAL_STAGE.command("ENTRYPOINT");
  const healthcheck = FINAL_STAGE.command("HEALTHCHECK");
  let port = 0;
  beforeAll(async () => {
    const free = Bun.serve({ port: 0, fetch: () => new Response() });
    port = free.port!;
    await free.stop(true);
  });
  const start = (command: readonly string[], data: TempFolder, token?: string): Program =>
    image.start(command, data, { ONEFOLD_PORT: String(port), ...(token && { ONEFOLD_TOKEN: token }) });

  test("serves with a read-only root, closed but for its first token, passes the load test, and stops in order", async () => {
    if (!MAY_ENTER)
      console.error("!!! Without the right to mount, the image is run in the root of this machine.");
    using data = new TempFolder();
    await using before = start(healthcheck, data);
    expect(await before.exited()).toBe(1);
    let token = "";
    for (const round of [1, 2]) {
      await using node = start([...entrypoint, ...FINAL_STAGE.command("CMD")], data);
      await node.until(() => node.stdout.includes("is ready on"));
      const [, printed] = /shown only now: (onefold_\S+)/.exec(node.stdout) ?? [];
      expect(printed === undefined).toBe(round === 2);
      token ||= printed!;
      await using check = start(healthcheck, data);
      expect({ exitCode: await check.exited(), stderr: check.stderr }).toEqual({ exitCode: 0, stderr: "" });
      expect((await fetch(`http://127.0.0.1:${port}/stats`)).status).toBe(401);
      await using load = start([...entrypoint, "bench"], data, token);
      expect({ exitCode: await load.exited(), stderr: load.stderr }).toEqual({ exitCode: 0, stderr: "" });
      const headers = { authorization: `Bearer ${token}` };
      const stats = await (await fetch(`http://127.0.0.1:${port}/stats`, { headers })).json();
      expect(stats).toMatchObject({ received: 5_000 * round, unique_processed: 4_000 * round });
      node.signal(FINAL_STAGE.the("STOPSIGNAL") as "SIGTERM");
      expect({ exitCode: await node.exited(), stderr: node.stderr }).toEqual({ exitCode: 0, stderr: "" });
    }
  });

  test("needs glibc and nothing else", () => {
    const names = image.libraries().map((path) => path.split("/").at(-1)!);
    expect(names.length).toBePositive();
    expect(names.filter((name) => !GLIBC.test(name))).toEqual([]);
  });
});

test("everything that is copied exists, and comes from where the Dockerfile says", () => {
  const context = Image.contextFiles();
  for (const { sources, from } of BUILD_STAGE.all("COPY").map(parseCopy)) {
    expect(from).toBeUndefined();
    for (const source of sources) {
      const found = context.some((file) => `${file}/`.startsWith(`${source.replace("./", "")}/`));
      expect({ source, found }).toEqual({ source, found: true });
    }
  }
  for (const { sources, from } of FINAL_STAGE.all("COPY").map(parseCopy)) {
    expect(stageNamed(from!)).toBe(BUILD_STAGE);
    for (const source of sources) expect(source).toStartWith(`${BUILD_STAGE.the("WORKDIR")}/`);
  }
});

test("only sources are sent to the build: no data, no tests, nothing of git", () => {
  const tops = new Set(Image.contextFiles().map((file) => file.split("/")[0]!));
  expect([...tops].sort()).toEqual(["bun.lock", "drizzle", "package.json", "src", "tsconfig.json"]);
});

test("the build has the same Bun as everybody else", () => {
  expect(BUILD_STAGE.base).toBe(`oven/bun:${manifest.devDependencies.bun}`);
});

test("it runs as a user who is not root and to whom the data belong", () => {
  const user = FINAL_STAGE.the("USER");
  expect(user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  const data = FINAL_STAGE.all("COPY")
    .map(parseCopy)
    .find(({ target }) => target === FINAL_STAGE.the("VOLUME"));
  expect(data?.owner).toBe(user);
});

test("its settings exist, and its port is the node's", () => {
  const { environment } = FINAL_STAGE;
  const known = SETTING_NAMES.map(variableOf);
  expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
  expect(environment).toEqual({
    ONEFOLD_HOST: "0.0.0.0",
    ONEFOLD_DATA: FINAL_STAGE.the("VOLUME"),
    ONEFOLD_FIRST_TOKEN: "print",
  });
  expect(FINAL_STAGE.the("EXPOSE")).toBe(String(SETTINGS.port.default));
});

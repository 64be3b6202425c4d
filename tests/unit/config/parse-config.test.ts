/** Settings come from flags and variables; what cannot be used stops the start with one clear sentence. */

import { describe, expect, test } from "bun:test";
import { defaultText, flagOf } from "../../../src/config/flags.ts";
import { localNode, localNodeUrl, parseConfig } from "../../../src/config/parse-config.ts";
import { UsageError } from "../../../src/config/parse-flags.ts";
import { configurationPage, flagsHelp } from "../../../src/config/reference.ts";
import type { Setting } from "../../../src/config/setting.ts";
import { type Config, SETTING_NAMES, SETTINGS, variableOf } from "../../../src/config/settings.ts";

type Environment = Record<string, string>;

function messageOf(args: readonly string[], environment: Environment = {}): string {
  try {
    parseConfig(args, environment);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error(`Expected ${JSON.stringify([args, environment])} to be refused.`);
}

/** What `otherValue` stands for. */
function parsedValue(name: keyof Config, value: string): Config[keyof Config] {
  switch (SETTINGS[name].kind) {
    case "text":
    case "choice":
      return value;
    case "integer":
      return Number(value);
    case "duration":
      return 90_000;
    case "choices":
    case "list":
      return [value];
    case "file mode":
      return 0o640;
    case "topic limits":
      return [{ pattern: "orders.*", max: 7_000 }];
  }
}

/** What lists take that do not take everything. */
const LIST_ITEMS: Partial<Record<keyof Config, string>> = {
  allowOrigins: "https://app.example",
  trustedProxies: "10.0.0.0/8",
};

/** A value of a setting that is not its default. */
function otherValue(name: keyof Config): string {
  const setting: Setting = SETTINGS[name];
  switch (setting.kind) {
    case "text":
      return `${setting.default}x`;
    case "integer":
      return String(setting.min + 1);
    case "choice":
      return setting.choices[1]!;
    case "choices":
      return setting.choices[0]!;
    case "list":
      return LIST_ITEMS[name] ?? "anything";
    case "duration":
      return "90s";
    case "file mode":
      return "640";
    case "topic limits":
      return setting.unit === "duration" ? "orders.*=7s" : "orders.*=7000";
  }
}

/** What must stand beside a setting that is of no use alone. */
const BESIDE: Partial<Record<keyof Config, Environment>> = {
  tlsCert: { ONEFOLD_TLS_KEY: "key" },
  tlsKey: { ONEFOLD_TLS_CERT: "cert" },
  tlsClientCa: { ONEFOLD_TLS_CERT: "cert", ONEFOLD_TLS_KEY: "key" },
};

test("without flags and variables every setting has its default", () => {
  const defaults = Object.fromEntries(SETTING_NAMES.map((name) => [name, SETTINGS[name].default]));
  expect(parseConfig([], {})).toEqual(defaults as unknown as Config);
  expect(parseConfig([], {})).toMatchObject({ host: "127.0.0.1", port: 8080, data: "./data" });
});

describe.each(SETTING_NAMES)("%s", (name) => {
  const setting: Setting = SETTINGS[name];
  const flag = `--${flagOf(name)}`;
  const value = otherValue(name);
  const parsed = parsedValue(name, value);
  const beside = BESIDE[name] ?? {};

  test("is set by its flag, in both spellings, and by its variable", () => {
    expect(parseConfig([flag, value], beside)[name]).toEqual(parsed);
    expect(parseConfig([`${flag}=${value}`], beside)[name]).toEqual(parsed);
    expect(parseConfig([], { ...beside, [variableOf(name)]: value })[name]).toEqual(parsed);
  });

  test("its flag beats its variable", () => {
    const environment = { ...beside, [variableOf(name)]: defaultText(setting) || "another" };
    expect(parseConfig([flag, value], environment)[name]).toEqual(parsed);
  });

  test("takes its own range and nothing outside", () => {
    if (setting.kind === "text") {
      expect(messageOf([flag, ""])).toBe(`${flag} must not be empty.`);
      expect(messageOf([], { [variableOf(name)]: "" })).toBe(`${variableOf(name)} must not be empty.`);
      return;
    }
    if (setting.kind !== "integer") {
      expect(messageOf([flag, "soon"])).toMatch(new RegExp(`^Expected ${flag} to .*, got `));
      return;
    }
    const { min, max } = setting;
    for (const good of [min, max]) expect(parseConfig([`${flag}=${good}`], {})[name]).toBe(good);
    const bad = [min - 1, max + 1, "", " ", "1.5", "1e3", "0x10", "+1", "many", "9".repeat(30), "Infinity"];
    for (const text of bad.map(String)) {
      const sentence = `to be a whole number from ${min} to ${max} (${setting.unit}), got \`${text}\`.`;
      expect(messageOf([`${flag}=${text}`])).toBe(`Expected ${flag} ${sentence}`);
      expect(messageOf([], { [variableOf(name)]: text })).toBe(`Expected ${variableOf(name)} ${sentence}`);
    }
  });

  test("is in the help and in the reference", () => {
    expect(flagsHelp(SETTINGS)).toContain(`${flag} `);
    expect(configurationPage()).toContain(
      `| \`${flag}\` | \`${variableOf(name)}\` | ${defaultText(setting) === "" ? "" : `\`${defaultText(setting)}\``} |`,
    );
  });
});

test("flags and variables are spelt from the settings' names", () => {
  expect(flagOf("maxQueueBytes")).toBe("max-queue-bytes");
  expect(variableOf("maxQueueBytes")).toBe("ONEFOLD_MAX_QUEUE_BYTES");
});

const UNKNOWN: [string, string[], Environment, string][] = [
  ["a flag", ["--prt", "1"], {}, "There is no flag --prt; the nearest is --port."],
  [
    "a flag with a value",
    ["--max-event=1"],
    {},
    "There is no flag --max-event; the nearest is --max-events.",
  ],
  [
    "a flag in another case",
    ["--maxEvents=1"],
    {},
    "There is no flag --maxEvents; the nearest is --max-events.",
  ],
  ["a flag far from all", ["--xyzzy=1"], {}, "There is no flag --xyzzy: --help lists those that there are."],
  ["a variable far from all", [], { ONEFOLD_XYZZY: "1" }, "There is no setting ONEFOLD_XYZZY."],
  ["a variable", [], { ONEFOLD_PROT: "1" }, "There is no setting ONEFOLD_PROT; the nearest is ONEFOLD_PORT."],
];
test.each(UNKNOWN)(
  "%s that does not exist is refused with the nearest that does",
  (_, args, environment, sentence) => {
    expect(messageOf(args, environment)).toBe(sentence);
  },
);

test.each([
  [["--port"], "--port needs a value."],
  [["--port", "--host"], "--port needs a value."],
  [["--port", "-1"], "Expected --port to be a whole number from 0 to 65535 (port), got `-1`."],
  [["--data", "-x"], "--data needs a value; one that begins with a dash is given as --data=-x."],
  [["-p", "1"], "There is no flag -p."],
  [["extra"], "Expected nothing but flags, got `extra`."],
  [["--port", "1", "extra"], "Expected nothing but flags, got `extra`."],
  [["--", "extra"], "Expected nothing but flags, got `extra`."],
  [
    ["--trusted-proxies", "foo"],
    "Expected --trusted-proxies to be a list with commas between, got `foo`, " +
      "which is no network; one is written like `10.0.0.0/8`, an address, or `unix`.",
  ],
])("%j cannot be understood, and one sentence says so", (args, sentence) => {
  expect(messageOf(args)).toBe(sentence);
});

test("a value that begins with a dash is taken where it is joined to its flag", () => {
  expect(parseConfig(["--data=-x"], {}).data).toBe("-x");
});

test("secrets that stand in variables are no settings, and no flags", () => {
  expect(parseConfig([], { ONEFOLD_TOKEN: "t", ONEFOLD_JWT_KEY: "k" })).toEqual(parseConfig([], {}));
  expect(messageOf([], { ONEFOLD_TOKENS: "t" })).toBe(
    "There is no setting ONEFOLD_TOKENS; the nearest is ONEFOLD_TOKEN.",
  );
  for (const flag of ["--token", "--jwt-key"])
    expect(messageOf([flag, "secret"])).toMatch(/^There is no flag /);
});

test("variables of other programs are none of our business", () => {
  expect(parseConfig([], { PORT: "1", ONEFOLDX: "1", MY_ONEFOLD_PORT: "1" }).port).toBe(8080);
});

test.each([
  [{}, "http://127.0.0.1:8080"],
  [{ ONEFOLD_HOST: "0.0.0.0", ONEFOLD_PORT: "9000" }, "http://127.0.0.1:9000"],
  [{ ONEFOLD_HOST: "::" }, "http://[::1]:8080"],
  [{ ONEFOLD_HOST: "example.org", ONEFOLD_MAX_EVENTS: "none of its business" }, "http://example.org:8080"],
  [{ ONEFOLD_TLS_CERT: "cert", ONEFOLD_PORT: "8443" }, "https://127.0.0.1:8443"],
])("with %j the node is met at %s", (environment, url) => {
  expect(localNodeUrl(environment)).toBe(url);
});

test.each([[{ ONEFOLD_HOST: "none" }], [{ ONEFOLD_TLS_CERT: "cert", ONEFOLD_TLS_CLIENT_CA: "ca" }]])(
  "with %j it is met over its unix socket, and without one a sentence says so",
  (environment) => {
    const node = localNode({ ...environment, ONEFOLD_UNIX_SOCKET: "/run/onefold.sock" });
    expect(node.unixSocket).toBe("/run/onefold.sock");
    expect(() => localNode(environment)).toThrow(/needs ONEFOLD_UNIX_SOCKET/);
  },
);

test.each([
  [["--tls-cert", "f"], /^--tls-cert needs --tls-key/],
  [["--tls-key", "f"], /^--tls-key needs --tls-cert/],
  [["--tls-client-ca", "f"], /^--tls-client-ca needs --tls-cert/],
  [["--host", "none"], /^--host none needs --unix-socket/],
  [
    ["--host", "none", "--unix-socket", "s", "--tls-cert", "f", "--tls-key", "f"],
    /^--tls-cert is of no use with --host none/,
  ],
  [["--unix-socket-mode", "999"], /^Expected --unix-socket-mode .*`999`/],
  [["--unix-socket-mode", "1777"], /^Expected --unix-socket-mode .*`1777`/],
])("%j is refused, because half of it is missing or of no use", (args, sentence) => {
  expect(messageOf(args)).toMatch(sentence);
});

test("where a node with a free port is, cannot be known", () => {
  expect(() => localNodeUrl({ ONEFOLD_PORT: "0" })).toThrow(UsageError);
});

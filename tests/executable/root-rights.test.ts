/** What root runs in a folder of somebody else: whoever owns the folder gains nothing of root's by it. */

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { TOKEN_FILE } from "../../src/access/token-file.ts";
import { TEST_TIMEOUT_MS } from "../support/deadline.ts";
import { NodeProcess, runToExit } from "../support/node-process.ts";
import { asNobody, lacksAnotherUser, NOBODY, openToOthers } from "../support/other-user.ts";
import { Program } from "../support/program.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { refusalOf, resultOf } from "./tools/tool.ts";

setDefaultTimeout(TEST_TIMEOUT_MS);

const TRIES = Number(process.env.TRIES ?? 40);

const ofNobody = { uid: NOBODY, gid: NOBODY };

/** Puts links to files of root's under every name that a command may touch, takes them away, and begins again. */
const RACER = `
  const { readdirSync, symlinkSync, unlinkSync } = require("node:fs");
  const [data, ...victims] = process.argv.slice(1);
  const names = ["", ".new", ".lock", ".lock-journal"].map((end) => data + "/${TOKEN_FILE}" + end);
  const quietly = (run) => { try { run(); } catch {} };
  console.log("racing");
  for (let round = 0; ; round++) {
    const victim = victims[round % victims.length];
    for (const name of names) {
      quietly(() => unlinkSync(name));
      quietly(() => symlinkSync(victim, name));
    }
    // Files of a command that is at work are waited for, and then swapped.
    for (let i = 0; i < 50 && !readdirSync(data).some((name) => name.endsWith(".new")); i++) {}
    quietly(() => unlinkSync(names[1]));
    quietly(() => symlinkSync(victim, names[1]));
    for (const name of names) quietly(() => unlinkSync(name));
    for (let i = 0; i < 200 && !readdirSync(data).some((name) => name.endsWith(".new")); i++) {}
  }
`;

/** A folder of nobody's, and beside it files of root's: one with something in it, an empty one, and one that is not there. */
class Field implements Disposable {
  readonly folder = new TempFolder();
  readonly program = openToOthers(this.folder);
  readonly data = this.folder.file("data");
  readonly full = this.folder.file("root/full");
  readonly empty = this.folder.file("root/empty");
  readonly missing = this.folder.file("root/missing");

  constructor() {
    mkdirSync(this.data);
    chownSync(this.data, NOBODY, NOBODY);
    mkdirSync(this.folder.file("root"));
    chmodSync(this.folder.file("root"), 0o755);
    writeFileSync(this.full, "root's");
    writeFileSync(this.empty, "");
    for (const path of [this.full, this.empty]) chmodSync(path, 0o644);
  }

  /** Nothing of root's has another owner, mode or content, and nothing is new there. */
  expectUntouched(): void {
    for (const path of [this.full, this.empty]) {
      const { uid, gid, mode } = lstatSync(path);
      expect({ path, uid, gid, mode: mode & 0o777 }).toEqual({ path, uid: 0, gid: 0, mode: 0o644 });
    }
    expect(readFileSync(this.full, "utf8")).toBe("root's");
    expect(readFileSync(this.empty, "utf8")).toBe("");
    expect(readdirSync(this.folder.file("root")).sort()).toEqual(["empty", "full"]);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

const create = (data: string, ...more: string[]) =>
  runToExit(["token", "create", "--data", data, "--scope", "publish", ...more]);

describe.skipIf(lacksAnotherUser())("root in a folder of somebody else", () => {
  test("makes tokens that are its owner's, and a file of its own for the output", async () => {
    using field = new Field();
    const output = field.folder.file("root/token");
    expect((await create(field.data, "--name", "a", "--output", output)).exitCode).toBe(0);
    expect((await create(field.data, "--name", "b")).exitCode).toBe(0);
    await resultOf("token", "revoke", "b", "--data", field.data);
    for (const name of readdirSync(field.data)) {
      const { uid, gid, mode } = statSync(join(field.data, name));
      expect({ name, uid, gid, mode: mode & 0o777 }).toEqual({ name, ...ofNobody, mode: 0o600 });
    }
    expect(statSync(output)).toMatchObject({ uid: 0, gid: 0 });
    expect(
      (await resultOf<{ tokens: object[] }>("token", "list", "--data", field.data)).tokens,
    ).toMatchObject([{ name: "a" }]);
  });

  test("makes a folder in it that is its owner's", async () => {
    using field = new Field();
    const inner = join(field.data, "a/b");
    expect((await create(inner)).exitCode).toBe(0);
    for (const path of [join(field.data, "a"), inner, join(inner, TOKEN_FILE)])
      expect(statSync(path)).toMatchObject(ofNobody);
  });

  test.each(["", ".lock", ".new"])(
    "follows no link to where its owner may not go: the name with `%s`",
    async (end) => {
      for (const victim of ["full", "empty", "missing"] as const) {
        using field = new Field();
        symlinkSync(field[victim], join(field.data, `${TOKEN_FILE}${end}`));
        for (const args of [["create", "--scope", "publish"], ["list"], ["revoke", "a"]])
          await runToExit(["token", ...args, "--data", field.data]);
        field.expectUntouched();
      }
    },
  );

  test("shows nothing of a file that only root may read", async () => {
    using field = new Field();
    expect((await create(field.folder.file("root/other"), "--name", "hidden")).exitCode).toBe(0);
    symlinkSync(field.folder.file(`root/other/${TOKEN_FILE}`), join(field.data, TOKEN_FILE));
    const sentence = await refusalOf(1, "token", "list", "--data", field.data);
    expect(sentence).toMatch(/cannot be read \(permission denied\)/);
  });
});

describe.skipIf(lacksAnotherUser())("root against the owner of a folder", () => {
  test(`gives nothing away to an owner who swaps files while ${TRIES} commands run`, async () => {
    using field = new Field();
    const racers = Array.from({ length: 2 }, () => {
      const script = [field.program, "-e", RACER, field.data, field.full, field.empty, field.missing];
      return new Program([...asNobody(), ...script], { BUN_BE_BUN: "1" });
    });
    try {
      for (const racer of racers) await racer.until(() => racer.stdout.includes("racing"));
      for (let i = 0; i < TRIES; i++) {
        await Promise.all([create(field.data), runToExit(["token", "revoke", "a", "--data", field.data])]);
        field.expectUntouched();
      }
    } finally {
      for (const racer of racers) await racer[Symbol.asyncDispose]();
    }
  });

  test("leaves a lock that its owner cannot write, and says so, since it would be none", async () => {
    using field = new Field();
    const lock = join(field.data, `${TOKEN_FILE}.lock`);
    writeFileSync(lock, "");
    chmodSync(lock, 0o644);
    const sentence = `The lock file ${lock} is read-only to this user: give it to whom the node runs as.`;
    expect(await refusalOf(1, "token", "create", "--scope", "publish", "--data", field.data)).toBe(sentence);
    const asOwner = [
      ...asNobody(),
      field.program,
      "token",
      "create",
      "--scope",
      "publish",
      "--data",
      field.data,
    ];
    await using program = new Program(asOwner);
    expect(await program.end()).toBe(1);
    expect(program.stderr).toBe(`onefold: ${sentence}\n`);
    expect(readdirSync(field.data)).toEqual([`${TOKEN_FILE}.lock`]);
  });

  test("does nothing in a folder of its own that somebody else can replace", async () => {
    using field = new Field();
    const inner = join(field.data, "inner");
    mkdirSync(inner);
    expect(await refusalOf(1, "token", "create", "--scope", "publish", "--data", inner)).toBe(
      `${inner} is root's, but whoever owns ${field.data} can put another in its place: run this as the user of the node.`,
    );
    symlinkSync(field.folder.file("root"), join(field.data, "link"));
    await refusalOf(1, "token", "create", "--scope", "publish", "--data", join(field.data, "link"));
    expect(readdirSync(inner)).toEqual([]);
    field.expectUntouched();
  });

  test("restores and prunes with its owner's rights", async () => {
    using field = new Field();
    const data = field.folder.file("source");
    await using node = await NodeProcess.start({ data });
    await node.publish(
      [{ event_id: "1" }, { event_id: "2" }].map((event) => ({ ...event, topic: "t", payload: 1 })),
    );
    const file = field.folder.file("backup.db");
    await resultOf("backup", file, "--data", data);
    const sentence = await refusalOf(1, "restore", file, "--data", field.data);
    expect(sentence).toBe(`${file} cannot be read by user ${NOBODY}, whom the data folder belongs to.`);
    expect(readdirSync(field.data)).toEqual([]);
    chownSync(file, NOBODY, NOBODY);
    await resultOf("restore", file, "--data", field.data);
    await resultOf("prune", "--retain-events", "1", "--data", field.data);
    const names = readdirSync(field.data);
    expect(names).toContain("onefold.db");
    for (const name of names) {
      const { uid, gid, mode } = statSync(join(field.data, name));
      expect({ name, uid, gid, mode: mode & 0o777 }).toEqual({ name, ...ofNobody, mode: 0o600 });
    }
  });
});

test("what is made in a folder that others may read is for its owner alone", async () => {
  using folder = new TempFolder();
  const data = folder.file("data");
  mkdirSync(data);
  chmodSync(data, 0o755);
  await using node = await NodeProcess.start({ data });
  await node.publish({ topic: "t", event_id: "1", payload: 1 });
  const file = folder.file("backup.db");
  await resultOf("backup", file, "--data", data);
  const restored = folder.file("restored");
  await resultOf("restore", file, "--data", restored);
  expect(statSync(restored).mode & 0o777).toBe(0o700);
  for (const made of [data, restored]) {
    for (const name of readdirSync(made))
      expect({ name, mode: statSync(join(made, name)).mode & 0o777 }).toEqual({ name, mode: 0o600 });
  }
});

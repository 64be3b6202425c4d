/** A disk in memory, of the size that a test needs, that can be filled, taken away and put back. */

import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { TempFolder } from "./temp-folder.ts";

function run(...command: string[]): void {
  const { success, stderr } = Bun.spawnSync(command);
  if (!success) throw new Error(`${command.join(" ")} failed: ${stderr}`);
}

/** Whether this process may not mount; says so aloud. In most containers it may not. */
export function lacksMounts(): boolean {
  const may = Bun.spawnSync(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/proc"]).success;
  if (!may) console.error("!!! TESTS SKIPPED: this process may not mount.");
  return !may;
}

export class SmallDisk implements Disposable {
  readonly #folder = new TempFolder();
  readonly #disk = this.#folder.file("disk");
  /** Where it is mounted for the node. */
  readonly path = this.#folder.file("mounted");

  constructor(mebibytes: number) {
    for (const folder of [this.#disk, this.path]) mkdirSync(folder);
    run("mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "onefold-test", this.#disk);
    this.attach();
  }

  /** Fills what room there is. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.#disk);
    for (let bytes = bavail * bsize, part = 0; bytes > 0; part++) {
      try {
        writeFileSync(`${this.#disk}/ballast-${part}`, Buffer.alloc(bytes));
      } catch (error) {
        // The node took some of it in between; what was left has been filled all the same.
        if ((error as { code?: unknown }).code !== "ENOSPC") throw error;
      }
      const left = statfsSync(this.#disk);
      bytes = left.bavail * left.bsize;
    }
  }

  empty(): void {
    for (const name of new Bun.Glob("ballast-*").scanSync(this.#disk)) rmSync(`${this.#disk}/${name}`);
  }

  attach(): void {
    run("mount", "--bind", this.#disk, this.path);
  }

  /** Takes it away although it is in use, as a network does. */
  detach(): void {
    run("umount", "--lazy", this.path);
  }

  makeReadOnly(): void {
    run("mount", "-o", "remount,ro,bind", this.path);
  }

  [Symbol.dispose](): void {
    Bun.spawnSync(["umount", "--lazy", this.path]);
    Bun.spawnSync(["umount", "--lazy", this.#disk]);
    this.#folder[Symbol.dispose]();
  }
}

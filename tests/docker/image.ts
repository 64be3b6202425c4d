/** Builds the image by hand, step by step as the Dockerfile says, and runs it as an engine would; there is none here. */

import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { Program } from "../support/program.ts";
import { TempFolder } from "../support/temp-folder.ts";
import { parseCopy, parseDockerfile, type Stage } from "./dockerfile.ts";

const ROOT = join(import.meta.dir, "../..");

const DOCKERFILE = parseDockerfile(readFileSync(join(ROOT, "Dockerfile"), "utf8"));
export const BUILD_STAGE = DOCKERFILE[0]!;
export const FINAL_STAGE = DOCKERFILE[1]!;

/** Turns the folder that is given into the root of a process of its own: read-only, but for the data. */
const ENTER = `set -e
mount --bind "$1" "$1"
mount --bind /proc "$1/proc"
mount --bind "$2" "$1$3"
mount -o remount,ro,bind "$1"
shift 3
exec chroot "$@"`;

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Whether this process may do what an engine does; in some containers it may not. */
export const MAY_ENTER =
  Bun.which("unshare") !== null &&
  Bun.spawnSync(["unshare", "--mount", "mount", "--bind", "/proc", "/proc"]).success;

export class Image implements Disposable {
  /** What the build stage's WORKDIR holds after its last step. */
  readonly #work = new TempFolder();
  readonly #root = new TempFolder();

  /** What an engine would be sent: the files of a clean clone, without those that .dockerignore names. */
  static contextFiles(): string[] {
    const list = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], {
      cwd: ROOT,
    });
    const files = list.stdout.toString().split("\n");
    return files.filter((file) => file !== "" && existsSync(join(ROOT, file)) && !isIgnored(file));
  }

  static async build(): Promise<Image> {
    const image = new Image();
    using context = new TempFolder();
    for (const file of Image.contextFiles()) copy(join(ROOT, file), context.file(file));
    using bin = new TempFolder();
    symlinkSync(process.execPath, bin.file("bun"));
    const path = `${bin.path}:${SYSTEM_PATH}`;
    for (const { keyword, text } of BUILD_STAGE.instructions) {
      if (keyword === "COPY") image.#copyIn(context.path, text);
      if (keyword === "RUN") await image.#run(text, path);
    }
    image.#assemble();
    return image;
  }

  /** Runs the image. Its data lie in `data`, whatever the path inside. */
  start(command: readonly string[], data: TempFolder, environment: Record<string, string>): Program {
    const env = { ...FINAL_STAGE.environment, ...environment };
    if (!MAY_ENTER) {
      const [program, ...args] = command;
      return new Program([join(this.#root.path, program!), ...args], { ...env, ONEFOLD_DATA: data.path });
    }
    const user = FINAL_STAGE.the("USER");
    chownSync(data.path, Number(user.split(":")[0]), Number(user.split(":")[1]));
    const inside = [`--userspec=${user}`, this.#root.path, ...command];
    const volume = FINAL_STAGE.the("VOLUME");
    return new Program(
      ["unshare", "--mount", "sh", "-c", ENTER, "sh", this.#root.path, data.path, volume, ...inside],
      {
        ...env,
        PATH: SYSTEM_PATH,
      },
    );
  }

  /** The libraries that the executable asks for. */
  libraries(): string[] {
    const executable = join(this.#root.path, FINAL_STAGE.command("ENTRYPOINT")[0]!);
    const { stdout } = Bun.spawnSync(["ldd", executable]);
    return [...stdout.toString().matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
  }

  [Symbol.dispose](): void {
    this.#work[Symbol.dispose]();
    this.#root[Symbol.dispose]();
  }

  #copyIn(context: string, text: string): void {
    const { sources, target } = parseCopy(text);
    for (const source of sources) {
      const isInto = target.endsWith("/") && basename(source) !== basename(target);
      copy(join(context, source), join(this.#work.path, target, isInto ? source : ""));
    }
  }

  async #run(command: string, path: string): Promise<void> {
    const step = Bun.spawn(["sh", "-c", command], {
      cwd: this.#work.path,
      env: { PATH: path, HOME: process.env.HOME ?? this.#work.path },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([step.stdout.text(), step.stderr.text()]);
    if ((await step.exited) !== 0) throw new Error(`RUN ${command} failed:\n${stdout}${stderr}`);
  }

  /** The final stage: what it copies, and of its base image the libraries that are asked for. */
  #assemble(): void {
    for (const { sources, target } of FINAL_STAGE.all("COPY").map(parseCopy)) {
      const inside = sources[0]!.slice(BUILD_STAGE.the("WORKDIR").length + 1);
      copy(join(this.#work.path, inside), join(this.#root.path, target));
    }
    for (const library of this.libraries()) copy(realpathSync(library), join(this.#root.path, library));
    for (const folder of ["proc", "tmp"]) mkdirSync(join(this.#root.path, folder));
    // A temporary folder is closed to others, and the image's user is another.
    chmodSync(this.#root.path, 0o755);
  }
}

/** The patterns of .dockerignore that this file has: `*` and exceptions to it, which are files or folders. */
function isIgnored(file: string): boolean {
  const lines = readFileSync(join(ROOT, ".dockerignore"), "utf8").split("\n");
  const [everything, ...exceptions] = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (everything !== "*" || !exceptions.every((line) => /^![\w.-]+$/.test(line)))
    throw new Error("Expected .dockerignore to be `*` and exceptions.");
  return !exceptions.some((line) => `${file}/`.startsWith(`${line.slice(1)}/`));
}

function copy(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target, { recursive: true });
}

/** Which stage a copy of the final stage takes from. */
export function stageNamed(name: string): Stage | undefined {
  return DOCKERFILE.find((stage) => stage.name === name);
}

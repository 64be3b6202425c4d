/** Reads a Dockerfile, so that what is tested is what it says. */

export interface Instruction {
  readonly keyword: string;
  readonly text: string;
}

export interface Copy {
  readonly sources: readonly string[];
  readonly target: string;
  /** The stage it copies from; without it from the build context. */
  readonly from: string | undefined;
  /** User and group, as numbers. */
  readonly owner: string | undefined;
}

export class Stage {
  constructor(
    readonly base: string,
    readonly name: string | undefined,
    readonly instructions: readonly Instruction[],
  ) {}

  /** The texts of all instructions of one kind. */
  all(keyword: string): string[] {
    return this.instructions.filter((instruction) => instruction.keyword === keyword).map(({ text }) => text);
  }

  /** The text of the one instruction of its kind. */
  the(keyword: string): string {
    const [text, ...more] = this.all(keyword);
    if (text === undefined || more.length > 0)
      throw new Error(`Expected one ${keyword}, got ${more.length}.`);
    return text;
  }

  /** The command of an instruction in exec form, which runs without a shell. */
  command(keyword: string): string[] {
    return JSON.parse(/\[.*\]$/.exec(this.the(keyword))![0]) as string[];
  }

  get environment(): Record<string, string> {
    const pairs = this.all("ENV").flatMap((text) => text.split(/\s+/).map((pair) => pair.split("=")));
    return Object.fromEntries(pairs) as Record<string, string>;
  }
}

/** @returns its stages, in order. */
export function parseDockerfile(text: string): Stage[] {
  const lines = text
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\\\n/g, " ")
    .split("\n");
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, keyword, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (keyword === undefined || rest === undefined) continue;
    const from = /^(\S+)(?: AS (\S+))?$/.exec(rest);
    if (keyword === "FROM") stages.push({ base: from![1]!, name: from![2], instructions: [] });
    else stages.at(-1)!.instructions.push({ keyword, text: rest.trim() });
  }
  return stages.map(({ base, name, instructions }) => new Stage(base, name, instructions));
}

export function parseCopy(text: string): Copy {
  const words = text.split(/\s+/);
  const option = (name: string) => words.find((word) => word.startsWith(`--${name}=`))?.split("=")[1];
  const paths = words.filter((word) => !word.startsWith("--"));
  return {
    sources: paths.slice(0, -1),
    target: paths.at(-1)!,
    from: option("from"),
    owner: option("chown"),
  };
}

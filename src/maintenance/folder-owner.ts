/**
 * Root in a folder of somebody else: works there with that user's rights, because whoever owns a folder can put a link
 * to any file of the machine under any name in it.
 */

import { lstatSync, mkdirSync, readlinkSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";

/** A folder that we make is for its owner alone. */
const FOLDER_MODE = 0o700;

/** As many as Linux follows. */
const LINKS_MAX = 40;

const ROOT = 0;

/** The message is one sentence: root would act on what somebody else has put there. */
export class UnsafeFolderError extends Error {
  override readonly name = "UnsafeFolderError";
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Runs something that touches a folder with the rights of the folder's owner where we are root, and takes ours back
 * afterwards. It must not wait for anything: the rights are those of all threads.
 * @throws Error with one sentence where root must not work there
 */
export function asFolderOwner<T>(folder: string, run: () => T): T {
  const owner = ownerOf(folder);
  if (owner === undefined) return run();
  const groups = process.getgroups!();
  const gid = process.getegid!();
  process.setgroups!([]);
  process.setegid!(owner.gid);
  process.seteuid!(owner.uid);
  try {
    return run();
  } finally {
    process.seteuid!(ROOT);
    process.setegid!(gid);
    process.setgroups!(groups);
  }
}

/**
 * Where we are root, goes on for good with the rights of the owner of a folder, or of what it will be made in.
 * @returns the user that we have become, or undefined
 * @throws Error with one sentence where root must not work there
 */
export function becomeFolderOwner(folder: string): number | undefined {
  const owner = ownerOf(folder);
  if (owner === undefined) return undefined;
  process.setgroups!([]);
  process.setgid!(owner.gid);
  process.setuid!(owner.uid);
  return owner.uid;
}

/** Makes the folder where it is missing. What root makes in a folder of somebody else is made with their rights. */
export function makeFolder(folder: string): void {
  asFolderOwner(folder, () => mkdirSync(folder, { recursive: true, mode: FOLDER_MODE }));
}

/**
 * Whose rights to take; undefined for ours.
 * @throws Error with one sentence where root's folder lies in what somebody else could replace it through
 */
function ownerOf(folder: string): Owner | undefined {
  if (process.geteuid?.() !== ROOT) return undefined;
  const existing = nearestExisting(resolve(folder));
  const { uid, gid } = statSync(existing);
  if (uid !== ROOT) return { uid, gid };
  const other = partOfAnother(existing);
  if (other === undefined) return undefined;
  throw new UnsafeFolderError(
    `${existing} is root's, but whoever owns ${other} can put another in its place: run this as the user of the node.`,
  );
}

function nearestExisting(path: string): string {
  let at = path;
  while (statSync(at, { throwIfNoEntry: false }) === undefined) {
    // A link that leads nowhere would be followed once it leads somewhere.
    if (lstatSync(at, { throwIfNoEntry: false }) !== undefined)
      throw new UnsafeFolderError(`${at} is a link that leads nowhere.`);
    at = dirname(at);
  }
  return at;
}

/** The first folder or link on the way to a path that is not root's, each link followed. */
function partOfAnother(path: string): string | undefined {
  const left = namesIn(path);
  let at = "/";
  for (let links = 0; left.length > 0; ) {
    const next = join(at, left.shift()!);
    const found = lstatSync(next);
    if (found.uid !== ROOT) return next;
    if (!found.isSymbolicLink()) {
      at = next;
      continue;
    }
    if (++links > LINKS_MAX)
      throw new UnsafeFolderError(`${path} leads through more than ${LINKS_MAX} links.`);
    const target = readlinkSync(next);
    left.unshift(...namesIn(target));
    if (isAbsolute(target)) at = "/";
  }
  return undefined;
}

function namesIn(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

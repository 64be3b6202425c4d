/**
 * Hands a listening socket from one server of this process to another, so that a new certificate counts from the next
 * connection on and no connection is lost.
 *
 * Bun cannot change the certificate of a server, nor start one on a socket that is there. Two servers on one port
 * (SO_REUSEPORT) would lose what waits in the queue of the one that stops. So the new server starts on a port of its own
 * and its descriptor is then made to mean the old socket (`dup2`): the kernel's socket, and the queue of connections that
 * nobody has accepted yet, never change. The event loop has to be told as well, since epoll forgets a descriptor whose
 * socket is closed; what it is to be told is what it was told before, which the kernel shows in `/proc`.
 */

import { dlopen, ptr } from "bun:ffi";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What an event loop waits for. */
interface Registration {
  readonly epoll: number;
  readonly descriptor: number;
  readonly events: number;
  /** Bun's, returned to it with each event. */
  readonly data: bigint;
}

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;

/** `sockaddr_in` and `sockaddr_in6`: the port is in network order behind the family. */
const SOCKET_ADDRESS_BYTES = 128;
const PORT_OFFSET = 2;
const AF_INET = 2;
const AF_INET6 = 10;

let libc: ReturnType<typeof openLibc> | undefined;

function openLibc() {
  return dlopen("libc.so.6", {
    dup2: { args: ["int", "int"], returns: "int" },
    epoll_ctl: { args: ["int", "int", "int", "ptr"], returns: "int" },
    getsockname: { args: ["int", "ptr", "ptr"], returns: "int" },
    getsockopt: { args: ["int", "int", "int", "ptr", "ptr"], returns: "int" },
  }).symbols;
}

/**
 * Starts a server and gives it the socket that listens on `port`. The one that had it keeps its connections and gets no
 * more; stopping it does not touch the socket.
 * @param start starts the new server on a free TCP port. When anything fails before it has the socket, `abandon` gets it.
 * @throws Error when the system does not let it be done; the old server goes on as before.
 */
export function handOver<Server>(
  port: number,
  start: () => Server,
  abandon: (server: Server) => void,
): Server {
  libc ??= openLibc();
  const before = listeningSockets();
  const [from, another] = before.filter(({ descriptor }) => portOf(descriptor) === port);
  if (from === undefined || another !== undefined) throw new Error(`not one socket listens on port ${port}`);
  const server = start();
  try {
    const known = new Set(before.map(({ descriptor }) => descriptor));
    const [to, more] = listeningSockets().filter(({ descriptor }) => !known.has(descriptor));
    if (to === undefined || more !== undefined) throw new Error("the new server has not one socket");
    exchange(from, to);
  } catch (error) {
    abandon(server);
    throw error;
  }
  return server;
}

/** Up to the last step a failure leaves the old server as it was: it goes on accepting from the same socket. */
function exchange(from: Registration, to: Registration): void {
  const nothing = openSync("/dev/null", "r");
  try {
    expect("dup2", libc!.dup2(from.descriptor, to.descriptor));
    expect("epoll_ctl", libc!.epoll_ctl(to.epoll, EPOLL_CTL_ADD, to.descriptor, ptr(epollEvent(to))));
    expect("epoll_ctl", libc!.epoll_ctl(from.epoll, EPOLL_CTL_DEL, from.descriptor, ptr(epollEvent(from))));
    // The old server closes its descriptor when it is stopped; until then it must not keep the socket open.
    libc!.dup2(nothing, from.descriptor);
  } finally {
    closeSync(nothing);
  }
}

function expect(call: string, result: number): void {
  if (result < 0) throw new Error(`${call} failed`);
}

/** `struct epoll_event`, which is packed on x86-64 alone. */
function epollEvent({ events, data }: Registration): Buffer {
  const isPacked = process.arch === "x64";
  const event = Buffer.alloc(isPacked ? 12 : 16);
  event.writeUInt32LE(events, 0);
  event.writeBigUInt64LE(data, isPacked ? 4 : 8);
  return event;
}

/** The listening sockets that an event loop of this process waits for. */
function listeningSockets(): Registration[] {
  return registrations().filter(({ descriptor }) => isListening(descriptor));
}

function registrations(): Registration[] {
  return readdirSync("/proc/self/fd")
    .filter((descriptor) => targetOf(descriptor) === "anon_inode:[eventpoll]")
    .flatMap((epoll) => {
      const text = readFileSync(`/proc/self/fdinfo/${epoll}`, "latin1");
      const lines = text.matchAll(/^tfd:\s*(\d+)\s+events:\s*([\da-f]+)\s+data:\s*([\da-f]+)/gm);
      return Array.from(lines, ([, descriptor, events, data]) => ({
        epoll: Number(epoll),
        descriptor: Number(descriptor),
        events: Number.parseInt(events!, 16),
        data: BigInt(`0x${data}`),
      }));
    });
}

/** @returns nothing for the descriptor of the listing itself, which is closed by now. */
function targetOf(descriptor: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return undefined;
  }
}

function isListening(descriptor: number): boolean {
  const value = new Int32Array(1);
  const length = new Int32Array([value.byteLength]);
  const result = libc!.getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, ptr(value), ptr(length));
  return result === 0 && value[0] === 1;
}

/** @returns undefined for a unix socket. */
function portOf(descriptor: number): number | undefined {
  const address = Buffer.alloc(SOCKET_ADDRESS_BYTES);
  const length = new Int32Array([SOCKET_ADDRESS_BYTES]);
  if (libc!.getsockname(descriptor, ptr(address), ptr(length)) !== 0) return undefined;
  const hasPort = [AF_INET, AF_INET6].includes(address.readUInt16LE(0));
  return hasPort ? address.readUInt16BE(PORT_OFFSET) : undefined;
}

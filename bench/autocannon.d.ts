/** What is used of autocannon, which comes without types. */

declare module "autocannon" {
  interface Request {
    method: string;
    headers: Record<string, string>;
    body: string | Buffer;
  }

  interface Options {
    url: string;
    connections: number;
    /** Requests in all; the run ends when every one is answered. */
    amount: number;
    /** How often it looks whether the run has ended, ms. */
    sampleInt: number;
    requests: { method: string; headers: Record<string, string>; setupRequest(request: Request): Request }[];
  }

  interface Result {
    "2xx": number;
    non2xx: number;
    errors: number;
  }

  interface Instance extends PromiseLike<Result> {
    on(
      event: "response",
      listener: (client: unknown, status: number, bytes: number, latencyMs: number) => void,
    ): this;
  }

  export default function autocannon(options: Options): Instance;
}

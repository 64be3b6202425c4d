/** The limit for POST /publish: a bare Bun.serve that parses the JSON and answers; keeps and checks nothing. */

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request) {
    const body = (await request.json()) as unknown;
    return Response.json({ status: "accepted", count: Array.isArray(body) ? body.length : 1 });
  },
});
console.log(`ready on http://127.0.0.1:${server.port}`);

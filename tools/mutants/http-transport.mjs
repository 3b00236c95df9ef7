// planted faults in the HTTP server and client over Winsock
const listening = "packages/platform/src/internal/listening.ts"
const client = "packages/platform/src/WinsockHttpClient.ts"
const owning = "packages/platform/src/internal/owning.ts"
const agent = "packages/platform/src/HttpAgent.ts"
const rooms = "tools/check/rooms.mjs"

const http = "test/both/transports/http.test.ts"

export default [
  {
    file: listening,
    name: "HttpServer: it is closed while requests are under way",
    why: "the end waits for what was begun",
    find: "if (!gone || count > 0) return",
    replace: "if (!gone) return",
    caughtBy: [http]
  },
  {
    file: listening,
    name: "HttpServer: connections that are kept hold up the end",
    why: "nobody else closes them",
    find: "    server.closeIdleConnections?.()\n",
    replace: "",
    caughtBy: [http]
  },
  {
    file: listening,
    name: "HttpServer: it goes on listening after its end has begun",
    why: "who comes then would be accepted and never answered",
    find: "    const ended = fork(Scope.close(mine.scope, Exit.void))\n",
    replace: "    const ended = fork(Effect.void)\n",
    caughtBy: [http]
  },
  {
    file: listening,
    name: "HttpServer: nobody is told who asks over TLS",
    why: "Node's socket over a stream has no address",
    find: '      server.prependListener("secureConnection", tellAddresses)\n',
    replace: "",
    caughtBy: [http]
  },
  {
    file: listening,
    name: "HttpServer: nobody is told who asks over HTTP/2",
    why: "its socket is hidden behind a proxy",
    find: '      server.prependListener("session", tellAddressesOf)\n',
    replace: "",
    caughtBy: [http]
  },
  {
    file: listening,
    name: "HttpServer: one connection more than it may have",
    why: "maxConnections is Node's, which does not count these",
    find: "count >= server.maxConnections",
    replace: "count > server.maxConnections",
    caughtBy: [http]
  },
  {
    file: listening,
    name: "HttpServer: all addresses without IPv4's",
    why: "Node's servers take both families",
    find: "ipv6Only: options.ipv6Only ?? false",
    replace: "ipv6Only: options.ipv6Only ?? true",
    caughtBy: [http]
  },
  {
    file: listening,
    name: "HttpServer: the program's server is left changed",
    why: "it is lent, and may serve again",
    find: "    for (const name of Object.keys(parts)) Reflect.deleteProperty(server, name)\n",
    replace: "",
    caughtBy: [http]
  },
  {
    file: listening,
    name: "HttpServer: a signal is not heeded",
    why: "it closes the server, as for Node's listen",
    find: '        options.signal?.addEventListener("abort", stop, { once: true })\n',
    replace: "",
    caughtBy: [http]
  },
  {
    file: owning,
    name: "HttpServer: a connection that was accepted is not handed over",
    why: "it would be open, and nobody would answer or end it",
    find: "seen(connection) ? announce(target, connection) : Effect.void",
    replace: "seen(connection) ? Effect.void : announce(target, connection)",
    caughtBy: [http]
  },
  {
    file: client,
    name: "HttpClient: a WebSocket over TLS by the agent of plain ones",
    why: "wss is https",
    find: "/^(wss|https):/i.test(url)",
    replace: "/^(https):/i.test(url)",
    caughtBy: [http]
  },
  {
    file: agent,
    name: "HttpClient: an answer over TLS does not tell from where it is",
    why: "Node's session over a stream has no address",
    find: "      NodeAddresses.tell(session, duplex)\n",
    replace: "",
    caughtBy: [http]
  },
  {
    file: rooms,
    name: "rooms: what is built on the transports is not one of them",
    why: "effect/devtools brings effect/socket, effect/observability effect/http",
    find: "&& !plain.includes(folder)",
    replace: '&& ["socket", "rpc", "cluster", "http", "http-api"].includes(folder)',
    caughtBy: ["test/check/rooms.test.ts"]
  }
]

// planted faults in raw sockets, in what machines and routers say by ICMP, and in ping
const raw = "test/both/raw/raw.test.ts"
const mock = "test/mock/raw.test.ts"
const ping = "test/mock/ping.test.ts"
const pinger = "examples/ping/pinger.ts"

export default [
  {
    name: "raw: WSAEACCES told as that of any socket",
    file: "packages/core/src/internal/rawSocket.ts",
    why: "whoever lacks the rights of an administrator must be told that",
    find: 'return engine.lastError("WSASocketW", "raw")',
    replace: 'return engine.lastError("WSASocketW")',
    caughtBy: [raw]
  },
  {
    name: "raw: the way of completion is not asked for",
    file: "packages/core/src/internal/rawOptions.ts",
    why: "an option that is read by nobody is neither checked nor kept",
    find: "    completion: options.completion,\n",
    replace: "",
    caughtBy: [raw]
  },
  {
    name: "raw: options by name on a closed socket",
    file: "packages/core/src/internal/rawSocket.ts",
    why: "the number of a closed SOCKET is another's at once",
    find: "() => this.live.socket)",
    replace: "() => opened.socket)",
    caughtBy: [raw]
  },
  {
    name: "raw: an IPv4 packet without its header",
    file: "packages/mock/src/internal/Raw.ts",
    why: "what is received over IPv4 begins with the IP header, over IPv6 it does not",
    find: "destination.isV4 ? Wire.packet(datagram) : Wire.ipPayload(datagram)",
    replace: "Wire.ipPayload(datagram)",
    caughtBy: [raw]
  },
  {
    name: "raw: IP_HDRINCL without the program's hop limit",
    file: "packages/mock/src/internal/Raw.ts",
    why: "the header is the program's",
    find: "const { tos, ttl } = own ?? manner",
    replace: "const { tos, ttl } = manner",
    caughtBy: [raw]
  },
  {
    name: "mock: a router passes what has no hop left",
    file: "packages/mock/src/internal/Network.ts",
    why: "the one that finds nothing left goes no further, and says so",
    find: "const expires = datagram.ttl <= routers.length",
    replace: "const expires = datagram.ttl < routers.length",
    caughtBy: [mock, ping]
  },
  {
    name: "ping: another program's reply",
    file: pinger,
    why: "every raw socket of the machine gets a copy",
    find: "echo === undefined || echo.identifier !== this.identifier",
    replace: "echo === undefined",
    caughtBy: [ping]
  },
  {
    name: "ping: a reply from another address",
    file: pinger,
    why: "whoever answers with a number that somebody else was asked with has not been asked",
    find: "if (waiting === undefined || NetAddress.formatIp(waiting.to) !== NetAddress.formatIp(echo.destination)) {",
    replace: "if (waiting === undefined) {",
    caughtBy: [ping]
  },
  {
    name: "ping: a late reply is waited for by the next request",
    file: pinger,
    why: "each request has a number of its own",
    find: "this.sequence = (sequence + 1) & 0xffff",
    replace: "this.sequence = sequence & 0xffff",
    caughtBy: [ping]
  }
]

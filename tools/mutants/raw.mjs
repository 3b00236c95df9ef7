// planted faults in raw sockets, in the codec of ICMP, and in the mock's routers
const icmp = "packages/schema/src/Icmp.ts"
const checksum = "packages/schema/src/internal/internetChecksum.ts"
const header = "packages/schema/src/Ipv4Header.ts"
const rawSocket = "packages/core/src/internal/rawSocket.ts"
const conditions = "packages/core/src/internal/conditions.ts"
const mockRaw = "packages/mock/src/internal/Raw.ts"
const network = "packages/mock/src/internal/Network.ts"
const journey = "packages/mock/src/internal/Journey.ts"
const pinger = "examples/ping/pinger.ts"
const codec = "test/schema/icmp.test.ts"
const both = "test/both/raw/raw.test.ts"
const mock = "test/mock/raw.test.ts"
const ping = "test/mock/ping.test.ts"

export default [
  {
    name: "raw: the odd byte of a checksum",
    file: checksum,
    why: "a message of odd length would be taken for damaged",
    find: "sum += bytes[even] << 8",
    replace: "sum += bytes[even]",
    caughtBy: [codec]
  },
  {
    name: "raw: an IPv4 header that is cut",
    file: header,
    why: "the options would be read behind the end of what was received",
    find: '  if (bytes.length < headerLength) return issue("TooShort", bytes.length)\n',
    replace: "",
    caughtBy: [codec]
  },
  {
    name: "raw: padding taken for payload",
    file: header,
    why: "a packet ends where it says, not with its buffer",
    find: "totalLength === 0 ? bytes.length : totalLength)",
    replace: "bytes.length)",
    caughtBy: [codec]
  },
  {
    name: "raw: a later fragment taken for an echo request",
    file: icmp,
    why: "its first bytes are anything",
    find: " || header.fragmentOffset !== 0",
    replace: "",
    caughtBy: [codec]
  },
  {
    name: "raw: a SOCKET left open when it cannot be configured",
    file: rawSocket,
    why: "nobody else would close it",
    find: "  if (opened instanceof WinsockErrors.WinsockError) engine.calls.closesocket(socket)\n",
    replace: "",
    caughtBy: [both]
  },
  {
    name: "raw: WSAEACCES told as any other",
    file: conditions,
    why: "the one thing to know is that the program must run elevated",
    find: '    { kinds: ["raw"] }\n',
    replace: '    { kinds: ["stream"] }\n',
    caughtBy: [both]
  },
  {
    name: "raw: a packet of another protocol",
    file: mockRaw,
    why: "a raw socket gets its own protocol's only",
    find: "socket.raw!.protocol === datagram.protocol &&",
    replace: "",
    caughtBy: [mock]
  },
  {
    name: "raw: a router that takes nothing off",
    file: network,
    why: "the hop limit tells how far a packet came",
    find: 'datagram.ttl -= end === "expired" ? passed - 1 : passed',
    replace: "datagram.ttl -= 0",
    caughtBy: [mock]
  },
  {
    name: "raw: a hop limit that expires one router later",
    file: journey,
    why: "traceroute would name the wrong one",
    find: "const expires = hopLimit <= routers",
    replace: "const expires = hopLimit < routers",
    caughtBy: [mock]
  },
  {
    name: "ping: another program's echo",
    file: pinger,
    why: "every raw socket of ICMP gets every program's replies",
    find: "echo === undefined || echo.identifier !== this.identifier",
    replace: "echo === undefined",
    caughtBy: [ping]
  }
]

// planted faults in options of sockets of every kind, and in what an alertable wait runs
const options = "packages/core/src/internal/socketOptions.ts"
const winsock2 = "packages/core/src/internal/winsock2Socket.ts"
const blocking = "packages/core/src/internal/blockingSocket.ts"
const routines = "packages/mock/src/internal/Routines.ts"
const everySocket = "test/both/options/everySocket.test.ts"

export default [
  {
    name: "options: a Winsock2.Socket that blocks",
    file: winsock2,
    why: "its calls are made on the JS thread, which must never wait in one",
    find: 'if (name === "FIONBIO") return value === true ? undefined :',
    replace: 'if (name === "FIONBIO") return value !== undefined ? undefined :',
    caughtBy: [everySocket]
  },
  {
    name: "options: a control code that nobody refuses",
    file: options,
    why: "what must not be set on a SOCKET that is not managed is refused before the call",
    find: "  if (instead !== undefined) return refused(instead)",
    replace: '  if (instead !== undefined && operation !== "WSAIoctl") return refused(instead)',
    caughtBy: [everySocket]
  },
  {
    name: "options: a closed Winsock2.Socket",
    file: winsock2,
    why: "the number is used again at once",
    find: "(endpoint.isOpen ? endpoint.socket : -1)",
    replace: "endpoint.socket",
    caughtBy: [everySocket]
  },
  {
    name: "options: a closed BlockingSocket",
    file: blocking,
    why: "it is being closed while its calls return",
    find: "    blocking.isOpen ? blocking.socket : -1\n",
    replace: "    blocking.socket\n",
    caughtBy: [everySocket]
  },
  {
    name: "mock: an alertable wait that runs what is queued, and no more",
    file: routines,
    why: "what the routines queue is run by the same wait",
    find: "next !== undefined; next = queue.shift()",
    replace: "next !== undefined; next = undefined",
    caughtBy: ["test/mock/routines.test.ts"]
  }
]

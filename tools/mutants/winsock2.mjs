// planted faults in the calls of Winsock2, and in its sockets
const data = "packages/core/src/internal/winsock2Data.ts"
const overlapped = "packages/core/src/internal/winsock2Overlapped.ts"
const socket = "packages/core/src/internal/winsock2Socket.ts"
const memory = "packages/core/src/internal/winsock2Memory.ts"
const forms = "packages/core/src/internal/winsock2Forms.ts"
const calls = "packages/core/src/internal/winsock2Calls.ts"
const laws = "test/both/winsock2/laws.test.ts"
const functions = "test/both/winsock2/calls.test.ts"
const refusals = "test/both/winsock2/refusals.test.ts"

export default [
  {
    name: "winsock2 socket of another layer",
    file: socket,
    why: "its number is another one's here",
    find: "  if (endpoint?.engine !== engine) {",
    replace: "  if (endpoint === undefined) {",
    caughtBy: [refusals]
  },
  {
    name: "winsock2 closed socket used",
    file: socket,
    why: "its number may be another socket's by then",
    find: "  if (!endpoint.isOpen) return WinsockErrors.socketClosed(operation)",
    replace: "",
    caughtBy: [laws]
  },
  {
    name: "winsock2 thread not looked at",
    file: socket,
    why: "Windows cancels what a thread has begun when that ends",
    find: "  return thread === engine.thread",
    replace: "  return thread >= 0",
    caughtBy: [refusals]
  },
  {
    name: "winsock2 overlapped without the flag",
    file: forms,
    why: "such a socket ignores the OVERLAPPED, and nothing ever completes it",
    find: "  socket.shape.overlapped\n    ? run",
    replace: "  socket.state >= 0\n    ? run",
    caughtBy: [refusals]
  },
  {
    name: "winsock2 lpNumberOfBytes in an overlapped call",
    file: data,
    why: "the pages ask for NULL; what is written there may be wrong",
    find: "(overlapped === 0 ? memory.count : 0)",
    replace: "memory.count",
    caughtBy: [functions]
  },
  {
    name: "winsock2 peek overlapped",
    file: data,
    why: "MSG_PEEK is for calls that are not overlapped",
    find: "forbids: (_socket, _flags, overlapped) => overlapped }",
    replace: "forbids: () => false }",
    caughtBy: [refusals]
  },
  {
    name: "winsock2 memory freed at an interruption",
    file: overlapped,
    why: "the kernel writes to it until the operation has ended",
    find: "    if (operation.state !== CANCELLING) return socket.interrupted(operation, settled)",
    replace: "    if (operation.state !== CANCELLING) return settled(Effect.void)",
    caughtBy: [laws]
  },
  {
    name: "winsock2 torn stream sent on",
    file: overlapped,
    why: "nothing must follow a torn message",
    find: "    if (call.tears && (cancelled || unasked)) socket.torn = true",
    replace: "",
    caughtBy: [laws]
  },
  {
    name: "winsock2 discarded not counted",
    file: overlapped,
    why: "what nobody was given must not be lost in silence",
    find: "    if (this.unwanted || late) engine.counters.discarded++\n    else {",
    replace: "    {",
    caughtBy: [laws]
  },
  {
    name: "winsock2 event still busy",
    file: overlapped,
    why: "an event can be used again when its operation has ended",
    find: "    told.object.event.busy = false",
    replace: "    told.object.event.busy = true",
    caughtBy: [laws]
  },
  {
    name: "winsock2 poll of a held packet",
    file: overlapped,
    why: "WSAGetOverlappedResult tells of the end, whoever has the packet",
    find: "    this.conclude(failed, view.getUint32",
    replace: "    if (status < 0) this.conclude(failed, view.getUint32",
    caughtBy: [laws]
  },
  {
    name: "winsock2 undecided packet",
    file: overlapped,
    why: "a packet may follow WSAEMSGSIZE, and its OVERLAPPED must not be another call's by then",
    find: "answer === WSAEMSGSIZE && call.cuts && event === undefined",
    replace: "answer === WSAEMSGSIZE && call.cuts && operation.isPending",
    caughtBy: [laws]
  },
  {
    name: "winsock2 buffers that overlap",
    file: memory,
    why: "each buffer has memory of its own",
    find: "      writePointer(abi, view, entry + buf, at)\n      at += size",
    replace: "      writePointer(abi, view, entry + buf, at)",
    caughtBy: [functions]
  },
  {
    name: "winsock2 closesocket that lingers",
    file: calls,
    why: "closesocket fails on such a socket that does not block, and leaves it open",
    find: "&& value[0] !== 0 && (",
    replace: "&& value[0] === 7 && (",
    caughtBy: [refusals]
  },
  {
    name: "winsock2 fWait beside a routine",
    file: forms,
    why: "the page refuses it: the wait would be for an event that nobody sets",
    find: "  if (fWait && overlapped.hasRoutine) {",
    replace: "  if (fWait && overlapped.isOver && overlapped.hasRoutine) {",
    caughtBy: [refusals]
  },
  {
    name: "winsock2 event beside a routine",
    file: forms,
    why: "hEvent is ignored there, and nobody would ever set it",
    find: 'takesRoutine.has(name) && socket.completion.mode === "routine"',
    replace: 'takesRoutine.has(name) && socket.completion.mode === "port"',
    caughtBy: [refusals]
  }
]

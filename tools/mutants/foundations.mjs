// planted faults in the codes, the layouts, the parser of control messages, and the simulated kernel
const statuses = "packages/schema/src/NtStatus.ts"
const errors = "packages/core/src/WinsockError.ts"
const walker = "packages/schema/src/internal/controlWalk.ts"
const addresses = "packages/schema/src/SockAddr.ts"
const packetQueue = "packages/mock/src/internal/PacketQueue.ts"
const sockets = "packages/mock/src/internal/Sockets.ts"
const guard = "packages/mock/src/internal/Guard.ts"
const network = "packages/mock/src/internal/Network.ts"
const send = "packages/mock/src/internal/Send.ts"

const controls = "test/schema/ControlMessage.test.ts"
const hostileControls = "test/schema/hostile.test.ts"

export default [
  {
    file: statuses,
    name: "status from the Win32 column",
    why: "GetLastError's codes after a dequeue are other codes for the same things",
    find: "  if (info !== undefined) return info.wsaError\n",
    replace: "  if (info !== undefined) return info.win32Error\n",
    caughtBy: ["test/schema/codes.test.ts"]
  },
  {
    file: errors,
    name: "error from the wrong table",
    why: "the status of an operation goes through the table of WSAGetOverlappedResult",
    find: "  const code = NtStatus.toWsaError(status)\n",
    replace: "  const code = NtStatus.toWin32Error(status)\n",
    caughtBy: ["test/core/WinsockError.test.ts"]
  },
  {
    file: walker,
    name: "no guard against cmsg_len 0",
    why: "a tail of zeroed headers is an endless loop",
    find: `    if (messageLength < header) return issue(messageLength === 0 ? "ZeroLength" : "ShortLength", at - offset)\n`,
    replace: `    if (messageLength < header && messageLength !== 0) return issue("ShortLength", at - offset)\n`,
    caughtBy: [controls]
  },
  {
    file: walker,
    name: "no guard against an overlong cmsg_len",
    why: "the payload would be read beyond the control data",
    find: `    if (messageLength > end - at) return issue("OverlongLength", at - offset)\n`,
    replace: "",
    caughtBy: [hostileControls]
  },
  {
    file: walker,
    name: "alignment of the wrong ABI",
    why: "headers are aligned to 8 bytes on x64 and to 4 on ia32",
    find: "-length & (WSACMSGHDR.alignment[abi] - 1)",
    replace: "-length & (WSACMSGHDR.alignment.x64 - 1)",
    caughtBy: [controls]
  },
  {
    file: walker,
    name: "repeated control messages accepted",
    why: "a known message may stand once",
    find: `      if ((seen & entry.bit) !== 0) return issue("Duplicate", at - offset)\n`,
    replace: "",
    caughtBy: [controls]
  },
  {
    file: addresses,
    name: "port in host order",
    why: "sin_port is in network byte order",
    find: "view.setUint16(offset + in4.sin_port, address.port, false)",
    replace: "view.setUint16(offset + in4.sin_port, address.port, true)",
    caughtBy: ["test/schema/SockAddr.test.ts"]
  },
  {
    file: packetQueue,
    name: "mock: last packet first",
    why: "a completion port is first in, first out",
    find: "const packet = this.packets[this.head++]",
    replace: "const packet = this.packets.pop()!",
    caughtBy: ["test/mock/ports.test.ts"]
  },
  {
    file: packetQueue,
    name: "mock: shuffled across a posted packet",
    why: "what is posted is behind all that was queued before it: the engine's sentinel stands on that",
    find: "last === undefined || packet.posted || last.posted",
    replace: "last === undefined",
    caughtBy: ["test/mock/ports.test.ts"]
  },
  {
    file: sockets,
    name: "mock: a completing operation is cancelled",
    why: "one that is completing completes, whatever CancelIoEx is asked",
    find: `  if (operation.state !== "pending") return\n`,
    replace: "",
    caughtBy: ["test/mock/cancel.test.ts"]
  },
  {
    file: guard,
    name: "mock: memory freed under an operation goes unnoticed",
    why: "on real Windows that is memory corrupted without a word",
    find: "        if (address >= block.address && address < end) {\n          this.torn",
    replace: "        if (address > end) {\n          this.torn",
    caughtBy: ["test/mock/guard.test.ts"]
  },
  {
    file: network,
    name: "mock: newest receive served first",
    why: "datagrams go to receives in the order in which these were posted",
    find: "      const operation = socket.receives.first!\n",
    replace: "      const operation = socket.receives.last!\n",
    caughtBy: ["test/mock/receive.test.ts"]
  },
  {
    file: send,
    name: "mock: sends never wait for room",
    why: "a full send buffer answers WSAEWOULDBLOCK, or makes an overlapped send wait",
    find: "(socket.sendBuffered === 0 || socket.sendBuffered + bytes <= socket.options[SocketOptions.SNDBUF])",
    replace: "socket.sendBuffered >= 0",
    caughtBy: ["test/mock/send.test.ts"]
  }
]

// planted faults in socket options and control codes
const core = "packages/core/src/internal/socketOptions.ts"
const live = "packages/core/src/internal/udpSocket.ts"
const connection = "packages/core/src/internal/tcpSocket.ts"
const values = "packages/schema/src/OptionValue.ts"
const structs = "packages/schema/src/internal/optionStructs.ts"
const table = "packages/schema/src/OptionTable.ts"
const kernel = "packages/mock/src/internal/SocketOptions.ts"

const sockets = "test/both/options/sockets.test.ts"
const whole = "test/both/options/table.test.ts"
const bytes = "test/schema/optionValues.test.ts"
const effects = "test/mock/optionEffects.test.ts"

export default [
  {
    file: core,
    name: "options: what the library keeps is set all the same",
    why: "a SO_LINGER of the program's would make closing block, or tear",
    find: "  if (live.managed && kept !== undefined) return refused(kept)",
    replace: '  if (operation !== "setsockopt" && live.managed && kept !== undefined) return refused(kept)',
    caughtBy: [whole]
  },
  {
    file: core,
    name: "options: a control code that the library keeps is called all the same",
    why: "FIONBIO off would let a call block the JavaScript thread",
    find: "  if (live.managed && kept !== undefined) return refused(kept)",
    replace: '  if (operation !== "WSAIoctl" && live.managed && kept !== undefined) return refused(kept)',
    caughtBy: [whole]
  },
  {
    file: core,
    name: "options: the kind of the socket is not looked at",
    why: "a wrong socket is told before the call",
    find: "  if (live.managed && !row.sockets.includes(live.kind)) {",
    replace: "  if (!live.managed && !row.sockets.includes(live.kind)) {",
    caughtBy: [whole]
  },
  {
    file: core,
    name: "options: the SOCKET is asked for before the input is read",
    why: "reading it may run code that closes the socket, and the number is reused at once",
    find: "  return handle === -1 ? WinsockErrors.socketClosed(operation) : { checked, handle }",
    replace:
      '  return handle === -1 && operation !== "WSAIoctl" ? WinsockErrors.socketClosed(operation) : { checked, handle: handle as SocketHandle }',
    caughtBy: [sockets]
  },
  {
    file: core,
    name: "options: an answer is taken to be as long as its room",
    why: "options of IP, and lists, are as long as the provider says",
    find: "Math.min(scratch.view.getUint32(lengthAt, true), size)",
    replace: "size",
    caughtBy: [whole]
  },
  {
    file: live,
    name: "options: a closed datagram socket still has its SOCKET",
    why: "nothing may refer to the number after closing began",
    find: "(datagrams.isOpen() ? datagrams.socket : -1)",
    replace: "opened.socket",
    caughtBy: [sockets]
  },
  {
    file: connection,
    name: "options: a closed connection still has its SOCKET",
    why: "nothing may refer to the number after closing began",
    find: "(internal.isOpen ? internal.socket : -1)",
    replace: "internal.number as never",
    caughtBy: [sockets]
  },
  {
    file: values,
    name: "options: numbers above the range are let through",
    why: "what is out of range is refused before the call",
    find: "    isWithin(value, least, most) ? value : new Refusal(option, value, `an integer from ${least} to ${most}`),",
    replace:
      "    isWithin(value, least, 2 ** 32) ? value : new Refusal(option, value, `an integer from ${least} to ${most}`),",
    caughtBy: [bytes]
  },
  {
    file: structs,
    name: "options: pointers in an answer are followed anywhere",
    why: "no answer makes the library read outside its block",
    find: "  if (!(target >= 0 && count >= 0 && target + count <= length)) return undefined\n",
    replace: "",
    caughtBy: [bytes]
  },
  {
    file: structs,
    name: "options: a list's count is believed",
    why: "no answer makes the library read outside its block",
    find: "    if (!(count >= 0 && first + count * size <= Math.max(length, first))) return undefined\n",
    replace: "",
    caughtBy: [bytes]
  },
  {
    file: table,
    name: "options: a name of both levels is always IPv4's",
    why: "MCAST_JOIN_GROUP of an IPv6 socket is at IPPROTO_IPV6",
    find: "  const level = family === AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP\n",
    replace: "  const level = family === 0 ? IPPROTO_IPV6 : IPPROTO_IP\n",
    caughtBy: [sockets]
  },
  {
    file: kernel,
    name: "simulation: a list of interfaces lets everything in",
    why: "datagrams that came by another interface are not received",
    find: "  !listsInterfaces(socket, v6) || OptionBlocks.listed(socket, v6, index)",
    replace: "  !listsInterfaces(socket, v6) || !OptionBlocks.listed(socket, v6, index) || index > 0",
    caughtBy: [effects]
  },
  {
    file: kernel,
    name: "simulation: options of another kind of socket are there",
    why: "Windows refuses them, with the code of the table",
    find: "  return OptionTable.refusal(row, kindOf(socket), socket.v6 ? AF_INET6 : AF_INET, access)",
    replace: "  return OptionTable.refusal(row, row.sockets[0], socket.v6 ? AF_INET6 : AF_INET, access)",
    caughtBy: [whole]
  }
]

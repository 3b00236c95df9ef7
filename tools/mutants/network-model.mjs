// planted faults that the model of a network must find
const network = "packages/mock/src/internal/Network.ts"
const judging = "packages/mock/src/internal/Judging.ts"
const disturbing = "packages/mock/src/internal/Disturbing.ts"
const send = "packages/mock/src/internal/Send.ts"
const trace = "packages/mock/src/internal/Trace.ts"
const tcpReceive = "packages/mock/src/internal/TcpReceive.ts"
const datagrams = "packages/core/src/internal/datagrams.ts"
const udpSend = "packages/core/src/internal/udpSend.ts"
const model = "test/model/network.test.ts"

export default [
  {
    name: "network model: joined with another hop limit",
    file: network,
    why: "joined datagrams have one control data: it must be that of each",
    find: "last.tos !== datagram.tos ||\n      last.ttl !== datagram.ttl",
    replace: "last.tos !== datagram.tos",
    caughtBy: [model]
  },
  {
    name: "network model: joined with another traffic class",
    file: network,
    why: "joined datagrams have one control data: it must be that of each",
    find: "      last.tos !== datagram.tos ||\n",
    replace: "",
    caughtBy: [model]
  },
  {
    name: "network model: joined to another address",
    file: network,
    why: "the packet info of a joined datagram is that of each",
    find: "      !last.destination.equals(datagram.destination) ||\n",
    replace: "",
    caughtBy: [model]
  },
  {
    name: "network model: what finds no room is not counted",
    file: network,
    why: "a loss that no rule and no counter tells of",
    find: "      socket.overflowed++\n",
    replace: "",
    caughtBy: [model]
  },
  {
    name: "network model: copies do not wait for the packet",
    file: judging,
    why: "a copy comes after what it is a copy of, and that was delayed",
    find: "at: delay + after,",
    replace: "at: after,",
    caughtBy: [model]
  },
  {
    name: "network model: a copy without its traffic class",
    file: judging,
    why: "a copy is told from the packet by nothing",
    find: "destinationPort, payload, ttl, tos)\n  copy.protocol",
    replace: "destinationPort, payload, ttl, 0)\n  copy.protocol",
    caughtBy: [model]
  },
  {
    name: "network model: a partition that is one way only",
    file: disturbing,
    why: "nothing passes, either way",
    find: "(first.sends(packet) && second.gets(packet)) || (!oneWay && second.sends(packet) && first.gets(packet))",
    replace: "first.sends(packet) && second.gets(packet)",
    caughtBy: [model]
  },
  {
    name: "network model: twice the latency",
    file: disturbing,
    why: "what arrives arrives in time",
    find: "    begin: (chance) => (_packet, change) => {\n      change.delay += next(chance)\n",
    replace: "    begin: (chance) => (_packet, change) => {\n      change.delay += 2 * next(chance)\n",
    caughtBy: [model]
  },
  {
    name: "network model: a segment of a send that is one too long",
    file: send,
    why: "each datagram of a segmented send has its own bytes",
    find: "const part = payload.subarray(at, at + piece)",
    replace: "const part = payload.subarray(at, at + piece + 1)",
    caughtBy: [model]
  },
  {
    name: "network model: the hop limit is a router's to change in the trace",
    file: trace,
    why: "what was sent was sent with what it was sent with",
    find: "      ttl: this.ttl,\n",
    replace: "      ttl: d.ttl,\n",
    caughtBy: ["test/mock/networks.test.ts"]
  },
  {
    name: "network model: the rest of a joined datagram is lost",
    file: datagrams,
    why: "each of the datagrams that were joined is given out",
    find: "const last = size >= rest",
    replace: "const last = size * 2 >= rest",
    caughtBy: [model]
  },
  {
    name: "network model: the ECN codepoint of a send is left out",
    file: udpSend,
    why: "a wish is honoured or refused",
    find: "else if (ecn !== undefined) out.push",
    replace: "else if (ecn === 0) out.push",
    caughtBy: [model]
  },
  {
    name: "network model: bytes of a stream are received twice",
    file: tcpReceive,
    why: "every byte once",
    find: "  from.drop(size)\n",
    replace: "  if (size !== 64) from.drop(size)\n",
    caughtBy: [model]
  }
]

// planted faults in TCP over a network that loses, delays and resets
const retransmission = "packages/mock/src/internal/Retransmission.ts"
const ordered = "packages/mock/src/internal/Ordered.ts"
const passage = "packages/mock/src/internal/Passage.ts"
const tests = "test/mock/tcpRules.test.ts"

export default [
  {
    name: "tcp rules: a copy of a segment is taken again",
    file: retransmission,
    why: "bytes would arrive twice",
    find: "if (came >= lengthOf(segment)) return -1",
    replace: "if (came >= lengthOf(segment)) return this.received",
    caughtBy: [tests]
  },
  {
    name: "tcp rules: a segment is acknowledged by its first byte",
    file: retransmission,
    why: "a lost segment would never be sent again",
    find: "this.items[count].next <= number",
    replace: "this.items[count].number <= number",
    caughtBy: [tests]
  },
  {
    name: "tcp rules: waits do not grow",
    file: retransmission,
    why: "a connection would be given up within seconds",
    find: "this.rto * 2 ** this.tries",
    replace: "this.rto",
    caughtBy: [tests]
  },
  {
    name: "tcp rules: what was cut is not sent again",
    file: retransmission,
    why: "what was too big for the path would wait for a time-out",
    find: "    this.recover = this.sent\n    this.restart()\n    this.again(first)\n",
    replace: "",
    caughtBy: [tests]
  },
  {
    name: "tcp rules: only segments with bytes are acknowledged",
    file: ordered,
    why: "a FIN would be sent until the connection is given up",
    find: "if (order.number !== -1 || (segment.flags & PROBE) !== 0) acknowledge",
    replace: "if (segment.chunk !== undefined || (segment.flags & PROBE) !== 0) acknowledge",
    caughtBy: [tests]
  },
  {
    name: "tcp rules: a probe is not answered",
    file: ordered,
    why: "a lost window would never be told again, and keep-alive would end what lives",
    find: "order.number !== -1 || (segment.flags & PROBE) !== 0",
    replace: "order.number !== -1",
    caughtBy: [tests]
  },
  {
    name: "tcp rules: segments overtake each other in their lane",
    file: passage,
    why: "what is sent later would hurry what is under way",
    find: "Math.max(this.last, now + delay)",
    replace: "now + delay",
    caughtBy: [tests]
  },
  {
    name: "tcp rules: a reset takes the bytes before it along",
    file: passage,
    why: "what was sent before byte n would not arrive",
    find: "if (after > 0 && after < packet.payload.length) {",
    replace: "if (after < 0) {",
    caughtBy: [tests]
  }
]

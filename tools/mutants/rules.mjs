// planted faults in the rules of the simulated network, and in how they are applied to datagrams
const rule = "packages/mock/src/MockRule.ts"
const disturbing = "packages/mock/src/internal/Disturbing.ts"
const line = "packages/mock/src/internal/Line.ts"
const parts = "packages/mock/src/internal/RuleParts.ts"
const judging = "packages/mock/src/internal/Judging.ts"
const rules = "packages/mock/src/internal/Rules.ts"
const network = "packages/mock/src/internal/Network.ts"
const turns = "packages/mock/src/internal/Turns.ts"
const effects = "test/mock/rules.test.ts"
const matching = "test/mock/rulesMatching.test.ts"
const icmp = "test/mock/rulesIcmp.test.ts"

export default [
  {
    name: "rules: what was installed first is asked first",
    file: rules,
    why: "a narrower rule could not be laid over a wider one",
    find: "[installed, ...this.installed]",
    replace: "[...this.installed, installed]",
    caughtBy: [matching]
  },
  {
    name: "rules: what a broken rule changed stays",
    file: rules,
    why: "a delay that is none would stop the clock's timers",
    find: "      Object.assign(change, before)\n",
    replace: "",
    caughtBy: [matching]
  },
  {
    name: "rules: a host that is none",
    file: rules,
    why: "a partition with a misspelt name would part nothing, and the test pass",
    find: "if (unknown !== undefined) throw",
    replace: "if (unknown === '') throw",
    caughtBy: [matching]
  },
  {
    name: "rules: copies share a datagram",
    file: judging,
    why: "the hops of one would be taken off the others",
    find: "flight.of(copyOf(arriving))",
    replace: "flight.of(arriving)",
    caughtBy: [icmp]
  },
  {
    name: "rules: damage that no checksum finds",
    file: judging,
    why: "a program could not be tried with it",
    find: "copy.damaged = !undetected && ",
    replace: "copy.damaged = ",
    caughtBy: [effects]
  },
  {
    name: "rules: damage that a checksum finds is received",
    file: network,
    why: "the stack drops it",
    find: 'if (datagram.damaged) return this.drop(target, datagram, "damaged")',
    replace: "",
    caughtBy: [effects]
  },
  {
    name: "rules: complaints about broadcasts",
    file: judging,
    why: "nobody complains about what was for many",
    find: "isTold && datagram.flags === 0",
    replace: "isTold",
    caughtBy: [matching]
  },
  {
    name: "rules: a large datagram of IPv6 that its sender did not cut",
    file: judging,
    why: "routers cut none, and the sender does not know yet",
    find: "(datagram.destination.isV4 || kernel.pathMtus.of(kernel.machine, datagram.destination) <= mtu)",
    replace: "true",
    caughtBy: [effects]
  },
  {
    name: "rules: the MTU goes unlearned",
    file: network,
    why: "the sender would never find out what fits",
    find: "if (mtu !== undefined) kernel.pathMtus.learn(datagram.destination, mtu)",
    replace: "",
    caughtBy: [effects]
  },
  {
    name: "rules: an expired hop limit by the code of ports",
    file: network,
    why: "each kind of report has a control code of its own",
    find: "datagram.status === STATUS_PORT_UNREACHABLE ? socket.connectionReset : socket.networkReset",
    replace: "socket.connectionReset",
    caughtBy: [icmp]
  },
  {
    name: "rules: a group without members is judged",
    file: network,
    why: "losses would be told of what was for nobody",
    find: "if (this.rules.any && members(at, flight).length === 0) continue",
    replace: "",
    caughtBy: [matching]
  },
  {
    name: "rules: the last fraction of a nanosecond",
    file: turns,
    why: "the clock sleeps whole ones, and would be asked for nothing again and again",
    find: "preciseMillis(this.clock) + nanosecond",
    replace: "preciseMillis(this.clock)",
    caughtBy: [effects]
  },
  {
    name: "bandwidth: what is on its way out counts as waiting",
    file: line,
    why: "the queue would be a packet shorter than it says",
    find: "this.waiting[begun].begins <= now",
    replace: "this.waiting[begun].begins < now",
    caughtBy: [effects]
  },
  {
    name: "bandwidth: one line for both directions",
    file: parts,
    why: "answers would wait for questions",
    find: "`${from} ${to ?? destination}`",
    replace: "[from, to ?? destination].toSorted().join()",
    caughtBy: [effects]
  },
  {
    name: "partition: one way is both",
    file: disturbing,
    why: "half a partition is what finds the most bugs",
    find: "(!oneWay && second.sends(packet)",
    replace: "(second.sends(packet)",
    caughtBy: [effects]
  },
  {
    name: "cut: a host that does not hear itself",
    file: disturbing,
    why: "it is cut off from all others",
    find: "(packet.from === host) !== (packet.to === host)",
    replace: "packet.from === host || packet.to === host",
    caughtBy: [effects]
  },
  {
    name: "during: counted from the beginning of the simulation",
    file: rule,
    why: "it would be over before it began",
    find: "const since = packet.at - at",
    replace: "const since = packet.at",
    caughtBy: [matching]
  },
  {
    name: "corruption: one detected and one not",
    file: disturbing,
    why: "what one checksum finds is found",
    find: "undetected && (change.payload === undefined || change.undetected)",
    replace: "undetected",
    caughtBy: [effects]
  }
]

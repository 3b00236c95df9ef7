// planted faults in TCP over routers and narrow links, in streams whose peer crashes, and in how long they wait
const passage = "packages/mock/src/internal/Passage.ts"
const retransmission = "packages/mock/src/internal/Retransmission.ts"
const ordered = "packages/mock/src/internal/Ordered.ts"
const tcp = "packages/mock/src/internal/Tcp.ts"
const keepAlive = "packages/mock/src/internal/KeepAlive.ts"
const pathMtu = "packages/mock/src/internal/PathMtu.ts"
const options = "packages/mock/src/internal/TcpOptions.ts"
const accepting = "packages/mock/src/internal/Accepting.ts"
const story = "packages/mock/src/internal/Story.ts"
const sequence = "packages/mock/src/internal/Sequence.ts"
const routers = "test/mock/tcpRouters.test.ts"
const crash = "test/mock/tcpCrash.test.ts"
const patience = "test/mock/tcpPatience.test.ts"
const storm = "test/mock/tcpStorm.test.ts"
const views = "test/mock/tcpViews.test.ts"

export default [
  {
    name: "tcp networks: a way that takes no time",
    file: passage,
    why: "each router on it is some milliseconds away",
    find: "return lane.add(kernel, segment, delay + journey.delay)",
    replace: "return lane.add(kernel, segment, delay)",
    caughtBy: [routers]
  },
  {
    name: "tcp networks: a segment without hops arrives",
    file: passage,
    why: "IP_TTL is of streams, too",
    find: "return Journey.of(kernel.network, kernel, to, hopLimitOf(segment.sender), narrowAt)",
    replace: "return Journey.of(kernel.network, kernel, to, 255, narrowAt)",
    caughtBy: [routers]
  },
  {
    name: "tcp networks: routers without rules lose nothing",
    file: passage,
    why: "a connection over them has to count",
    find: "return way.routers.length > 0 || way.mtus.some((mtu) => mtu < full)",
    replace: "return way.mtus.some((mtu) => mtu < full)",
    caughtBy: [routers]
  },
  {
    name: "tcp networks: a narrow link forgotten",
    file: passage,
    why: "what a router said is known to the machine's later connections",
    find: "      this.kernel.pathMtus.learn(this.to, mtu)\n",
    replace: "",
    caughtBy: [routers]
  },
  {
    name: "tcp networks: each ICMP of one narrow link cuts again",
    file: ordered,
    why: "what is too small to be cut would go round for ever",
    find: "      if (most >= sender.mss) return\n",
    replace: "",
    caughtBy: [routers]
  },
  {
    name: "tcp networks: a path gets wider by what is said of a larger packet",
    file: pathMtu,
    why: "no message makes it wider",
    find: "Math.min(mtu, this.known.get(key) ?? mtu)",
    replace: "mtu",
    caughtBy: [routers]
  },
  {
    name: "tcp networks: what met a machine without power is not sent again",
    file: tcp,
    why: "the sender would never notice",
    find: '    if (segment.order === undefined && sender.state !== "CLOSED") ordered.missed(segment, sender)\n',
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "tcp networks: nobody asks a machine without power for room",
    file: tcp,
    why: "a send that waits for it would wait for ever",
    find: "  else if (connection.stalled && connection.line === undefined) ordered.persist(connection)\n",
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "tcp networks: a connection that only one end knows stays",
    file: tcp,
    why: "its peer comes back with the same ports",
    find: "  if (orphan !== undefined) return probe(orphan)\n",
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "tcp networks: a FIN is waited for for ever",
    file: tcp,
    why: "the connection of a closed socket would stay",
    find: "      expectFin(target)\n",
    replace: "",
    caughtBy: [patience]
  },
  {
    name: "tcp networks: TCP_MAXRT is looked at when the next time-out comes",
    file: retransmission,
    why: "the time is the program's",
    find: "Math.max(least, Math.min(wait, this.left))",
    replace: "Math.max(least, wait)",
    caughtBy: [patience]
  },
  {
    name: "tcp networks: TCP_MAXRT counts from the last retransmission",
    file: retransmission,
    why: "the connection would be kept as long as it is sent again",
    find: "if (this.tries === 0) this.since = this.now",
    replace: "this.since = this.now",
    caughtBy: [patience]
  },
  {
    name: "tcp networks: TCP_MAXRT of -1 is none",
    file: options,
    why: "it is for ever",
    find: "value === -1 ? Infinity : value * second",
    replace: "value * second",
    caughtBy: [patience]
  },
  {
    name: "tcp networks: TCP_MAXRT not inherited",
    file: accepting,
    why: "an accepted socket has the options of the one that listened",
    find: "  accepted.patience = from.patience\n",
    replace: "",
    caughtBy: [patience]
  },
  {
    name: "tcp networks: keep-alive counts probes that were answered",
    file: keepAlive,
    why: "a peer that is there would be given up",
    find: "connection.heardAt >= since ? 0 : probes",
    replace: "probes",
    caughtBy: [patience]
  },
  {
    name: "tcp networks: keep-alive ends what is being sent again",
    file: keepAlive,
    why: "it asks only where nothing is under way",
    find: "  if (connection.line !== undefined && connection.inFlight > 0) return wait(connection, idle, 0)\n",
    replace: "",
    caughtBy: [patience]
  },
  {
    name: "tcp networks: what came before its turn is taken at once",
    file: retransmission,
    why: "a storm would turn the bytes around",
    find: "    const next = this.ahead.get(this.received)\n",
    replace: "    const next = this.ahead.get(this.received) ?? segment\n",
    caughtBy: [storm]
  },
  {
    name: "tcp networks: a lost segment is drawn as one that arrived",
    file: story,
    why: "the picture says what became of it",
    find: "    flight.lost = lost\n",
    replace: "",
    caughtBy: [views]
  },
  {
    name: "tcp networks: a lost segment has no cross",
    file: sequence,
    why: "the diagram says what became of it",
    find: "to === undefined || lost",
    replace: "to === undefined",
    caughtBy: [views]
  }
]

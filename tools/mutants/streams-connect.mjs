// planted faults in how connections come to be: made from this side, and accepted
const file = "packages/core/src/internal/listener.ts"
const eyeballs = "packages/core/src/internal/happyEyeballs.ts"
const connecting = "packages/core/src/internal/tcpConnect.ts"
const attempts = "packages/core/src/internal/streamConnect.ts"
const listening = "packages/core/src/internal/streamServer.ts"
const options = "packages/core/src/internal/tcpOptions.ts"
const connect = "test/both/tcp/connect.test.ts"
const server = "test/both/tcp/server.test.ts"
const happy = "test/core/happyEyeballs.test.ts"

export default [
  {
    name: "connect: what failed is not closed",
    file: attempts,
    why: "an attempt that failed or was interrupted leaves no socket behind",
    find: "Effect.callback<void>((resume) => stream.abort(() => resume(Effect.void))),",
    replace: "Effect.void,",
    caughtBy: [connect]
  },
  {
    name: "connect: a connection registered outside the region it was made in",
    file: connecting,
    why: "an interruption between the connection and its scope would leak it",
    find: "      owned\n",
    replace: "      (connection) => restore(Effect.andThen(Effect.yieldNow, owned(connection)))\n",
    caughtBy: [connect]
  },
  {
    name: "connect: a SYN to loopback is repeated",
    file: connecting,
    why: "Windows repeats a SYN that was refused, for two seconds",
    find: "  if (wish === undefined && !loopback) return true\n",
    replace: "  if (wish === undefined) return true\n",
    caughtBy: [connect]
  },
  {
    name: "connect: v4-mapped addresses as they are",
    file: connecting,
    why: "a socket of IPv6 alone does not reach them",
    find: "(SockAddr.fromV4Mapped(address) ?? address)",
    replace: "address",
    caughtBy: [connect]
  },
  {
    name: "connect: first bytes that are not copied",
    file: options,
    why: "what the program does with its bytes afterwards is its own affair",
    find: "  copyPayload(given, bytes, 0)\n  return bytes\n",
    replace:
      "  if (!Array.isArray(given)) return given as Uint8Array\n  copyPayload(given, bytes, 0)\n  return bytes\n",
    caughtBy: [connect]
  },
  {
    name: "happy eyeballs: the families one after the other",
    file: eyeballs,
    why: "an address family that does not work must not keep the other waiting",
    find: "  if (addresses.length === 1) return attempt",
    replace: "  if (addresses.length > 0) return attempt",
    caughtBy: [happy]
  },
  {
    name: "happy eyeballs: a failure waits for the delay",
    file: eyeballs,
    why: "the next attempt begins at once when the last has failed",
    find: "    if (index === this.fibers.length - 1) this.lastEnded = true\n",
    replace: "",
    caughtBy: [happy]
  },
  {
    name: "happy eyeballs: losers run on",
    file: eyeballs,
    why: "when one is won nobody else is left trying",
    find: "Fiber.interruptAll(race.fibers)",
    replace: "Effect.void",
    caughtBy: [happy]
  },
  {
    name: "happy eyeballs: what was won besides is dropped",
    file: eyeballs,
    why: "two can be won in the same instant, and one of them is nobody's",
    find: "race.won.slice(kept.length), discard",
    replace: "race.won.slice(race.won.length), discard",
    caughtBy: [happy]
  },
  {
    name: "happy eyeballs: the last failure",
    file: eyeballs,
    why: "when none answers the error is the first one's",
    find: "Effect.failCause(race.lost[0])",
    replace: "Effect.failCause(race.lost[race.lost.length - 1])",
    caughtBy: [happy]
  },
  {
    name: "accept: the connection in hand while its fiber waits for the scope",
    file: listening,
    why: "an interruption between taking a connection and its scope would leak it",
    find: "Effect.flatMap(this.next(restore), owned)",
    replace:
      "Effect.flatMap(this.next(restore), (connection) => restore(Effect.andThen(Effect.yieldNow, owned(connection))))",
    caughtBy: [server]
  },
  {
    name: "accept: whoever comes is ahead of those who wait",
    why: "connections are for who waits longest",
    find: "    if (!woken && this.line.length > 0) return undefined\n",
    replace: "",
    caughtBy: [server]
  },
  {
    name: "accept: posted without a bound",
    why: "what is posted and what nobody has taken are no more than acceptAhead",
    find: "      this.idle.length > this.inbox.length &&\n",
    replace: "      this.idle.length > 0 &&\n",
    caughtBy: [server]
  },
  {
    name: "accept: not posted again",
    why: "an accept is posted for each connection that is taken",
    find: "    this.engine.counters.inbox--\n    this.engine.poke(this)\n    return connection",
    replace: "    this.engine.counters.inbox--\n    return connection",
    caughtBy: [server]
  },
  {
    name: "accept: no pause while resources lack",
    why: "a provider that lacks buffers is not asked again at once",
    find: "    }, this.pause)\n",
    replace: "    }, 1)\n",
    caughtBy: [server]
  },
  {
    name: "accept: lack of resources ends the server",
    why: "others give back what they hold, and a server outlives that",
    find: "    if (ofResources.has(error.reason.code)) return this.backOff()\n    this.failure",
    replace: "    this.failure",
    caughtBy: [server]
  },
  {
    name: "accept: a connection without its context",
    why: "without SO_UPDATE_ACCEPT_CONTEXT a connection cannot be shut down",
    find: '    if (!this.updateContext(on.socket)) return refused("setsockopt")\n',
    replace: "",
    caughtBy: [server]
  },
  {
    name: "accept: first bytes are dropped",
    why: "what AcceptEx received is the beginning of the stream",
    find: "    stream.accepted(bytes)\n",
    replace: "    stream.accepted(bytes.subarray(0, 0))\n",
    caughtBy: [server]
  },
  {
    name: "accept: the inbox outlives the server",
    why: "connections that nobody took are closed with their server",
    find: "      one.internal.abort(() => {})\n",
    replace: "",
    caughtBy: [server]
  },
  {
    name: "accept: one that came while the server closes is ended in order",
    why: "nobody has spoken to it: it is reset, and counted",
    find: "      this.engine.counters.discarded++\n      return this.giveBack(accept, true)\n",
    replace: "      return this.giveBack(accept, false)\n",
    caughtBy: [server]
  },
  {
    name: "accept: memory that the kernel may still write to is freed",
    why: "what was never given back is the kernel's for ever",
    find: "    if (this.leaked) this.engine.heap.abandon(this.block)\n    else this.engine.heap.free(this.block)\n",
    replace: "    this.engine.heap.free(this.block)\n",
    caughtBy: [server]
  },
  {
    name: "run: a handler's connection is left open",
    file: listening,
    why: "a connection is closed when its handler has ended, however it did",
    find: "    closing(connection.internal)\n  )\n",
    replace: "    Effect.void\n  )\n",
    caughtBy: [server]
  },
  {
    name: "run: a failure of one handler is not told",
    file: listening,
    why: "nobody else would learn of it",
    find: '          log: "Error",\n',
    replace: "",
    caughtBy: [server]
  },
  {
    name: "run: handlers that outlive it",
    file: listening,
    why: "whoever interrupts a server waits for its handlers",
    find: "      (handlers) => Scope.close(handlers, Exit.void)\n",
    replace: "      () => Effect.void\n",
    caughtBy: [server]
  }
].map((mutant) => Object.assign({ file }, mutant))

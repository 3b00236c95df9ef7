// planted faults in Effect's Socket and SocketServer, and in the sends that are whole
const session = "packages/platform/src/internal/socketSession.ts"
const link = "packages/platform/src/internal/socketLink.ts"
const errors = "packages/platform/src/internal/socketErrors.ts"
const server = "packages/platform/src/internal/socketServer.ts"
const tls = "packages/platform/src/internal/socketTls.ts"
const turn = "packages/core/src/internal/streamTurn.ts"
const sends = "packages/core/src/internal/streamSends.ts"
const streamServer = "packages/core/src/internal/streamServer.ts"

const socketTest = "test/both/transports/socket.test.ts"
const serverTest = "test/both/transports/socketServer.test.ts"
const tlsTest = "test/both/transports/tls.test.ts"
const wholeTest = "test/both/laws/streamWhole.test.ts"

export default [
  {
    file: session,
    name: "Socket: an open timeout of zero is none",
    why: "zero is a time, and no time",
    find: "Duration.toMillis(openTimeout) <= 0",
    replace: "Duration.toMillis(openTimeout) < 0",
    caughtBy: [socketTest]
  },
  {
    file: session,
    name: "Socket: the last end counts",
    why: "a pull fails again and again with the same error",
    find: "(this.over ??= error)",
    replace: "(this.over = error)",
    caughtBy: [socketTest]
  },
  {
    file: session,
    name: "Socket: the end of one reader disconnects another",
    why: "writes go to the connection that is there",
    find: "          if (current !== session) return\n",
    replace: "",
    caughtBy: [socketTest]
  },
  {
    file: session,
    name: "Socket: the end of a writer waits for the peer to read",
    why: "a scope must close though the peer reads nothing",
    find: "Effect.asVoid(Effect.forkIn(this.link.end, this.scope, { startImmediately: true }))",
    replace: "this.link.end",
    caughtBy: [socketTest]
  },
  {
    file: session,
    name: "Socket: a close event above 1000 is a clean end",
    why: "the peer must not take it for the end of what was to be said",
    find: "return code > 1000 ? this.link.abort : this.link.close",
    replace: "return this.link.close",
    caughtBy: [socketTest]
  },
  {
    file: session,
    name: "Socket: who reads has no say in the services",
    why: "the acquirer's services come before the maker's",
    find: "Context.merge(services as Context.Context<never>, input)",
    replace: "Context.merge(input, services as Context.Context<never>)",
    caughtBy: [socketTest]
  },
  {
    file: session,
    name: "Socket: a failed handshake leaves writes waiting",
    why: "whoever waits for the handshake is told how it ended",
    find: "          return Effect.andThen(\n            shaken.open,",
    replace: "          return Effect.andThen(\n            Effect.void,",
    caughtBy: [tlsTest]
  },
  {
    file: errors,
    name: "Socket: the peer's end is an abnormal one",
    why: "1000 is the clean close",
    find: "if (!isWinsockError(error)) return closed(1000)",
    replace: "if (!isWinsockError(error)) return closed(1006)",
    caughtBy: [socketTest]
  },
  {
    file: errors,
    name: "Socket: its own closing is a read error",
    why: "a pull that waits when the scope closes fails with 1006",
    find: 'new Set(["OperationAborted", "SocketClosed"])',
    replace: "new Set([])",
    caughtBy: [socketTest]
  },
  {
    file: link,
    name: "Socket: an interrupted write tears the stream",
    why: "it must not cost the others the connection",
    find: "const whole = { whole: true } as const",
    replace: "const whole = { whole: false } as const",
    caughtBy: [socketTest]
  },
  {
    file: server,
    name: "SocketServer: the end of a reader leaves the connection open",
    why: "the reader's scope owns the connection",
    find: "      over = true\n      return opened.close",
    replace: "      over = true\n      return Effect.void",
    caughtBy: [serverTest]
  },
  {
    file: server,
    name: "SocketServer: a failing accept ends the server",
    why: "it is logged, and accepting goes on",
    find: "if (final.has(error.reason._tag)) return Effect.fail(error)",
    replace: "if (error !== undefined) return Effect.fail(error)",
    caughtBy: [serverTest]
  },
  {
    file: server,
    name: "SocketServer: pauses never shrink",
    why: "a connection that was accepted ends the trouble",
    find: "        backOff.reset()\n",
    replace: "",
    caughtBy: [serverTest]
  },
  {
    file: streamServer,
    name: "server: a connection is lost between accept and handler",
    why: "a handler begins in the step in which its connection is taken",
    find: "{ startImmediately: true, uninterruptible: true }",
    replace: "{ uninterruptible: true }",
    caughtBy: [serverTest]
  },
  {
    file: tls,
    name: "TLS: what is ready is given out where the fiber may yield",
    why: "an interruption that meets the yield drops it",
    find: "if (fiber.currentOpCount + handOver >= most) return Effect.flatMap(Effect.yieldNow, () => this.pull)",
    replace: "",
    caughtBy: [tlsTest]
  },
  {
    file: tls,
    name: "TLS: a fiber that waits is handed what it may not take",
    why: "one that was interrupted meanwhile drops it",
    find: "this.line.shift()!(this.takeOrWait)",
    replace: "this.line.shift()!(this.take() ?? this.wait)",
    caughtBy: [tlsTest]
  },
  {
    file: tls,
    name: "TLS: the end of the connection under it is waited for in vain",
    why: "a session whose stream went away does not tell that it is closed",
    find: '    stream.once("close", done)\n    socket.destroySoon()',
    replace: "    socket.destroySoon()",
    caughtBy: [tlsTest]
  },
  {
    file: tls,
    name: "TLS: a peer that hangs up keeps the handshake waiting",
    why: "node:tls waits for its timeout, two minutes",
    find: 'stream.once("end", gone).once("close", gone)',
    replace: "",
    caughtBy: [tlsTest]
  },
  {
    file: sends,
    name: "whole sends: an interruption cancels one all the same",
    why: "what has begun goes on by itself",
    find: "    if (turn.started && turn.keep()) return settled(Effect.void)\n",
    replace: "",
    caughtBy: [wholeTest]
  },
  {
    file: turn,
    name: "whole sends: the rest is read from the caller's memory",
    why: "whoever was interrupted may use it for something else",
    find: "      this.payload = copy\n",
    replace: "",
    caughtBy: [wholeTest]
  }
]

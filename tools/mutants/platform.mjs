// planted faults in the Duplex
const connection = "packages/platform/src/internal/connection.ts"
const owning = "packages/platform/src/internal/owning.ts"
const connecting = "packages/platform/src/internal/connecting.ts"
const nodeErrors = "packages/platform/src/internal/nodeErrors.ts"

const duplex = "test/platform/duplex.test.ts"
const node = "test/platform/node.test.ts"
const tcp = "test/both/platform/duplex.test.ts"

export default [
  {
    file: connection,
    name: "Duplex: more than one receive at a time",
    why: "Node asks again while a receive is under way",
    find: "if (this.#reading !== undefined) return",
    replace: "",
    caughtBy: [duplex]
  },
  {
    file: connection,
    name: "Duplex: reads on without being asked",
    why: "what nobody reads stays in the kernel, and holds the sender back",
    find: "        taken = true\n",
    replace: "        taken = true\n        this._read()\n",
    caughtBy: [duplex]
  },
  {
    file: connection,
    name: "Duplex: an end that nobody sees who does not read",
    why: "'end' comes also when nothing is left to be read",
    find: "      this.read(0)\n",
    replace: "",
    caughtBy: [duplex]
  },
  {
    file: connection,
    name: "Duplex: a write is done before it is sent",
    why: "the callback is the back-pressure",
    find: '    this.#output(this.#socket.send(payload), "write", length, callback)\n',
    replace: '    this.#output(this.#socket.send(payload), "write", length, () => {})\n    callback()\n',
    caughtBy: [duplex]
  },
  {
    file: connection,
    name: "Duplex: end() does not end this side",
    why: "the peer waits for the end",
    find: 'this.#output(this.#socket.shutdown("send"), "shutdown", 0, callback)',
    replace: "callback()",
    caughtBy: [duplex]
  },
  {
    file: connection,
    name: "Duplex: 'close' before the SOCKET is closed",
    why: "who waits for 'close' may rely on it",
    find: "    this.#lifetime.end(this.#fork, () => callback(error))\n",
    replace: "    this.#lifetime.end(this.#fork, () => {})\n    callback(error)\n",
    caughtBy: [duplex, tcp]
  },
  {
    file: connection,
    name: "Duplex: destroying does not interrupt",
    why: "no fiber is left behind",
    find: "const interrupt = Fiber.interruptAll(fibers.filter((fiber) => fiber !== undefined))",
    replace: "const interrupt = Fiber.interruptAll(fibers.filter((fiber) => fiber === null))",
    caughtBy: [duplex]
  },
  {
    file: connection,
    name: "Duplex: a torn send that is not reset",
    why: "the peer must not take half a message for a whole one",
    find: "this.#torn ? this.#socket.abort : this.writableFinished",
    replace: "this.writableFinished",
    caughtBy: [duplex]
  },
  {
    file: connection,
    name: "Duplex: a timeout although bytes come",
    why: "the timer is for a connection on which nothing happens",
    find: "      this.#bytesRead += exit.value.length\n      this.#timer?.refresh()\n",
    replace: "      this.#bytesRead += exit.value.length\n",
    caughtBy: [duplex]
  },
  {
    file: connection,
    name: "Duplex: its timer outlives it",
    why: "'timeout' does not come after 'close'",
    find: "  override _destroy(error: Error | null, callback: Callback): void {\n    clearTimeout(this.#timer)\n",
    replace: "  override _destroy(error: Error | null, callback: Callback): void {\n",
    caughtBy: [duplex]
  },
  {
    file: connection,
    name: "Duplex: resetAndDestroy ends instead",
    why: "it is there to reset",
    find: "return this.#reset ? Effect.andThen(this.#socket.abort, interrupt) : interrupt",
    replace: "return interrupt",
    caughtBy: [duplex]
  },
  {
    file: nodeErrors,
    name: "Duplex: the peer's end is an error",
    why: "an end is no reset",
    find: 'reason.error.reason._tag === "EndOfStream"',
    replace: 'reason.error.reason._tag === "Disconnected"',
    caughtBy: [duplex]
  },
  {
    file: nodeErrors,
    name: "Duplex: errors without the number",
    why: "programs look at errno",
    find: "errno: numbers.get(code)",
    replace: "errno: undefined",
    caughtBy: [duplex]
  },
  {
    file: owning,
    name: "Duplex: TLS on a stream that ends itself",
    why: "Node drops what a session has not given out when the stream under it is closed",
    find: "options.autoDestroy ?? !isSecure(target)",
    replace: "options.autoDestroy ?? true",
    caughtBy: [node]
  },
  {
    file: owning,
    name: "Duplex: TLS on a stream that ends with the peer",
    why: "a session may have much to send yet",
    find: "if (isSecure(target)) leaveToTls(connection)",
    replace: "",
    caughtBy: [node]
  },
  {
    file: owning,
    name: "Duplex: a connection that nobody takes stays open",
    why: "nobody would ever end it",
    find: 'if (!target.emit("connection", connection)) connection.destroy()',
    replace: 'target.emit("connection", connection)',
    caughtBy: [duplex]
  },
  {
    file: owning,
    name: "Duplex: a connection that could not be opened keeps its scope",
    why: "a program that tries for ever must not grow",
    find: "Effect.andThen(Scope.close(scope, Exit.failCause(cause)), Effect.failCause(cause))",
    replace: "Effect.failCause(cause)",
    caughtBy: [duplex]
  },
  {
    file: connecting,
    name: "Connector: connects on when its scope is closed",
    why: "no fiber is left behind",
    find: "    Fiber.runIn(fiber, scope)\n",
    replace: "",
    caughtBy: [node]
  }
]

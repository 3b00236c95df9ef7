// planted faults in the pump, the sends, the slots, the engine's end and the decorators
const pump = "packages/core/src/internal/pump.ts"
const sends = "packages/core/src/internal/sends.ts"
const slots = "packages/core/src/internal/slots.ts"
const engine = "packages/core/src/internal/engine.ts"
const decorators = "packages/core/src/Decorators.ts"
const holding = "packages/core/src/internal/decorators/holding.ts"

const bounds = "test/both/laws/bounds.test.ts"
const cancelling = "test/both/laws/cancelling.test.ts"
const closing = "test/both/laws/closing.test.ts"
const hostile = "test/both/laws/hostile.test.ts"
const model = "test/model/model.test.ts"
const pumping = "test/core/pump.test.ts"
const decorating = "test/core/Decorators.test.ts"

export default [
  {
    file: pump,
    name: "keep-alive never released",
    why: "the process may end when nobody waits",
    find: "this.setAlive(this.waiting > 0 || this.stopping !== undefined)",
    replace: "this.setAlive(true)",
    caughtBy: [pumping]
  },
  {
    file: pump,
    name: "keep-alive never taken",
    why: "the process must not end while a fiber waits for a datagram",
    find: "this.setAlive(this.waiting > 0 || this.stopping !== undefined)",
    replace: "this.setAlive(false)",
    caughtBy: [pumping]
  },
  {
    file: pump,
    name: "off-thread call although nobody waits",
    why: "a thread that blocks on the port keeps the process from ending",
    find: `    if (this.waiting === 0) {
      // operations`,
    replace: `    if (this.waiting < 0) {
      // operations`,
    caughtBy: [pumping]
  },
  {
    file: pump,
    name: "no timer while the off-thread call starves",
    why: "all threads that make such calls may be busy for seconds",
    find: "    if (interval > 0 && this.timer === undefined) this.setTimer(interval)\n",
    replace: "",
    caughtBy: [pumping]
  },
  {
    file: pump,
    name: "no wake-up at exit",
    why: "nobody can wait for the off-thread call to time out when the process exits",
    find: "      if (this.armed) this.wake()\n    })",
    replace: "    })",
    caughtBy: [pumping]
  },
  {
    file: pump,
    name: "wait without a bound",
    why: "a worker that is terminated cannot wake its off-thread call, and a wake-up may be lost",
    find: "const waitMilliseconds = 1000",
    replace: "const waitMilliseconds = 0xffff_ffff",
    caughtBy: [pumping]
  },
  {
    file: pump,
    name: "sentinel believed while the off-thread call may hold the packet",
    why: "two dequeuers invert the order of two packets: the sentinel proves nothing until the other has reported",
    find: "if ((key & 1) === 1 && !fromAway && this.armed) {",
    replace: "if (false) {",
    caughtBy: [pumping]
  },
  {
    file: pump,
    name: "port closed under the off-thread call",
    why: "memory and port belong to the call until it has returned",
    find: "    if (!this.armed) return this.end()\n",
    replace: "    if (this.stopping !== undefined) return this.end()\n",
    caughtBy: [model]
  },
  {
    file: pump,
    name: "packets beyond the dequeue's capacity",
    why: "what the kernel wrote is not trusted to lie within what it was given",
    find: "const n = Math.min(view.getUint32(this.removedAt, true), batch)",
    replace: "const n = view.getUint32(this.removedAt, true)",
    caughtBy: [pumping]
  },
  {
    file: pump,
    name: "dead port never noticed",
    why: "waiters of a port that is gone would wait for ever",
    find: "    this.owner.broken(code)\n",
    replace: "",
    caughtBy: [hostile]
  },
  {
    file: pump,
    name: "refused off-thread call tried again at once",
    why: "a refusal that is answered with the same call again keeps the event loop busy",
    find: "    if (!this.armed && !this.refused) this.arm()",
    replace: "    if (!this.armed) this.arm()",
    caughtBy: [pumping]
  },
  {
    file: sends,
    name: "send that overtakes those that wait",
    why: "sends keep their order",
    find: "    if (this.held.size > 0) return WSAEWOULDBLOCK\n",
    replace: "",
    caughtBy: [bounds]
  },
  {
    file: sends,
    name: "memory of a send freed at cancel time",
    why: "the kernel reads it until the send has completed",
    find: "    engine.cancel(this.owner.socket as SocketHandle, send.block.address)\n",
    replace: `    engine.cancel(this.owner.socket as SocketHandle, send.block.address)
    this.finish(send, WSA_OPERATION_ABORTED)
    engine.heap.free(send.block)
`,
    caughtBy: [model]
  },
  {
    file: sends,
    name: "memory of a send never freed",
    why: "a layer that was released holds nothing",
    find: "    this.free(send.block)\n    return true",
    replace: "    return true",
    caughtBy: [cancelling]
  },
  {
    file: sends,
    name: "send that completed anyway not counted",
    why: "a cancelled send that completed counts as sent",
    find: '      if (send.cancelling) engine.recovered(this.owner.number, "WSASendMsg")\n',
    replace: "",
    caughtBy: [cancelling]
  },
  {
    file: sends,
    name: "all sends cancelled for one",
    why: "each send carries its own bytes: the one that is interrupted is the one to cancel",
    find: "    engine.cancel(this.owner.socket as SocketHandle, send.block.address)\n",
    replace: "    engine.cancel(this.owner.socket as SocketHandle, 0)\n",
    caughtBy: [bounds]
  },
  {
    file: sends,
    name: "send on a closed socket",
    why: "a SOCKET number that was closed may be somebody else's by now",
    find: `    if (!this.owner.isOpen()) return WinsockErrors.socketClosed("WSASendMsg")
`,
    replace: "",
    caughtBy: [closing]
  },
  {
    file: slots,
    name: "payload capacity larger than the slot",
    why: "the kernel would write into the next slot",
    find: "view.setUint32(at + shape.buffer + buf.len, shape.payloadCapacity, true)",
    replace: "view.setUint32(at + shape.buffer + buf.len, shape.payloadCapacity + 64, true)",
    caughtBy: [model]
  },
  {
    file: slots,
    name: "slots of the second slab counted from the first",
    why: "each slab's slots are numbered from where the last one ended",
    find: "this.firsts.push(first)",
    replace: "this.firsts.push(0)",
    caughtBy: [cancelling]
  },
  {
    file: engine,
    name: "completion key used again too early",
    why: "an operation that was given up may still complete, with the key of the socket that it was of",
    find: "if (!leaked) this.unreserve(endpoint.key)",
    replace: "this.unreserve(endpoint.key)",
    caughtBy: [bounds]
  },
  {
    file: engine,
    name: "port left open",
    why: "a layer that was released holds no handle",
    find: "        this.calls.CloseHandle(this.port)\n",
    replace: "",
    caughtBy: [cancelling]
  },
  {
    file: engine,
    name: "WSACleanup left out",
    why: "one WSACleanup for each WSAStartup of one's own",
    find: "        this.calls.WSACleanup()\n",
    replace: "",
    caughtBy: [cancelling]
  },
  {
    file: engine,
    name: "one dirty endpoint per turn",
    why: "every socket that has something comes to rest in the turn in which it has it",
    find: "          endpoint.settle()\n        }",
    replace: "          endpoint.settle()\n          next = undefined\n        }",
    caughtBy: [model]
  },
  {
    file: decorators,
    name: "every match of a failing rule fails",
    why: "`nth` is that one call",
    find: "return nth !== undefined ? entry.matched === nth :",
    replace: "return nth !== undefined ? entry.matched >= nth :",
    caughtBy: [decorating]
  },
  {
    file: holding,
    name: "packets that overtake those held",
    why: "a packet that was posted proves that what stood before it has come",
    find: "      (packet.posted || port.held.some(",
    replace: "      (port.held.some(",
    caughtBy: [decorating]
  },
  {
    file: holding,
    name: "release under the off-thread call",
    why: "packets that the call has taken already would be overtaken",
    find: "    if (port.out > 0) return wake(port)\n",
    replace: "",
    caughtBy: [decorating]
  },
  {
    file: "packages/core/src/internal/udpSelfTest.ts",
    name: "the provider is tried although the layer was released",
    why: "the memory that the calls write to was freed",
    find: "        if (engine.closed) return",
    replace: "        if (false as boolean) return",
    caughtBy: [hostile]
  }
]

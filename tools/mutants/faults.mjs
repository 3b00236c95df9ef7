// planted faults in the simulation's faults, and in what the library makes of a shortage
const faults = "packages/mock/src/internal/Faults.ts"
const sockets = "packages/mock/src/internal/Sockets.ts"
const kernel = "packages/mock/src/internal/Kernel.ts"
const receives = "packages/core/src/internal/streamReceives.ts"
const own = "test/mock/faults.test.ts"
const tcp = "test/mock/faultsTcp.test.ts"

export default [
  {
    name: "Faults: overlapped calls only",
    file: faults,
    why: "a fault of an operation must not be used up by a call that has none",
    find: "if (rule.needsOverlapped && values.lpOverlapped === 0) return false",
    replace: "",
    caughtBy: [own]
  },
  {
    name: "Faults: of calls that are never overlapped",
    file: "packages/mock/src/internal/FaultRule.ts",
    why: "a fault that never strikes is a test of nothing",
    find: "overlappedCalls.has(call) || (isCancel && ofCancels)",
    replace: "overlappedCalls.size > 0 || (isCancel && ofCancels)",
    caughtBy: [own]
  },
  {
    name: "Faults: a condition that throws",
    file: faults,
    why: "it must not die within the library's call",
    find: "!this.ask(when, values)",
    replace: "!when(values)",
    caughtBy: [own]
  },
  {
    name: "Faults: ended by closing",
    file: faults,
    why: "what a fault keeps from ending ends with its socket",
    find: 'if (operation.socket !== socket || operation.never === "ever") continue',
    replace: 'if (operation.socket !== socket || operation.never !== "ever") continue',
    caughtBy: [own]
  },
  {
    name: "Faults: for ever",
    file: faults,
    why: "a driver that hangs for good hangs when its socket is closed, too",
    find: 'operation.socket !== socket || operation.never === "ever"',
    replace: "operation.socket !== socket",
    caughtBy: [own]
  },
  {
    name: "Faults: a race that is lost",
    file: faults,
    why: "what is under way must arrive before the cancellation looks",
    find: "        this.kernel.network.arriveNow()",
    replace: "        if (rule.seen < 0) this.kernel.network.arriveNow()",
    caughtBy: [own]
  },
  {
    name: "Faults: hanging past data",
    file: sockets,
    why: "an operation that hangs takes no data any more",
    find: "    operation.list?.remove(operation)\n    operation.never = fault.never",
    replace: "    operation.never = fault.never",
    caughtBy: [own]
  },
  {
    name: "Faults: a late packet",
    file: kernel,
    why: "others must overtake a packet that is late",
    find: "else this.queueLate(port, packet, operation.packet)",
    replace: "else port.queue(packet)",
    caughtBy: [own]
  },
  {
    name: "Streams: a shortage is no end",
    file: receives,
    why: "what the machine is short of for a while must not cost the bytes that come",
    find: "if (this.stream.state === OPEN && shortages.has(code)) {",
    replace: "if (shortages.has(-1)) {",
    caughtBy: [tcp]
  },
  {
    name: "Streams: a shortage is told",
    file: receives,
    why: "who waits must not wait for ever for what failed",
    find: "if (shortage !== undefined) this.line.fail(shortage)",
    replace: "",
    caughtBy: [tcp]
  },
  {
    name: "Providers: Wine has no SIO_UDP_NETRESET",
    file: "packages/mock/src/MockProvider.ts",
    why: "the simulated Wine must be as the real one",
    find: '    "SIO_UDP_NETRESET",\n',
    replace: "",
    caughtBy: ["test/mock/providers.test.ts"]
  }
]

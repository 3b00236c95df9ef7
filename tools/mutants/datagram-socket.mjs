// planted faults in effect/socket's DatagramSocket over UdpSocket
const queue = "packages/platform/src/internal/datagramQueue.ts"
const socket = "packages/platform/src/internal/datagramSocket.ts"
const opening = "packages/platform/src/internal/datagramOpen.ts"
const errors = "packages/platform/src/internal/datagramErrors.ts"
const datagrams = "packages/core/src/internal/datagrams.ts"

const reading = "test/both/transports/datagram.test.ts"
const writing = "test/both/transports/datagramWriting.test.ts"
const opened = "test/both/transports/datagramOpening.test.ts"

export default [
  {
    file: queue,
    name: "DatagramSocket: a batch in hand where the fiber yields",
    why: "an interruption that meets the yield drops it",
    find: "if (fiber.currentOpCount + handOver >= most) return Effect.flatMap(Effect.yieldNow, () => pull)",
    replace: "",
    caughtBy: [reading]
  },
  {
    file: queue,
    name: "DatagramSocket: a fiber that yields after a few steps is given its batch",
    why: "an interruption may have reached it, and what it is given then is dropped",
    find: "if (most < fewestSteps) return hesitate",
    replace: "",
    caughtBy: [reading]
  },
  {
    file: queue,
    name: "DatagramSocket: the first in line takes all",
    why: "each datagram is the oldest waiter's",
    find: "Effect.succeed(waiters.length === 0 ? this.takeAll() : this.takeOne()))",
    replace: "Effect.succeed(this.takeAll()))",
    caughtBy: [reading]
  },
  {
    file: queue,
    name: "DatagramSocket: a queue that never ends",
    why: "it is bounded in packets",
    find: "    this.serve()\n    this.bound()\n",
    replace: "    this.serve()\n",
    caughtBy: [reading]
  },
  {
    file: queue,
    name: "DatagramSocket: sliding drops the newest",
    why: "the oldest make room",
    find: "if (!this.sliding) {",
    replace: "if (true as boolean) {",
    caughtBy: [reading]
  },
  {
    file: queue,
    name: "DatagramSocket: an interrupted pull stays in line",
    why: "the next datagram would be given to nobody",
    find: "    return Effect.sync(() => {\n      this.leave(waiter)\n",
    replace: "    return Effect.sync(() => {\n",
    caughtBy: [reading]
  },
  {
    file: queue,
    name: "DatagramSocket: a thrown observer stops the reader",
    why: "the engine's pump has other sockets to serve",
    find: "      queueMicrotask(() => {\n        throw error\n      })\n",
    replace: "      throw error\n",
    caughtBy: [reading]
  },
  {
    file: socket,
    name: "DatagramSocket: a report ends the reader",
    why: "it is about one datagram, and `onError`'s",
    find: "if (Errors.isOfOneDatagram(error)) {",
    replace: "if (false as boolean) {",
    caughtBy: [reading]
  },
  {
    file: socket,
    name: "DatagramSocket: two readers at a time",
    why: "the second one would open a socket of its own",
    find: "while (!free.closeUnsafe()) yield* restore(free.await)",
    replace: "yield* restore(Effect.void)",
    caughtBy: [reading]
  },
  {
    file: socket,
    name: "DatagramSocket: an answer leaves from any address",
    why: "it leaves from the one that was asked",
    find: "if (target instanceof Received && this.answers) {",
    replace: "if (false as boolean && target instanceof Received) {",
    caughtBy: [opened]
  },
  {
    file: socket,
    name: "DatagramSocket: an interrupted opening keeps its fiber",
    why: "what cannot be interrupted must not keep the acquiring fiber, and the next reader waits for it",
    find: "return Effect.asVoid(Effect.forkDetach(Effect.andThen(Fiber.await(opening), over)))",
    replace: "return Effect.andThen(Fiber.await(opening), over)",
    caughtBy: [opened]
  },
  {
    file: socket,
    name: "DatagramSocket: what failed half-way stays open",
    why: "the reader's scope may live on",
    find: "if (opening.pollUnsafe() !== undefined) return over",
    replace: "if (opening.pollUnsafe() !== undefined) return Effect.sync(() => free.openUnsafe())",
    caughtBy: [opened]
  },
  {
    file: socket,
    name: "DatagramSocket: a write that finds no room is done",
    why: "it waits, and is cancelled when it is interrupted",
    find: "if (sent === true) return Effect.void",
    replace: 'if (typeof sent === "boolean") return Effect.void',
    caughtBy: [writing]
  },
  {
    file: opening,
    name: "DatagramSocket: answers without packet info",
    why: "on a socket of all addresses nothing else tells which one was asked",
    find: "control: control ?? (wildcard && connect === undefined ? answering : undefined)",
    replace: "control",
    caughtBy: [opened]
  },
  {
    file: errors,
    name: "DatagramSocket: a refused port is unknown",
    why: "each kind of error has its name",
    find: '  ConnectionReset: "ConnectionRefused",\n',
    replace: "",
    caughtBy: [reading]
  },
  {
    file: datagrams,
    name: "UdpSocket: a consumer that is interrupted goes on",
    why: "whoever takes a socket over must leave it to its owner",
    find: "        over = true\n        return waiter ?? Effect.void\n",
    replace: "        return Effect.void\n",
    caughtBy: [opened]
  }
]

// What the simulation counts so as not to look at everything.
const guard = "packages/mock/src/internal/Guard.ts"
const packetQueue = "packages/mock/src/internal/PacketQueue.ts"
const memory = "packages/mock/src/internal/Memory.ts"

export default [
  {
    file: guard,
    name: "mock: ranges of pending operations are not counted",
    why: "a block that holds none is freed without a look",
    find: "memory.find(address, size).ranges++",
    replace: "memory.find(address, size)",
    caughtBy: ["test/mock/guard.test.ts"]
  },
  {
    file: guard,
    name: "mock: ranges of completed operations are counted still",
    why: "every free would look through all that is pending",
    find: "        block.ranges--\n",
    replace: "",
    caughtBy: ["test/mock/scale.test.ts"]
  },
  {
    file: guard,
    name: "mock: a completing operation is not its socket's",
    why: "CancelIoEx finds what is completing, as Windows does",
    find: "    link(operation)\n",
    replace: "",
    caughtBy: ["test/mock/cancel.test.ts"]
  },
  {
    file: packetQueue,
    name: "mock: shuffled packets overtake their OVERLAPPED's older one",
    why: "two packets of one OVERLAPPED leave in the order in which they came",
    find: "if (count === 1) this.counts.delete(overlapped)",
    replace: "if (count >= 1) this.counts.delete(overlapped)",
    caughtBy: ["test/mock/scale.test.ts"]
  },
  {
    file: "packages/mock/src/internal/Ports.ts",
    name: "mock: a wait takes more packets than it has room for",
    why: "what a waiting thread took and cannot tell is lost",
    find: "this.kernel.random.flip() && !waiter.isFull",
    replace: "this.kernel.random.flip()",
    caughtBy: ["test/mock/ports.test.ts"]
  },
  {
    file: memory,
    name: "mock: blocks of a crowd lie where the first ones do",
    why: "two blocks at one address corrupt each other",
    find: "      space = crowd\n",
    replace: "",
    caughtBy: ["test/mock/scale.test.ts"]
  },
  {
    file: "packages/mock/src/internal/Timers.ts",
    name: "mock: timers of equal times in any order",
    why: "what is due at the same time happens in the order in which it was begun",
    find: "(a.deadline === b.deadline && a.order < b.order)",
    replace: "false",
    caughtBy: ["test/mock/scale.test.ts"]
  },
  {
    file: "packages/mock/src/internal/Timers.ts",
    name: "mock: the later of two timers first",
    why: "every time-out and every delay of the network stands on that",
    find: "isBefore(heap[below + 1], heap[below])",
    replace: "isBefore(heap[below], heap[below + 1])",
    caughtBy: ["test/mock/scale.test.ts"]
  }
]

/** What a seed chooses before a run begins. */
import type { Winsock } from "@effect-winsock/core"
import type { MockWinsock } from "@effect-winsock/mock"
import { Chance } from "./Chance.ts"

export interface SocketPlan {
  readonly maxMessageSize: number
  readonly lookAhead: number
  readonly maxPosted: number
  readonly batch: number
  readonly truncation: "deliver" | "fail"
  readonly cancel: "operation" | "close"
  readonly peerErrors: boolean
  /** SO_RCVBUF and SO_SNDBUF; 0 leaves them alone. */
  readonly receiveBuffer: number
  readonly sendBuffer: number
}

/** How often, in percent of the calls, the kernel does something unkind. */
export interface Unkindness {
  /** WSARecvMsg fails with WSAENOBUFS. */
  readonly receiveFails: number
  readonly sendFails: number
  /** A send that does not wait answers WSAEWOULDBLOCK. */
  readonly sendBlocks: number
  /** A completion comes turns later: a cancel in between answers ERROR_NOT_FOUND. */
  readonly late: number
  /** The off-thread wait cannot be made: it reports so, or throws. */
  readonly offThreadRefused: number
  /** CancelIoEx is refused with ERROR_INVALID_FUNCTION. */
  readonly cancelRefused: number
  /** The wake-up of the off-thread wait is lost. */
  readonly wakeLost: number
  /** There is no memory for more slots. */
  readonly noMemory: number
}

export interface Plan {
  readonly seed: number
  readonly completion: Winsock.Completion
  readonly mock: MockWinsock.Options
  readonly maxOpsBeforeYield: number
  readonly pollInterval: number
  readonly sockets: ReadonlyArray<SocketPlan>
  readonly unkindness: Unkindness
  readonly steps: number
  /** The length of each datagram, by its number; no two are alike, so that a trace tells which is which. */
  readonly lengths: ReadonlyArray<number>
}

const kind: Unkindness = {
  receiveFails: 0,
  sendFails: 0,
  sendBlocks: 0,
  late: 0,
  offThreadRefused: 0,
  cancelRefused: 0,
  wakeLost: 0,
  noMemory: 0
}

const unkindness = (chance: Chance): Unkindness => {
  if (chance.percent(35)) return kind
  const sometimes = (runs: number, most: number): number => (chance.percent(runs) ? 1 + chance.below(most) : 0)
  return {
    receiveFails: sometimes(35, 20),
    sendFails: sometimes(15, 20),
    sendBlocks: sometimes(40, 60),
    late: sometimes(40, 60),
    offThreadRefused: sometimes(20, 60),
    cancelRefused: sometimes(4, 40),
    wakeLost: sometimes(15, 100),
    noMemory: sometimes(8, 60)
  }
}

const socketPlan = (chance: Chance): SocketPlan => ({
  maxMessageSize: chance.one([4, 16, 32, 2048]),
  lookAhead: chance.one([0, 0, 3]),
  maxPosted: chance.one([1, 2, 64, 64]),
  batch: chance.one([1, 2, 5, 64]),
  truncation: chance.one(["deliver", "deliver", "fail"]),
  cancel: chance.percent(4) ? "close" : "operation",
  peerErrors: chance.percent(10),
  receiveBuffer: chance.percent(10) ? 40 + chance.below(200) : 0,
  sendBuffer: chance.percent(20) ? 1 + chance.below(100) : 0
})

/** How many datagrams a run sends at most. */
const mostDatagrams = 64
/** A number fits in every datagram but the empty one. */
const shortest = 4

export const planOf = (seed: number, completion: Winsock.Completion = "port"): Plan => {
  const chance = new Chance(seed)
  const sockets = [socketPlan(chance)]
  if (chance.percent(40)) sockets.push(socketPlan(chance))
  // an ICMP report is a datagram of no bytes in the trace
  const empty = !sockets.some((socket) => socket.peerErrors)
  const lengths = Array.from({ length: mostDatagrams }, (_, i) => shortest + i)
  if (empty) lengths[0] = 0
  return {
    seed,
    completion,
    mock: {
      abi: chance.one(["x64", "ia32"]),
      seed: chance.below(2 ** 31),
      guard: "strict",
      trace: 100_000,
      dequeue: chance.one(["fifo", "seeded"]),
      truncationAnswer: chance.one(["pending", "emsgsize+packet", "emsgsize-only", "seeded"]),
      readyAnswer: chance.one(["immediate", "pending", "seeded"]),
      cancellation: chance.one(["immediate", "deferred", "seeded"]),
      // STATUS_CANCELLED, STATUS_LOCAL_DISCONNECT, STATUS_CONNECTION_RESET
      closeStatus: chance.one([0xc0000120, 0xc000013b, 0xc000020d]),
      delivery: chance.one(["turn", "turn", "immediate"])
    },
    maxOpsBeforeYield: chance.one([8, 16, 17, 20, 24, 33, 64, 2048, 2048]),
    pollInterval: chance.one([0, 10]),
    sockets,
    unkindness: unkindness(chance),
    steps: 12 + chance.below(32),
    lengths: chance.shuffled(lengths)
  }
}

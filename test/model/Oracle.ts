/**
 * What must hold of a run, told from the trace of the simulated kernel and from what the program was given.
 *
 * The model of a socket is short: each call of WSARecvMsg that took a datagram or failed is a result; the results, in
 * the order in which the calls were made, are what receives and pulls give out, each once. The kernel hands datagrams
 * to calls in the order in which they arrived.
 */
import type { MockTrace } from "@effect-winsock/mock"
import {
  STATUS_BUFFER_OVERFLOW,
  STATUS_CANCELLED,
  STATUS_PORT_UNREACHABLE,
  STATUS_SUCCESS
} from "@effect-winsock/schema/NtStatus"
import {
  ERROR_NOT_FOUND,
  WSA_IO_INCOMPLETE,
  WSA_IO_PENDING,
  WSA_NOT_ENOUGH_MEMORY,
  WSA_OPERATION_ABORTED,
  WSAECONNRESET,
  WSAEMSGSIZE,
  WSAENOBUFS,
  WSAEWOULDBLOCK
} from "@effect-winsock/schema/WsaError"
import type { Given, World } from "./World.ts"

type Outcome = "pending" | "message" | "error" | "aborted"

/** One call of WSARecvMsg. */
interface Post {
  outcome: Outcome
  /** What it failed with. */
  code: number
  /** Whether it took what the kernel had for the socket: a datagram, or the report of an unreachable port. */
  took: boolean
  cancelled: boolean
  /** Whether a packet may follow or not. */
  readonly undecided: boolean
}

interface Socket {
  readonly posts: Array<Post>
  /** The lengths of what the kernel delivered to it, in order; 0 is the report of an unreachable port, too. */
  readonly delivered: Array<number>
  /** The engine's view: posted, not seen to complete, not cancelled; in posting order. */
  active: Array<Post>
}

/** What happened in a run, for telling whether the runs together meet everything. */
export interface Happenings {
  messages: number
  truncated: number
  undecided: number
  aborted: number
  reposted: number
  recovered: number
  discarded: number
  dropped: number
  failures: number
  cancels: number
  notFound: number
  sends: number
  overlappedSends: number
  interruptions: number
  unreachable: number
}

export const nothing = (): Happenings => ({
  messages: 0,
  truncated: 0,
  undecided: 0,
  aborted: 0,
  reposted: 0,
  recovered: 0,
  discarded: 0,
  dropped: 0,
  failures: 0,
  cancels: 0,
  notFound: 0,
  sends: 0,
  overlappedSends: 0,
  interruptions: 0,
  unreachable: 0
})

/** What is read off the trace. */
class Reading {
  readonly sockets: Array<Socket> = []
  readonly problems: Array<string> = []
  readonly happened = nothing()
  /** How often a datagram of a length was handed to the network. */
  readonly onTheWay = new Map<number, number>()
  private readonly open = new Map<number, Socket>()
  private readonly posts = new Map<number, Post>()

  event(event: MockTrace.Event): void {
    switch (event._tag) {
      case "Call":
        return this.call(event)
      case "Completed":
        return this.completed(event)
      case "Dequeued":
        return event.key % 2 === 1 ? undefined : this.seen(event.overlapped)
      case "Ran":
        return this.seen(event.overlapped)
      case "Delivered":
        this.open.get(event.socket)?.delivered.push(event.bytes)
        return
      case "Sent":
        this.onTheWay.set(event.bytes, (this.onTheWay.get(event.bytes) ?? 0) + 1)
        return
      case "Dropped":
        this.happened.dropped++
        return
      case "Violated":
        return
    }
  }

  private call(call: MockTrace.Call): void {
    switch (call.name) {
      case "WSASocketW": {
        const socket: Socket = { posts: [], delivered: [], active: [] }
        this.sockets.push(socket)
        this.open.set(call.result, socket)
        return
      }
      case "closesocket":
        this.open.delete(call.args.s)
        return
      case "WSARecvMsg":
        return this.receive(call)
      case "WSASendMsg":
        this.posts.delete(call.args.lpOverlapped)
        if (call.args.lpOverlapped !== 0) this.happened.overlappedSends++
        return
      case "WSAGetOverlappedResult":
        return call.error === WSA_IO_INCOMPLETE ? undefined : this.seen(call.args.lpOverlapped)
      case "CancelIoEx":
        return this.cancel(call)
    }
  }

  private receive({ args, error }: MockTrace.Call): void {
    const socket = this.open.get(args.s)
    if (socket === undefined) return
    const overlapped = args.lpOverlapped
    if (overlapped === 0 && error === WSAEWOULDBLOCK) return
    const accepted = error === 0 || error === WSAEMSGSIZE
    const pending = overlapped !== 0 && (accepted || error === WSA_IO_PENDING)
    const post: Post = {
      outcome: pending ? "pending" : accepted ? "message" : "error",
      code: pending || accepted ? 0 : error,
      took: !pending && (accepted || error === WSAECONNRESET),
      cancelled: false,
      undecided: overlapped !== 0 && error === WSAEMSGSIZE
    }
    if (post.undecided) this.happened.undecided++
    socket.posts.push(post)
    if (overlapped !== 0) this.posts.set(overlapped, post)
    if (pending) socket.active.push(post)
  }

  private completed({ overlapped, status }: MockTrace.Completed): void {
    const post = this.posts.get(overlapped)
    if (post === undefined || post.outcome !== "pending") return
    if (status === STATUS_SUCCESS || status === STATUS_BUFFER_OVERFLOW) {
      post.outcome = "message"
      post.took = true
    } else if (status === STATUS_PORT_UNREACHABLE) {
      post.outcome = "error"
      post.code = WSAECONNRESET
      post.took = true
      this.happened.unreachable++
    } else {
      // the kernel gives it back: cancelled by somebody, or its socket closed
      post.outcome = "aborted"
      if (status === STATUS_CANCELLED) this.happened.aborted++
    }
  }

  // the program has been told of the end of an operation
  private seen(overlapped: number): void {
    const post = this.posts.get(overlapped)
    if (post === undefined) return
    for (const socket of this.sockets) {
      if (socket.active.includes(post)) socket.active = socket.active.filter((other) => other !== post)
    }
  }

  private cancel({ args, error }: MockTrace.Call): void {
    this.happened.cancels++
    if (error === ERROR_NOT_FOUND) this.happened.notFound++
    const socket = this.open.get(args.hFile)
    const post = this.posts.get(args.lpOverlapped)
    if (socket === undefined || post === undefined) return
    if (post.cancelled) this.problems.push("a receive was cancelled twice")
    post.cancelled = true
    const at = socket.active.indexOf(post)
    if (at === -1) {
      this.problems.push("a receive was cancelled that had been seen to complete")
      return
    }
    // one that a sentinel decides may have been seen to complete by now
    if (socket.active.slice(at + 1).some((younger) => !younger.undecided)) {
      this.problems.push("a receive was cancelled that is not the newest")
    }
    socket.active.splice(at, 1)
  }
}

interface Result {
  readonly outcome: "message" | "error" | "aborted"
  readonly code: number
  /** The length of the datagram. */
  readonly length: number
}

/** What the calls of one socket came to, in the order in which they were made. */
const resultsOf = (socket: Socket, name: string, problems: Array<string>): ReadonlyArray<Result> => {
  let taken = 0
  const results: Array<Result> = []
  for (const { cancelled, code, outcome, took } of socket.posts) {
    const length = took ? socket.delivered[taken++] : 0
    // whatever a receive fails with once it was cancelled is our own doing
    if (cancelled && outcome === "error") results.push({ outcome: "aborted", code, length })
    else if (outcome === "pending") problems.push(`a receive of ${name} never completed`)
    else results.push({ outcome, code, length })
  }
  if (taken > socket.delivered.length) problems.push(`${name} took more than was delivered`)
  return results
}

const text = (given: Given): string =>
  given._tag === "Failure" ? `${given.reason} (${given.code})` : `datagram ${given.n} of ${given.size} bytes`

const expected = (result: Result, lengths: ReadonlyArray<number>): string =>
  result.outcome === "message" ? `datagram ${lengths.indexOf(result.length)}` : `an error ${result.code}`

/** Checks what one socket gave out against what it should have; returns how many messages it did not give out. */
const checkLife = (
  world: World,
  index: number,
  results: ReadonlyArray<Result>,
  problems: Array<string>
): { readonly whole: number; readonly cut: number } => {
  const life = world.lives[index]
  const { maxMessageSize, truncation } = life.plan
  const { lengths, unkindness } = world.plan
  const name = `socket ${index}`
  let at = 0
  for (const given of life.given) {
    if (given._tag === "Failure") {
      if (given.mayBeClosed && (given.reason === "SocketClosed" || given.code === WSA_OPERATION_ABORTED)) continue
      if (unkindness.noMemory > 0 && given.code === WSA_NOT_ENOUGH_MEMORY) continue
      // aborts that nobody here asked for are told when there are many in a row
      if (world.facts.foreignCancels > 0 && given.code === WSA_OPERATION_ABORTED) continue
    }
    while (at < results.length && results[at].outcome === "aborted") at++
    const result = results[at++]
    if (result === undefined) {
      problems.push(`${name} gave out ${text(given)}, which is more than it received`)
      return { whole: 0, cut: 0 }
    }
    const cut = result.outcome === "message" && result.length > maxMessageSize
    const fails = result.outcome === "error" || (cut && truncation === "fail")
    const code = cut ? WSAEMSGSIZE : result.code
    const right =
      given._tag === "Failure"
        ? fails && given.code === code
        : !fails &&
          lengths[given.n] === result.length &&
          given.truncated === cut &&
          given.size === Math.min(result.length, maxMessageSize)
    if (!right) {
      problems.push(`${name} gave out ${text(given)} where ${expected(result, lengths)} was due`)
      return { whole: 0, cut: 0 }
    }
  }
  const left = results.slice(at).filter((result) => result.outcome === "message")
  const cut = truncation === "fail" ? left.filter((result) => result.length > maxMessageSize).length : 0
  return { whole: left.length - cut, cut }
}

const checkSends = (world: World, reading: Reading, problems: Array<string>): void => {
  const { lengths, unkindness } = world.plan
  for (const { life, mayBeClosed, n, outcome } of world.facts.sends) {
    const times = reading.onTheWay.get(lengths[n]) ?? 0
    const name = `the send of datagram ${n}`
    if (times > 1) problems.push(`${name} reached the network ${times} times`)
    if (outcome === "under way") problems.push(`${name} has no outcome`)
    else if (outcome === "sent") {
      if (times === 0) problems.push(`${name} succeeded, and never reached the network`)
    } else if (outcome === "not begun") {
      if (times !== 0) problems.push(`${name} was interrupted before it began, and reached the network`)
    } else if (outcome !== "interrupted") {
      if (times !== 0) problems.push(`${name} failed with ${outcome}, and reached the network`)
      const allowed =
        (outcome === WSAENOBUFS && unkindness.sendFails > 0) ||
        (outcome === WSA_NOT_ENOUGH_MEMORY && unkindness.noMemory > 0) ||
        (outcome === WSA_OPERATION_ABORTED && world.facts.foreignCancels > 0) ||
        mayBeClosed
      if (!allowed) problems.push(`${name} from socket ${life.index} failed with ${outcome}`)
    }
  }
}

/** Returns what is wrong with a run, and what happened in it. */
export const judge = (
  world: World,
  trace: ReadonlyArray<MockTrace.Event>
): { readonly problems: ReadonlyArray<string>; readonly happened: Happenings } => {
  const reading = new Reading()
  for (const event of trace) reading.event(event)
  const { happened, sockets } = reading
  const problems = [...world.problems, ...reading.problems]
  let whole = 0
  let cut = 0
  sockets.forEach((socket, index) => {
    const results = resultsOf(socket, `socket ${index}`, problems)
    const left = checkLife(world, index, results, problems)
    whole += left.whole
    cut += left.cut
  })
  checkSends(world, reading, problems)
  const { cancels, discarded, recovered, reposted } = world.statistics()
  // a message that is an error because it was cut is not counted as a message in every case
  if (discarded < whole || discarded > whole + cut) {
    problems.push(`${whole} messages were not given out, but ${discarded} are counted as discarded`)
  }
  // each socket that closes cancels all that it has with one call
  const { foreignCancels, interruptions } = world.facts
  if (cancels > interruptions + sockets.length) {
    problems.push(`${cancels} cancel calls for ${interruptions} interruptions and ${sockets.length} sockets`)
  }
  if (happened.cancels - foreignCancels !== cancels) problems.push("the engine does not count its cancel calls right")
  for (const life of world.lives) {
    for (const given of life.given) {
      if (given._tag === "Failure") happened.failures++
      else {
        happened.messages++
        if (given.truncated) happened.truncated++
      }
    }
  }
  happened.recovered = recovered
  happened.reposted = reposted
  happened.discarded = discarded
  happened.interruptions = interruptions
  happened.sends = world.facts.sends.filter((send) => send.outcome === "sent").length
  return { problems, happened }
}

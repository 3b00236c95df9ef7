/**
 * A SOCKET of the library's own that asks the provider by overlapped WSAIoctl, once or again after every change.
 *
 * Both belong to the SOCKET, not to a fiber: an interrupted fiber leaves the line, and what it asked for is the next
 * one's, or ends when the SOCKET is closed. Where changes are waited for, the wait is in the kernel before the question
 * is: what changes after the answer ends the wait, so no change can come between the two.
 */
import { IPPROTO_UDP, SOCK_DGRAM, WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED } from "@effect-winsock/schema/Flags"
import * as InterfaceList from "@effect-winsock/schema/InterfaceList"
import { toWsaError } from "@effect-winsock/schema/NtStatus"
import { WSA_NOT_ENOUGH_MEMORY, WSAEFAULT, WSAEMSGSIZE } from "@effect-winsock/schema/WsaError"
import * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type { Block, SocketHandle } from "../Seam.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { associate } from "./completion.ts"
import type { Engine } from "./engine.ts"
import { Operation } from "./operation.ts"
import { providerOf } from "./provider.ts"
import { Reposts } from "./reposts.ts"
import type { CompletionMode } from "./socketEndpoint.ts"
import { OPEN, SocketEndpoint } from "./socketEndpoint.ts"
import type { Server } from "./waiters.ts"
import { Line, takeOrWait } from "./waiters.ts"

/** A question. */
export interface Question<A> {
  readonly family: NetAddress.IpFamily
  /** The control code that answers it. */
  readonly query: number
  /** The control code that completes when the answer has changed; 0 for asking once. */
  readonly change: number
  /** Writes the input of both, at most `inputSize` bytes, and tells how many; absent where they have none. */
  readonly write?: ((view: DataView) => number) | undefined
  /** Reads an answer of `length` bytes, which lies at `address`. */
  readonly read: (view: DataView, length: number, address: number) => A
  /** Whether the first element is how things are, before any change. */
  readonly current: boolean
}

/** Room for the input: a socket address. */
const inputSize = 32
/** Room for the answer: at first, and at most. */
const firstSize = 1024
const mostSize = 1 << 20

/** What says that there is too little room for the answer. */
const tooSmall: ReadonlySet<number> = new Set([WSAEFAULT, WSAEMSGSIZE])

const name = "WSAIoctl"

const ioctlError = (code: number): WinsockError =>
  code < 0 ? WinsockErrors.fromStatus(name, code >>> 0, "datagram") : WinsockErrors.fromCode(name, code, "datagram")

const codeOf = (code: number): number => (code < 0 ? toWsaError(code >>> 0) : code)

export class IoctlSocket<A> extends SocketEndpoint implements Server<void> {
  /** The answer, or with changes the next one. */
  readonly next: Effect.Effect<A, WinsockError>

  private readonly question: Question<A>
  private readonly line: Line<void>
  private readonly asking: Operation
  private readonly watching: Operation | undefined
  private readonly input: Block
  private readonly inputLength: number
  private output: Block
  // whether the question is to be asked: nobody has an answer to how things are now
  private wanted: boolean
  private answer: { readonly value: A } | undefined = undefined
  private failure: WinsockError | undefined = undefined
  private readonly reposts = new Reposts()

  /** Throws when there is no memory; the SOCKET is its maker's still then. */
  constructor(engine: Engine, socket: SocketHandle, key: number, mode: CompletionMode, question: Question<A>) {
    super(engine, socket, key, mode)
    this.question = question
    this.wanted = question.current || question.change === 0
    // nothing was asked of the kernel for a fiber that waits
    this.line = new Line<void>(engine, (settled) => settled(Effect.void))
    const [input, output] = engine.heap.allocAll(inputSize, firstSize)
    this.input = input
    this.output = output
    this.inputLength = question.write?.(input.view) ?? 0
    const operations: Array<Operation> = []
    try {
      for (let i = question.change === 0 ? 1 : 0; i < 2; i++) {
        operations.push(new Operation(this, name, engine.counters.ioctl))
      }
    } catch (error) {
      for (const operation of operations) operation.release()
      engine.heap.free(input)
      engine.heap.free(output)
      throw error
    }
    this.asking = operations[0]
    this.watching = operations[1]
    this.next = takeOrWait(
      () => (this.line.length === 0 && this.can() ? this.give() : undefined),
      (resume, again, hesitant) => {
        if (this.state !== OPEN) return resume(Effect.fail(WinsockErrors.socketClosed(name)))
        const waiter = this.line.join(undefined, resume, again, hesitant)
        engine.poke(this)
        return waiter
      }
    )
    // it cannot fail any more: from now on the engine has the SOCKET, and closes it
    this.own()
    this.watch()
  }

  // --- as a server of its line ---

  can(): boolean {
    return this.state === OPEN && this.answer !== undefined && !this.wanted
  }

  give(): Effect.Effect<A> {
    const { value } = this.answer!
    this.answer = undefined
    return Effect.succeed(value)
  }

  // --- asking ---

  // false when there is none to be had
  private watch(): boolean {
    const { watching } = this
    if (watching === undefined || watching.isPending) return true
    return this.post(watching, this.question.change, 0, 0)
  }

  private ask(): void {
    this.wanted = false
    const { address, size } = this.output
    this.post(this.asking, this.question.query, address, size)
  }

  private post(operation: Operation, code: number, output: number, outputSize: number): boolean {
    const { engine, input, inputLength } = this
    const { record } = operation
    const { count } = engine.records.shape
    operation.prepare()
    // where it pends the count is left alone
    record.view.setUint32(record.at + count, 0, true)
    const rc = engine.calls.WSAIoctl(
      this.socket as SocketHandle,
      code,
      inputLength === 0 ? 0 : input.address,
      inputLength,
      output,
      outputSize,
      operation.address + count,
      operation.address,
      operation.routine
    )
    if (!operation.answered(rc === 0 ? 0 : engine.calls.WSAGetLastError())) return true
    this.ended(operation)
    engine.mark(this)
    return this.failure === undefined
  }

  protected ended(operation: Operation): void {
    const { cancelled, code } = operation
    if (code === 0) {
      this.reposts.reset()
      if (operation === this.watching) this.wanted = true
      else this.answer = { value: this.read(operation) }
    } else if (cancelled) return
    else if (this.reposts.allow(operation)) {
      // what has changed since then nobody will tell
      this.wanted = true
    } else if (operation === this.asking && tooSmall.has(codeOf(code)) && this.output.size < mostSize) {
      this.grow(operation)
    } else this.failure = ioctlError(code)
  }

  // a call that answers at once may tell its count beside the OVERLAPPED only
  private count({ bytes, record }: Operation): number {
    return Math.max(bytes, record.view.getUint32(record.at + this.engine.records.shape.count, true))
  }

  private read(operation: Operation): A {
    const { address, size, view } = this.output
    return this.question.read(view, Math.min(this.count(operation), size), address)
  }

  private grow(operation: Operation): void {
    const { heap } = this.engine
    const needed = Math.max(this.output.size * 2, this.count(operation))
    try {
      const larger = heap.alloc(Math.min(needed, mostSize))
      heap.free(this.output)
      this.output = larger
      this.wanted = true
    } catch {
      this.failure = ioctlError(WSA_NOT_ENOUGH_MEMORY)
    }
  }

  // --- as an endpoint ---

  protected work(): void {
    const { engine, line } = this
    if (this.state !== OPEN) return line.fail(WinsockErrors.operationAborted(name))
    line.serve(this)
    if (this.answer !== undefined && line.length === 0) {
      // who asked was interrupted: the next one is told how things are then
      this.answer = undefined
      this.wanted = true
    }
    const { failure } = this
    if (failure !== undefined && line.length > 0) {
      this.failure = undefined
      return line.fail(failure)
    }
    if (engine.brokenBy !== 0) {
      return line.fail(WinsockErrors.fromCode("GetQueuedCompletionStatusEx", engine.brokenBy, "datagram"))
    }
    // whoever was served may have closed it
    if (this.state !== OPEN || line.length === 0 || !this.watch()) return
    if (this.wanted && !this.asking.isPending) this.ask()
  }

  protected end(): void {
    this.stop()
  }

  protected dispose(): void {
    const { heap } = this.engine
    this.asking.release()
    this.watching?.release()
    for (const block of [this.input, this.output]) {
      if (this.leaked) heap.abandon(block)
      else heap.free(block)
    }
  }
}

const open = <A>(engine: Engine, question: Question<A>): IoctlSocket<A> | WinsockError => {
  if (engine.closed) return WinsockErrors.socketClosed("WSASocketW")
  const completion = engine.completion()
  if (completion instanceof WinsockErrors.WinsockError) return completion
  const { calls } = engine
  const family = InterfaceList.familyOf(question.family)
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT
  const socket = calls.WSASocketW(family, SOCK_DGRAM, IPPROTO_UDP, 0, 0, flags)
  if (socket === -1) return engine.lastError("WSASocketW")
  const { ifsHandles } = providerOf(engine, family, SOCK_DGRAM, socket)
  const key = engine.reserve()
  let error: WinsockError
  if (associate(engine, completion, socket, key)) {
    try {
      return new IoctlSocket(engine, socket, key, { completion, skips: false, cancelCloses: !ifsHandles }, question)
    } catch {
      // all that it throws for
      error = WinsockErrors.fromCode("WSASocketW", WSA_NOT_ENOUGH_MEMORY)
    }
  } else error = engine.lastError("CreateIoCompletionPort")
  engine.unreserve(key)
  calls.closesocket(socket)
  return error
}

/** Opens a SOCKET that asks the question, until the scope closes. */
export const acquire = <A>(
  engine: Engine,
  question: Question<A>
): Effect.Effect<IoctlSocket<A>, WinsockError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const opened = open(engine, question)
      return opened instanceof WinsockErrors.WinsockError ? Effect.fail(opened) : Effect.succeed(opened)
    }),
    (opened) => Effect.callback<void>((resume) => opened.close(() => resume(Effect.void)))
  )

/**
 * Holding back completions that do not come through a port: of a routine by keeping its run, of an event by answering
 * WSAGetOverlappedResult as if the operation were still pending.
 */
import { OVERLAPPED } from "@effect-winsock/schema/Structs"
import type { Block, Handle, Seam } from "../../Seam.ts"
import type { CallName } from "./intercept.ts"
import type { Packet, Policy } from "./holding.ts"

/** What does not come from a port has no number of one. */
const noPort = 0 as Handle

interface Kept {
  readonly operation: number
  dequeues: number | undefined
  withdraw: (() => void) | undefined
  due: boolean
  /** Runs the routine; an event is asked for again. */
  readonly run: (() => void) | undefined
}

type Locate = (address: number, size: number) => { readonly block: Block; readonly offset: number } | undefined

export class HoldingElsewhere {
  private readonly seam: Seam
  private readonly policy: Policy
  private readonly operationOf: (overlapped: number) => CallName | undefined
  private readonly locate: Locate
  private kept: Array<Kept> = []

  constructor(seam: Seam, policy: Policy, operationOf: (overlapped: number) => CallName | undefined, locate: Locate) {
    this.seam = seam
    this.policy = policy
    this.operationOf = operationOf
    this.locate = locate
  }

  get count(): number {
    return this.kept.filter(({ due }) => !due).length
  }

  /** An OVERLAPPED is given to a call: what was kept of it is over. */
  submitted(overlapped: number): void {
    if (this.kept.length > 0) this.forget(this.find(overlapped))
  }

  /** The program asks for the result of an operation that has ended: whether it is to be told that it is pending. */
  isHidden(overlapped: number): boolean {
    if (!this.completesByEvent(overlapped)) return false
    const known = this.find(overlapped)
    if (known === undefined) return this.keep(overlapped, 0, undefined)
    if (known.dequeues !== undefined && --known.dequeues <= 0) known.due = true
    if (known.due) this.forget(known)
    return !known.due
  }

  readonly routine: Seam["routine"] = (run, queued) =>
    this.seam.routine((error, bytes, overlapped, flags) => {
      const late = (): void => {
        run(error, bytes, overlapped, flags)
        queued?.()
      }
      for (const kept of this.kept) {
        if (kept.run !== undefined && kept.dequeues !== undefined && --kept.dequeues <= 0) this.release(kept)
      }
      if (!this.keep(overlapped, bytes, late)) run(error, bytes, overlapped, flags)
    }, queued)

  releaseAll(): void {
    for (const kept of this.kept) this.release(kept)
  }

  private release(kept: Kept): void {
    kept.due = true
    if (kept.run === undefined) return
    this.forget(kept)
    kept.run()
  }

  private keep(overlapped: number, bytes: number, run: (() => void) | undefined): boolean {
    const operation = this.operationOf(overlapped)
    const packet: Packet = { port: noPort, key: 0, lpOverlapped: overlapped, bytes, operation, posted: false }
    const terms = this.policy.terms(packet)
    if (terms === undefined) return false
    const kept: Kept = { operation: overlapped, dequeues: terms.dequeues, withdraw: undefined, due: false, run }
    if (terms.milliseconds !== undefined) {
      kept.withdraw = this.seam.host.schedule(() => {
        kept.withdraw = undefined
        this.release(kept)
      }, terms.milliseconds)
    }
    this.kept.push(kept)
    this.policy.held(this.seam)
    return true
  }

  private find(overlapped: number): Kept | undefined {
    return this.kept.find(({ operation }) => operation === overlapped)
  }

  private forget(kept: Kept | undefined): void {
    if (kept === undefined) return
    kept.withdraw?.()
    this.kept = this.kept.filter((other) => other !== kept)
  }

  // not one of a port, which may be asked for too; nor by an event of the program's, which tells of the end by itself
  private completesByEvent(overlapped: number): boolean {
    const found = this.locate(overlapped, OVERLAPPED.size[this.seam.abi])
    if (found === undefined) return false
    const { block, offset } = found
    const event = block.view.getUint32(offset + OVERLAPPED.offsets[this.seam.abi].hEvent, true)
    return event !== 0 && (event & 1) === 0
  }
}

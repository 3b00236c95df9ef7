/** What the kernel writes into a slot, read with mistrust, and how a slot becomes a datagram. */
import type { Control, ControlIssue } from "@effect-winsock/schema/ControlMessage"
import { parseControl } from "@effect-winsock/schema/ControlMessage"
import { MSG_CTRUNC, MSG_TRUNC } from "@effect-winsock/schema/Flags"
import { STATUS_PENDING } from "@effect-winsock/schema/NtStatus"
import { OVERLAPPED, WSAMSG } from "@effect-winsock/schema/Structs"
import { Datagram } from "../Datagram.ts"
import type { Arena } from "./arena.ts"
import type { SlotShape, Source } from "./slots.ts"
import { nameCapacity } from "./slots.ts"

export class Messages {
  private readonly shape: SlotShape
  private readonly arena: Arena
  private readonly internal: number
  private readonly internalHigh: number
  private readonly nameLength: number
  private readonly controlLength: number
  private readonly flags: number

  constructor(shape: SlotShape, arena: Arena) {
    this.shape = shape
    this.arena = arena
    const overlapped = OVERLAPPED.offsets[shape.abi]
    const msg = WSAMSG.offsets[shape.abi]
    this.internal = overlapped.Internal
    this.internalHigh = overlapped.InternalHigh
    this.nameLength = shape.message + msg.namelen
    this.controlLength = shape.message + msg.Control.len
    this.flags = shape.message + msg.dwFlags
  }

  /** Sets anew what the kernel changes, before each use of a slot. */
  reset(view: DataView, at: number): void {
    view.setUint32(at + this.internal, STATUS_PENDING, true)
    view.setUint32(at + this.internalHigh, 0, true)
    view.setInt32(at + this.nameLength, nameCapacity, true)
    view.setUint32(at + this.controlLength, this.shape.controlCapacity, true)
    view.setUint32(at + this.flags, 0, true)
  }

  /** The operation's NTSTATUS. */
  status(view: DataView, at: number): number {
    return view.getUint32(at + this.internal, true)
  }

  /** Whether the datagram was larger than the slot, given whether the call or the status says that something was. */
  isCut(view: DataView, at: number, overflow: boolean): boolean {
    const flags = view.getUint32(at + this.flags, true)
    return (flags & MSG_TRUNC) !== 0 || (overflow && (flags & MSG_CTRUNC) === 0)
  }

  /** How many bytes of payload an operation received: never more than there is room for. */
  size(view: DataView, at: number, cut: boolean): number {
    const count = view.getUint32(at + this.internalHigh, true)
    // an operation that a sentinel decided may lack its byte count, but a payload that was cut fills the buffer
    return cut && count === 0 ? this.shape.payloadCapacity : this.bounded(count)
  }

  /** A byte count that the kernel gave, within the room for the payload. */
  bounded(count: number): number {
    return Math.min(count, this.shape.payloadCapacity)
  }

  /** The control messages. */
  control(view: DataView, at: number): Control | ControlIssue {
    return parseControl(this.shape.abi, view, at + this.shape.control, this.controlSize(view, at))
  }

  private controlSize(view: DataView, at: number): number {
    return Math.min(view.getUint32(at + this.controlLength, true), this.shape.controlCapacity)
  }

  /**
   * Copies a message out of the kernel's memory: address, control data and payload lie side by side, one copy moves
   * them. With `skip` the payload begins so many bytes further on.
   */
  datagram(source: Source, view: DataView, at: number, size: number, truncated: boolean, skip = 0): Datagram {
    const { arena, shape } = this
    const head = shape.payload - shape.name
    const to = arena.take(head + size)
    const { piece } = arena
    if (skip === 0) piece.bytes.set(source.bytes(head + size), to)
    else {
      const whole = source.bytes(head + skip + size)
      piece.bytes.set(whole.subarray(0, head), to)
      piece.bytes.set(whole.subarray(head + skip), to + head)
    }
    const nameLength = view.getInt32(at + this.nameLength, true)
    return new Datagram(
      new Uint8Array(piece.buffer, to + head, size),
      view.getUint32(at + this.flags, true),
      truncated,
      shape.abi,
      piece.view,
      to,
      nameLength < 0 ? 0 : Math.min(nameLength, nameCapacity),
      to + nameCapacity,
      this.controlSize(view, at)
    )
  }
}

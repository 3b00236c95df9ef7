/**
 * What one call of Winsock2 refers to, in one block: the words that it writes to, its WSAMSG, its WSABUFs, a name, control
 * data, and the bytes of its buffers one after the other.
 */
import { writePointer } from "@effect-winsock/schema/Layout"
import { WSABUF, WSAMSG } from "@effect-winsock/schema/Structs"
import type { Block } from "../Seam.ts"
import type { Engine } from "./engine.ts"

/** Room for any socket address: SOCKADDR_STORAGE. */
export const nameCapacity = 128

const align16 = (n: number): number => n + (-n & 15)

const countAt = 0
const flagsAt = 4
const nameLengthAt = 8
const messageAt = 16
const buffersAt = 80

export class CallMemory {
  readonly engine: Engine
  readonly block: Block
  readonly sizes: ReadonlyArray<number>
  /** How many bytes the buffers have. */
  readonly capacity: number
  private readonly nameAt: number
  private readonly controlAt: number
  private readonly controlCapacity: number
  private readonly dataAt: number

  /** Throws when there is no memory. */
  constructor(engine: Engine, sizes: ReadonlyArray<number>, controlCapacity = 0) {
    const { abi } = engine.seam
    this.engine = engine
    this.sizes = sizes
    this.capacity = sizes.reduce((sum, size) => sum + size, 0)
    this.nameAt = align16(buffersAt + sizes.length * WSABUF.size[abi])
    this.controlAt = this.nameAt + nameCapacity
    this.controlCapacity = controlCapacity
    this.dataAt = align16(this.controlAt + controlCapacity)
    this.block = engine.heap.alloc(Math.max(16, this.dataAt + this.capacity))
    const { len, buf } = WSABUF.offsets[abi]
    const { view } = this.block
    let at = this.data
    sizes.forEach((size, i) => {
      const entry = buffersAt + i * WSABUF.size[abi]
      view.setUint32(entry + len, size, true)
      writePointer(abi, view, entry + buf, at)
      at += size
    })
  }

  // --- addresses ---

  get count(): number {
    return this.block.address + countAt
  }

  get flags(): number {
    return this.block.address + flagsAt
  }

  get nameLength(): number {
    return this.block.address + nameLengthAt
  }

  get message(): number {
    return this.block.address + messageAt
  }

  get buffers(): number {
    return this.block.address + buffersAt
  }

  get name(): number {
    return this.block.address + this.nameAt
  }

  get data(): number {
    return this.block.address + this.dataAt
  }

  // --- before the call ---

  setCount(count: number): void {
    this.block.view.setUint32(countAt, count, true)
  }

  setFlags(flags: number): void {
    this.block.view.setUint32(flagsAt, flags, true)
  }

  setNameLength(length: number): void {
    this.block.view.setInt32(nameLengthAt, length, true)
  }

  /** Where a name is written to, from `at` on. */
  get nameView(): { readonly view: DataView; readonly at: number } {
    return { view: this.block.view, at: this.nameAt }
  }

  setControl(bytes: Uint8Array): void {
    this.block.bytes.set(bytes, this.controlAt)
  }

  /** Writes the WSAMSG: all of the buffers, all of the room for control data, so much of a name. */
  setMessage(nameLength: number, flags: number): void {
    const { abi } = this.engine.seam
    const at = WSAMSG.offsets[abi]
    const { view } = this.block
    writePointer(abi, view, messageAt + at.name, nameLength === 0 ? 0 : this.name)
    view.setInt32(messageAt + at.namelen, nameLength, true)
    writePointer(abi, view, messageAt + at.lpBuffers, this.buffers)
    view.setUint32(messageAt + at.dwBufferCount, this.sizes.length, true)
    view.setUint32(messageAt + at.Control.len, this.controlCapacity, true)
    const control = this.controlCapacity === 0 ? 0 : this.block.address + this.controlAt
    writePointer(abi, view, messageAt + at.Control.buf, control)
    view.setUint32(messageAt + at.dwFlags, flags, true)
  }

  // --- after it; what the kernel wrote is not trusted to be within what it was given ---

  readCount(): number {
    return Math.min(this.block.view.getUint32(countAt, true), this.capacity)
  }

  readFlags(): number {
    return this.block.view.getUint32(flagsAt, true)
  }

  readMessageFlags(): number {
    return this.block.view.getUint32(messageAt + WSAMSG.offsets[this.engine.seam.abi].dwFlags, true)
  }

  /** The name that a call wrote, with its length beside it. */
  readName(): DataView {
    return this.copyOf(this.nameAt, this.block.view.getInt32(nameLengthAt, true), nameCapacity)
  }

  /** The name of the WSAMSG. */
  readMessageName(): DataView {
    const { namelen } = WSAMSG.offsets[this.engine.seam.abi]
    return this.copyOf(this.nameAt, this.block.view.getInt32(messageAt + namelen, true), nameCapacity)
  }

  readControl(): DataView {
    const { Control } = WSAMSG.offsets[this.engine.seam.abi]
    return this.copyOf(this.controlAt, this.block.view.getUint32(messageAt + Control.len, true), this.controlCapacity)
  }

  /** The bytes received, as they lie in the buffers: each is filled before the next. */
  readData(count: number): ReadonlyArray<Uint8Array> {
    const all = this.block.bytes.slice(this.dataAt, this.dataAt + count)
    let at = 0
    return this.sizes.map((size) => {
      const from = at
      at = Math.min(at + size, all.length)
      return all.subarray(from, at)
    })
  }

  private copyOf(at: number, length: number, most: number): DataView {
    const bytes = this.block.bytes.slice(at, at + Math.max(0, Math.min(length, most)))
    return new DataView(bytes.buffer)
  }
}

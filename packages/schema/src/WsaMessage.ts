/**
 * A whole `WSAMSG`: the structure, and what its pointers lead to.
 *
 * **Details**
 *
 * The rules of `decode`, which never throws:
 *
 * - a pointer that the memory refuses, or gives fewer bytes for than asked, is `Memory`
 * - a NULL pointer with a length that is not 0 is `NullPointer` (the calls answer `WSAEFAULT`); a pointer whose length
 *   is 0 is not followed
 * - a negative `namelen` is `NegativeLength`
 * - a malformed address or malformed control data is `Malformed`, with its issue as `cause`
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as ControlMessage from "./ControlMessage.ts"
import type { Memory } from "./Layout.ts"
import { readPointer, writePointer } from "./Layout.ts"
import * as SockAddr from "./SockAddr.ts"
import { WSABUF, WSAMSG } from "./Structs.ts"

/**
 * Schema for a message: its address, its buffers, its control messages and its `MSG_*` flags.
 *
 * @category schemas
 * @since 0.1.0
 */
export const WsaMessage = Schema.Struct({
  name: Schema.UndefinedOr(SockAddr.SockAddr),
  buffers: Schema.Array(Schema.Uint8Array),
  control: Schema.Array(ControlMessage.ControlMessage),
  flags: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff }))
})

/**
 * A message as WSARecvMsg and WSASendMsg take and give it.
 *
 * @category models
 * @since 0.1.0
 */
export interface WsaMessage {
  readonly name: SockAddr.SockAddr | undefined
  readonly buffers: ReadonlyArray<Uint8Array>
  readonly control: ReadonlyArray<ControlMessage.ControlMessage>
  readonly flags: number
}

/**
 * Why memory holds no message; the module's rules say when.
 *
 * @category models
 * @since 0.1.0
 */
export interface WsaMessageIssue {
  readonly _tag: "WsaMessageIssue"
  /** The part of the structure that the issue is with. */
  readonly part: "WSAMSG" | "name" | "lpBuffers" | "Control"
  readonly reason: "Memory" | "NullPointer" | "NegativeLength" | "Malformed"
  /** Which of the buffers, where it is one of them. */
  readonly index: number | undefined
  /** What the memory threw, or the issue with the part's own bytes. */
  readonly cause: unknown
}

/**
 * Memory in which messages can be built. `alloc` returns the address of `size` bytes, aligned to 8, that `resolve`
 * finds as one range; it throws when there are none.
 *
 * @category models
 * @since 0.1.0
 */
export interface MessageMemory extends Memory {
  readonly alloc: (size: number) => number
}

const issue = (
  part: WsaMessageIssue["part"],
  reason: WsaMessageIssue["reason"],
  cause?: unknown,
  index?: number
): WsaMessageIssue => ({ _tag: "WsaMessageIssue", part, reason, index, cause })

const isIssue = (u: object): u is WsaMessageIssue => "_tag" in u && u._tag === "WsaMessageIssue"

/**
 * Returns `true` for the issue that `decode` returned instead of a message.
 *
 * @category guards
 * @since 0.1.0
 */
export const isWsaMessageIssue = (u: WsaMessage | WsaMessageIssue): u is WsaMessageIssue => isIssue(u)

// a view of exactly the bytes asked for, so that nothing behind them can be read by mistake
const resolve = (
  memory: Memory,
  part: WsaMessageIssue["part"],
  address: number,
  size: number,
  index?: number
): DataView | WsaMessageIssue => {
  if (size === 0) return new DataView(new ArrayBuffer(0))
  if (address === 0) return issue(part, "NullPointer", undefined, index)
  try {
    const { offset, view } = memory.resolve(address, size)
    return new DataView(view.buffer, view.byteOffset + offset, size)
  } catch (cause) {
    return issue(part, "Memory", cause, index)
  }
}

const decodeBuffers = (memory: Memory, address: number, count: number): ReadonlyArray<Uint8Array> | WsaMessageIssue => {
  const { abi } = memory
  const list = resolve(memory, "lpBuffers", address, count * WSABUF.size[abi])
  if (isIssue(list)) return list
  const { buf, len } = WSABUF.offsets[abi]
  const buffers: Array<Uint8Array> = []
  for (let i = 0; i < count; i++) {
    const at = i * WSABUF.size[abi]
    const data = resolve(memory, "lpBuffers", readPointer(abi, list, at + buf), list.getUint32(at + len, true), i)
    if (isIssue(data)) return data
    buffers.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return buffers
}

/**
 * Reads the message whose `WSAMSG` lies `offset` bytes into `view`, following its pointers through `memory`.
 *
 * **Details**
 *
 * It never throws, whatever `memory.resolve` does; the module's rules say what it accepts. `buffers` are windows on the
 * memory, as long as their `WSABUF.len` and not as what was received: copy what must outlive the memory.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (memory: Memory, view: DataView, offset: number): WsaMessage | WsaMessageIssue => {
  const { abi } = memory
  if (!(offset >= 0 && offset + WSAMSG.size[abi] <= view.byteLength)) return issue("WSAMSG", "Memory")
  const fields = WSAMSG.view(abi, view, offset)

  const { namelen } = fields
  if (namelen < 0) return issue("name", "NegativeLength")
  const nameBytes = resolve(memory, "name", fields.name, namelen)
  if (isIssue(nameBytes)) return nameBytes
  const name = namelen === 0 ? undefined : SockAddr.read(nameBytes, 0, namelen)
  if (name?._tag === "SockAddrIssue") return issue("name", "Malformed", name)

  const controlBytes = resolve(memory, "Control", fields.Control.buf, fields.Control.len)
  if (isIssue(controlBytes)) return controlBytes
  const control = ControlMessage.parse(abi, controlBytes, 0, controlBytes.byteLength)
  if (ControlMessage.isControlIssue(control)) return issue("Control", "Malformed", control)

  const buffers = decodeBuffers(memory, fields.lpBuffers, fields.dwBufferCount)
  return isIssue(buffers) ? buffers : { name, buffers, control, flags: fields.dwFlags }
}

/**
 * Reads the message whose `WSAMSG` is at an address of `memory`, as `decode` does.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeAt = (memory: Memory, address: number): WsaMessage | WsaMessageIssue => {
  const view = resolve(memory, "WSAMSG", address, WSAMSG.size[memory.abi])
  return isIssue(view) ? view : decode(memory, view, 0)
}

const align8 = (n: number): number => n + (-n & 7)

/**
 * Builds a message in one piece of memory and returns the address of its `WSAMSG`, which is the piece's address too:
 * freeing it frees the whole message.
 *
 * **Details**
 *
 * An absent name, an empty list of buffers and absent control messages are NULL pointers with length 0. It never throws
 * and allocates nothing for a message that cannot be read back: one whose name or control messages are `Malformed`. What
 * the memory throws is `Memory`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (memory: MessageMemory, message: WsaMessage): number | WsaMessageIssue => {
  const { abi } = memory
  const name = message.name === undefined ? new Uint8Array(0) : SockAddr.toBytes(message.name)
  if (name === undefined) return issue("name", "Malformed")
  const control = ControlMessage.toBytes(abi, message.control)
  if (!(control instanceof Uint8Array)) return issue("Control", "Malformed", control)

  const listAt = align8(WSAMSG.size[abi])
  const controlAt = listAt + align8(message.buffers.length * WSABUF.size[abi])
  const nameAt = controlAt + control.length
  const dataAt = nameAt + name.length
  const total = message.buffers.reduce((end, buffer) => end + buffer.length, dataAt)

  let address: number
  try {
    address = memory.alloc(total)
  } catch (cause) {
    return issue("WSAMSG", "Memory", cause)
  }
  const view = resolve(memory, "WSAMSG", address, total)
  if (isIssue(view)) return view
  const bytes = new Uint8Array(view.buffer, view.byteOffset, total)
  bytes.fill(0)
  bytes.set(control, controlAt)
  bytes.set(name, nameAt)
  const fields = WSAMSG.view(abi, view, 0)
  fields.name = name.length === 0 ? 0 : address + nameAt
  fields.namelen = name.length
  fields.lpBuffers = message.buffers.length === 0 ? 0 : address + listAt
  fields.dwBufferCount = message.buffers.length
  fields.Control.buf = control.length === 0 ? 0 : address + controlAt
  fields.Control.len = control.length
  fields.dwFlags = message.flags

  const { buf, len } = WSABUF.offsets[abi]
  let at = dataAt
  for (let i = 0; i < message.buffers.length; i++) {
    const buffer = message.buffers[i]
    const entry = listAt + i * WSABUF.size[abi]
    view.setUint32(entry + len, buffer.length, true)
    writePointer(abi, view, entry + buf, address + at)
    bytes.set(buffer, at)
    at += buffer.length
  }
  return address
}

/**
 * Returns an issue as one sentence.
 *
 * @category converting
 * @since 0.1.0
 */
export const formatIssue = (self: WsaMessageIssue): string => {
  const part = self.index === undefined ? self.part : `${self.part}[${self.index}]`
  switch (self.reason) {
    case "Memory":
      return `${part} does not lie within the memory`
    case "NullPointer":
      return `${part} is NULL but has a length`
    case "NegativeLength":
      return `${part} has a negative length`
    case "Malformed":
      if (SockAddr.isSockAddrIssue(self.cause)) return SockAddr.formatIssue(self.cause)
      return ControlMessage.isControlIssue(self.cause) ? ControlMessage.formatIssue(self.cause) : `${part} is malformed`
  }
}

/**
 * Creates the schema for the bytes of a `WSAMSG` whose pointers lead into `memory`. It decodes and encodes
 * with `decode` and `encode`, and fails with their issues.
 *
 * **Gotchas**
 *
 * Creating it costs microseconds: keep it. Encoding allocates; the memory is the caller's to free.
 *
 * @category schemas
 * @since 0.1.0
 */
export const fromBytes = (memory: MessageMemory) =>
  Schema.Uint8Array.pipe(
    Schema.decodeTo(
      WsaMessage,
      SchemaTransformation.transformEffect<WsaMessage, Uint8Array>({
        decode: (bytes, options) => {
          const result = decode(memory, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0)
          return isIssue(result)
            ? Effect.fail(new SchemaIssue.InvalidValue({ message: formatIssue(result) }, bytes, options))
            : Effect.succeed(result)
        },
        encode: (message, options) => {
          const address = encode(memory, message)
          const view =
            typeof address === "number" ? resolve(memory, "WSAMSG", address, WSAMSG.size[memory.abi]) : address
          return isIssue(view)
            ? Effect.fail(new SchemaIssue.InvalidValue({ message: formatIssue(view) }, message, options))
            : Effect.succeed(new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice())
        }
      })
    )
  )

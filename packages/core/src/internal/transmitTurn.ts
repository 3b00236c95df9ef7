/** A file that is sent in its turn: opened, sent by TransmitFile in as many calls as it takes, closed. */
import { writePointer } from "@effect-winsock/schema/Layout"
import { TRANSMIT_FILE_BUFFERS } from "@effect-winsock/schema/Structs"
import {
  ERROR_HANDLE_EOF,
  ERROR_NOT_SUPPORTED,
  WSA_NOT_ENOUGH_MEMORY,
  WSAENOBUFS
} from "@effect-winsock/schema/WsaError"
import type { Block, Extensions, Handle, SocketHandle } from "../Seam.ts"
import type { TransmitOptions } from "../TcpSocket.ts"
import type { WinsockError } from "../WinsockError.ts"
import * as WinsockErrors from "../WinsockError.ts"
import { isRecord, isWithin } from "./checks.ts"
import type { Engine } from "./engine.ts"
import { createFileArguments, isPath, writePath } from "./files.ts"
import type { Payload } from "./payload.ts"
import { aPayload, copyPayload, isPayload, lengthOf } from "./payload.ts"
import type { Stream } from "./stream.ts"
import { streamError } from "./streamError.ts"
import type { StreamSends } from "./streamSends.ts"
import { DONE, Turn, UNDER_WAY } from "./streamTurn.ts"

/** The most that one call sends, head and tail included. Source: the page of TransmitFile. */
const mostPerCall = 2 ** 31 - 2
/** The most that head and tail may be. */
const mostAround = 2 ** 20

const none: Payload = new Uint8Array(0)

/** What is sent of which file; all of it in range. */
export interface Region {
  readonly path: string
  readonly offset: number
  /** `undefined`: to the end. */
  readonly length: number | undefined
  readonly head: Payload
  readonly tail: Payload
  readonly bytesPerSend: number
}

const refused = (option: string, value: unknown, expected: string): WinsockError =>
  WinsockErrors.invalidArgument("TransmitFile", option, value, expected)

/** Reads what is to be sent, or says what is not what it must be. */
export const regionOf = (path: string, options: TransmitOptions): Region | WinsockError => {
  if (!isPath(path)) return refused("path", path, "the path of a file")
  if (!isRecord(options)) return refused("options", options, "a record of options")
  const { bytesPerSend = 0, head = none, length, offset = 0, tail = none } = options
  const most = Number.MAX_SAFE_INTEGER
  if (!isWithin(offset, 0, most)) return refused("offset", offset, `an integer from 0 to ${most}`)
  if (length !== undefined && !isWithin(length, 0, most - offset)) {
    return refused("length", length, `an integer from 0 to ${most - offset}`)
  }
  for (const [name, payload] of [
    ["head", head],
    ["tail", tail]
  ] as const) {
    if (!isPayload(payload)) return refused(name, payload, aPayload)
    if (lengthOf(payload) > mostAround) return refused(name, payload, `at most ${mostAround} bytes`)
  }
  if (!isWithin(bytesPerSend, 0, 2 ** 31 - 1)) {
    return refused("bytesPerSend", bytesPerSend, `an integer from 0 to ${2 ** 31 - 1}`)
  }
  return { path, offset, length, head, tail, bytesPerSend }
}

const copied = (payload: Payload): Uint8Array => {
  const bytes = new Uint8Array(lengthOf(payload))
  copyPayload(payload, bytes, 0)
  return bytes
}

export class TransmitTurn extends Turn<number> {
  readonly tears = true
  private readonly stream: Stream
  private readonly region: Region
  private readonly pieces: ReadonlyArray<Uint8Array>
  private readonly headLength: number
  private readonly tailLength: number
  // head and tail, side by side, and before them the record that says where they are
  private block: Block | undefined = undefined
  private file: Handle | -1 = -1
  // how much of the file is to be sent, and how much of it was
  private size = 0
  private done = 0
  private total = 0
  private part = 0
  private over = false
  private openError = 0

  constructor(stream: Stream, region: Region) {
    super("TransmitFile")
    this.stream = stream
    this.region = region
    // of its own: the caller may change them while it waits, and while the file is opened
    const [head, tail] = [copied(region.head), copied(region.tail)]
    this.pieces = [head, tail]
    this.headLength = head.length
    this.tailLength = tail.length
  }

  step(sends: StreamSends): number {
    const socket = sends.stream.socket as SocketHandle
    const TransmitFile = this.stream.provider.get("TransmitFile", socket)
    if (TransmitFile === undefined) return ERROR_NOT_SUPPORTED
    if (this.openError !== 0) return this.openError
    if (this.block === undefined) return this.open(sends)
    while (!this.over) {
      const code = this.call(sends, socket, TransmitFile)
      if (code !== DONE) return code
      this.advance(sends.count)
    }
    return DONE
  }

  private call(sends: StreamSends, socket: SocketHandle, TransmitFile: Extensions["TransmitFile"]): number {
    const { engine } = sends
    const block = this.block!
    const first = !this.started
    const head = first ? this.headLength : 0
    const rest = this.size - this.done
    const part = Math.min(rest, mostPerCall - head - this.tailLength)
    const tail = part === rest ? this.tailLength : 0
    const { abi } = engine.seam
    const at = TRANSMIT_FILE_BUFFERS.offsets[abi]
    const { address, view } = block
    writePointer(abi, view, at.Head, head === 0 ? 0 : address + around)
    view.setUint32(at.HeadLength, head, true)
    writePointer(abi, view, at.Tail, tail === 0 ? 0 : address + around + this.headLength)
    view.setUint32(at.TailLength, tail, true)
    this.started = true
    // 0 would mean all of the file, so a region of none is sent as no file
    const file = part === 0 ? 0 : (this.file as Handle)
    const { bytesPerSend, offset } = this.region
    const code = sends.post(
      "TransmitFile",
      this.abandon,
      (operation) => TransmitFile(socket, file, part, bytesPerSend, operation.address, address, 0) !== 0,
      offset + this.done
    )
    // a call that failed at once has sent nothing
    if (first && code !== DONE && code !== UNDER_WAY) this.started = false
    this.part = part
    return code
  }

  advance(bytes: number): void {
    this.total += bytes
    this.done += this.part
    this.over = this.done === this.size
  }

  isComplete(): boolean {
    return this.over
  }

  value(): number {
    return this.total
  }

  override sent(): number {
    return this.total
  }

  override dispose(engine: Engine): void {
    if (this.block !== undefined) engine.heap.free(this.block)
    this.block = undefined
    if (this.file !== -1) engine.calls.CloseHandle(this.file)
    this.file = -1
  }

  // the kernel may still read from both
  private readonly abandon = (engine: Engine): void => {
    if (this.block !== undefined) engine.heap.abandon(this.block)
    this.block = undefined
    this.file = -1
  }

  // opening may wait for a disk or a network, so it is done off the JS thread; this keeps its place in line meanwhile
  private open(sends: StreamSends): number {
    const { engine, stream } = sends
    const { path } = this.region
    let name: Block
    try {
      name = engine.heap.alloc(2 * path.length + 2)
    } catch {
      return WSA_NOT_ENOUGH_MEMORY
    }
    writePath(name, path)
    try {
      engine.callAway("CreateFileW", createFileArguments(name), (file, lastError) => {
        engine.heap.free(name)
        this.elsewhere = false
        // its fiber was interrupted meanwhile, or the connection ended
        if (!this.queued) {
          if (file !== -1) engine.calls.CloseHandle(file)
          return
        }
        this.file = file
        this.openError = file === -1 ? this.refuse("CreateFileW", lastError) : this.measure(engine)
        engine.poke(stream)
      })
    } catch {
      engine.heap.free(name)
      return this.refuse("CreateFileW", WSAENOBUFS)
    }
    this.elsewhere = true
    return UNDER_WAY
  }

  // finds out how much there is to send: 0, or why it cannot be
  private measure(engine: Engine): number {
    const { length, offset } = this.region
    try {
      this.block = engine.heap.alloc(around + this.headLength + this.tailLength)
    } catch {
      return WSA_NOT_ENOUGH_MEMORY
    }
    const { block } = this
    if (engine.calls.GetFileSizeEx(this.file as Handle, block.address) === 0) {
      return this.refuse("GetFileSizeEx", engine.calls.WSAGetLastError())
    }
    const size = block.view.getUint32(0, true) + block.view.getUint32(4, true) * 0x1_0000_0000
    if (offset + (length ?? 0) > size) return this.refuse("TransmitFile", ERROR_HANDLE_EOF)
    this.size = length ?? size - offset
    copyPayload(this.pieces, block.bytes, around)
    this.over = this.size + this.headLength + this.tailLength === 0
    return 0
  }

  private refuse(operation: string, code: number): number {
    this.refused = streamError(operation, code)
    // a failure that has no code is one all the same
    return code === 0 ? ERROR_NOT_SUPPORTED : code
  }
}

/** Where head and tail begin in the block: TRANSMIT_FILE_BUFFERS is before them. */
const around = 32

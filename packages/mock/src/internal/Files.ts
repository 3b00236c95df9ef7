/**
 * The files of a simulated machine: names, sizes, and bytes made when somebody reads them.
 */
import * as sdk from "@effect-winsock/schema/WsaError"
import type { KernelObject } from "./Handles.ts"
import type { Kernel } from "./Kernel.ts"
import type { Socket } from "./Socket.ts"

/** What a file consists of: bytes, or so many bytes of a rule (zeros without one). */
export type Content = Uint8Array | { readonly size: number; readonly byteAt?: ((offset: number) => number) | undefined }

export class FileObject implements KernelObject {
  readonly type = "file"
  handle = 0
  readonly content: Content
  constructor(content: Content) {
    this.content = content
  }

  get size(): number {
    return this.content instanceof Uint8Array ? this.content.length : this.content.size
  }

  /** Returns bytes that are the caller's to keep. */
  read(offset: number, size: number): Uint8Array {
    const { content } = this
    if (content instanceof Uint8Array) return content.slice(offset, offset + size)
    const { byteAt } = content
    const bytes = new Uint8Array(size)
    if (byteAt !== undefined) {
      for (let i = 0; i < size; i++) bytes[i] = byteAt(offset + i)
    }
    return bytes
  }
}

// Windows' names do not tell a from A, and take / for \
const normal = (path: string): string => path.replaceAll("/", "\\").toLowerCase()

/** The files of one machine, by name. */
export class Files {
  private readonly byName = new Map<string, Content>()
  /** Files that bind made, of sockets that may be closed by now. */
  private readonly bound = new Map<string, Socket>()

  add(path: string, content: Content): void {
    if (!(content instanceof Uint8Array) && (!Number.isSafeInteger(content.size) || content.size < 0)) {
      throw new RangeError(`not a size of a file: ${content.size}`)
    }
    this.byName.set(normal(path), content)
  }

  /** Makes the file of a socket; false where one is. */
  bind(path: string, socket: Socket): boolean {
    const name = normal(path)
    if (this.byName.has(name) || this.bound.has(name)) return false
    this.bound.set(name, socket)
    return true
  }

  boundTo(path: string): Socket | undefined {
    return this.bound.get(normal(path))
  }

  delete(path: string): boolean {
    const name = normal(path)
    return this.byName.delete(name) || this.bound.delete(name)
  }

  find(path: string): Content | undefined {
    return this.byName.get(normal(path))
  }
}

const longestPath = 32_767

const readText = (kernel: Kernel, address: number): string => {
  let text = ""
  for (let i = 0; i < longestPath; i++) {
    const unit = kernel.memory.u16(address + i * 2)
    if (unit === 0) break
    text += String.fromCharCode(unit)
  }
  return text
}

const GENERIC_WRITE = 0x4000_0000
const OPEN_EXISTING = 3
const OPEN_ALWAYS = 4
// what a reparse point that is no link gives
const ERROR_CANT_ACCESS_FILE = 1920

/** Opens a file to be read. Nothing is ever written or made. */
export const CreateFileW = (
  kernel: Kernel,
  name: number,
  access: number,
  _share: number,
  _security: number,
  disposition: number
): number => {
  const path = readText(kernel, name)
  if (kernel.files.boundTo(path) !== undefined) return kernel.fail(ERROR_CANT_ACCESS_FILE)
  const content = kernel.files.find(path)
  const opens = disposition === OPEN_EXISTING || (disposition === OPEN_ALWAYS && content !== undefined)
  if (!opens || (access & GENERIC_WRITE) !== 0) {
    return kernel.fail(opens && content === undefined ? sdk.ERROR_FILE_NOT_FOUND : sdk.ERROR_ACCESS_DENIED)
  }
  if (content === undefined) return kernel.fail(sdk.ERROR_FILE_NOT_FOUND)
  return kernel.handles.add(new FileObject(content))
}

export const DeleteFileW = (kernel: Kernel, name: number): number =>
  kernel.files.delete(readText(kernel, name)) ? 1 : kernel.fail(sdk.ERROR_FILE_NOT_FOUND)

/** Returns the file, or makes the call fail. */
export const fileOf = (kernel: Kernel, handle: number): FileObject | undefined => {
  const object = kernel.handles.get(handle)
  if (object !== undefined && object.type === "file") return object
  if (object === undefined) kernel.dead(handle)
  kernel.error = sdk.WSA_INVALID_HANDLE
  return undefined
}

export const GetFileSizeEx = (kernel: Kernel, handle: number, sizeAt: number): number => {
  const file = fileOf(kernel, handle)
  if (file === undefined) return 0
  const view = kernel.memory.locate(sizeAt, 8)
  view.setUint32(kernel.memory.at, file.size >>> 0, true)
  view.setUint32(kernel.memory.at + 4, Math.floor(file.size / 0x1_0000_0000), true)
  return 1
}

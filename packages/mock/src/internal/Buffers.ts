/**
 * Arrays of WSABUFs: captured at the call, filled and read at any time after it.
 */
import { WSABUF } from "@effect-winsock/schema/Structs"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Kernel } from "./Kernel.ts"
import type { Operation } from "./Operation.ts"

/** Captures an array of WSABUFs and probes what they point to. */
export const captureBuffers = (kernel: Kernel, operation: Operation, address: number, count: number): boolean => {
  if (address === 0 || count === 0) {
    kernel.error = count === 0 ? sdk.WSAEINVAL : sdk.WSAEFAULT
    return false
  }
  const { memory } = kernel
  const wide = memory.pointerSize === 8
  const stride = wide ? WSABUF.size.x64 : WSABUF.size.ia32
  const view = memory.locate(address, count * stride)
  const base = memory.at
  for (let i = 0; i < count; i++) {
    const at = base + i * stride
    const length = view.getUint32(at, true)
    const pointer = wide
      ? view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * 0x1_0000_0000
      : view.getUint32(at + 4, true)
    if (length > 0) memory.locate(pointer, length)
    operation.addBuffer(pointer, length)
  }
  return true
}

const nothing = new Uint8Array(0)

/** Copies `size` bytes out of the buffers, from the `from`th on. */
export const gather = (kernel: Kernel, operation: Operation, from: number, size: number): Uint8Array => {
  if (size === 0) return nothing
  if (operation.bufferCount === 1) return kernel.memory.copy(operation.buffers[0] + from, size)
  const bytes = new Uint8Array(size)
  let skip = from
  let at = 0
  for (let i = 0; i < operation.bufferCount && at < size; i++) {
    const length = operation.buffers[i * 2 + 1]
    const part = Math.min(length - skip, size - at)
    if (part > 0) {
      const block = kernel.memory.find(operation.buffers[i * 2] + skip, part)
      const start = kernel.memory.at
      bytes.set(block.bytes.subarray(start, start + part), at)
      at += part
    }
    skip = Math.max(0, skip - length)
  }
  return bytes
}

/** Copies bytes into the buffers, from the `from`th of the buffers' on. */
export const scatter = (kernel: Kernel, operation: Operation, from: number, bytes: Uint8Array): void => {
  const { memory } = kernel
  const size = bytes.length
  if (size === 0) return
  if (operation.bufferCount === 1) {
    const block = memory.find(operation.buffers[0] + from, size)
    block.bytes.set(bytes, memory.at)
    return
  }
  let skip = from
  let at = 0
  for (let i = 0; i < operation.bufferCount && at < size; i++) {
    const length = operation.buffers[i * 2 + 1]
    const part = Math.min(length - skip, size - at)
    if (part > 0) {
      const block = memory.find(operation.buffers[i * 2] + skip, part)
      block.bytes.set(bytes.subarray(at, at + part), memory.at)
      at += part
    }
    skip = Math.max(0, skip - length)
  }
}

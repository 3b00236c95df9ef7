/**
 * The library as a whole, and handles of any kind.
 */
import { OSVERSIONINFOW } from "@effect-winsock/schema/Structs"
import { WSA_WAIT_IO_COMPLETION } from "@effect-winsock/schema/Flags"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Kernel } from "./Kernel.ts"
import * as Sockets from "./Sockets.ts"

const highestVersion = 0x0202
// sizeof(WSADATA); the members move between the two ABIs, the two version words in front do not
const wsaDataSize = { x64: 408, ia32: 400 } as const

export const WSAStartup = (kernel: Kernel, version: number, data: number): number => {
  const major = version & 0xff
  const minor = version >>> 8
  if (major === 0) return kernel.fail(sdk.WSAVERNOTSUPPORTED)
  const size = wsaDataSize[kernel.memory.abi]
  const block = kernel.memory.find(data, size)
  const at = kernel.memory.at
  block.bytes.fill(0, at, at + size)
  const agreed = major > 2 || (major === 2 && minor > 2) ? highestVersion : version
  block.view.setUint16(at, agreed, true)
  block.view.setUint16(at + 2, highestVersion, true)
  kernel.started++
  return 0
}

export const WSACleanup = (kernel: Kernel): number => {
  if (kernel.started === 0) return kernel.fail(sdk.WSANOTINITIALISED)
  if (--kernel.started > 0) return 0
  const sockets = kernel.handles.list().filter((object) => object.type === "socket")
  if (sockets.length > 0) {
    const site = kernel.guard.siteOf(sockets[0])
    kernel.guard.violation("LeftBehind", `${sockets.length} sockets open at the last WSACleanup`, site)
  }
  for (const socket of sockets) Sockets.close(kernel, socket)
  return 0
}

export const WSAGetLastError = (kernel: Kernel): number => kernel.lastError

export const WSASetLastError = (kernel: Kernel, code: number): number => {
  kernel.lastError = code
  return 0
}

export const CloseHandle = (kernel: Kernel, handle: number): number => {
  const object = kernel.handles.get(handle)
  if (object === undefined) {
    kernel.dead(handle)
    return kernel.fail(sdk.WSA_INVALID_HANDLE)
  }
  if (object.type === "socket") Sockets.close(kernel, object)
  else if (object.type === "port") object.close()
  else {
    if (object.type === "event") kernel.eventWaits.closing(object)
    kernel.handles.remove(object)
  }
  return 1
}

export const SleepEx = (kernel: Kernel, milliseconds: number, alertable: number): number => {
  if (alertable !== 0 && kernel.routines.alert()) return WSA_WAIT_IO_COMPLETION
  if (milliseconds !== 0) kernel.guard.violation("WouldWait", "SleepEx waits, and was made on the JS thread")
  return 0
}

export const WSAGetOverlappedResult = (
  kernel: Kernel,
  s: number,
  overlapped: number,
  bytesAt: number,
  wait: number,
  flagsAt: number
): number => {
  if (kernel.socket(s) === undefined) return 0
  const { memory } = kernel
  const status = memory.u32(overlapped)
  memory.locate(bytesAt, 4)
  memory.locate(flagsAt, 4)
  if (status === NtStatus.STATUS_PENDING) {
    return wait === 0 ? kernel.fail(sdk.WSA_IO_INCOMPLETE) : kernel.wouldWait(sdk.WSA_IO_INCOMPLETE)
  }
  memory.setU32(bytesAt, memory.u32(overlapped + memory.pointerSize))
  // on failure the flags are not written
  if (status >>> 31 === 1) return kernel.fail(NtStatus.toWsaError(status))
  memory.setU32(flagsAt, 0)
  return 1
}

/** A simulation lives on one thread. */
export const GetCurrentThreadId = (): number => 1

export const RtlGetVersion = (kernel: Kernel, information: number): number => {
  const at = OSVERSIONINFOW.offsets[kernel.memory.abi]
  const view = kernel.memory.locate(information, OSVERSIONINFOW.size[kernel.memory.abi])
  const base = kernel.memory.at
  view.setUint32(base + at.dwMajorVersion, 10, true)
  view.setUint32(base + at.dwMinorVersion, 0, true)
  view.setUint32(base + at.dwBuildNumber, kernel.settings.build, true)
  // VER_PLATFORM_WIN32_NT
  view.setUint32(base + at.dwPlatformId, 2, true)
  return 0
}

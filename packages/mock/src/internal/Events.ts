/**
 * Event objects.
 */
import type { KernelObject } from "./Handles.ts"
import type { Kernel } from "./Kernel.ts"
import {
  WSA_MAXIMUM_WAIT_EVENTS,
  WSA_WAIT_FAILED,
  WSA_WAIT_IO_COMPLETION,
  WSA_WAIT_TIMEOUT
} from "@effect-winsock/schema/Flags"
import * as sdk from "@effect-winsock/schema/WsaError"

/** A manual-reset event, as WSACreateEvent makes them. */
export class EventObject implements KernelObject {
  readonly type = "event"
  handle = 0
  signalled = false
}

const find = (kernel: Kernel, handle: number): EventObject | undefined => {
  const object = kernel.handles.get(handle)
  if (object !== undefined && object.type === "event") return object
  if (object === undefined) kernel.dead(handle)
  kernel.fail(sdk.WSA_INVALID_HANDLE)
  return undefined
}

export const WSACreateEvent = (kernel: Kernel): number => kernel.handles.add(new EventObject())

const signal = (kernel: Kernel, handle: number, on: boolean): number => {
  const event = find(kernel, handle)
  if (event === undefined) return 0
  event.signalled = on
  return 1
}

export const WSASetEvent = (kernel: Kernel, handle: number): number => signal(kernel, handle, true)

export const WSAResetEvent = (kernel: Kernel, handle: number): number => signal(kernel, handle, false)

export const WSACloseEvent = (kernel: Kernel, handle: number): number => {
  const event = find(kernel, handle)
  if (event === undefined) return 0
  kernel.handles.remove(event)
  return 1
}

export const WSAWaitForMultipleEvents = (
  kernel: Kernel,
  count: number,
  handles: number,
  all: number,
  timeout: number,
  alertable: number
): number => {
  const failed = (code: number): number => {
    // the result itself reports the failure, so the dispatcher must not replace it
    kernel.lastError = code
    return WSA_WAIT_FAILED
  }
  if (count === 0 || count > WSA_MAXIMUM_WAIT_EVENTS) return failed(sdk.WSA_INVALID_PARAMETER)
  let signalled = 0
  let first = -1
  for (let i = 0; i < count; i++) {
    const object = kernel.handles.get(kernel.memory.pointer(handles + i * kernel.memory.pointerSize))
    // a socket can be waited for too: it is signalled by the operations whose OVERLAPPED has no event
    if (object === undefined || object.type === "port" || object.type === "file") return failed(sdk.WSA_INVALID_HANDLE)
    if (object.signalled) {
      signalled++
      if (first === -1) first = i
    }
  }
  if (all === 0 ? first !== -1 : signalled === count) return all === 0 ? first : 0
  if (alertable !== 0 && kernel.routines.alert()) return WSA_WAIT_IO_COMPLETION
  if (timeout !== 0)
    kernel.guard.violation("WouldWait", "WSAWaitForMultipleEvents waits, and was made on the JS thread")
  return WSA_WAIT_TIMEOUT
}

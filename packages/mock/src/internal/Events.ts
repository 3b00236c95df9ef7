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
  if (on) kernel.eventWaits.signal(event)
  else event.signalled = false
  return 1
}

export const WSASetEvent = (kernel: Kernel, handle: number): number => signal(kernel, handle, true)

export const WSAResetEvent = (kernel: Kernel, handle: number): number => signal(kernel, handle, false)

export const WSACloseEvent = (kernel: Kernel, handle: number): number => {
  const event = find(kernel, handle)
  if (event === undefined) return 0
  kernel.eventWaits.closing(event)
  kernel.handles.remove(event)
  return 1
}

/** Something whose state can be waited for. */
export interface Waitable {
  signalled: boolean
}

/** The objects of a wait, or the code that it fails with. */
export const waitable = (kernel: Kernel, count: number, handles: number): ReadonlyArray<Waitable> | number => {
  if (count === 0 || count > WSA_MAXIMUM_WAIT_EVENTS) return sdk.WSA_INVALID_PARAMETER
  const objects: Array<Waitable> = []
  for (let i = 0; i < count; i++) {
    const object = kernel.handles.get(kernel.memory.pointer(handles + i * kernel.memory.pointerSize))
    // a socket can be waited for too: it is signalled by the operations whose OVERLAPPED has no event
    if (object === undefined || object.type === "port" || object.type === "file") return sdk.WSA_INVALID_HANDLE
    objects.push(object)
  }
  return objects
}

/** What a wait for any or all of them answers: the first that is signalled, 0 for all, -1 while it waits. */
export const answerOf = (objects: ReadonlyArray<Waitable>, all: boolean): number => {
  if (all) return objects.every(({ signalled }) => signalled) ? 0 : -1
  return objects.findIndex(({ signalled }) => signalled)
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
  const objects = waitable(kernel, count, handles)
  if (typeof objects === "number") return failed(objects)
  const answer = answerOf(objects, all !== 0)
  if (answer !== -1) return answer
  if (alertable !== 0 && kernel.routines.alert()) return WSA_WAIT_IO_COMPLETION
  if (timeout !== 0)
    kernel.guard.violation("WouldWait", "WSAWaitForMultipleEvents waits, and was made on the JS thread")
  return WSA_WAIT_TIMEOUT
}

/**
 * A machine whose power went: what it was in the middle of, and what its DLL still answers, so that a program's own release
 * comes to its end.
 */
import type { ExtensionName, FunctionName } from "@effect-winsock/core/Signatures"
import { STATUS_UNEXPECTED_NETWORK_ERROR } from "@effect-winsock/schema/NtStatus"
import * as sdk from "@effect-winsock/schema/WsaError"
import type { Connection } from "./Connection.ts"
import type { Kernel } from "./Kernel.ts"
import * as Names from "./Names.ts"
import * as Tcp from "./Tcp.ts"

/** What gives back, waits for what is under way, or is of no network: all else fails. */
const works: ReadonlySet<string> = new Set<FunctionName | ExtensionName>([
  "WSACleanup",
  "WSAGetLastError",
  "WSASetLastError",
  "closesocket",
  "WSAGetOverlappedResult",
  "GetAddrInfoExOverlappedResult",
  "GetAddrInfoExCancel",
  "FreeAddrInfoExW",
  "WSACreateEvent",
  "WSASetEvent",
  "WSAResetEvent",
  "WSACloseEvent",
  "WSAWaitForMultipleEvents",
  "GetQueuedCompletionStatusEx",
  "PostQueuedCompletionStatus",
  "CancelIoEx",
  "CancelIo",
  "CloseHandle",
  "GetAcceptExSockaddrs",
  "RtlMoveMemory",
  "lstrcpynW",
  "SleepEx",
  "GetCurrentThreadId",
  "RtlGetVersion"
])

/** What a call on a machine that is down fails with, 0 for one that works. */
export const refusal = (name: string): number =>
  works.has(name) ? 0 : name === "WSAStartup" ? sdk.WSASYSNOTREADY : sdk.WSAENETDOWN

// what operations end with that nobody will wait for: WSAENETDOWN
const status = STATUS_UNEXPECTED_NETWORK_ERROR

const forget = (connection: Connection): void => {
  const { kernel, remote, timer } = connection
  timer?.withdraw()
  connection.timer = undefined
  connection.state = "CLOSED"
  connection.failure = status
  connection.discard()
  connection.inFlight = 0
  kernel.connections.remove(connection)
  connection.line?.stop()
  if (remote !== undefined) Tcp.forgotten(remote)
}

/** The power goes: nobody hears of it, and nothing of what there was is left to the machine. */
export const powerOff = (kernel: Kernel): void => {
  kernel.isDown = true
  kernel.guard.silent = true
  for (const connection of kernel.connections.list()) forget(connection)
  // also what was completing: it may have waited for the network to take it
  for (const operation of Array.from(kernel.guard.pending.values())) kernel.end(operation, status)
  // their time may never come
  for (const queue of Array.from(kernel.latePackets)) queue()
  Names.giveUp(kernel, sdk.WSAENETDOWN)
}

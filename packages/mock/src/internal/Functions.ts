/**
 * The implementation of every function of the signature tables.
 */
import type { ExtensionName, FunctionName } from "@effect-winsock/core/Signatures"
import * as Accepting from "./Accepting.ts"
import * as Connecting from "./Connecting.ts"
import * as Disconnecting from "./Disconnecting.ts"
import * as Events from "./Events.ts"
import * as Ioctls from "./Ioctls.ts"
import * as Files from "./Files.ts"
import type { Kernel } from "./Kernel.ts"
import * as Library from "./Library.ts"
import * as Names from "./Names.ts"
import * as Ports from "./Ports.ts"
import * as Receive from "./Receive.ts"
import * as Send from "./Send.ts"
import * as Sockets from "./Sockets.ts"
import * as TcpOptions from "./TcpOptions.ts"
import * as Transmit from "./Transmit.ts"
import * as Unsupported from "./Unsupported.ts"

/**
 * Takes the arguments of the signature. Says that the call fails by `kernel.fail`, which the dispatcher turns into
 * the failing result of the signature; the value returned is the result otherwise.
 */
export type Implementation = (kernel: Kernel, ...args: Array<number>) => number

export const functions: { readonly [K in FunctionName]: Implementation } = {
  WSAStartup: Library.WSAStartup,
  WSACleanup: Library.WSACleanup,
  WSAGetLastError: Library.WSAGetLastError,
  WSASetLastError: Library.WSASetLastError,
  WSASocketW: Sockets.WSASocketW,
  closesocket: Sockets.closesocket,
  bind: Sockets.bind,
  connect: Sockets.connect,
  listen: Accepting.listen,
  accept: Accepting.accept,
  shutdown: Sockets.shutdown,
  getsockname: Sockets.getsockname,
  getpeername: Sockets.getpeername,
  getsockopt: TcpOptions.getsockopt,
  setsockopt: TcpOptions.setsockopt,
  ioctlsocket: Ioctls.ioctlsocket,
  WSAIoctl: Ioctls.WSAIoctl,
  WSADuplicateSocketW: Unsupported.WSADuplicateSocketW,
  WSASend: Send.WSASend,
  WSASendTo: Send.WSASendTo,
  WSASendMsg: Send.WSASendMsg,
  WSARecv: Receive.WSARecv,
  WSARecvFrom: Receive.WSARecvFrom,
  WSASendDisconnect: Sockets.WSASendDisconnect,
  WSAGetOverlappedResult: Library.WSAGetOverlappedResult,
  GetAddrInfoExW: Names.GetAddrInfoExW,
  GetAddrInfoExOverlappedResult: Names.GetAddrInfoExOverlappedResult,
  GetAddrInfoExCancel: Names.GetAddrInfoExCancel,
  FreeAddrInfoExW: Names.FreeAddrInfoExW,
  GetNameInfoW: Names.GetNameInfoW,
  WSACreateEvent: Events.WSACreateEvent,
  WSASetEvent: Events.WSASetEvent,
  WSAResetEvent: Events.WSAResetEvent,
  WSACloseEvent: Events.WSACloseEvent,
  WSAWaitForMultipleEvents: Events.WSAWaitForMultipleEvents,
  CreateIoCompletionPort: Ports.CreateIoCompletionPort,
  GetQueuedCompletionStatusEx: Ports.GetQueuedCompletionStatusEx,
  PostQueuedCompletionStatus: Ports.PostQueuedCompletionStatus,
  SetFileCompletionNotificationModes: Ports.SetFileCompletionNotificationModes,
  CancelIoEx: Sockets.CancelIoEx,
  CancelIo: Sockets.CancelIo,
  CloseHandle: Library.CloseHandle,
  CreateFileW: Files.CreateFileW,
  DeleteFileW: Files.DeleteFileW,
  GetFileSizeEx: Files.GetFileSizeEx,
  RtlMoveMemory: Names.RtlMoveMemory,
  lstrcpynW: Names.lstrcpynW,
  SleepEx: Library.SleepEx,
  GetCurrentThreadId: Library.GetCurrentThreadId,
  RtlGetVersion: Library.RtlGetVersion
}

export const extensions: { readonly [K in ExtensionName]: Implementation } = {
  WSARecvMsg: Receive.WSARecvMsg,
  WSASendMsg: Send.WSASendMsg,
  AcceptEx: Accepting.AcceptEx,
  GetAcceptExSockaddrs: Accepting.GetAcceptExSockaddrs,
  ConnectEx: Connecting.ConnectEx,
  DisconnectEx: Disconnecting.DisconnectEx,
  TransmitFile: Transmit.TransmitFile
}

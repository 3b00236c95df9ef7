/**
 * The C functions behind the seam, as one table. Everything that must agree on them is derived from it: the TypeScript
 * interface, the native prototypes, the simulated dispatcher, and the argument names in a trace.
 *
 * @since 0.1.0
 */

/**
 * How a C parameter or result travels as a JavaScript number.
 *
 * - `pointer`: an address (`0` is `NULL`), unsigned and as wide as the ABI's pointers
 * - `socket`, `handle`: signed and as wide as pointers, so that `INVALID_SOCKET` and `INVALID_HANDLE_VALUE` are `-1`
 * - `size`: `SIZE_T` or `ULONG_PTR`
 * - `u16`, `u32`, `i32`: integers of that width (`BOOL` is `i32`)
 * - `void`: no result
 *
 * @category models
 * @since 0.1.0
 */
export type CType = "pointer" | "socket" | "handle" | "size" | "u16" | "u32" | "i32" | "void"

/**
 * What a result that means failure looks like, and so where the error code is.
 *
 * - `SOCKET_ERROR`: the result is -1; `WSAGetLastError` has the code
 * - `INVALID_SOCKET`: the result is -1; `WSAGetLastError` has the code
 * - `FALSE`: the result is 0; `GetLastError` has the code
 * - `NULL`: the result is 0; `GetLastError` has the code
 * - `INVALID_HANDLE_VALUE`: the result is -1; `GetLastError` has the code
 * - `CODE`: the result itself is the code, 0 for success
 * - `NEVER`: the call cannot fail, or its result is no report of failure
 *
 * `GetLastError` and `WSAGetLastError` read the same per-thread value.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure = "SOCKET_ERROR" | "INVALID_SOCKET" | "FALSE" | "NULL" | "INVALID_HANDLE_VALUE" | "CODE" | "NEVER"

/**
 * One C function: where it is exported, its parameters by their documented names, its result and its way to fail.
 *
 * @category models
 * @since 0.1.0
 */
export interface Signature {
  readonly dll: "ws2_32.dll" | "mswsock.dll" | "kernel32.dll" | "ntdll.dll" | "extension"
  readonly parameters: ReadonlyArray<readonly [name: string, type: CType]>
  readonly result: CType
  readonly fails: Failure
}

const ws2 = <const P extends Signature["parameters"], const R extends CType, const F extends Failure>(
  parameters: P,
  result: R,
  fails: F
) => ({ dll: "ws2_32.dll", parameters, result, fails }) as const

const kernel = <const P extends Signature["parameters"], const R extends CType, const F extends Failure>(
  parameters: P,
  result: R,
  fails: F
) => ({ dll: "kernel32.dll", parameters, result, fails }) as const

const extension = <const P extends Signature["parameters"], const R extends CType, const F extends Failure>(
  parameters: P,
  result: R,
  fails: F
) => ({ dll: "extension", parameters, result, fails }) as const

const overlapped = [
  ["lpOverlapped", "pointer"],
  ["lpCompletionRoutine", "pointer"]
] as const

/**
 * The functions that the DLLs export by name. Sources: `winsock2.h`, `ws2tcpip.h`, `ioapiset.h`, `handleapi.h`,
 * `synchapi.h`, `fileapi.h`, `errhandlingapi.h` and their pages on learn.microsoft.com.
 *
 * @category constants
 * @since 0.1.0
 */
// a row per function, as far as it fits
// oxfmt-ignore
export const functions = {
  // --- the library ---
  WSAStartup: ws2([["wVersionRequested", "u16"], ["lpWSAData", "pointer"]], "i32", "CODE"),
  WSACleanup: ws2([], "i32", "SOCKET_ERROR"),
  WSAGetLastError: ws2([], "i32", "NEVER"),
  WSASetLastError: ws2([["iError", "i32"]], "void", "NEVER"),

  // --- sockets ---
  WSASocketW: ws2(
    [
      ["af", "i32"],
      ["type", "i32"],
      ["protocol", "i32"],
      ["lpProtocolInfo", "pointer"],
      ["g", "u32"],
      ["dwFlags", "u32"]
    ],
    "socket",
    "INVALID_SOCKET"
  ),
  closesocket: ws2([["s", "socket"]], "i32", "SOCKET_ERROR"),
  bind: ws2([["s", "socket"], ["name", "pointer"], ["namelen", "i32"]], "i32", "SOCKET_ERROR"),
  connect: ws2([["s", "socket"], ["name", "pointer"], ["namelen", "i32"]], "i32", "SOCKET_ERROR"),
  listen: ws2([["s", "socket"], ["backlog", "i32"]], "i32", "SOCKET_ERROR"),
  accept: ws2([["s", "socket"], ["addr", "pointer"], ["addrlen", "pointer"]], "socket", "INVALID_SOCKET"),
  shutdown: ws2([["s", "socket"], ["how", "i32"]], "i32", "SOCKET_ERROR"),
  getsockname: ws2([["s", "socket"], ["name", "pointer"], ["namelen", "pointer"]], "i32", "SOCKET_ERROR"),
  getpeername: ws2([["s", "socket"], ["name", "pointer"], ["namelen", "pointer"]], "i32", "SOCKET_ERROR"),
  getsockopt: ws2(
    [["s", "socket"], ["level", "i32"], ["optname", "i32"], ["optval", "pointer"], ["optlen", "pointer"]],
    "i32",
    "SOCKET_ERROR"
  ),
  setsockopt: ws2(
    [["s", "socket"], ["level", "i32"], ["optname", "i32"], ["optval", "pointer"], ["optlen", "i32"]],
    "i32",
    "SOCKET_ERROR"
  ),
  ioctlsocket: ws2([["s", "socket"], ["cmd", "u32"], ["argp", "pointer"]], "i32", "SOCKET_ERROR"),
  WSAIoctl: ws2(
    [
      ["s", "socket"],
      ["dwIoControlCode", "u32"],
      ["lpvInBuffer", "pointer"],
      ["cbInBuffer", "u32"],
      ["lpvOutBuffer", "pointer"],
      ["cbOutBuffer", "u32"],
      ["lpcbBytesReturned", "pointer"],
      ...overlapped
    ],
    "i32",
    "SOCKET_ERROR"
  ),
  WSADuplicateSocketW: ws2(
    [["s", "socket"], ["dwProcessId", "u32"], ["lpProtocolInfo", "pointer"]],
    "i32",
    "SOCKET_ERROR"
  ),

  // --- data ---
  WSASend: ws2(
    [
      ["s", "socket"],
      ["lpBuffers", "pointer"],
      ["dwBufferCount", "u32"],
      ["lpNumberOfBytesSent", "pointer"],
      ["dwFlags", "u32"],
      ...overlapped
    ],
    "i32",
    "SOCKET_ERROR"
  ),
  WSASendTo: ws2(
    [
      ["s", "socket"],
      ["lpBuffers", "pointer"],
      ["dwBufferCount", "u32"],
      ["lpNumberOfBytesSent", "pointer"],
      ["dwFlags", "u32"],
      ["lpTo", "pointer"],
      ["iTolen", "i32"],
      ...overlapped
    ],
    "i32",
    "SOCKET_ERROR"
  ),
  WSASendMsg: ws2(
    [
      ["s", "socket"],
      ["lpMsg", "pointer"],
      ["dwFlags", "u32"],
      ["lpNumberOfBytesSent", "pointer"],
      ...overlapped
    ],
    "i32",
    "SOCKET_ERROR"
  ),
  WSARecv: ws2(
    [
      ["s", "socket"],
      ["lpBuffers", "pointer"],
      ["dwBufferCount", "u32"],
      ["lpNumberOfBytesRecvd", "pointer"],
      ["lpFlags", "pointer"],
      ...overlapped
    ],
    "i32",
    "SOCKET_ERROR"
  ),
  WSARecvFrom: ws2(
    [
      ["s", "socket"],
      ["lpBuffers", "pointer"],
      ["dwBufferCount", "u32"],
      ["lpNumberOfBytesRecvd", "pointer"],
      ["lpFlags", "pointer"],
      ["lpFrom", "pointer"],
      ["lpFromlen", "pointer"],
      ...overlapped
    ],
    "i32",
    "SOCKET_ERROR"
  ),
  WSASendDisconnect: ws2(
    [["s", "socket"], ["lpOutboundDisconnectData", "pointer"]],
    "i32",
    "SOCKET_ERROR"
  ),
  WSAGetOverlappedResult: ws2(
    [
      ["s", "socket"],
      ["lpOverlapped", "pointer"],
      ["lpcbTransfer", "pointer"],
      ["fWait", "i32"],
      ["lpdwFlags", "pointer"]
    ],
    "i32",
    "FALSE"
  ),

  // --- names ---
  GetAddrInfoExW: ws2(
    [
      ["pName", "pointer"],
      ["pServiceName", "pointer"],
      ["dwNameSpace", "u32"],
      ["lpNspId", "pointer"],
      ["hints", "pointer"],
      ["ppResult", "pointer"],
      ["timeout", "pointer"],
      ["lpOverlapped", "pointer"],
      ["lpCompletionRoutine", "pointer"],
      ["lpHandle", "pointer"]
    ],
    "i32",
    "CODE"
  ),
  GetAddrInfoExOverlappedResult: ws2([["lpOverlapped", "pointer"]], "i32", "CODE"),
  GetAddrInfoExCancel: ws2([["lpHandle", "pointer"]], "i32", "CODE"),
  FreeAddrInfoExW: ws2([["pAddrInfoEx", "pointer"]], "void", "NEVER"),
  GetNameInfoW: ws2(
    [
      ["pSockaddr", "pointer"],
      ["SockaddrLength", "i32"],
      ["pNodeBuffer", "pointer"],
      ["NodeBufferSize", "u32"],
      ["pServiceBuffer", "pointer"],
      ["ServiceBufferSize", "u32"],
      ["Flags", "i32"]
    ],
    "i32",
    "CODE"
  ),

  // --- events ---
  WSACreateEvent: ws2([], "handle", "NULL"),
  WSASetEvent: ws2([["hEvent", "handle"]], "i32", "FALSE"),
  WSAResetEvent: ws2([["hEvent", "handle"]], "i32", "FALSE"),
  WSACloseEvent: ws2([["hEvent", "handle"]], "i32", "FALSE"),
  WSAWaitForMultipleEvents: ws2(
    [
      ["cEvents", "u32"],
      ["lphEvents", "pointer"],
      ["fWaitAll", "i32"],
      ["dwTimeout", "u32"],
      ["fAlertable", "i32"]
    ],
    "u32",
    "NEVER"
  ),

  // --- completion ports, cancelling, handles ---
  CreateIoCompletionPort: kernel(
    [
      ["FileHandle", "handle"],
      ["ExistingCompletionPort", "handle"],
      ["CompletionKey", "size"],
      ["NumberOfConcurrentThreads", "u32"]
    ],
    "handle",
    "NULL"
  ),
  GetQueuedCompletionStatusEx: kernel(
    [
      ["CompletionPort", "handle"],
      ["lpCompletionPortEntries", "pointer"],
      ["ulCount", "u32"],
      ["ulNumEntriesRemoved", "pointer"],
      ["dwMilliseconds", "u32"],
      ["fAlertable", "i32"]
    ],
    "i32",
    "FALSE"
  ),
  PostQueuedCompletionStatus: kernel(
    [
      ["CompletionPort", "handle"],
      ["dwNumberOfBytesTransferred", "u32"],
      ["dwCompletionKey", "size"],
      ["lpOverlapped", "pointer"]
    ],
    "i32",
    "FALSE"
  ),
  SetFileCompletionNotificationModes: kernel([["FileHandle", "handle"], ["Flags", "u16"]], "i32", "FALSE"),
  CancelIoEx: kernel([["hFile", "handle"], ["lpOverlapped", "pointer"]], "i32", "FALSE"),
  CancelIo: kernel([["hFile", "handle"]], "i32", "FALSE"),
  CloseHandle: kernel([["hObject", "handle"]], "i32", "FALSE"),
  CreateFileW: kernel(
    [
      ["lpFileName", "pointer"],
      ["dwDesiredAccess", "u32"],
      ["dwShareMode", "u32"],
      ["lpSecurityAttributes", "pointer"],
      ["dwCreationDisposition", "u32"],
      ["dwFlagsAndAttributes", "u32"],
      ["hTemplateFile", "handle"]
    ],
    "handle",
    "INVALID_HANDLE_VALUE"
  ),
  DeleteFileW: kernel([["lpFileName", "pointer"]], "i32", "FALSE"),
  // what the provider allocated is read with these two: both are bounded, and neither trusts a string to end
  RtlMoveMemory: kernel([["Destination", "pointer"], ["Source", "pointer"], ["Length", "size"]], "void", "NEVER"),
  lstrcpynW: kernel([["lpString1", "pointer"], ["lpString2", "pointer"], ["iMaxLength", "i32"]], "pointer", "NULL"),
  GetFileSizeEx: kernel([["hFile", "handle"], ["lpFileSize", "pointer"]], "i32", "FALSE"),
  SleepEx: kernel([["dwMilliseconds", "u32"], ["bAlertable", "i32"]], "u32", "NEVER"),
  GetCurrentThreadId: kernel([], "u32", "NEVER"),

  // --- the system ---
  RtlGetVersion: {
    dll: "ntdll.dll",
    parameters: [["lpVersionInformation", "pointer"]],
    result: "i32",
    fails: "NEVER"
  }
} as const satisfies Record<string, Signature>

/**
 * The functions that a provider hands out by address, through `WSAIoctl(SIO_GET_EXTENSION_FUNCTION_POINTER)` and the
 * function's GUID. Source: `mswsock.h`.
 *
 * @category constants
 * @since 0.1.0
 */
// a row per function, as far as it fits
// oxfmt-ignore
export const extensions = {
  WSARecvMsg: extension(
    [["s", "socket"], ["lpMsg", "pointer"], ["lpdwNumberOfBytesRecvd", "pointer"], ...overlapped],
    "i32",
    "SOCKET_ERROR"
  ),
  WSASendMsg: extension(
    [
      ["s", "socket"],
      ["lpMsg", "pointer"],
      ["dwFlags", "u32"],
      ["lpNumberOfBytesSent", "pointer"],
      ...overlapped
    ],
    "i32",
    "SOCKET_ERROR"
  ),
  AcceptEx: extension(
    [
      ["sListenSocket", "socket"],
      ["sAcceptSocket", "socket"],
      ["lpOutputBuffer", "pointer"],
      ["dwReceiveDataLength", "u32"],
      ["dwLocalAddressLength", "u32"],
      ["dwRemoteAddressLength", "u32"],
      ["lpdwBytesReceived", "pointer"],
      ["lpOverlapped", "pointer"]
    ],
    "i32",
    "FALSE"
  ),
  GetAcceptExSockaddrs: extension(
    [
      ["lpOutputBuffer", "pointer"],
      ["dwReceiveDataLength", "u32"],
      ["dwLocalAddressLength", "u32"],
      ["dwRemoteAddressLength", "u32"],
      ["LocalSockaddr", "pointer"],
      ["LocalSockaddrLength", "pointer"],
      ["RemoteSockaddr", "pointer"],
      ["RemoteSockaddrLength", "pointer"]
    ],
    "void",
    "NEVER"
  ),
  ConnectEx: extension(
    [
      ["s", "socket"],
      ["name", "pointer"],
      ["namelen", "i32"],
      ["lpSendBuffer", "pointer"],
      ["dwSendDataLength", "u32"],
      ["lpdwBytesSent", "pointer"],
      ["lpOverlapped", "pointer"]
    ],
    "i32",
    "FALSE"
  ),
  DisconnectEx: extension(
    [["s", "socket"], ["lpOverlapped", "pointer"], ["dwFlags", "u32"], ["dwReserved", "u32"]],
    "i32",
    "FALSE"
  ),
  TransmitFile: extension(
    [
      ["hSocket", "socket"],
      ["hFile", "handle"],
      ["nNumberOfBytesToWrite", "u32"],
      ["nNumberOfBytesPerSend", "u32"],
      ["lpOverlapped", "pointer"],
      ["lpTransmitBuffers", "pointer"],
      ["dwReserved", "u32"]
    ],
    "i32",
    "FALSE"
  )
} as const satisfies Record<string, Signature>

/**
 * The name of an exported function.
 *
 * @category models
 * @since 0.1.0
 */
export type FunctionName = keyof typeof functions

/**
 * The name of an extension function.
 *
 * @category models
 * @since 0.1.0
 */
export type ExtensionName = keyof typeof extensions

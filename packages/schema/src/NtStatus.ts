/**
 * NTSTATUS values, as they stand in `OVERLAPPED.Internal`, and what Windows makes of them.
 *
 * Two functions of Windows map them, and they differ: `WSAGetOverlappedResult` gives Winsock codes (`toWsaError`), while
 * `GetQueuedCompletionStatus` and `GetOverlappedResult` give Win32 codes (`toWin32Error`: a reset is 64, a cut
 * datagram 234). A status is an unsigned 32-bit number here, as `DataView.getUint32` reads it.
 *
 * @since 0.1.0
 */
import * as Wsa from "./WsaError.ts"

/** `0x0000_0000`: The operation succeeded. @category constants @since 0.1.0 */
export const STATUS_SUCCESS = 0x0000_0000

/** `0x0000_0103`: The operation has not completed yet. @category constants @since 0.1.0 */
export const STATUS_PENDING = 0x0000_0103

/** `0x8000_0005`: The data or control buffer was too small; what fitted is there. @category constants @since 0.1.0 */
export const STATUS_BUFFER_OVERFLOW = 0x8000_0005

/** `0x8000_000a`: The handle was closed with the operation pending (seen under Wine only). @category constants @since 0.1.0 */
export const STATUS_HANDLES_CLOSED = 0x8000_000a

/** `0xc000_0002`: The operation is not implemented. @category constants @since 0.1.0 */
export const STATUS_NOT_IMPLEMENTED = 0xc000_0002

/** `0xc000_0005`: A buffer is not accessible memory. @category constants @since 0.1.0 */
export const STATUS_ACCESS_VIOLATION = 0xc000_0005

/** `0xc000_0007`: The paging file quota is exhausted. @category constants @since 0.1.0 */
export const STATUS_PAGEFILE_QUOTA = 0xc000_0007

/** `0xc000_0008`: The handle is not valid. @category constants @since 0.1.0 */
export const STATUS_INVALID_HANDLE = 0xc000_0008

/** `0xc000_000d`: A parameter is not valid. @category constants @since 0.1.0 */
export const STATUS_INVALID_PARAMETER = 0xc000_000d

/** `0xc000_000e`: The device does not exist. @category constants @since 0.1.0 */
export const STATUS_NO_SUCH_DEVICE = 0xc000_000e

/** `0xc000_000f`: The file does not exist. @category constants @since 0.1.0 */
export const STATUS_NO_SUCH_FILE = 0xc000_000f

/** `0xc000_0017`: There is not enough memory. @category constants @since 0.1.0 */
export const STATUS_NO_MEMORY = 0xc000_0017

/** `0xc000_0018`: The address range conflicts with another. @category constants @since 0.1.0 */
export const STATUS_CONFLICTING_ADDRESSES = 0xc000_0018

/** `0xc000_0022`: Access is denied. @category constants @since 0.1.0 */
export const STATUS_ACCESS_DENIED = 0xc000_0022

/** `0xc000_0023`: The buffer is too small. @category constants @since 0.1.0 */
export const STATUS_BUFFER_TOO_SMALL = 0xc000_0023

/** `0xc000_0024`: The handle is of another type. @category constants @since 0.1.0 */
export const STATUS_OBJECT_TYPE_MISMATCH = 0xc000_0024

/** `0xc000_0034`: The object's name does not exist. @category constants @since 0.1.0 */
export const STATUS_OBJECT_NAME_NOT_FOUND = 0xc000_0034

/** `0xc000_003a`: The object's path does not exist. @category constants @since 0.1.0 */
export const STATUS_OBJECT_PATH_NOT_FOUND = 0xc000_003a

/** `0xc000_0043`: The address is in use by another socket. @category constants @since 0.1.0 */
export const STATUS_SHARING_VIOLATION = 0xc000_0043

/** `0xc000_0044`: A quota is exhausted. @category constants @since 0.1.0 */
export const STATUS_QUOTA_EXCEEDED = 0xc000_0044

/** `0xc000_0097`: There are too many paging files. @category constants @since 0.1.0 */
export const STATUS_TOO_MANY_PAGING_FILES = 0xc000_0097

/** `0xc000_009a`: The system lacks resources. @category constants @since 0.1.0 */
export const STATUS_INSUFFICIENT_RESOURCES = 0xc000_009a

/** `0xc000_00a1`: The working set quota is exhausted. @category constants @since 0.1.0 */
export const STATUS_WORKING_SET_QUOTA = 0xc000_00a1

/** `0xc000_00a3`: The operation cannot complete at once. @category constants @since 0.1.0 */
export const STATUS_DEVICE_NOT_READY = 0xc000_00a3

/** `0xc000_00b0`: This direction of the connection is shut down. @category constants @since 0.1.0 */
export const STATUS_PIPE_DISCONNECTED = 0xc000_00b0

/** `0xc000_00b5`: The peer did not answer in time. @category constants @since 0.1.0 */
export const STATUS_IO_TIMEOUT = 0xc000_00b5

/** `0xc000_00bb`: The operation is not supported. @category constants @since 0.1.0 */
export const STATUS_NOT_SUPPORTED = 0xc000_00bb

/** `0xc000_00bc`: The peer does not listen. @category constants @since 0.1.0 */
export const STATUS_REMOTE_NOT_LISTENING = 0xc000_00bc

/** `0xc000_00be`: The network path does not exist. @category constants @since 0.1.0 */
export const STATUS_BAD_NETWORK_PATH = 0xc000_00be

/** `0xc000_00bf`: The network is busy. @category constants @since 0.1.0 */
export const STATUS_NETWORK_BUSY = 0xc000_00bf

/** `0xc000_00c3`: The network answered in an invalid way. @category constants @since 0.1.0 */
export const STATUS_INVALID_NETWORK_RESPONSE = 0xc000_00c3

/** `0xc000_00c4`: An unexpected network error occurred. @category constants @since 0.1.0 */
export const STATUS_UNEXPECTED_NETWORK_ERROR = 0xc000_00c4

/** `0xc000_00d0`: The request is not accepted now. @category constants @since 0.1.0 */
export const STATUS_REQUEST_NOT_ACCEPTED = 0xc000_00d0

/** `0xc000_0120`: The operation was cancelled. @category constants @since 0.1.0 */
export const STATUS_CANCELLED = 0xc000_0120

/** `0xc000_012d`: The memory commitment limit is reached. @category constants @since 0.1.0 */
export const STATUS_COMMITMENT_LIMIT = 0xc000_012d

/** `0xc000_013b`: This machine disconnected. @category constants @since 0.1.0 */
export const STATUS_LOCAL_DISCONNECT = 0xc000_013b

/** `0xc000_013c`: The peer disconnected. @category constants @since 0.1.0 */
export const STATUS_REMOTE_DISCONNECT = 0xc000_013c

/** `0xc000_013d`: The peer lacks resources. @category constants @since 0.1.0 */
export const STATUS_REMOTE_RESOURCES = 0xc000_013d

/** `0xc000_013e`: The link failed. @category constants @since 0.1.0 */
export const STATUS_LINK_FAILED = 0xc000_013e

/** `0xc000_013f`: The link timed out. @category constants @since 0.1.0 */
export const STATUS_LINK_TIMEOUT = 0xc000_013f

/** `0xc000_0140`: The socket is not connected. @category constants @since 0.1.0 */
export const STATUS_INVALID_CONNECTION = 0xc000_0140

/** `0xc000_0141`: The address is not valid here. @category constants @since 0.1.0 */
export const STATUS_INVALID_ADDRESS = 0xc000_0141

/** `0xc000_0206`: The message is too large to send. @category constants @since 0.1.0 */
export const STATUS_INVALID_BUFFER_SIZE = 0xc000_0206

/** `0xc000_0207`: A part of the address is not valid. @category constants @since 0.1.0 */
export const STATUS_INVALID_ADDRESS_COMPONENT = 0xc000_0207

/** `0xc000_0209`: No ephemeral port is free. @category constants @since 0.1.0 */
export const STATUS_TOO_MANY_ADDRESSES = 0xc000_0209

/** `0xc000_020a`: The address is already in use. @category constants @since 0.1.0 */
export const STATUS_ADDRESS_ALREADY_EXISTS = 0xc000_020a

/** `0xc000_020c`: The connection was disconnected. @category constants @since 0.1.0 */
export const STATUS_CONNECTION_DISCONNECTED = 0xc000_020c

/** `0xc000_020d`: The peer reset the connection. @category constants @since 0.1.0 */
export const STATUS_CONNECTION_RESET = 0xc000_020d

/** `0xc000_020f`: The operation's transaction was aborted. @category constants @since 0.1.0 */
export const STATUS_TRANSACTION_ABORTED = 0xc000_020f

/** `0xc000_0225`: The object was not found. @category constants @since 0.1.0 */
export const STATUS_NOT_FOUND = 0xc000_0225

/** `0xc000_0236`: The peer refused the connection. @category constants @since 0.1.0 */
export const STATUS_CONNECTION_REFUSED = 0xc000_0236

/** `0xc000_0237`: The connection was closed gracefully. @category constants @since 0.1.0 */
export const STATUS_GRACEFUL_DISCONNECT = 0xc000_0237

/** `0xc000_023b`: The socket is already connected. @category constants @since 0.1.0 */
export const STATUS_CONNECTION_ACTIVE = 0xc000_023b

/** `0xc000_023c`: The network cannot be reached. @category constants @since 0.1.0 */
export const STATUS_NETWORK_UNREACHABLE = 0xc000_023c

/** `0xc000_023d`: The host cannot be reached. @category constants @since 0.1.0 */
export const STATUS_HOST_UNREACHABLE = 0xc000_023d

/** `0xc000_023e`: The host does not support the protocol. @category constants @since 0.1.0 */
export const STATUS_PROTOCOL_UNREACHABLE = 0xc000_023e

/** `0xc000_023f`: An earlier datagram met a closed port. @category constants @since 0.1.0 */
export const STATUS_PORT_UNREACHABLE = 0xc000_023f

/** `0xc000_0240`: The request was aborted. @category constants @since 0.1.0 */
export const STATUS_REQUEST_ABORTED = 0xc000_0240

/** `0xc000_0241`: The connection was aborted on this machine. @category constants @since 0.1.0 */
export const STATUS_CONNECTION_ABORTED = 0xc000_0241

/** `0xc000_02c5`: A buffer is not aligned. @category constants @since 0.1.0 */
export const STATUS_DATATYPE_MISALIGNMENT_ERROR = 0xc000_02c5

/** `0xc000_0350`: The host is down. @category constants @since 0.1.0 */
export const STATUS_HOST_DOWN = 0xc000_0350

/** `0xc000_a012`: An earlier datagram's time to live expired. @category constants @since 0.1.0 */
export const STATUS_HOPLIMIT_EXCEEDED = 0xc000_a012

/**
 * What is known of one status.
 *
 * @category models
 * @since 0.1.0
 */
export interface NtStatusInfo {
  /** The constant's name in `ntstatus.h`. */
  readonly name: string
  readonly status: number
  /** What `WSAGetOverlappedResult` reports; 0 is success. */
  readonly wsaError: number
  /** What `RtlNtStatusToDosError` gives; 0 is success. */
  readonly win32Error: number
}

const row = (name: string, status: number, wsaError: number, win32Error: number): NtStatusInfo => ({
  name,
  status,
  wsaError,
  win32Error
})

/**
 * The statuses above and their two mappings. Sources: the names and values are `ntstatus.h`'s; the Winsock column is what
 * `WSAGetOverlappedResult` was seen to give on Windows by Wine's tests; the Win32 column is what
 * `RtlNtStatusToDosError` printed.
 *
 * @category constants
 * @since 0.1.0
 */
export const table: ReadonlyArray<NtStatusInfo> = [
  row("STATUS_SUCCESS", STATUS_SUCCESS, 0, 0),
  row("STATUS_PENDING", STATUS_PENDING, Wsa.WSA_IO_INCOMPLETE, Wsa.WSA_IO_PENDING),
  row("STATUS_BUFFER_OVERFLOW", STATUS_BUFFER_OVERFLOW, Wsa.WSAEMSGSIZE, Wsa.ERROR_MORE_DATA),
  row("STATUS_HANDLES_CLOSED", STATUS_HANDLES_CLOSED, Wsa.WSAEINVAL, 676),
  row("STATUS_NOT_IMPLEMENTED", STATUS_NOT_IMPLEMENTED, Wsa.WSAEOPNOTSUPP, Wsa.ERROR_INVALID_FUNCTION),
  row("STATUS_ACCESS_VIOLATION", STATUS_ACCESS_VIOLATION, Wsa.WSAEFAULT, 998),
  row("STATUS_PAGEFILE_QUOTA", STATUS_PAGEFILE_QUOTA, Wsa.WSAENOBUFS, 1454),
  row("STATUS_INVALID_HANDLE", STATUS_INVALID_HANDLE, Wsa.WSAENOTSOCK, Wsa.WSA_INVALID_HANDLE),
  row("STATUS_INVALID_PARAMETER", STATUS_INVALID_PARAMETER, Wsa.WSAEINVAL, Wsa.WSA_INVALID_PARAMETER),
  row("STATUS_NO_SUCH_DEVICE", STATUS_NO_SUCH_DEVICE, Wsa.WSAENETDOWN, 433),
  row("STATUS_NO_SUCH_FILE", STATUS_NO_SUCH_FILE, Wsa.WSAENETDOWN, Wsa.ERROR_FILE_NOT_FOUND),
  row("STATUS_NO_MEMORY", STATUS_NO_MEMORY, Wsa.WSAENOBUFS, Wsa.WSA_NOT_ENOUGH_MEMORY),
  row("STATUS_CONFLICTING_ADDRESSES", STATUS_CONFLICTING_ADDRESSES, Wsa.WSAENOBUFS, 487),
  row("STATUS_ACCESS_DENIED", STATUS_ACCESS_DENIED, Wsa.WSAEACCES, Wsa.ERROR_ACCESS_DENIED),
  row("STATUS_BUFFER_TOO_SMALL", STATUS_BUFFER_TOO_SMALL, Wsa.WSAEFAULT, Wsa.ERROR_INSUFFICIENT_BUFFER),
  row("STATUS_OBJECT_TYPE_MISMATCH", STATUS_OBJECT_TYPE_MISMATCH, Wsa.WSAENOTSOCK, Wsa.WSA_INVALID_HANDLE),
  row("STATUS_OBJECT_NAME_NOT_FOUND", STATUS_OBJECT_NAME_NOT_FOUND, Wsa.WSAENETDOWN, Wsa.ERROR_FILE_NOT_FOUND),
  row("STATUS_OBJECT_PATH_NOT_FOUND", STATUS_OBJECT_PATH_NOT_FOUND, Wsa.WSAENETDOWN, Wsa.ERROR_PATH_NOT_FOUND),
  row("STATUS_SHARING_VIOLATION", STATUS_SHARING_VIOLATION, Wsa.WSAEADDRINUSE, 32),
  row("STATUS_QUOTA_EXCEEDED", STATUS_QUOTA_EXCEEDED, Wsa.WSAENOBUFS, 1816),
  row("STATUS_TOO_MANY_PAGING_FILES", STATUS_TOO_MANY_PAGING_FILES, Wsa.WSAENOBUFS, Wsa.WSA_NOT_ENOUGH_MEMORY),
  row("STATUS_INSUFFICIENT_RESOURCES", STATUS_INSUFFICIENT_RESOURCES, Wsa.WSAENOBUFS, 1450),
  row("STATUS_WORKING_SET_QUOTA", STATUS_WORKING_SET_QUOTA, Wsa.WSAENOBUFS, 1453),
  row("STATUS_DEVICE_NOT_READY", STATUS_DEVICE_NOT_READY, Wsa.WSAEWOULDBLOCK, 21),
  row("STATUS_PIPE_DISCONNECTED", STATUS_PIPE_DISCONNECTED, Wsa.WSAESHUTDOWN, 233),
  row("STATUS_IO_TIMEOUT", STATUS_IO_TIMEOUT, Wsa.WSAETIMEDOUT, Wsa.ERROR_SEM_TIMEOUT),
  row("STATUS_NOT_SUPPORTED", STATUS_NOT_SUPPORTED, Wsa.WSAEOPNOTSUPP, Wsa.ERROR_NOT_SUPPORTED),
  row("STATUS_REMOTE_NOT_LISTENING", STATUS_REMOTE_NOT_LISTENING, Wsa.WSAECONNREFUSED, 51),
  row("STATUS_BAD_NETWORK_PATH", STATUS_BAD_NETWORK_PATH, Wsa.WSAENETUNREACH, 53),
  row("STATUS_NETWORK_BUSY", STATUS_NETWORK_BUSY, Wsa.WSAENETDOWN, 54),
  row("STATUS_INVALID_NETWORK_RESPONSE", STATUS_INVALID_NETWORK_RESPONSE, Wsa.WSAENETDOWN, 58),
  row("STATUS_UNEXPECTED_NETWORK_ERROR", STATUS_UNEXPECTED_NETWORK_ERROR, Wsa.WSAENETDOWN, 59),
  row("STATUS_REQUEST_NOT_ACCEPTED", STATUS_REQUEST_NOT_ACCEPTED, Wsa.WSAEWOULDBLOCK, 71),
  row("STATUS_CANCELLED", STATUS_CANCELLED, Wsa.WSA_OPERATION_ABORTED, Wsa.WSA_OPERATION_ABORTED),
  row("STATUS_COMMITMENT_LIMIT", STATUS_COMMITMENT_LIMIT, Wsa.WSAENOBUFS, 1455),
  row("STATUS_LOCAL_DISCONNECT", STATUS_LOCAL_DISCONNECT, Wsa.WSAECONNABORTED, Wsa.ERROR_NETNAME_DELETED),
  row("STATUS_REMOTE_DISCONNECT", STATUS_REMOTE_DISCONNECT, Wsa.WSAECONNRESET, Wsa.ERROR_NETNAME_DELETED),
  row("STATUS_REMOTE_RESOURCES", STATUS_REMOTE_RESOURCES, Wsa.WSAENOBUFS, 51),
  row("STATUS_LINK_FAILED", STATUS_LINK_FAILED, Wsa.WSAECONNRESET, 59),
  row("STATUS_LINK_TIMEOUT", STATUS_LINK_TIMEOUT, Wsa.WSAETIMEDOUT, 59),
  row("STATUS_INVALID_CONNECTION", STATUS_INVALID_CONNECTION, Wsa.WSAENOTCONN, 59),
  row("STATUS_INVALID_ADDRESS", STATUS_INVALID_ADDRESS, Wsa.WSAEADDRNOTAVAIL, 59),
  row("STATUS_INVALID_BUFFER_SIZE", STATUS_INVALID_BUFFER_SIZE, Wsa.WSAEMSGSIZE, 1784),
  row("STATUS_INVALID_ADDRESS_COMPONENT", STATUS_INVALID_ADDRESS_COMPONENT, Wsa.WSAEADDRNOTAVAIL, 1214),
  row("STATUS_TOO_MANY_ADDRESSES", STATUS_TOO_MANY_ADDRESSES, Wsa.WSAENOBUFS, 68),
  row("STATUS_ADDRESS_ALREADY_EXISTS", STATUS_ADDRESS_ALREADY_EXISTS, Wsa.WSAEADDRINUSE, 52),
  row("STATUS_CONNECTION_DISCONNECTED", STATUS_CONNECTION_DISCONNECTED, Wsa.WSAECONNRESET, Wsa.ERROR_NETNAME_DELETED),
  row("STATUS_CONNECTION_RESET", STATUS_CONNECTION_RESET, Wsa.WSAECONNRESET, Wsa.ERROR_NETNAME_DELETED),
  row("STATUS_TRANSACTION_ABORTED", STATUS_TRANSACTION_ABORTED, Wsa.WSAECONNABORTED, 59),
  row("STATUS_NOT_FOUND", STATUS_NOT_FOUND, Wsa.WSAEINVAL, Wsa.ERROR_NOT_FOUND),
  row("STATUS_CONNECTION_REFUSED", STATUS_CONNECTION_REFUSED, Wsa.WSAECONNREFUSED, Wsa.ERROR_CONNECTION_REFUSED),
  row("STATUS_GRACEFUL_DISCONNECT", STATUS_GRACEFUL_DISCONNECT, Wsa.WSAEDISCON, Wsa.ERROR_GRACEFUL_DISCONNECT),
  row("STATUS_CONNECTION_ACTIVE", STATUS_CONNECTION_ACTIVE, Wsa.WSAEISCONN, Wsa.ERROR_CONNECTION_ACTIVE),
  row("STATUS_NETWORK_UNREACHABLE", STATUS_NETWORK_UNREACHABLE, Wsa.WSAENETUNREACH, Wsa.ERROR_NETWORK_UNREACHABLE),
  row("STATUS_HOST_UNREACHABLE", STATUS_HOST_UNREACHABLE, Wsa.WSAEHOSTUNREACH, Wsa.ERROR_HOST_UNREACHABLE),
  row("STATUS_PROTOCOL_UNREACHABLE", STATUS_PROTOCOL_UNREACHABLE, Wsa.WSAENETUNREACH, Wsa.ERROR_PROTOCOL_UNREACHABLE),
  row("STATUS_PORT_UNREACHABLE", STATUS_PORT_UNREACHABLE, Wsa.WSAECONNRESET, Wsa.ERROR_PORT_UNREACHABLE),
  row("STATUS_REQUEST_ABORTED", STATUS_REQUEST_ABORTED, Wsa.WSAEINTR, Wsa.ERROR_REQUEST_ABORTED),
  row("STATUS_CONNECTION_ABORTED", STATUS_CONNECTION_ABORTED, Wsa.WSAECONNABORTED, Wsa.ERROR_CONNECTION_ABORTED),
  row("STATUS_DATATYPE_MISALIGNMENT_ERROR", STATUS_DATATYPE_MISALIGNMENT_ERROR, Wsa.WSAEFAULT, 998),
  row("STATUS_HOST_DOWN", STATUS_HOST_DOWN, Wsa.WSAEHOSTDOWN, 1256),
  row("STATUS_HOPLIMIT_EXCEEDED", STATUS_HOPLIMIT_EXCEEDED, Wsa.WSAEINVAL, Wsa.ERROR_MR_MID_NOT_FOUND)
]

const byStatus: ReadonlyMap<number, NtStatusInfo> = new Map(table.map((info) => [info.status, info]))

/**
 * Returns the name of a status, or `undefined` for one that is not in `table`.
 *
 * @category getters
 * @since 0.1.0
 */
export const nameOf = (status: number): string | undefined => byStatus.get(status)?.name

/**
 * Returns `true` for success and informational statuses: the macro `NT_SUCCESS` of `ntdef.h`. `STATUS_PENDING` is
 * one of them; warnings such as `STATUS_BUFFER_OVERFLOW` are not.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSuccess = (status: number): boolean => (status | 0) >= 0

/**
 * Returns the Winsock error code that `WSAGetOverlappedResult` reports for a status, 0 for `STATUS_SUCCESS`.
 *
 * **Details**
 *
 * A failing status that is not in `table` is `WSAEINVAL`, whatever it is; an unknown status for which `isSuccess`
 * holds gives what `toWin32Error` gives, which then is only what `WSAGetLastError` says after a call that succeeded.
 *
 * **Example** (A cancelled operation)
 *
 * ```ts
 * import { STATUS_CANCELLED, toWsaError } from "@effect-winsock/schema/NtStatus"
 *
 * console.log(toWsaError(STATUS_CANCELLED)) // 995
 * ```
 *
 * @category converting
 * @since 0.1.0
 */
export const toWsaError = (status: number): number => {
  if (status === STATUS_SUCCESS) return 0
  const unsigned = status >>> 0
  const info = byStatus.get(unsigned)
  if (info !== undefined) return info.wsaError
  if (isSuccess(unsigned)) return toWin32Error(unsigned)
  return (unsigned & 0xffff) === Wsa.WSA_IO_INCOMPLETE && carriesWin32(unsigned) ? Wsa.WSA_IO_INCOMPLETE : Wsa.WSAEINVAL
}

// the facilities whose statuses are a Win32 code in the low 16 bits
const carriesWin32 = (unsigned: number): boolean => {
  const facility = unsigned >>> 16
  return facility === 0x8007 || facility === 0xc001 || facility === 0xc007
}

/**
 * Returns the Win32 error code that `RtlNtStatusToDosError` gives for a status, 0 for `STATUS_SUCCESS`: what
 * `GetLastError` says after `GetQueuedCompletionStatus`.
 *
 * **Details**
 *
 * `STATUS_PENDING` is `WSA_IO_PENDING` here, although `GetOverlappedResult` itself says `WSA_IO_INCOMPLETE`. A
 * status that carries a Win32 code gives that code, a customer-defined one (bit 29) gives itself, and an unknown
 * one `ERROR_MR_MID_NOT_FOUND`.
 *
 * @category converting
 * @since 0.1.0
 */
export const toWin32Error = (status: number): number => {
  const unsigned = status >>> 0
  const info = byStatus.get(unsigned)
  if (info !== undefined) return info.win32Error
  if ((unsigned & 0x2000_0000) !== 0) return unsigned
  if (carriesWin32(unsigned)) return unsigned & 0xffff
  // 0xd... means what 0xc... means
  if (unsigned >>> 28 === 0xd) return toWin32Error(unsigned - 0x1000_0000)
  return Wsa.ERROR_MR_MID_NOT_FOUND
}

/**
 * The error codes of Winsock, and the Win32 codes that its calls and completion ports report.
 *
 * @since 0.1.0
 */

/**
 * What is known of one error code.
 *
 * @category models
 * @since 0.1.0
 */
export interface WsaErrorInfo {
  /** The constant's name in `source`. */
  readonly name: string
  /** What `WSAGetLastError` returns. */
  readonly code: number
  /** One sentence. */
  readonly meaning: string
  /** The header that defines it. */
  readonly source: "winerror.h"
}

/** `6`: An event object handle is not valid. @category constants @since 0.1.0 */
export const WSA_INVALID_HANDLE = 6

/** `8`: There is not enough memory for the call. @category constants @since 0.1.0 */
export const WSA_NOT_ENOUGH_MEMORY = 8

/** `87`: A parameter is not valid. @category constants @since 0.1.0 */
export const WSA_INVALID_PARAMETER = 87

/** `995`: The overlapped operation was cancelled, or its socket was closed. @category constants @since 0.1.0 */
export const WSA_OPERATION_ABORTED = 995

/** `996`: The overlapped operation has not completed yet. @category constants @since 0.1.0 */
export const WSA_IO_INCOMPLETE = 996

/** `997`: The overlapped operation was started and will complete later. @category constants @since 0.1.0 */
export const WSA_IO_PENDING = 997

/** `10004`: A blocking call was interrupted. @category constants @since 0.1.0 */
export const WSAEINTR = 10004

/** `10009`: The file handle is not valid. @category constants @since 0.1.0 */
export const WSAEBADF = 10009

/** `10013`: The socket's access permissions forbid the operation. @category constants @since 0.1.0 */
export const WSAEACCES = 10013

/**
 * `10014`: A pointer does not point to memory that can be used, or a buffer is too small.
 *
 * @category constants
 * @since 0.1.0
 */
export const WSAEFAULT = 10014

/** `10022`: An argument is not valid, or not in the socket's present state. @category constants @since 0.1.0 */
export const WSAEINVAL = 10022

/** `10024`: Too many sockets are open. @category constants @since 0.1.0 */
export const WSAEMFILE = 10024

/** `10035`: A non-blocking socket cannot complete the operation at once. @category constants @since 0.1.0 */
export const WSAEWOULDBLOCK = 10035

/** `10036`: A blocking call is in progress. @category constants @since 0.1.0 */
export const WSAEINPROGRESS = 10036

/** `10037`: The operation is already in progress on this non-blocking socket. @category constants @since 0.1.0 */
export const WSAEALREADY = 10037

/** `10038`: The handle is not a socket. @category constants @since 0.1.0 */
export const WSAENOTSOCK = 10038

/** `10039`: A destination address is required. @category constants @since 0.1.0 */
export const WSAEDESTADDRREQ = 10039

/** `10040`: The message is larger than the buffer or than a limit of the network. @category constants @since 0.1.0 */
export const WSAEMSGSIZE = 10040

/** `10041`: The protocol does not support the socket type. @category constants @since 0.1.0 */
export const WSAEPROTOTYPE = 10041

/** `10042`: The protocol does not know this option. @category constants @since 0.1.0 */
export const WSAENOPROTOOPT = 10042

/** `10043`: The protocol is not installed. @category constants @since 0.1.0 */
export const WSAEPROTONOSUPPORT = 10043

/** `10044`: The address family does not support this socket type. @category constants @since 0.1.0 */
export const WSAESOCKTNOSUPPORT = 10044

/** `10045`: This kind of socket does not support the operation. @category constants @since 0.1.0 */
export const WSAEOPNOTSUPP = 10045

/** `10046`: The protocol family is not installed. @category constants @since 0.1.0 */
export const WSAEPFNOSUPPORT = 10046

/** `10047`: The address family does not fit the protocol, or is not installed. @category constants @since 0.1.0 */
export const WSAEAFNOSUPPORT = 10047

/** `10048`: The address is already in use. @category constants @since 0.1.0 */
export const WSAEADDRINUSE = 10048

/**
 * `10049`: The address is not one of this machine's, or not usable as a destination.
 *
 * @category constants
 * @since 0.1.0
 */
export const WSAEADDRNOTAVAIL = 10049

/** `10050`: The network, or the network subsystem, is down. @category constants @since 0.1.0 */
export const WSAENETDOWN = 10050

/** `10051`: The network cannot be reached. @category constants @since 0.1.0 */
export const WSAENETUNREACH = 10051

/**
 * `10052`: The connection was broken by keep-alive, or a datagram's time to live expired.
 *
 * @category constants
 * @since 0.1.0
 */
export const WSAENETRESET = 10052

/** `10053`: The connection was aborted on this machine. @category constants @since 0.1.0 */
export const WSAECONNABORTED = 10053

/**
 * `10054`: The peer reset the connection, or an earlier datagram met a closed port.
 *
 * @category constants
 * @since 0.1.0
 */
export const WSAECONNRESET = 10054

/** `10055`: The system lacks buffer space or the queue is full. @category constants @since 0.1.0 */
export const WSAENOBUFS = 10055

/** `10056`: The socket is already connected. @category constants @since 0.1.0 */
export const WSAEISCONN = 10056

/** `10057`: The socket is not connected. @category constants @since 0.1.0 */
export const WSAENOTCONN = 10057

/** `10058`: The socket was shut down in this direction. @category constants @since 0.1.0 */
export const WSAESHUTDOWN = 10058

/** `10059`: Too many references to a kernel object. @category constants @since 0.1.0 */
export const WSAETOOMANYREFS = 10059

/** `10060`: The peer did not answer in time. @category constants @since 0.1.0 */
export const WSAETIMEDOUT = 10060

/** `10061`: The peer refused the connection. @category constants @since 0.1.0 */
export const WSAECONNREFUSED = 10061

/** `10062`: The name cannot be translated. @category constants @since 0.1.0 */
export const WSAELOOP = 10062

/** `10063`: The name is too long. @category constants @since 0.1.0 */
export const WSAENAMETOOLONG = 10063

/** `10064`: The destination host is down. @category constants @since 0.1.0 */
export const WSAEHOSTDOWN = 10064

/** `10065`: The destination host cannot be reached. @category constants @since 0.1.0 */
export const WSAEHOSTUNREACH = 10065

/** `10066`: The directory is not empty. @category constants @since 0.1.0 */
export const WSAENOTEMPTY = 10066

/** `10067`: Too many processes use the Winsock implementation. @category constants @since 0.1.0 */
export const WSAEPROCLIM = 10067

/** `10068`: The user's quota is exceeded. @category constants @since 0.1.0 */
export const WSAEUSERS = 10068

/** `10069`: The disk quota is exceeded. @category constants @since 0.1.0 */
export const WSAEDQUOT = 10069

/** `10070`: The file handle is stale. @category constants @since 0.1.0 */
export const WSAESTALE = 10070

/** `10071`: The item is not available locally. @category constants @since 0.1.0 */
export const WSAEREMOTE = 10071

/** `10091`: The network subsystem is not usable now. @category constants @since 0.1.0 */
export const WSASYSNOTREADY = 10091

/** `10092`: The requested Winsock version is not available. @category constants @since 0.1.0 */
export const WSAVERNOTSUPPORTED = 10092

/** `10093`: WSAStartup was not called, or WSACleanup ended its effect. @category constants @since 0.1.0 */
export const WSANOTINITIALISED = 10093

/** `10101`: The peer has begun a graceful shutdown. @category constants @since 0.1.0 */
export const WSAEDISCON = 10101

/** `10102`: A lookup has no more results. @category constants @since 0.1.0 */
export const WSAENOMORE = 10102

/** `10103`: The lookup was cancelled. @category constants @since 0.1.0 */
export const WSAECANCELLED = 10103

/** `10104`: A service provider's procedure table is not valid. @category constants @since 0.1.0 */
export const WSAEINVALIDPROCTABLE = 10104

/** `10105`: A service provider is not valid. @category constants @since 0.1.0 */
export const WSAEINVALIDPROVIDER = 10105

/** `10106`: A service provider failed to initialize. @category constants @since 0.1.0 */
export const WSAEPROVIDERFAILEDINIT = 10106

/** `10107`: A system call that should never fail has failed. @category constants @since 0.1.0 */
export const WSASYSCALLFAILURE = 10107

/** `10108`: The service is not known. @category constants @since 0.1.0 */
export const WSASERVICE_NOT_FOUND = 10108

/** `10109`: The class of the service is not known. @category constants @since 0.1.0 */
export const WSATYPE_NOT_FOUND = 10109

/** `10110`: A lookup has no more results. @category constants @since 0.1.0 */
export const WSA_E_NO_MORE = 10110

/** `10111`: The lookup was cancelled. @category constants @since 0.1.0 */
export const WSA_E_CANCELLED = 10111

/** `10112`: The database query was refused. @category constants @since 0.1.0 */
export const WSAEREFUSED = 10112

/** `11001`: The host name is not known. @category constants @since 0.1.0 */
export const WSAHOST_NOT_FOUND = 11001

/** `11002`: The name server did not answer; a later attempt may succeed. @category constants @since 0.1.0 */
export const WSATRY_AGAIN = 11002

/** `11003`: The name lookup failed and will fail again. @category constants @since 0.1.0 */
export const WSANO_RECOVERY = 11003

/** `11004`: The name is valid, but has no record of the requested type. @category constants @since 0.1.0 */
export const WSANO_DATA = 11004

/** `1`: The function is not valid. @category constants @since 0.1.0 */
export const ERROR_INVALID_FUNCTION = 1

/** `2`: The file does not exist. @category constants @since 0.1.0 */
export const ERROR_FILE_NOT_FOUND = 2

/** `3`: The path does not exist. @category constants @since 0.1.0 */
export const ERROR_PATH_NOT_FOUND = 3

/** `5`: Access is denied. @category constants @since 0.1.0 */
export const ERROR_ACCESS_DENIED = 5

/** `38`: The end of the file was reached. @category constants @since 0.1.0 */
export const ERROR_HANDLE_EOF = 38

/** `50`: The request is not supported. @category constants @since 0.1.0 */
export const ERROR_NOT_SUPPORTED = 50

/** `64`: The connection was reset or disconnected. @category constants @since 0.1.0 */
export const ERROR_NETNAME_DELETED = 64

/** `121`: The time for the operation expired. @category constants @since 0.1.0 */
export const ERROR_SEM_TIMEOUT = 121

/** `122`: The buffer is too small. @category constants @since 0.1.0 */
export const ERROR_INSUFFICIENT_BUFFER = 122

/** `234`: The message is larger than the buffer. @category constants @since 0.1.0 */
export const ERROR_MORE_DATA = 234

/** `258`: The wait's time expired. @category constants @since 0.1.0 */
export const WAIT_TIMEOUT = 258

/** `317`: The status has no Win32 equivalent. @category constants @since 0.1.0 */
export const ERROR_MR_MID_NOT_FOUND = 317

/** `735`: The completion port was closed while a call waited on it. @category constants @since 0.1.0 */
export const ERROR_ABANDONED_WAIT_0 = 735

/** `1168`: CancelIoEx found no operation to cancel. @category constants @since 0.1.0 */
export const ERROR_NOT_FOUND = 1168

/** `1225`: The peer refused the connection. @category constants @since 0.1.0 */
export const ERROR_CONNECTION_REFUSED = 1225

/** `1226`: The connection was closed gracefully. @category constants @since 0.1.0 */
export const ERROR_GRACEFUL_DISCONNECT = 1226

/** `1230`: The connection is already active. @category constants @since 0.1.0 */
export const ERROR_CONNECTION_ACTIVE = 1230

/** `1231`: The network cannot be reached. @category constants @since 0.1.0 */
export const ERROR_NETWORK_UNREACHABLE = 1231

/** `1232`: The destination host cannot be reached. @category constants @since 0.1.0 */
export const ERROR_HOST_UNREACHABLE = 1232

/** `1233`: The destination does not support the protocol. @category constants @since 0.1.0 */
export const ERROR_PROTOCOL_UNREACHABLE = 1233

/** `1234`: No service listens at the destination port. @category constants @since 0.1.0 */
export const ERROR_PORT_UNREACHABLE = 1234

/** `1235`: The request was aborted. @category constants @since 0.1.0 */
export const ERROR_REQUEST_ABORTED = 1235

/** `1236`: The connection was aborted on this machine. @category constants @since 0.1.0 */
export const ERROR_CONNECTION_ABORTED = 1236

/** `6`: the Win32 name of `WSA_INVALID_HANDLE`. @category constants @since 0.1.0 */
export const ERROR_INVALID_HANDLE = WSA_INVALID_HANDLE

/** `8`: the Win32 name of `WSA_NOT_ENOUGH_MEMORY`. @category constants @since 0.1.0 */
export const ERROR_NOT_ENOUGH_MEMORY = WSA_NOT_ENOUGH_MEMORY

/** `87`: the Win32 name of `WSA_INVALID_PARAMETER`. @category constants @since 0.1.0 */
export const ERROR_INVALID_PARAMETER = WSA_INVALID_PARAMETER

/** `995`: the Win32 name of `WSA_OPERATION_ABORTED`. @category constants @since 0.1.0 */
export const ERROR_OPERATION_ABORTED = WSA_OPERATION_ABORTED

/** `996`: the Win32 name of `WSA_IO_INCOMPLETE`. @category constants @since 0.1.0 */
export const ERROR_IO_INCOMPLETE = WSA_IO_INCOMPLETE

/** `997`: the Win32 name of `WSA_IO_PENDING`. @category constants @since 0.1.0 */
export const ERROR_IO_PENDING = WSA_IO_PENDING

const row = (name: string, code: number, meaning: string): WsaErrorInfo => ({
  name,
  code,
  meaning,
  source: "winerror.h"
})

/**
 * Every code above, once: Winsock's own first. The meanings follow the page "Windows Sockets Error Codes" and the pages
 * of the calls that return them.
 *
 * @category constants
 * @since 0.1.0
 */
export const table: ReadonlyArray<WsaErrorInfo> = [
  row("WSA_INVALID_HANDLE", WSA_INVALID_HANDLE, "An event object handle is not valid."),
  row("WSA_NOT_ENOUGH_MEMORY", WSA_NOT_ENOUGH_MEMORY, "There is not enough memory for the call."),
  row("WSA_INVALID_PARAMETER", WSA_INVALID_PARAMETER, "A parameter is not valid."),
  row(
    "WSA_OPERATION_ABORTED",
    WSA_OPERATION_ABORTED,
    "The overlapped operation was cancelled, or its socket was closed."
  ),
  row("WSA_IO_INCOMPLETE", WSA_IO_INCOMPLETE, "The overlapped operation has not completed yet."),
  row("WSA_IO_PENDING", WSA_IO_PENDING, "The overlapped operation was started and will complete later."),
  row("WSAEINTR", WSAEINTR, "A blocking call was interrupted."),
  row("WSAEBADF", WSAEBADF, "The file handle is not valid."),
  row("WSAEACCES", WSAEACCES, "The socket's access permissions forbid the operation."),
  row("WSAEFAULT", WSAEFAULT, "A pointer does not point to memory that can be used, or a buffer is too small."),
  row("WSAEINVAL", WSAEINVAL, "An argument is not valid, or not in the socket's present state."),
  row("WSAEMFILE", WSAEMFILE, "Too many sockets are open."),
  row("WSAEWOULDBLOCK", WSAEWOULDBLOCK, "A non-blocking socket cannot complete the operation at once."),
  row("WSAEINPROGRESS", WSAEINPROGRESS, "A blocking call is in progress."),
  row("WSAEALREADY", WSAEALREADY, "The operation is already in progress on this non-blocking socket."),
  row("WSAENOTSOCK", WSAENOTSOCK, "The handle is not a socket."),
  row("WSAEDESTADDRREQ", WSAEDESTADDRREQ, "A destination address is required."),
  row("WSAEMSGSIZE", WSAEMSGSIZE, "The message is larger than the buffer or than a limit of the network."),
  row("WSAEPROTOTYPE", WSAEPROTOTYPE, "The protocol does not support the socket type."),
  row("WSAENOPROTOOPT", WSAENOPROTOOPT, "The protocol does not know this option."),
  row("WSAEPROTONOSUPPORT", WSAEPROTONOSUPPORT, "The protocol is not installed."),
  row("WSAESOCKTNOSUPPORT", WSAESOCKTNOSUPPORT, "The address family does not support this socket type."),
  row("WSAEOPNOTSUPP", WSAEOPNOTSUPP, "This kind of socket does not support the operation."),
  row("WSAEPFNOSUPPORT", WSAEPFNOSUPPORT, "The protocol family is not installed."),
  row("WSAEAFNOSUPPORT", WSAEAFNOSUPPORT, "The address family does not fit the protocol, or is not installed."),
  row("WSAEADDRINUSE", WSAEADDRINUSE, "The address is already in use."),
  row(
    "WSAEADDRNOTAVAIL",
    WSAEADDRNOTAVAIL,
    "The address is not one of this machine's, or not usable as a destination."
  ),
  row("WSAENETDOWN", WSAENETDOWN, "The network, or the network subsystem, is down."),
  row("WSAENETUNREACH", WSAENETUNREACH, "The network cannot be reached."),
  row("WSAENETRESET", WSAENETRESET, "The connection was broken by keep-alive, or a datagram's time to live expired."),
  row("WSAECONNABORTED", WSAECONNABORTED, "The connection was aborted on this machine."),
  row("WSAECONNRESET", WSAECONNRESET, "The peer reset the connection, or an earlier datagram met a closed port."),
  row("WSAENOBUFS", WSAENOBUFS, "The system lacks buffer space or the queue is full."),
  row("WSAEISCONN", WSAEISCONN, "The socket is already connected."),
  row("WSAENOTCONN", WSAENOTCONN, "The socket is not connected."),
  row("WSAESHUTDOWN", WSAESHUTDOWN, "The socket was shut down in this direction."),
  row("WSAETOOMANYREFS", WSAETOOMANYREFS, "Too many references to a kernel object."),
  row("WSAETIMEDOUT", WSAETIMEDOUT, "The peer did not answer in time."),
  row("WSAECONNREFUSED", WSAECONNREFUSED, "The peer refused the connection."),
  row("WSAELOOP", WSAELOOP, "The name cannot be translated."),
  row("WSAENAMETOOLONG", WSAENAMETOOLONG, "The name is too long."),
  row("WSAEHOSTDOWN", WSAEHOSTDOWN, "The destination host is down."),
  row("WSAEHOSTUNREACH", WSAEHOSTUNREACH, "The destination host cannot be reached."),
  row("WSAENOTEMPTY", WSAENOTEMPTY, "The directory is not empty."),
  row("WSAEPROCLIM", WSAEPROCLIM, "Too many processes use the Winsock implementation."),
  row("WSAEUSERS", WSAEUSERS, "The user's quota is exceeded."),
  row("WSAEDQUOT", WSAEDQUOT, "The disk quota is exceeded."),
  row("WSAESTALE", WSAESTALE, "The file handle is stale."),
  row("WSAEREMOTE", WSAEREMOTE, "The item is not available locally."),
  row("WSASYSNOTREADY", WSASYSNOTREADY, "The network subsystem is not usable now."),
  row("WSAVERNOTSUPPORTED", WSAVERNOTSUPPORTED, "The requested Winsock version is not available."),
  row("WSANOTINITIALISED", WSANOTINITIALISED, "WSAStartup was not called, or WSACleanup ended its effect."),
  row("WSAEDISCON", WSAEDISCON, "The peer has begun a graceful shutdown."),
  row("WSAENOMORE", WSAENOMORE, "A lookup has no more results."),
  row("WSAECANCELLED", WSAECANCELLED, "The lookup was cancelled."),
  row("WSAEINVALIDPROCTABLE", WSAEINVALIDPROCTABLE, "A service provider's procedure table is not valid."),
  row("WSAEINVALIDPROVIDER", WSAEINVALIDPROVIDER, "A service provider is not valid."),
  row("WSAEPROVIDERFAILEDINIT", WSAEPROVIDERFAILEDINIT, "A service provider failed to initialize."),
  row("WSASYSCALLFAILURE", WSASYSCALLFAILURE, "A system call that should never fail has failed."),
  row("WSASERVICE_NOT_FOUND", WSASERVICE_NOT_FOUND, "The service is not known."),
  row("WSATYPE_NOT_FOUND", WSATYPE_NOT_FOUND, "The class of the service is not known."),
  row("WSA_E_NO_MORE", WSA_E_NO_MORE, "A lookup has no more results."),
  row("WSA_E_CANCELLED", WSA_E_CANCELLED, "The lookup was cancelled."),
  row("WSAEREFUSED", WSAEREFUSED, "The database query was refused."),
  row("WSAHOST_NOT_FOUND", WSAHOST_NOT_FOUND, "The host name is not known."),
  row("WSATRY_AGAIN", WSATRY_AGAIN, "The name server did not answer; a later attempt may succeed."),
  row("WSANO_RECOVERY", WSANO_RECOVERY, "The name lookup failed and will fail again."),
  row("WSANO_DATA", WSANO_DATA, "The name is valid, but has no record of the requested type."),
  row("ERROR_INVALID_FUNCTION", ERROR_INVALID_FUNCTION, "The function is not valid."),
  row("ERROR_FILE_NOT_FOUND", ERROR_FILE_NOT_FOUND, "The file does not exist."),
  row("ERROR_PATH_NOT_FOUND", ERROR_PATH_NOT_FOUND, "The path does not exist."),
  row("ERROR_ACCESS_DENIED", ERROR_ACCESS_DENIED, "Access is denied."),
  row("ERROR_HANDLE_EOF", ERROR_HANDLE_EOF, "The end of the file was reached."),
  row("ERROR_NOT_SUPPORTED", ERROR_NOT_SUPPORTED, "The request is not supported."),
  row("ERROR_NETNAME_DELETED", ERROR_NETNAME_DELETED, "The connection was reset or disconnected."),
  row("ERROR_SEM_TIMEOUT", ERROR_SEM_TIMEOUT, "The time for the operation expired."),
  row("ERROR_INSUFFICIENT_BUFFER", ERROR_INSUFFICIENT_BUFFER, "The buffer is too small."),
  row("ERROR_MORE_DATA", ERROR_MORE_DATA, "The message is larger than the buffer."),
  row("WAIT_TIMEOUT", WAIT_TIMEOUT, "The wait's time expired."),
  row("ERROR_MR_MID_NOT_FOUND", ERROR_MR_MID_NOT_FOUND, "The status has no Win32 equivalent."),
  row("ERROR_ABANDONED_WAIT_0", ERROR_ABANDONED_WAIT_0, "The completion port was closed while a call waited on it."),
  row("ERROR_NOT_FOUND", ERROR_NOT_FOUND, "CancelIoEx found no operation to cancel."),
  row("ERROR_CONNECTION_REFUSED", ERROR_CONNECTION_REFUSED, "The peer refused the connection."),
  row("ERROR_GRACEFUL_DISCONNECT", ERROR_GRACEFUL_DISCONNECT, "The connection was closed gracefully."),
  row("ERROR_CONNECTION_ACTIVE", ERROR_CONNECTION_ACTIVE, "The connection is already active."),
  row("ERROR_NETWORK_UNREACHABLE", ERROR_NETWORK_UNREACHABLE, "The network cannot be reached."),
  row("ERROR_HOST_UNREACHABLE", ERROR_HOST_UNREACHABLE, "The destination host cannot be reached."),
  row("ERROR_PROTOCOL_UNREACHABLE", ERROR_PROTOCOL_UNREACHABLE, "The destination does not support the protocol."),
  row("ERROR_PORT_UNREACHABLE", ERROR_PORT_UNREACHABLE, "No service listens at the destination port."),
  row("ERROR_REQUEST_ABORTED", ERROR_REQUEST_ABORTED, "The request was aborted."),
  row("ERROR_CONNECTION_ABORTED", ERROR_CONNECTION_ABORTED, "The connection was aborted on this machine.")
]

const byCode: ReadonlyMap<number, WsaErrorInfo> = new Map(table.map((info) => [info.code, info]))

/**
 * Returns the name of an error code, Winsock's where it has one (`995` is `"WSA_OPERATION_ABORTED"`), or
 * `undefined` for a code that is not in `table`.
 *
 * @category getters
 * @since 0.1.0
 */
export const nameOf = (code: number): string | undefined => byCode.get(code)?.name

/**
 * Returns one sentence on what an error code means, or `undefined` for a code that is not in `table`.
 *
 * @category getters
 * @since 0.1.0
 */
export const meaningOf = (code: number): string | undefined => byCode.get(code)?.meaning

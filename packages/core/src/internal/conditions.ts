import * as WsaError from "@effect-winsock/schema/WsaError"

/** Which kind of socket a code was met on: the same code means different things. */
export type SocketKind = "datagram" | "stream" | "raw"

/** What the failing call was doing, as far as the meaning of a code depends on it. */
export type Direction = "receive" | "send"

interface Condition {
  readonly name: string
  readonly code: number
  readonly tag: string
  readonly meaning: string
  /** The row holds for these kinds only. */
  readonly kinds?: ReadonlyArray<SocketKind>
  /** The row holds for calls in this direction only. */
  readonly direction?: Direction
  /** What is not supported, for the one reason that has to tell. */
  readonly what?: string
}

type Name = { [K in keyof typeof WsaError]: (typeof WsaError)[K] extends number ? K : never }[keyof typeof WsaError]

const row = <const Tag extends string, const Only extends Pick<Condition, "kinds" | "direction" | "what"> = {}>(
  name: Name,
  tag: Tag,
  meaning: string,
  only?: Only
) => ({ name, code: WsaError[name], tag, meaning, ...(only as Only) })

const messages = { kinds: ["datagram", "raw"] } as const
const streams = { kinds: ["stream"] } as const

/**
 * What each code means, row by row: the first row of a code that fits the call holds, so the more special come first.
 * Sources: the error tables on the pages of WSARecvMsg and WSASend; "Windows Sockets Error Codes" and "System Error
 * Codes" on learn.microsoft.com for the codes that are not in them.
 */
export const conditions = [
  // --- in the error tables of WSARecvMsg and WSASend ---
  row("WSAEINTR", "CallInterrupted", "a blocking call was cancelled with WSACancelBlockingCall"),
  row("WSAEFAULT", "Fault", "a pointer or a length names memory that is not all the caller's, or too small"),
  row("WSAEINVAL", "NotBound", "the socket is not bound to an address", { direction: "receive" }),
  row(
    "WSAEINVAL",
    "InvalidCall",
    "the socket is not bound or not made for overlapped calls, or an argument is not valid",
    { direction: "send" }
  ),
  row("WSAEINVAL", "InvalidCall", "an argument, or the call in the state of this socket, is not valid"),
  row("WSAEWOULDBLOCK", "WouldBlock", "it cannot be done at once, or too many overlapped requests are pending"),
  row("WSAEINPROGRESS", "InProgress", "a blocking call is in progress, or the provider is still in a callback"),
  row("WSAENOTSOCK", "NotSocket", "the number does not name a socket"),
  row("WSAEMSGSIZE", "MessageTooLarge", "the message is larger than the buffers and its end was discarded", {
    direction: "receive"
  }),
  row("WSAEMSGSIZE", "MessageTooLarge", "the message is larger than the transport carries and was not sent", {
    direction: "send"
  }),
  row("WSAEMSGSIZE", "MessageTooLarge", "the message is larger than the buffers or the transport allow"),
  row("WSAEOPNOTSUPP", "NotSupported", "the socket does not support the operation or one of its flags", {
    what: "operation"
  }),
  row("WSAENETDOWN", "NetworkDown", "the network subsystem has failed"),
  row("WSAENETRESET", "NetworkReset", "the time to live of an earlier datagram expired on its way", messages),
  row("WSAENETRESET", "NetworkReset", "keep-alive found the connection dead during the operation", streams),
  row("WSAENETRESET", "NetworkReset", "keep-alive found the connection dead, or a time to live expired"),
  row("WSAECONNABORTED", "ConnectionAborted", "this host ended the connection after a time-out or a failure"),
  row("WSAECONNRESET", "ConnectionReset", "an earlier send met an ICMP port unreachable", messages),
  row("WSAECONNRESET", "ConnectionReset", "the peer reset the connection", streams),
  row("WSAECONNRESET", "ConnectionReset", "the peer reset the connection, or refused an earlier datagram"),
  row("WSAENOBUFS", "NoBufferSpace", "the provider has no buffer space left"),
  row("WSAENOTCONN", "NotConnected", "the socket is not connected"),
  row("WSAESHUTDOWN", "Shutdown", "receiving was shut down on this socket", { direction: "receive" }),
  row("WSAESHUTDOWN", "Shutdown", "sending was shut down on this socket", { direction: "send" }),
  row("WSAESHUTDOWN", "Shutdown", "this half of the socket was shut down"),
  row("WSAETIMEDOUT", "TimedOut", "the time that SO_RCVTIMEO sets passed, or the peer stopped answering", {
    direction: "receive"
  }),
  row("WSAETIMEDOUT", "TimedOut", "the time that SO_SNDTIMEO sets passed, or the peer stopped answering", {
    direction: "send"
  }),
  row("WSAETIMEDOUT", "TimedOut", "the peer did not answer in time"),
  row("WSANOTINITIALISED", "NotInitialised", "no WSAStartup has succeeded before the call"),
  row("WSA_OPERATION_ABORTED", "OperationAborted", "the operation was cancelled, or its socket closed"),
  row("WSA_IO_PENDING", "Pending", "the operation was started and completes later: this is no failure"),

  // --- the rest of "Windows Sockets Error Codes" ---
  row("WSAEBADF", "InvalidHandle", "the number does not name a file handle"),
  row(
    "WSAEACCES",
    "PermissionDenied",
    "raw sockets need the rights of an administrator: the program must run elevated",
    { kinds: ["raw"] }
  ),
  row("WSAEACCES", "PermissionDenied", "the access is forbidden: a right, a broadcast or an exclusive address"),
  row("WSAEMFILE", "TooManySockets", "no more sockets can be opened"),
  row("WSAEALREADY", "AlreadyInProgress", "an operation of this kind is already in progress on the socket"),
  row("WSAEDESTADDRREQ", "DestinationRequired", "the operation needs a destination address and has none"),
  row("WSAEPROTOTYPE", "NotSupported", "the protocol does not fit the socket type", { what: "protocol" }),
  row("WSAENOPROTOOPT", "NotSupported", "the option or level is unknown or not for this socket", {
    what: "option"
  }),
  row("WSAEPROTONOSUPPORT", "NotSupported", "the protocol is not installed", { what: "protocol" }),
  row("WSAESOCKTNOSUPPORT", "NotSupported", "the address family has no sockets of this type", {
    what: "socketType"
  }),
  row("WSAEPFNOSUPPORT", "NotSupported", "the protocol family is not installed", { what: "protocolFamily" }),
  row("WSAEAFNOSUPPORT", "NotSupported", "the address family is not installed or does not fit the socket", {
    what: "addressFamily"
  }),
  row("WSAEADDRINUSE", "AddressInUse", "another socket uses the address"),
  row("WSAEADDRNOTAVAIL", "AddressNotAvailable", "the address is not one of this host, or not one to send to"),
  row("WSAENETUNREACH", "NetworkUnreachable", "no route leads to the network"),
  row("WSAEISCONN", "AlreadyConnected", "the socket is already connected"),
  row("WSAETOOMANYREFS", "TooManyReferences", "a kernel object has too many references"),
  row("WSAECONNREFUSED", "ConnectionRefused", "an earlier send met an ICMP port unreachable", messages),
  row("WSAECONNREFUSED", "ConnectionRefused", "nothing accepts connections at the address"),
  row("WSAELOOP", "InvalidName", "the name cannot be translated"),
  row("WSAENAMETOOLONG", "InvalidName", "the name is too long"),
  row("WSAEHOSTDOWN", "HostDown", "the host is down"),
  row("WSAEHOSTUNREACH", "HostUnreachable", "no route leads to the host"),
  row("WSAENOTEMPTY", "FileSystem", "a directory is not empty"),
  row("WSAEPROCLIM", "TooManyProcesses", "too many processes use the provider"),
  row("WSAEUSERS", "QuotaExceeded", "the quota of users is exceeded"),
  row("WSAEDQUOT", "QuotaExceeded", "the quota of disk space is exceeded"),
  row("WSAESTALE", "FileSystem", "a file handle is stale"),
  row("WSAEREMOTE", "FileSystem", "the item is not available locally"),
  row("WSASYSNOTREADY", "SystemNotReady", "the network subsystem is not ready yet"),
  row("WSAVERNOTSUPPORTED", "NotSupported", "the library does not offer the version asked for", {
    what: "version"
  }),
  row("WSAEDISCON", "Disconnected", "the peer has begun a graceful shutdown"),
  row("WSAENOMORE", "NoMoreResults", "the lookup has no more results"),
  row("WSAECANCELLED", "LookupCancelled", "the lookup was cancelled"),
  row("WSAEINVALIDPROCTABLE", "ProviderFailed", "the provider's table of procedures is not valid"),
  row("WSAEINVALIDPROVIDER", "ProviderFailed", "the provider is not valid"),
  row("WSAEPROVIDERFAILEDINIT", "ProviderFailed", "the provider could not be loaded or started"),
  row("WSASYSCALLFAILURE", "ProviderFailed", "a system call that should never fail has failed"),
  row("WSASERVICE_NOT_FOUND", "ServiceNotFound", "the service is not known"),
  row("WSATYPE_NOT_FOUND", "ServiceNotFound", "the type of service is not known"),
  row("WSA_E_NO_MORE", "NoMoreResults", "the lookup has no more results"),
  row("WSA_E_CANCELLED", "LookupCancelled", "the lookup was cancelled"),
  row("WSAEREFUSED", "QueryRefused", "the query was refused"),
  row("WSAHOST_NOT_FOUND", "HostNotFound", "no such host is known"),
  row("WSATRY_AGAIN", "TryAgain", "the name server did not answer; it may later"),
  row("WSANO_RECOVERY", "NameServerFailed", "the name server failed for good"),
  row("WSANO_DATA", "NoData", "the name exists, without an address of the kind asked for"),
  row("WSA_INVALID_HANDLE", "InvalidHandle", "the handle is not valid"),
  row("WSA_NOT_ENOUGH_MEMORY", "OutOfMemory", "there is not enough memory"),
  row("WSA_INVALID_PARAMETER", "InvalidCall", "an argument is not valid"),
  row("WSA_IO_INCOMPLETE", "Pending", "the operation has not completed yet"),

  // --- system error codes, as the kernel32 calls report them ---
  row("ERROR_INVALID_FUNCTION", "NotSupported", "the provider does not have the function", { what: "operation" }),
  row("ERROR_FILE_NOT_FOUND", "FileNotFound", "there is no such file"),
  row("ERROR_PATH_NOT_FOUND", "FileNotFound", "there is no such path"),
  row("ERROR_ACCESS_DENIED", "PermissionDenied", "the access is denied"),
  row("ERROR_HANDLE_EOF", "EndOfFile", "the end of the file was reached"),
  row("ERROR_NOT_SUPPORTED", "NotSupported", "the request is not supported", { what: "operation" }),
  row("ERROR_NETNAME_DELETED", "ConnectionReset", "the connection is gone"),
  row("ERROR_SEM_TIMEOUT", "TimedOut", "the peer did not answer in time"),
  row("ERROR_INSUFFICIENT_BUFFER", "Fault", "the buffer is too small"),
  row("ERROR_MORE_DATA", "MessageTooLarge", "the message is larger than the buffers"),
  row("WAIT_TIMEOUT", "TimedOut", "nothing came in the time given"),
  row("ERROR_ABANDONED_WAIT_0", "PortClosed", "the completion port was closed while the call waited at it"),
  row("ERROR_NOT_FOUND", "NothingToCancel", "there is no such pending operation"),
  row("ERROR_CONNECTION_REFUSED", "ConnectionRefused", "nothing accepts connections at the address"),
  row("ERROR_GRACEFUL_DISCONNECT", "Disconnected", "the peer has begun a graceful shutdown"),
  row("ERROR_CONNECTION_ACTIVE", "AlreadyConnected", "the socket is already connected"),
  row("ERROR_NETWORK_UNREACHABLE", "NetworkUnreachable", "no route leads to the network"),
  row("ERROR_HOST_UNREACHABLE", "HostUnreachable", "no route leads to the host"),
  row("ERROR_PROTOCOL_UNREACHABLE", "NetworkUnreachable", "the remote host does not have the protocol"),
  row("ERROR_PORT_UNREACHABLE", "ConnectionReset", "an earlier send met an ICMP port unreachable"),
  row("ERROR_REQUEST_ABORTED", "CallInterrupted", "the request was aborted"),
  row("ERROR_CONNECTION_ABORTED", "ConnectionAborted", "this host ended the connection")
] as const satisfies ReadonlyArray<Condition>

/** A reason that one of the rows gives. */
export type Tag = (typeof conditions)[number]["tag"]

/** What the rows say is not supported. */
export type Unsupported = Extract<(typeof conditions)[number], { readonly what: string }>["what"]

const byCode = Map.groupBy<number, Condition>(conditions, (condition) => condition.code)

/** The direction of a call, when its name has one. */
export const directionOf = (operation: string): Direction | undefined =>
  operation.startsWith("WSARecv")
    ? "receive"
    : operation.startsWith("WSASend") || operation === "TransmitFile"
      ? "send"
      : undefined

/** Finds the row that holds for a code of a call on a kind of socket. */
export const find = (operation: string, code: number, kind: SocketKind | undefined): Condition | undefined => {
  const direction = directionOf(operation)
  return byCode
    .get(code)
    ?.find(
      (condition) =>
        (condition.direction === undefined || condition.direction === direction) &&
        (condition.kinds === undefined || (kind !== undefined && condition.kinds.includes(kind)))
    )
}

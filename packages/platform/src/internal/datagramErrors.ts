/** WinsockErrors as the errors of effect/socket's datagram sockets. */
import type { Reason, WinsockError } from "@effect-winsock/core/WinsockError"
import type * as NetAddress from "effect/net/NetAddress"
import * as DatagramSocket from "effect/socket/DatagramSocket"

type OpenKind = DatagramSocket.DatagramSocketOpenError["kind"]

/** The kinds of failure that opening a socket has names for; all others are `Unknown`. */
const openKinds: { readonly [Tag in Reason["_tag"]]?: OpenKind } = {
  AddressInUse: "AddressInUse",
  AddressNotAvailable: "AddressNotAvailable",
  HostNotFound: "AddressNotAvailable",
  NoData: "AddressNotAvailable",
  TryAgain: "AddressNotAvailable",
  NameServerFailed: "AddressNotAvailable",
  TimedOut: "AddressNotAvailable",
  PermissionDenied: "PermissionDenied"
}

/**
 * The kinds of failure that sending and receiving have names for; all others are `Unknown`. Of a datagram socket
 * `ConnectionReset` is a port unreachable, and `NetworkReset` a time to live that expired.
 */
const ioKinds: { readonly [Tag in Reason["_tag"]]?: DatagramSocket.IoErrorKind } = {
  MessageTooLarge: "MessageTooLarge",
  HostDown: "Unreachable",
  HostUnreachable: "Unreachable",
  NetworkDown: "Unreachable",
  NetworkReset: "Unreachable",
  NetworkUnreachable: "Unreachable",
  ConnectionRefused: "ConnectionRefused",
  ConnectionReset: "ConnectionRefused",
  PermissionDenied: "PermissionDenied"
}

/** What says of one datagram, or of one that was sent earlier, that it failed: the socket receives on. */
const ofOneDatagram: ReadonlySet<Reason["_tag"]> = new Set<Reason["_tag"]>([
  "MessageTooLarge",
  "HostUnreachable",
  "NetworkReset",
  "NetworkUnreachable",
  "ConnectionRefused",
  "ConnectionReset"
])

export const isOfOneDatagram = ({ reason }: WinsockError): boolean => ofOneDatagram.has(reason._tag)

const make = (reason: DatagramSocket.DatagramSocketErrorReason): DatagramSocket.DatagramSocketError =>
  new DatagramSocket.DatagramSocketError({ reason })

export const closed = (): DatagramSocket.DatagramSocketError => make(new DatagramSocket.DatagramSocketClosedError())

export const unsupported = (capability: string): DatagramSocket.DatagramSocketError =>
  make(new DatagramSocket.DatagramSocketUnsupportedError({ capability, runtime: "Winsock" }))

// the socket was closed underneath: its layer was released, or it was somebody else's
const isGone = ({ reason: { _tag } }: WinsockError): boolean => _tag === "SocketClosed" || _tag === "OperationAborted"

export const fromOpen = (cause: WinsockError): DatagramSocket.DatagramSocketError =>
  make(new DatagramSocket.DatagramSocketOpenError({ kind: openKinds[cause.reason._tag] ?? "Unknown", cause }))

export const fromRead = (cause: WinsockError): DatagramSocket.DatagramSocketError =>
  isGone(cause)
    ? closed()
    : make(new DatagramSocket.DatagramSocketReadError({ kind: ioKinds[cause.reason._tag] ?? "Unknown", cause }))

export const fromWrite = (
  cause: WinsockError,
  address: NetAddress.InetAddress | undefined
): DatagramSocket.DatagramSocketError =>
  isGone(cause) ? closed() : refusedWrite(cause, address, ioKinds[cause.reason._tag])

export const refusedWrite = (
  cause: unknown,
  address: NetAddress.InetAddress | undefined,
  kind: DatagramSocket.IoErrorKind = "Unknown"
): DatagramSocket.DatagramSocketError => make(new DatagramSocket.DatagramSocketWriteError({ kind, address, cause }))

export const fromJoin = (cause: WinsockError, ofSource: boolean): DatagramSocket.DatagramSocketError =>
  isGone(cause)
    ? closed()
    : cause.reason._tag === "NotSupported"
      ? unsupported(ofSource ? "source-specific multicast" : "multicast as it was asked for")
      : fromOpen(cause)

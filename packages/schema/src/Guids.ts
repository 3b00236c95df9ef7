/**
 * The GUIDs by which `SIO_GET_EXTENSION_FUNCTION_POINTER` finds extension functions.
 *
 * Source: `mswsock.h`.
 *
 * @since 0.1.0
 */

/** Names TransmitFile. @category constants @since 0.1.0 */
export const WSAID_TRANSMITFILE = "b5367df0-cbac-11cf-95ca-00805f48a192"

/** Names AcceptEx. @category constants @since 0.1.0 */
export const WSAID_ACCEPTEX = "b5367df1-cbac-11cf-95ca-00805f48a192"

/** Names GetAcceptExSockaddrs. @category constants @since 0.1.0 */
export const WSAID_GETACCEPTEXSOCKADDRS = "b5367df2-cbac-11cf-95ca-00805f48a192"

/** Names TransmitPackets. @category constants @since 0.1.0 */
export const WSAID_TRANSMITPACKETS = "d9689da0-1f90-11d3-9971-00c04f68c876"

/** Names ConnectEx. @category constants @since 0.1.0 */
export const WSAID_CONNECTEX = "25a207b9-ddf3-4660-8ee9-76e58c74063e"

/** Names DisconnectEx. @category constants @since 0.1.0 */
export const WSAID_DISCONNECTEX = "7fda2e11-8630-436f-a031-f536a6eec157"

/** Names WSARecvMsg. @category constants @since 0.1.0 */
export const WSAID_WSARECVMSG = "f689d7c8-6f1f-436b-8a53-e54fe351c322"

/** Names WSASendMsg. @category constants @since 0.1.0 */
export const WSAID_WSASENDMSG = "a441e712-754f-43ca-84a7-0dee44cf606d"

/** Names WSAPoll. @category constants @since 0.1.0 */
export const WSAID_WSAPOLL = "18c76f85-dc66-4964-972e-23c27238312b"

/**
 * Names the table of registered I/O, for `SIO_GET_MULTIPLE_EXTENSION_FUNCTION_POINTER`.
 *
 * @category constants
 * @since 0.1.0
 */
export const WSAID_MULTIPLE_RIO = "8509e081-96dd-4005-b165-9e2ee8c79e3f"

/**
 * The GUIDs by the name of the function.
 *
 * @category constants
 * @since 0.1.0
 */
export const extensions = {
  TransmitFile: WSAID_TRANSMITFILE,
  AcceptEx: WSAID_ACCEPTEX,
  GetAcceptExSockaddrs: WSAID_GETACCEPTEXSOCKADDRS,
  TransmitPackets: WSAID_TRANSMITPACKETS,
  ConnectEx: WSAID_CONNECTEX,
  DisconnectEx: WSAID_DISCONNECTEX,
  WSARecvMsg: WSAID_WSARECVMSG,
  WSASendMsg: WSAID_WSASENDMSG,
  WSAPoll: WSAID_WSAPOLL
} as const

// the first three groups of a GUID's text are numbers, little-endian in memory; the other eight bytes stand as written
const memoryOrder: ReadonlyArray<number> = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]

/**
 * Returns the 16 bytes of a GUID as they stand in memory. `guid` is its text form, 8-4-4-4-12 hexadecimal digits
 * without braces, as the constants of this module are.
 *
 * **Example** (The bytes of a GUID)
 *
 * ```ts
 * import { toBytes, WSAID_WSARECVMSG } from "@effect-winsock/schema/Guids"
 *
 * console.log(toBytes(WSAID_WSARECVMSG)[0].toString(16)) // "c8", of "f689d7c8"
 * ```
 *
 * @category encoding
 * @since 0.1.0
 */
export const toBytes = (guid: string): Uint8Array => {
  const digits = guid.replaceAll("-", "")
  return Uint8Array.from(memoryOrder, (i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}

/**
 * Returns the text form of the GUID whose 16 bytes are given, in lower case.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromBytes = (bytes: Uint8Array): string =>
  memoryOrder
    .map((i, at) => (at === 4 || at === 6 || at === 8 || at === 10 ? "-" : "") + bytes[i].toString(16).padStart(2, "0"))
    .join("")

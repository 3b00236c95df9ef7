/**
 * The structures of Winsock 2, as the Windows SDK lays them out.
 *
 * @since 0.1.0
 */
import { bytes, struct } from "./Layout.ts"

/**
 * A buffer of a gather or scatter list: `len` bytes at `buf`. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const WSABUF = struct("WSABUF", { len: "u32", buf: "pointer" })

/**
 * What WSARecvMsg and WSASendMsg work on: address, buffers, control data and flags. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const WSAMSG = struct("WSAMSG", {
  name: "pointer",
  namelen: "i32",
  lpBuffers: "pointer",
  dwBufferCount: "u32",
  Control: WSABUF,
  dwFlags: "u32"
})

/**
 * The header of one control message. `cmsg_len` is a `SIZE_T` (the documentation's `UINT` is wrong).
 * Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const WSACMSGHDR = struct("WSACMSGHDR", { cmsg_len: "size", cmsg_level: "i32", cmsg_type: "i32" })

/**
 * The kernel's record of one overlapped operation: `Internal` is its NTSTATUS, `InternalHigh` its byte count.
 * Source: `minwinbase.h` (`WSAOVERLAPPED` is the same structure).
 *
 * @category structures
 * @since 0.1.0
 */
export const OVERLAPPED = struct("OVERLAPPED", {
  Internal: "size",
  InternalHigh: "size",
  Offset: "u32",
  OffsetHigh: "u32",
  hEvent: "pointer"
})

/**
 * One packet of a completion port. Source: `minwinbase.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const OVERLAPPED_ENTRY = struct("OVERLAPPED_ENTRY", {
  lpCompletionKey: "size",
  lpOverlapped: "pointer",
  Internal: "size",
  dwNumberOfBytesTransferred: "u32"
})

/**
 * An IPv4 socket address. `sin_addr` is in network byte order. Source: `ws2def.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const SOCKADDR_IN = struct("SOCKADDR_IN", {
  sin_family: "u16",
  sin_port: "u16be",
  sin_addr: "u32be",
  sin_zero: bytes(8)
})

/**
 * An IPv6 socket address. `sin6_scope_id` is in host byte order. Source: `ws2ipdef.h`.
 *
 * @category structures
 * @since 0.1.0
 */
export const SOCKADDR_IN6 = struct("SOCKADDR_IN6", {
  sin6_family: "u16",
  sin6_port: "u16be",
  sin6_flowinfo: "u32",
  sin6_addr: bytes(16),
  sin6_scope_id: "u32"
}, 4)

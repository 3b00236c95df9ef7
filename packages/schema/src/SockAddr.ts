/**
 * Socket addresses: the bytes of `SOCKADDR_IN`, `SOCKADDR_IN6` and `SOCKADDR_UN`, and the addresses of `effect/net`.
 *
 * **Details**
 *
 * The rules of `read`, which never throws and never reads past `length`:
 *
 * - an address that ends before its family's fields do is an issue; bytes after them are ignored
 * - `sin_zero` is ignored; `sin6_flowinfo`, which `effect/net` has no place for, is kept beside the address
 * - a local path ends at the first zero byte, or with the structure; one that is not UTF-8, or that has bytes after a
 *   leading zero (an abstract name), is kept as bytes
 * - any other family is kept as bytes
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { AF_INET, AF_INET6, AF_UNIX } from "./Flags.ts"
import { SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_UN } from "./Structs.ts"

// every host has them, but the language's own types do not
declare const TextDecoder: new (
  label: "utf-8",
  options: { readonly fatal: true; readonly ignoreBOM: true }
) => { readonly decode: (bytes: Uint8Array) => string }
declare const TextEncoder: new () => { readonly encode: (text: string) => Uint8Array }

const u32 = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff_ffff }))

/**
 * Schema for a socket address: an Internet address with its `sin6_flowinfo` (0 for IPv4), a path, or the bytes that
 * follow `sa_family` in an address of an unknown family.
 *
 * @category schemas
 * @since 0.1.0
 */
export const SockAddr = Schema.Union([
  Schema.TaggedStruct("Inet", { address: Schema.InetAddress, flowinfo: u32 }),
  Schema.TaggedStruct("Unix", { address: Schema.UnixPathAddress }),
  Schema.TaggedStruct("Unknown", {
    family: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff })),
    bytes: Schema.Uint8Array
  })
])

/**
 * A socket address as Windows writes it.
 *
 * @category models
 * @since 0.1.0
 */
export type SockAddr =
  | { readonly _tag: "Inet"; readonly address: NetAddress.InetAddress; readonly flowinfo: number }
  | { readonly _tag: "Unix"; readonly address: NetAddress.UnixPathAddress }
  | { readonly _tag: "Unknown"; readonly family: number; readonly bytes: Uint8Array }

/**
 * Why bytes are no socket address.
 *
 * - `OutOfBounds`: the bytes do not lie within the view
 * - `TooShort`: the address ends before its fields do
 *
 * @category models
 * @since 0.1.0
 */
export interface SockAddrIssue {
  readonly _tag: "SockAddrIssue"
  readonly reason: "OutOfBounds" | "TooShort"
  /** Where the missing byte would be, counted from the address's first byte. */
  readonly offset: number
}

const inetSize = SOCKADDR_IN.size.x64
const inet6Size = SOCKADDR_IN6.size.x64
const unixSize = SOCKADDR_UN.size.x64
const pathAt = SOCKADDR_UN.offsets.x64.sun_path
const in4 = SOCKADDR_IN.offsets.x64
const in6 = SOCKADDR_IN6.offsets.x64

const issue = (reason: SockAddrIssue["reason"], offset: number): SockAddrIssue => ({
  _tag: "SockAddrIssue",
  reason,
  offset
})

// effect/net makes addresses of bytes: one buffer for all of them costs less than a view of each
const scratch = new Uint8Array(16)

/**
 * Reads the four bytes of an IPv4 address. The caller has checked that they are there.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readIpv4 = (view: DataView, at: number): NetAddress.Ipv4Address => {
  for (let i = 0; i < 4; i++) scratch[i] = view.getUint8(at + i)
  return NetAddress.ipv4FromBytesUnsafe(scratch)
}

/**
 * Reads the sixteen bytes of an IPv6 address. The caller has checked that they are there.
 *
 * @category decoding
 * @since 0.1.0
 */
export const readIpv6 = (view: DataView, at: number): NetAddress.Ipv6Address => {
  for (let i = 0; i < 16; i++) scratch[i] = view.getUint8(at + i)
  return NetAddress.ipv6FromBytesUnsafe(scratch)
}

/**
 * Writes the four bytes of an IPv4 address.
 *
 * @category encoding
 * @since 0.1.0
 */
export const writeIpv4 = (view: DataView, at: number, address: NetAddress.Ipv4Address): void => {
  const octets = NetAddress.ipv4ToOctets(address)
  for (let i = 0; i < 4; i++) view.setUint8(at + i, octets[i])
}

/**
 * Writes the sixteen bytes of an IPv6 address.
 *
 * @category encoding
 * @since 0.1.0
 */
export const writeIpv6 = (view: DataView, at: number, address: NetAddress.Ipv6Address): void => {
  const segments = NetAddress.ipv6ToSegments(address)
  for (let i = 0; i < 8; i++) view.setUint16(at + 2 * i, segments[i], false)
}

const copy = (view: DataView, at: number, length: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + at, length).slice()

const readUnix = (view: DataView, offset: number, length: number): SockAddr => {
  const bytes = copy(view, offset + pathAt, Math.min(length, unixSize) - pathAt)
  const zero = bytes.indexOf(0)
  const end = zero === -1 ? bytes.length : zero
  if (end > 0 || bytes.every((byte) => byte === 0)) {
    try {
      const path = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, end))
      return { _tag: "Unix", address: NetAddress.unixPathAddress(path) }
    } catch {
      // not UTF-8
    }
  }
  return { _tag: "Unknown", family: AF_UNIX, bytes }
}

/**
 * Reads the socket address of `length` bytes that lies `offset` bytes into `view`. It never throws; the module's
 * rules say what it accepts.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (view: DataView, offset: number, length: number): SockAddr | SockAddrIssue => {
  // negated, so that a NaN is out of bounds too
  if (!(offset >= 0 && length >= 0 && offset + length <= view.byteLength)) return issue("OutOfBounds", 0)
  if (length < 2) return issue("TooShort", length)
  const family = view.getUint16(offset, true)
  switch (family) {
    case AF_INET:
      return length < inetSize
        ? issue("TooShort", length)
        : {
            _tag: "Inet",
            address: NetAddress.inetAddressUnsafe(
              readIpv4(view, offset + in4.sin_addr),
              view.getUint16(offset + in4.sin_port, false)
            ),
            flowinfo: 0
          }
    case AF_INET6:
      return length < inet6Size
        ? issue("TooShort", length)
        : {
            _tag: "Inet",
            address: Result.getOrThrow(
              NetAddress.inetAddressV6(
                readIpv6(view, offset + in6.sin6_addr),
                view.getUint16(offset + in6.sin6_port, false),
                { scopeId: view.getUint32(offset + in6.sin6_scope_id, true) }
              )
            ),
            flowinfo: view.getUint32(offset + in6.sin6_flowinfo, true)
          }
    case AF_UNIX:
      return readUnix(view, offset, length)
    default:
      return { _tag: "Unknown", family, bytes: copy(view, offset + 2, length - 2) }
  }
}

/**
 * Returns the size in bytes of an address's structure: 16, 28 or 110.
 *
 * @category getters
 * @since 0.1.0
 */
export const size = (address: NetAddress.SocketAddress): number => {
  switch (address._tag) {
    case "InetAddressV4":
      return inetSize
    case "InetAddressV6":
      return inet6Size
    case "UnixPathAddress":
      return unixSize
  }
}

const writeUnix = (view: DataView, offset: number, path: string): number => {
  const bytes = new TextEncoder().encode(path)
  if (bytes.length > unixSize - pathAt || bytes.includes(0)) return 0
  view.setUint16(offset, AF_UNIX, true)
  for (let i = 0; i < unixSize - pathAt; i++) view.setUint8(offset + pathAt + i, i < bytes.length ? bytes[i] : 0)
  return unixSize
}

/**
 * Writes an address `offset` bytes into `view`, which must have room for `size(address)` bytes, and returns how many
 * bytes it has written.
 *
 * **Details**
 *
 * Every byte of the structure is written, so what the memory held before does not matter. A path that
 * `SOCKADDR_UN` cannot hold (more than 108 bytes of UTF-8, or one that contains a zero) writes nothing and returns 0.
 * `flowinfo` is for IPv6 only.
 *
 * **Example** (An address in memory)
 *
 * ```ts
 * import * as SockAddr from "@effect-winsock/schema/SockAddr"
 * import * as NetAddress from "effect/net/NetAddress"
 *
 * const view = new DataView(new ArrayBuffer(28))
 * const length = SockAddr.write(view, 0, NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, 53))
 *
 * console.log(length, SockAddr.read(view, 0, length)) // 16 and 127.0.0.1:53
 * ```
 *
 * @category encoding
 * @since 0.1.0
 */
export const write = (view: DataView, offset: number, address: NetAddress.SocketAddress, flowinfo = 0): number => {
  switch (address._tag) {
    case "InetAddressV4":
      view.setUint16(offset, AF_INET, true)
      view.setUint16(offset + in4.sin_port, address.port, false)
      writeIpv4(view, offset + in4.sin_addr, address.address)
      view.setUint32(offset + in4.sin_zero, 0)
      view.setUint32(offset + in4.sin_zero + 4, 0)
      return inetSize
    case "InetAddressV6":
      view.setUint16(offset, AF_INET6, true)
      view.setUint16(offset + in6.sin6_port, address.port, false)
      view.setUint32(offset + in6.sin6_flowinfo, flowinfo, true)
      writeIpv6(view, offset + in6.sin6_addr, address.address)
      view.setUint32(offset + in6.sin6_scope_id, address.scopeId, true)
      return inet6Size
    case "UnixPathAddress":
      return writeUnix(view, offset, address.path)
  }
}

/**
 * Returns the size in bytes that `encode` writes for a socket address at most.
 *
 * @category getters
 * @since 0.1.0
 */
export const encodedLength = (self: SockAddr): number =>
  self._tag === "Unknown" ? 2 + self.bytes.length : size(self.address)

/**
 * Writes a socket address of any kind, as `write` does, and returns how many bytes it has written.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (self: SockAddr, view: DataView, offset: number): number => {
  if (self._tag !== "Unknown") return write(view, offset, self.address, self._tag === "Inet" ? self.flowinfo : 0)
  view.setUint16(offset, self.family, true)
  new Uint8Array(view.buffer, view.byteOffset + offset + 2, self.bytes.length).set(self.bytes)
  return 2 + self.bytes.length
}

/**
 * Converts an IPv4 address to the IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) that a dual-stack socket takes.
 *
 * @category converting
 * @since 0.1.0
 */
export const toV4Mapped = (self: NetAddress.InetAddressV4): NetAddress.InetAddressV6 =>
  Result.getOrThrow(NetAddress.inetAddressV6(NetAddress.toIpv4Mapped(self.address), self.port))

/**
 * Converts an IPv4-mapped IPv6 address back, or returns `undefined` for an address that is not mapped.
 *
 * @category converting
 * @since 0.1.0
 */
export const fromV4Mapped = (self: NetAddress.InetAddressV6): NetAddress.InetAddressV4 | undefined => {
  const address = NetAddress.fromIpv4Mapped(self.address)
  return Option.isNone(address) ? undefined : Result.getOrThrow(NetAddress.inetAddressV4(address.value, self.port))
}

/**
 * Returns an issue as one sentence.
 *
 * @category converting
 * @since 0.1.0
 */
export const formatIssue = (self: SockAddrIssue): string =>
  self.reason === "OutOfBounds"
    ? "the socket address does not lie within the memory"
    : `the socket address ends at byte ${self.offset}, before its fields do`

/**
 * Schema for the bytes of a socket address. It decodes and encodes with `read` and `encode`; an address that would not
 * be read back as the same kind (a path that does not fit, bytes of a known family) is refused.
 *
 * @category schemas
 * @since 0.1.0
 */
export const FromBytes = Schema.Uint8Array.pipe(
  Schema.decodeTo(
    SockAddr,
    SchemaTransformation.transformEffect<SockAddr, Uint8Array>({
      decode: (bytes, options) => {
        const result = read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength)
        return result._tag === "SockAddrIssue"
          ? Effect.fail(new SchemaIssue.InvalidValue({ message: formatIssue(result) }, bytes, options))
          : Effect.succeed(result)
      },
      encode: (address, options) => {
        const bytes = new Uint8Array(encodedLength(address))
        const view = new DataView(bytes.buffer)
        const length = encode(address, view, 0)
        return read(view, 0, length)._tag === address._tag
          ? Effect.succeed(bytes)
          : Effect.fail(new SchemaIssue.InvalidValue({ message: "no bytes stand for this address" }, address, options))
      }
    })
  )
)

/** The lists of addresses that the provider allocates: read by copying, for they lie in its memory. */
import { readPointer } from "@effect-winsock/schema/Layout"
import { NI_MAXHOST } from "@effect-winsock/schema/NameFlags"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { ADDRINFOEXW, SOCKADDR_STORAGE } from "@effect-winsock/schema/Structs"
import * as Equal from "effect/Equal"
import type * as NetAddress from "effect/net/NetAddress"
import type { Engine } from "./engine.ts"
import { readWide } from "./wideText.ts"

/** What a list says. */
export interface AddressList {
  /** Each address once, in the order given. */
  readonly addresses: Array<NetAddress.InetAddress>
  readonly canonicalName: string | undefined
}

/** The bound on a list: one that goes on is not trusted to end. */
const mostEntries = 4096
/** Where the parts of an entry are copied to, in the engine's scratch memory. */
const addressAt = ADDRINFOEXW.size.x64
const nameAt = addressAt + SOCKADDR_STORAGE.size.x64

/** Reads the list at an address; 0 is an empty one. Families that are not Internet's are left out. */
export const readList = (engine: Engine, first: number): AddressList => {
  const { calls, scratch, seam } = engine
  const { abi } = seam
  const offsets = ADDRINFOEXW.offsets[abi]
  const { view } = scratch
  const addresses: Array<NetAddress.InetAddress> = []
  let canonicalName: string | undefined
  let entry = first
  for (let i = 0; i < mostEntries && entry !== 0; i++) {
    calls.RtlMoveMemory(scratch.address, entry, ADDRINFOEXW.size[abi])
    entry = readPointer(abi, view, offsets.ai_next)
    const name = readPointer(abi, view, offsets.ai_canonname)
    const length = Math.min(readPointer(abi, view, offsets.ai_addrlen), SOCKADDR_STORAGE.size[abi])
    const address = readPointer(abi, view, offsets.ai_addr)
    if (name !== 0 && canonicalName === undefined) {
      calls.lstrcpynW(scratch.address + nameAt, name, NI_MAXHOST)
      canonicalName = readWide(view, nameAt, NI_MAXHOST)
    }
    if (address === 0) continue
    calls.RtlMoveMemory(scratch.address + addressAt, address, length)
    const read = SockAddr.read(view, addressAt, length)
    if (read._tag === "Inet" && !addresses.some((other) => Equal.equals(other, read.address))) {
      addresses.push(read.address)
    }
  }
  return { addresses, canonicalName }
}

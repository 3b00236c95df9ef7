// Lists of addresses as a provider may have them: what it wrote is not trusted.
import type { Engine } from "../../packages/core/src/internal/engine.ts"
import { readList } from "../../packages/core/src/internal/addressInfo.ts"
import * as Layout from "@effect-winsock/schema/Layout"
import { NI_MAXHOST } from "@effect-winsock/schema/NameFlags"
import * as Structs from "@effect-winsock/schema/Structs"
import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"

const base = 0x1000
const scratchAt = base + 0x8000

/** An engine that has nothing but memory. */
const world = (abi: Layout.Abi) => {
  const bytes = new Uint8Array(0x1_0000)
  const view = new DataView(bytes.buffer)
  let calls = 0
  const count = (): void => {
    if (++calls > 20_000) throw new Error("it never ends")
  }
  const engine = {
    seam: { abi },
    scratch: { address: scratchAt, view: new DataView(bytes.buffer, scratchAt - base, 4096) },
    calls: {
      RtlMoveMemory: (to: number, from: number, length: number) => {
        count()
        bytes.copyWithin(to - base, from - base, from - base + length)
      },
      lstrcpynW: (to: number, from: number, most: number) => {
        count()
        let i = 0
        for (; i < most - 1; i++) {
          const unit = view.getUint16(from - base + 2 * i, true)
          if (unit === 0) break
          view.setUint16(to - base + 2 * i, unit, true)
        }
        view.setUint16(to - base + 2 * i, 0, true)
        return to
      }
    }
  } as unknown as Engine
  let next = 64
  const place = (size: number): number => {
    const at = next
    next += (size + 15) & ~15
    return at
  }
  const address = (...octets: ReadonlyArray<number>): number => {
    const at = place(32)
    bytes.set(octets, at)
    return base + at
  }
  const v4 = (last: number): number => address(2, 0, 0, 80, 10, 0, 0, last, 0, 0, 0, 0, 0, 0, 0, 0)
  const entry = (fields: { readonly [K in keyof Layout.View<typeof Structs.ADDRINFOEXW.fields>]?: number }) => {
    const at = place(Structs.ADDRINFOEXW.size[abi])
    const record = Structs.ADDRINFOEXW.view(abi, view, at)
    Object.assign(record, { ai_addrlen: 16, ...fields })
    return { address: base + at, record }
  }
  return { engine, bytes, view, place, address, v4, entry }
}

const texts = (addresses: ReadonlyArray<NetAddress.InetAddress>) => addresses.map(NetAddress.formatInet)

for (const abi of Layout.abis) {
  describe(`a list of addresses (${abi})`, () => {
    it("is empty at NULL", () => {
      assert.deepStrictEqual(readList(world(abi).engine, 0), { addresses: [], canonicalName: undefined })
    })

    it("gives each address once, in order", () => {
      const w = world(abi)
      const third = w.entry({ ai_addr: w.v4(2) })
      const second = w.entry({ ai_addr: w.v4(1), ai_next: third.address })
      const first = w.entry({ ai_addr: w.v4(1), ai_next: second.address })
      assert.deepStrictEqual(texts(readList(w.engine, first.address).addresses), ["10.0.0.1:80", "10.0.0.2:80"])
    })

    it("leaves out what is no Internet address", () => {
      const w = world(abi)
      const last = w.entry({ ai_addr: w.v4(9) })
      const none = w.entry({ ai_next: last.address })
      const short = w.entry({ ai_addr: w.v4(1), ai_addrlen: 15, ai_next: none.address })
      const empty = w.entry({ ai_addr: w.v4(1), ai_addrlen: 0, ai_next: short.address })
      const other = w.entry({ ai_addr: w.address(17, 0, 1, 2), ai_next: empty.address })
      assert.deepStrictEqual(texts(readList(w.engine, other.address).addresses), ["10.0.0.9:80"])
    })

    it("is read no further than an address can be long", () => {
      const w = world(abi)
      const { address } = w.entry({ ai_addr: w.v4(3), ai_addrlen: 0x7fff_ffff })
      assert.deepStrictEqual(texts(readList(w.engine, address).addresses), ["10.0.0.3:80"])
    })

    it("ends, even where it goes round", () => {
      const w = world(abi)
      const { address, record } = w.entry({ ai_addr: w.v4(4) })
      record.ai_next = address
      assert.deepStrictEqual(texts(readList(w.engine, address).addresses), ["10.0.0.4:80"])
    })

    it("has the first canonical name, cut where it does not end", () => {
      const w = world(abi)
      const name = w.place(4 * NI_MAXHOST)
      for (let i = 0; i < 2 * NI_MAXHOST; i++) w.view.setUint16(name + 2 * i, 97, true)
      const second = w.entry({ ai_addr: w.v4(6), ai_canonname: base + w.place(8) })
      const { address } = w.entry({ ai_addr: w.v4(5), ai_canonname: base + name, ai_next: second.address })
      assert.strictEqual(readList(w.engine, address).canonicalName, "a".repeat(NI_MAXHOST - 1))
    })
  })
}

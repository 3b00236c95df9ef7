// The values of options: what is written is read again, what is refused says why, and nothing reads outside its bytes.
import * as Flags from "@effect-winsock/schema/Flags"
import * as IoctlTable from "@effect-winsock/schema/IoctlTable"
import type { Abi } from "@effect-winsock/schema/Layout"
import { abis, pointerSize, writePointer } from "@effect-winsock/schema/Layout"
import * as OptionTable from "@effect-winsock/schema/OptionTable"
import type { OptionValue } from "@effect-winsock/schema/OptionValue"
import * as OptionValues from "@effect-winsock/schema/OptionValue"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import * as Structs from "@effect-winsock/schema/Structs"
import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"

const valueOf = (name: string, family: number = Flags.AF_INET): OptionValue<any> =>
  OptionTable.find(name, family)!.value

const at = NetAddress.inetAddressFromIpStringUnsafe
const ip = NetAddress.ipFromStringUnsafe

/** Writes a value 8 bytes into memory, between bytes that must not change, and reads it again. */
const around = (abi: Abi, value: OptionValue<any>, given: unknown): unknown => {
  const checked = value.check(given, "x")
  if (checked instanceof OptionValues.Refusal) throw new Error(`${checked.option}: ${checked.expected}`)
  const size = value.size(abi)
  const bytes = new Uint8Array(size + 16).fill(0xa5)
  const view = new DataView(bytes.buffer)
  const written = value.write(abi, view, 8, checked)
  assert.isAtMost(written, size)
  assert.isTrue(bytes.subarray(0, 8).every((byte) => byte === 0xa5))
  assert.isTrue(bytes.subarray(8 + written).every((byte) => byte === 0xa5))
  bytes.fill(0, 8 + written)
  return value.read(abi, view, 8, written, 0x1000)
}

const refusal = (value: OptionValue<any>, given: unknown): string => {
  const checked: unknown = value.check(given, "x")
  return checked instanceof OptionValues.Refusal ? checked.option : "accepted"
}

describe("values of options", () => {
  const whole: ReadonlyArray<readonly [name: string, value: unknown, family?: number]> = [
    ["SO_BROADCAST", true],
    ["SO_BROADCAST", false],
    ["IP_TTL", 255],
    ["IP_USER_MTU", 0xffff_ffff],
    ["TCP_MAXRT", -1],
    ["IPV6_PROTECTION_LEVEL", 20],
    ["IPV6_PROTECTION_LEVEL", -1],
    ["SO_CONNECT_TIME", 12],
    ["SO_CONNECT_TIME", "never"],
    ["SO_LINGER", { l_onoff: true, l_linger: 65_535 }],
    ["IP_OPTIONS", new Uint8Array([7, 8])],
    ["IP_OPTIONS", new Uint8Array(0)],
    ["IP_UNICAST_IF", 300],
    ["IP_MULTICAST_IF", 300],
    ["IP_MULTICAST_IF", ip("192.0.2.1")],
    ["IP_GET_IFLIST", [1, 300, 0xffff_ffff]],
    ["IP_ADD_MEMBERSHIP", { imr_multiaddr: ip("224.0.0.1"), imr_interface: 5 }],
    [
      "IP_ADD_SOURCE_MEMBERSHIP",
      { imr_multiaddr: ip("224.0.0.1"), imr_sourceaddr: ip("192.0.2.9"), imr_interface: ip("192.0.2.1") }
    ],
    ["IPV6_ADD_MEMBERSHIP", { ipv6mr_multiaddr: ip("ff02::1"), ipv6mr_interface: 7 }],
    ["MCAST_JOIN_GROUP", { gr_interface: 7, gr_group: ip("ff02::1") }, Flags.AF_INET6],
    ["MCAST_JOIN_SOURCE_GROUP", { gsr_interface: 7, gsr_group: ip("224.0.0.1"), gsr_source: ip("192.0.2.9") }]
  ]
  for (const abi of abis) {
    for (const [name, value, family] of whole) {
      it(`${name} ${String(value)} is read as it was written (${abi})`, () => {
        assert.deepStrictEqual(around(abi, valueOf(name, family), value), value)
      })
    }
  }

  it("what is in network byte order lies so in memory", () => {
    const view = new DataView(new ArrayBuffer(4))
    valueOf("IP_UNICAST_IF").write("x64", view, 0, 5)
    assert.strictEqual(view.getUint32(0, false), 5)
    valueOf("IPV6_UNICAST_IF", Flags.AF_INET6).write("x64", view, 0, 5)
    assert.strictEqual(view.getUint32(0, true), 5)
    // told in the host's order, as the page promises
    assert.strictEqual(valueOf("IP_UNICAST_IF").read("x64", view, 0, 4, 0), 5)
    assert.strictEqual(valueOf("IP_MULTICAST_IF").read("x64", view, 0, 4, 0), 5)
  })

  it("a flag in a byte is read; a number without its bytes is none", () => {
    const view = new DataView(new ArrayBuffer(8))
    view.setUint8(0, 1)
    assert.strictEqual(valueOf("TCP_NODELAY").read("x64", view, 0, 1, 0), true)
    assert.isUndefined(valueOf("TCP_NODELAY").read("x64", view, 0, 0, 0))
    assert.isUndefined(valueOf("SO_LINGER").read("x64", view, 0, 3, 0))
  })

  it("refuses what is out of range, and names the field", () => {
    for (const given of [0, 256, 1.5, Number.NaN, "1", null, undefined, 2n]) {
      assert.strictEqual(refusal(valueOf("IP_TTL"), given), "x", String(given))
    }
    assert.strictEqual(refusal(valueOf("IP_MTU_DISCOVER"), 0), "x")
    assert.strictEqual(refusal(valueOf("IPV6_PROTECTION_LEVEL"), 15), "x")
    assert.strictEqual(refusal(valueOf("SO_LINGER"), { l_onoff: 1, l_linger: 0 }), "x.l_onoff")
    assert.strictEqual(refusal(valueOf("SO_LINGER"), { l_onoff: true, l_linger: 65_536 }), "x.l_linger")
    assert.strictEqual(refusal(valueOf("SO_LINGER"), null), "x")
    assert.strictEqual(refusal(valueOf("IP_OPTIONS"), new Uint8Array(41)), "x")
    assert.strictEqual(refusal(valueOf("IP_UNICAST_IF"), 0x100_0000), "x")
    assert.strictEqual(refusal(valueOf("SO_UPDATE_CONNECT_CONTEXT"), 1), "x")
    const address = { gr_interface: 1, gr_group: at("224.0.0.1", 0) }
    assert.strictEqual(refusal(valueOf("MCAST_JOIN_GROUP"), address), "x.gr_group")
  })

  it("what is checked is a copy", () => {
    const bytes = new Uint8Array([1])
    const checked = valueOf("IP_OPTIONS").check(bytes, "x") as Uint8Array
    bytes[0] = 2
    assert.strictEqual(checked[0], 1)
  })
})

describe("answers with pointers into themselves", () => {
  const base = 0x7000
  const state = valueOf("SO_BSP_STATE")
  const list = IoctlTable.find("SIO_ADDRESS_LIST_QUERY")!.output

  const stateAt = (abi: Abi, pointer: number, length: number): { readonly view: DataView; readonly size: number } => {
    const view = new DataView(new ArrayBuffer(256))
    const place = Structs.CSADDR_INFO.offsets[abi]
    const size = Structs.CSADDR_INFO.size[abi]
    SockAddr.write(view, size, at("127.0.0.1", 7))
    writePointer(abi, view, place.LocalAddr.lpSockaddr, pointer)
    view.setInt32(place.LocalAddr.iSockaddrLength, length, true)
    view.setInt32(place.iSocketType, 2, true)
    return { view, size: size + 16 }
  }

  it("an address inside is read", () => {
    for (const abi of abis) {
      const { size, view } = stateAt(abi, base + Structs.CSADDR_INFO.size[abi], 16)
      assert.deepStrictEqual(state.read(abi, view, 0, size, base), {
        LocalAddr: at("127.0.0.1", 7),
        iSocketType: 2,
        iProtocol: 0
      })
    }
  })

  it("a pointer or a length that leads outside is not followed", () => {
    for (const [pointer, length] of [
      [0, 16],
      [base - 1, 16],
      [base + 0x1_0000, 16],
      [base + 41, 16],
      [base + Structs.CSADDR_INFO.size.x64, 17],
      [base + Structs.CSADDR_INFO.size.x64, -1],
      [0xffff_ffff_ffff, 16]
    ]) {
      const { size, view } = stateAt("x64", pointer, length)
      assert.deepStrictEqual(state.read("x64", view, 0, size, base), { iSocketType: 2, iProtocol: 0 })
    }
    assert.isUndefined(state.read("x64", new DataView(new ArrayBuffer(64)), 0, 8, base))
  })

  it("a list of addresses that says it is longer than its bytes is none", () => {
    for (const abi of abis) {
      const view = new DataView(new ArrayBuffer(list.size(abi)))
      const first = pointerSize(abi)
      const each = Structs.SOCKET_ADDRESS.size[abi]
      view.setInt32(0, 1, true)
      SockAddr.write(view, first + each, at("192.0.2.1", 0))
      writePointer(abi, view, first, base + first + each)
      view.setInt32(first + pointerSize(abi), 16, true)
      assert.deepStrictEqual(list.read(abi, view, 0, first + each + 16, base), [at("192.0.2.1", 0)])
      for (const count of [-1, 2, 0x7fff_ffff]) {
        view.setInt32(0, count, true)
        assert.isUndefined(list.read(abi, view, 0, first + each, base), String(count))
      }
    }
  })

  it("any bytes of any length are read without a fault", () => {
    let state = 12_345
    const next = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0)
    const values = [...OptionTable.table.map((one) => one.value), ...IoctlTable.table.map((one) => one.output)]
    for (const value of values) {
      for (const abi of abis) {
        for (let n = 0; n < 8; n++) {
          const size = value.size(abi)
          const bytes = Uint8Array.from({ length: size + 4 }, () => next() >>> 24)
          const length = n === 0 ? 0 : n === 1 ? size : next() % (size + 1)
          assert.doesNotThrow(() => value.read(abi, new DataView(bytes.buffer), 0, length, base))
        }
      }
    }
  })
})

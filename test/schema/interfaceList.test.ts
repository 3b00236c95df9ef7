import * as InterfaceList from "@effect-winsock/schema/InterfaceList"
import { abis, writePointer } from "@effect-winsock/schema/Layout"
import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"

const { INTERFACE_INFO, SOCKET_ADDRESS, SOCKET_ADDRESS_LIST, sockaddr_gen, sockaddr_in6_old } = InterfaceList

const v4 = (text: string) => NetAddress.inetAddressFromIpStringUnsafe(text, 0)
const scoped = Result.getOrThrow(
  NetAddress.inetAddressV6(NetAddress.ipFromStringUnsafe("fe80::9") as NetAddress.Ipv6Address, 0, { scopeId: 12 })
)
const some = [v4("10.0.0.1"), v4("fd00::1"), scoped]
const ip = (text: string) => NetAddress.ipFromStringUnsafe(text) as NetAddress.Ipv4Address

const view = (size: number) => new DataView(new ArrayBuffer(size))

describe("the structures", () => {
  it("are as large as a Windows compiler makes them", () => {
    assert.deepStrictEqual(
      [SOCKET_ADDRESS, SOCKET_ADDRESS_LIST, sockaddr_gen, sockaddr_in6_old, INTERFACE_INFO].map(({ name, size }) => [
        name,
        size.x64,
        size.ia32
      ]),
      [
        ["SOCKET_ADDRESS", 16, 8],
        ["SOCKET_ADDRESS_LIST", 24, 12],
        ["sockaddr_gen", 24, 24],
        ["sockaddr_in6_old", 24, 24],
        ["INTERFACE_INFO", 76, 76]
      ]
    )
  })

  it("have their fields where it has them", () => {
    const list = SOCKET_ADDRESS_LIST.offsets
    assert.deepStrictEqual([list.x64.Address.lpSockaddr, list.ia32.Address.lpSockaddr], [8, 4])
    assert.deepStrictEqual([list.x64.Address.iSockaddrLength, list.ia32.Address.iSockaddrLength], [16, 8])
    const { iiAddress, iiBroadcastAddress, iiFlags, iiNetmask } = INTERFACE_INFO.offsets.x64
    assert.deepStrictEqual(
      [iiFlags, iiAddress.AddressIn.sin_family, iiAddress.AddressIn.sin_addr, iiBroadcastAddress.AddressIn.sin_addr],
      [0, 4, 8, 32]
    )
    assert.deepStrictEqual([iiNetmask.AddressIn.sin_addr, iiNetmask.AddressIn6.sin6_addr], [56, 60])
  })
})

describe("SOCKET_ADDRESS_LIST", () => {
  for (const abi of abis) {
    it(`is read as it was written (${abi})`, () => {
      for (const list of [[], some, some.slice(0, 1)]) {
        const size = InterfaceList.addressesSize(abi, list)
        const memory = view(size + 16)
        assert.strictEqual(InterfaceList.writeAddresses(abi, memory, 0, 0x1000, list), size)
        assert.deepStrictEqual(InterfaceList.readAddresses(abi, memory, size, 0x1000), list)
      }
    })

    it(`whatever it says, nothing outside it is read (${abi})`, () => {
      const size = InterfaceList.addressesSize(abi, some)
      const first = SOCKET_ADDRESS_LIST.offsets[abi].Address.lpSockaddr
      const write = () => {
        const memory = view(size)
        InterfaceList.writeAddresses(abi, memory, 0, 0x1000, some)
        return memory
      }
      for (let length = 0; length <= size; length++) {
        const read = InterfaceList.readAddresses(abi, write(), length, 0x1000)
        assert.deepStrictEqual(read, some.slice(0, read.length))
      }
      // the last address is the last 28 bytes, and padding
      const end = size - (abi === "x64" ? 4 : 0)
      assert.strictEqual(InterfaceList.readAddresses(abi, write(), end, 0x1000).length, 3)
      assert.strictEqual(InterfaceList.readAddresses(abi, write(), end - 1, 0x1000).length, 2)
      for (const count of [-1, -(2 ** 31), 2 ** 31 - 1, 4]) {
        const memory = write()
        memory.setInt32(0, count, true)
        assert.isAtMost(InterfaceList.readAddresses(abi, memory, size, 0x1000).length, size)
      }
      for (const pointer of [0, 0xfff, 0x1000 + size - 15, 0xffff_ffff]) {
        const memory = write()
        writePointer(abi, memory, first, pointer)
        assert.deepStrictEqual(InterfaceList.readAddresses(abi, memory, size, 0x1000), some.slice(1))
      }
      for (const length of [-1, 15, 2 ** 31 - 1]) {
        const memory = write()
        memory.setInt32(first + SOCKET_ADDRESS.offsets[abi].iSockaddrLength, length, true)
        assert.deepStrictEqual(InterfaceList.readAddresses(abi, memory, size, 0x1000), some.slice(1))
      }
    })
  }
})

describe("INTERFACE_INFO", () => {
  const info = {
    flags: InterfaceList.IFF_UP | InterfaceList.IFF_LOOPBACK,
    address: ip("127.0.0.1"),
    broadcast: ip("255.255.255.255"),
    netmask: ip("255.0.0.0")
  }

  it("is read as it was written, and what is half there is left out", () => {
    const memory = view(2 * 76)
    assert.strictEqual(InterfaceList.writeInterface(memory, 0, info), 76)
    InterfaceList.writeInterface(memory, 76, { ...info, address: ip("10.0.0.1") })
    const both = InterfaceList.readInterfaces(memory, 152)
    assert.deepStrictEqual(both, [info, { ...info, address: ip("10.0.0.1") }])
    assert.deepStrictEqual(InterfaceList.readInterfaces(memory, 151), [info])
    assert.deepStrictEqual(InterfaceList.readInterfaces(memory, 2 ** 32 - 1), both)
    assert.deepStrictEqual(InterfaceList.readInterfaces(memory, 0), [])
  })

  it("of another family is left out", () => {
    const memory = view(76)
    InterfaceList.writeInterface(memory, 0, info)
    memory.setUint16(4, 23, true)
    assert.deepStrictEqual(InterfaceList.readInterfaces(memory, 76), [])
  })

  it("a netmask is a prefix length where its ones are at its front", () => {
    for (const [mask, length] of [
      ["0.0.0.0", 0],
      ["128.0.0.0", 1],
      ["255.255.255.0", 24],
      ["255.255.255.254", 31],
      ["255.255.255.255", 32],
      ["255.0.255.0", undefined],
      ["0.0.0.1", undefined]
    ] as const) {
      assert.strictEqual(InterfaceList.prefixOf(ip(mask)), length, mask)
    }
  })
})

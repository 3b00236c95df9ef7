import { SocketOptions, UdpSocket } from "@effect-winsock/core"
import { MockNetwork, MockWinsock } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"

const at = NetAddress.inetAddressFromIpStringUnsafe

// two ways into one host: by which a datagram came decides whether a list of interfaces lets it in
const hosts = {
  server: {
    interfaces: [
      { index: 7, name: "Ethernet", addresses: ["10.0.0.1/24", "fd00::1/64"] },
      { index: 300, name: "Ethernet 2", addresses: ["10.0.0.5/24", "fd00::5/64"] }
    ]
  },
  client: { interfaces: [{ index: 4, name: "Ethernet", addresses: ["10.0.0.2/24", "fd00::2/64"] }] }
}

const families = [
  { family: "IPv4", any: "0.0.0.0", first: "10.0.0.1", second: "10.0.0.5", client: "10.0.0.2", prefix: "IP" },
  { family: "IPv6", any: "::", first: "fd00::1", second: "fd00::5", client: "fd00::2", prefix: "IPV6" }
] as const

describe("options that the simulation acts on", () => {
  for (const { any, client: from, family, first, prefix, second } of families) {
    it.effect(`${prefix}_IFLIST: only what came by a listed interface is received, ${family}`, () =>
      Effect.gen(function* () {
        const network = yield* MockNetwork.make({ hosts })
        const client = yield* Layer.build(MockNetwork.layer(network.hosts.client))
        const server = yield* Layer.build(MockNetwork.layer(network.hosts.server))
        const sender = yield* Effect.provide(UdpSocket.bind(at(from, 0)), client)
        const socket = yield* Effect.provide(UdpSocket.bind(at(any, 0)), server)
        const { port } = socket.address
        yield* SocketOptions.set(socket, `${prefix}_IFLIST`, true)
        yield* SocketOptions.set(socket, `${prefix}_ADD_IFLIST`, 300)
        assert.deepStrictEqual(yield* SocketOptions.get(socket, `${prefix}_GET_IFLIST`), [300])
        yield* sender.send(new Uint8Array([1]), at(first, port))
        yield* sender.send(new Uint8Array([2]), at(second, port))
        assert.deepStrictEqual([...(yield* socket.receive).payload], [2])
        yield* SocketOptions.set(socket, `${prefix}_DEL_IFLIST`, 300)
        yield* SocketOptions.set(socket, `${prefix}_ADD_IFLIST`, 7)
        yield* sender.send(new Uint8Array([3]), at(second, port))
        yield* sender.send(new Uint8Array([4]), at(first, port))
        assert.deepStrictEqual([...(yield* socket.receive).payload], [4])
        yield* SocketOptions.set(socket, `${prefix}_IFLIST`, false)
        yield* sender.send(new Uint8Array([5]), at(second, port))
        assert.deepStrictEqual([...(yield* socket.receive).payload], [5])
      }).pipe(Effect.scoped)
    )
  }

  it.effect("the path's MTU is known once there is a peer", () =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("127.0.0.1", 0))
      const { reason } = yield* Effect.flip(SocketOptions.get(socket, "IP_MTU"))
      assert.strictEqual(reason._tag, "NotConnected")
      assert.include(reason.meaning, "IP_MTU: ")
      yield* socket.connect(socket.address)
      assert.isAbove(yield* SocketOptions.get(socket, "IP_MTU"), 576)
    }).pipe(Effect.scoped, Effect.provide(MockWinsock.layerLoopback))
  )
})

describe("options that a system lacks", () => {
  it.effect("NotSupported with the option's name, and supported says so", () =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("127.0.0.1", 0))
      const { reason } = yield* Effect.flip(SocketOptions.get(socket, "IP_DONTFRAGMENT"))
      assert.strictEqual(reason._tag, "NotSupported")
      assert.strictEqual(reason.name, "WSAENOPROTOOPT")
      assert.include(reason.meaning, "IP_DONTFRAGMENT: ")
      assert.isFalse(yield* SocketOptions.supported(socket, "IP_DONTFRAGMENT"))
      assert.isTrue(yield* SocketOptions.supported(socket, "IP_TTL"))
    }).pipe(Effect.scoped, Effect.provide(MockWinsock.layer({ absentOptions: ["IP_DONTFRAGMENT"] })))
  )
})

// The providers that tests can be run against: what core finds out about each, and that its sockets work there.
import { Interfaces, TcpSocket, UdpSocket, UnixServer, type Winsock } from "@effect-winsock/core"
import { MockProvider, MockWinsock } from "@effect-winsock/mock"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as OptionTable from "@effect-winsock/schema/OptionTable"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { underWine } from "../support/optionsOfWine.ts"
import { capabilitiesOf, hasUnix } from "../support/providers.ts"
import { bind, loopback, numbered, numberOf } from "../support/rig.ts"
import { listen, pair, text, utf8 } from "../support/tcp.ts"
import { at, tag } from "../support/udp.ts"

const on = <A, E>(
  provider: MockWinsock.Behaviour,
  body: Effect.Effect<A, E, Winsock.Winsock | MockWinsock.MockWinsock>
): Effect.Effect<A, unknown> => Effect.provide(body, MockWinsock.layer(provider), { local: true })

const everything = {
  receive: { packetInfo: true, hopLimit: true, trafficClass: true, ecn: true, originalArrivalInterface: true },
  ecnFromTrafficClass: false,
  send: { source: true, sourceByBinding: true, hopLimit: true, trafficClass: true, ecn: true },
  segmentation: true,
  coalescing: true,
  offloadFault: false,
  peerErrorsOff: { connectionReset: true, networkReset: true },
  multicast: { interfaceByIndex: true, sources: true },
  mtuDiscovery: true,
  timestamps: { receive: false, transmit: false },
  largestSend: 65_507,
  cancelOne: true
}

const records = {
  windows7: {
    ...everything,
    version: { major: 6, minor: 1, build: 7601 },
    receive: { packetInfo: true, hopLimit: false, trafficClass: false, ecn: false, originalArrivalInterface: true },
    send: { ...everything.send, hopLimit: false, trafficClass: false, ecn: false },
    segmentation: false,
    coalescing: false,
    mtuDiscovery: false
  },
  windowsServer2022: { ...everything, version: { major: 10, minor: 0, build: 20_348 }, offloadFault: true },
  windows11: { ...everything, version: { major: 10, minor: 0, build: 22_631 } },
  wine: {
    ...everything,
    version: { major: 10, minor: 0, build: 18_362 },
    receive: { packetInfo: true, hopLimit: true, trafficClass: true, ecn: false, originalArrivalInterface: false },
    ecnFromTrafficClass: true,
    // Wine's own sourceByBinding and interfaceByIndex are false: see test/native/providers.test.ts
    send: { source: false, sourceByBinding: true, hopLimit: false, trafficClass: false, ecn: false },
    segmentation: false,
    coalescing: false,
    peerErrorsOff: { connectionReset: true, networkReset: false },
    mtuDiscovery: false
  }
} as const

for (const name of Object.keys(MockProvider.all) as ReadonlyArray<keyof typeof MockProvider.all>) {
  const provider = MockProvider.all[name]
  describe(name, () => {
    it.live("what core finds out about datagram sockets", () =>
      on(
        provider,
        Effect.map(capabilitiesOf("127.0.0.1", true), (record) => assert.deepEqual(record, records[name] as never))
      )
    )

    it.live("datagrams, streams and interfaces work", () =>
      on(
        provider,
        Effect.scoped(
          Effect.gen(function* () {
            const socket = yield* bind()
            yield* socket.send(numbered(1), socket.address)
            const message = yield* socket.receive
            assert.strictEqual(numberOf(message), 1)
            yield* socket.reply(message, numbered(2))
            assert.strictEqual(numberOf(yield* socket.receive), 2)
            const { accepted, client } = yield* pair(yield* listen())
            yield* client.send(utf8("hello"))
            assert.strictEqual(text(yield* accepted.receiveExactly(5)), "hello")
            assert.isAbove((yield* Interfaces.list).length, 0)
            const info = yield* Effect.exit(client.info)
            assert.strictEqual(info._tag, provider.tcpInfo === false ? "Failure" : "Success")
          })
        )
      )
    )

    it.live("what is required and absent is refused by name", () =>
      on(
        provider,
        Effect.scoped(
          Effect.gen(function* () {
            const wish = UdpSocket.bind(loopback, { control: { ecn: "required" } })
            const has = records[name].receive.ecn || records[name].ecnFromTrafficClass
            if (has) yield* wish
            else assert.strictEqual(yield* tag(wish), "NotSupported")
          })
        )
      )
    )

    it.live("AF_UNIX", () =>
      on(
        provider,
        Effect.gen(function* () {
          const { seam } = yield* MockWinsock.MockWinsock
          const has = name === "windows11" || name === "windowsServer2022"
          assert.strictEqual(hasUnix(seam), has)
          if (!has) assert.strictEqual(yield* tag(Effect.scoped(UnixServer.listen("C:\\a.sock"))), "NotSupported")
        })
      )
    )
  })
}

describe("what providers lack is in the tables", () => {
  it("every name is an option's or a control code's", () => {
    for (const { absentIoctls = [], absentOptions = [] } of Object.values(MockProvider.all)) {
      for (const name of absentOptions)
        assert.isTrue(
          OptionTable.table.some((row) => row.name === name),
          name
        )
      for (const name of absentIoctls) assert.property(Ioctls, name)
      assert.strictEqual(new Set(absentOptions).size, absentOptions.length)
    }
  })

  it("Windows 11 has everything, and whatever Server 2022 lacks, Windows 7 lacks", () => {
    assert.deepStrictEqual(MockProvider.windows11.absentOptions, [])
    assert.deepStrictEqual(MockProvider.windows11.absentIoctls, [])
    const { windows7, windowsServer2022 } = MockProvider.all
    for (const name of windowsServer2022.absentOptions!) assert.include(windows7.absentOptions!, name)
  })

  it("Wine's are those that the tests under Wine found unknown, and no other", () => {
    const isUnknown = (answer: string) => /^(WSAENOPROTOOPT|-)\/(WSAENOPROTOOPT|-)\/-$/.test(answer)
    const unknown = Object.entries(underWine)
      .filter(([name, answers]) => name.startsWith("UDP_") || Object.values(answers).every(isUnknown))
      .map(([name]) => name)
    assert.deepStrictEqual(MockProvider.wine.absentOptions!.toSorted(), unknown.toSorted())
  })

  it.effect("a name that none has is a mistake", () =>
    Effect.gen(function* () {
      const died = yield* Effect.exit(Effect.scoped(MockWinsock.make({ absentIoctls: ["SIO_NOTHING"] })))
      assert.match(String(died), /absentIoctls: there is no control code SIO_NOTHING/)
    })
  )
})

it.live("a program that wants less runs on all of them: the same answers", () =>
  Effect.gen(function* () {
    const answers = yield* Effect.forEach(Object.values(MockProvider.all), (provider) =>
      on(
        provider,
        Effect.scoped(
          Effect.gen(function* () {
            const server = yield* listen()
            const client = yield* TcpSocket.connect(server.address, { keepAlive: true, noDelay: true })
            const accepted = yield* server.accept
            yield* accepted.send(utf8("x"))
            const refused = yield* tag(TcpSocket.connect(at("127.0.0.1", 1)))
            return [text(yield* client.receiveExactly(1)), refused]
          })
        )
      )
    )
    for (const answer of answers) assert.deepStrictEqual(answer, ["x", "ConnectionRefused"])
  })
)

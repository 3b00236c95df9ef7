import { Decorators, UdpSocket, Winsock } from "@effect-winsock/core"
import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import { WSAENOBUFS, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import { hosts } from "../support/hosts.ts"
import { bind, law, numbered, numberOf, start } from "../support/rig.ts"
import { at, controlOf, from, lacks, pattern } from "../support/udp.ts"

const all = ["packetInfo", "hopLimit", "trafficClass", "ecn", "originalArrivalInterface"] as const

const windows = {
  version: { major: 10, minor: 0, build: 22_631 },
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

/** What is found out about groups is asked on sockets that leave the protocol to the system. */
const isUdp = (args: { readonly [parameter: string]: number }): boolean => args.protocol === 17

/** A provider that lacks what Wine lacks. */
const likeWine = {
  sendControl: "ignored",
  build: 18_362,
  absentOptions: [
    "IP_RECVECN",
    "IPV6_RECVECN",
    "IP_ORIGINAL_ARRIVAL_IF",
    "UDP_SEND_MSG_SIZE",
    "UDP_RECV_MAX_COALESCED_SIZE"
  ]
} as const

describe("UdpSocket: the capability record", () => {
  hosts("of Windows", ({ server }) =>
    Effect.gen(function* () {
      const v4 = yield* server.bind("10.0.0.1", { control: all, coalesce: 65_535 })
      assert.deepStrictEqual(yield* v4.capabilities, windows)
      const v6 = yield* server.bind("fd00::1", { control: all, coalesce: 65_535 })
      assert.deepStrictEqual(yield* v6.capabilities, { ...windows, largestSend: 65_527 })
      const plain = yield* server.bind("10.0.0.1")
      const none = Object.fromEntries(all.map((name) => [name, false]))
      assert.deepStrictEqual(yield* plain.capabilities, { ...windows, receive: none as never, coalescing: false })
    })
  )

  hosts(
    "of a provider like Wine",
    ({ server }) =>
      Effect.gen(function* () {
        const socket = yield* server.bind("10.0.0.1", { control: all, coalesce: 65_535 })
        assert.deepStrictEqual(yield* socket.capabilities, {
          ...windows,
          version: { major: 10, minor: 0, build: 18_362 },
          receive: {
            packetInfo: true,
            hopLimit: true,
            trafficClass: true,
            ecn: false,
            originalArrivalInterface: false
          },
          ecnFromTrafficClass: true,
          send: { source: false, sourceByBinding: true, hopLimit: false, trafficClass: false, ecn: false },
          segmentation: false,
          coalescing: false
        })
      }),
    likeWine
  )

  for (const build of [20_348, 17_763, 26_100]) {
    hosts(
      `the offload fault is that of build 20348, not of ${build}`.replace(", not of 20348", ""),
      ({ server }) =>
        Effect.gen(function* () {
          const socket = yield* server.bind("10.0.0.1")
          const { offloadFault, version } = yield* socket.capabilities
          assert.deepStrictEqual([version.build, offloadFault], [build, build === 20_348])
        }),
      { build }
    )
  }
})

describe("UdpSocket: the self-test of send control data", () => {
  const tests = (count: (family: number) => number) => [count(2), count(23)]

  hosts("is made once per layer and family, when it is first needed, and leaves no socket", ({ client, server }) =>
    Effect.gen(function* () {
      const opened = () =>
        tests((family) => server.recorder.count("WSASocketW", ({ args }) => args.af === family && isUdp(args)))
      const v4 = yield* server.bind("10.0.0.1")
      const friend = yield* client.bind("10.0.0.2")
      yield* v4.send(numbered(1), friend.address)
      assert.deepStrictEqual(opened(), [1, 0])
      yield* Effect.all([v4.capabilities, v4.send(numbered(1), friend.address, { hopLimit: 9 }), v4.capabilities], {
        concurrency: "unbounded"
      })
      const [sockets] = opened()
      assert.isAbove(sockets, 1)
      yield* v4.send(numbered(1), friend.address, { ecn: 1 })
      const other = yield* server.bind("10.0.0.1", { control: ["packetInfo"] })
      yield* other.capabilities
      assert.deepStrictEqual(opened(), [sockets + 1, 0])
      const v6 = yield* server.bind("fd00::1")
      yield* v6.capabilities
      const [, six] = opened()
      assert.isAbove(six, 1)
      yield* (yield* server.bind("fd00::1")).capabilities
      assert.deepStrictEqual(opened(), [sockets + 1, six + 1])
      assert.strictEqual((yield* server.statistics).handles.sockets, 4)
      assert.strictEqual((yield* server.mock.sockets).length, 4)
      // the other machine's layer has not been asked
      assert.strictEqual(client.recorder.count("WSASocketW"), 1)
    })
  )

  // timers are run before what has come is looked at, when a turn of the event loop took long
  let busy = false
  law(
    "does not give up because the program was busy for long",
    ({ gate }) =>
      Effect.gen(function* () {
        const socket = yield* bind()
        gate.close()
        busy = true
        const asking = yield* start(socket.capabilities)
        busy = false
        for (let n = 0; n < 8; n++) yield* Effect.yieldNow
        gate.open()
        assert.deepStrictEqual((yield* Fiber.join(asking)).send, windows.send)
      }),
    {
      decorate: (seam) => ({
        ...seam,
        host: {
          ...seam.host,
          schedule: (task, delay) => seam.host.schedule(task, busy ? undefined : delay)
        }
      })
    }
  )

  hosts("goes on for those who wait when the first who asked is interrupted", ({ server }) =>
    Effect.gen(function* () {
      const socket = yield* server.bind("10.0.0.1")
      server.gate.close()
      const first = yield* start(socket.capabilities)
      const second = yield* start(socket.capabilities)
      assert.isUndefined(first.pollUnsafe())
      const count = () => server.recorder.count("WSASocketW", ({ args }) => isUdp(args))
      const opened = count()
      first.interruptUnsafe()
      server.gate.open()
      yield* Fiber.await(first)
      assert.deepStrictEqual((yield* Fiber.join(second)).send, windows.send)
      assert.deepStrictEqual((yield* socket.capabilities).send, windows.send)
      assert.strictEqual(count(), opened)
    })
  )

  for (const most of [4, 8, 16]) {
    hosts(`is made whole although its fiber yields every ${most} steps and is interrupted`, ({ server }) =>
      Effect.gen(function* () {
        const socket = yield* server.bind("10.0.0.1")
        const ask = Effect.provideService(socket.capabilities, Scheduler.MaxOpsBeforeYield, most)
        const fiber = yield* start(ask)
        yield* Effect.yieldNow
        fiber.interruptUnsafe()
        yield* Fiber.await(fiber)
        assert.deepStrictEqual((yield* socket.capabilities).send, windows.send)
        assert.strictEqual((yield* server.statistics).handles.sockets, 1)
      })
    )
  }

  it.effect("ends under a test's clock, which nobody moves", () =>
    Effect.gen(function* () {
      for (const sendControl of ["honoured", "ignored"] as const) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const socket = yield* UdpSocket.bind(at("127.0.0.1"))
            const { send } = yield* socket.capabilities
            assert.strictEqual(send.source, sendControl === "honoured")
          })
        ).pipe(Effect.provide(MockWinsock.layer({ sendControl })))
      }
    })
  )

  it.live("ends although what it sends never arrives, and trusts nothing then", () =>
    Effect.gen(function* () {
      const mock = yield* MockWinsock.make()
      const recorder = Decorators.record()
      const winsock = yield* Winsock.make(recorder.decorate(mock.seam))
      const socket = yield* Effect.provideService(UdpSocket.bind(at("127.0.0.1")), Winsock.Winsock, winsock)
      const { send } = yield* Effect.scoped(Effect.andThen(mock.hold, socket.capabilities))
      assert.deepStrictEqual(send, {
        // it refused the address of nobody's, but nothing came from the one it was asked to use
        source: send.source,
        sourceByBinding: false,
        hopLimit: false,
        trafficClass: false,
        ecn: false
      })
    }).pipe(Effect.scoped)
  )

  hosts(
    "a provider without it refuses what is required before any call, and sends plainly what is preferred",
    ({ client, server }) =>
      Effect.gen(function* () {
        const friend = yield* client.bind("10.0.0.2", { control: ["hopLimit", "trafficClass"] })
        const required = yield* server.bind("10.0.0.1")
        const preferred = yield* server.bind("10.0.0.1", { sendControl: "preferred" })
        yield* required.capabilities
        server.recorder.clear()
        const wishes: ReadonlyArray<UdpSocket.SendOptions> = [
          { hopLimit: 9 },
          { trafficClass: 4 },
          { ecn: 1 },
          { source: at("10.0.0.101").address },
          { segmentSize: 2 }
        ]
        for (const options of wishes) {
          yield* lacks(required.send(pattern(3), friend.address, options), Object.keys(options)[0])
        }
        assert.strictEqual(server.recorder.count("WSASendMsg"), 0)
        for (const options of wishes.slice(0, 4)) {
          yield* preferred.send(numbered(1), friend.address, options)
          const message = yield* friend.receive
          assert.strictEqual(from(message), "10.0.0.1")
          assert.deepStrictEqual(controlOf(message), { hopLimit: 128, trafficClass: 0, ecn: 0 })
        }
        yield* preferred.send(pattern(5), friend.address, { segmentSize: 2, hopLimit: 3 })
        for (const size of [2, 2, 1]) assert.strictEqual((yield* friend.receive).payload.length, size)
      }),
    likeWine
  )
})

describe("UdpSocket: what is said of a send arrives, on Windows", () => {
  const servers = [
    { name: "IPv4", bind: "0.0.0.0", client: "10.0.0.2", source: "10.0.0.101", ipv6Only: true },
    { name: "IPv6", bind: "::", client: "fd00::2", source: "fd00::101", ipv6Only: true },
    { name: "IPv6 on a dual-stack socket", bind: "::", client: "fd00::2", source: "fd00::101", ipv6Only: false },
    { name: "IPv4 on a dual-stack socket", bind: "::", client: "10.0.0.2", source: "10.0.0.101", ipv6Only: false }
  ]
  for (const abi of ["x64", "ia32"] as const) {
    for (const { bind, client: clientIp, ipv6Only, name, source } of servers) {
      hosts(
        `${name}, ${abi}: each alone and all together`,
        ({ client, server }) =>
          Effect.gen(function* () {
            const friend = yield* client.bind(clientIp, { control: ["hopLimit", "trafficClass", "ecn"] })
            const socket = yield* server.bind(bind, { ipv6Only })
            const address = at(source).address
            const cases: ReadonlyArray<
              readonly [UdpSocket.SendOptions, { hopLimit?: number; trafficClass?: number; from?: string }]
            > = [
              [{}, {}],
              [{ hopLimit: 1 }, { hopLimit: 1 }],
              [{ hopLimit: 255 }, { hopLimit: 255 }],
              [{ trafficClass: 0xff }, { trafficClass: 0xff }],
              [{ trafficClass: 0 }, { trafficClass: 0 }],
              [{ ecn: 1 }, { trafficClass: 1 }],
              [{ ecn: 2 }, { trafficClass: 2 }],
              [{ ecn: 0 }, { trafficClass: 0 }],
              [{ ecn: 1, trafficClass: 0xba }, { trafficClass: 0xb9 }],
              [{ source: address }, { from: source }],
              [{ source: address, interface: 7 }, { from: source }],
              [{ source: address, interface: 0 }, { from: source }],
              [
                { source: address, interface: 7, hopLimit: 77, trafficClass: 0xb8, ecn: 2, segmentSize: 100 },
                { from: source, hopLimit: 77, trafficClass: 0xba }
              ]
            ]
            for (const [i, [options, expected]] of cases.entries()) {
              yield* socket.send(numbered(i), friend.address, options)
              const message = yield* friend.receive
              assert.strictEqual(numberOf(message), i)
              const { trafficClass = 0 } = expected
              assert.deepStrictEqual(controlOf(message), {
                hopLimit: expected.hopLimit ?? 128,
                trafficClass,
                ecn: trafficClass & 3
              })
              assert.strictEqual(from(message), expected.from ?? source.replace("101", "1"))
              assert.strictEqual(message.from!.port, socket.address.port)
            }
            // through a send that waits, too
            server.failing.add({
              call: "WSASendMsg",
              when: ({ lpOverlapped }) => lpOverlapped === 0,
              nth: 1,
              code: WSAEWOULDBLOCK
            })
            yield* socket.send(numbered(99), friend.address, { hopLimit: 5, source: address })
            const late = yield* friend.receive
            assert.deepStrictEqual([numberOf(late), controlOf(late).hopLimit, from(late)], [99, 5, source])
          }),
        { abi }
      )
    }
  }

  hosts("a v4-mapped source is as good as the IPv4 address", ({ client, server }) =>
    Effect.gen(function* () {
      const friend = yield* client.bind("10.0.0.2")
      const socket = yield* server.bind("::", { ipv6Only: false })
      yield* socket.send(numbered(1), friend.address, { source: at("::ffff:10.0.0.101").address })
      assert.strictEqual(from(yield* friend.receive), "10.0.0.101")
      yield* socket.connect(friend.address)
      yield* socket.send(numbered(2), undefined, { hopLimit: 4 })
      assert.strictEqual(numberOf(yield* friend.receive), 2)
    })
  )

  hosts("segments go in one call, and carry the rest of what was said", ({ client, server }) =>
    Effect.gen(function* () {
      const friend = yield* client.bind("10.0.0.2", { control: ["hopLimit"] })
      const socket = yield* server.bind("10.0.0.1")
      yield* socket.capabilities
      server.recorder.clear()
      yield* socket.send(pattern(10), friend.address, { segmentSize: 4, hopLimit: 3 })
      assert.strictEqual(server.recorder.count("WSASendMsg"), 1)
      for (const size of [4, 4, 2]) {
        const message = yield* friend.receive
        assert.deepStrictEqual([message.payload.length, controlOf(message).hopLimit], [size, 3])
      }
    })
  )

  hosts(
    "without segmentation a preferred segment size carries the rest of what was said, and fails in the middle",
    ({ client, server }) =>
      Effect.gen(function* () {
        const friend = yield* client.bind("10.0.0.2", { control: ["hopLimit"] })
        const socket = yield* server.bind("10.0.0.1", { sendControl: "preferred" })
        yield* socket.capabilities
        yield* socket.send(pattern(5), friend.address, { segmentSize: 4, hopLimit: 3 })
        for (const size of [4, 1]) {
          const message = yield* friend.receive
          assert.deepStrictEqual([message.payload.length, controlOf(message).hopLimit], [size, 3])
        }
        server.failing.add({ call: "WSASendMsg", nth: 2, code: WSAENOBUFS })
        const exit = yield* Effect.exit(socket.send(pattern(12), friend.address, { segmentSize: 4 }))
        assert.strictEqual(exit._tag, "Failure")
        assert.strictEqual((yield* friend.receive).payload.length, 4)
      }),
    { absentOptions: ["UDP_SEND_MSG_SIZE"] }
  )
})

describe("UdpSocket: control data of a provider that lacks some", () => {
  const absent: ReadonlyArray<readonly [(typeof all)[number], ReadonlyArray<string>]> = [
    ["packetInfo", ["IP_PKTINFO", "IPV6_PKTINFO"]],
    ["hopLimit", ["IP_RECVTTL", "IPV6_HOPLIMIT"]],
    ["trafficClass", ["IP_RECVTOS", "IPV6_RECVTCLASS"]],
    ["originalArrivalInterface", ["IP_ORIGINAL_ARRIVAL_IF"]],
    ["ecn", ["IP_RECVECN", "IPV6_RECVECN", "IP_RECVTOS", "IPV6_RECVTCLASS"]]
  ]
  for (const [name, absentOptions] of absent) {
    hosts(
      `${name}: required it fails and leaves no socket, preferred it is gone without`,
      ({ server }) =>
        Effect.gen(function* () {
          for (const ip of ["10.0.0.1", "fd00::1"]) {
            yield* lacks(Effect.scoped(server.bind(ip, { control: { [name]: "required" } })), name)
            assert.strictEqual((yield* server.mock.sockets).length, 0)
            const socket = yield* Effect.scoped(
              Effect.flatMap(server.bind(ip, { control: { [name]: "preferred", hopLimit: undefined } }), (socket) =>
                Effect.gen(function* () {
                  yield* socket.send(numbered(1), socket.address)
                  const message = yield* socket.receive
                  return [yield* socket.capabilities, message.control] as const
                })
              )
            )
            assert.isFalse(socket[0].receive[name])
            assert.deepStrictEqual(socket[1], {})
          }
        }),
      { absentOptions }
    )
  }

  for (const [bind, to] of [
    ["10.0.0.1", "10.0.0.1"],
    ["fd00::1", "fd00::1"],
    ["::", "10.0.0.1"],
    ["::", "fd00::1"]
  ]) {
    hosts(
      `ecn comes from the traffic class, required or preferred: ${to} on ${bind}`,
      ({ client, server }) =>
        Effect.gen(function* () {
          for (const wish of ["required", "preferred"] as const) {
            const socket = yield* server.bind(bind, { control: { ecn: wish }, ipv6Only: bind !== "::" })
            const friend = yield* client.bind(to === "10.0.0.1" ? "10.0.0.2" : "fd00::2")
            const { ecnFromTrafficClass, receive } = yield* socket.capabilities
            assert.deepStrictEqual([ecnFromTrafficClass, receive.ecn, receive.trafficClass], [true, false, true])
            for (const ecn of [0, 1, 2]) {
              yield* friend.send(numbered(1), at(to, socket.address.port), { ecn, trafficClass: 0xb8 })
              assert.deepStrictEqual(controlOf(yield* socket.receive), { trafficClass: 0xb8 | ecn, ecn })
            }
          }
        }),
      { absentOptions: ["IP_RECVECN", "IPV6_RECVECN"] }
    )
  }

  hosts(
    "on a dual-stack socket a required name that IPv4 lacks is missing too",
    ({ server }) =>
      lacks(Effect.scoped(server.bind("::", { ipv6Only: false, control: { packetInfo: "required" } })), "packetInfo"),
    { absentOptions: ["IP_PKTINFO"] }
  )

  hosts(
    "on a dual-stack socket ecn comes from the traffic class where IPv4 alone lacks it",
    ({ client, server }) =>
      Effect.gen(function* () {
        const socket = yield* server.bind("::", { ipv6Only: false, control: { ecn: "required" } })
        for (const [own, to] of [
          ["10.0.0.2", "10.0.0.1"],
          ["fd00::2", "fd00::1"]
        ]) {
          const friend = yield* client.bind(own)
          yield* friend.send(numbered(1), at(to, socket.address.port), { ecn: 2 })
          assert.strictEqual(controlOf(yield* socket.receive).ecn, 2)
        }
      }),
    { absentOptions: ["IP_RECVECN"] }
  )
})

describe("UdpSocket: the control buffer is large enough, and no larger", () => {
  for (const abi of ["x64", "ia32"] as const) {
    hosts(
      `in every combination, ${abi}`,
      ({ client, server }) =>
        Effect.gen(function* () {
          const v4 = yield* client.bind("10.0.0.2")
          const v6 = yield* client.bind("fd00::2")
          for (let bits = 0; bits < 32; bits++) {
            const control = all.filter((_name, i) => (bits & (1 << i)) !== 0)
            for (const [ip, ipv6Only] of [
              ["0.0.0.0", true],
              ["::", true],
              ["::", false]
            ] as const) {
              yield* Effect.scoped(
                Effect.gen(function* () {
                  const socket = yield* server.bind(ip, { control, ipv6Only })
                  const senders = ip === "0.0.0.0" ? [v4] : ipv6Only ? [v6] : [v4, v6]
                  for (const sender of senders) {
                    yield* sender.send(numbered(1), at(sender === v4 ? "10.0.0.1" : "fd00::1", socket.address.port))
                    const message = yield* socket.receive
                    assert.strictEqual(message.flags, 0)
                    const came = controlOf(message)
                    for (const name of control) assert.property(came, name)
                  }
                })
              )
            }
          }
        }),
      { abi }
    )
  }
})

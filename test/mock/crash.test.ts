// Machines that crash and come back: what is left of them, and what their peers hear.
import {
  BlockingSocket,
  EventObject,
  Interfaces,
  Names,
  SocketOptions,
  TcpServer,
  TcpSocket,
  UdpSocket,
  UnixServer,
  UnixSocket,
  Winsock,
  type WinsockError
} from "@effect-winsock/core"
import { MockNetstat, MockNetwork, MockWinsock } from "@effect-winsock/mock"
import * as Flags from "@effect-winsock/schema/Flags"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Options from "@effect-winsock/schema/Options"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import * as Stream from "effect/Stream"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { Lab, kinds, labOf } from "./support.ts"
import { held, nothing } from "../support/rig.ts"
import { at, bytes, tag } from "../support/udp.ts"

const port = 5000
const server = "10.0.0.1"
const client = "10.0.0.2"

type Network = MockNetwork.MockNetwork<"server" | "client">

const law = <A, E>(
  name: string,
  body: (network: Network) => Effect.Effect<A, E, Scope.Scope>,
  behaviour: MockWinsock.Behaviour = {}
) => it.effect(name, () => Effect.scoped(Effect.flatMap(MockNetwork.makeClientServer(behaviour), body)))

/** Nothing is held by the machine that crashed: not by its programs, and not by its DLL. */
const nothingLeft = Effect.fnUntraced(function* (
  mock: MockWinsock.Mock,
  statistics?: Effect.Effect<Winsock.Statistics>
) {
  assert.deepStrictEqual(yield* mock.counts, { blocks: 0, handles: 0, pending: 0 })
  if (statistics !== undefined) assert.deepStrictEqual(held(yield* statistics), nothing)
})

/** What a machine has put on the wire since the trace was cleared. */
const sentBy = (mock: MockWinsock.Mock) =>
  Effect.map(
    mock.trace,
    (events) => events.filter((e) => (e._tag === "Segment" || e._tag === "Sent") && e.host === mock.name).length
  )

const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Of a WSASendTo of one byte to the client. */
const untakenArguments = (l: Lab): [number, number, number, number, number, number] => {
  const message = l.outgoing("y")
  const to = l.address(client, 9)
  return [message.view.lpBuffers, 1, 0, 0, to.address, to.length]
}

type Program = Effect.Effect<unknown, unknown, Winsock.Winsock | MockWinsock.MockWinsock | Scope.Scope>

/** What a program may be in the middle of. */
const states: ReadonlyArray<readonly [name: string, program: Program, options?: MockWinsock.Behaviour]> = [
  ["a receive of UDP", Effect.flatMap(UdpSocket.bind(at(server, port)), ({ receive }) => receive)],
  [
    "several receives of UDP ahead",
    Effect.flatMap(UdpSocket.bind(at("::", port), { lookAhead: 8 }), ({ receive }) =>
      Effect.all([receive, receive, receive], { concurrency: "unbounded" })
    )
  ],
  [
    "a receive that completes by an event",
    Effect.flatMap(UdpSocket.bind(at(server, port), { completion: "event" }), ({ receive }) => receive)
  ],
  [
    "a receive that completes by a routine",
    Effect.flatMap(UdpSocket.bind(at(server, port), { completion: "routine" }), ({ receive }) => receive)
  ],
  ["an accept", Effect.flatMap(TcpServer.listen(at(server, port), { acceptAhead: 3 }), ({ accept }) => accept)],
  ["a connect that nobody answers", TcpSocket.connect(at("10.0.0.77", port))],
  [
    "a receive of TCP",
    Effect.gen(function* () {
      const listener = yield* TcpServer.listen(at(server, port))
      const own = yield* TcpSocket.connect(listener.address)
      return yield* own.receive
    })
  ],
  [
    "a send that finds no room, and one behind it",
    Effect.gen(function* () {
      const listener = yield* TcpServer.listen(at(server, port))
      const own = yield* TcpSocket.connect(listener.address)
      yield* listener.accept
      const big = new Uint8Array(1 << 22)
      return yield* Effect.all([own.send(big), own.send(big)], { concurrency: "unbounded" })
    })
  ],
  [
    "sends that wait for room in the buffer",
    Effect.gen(function* () {
      yield* Effect.flatMap(MockWinsock.MockWinsock, ({ hold }) => hold)
      const own = yield* UdpSocket.bind(at(server, port))
      yield* SocketOptions.set(own, "SO_SNDBUF", 100)
      const send = own.send(new Uint8Array(90), at(client, port))
      return yield* Effect.all([send, send, send], { concurrency: "unbounded" })
    })
  ],
  [
    "a file on its way",
    Effect.gen(function* () {
      const { file } = yield* MockWinsock.MockWinsock
      yield* file("C:/big", { size: 1 << 24 })
      const listener = yield* TcpServer.listen(at(server, port))
      const own = yield* TcpSocket.connect(listener.address)
      yield* listener.accept
      return yield* own.transmitFile("C:/big")
    })
  ],
  [
    "AF_UNIX",
    Effect.gen(function* () {
      const listener = yield* UnixServer.listen("C:/x.sock")
      const own = yield* UnixSocket.connect("C:/x.sock")
      return yield* Effect.all([own.receive, listener.accept, listener.accept], { concurrency: "unbounded" })
    })
  ],
  ["a wait for a change of addresses", Stream.runDrain(Interfaces.changes("IPv4"))],
  [
    "a stream that lingers",
    Effect.gen(function* () {
      const listener = yield* TcpServer.listen(at(server, port))
      const own = yield* TcpSocket.connect(listener.address, { linger: "10 seconds" })
      yield* listener.accept
      yield* own.send(bytes(1, 2, 3))
      return yield* Effect.never
    })
  ],
  [
    "a name that is never answered",
    Names.lookup("never.example"),
    { names: { hosts: { "never.example": { answers: false } } } }
  ],
  [
    "an address that is slow",
    Names.reverse(NetAddress.ipFromStringUnsafe("10.9.9.9")),
    { names: { hosts: { "slow.example": { addresses: ["10.9.9.9"], latency: "9 seconds" } } } }
  ],
  ["an event", Effect.flatMap(EventObject.make, ({ wait }) => wait)],
  ["a blocking receive", Effect.flatMap(BlockingSocket.bind(at(server, port)), ({ receiveMessage }) => receiveMessage)],
  ["nothing", Effect.never]
]

describe("a crash", () => {
  for (const [name, program, behaviour] of states) {
    law(
      `in the middle of ${name}: leaves nothing, sends nothing, takes no time`,
      (network) =>
        Effect.gen(function* () {
          const { hosts } = network
          let statistics: Effect.Effect<Winsock.Statistics> | undefined
          const fiber = yield* network.fork(
            "server",
            Effect.flatMap(Winsock.Winsock, (winsock) => {
              statistics = winsock.statistics
              return program
            })
          )
          yield* network.settled
          assert.isUndefined(fiber.pollUnsafe(), "it is not under way")
          yield* hosts.server.clearTrace
          yield* network.crash("server")
          assert.isTrue(Exit.hasInterrupts(fiber.pollUnsafe()!))
          yield* nothingLeft(hosts.server, statistics)
          yield* TestClock.adjust("1 hour")
          yield* network.settled
          assert.strictEqual(yield* sentBy(hosts.server), 0)
          assert.deepStrictEqual(yield* hosts.server.sockets, [])
          yield* nothingLeft(hosts.server)
          assert.deepStrictEqual(yield* hosts.server.guard, [])
        }),
      behaviour
    )
  }

  law("a peer hears nothing, until the machine is up again and answers with a RST", (network) =>
    Effect.gen(function* () {
      const { hosts } = network
      const listen = Effect.gen(function* () {
        const listener = yield* TcpServer.listen(at(server, port))
        const own = yield* listener.accept
        yield* own.send(bytes(1))
        return yield* own.receive
      })
      yield* network.fork("server", listen)
      const sends = yield* Deferred.make<void>()
      const peer = yield* network.fork(
        "client",
        Effect.gen(function* () {
          const own = yield* TcpSocket.connect(at(server, port))
          yield* own.receive
          const end = yield* Effect.forkChild(tag(own.receive), { startImmediately: true })
          yield* Deferred.await(sends)
          yield* own.send(bytes(2))
          return yield* Fiber.join(end)
        })
      )
      yield* network.settled
      yield* network.crash("server")
      yield* TestClock.adjust("1 hour")
      yield* network.settled
      assert.strictEqual((yield* hosts.client.sockets)[0].state, "ESTABLISHED")
      yield* network.restart("server")
      assert.deepStrictEqual(yield* hosts.server.sockets, [])
      yield* network.settled
      assert.isUndefined(peer.pollUnsafe())
      yield* Deferred.succeed(sends, undefined)
      yield* network.settled
      assert.deepStrictEqual(peer.pollUnsafe(), Exit.succeed("ConnectionReset"))
    })
  )

  law("what waits in the machine is gone, what had left it arrives", (network) =>
    Effect.gen(function* () {
      const { hosts } = network
      const peer = yield* network.fork(
        "client",
        Effect.flatMap(UdpSocket.bind(at(client, port)), ({ receive }) => receive)
      )
      yield* network.settled
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* hosts.server.hold
          yield* network.run(
            "server",
            Effect.gen(function* () {
              const own = yield* UdpSocket.bind(at(server, port))
              yield* own.send(bytes(7), at(client, port))
              yield* own.send(bytes(8), at(server, port))
            })
          )
          yield* network.crash("server")
          yield* network.restart("server")
        })
      )
      yield* network.settled
      const message = yield* Fiber.join(peer)
      assert.deepStrictEqual([...message.payload], [7])
    })
  )

  law("a datagram to it is lost without a word, and one under way to it too", (network) =>
    Effect.gen(function* () {
      const { hosts } = network
      const send = network.run(
        "client",
        Effect.flatMap(UdpSocket.bind(at(client, port)), (own) => own.send(bytes(1), at(server, port)))
      )
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* hosts.server.hold
          yield* send
          yield* network.crash("server")
        })
      )
      yield* send
      yield* network.settled
      const events = yield* hosts.server.trace
      assert.deepStrictEqual(
        events.flatMap((e) => (e._tag === "Dropped" ? [e.reason] : [])),
        ["host is down", "host is down"]
      )
      assert.strictEqual(yield* sentBy(hosts.server), 0)
    })
  )

  law("a connection that was being opened: its SYN is sent again, and met by the machine's next life", (network) =>
    Effect.gen(function* () {
      const { hosts } = network
      yield* network.host(
        "server",
        Effect.flatMap(TcpServer.listen(at(server, port)), (listener) =>
          Effect.flatMap(listener.accept, (own) => own.send(bytes(9))).pipe(Effect.scoped, Effect.forever)
        )
      )
      yield* network.settled
      const peer = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* hosts.client.hold
          const fiber = yield* Effect.forkDetach(
            network.run(
              "client",
              Effect.flatMap(TcpSocket.connect(at(server, port)), ({ receive }) => receive)
            ),
            { startImmediately: true }
          )
          yield* network.settled
          yield* network.crash("server")
          return fiber
        })
      )
      yield* network.settled
      yield* network.restart("server")
      yield* network.settled
      assert.isUndefined(peer.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* network.settled
      assert.deepStrictEqual([...(yield* Fiber.join(peer))], [9])
    })
  )

  law("calls of finalizers need the network in vain", (network) =>
    Effect.gen(function* () {
      const found: Array<string> = []
      const fiber = yield* network.fork(
        "server",
        Effect.gen(function* () {
          const own = yield* UdpSocket.bind(at(server, port))
          yield* Effect.addFinalizer(() =>
            Effect.map(tag(own.send(bytes(1), at(client, port))), (tag) => found.push(tag))
          )
          yield* Effect.addFinalizer(() =>
            Effect.map(tag(Effect.scoped(UdpSocket.bind(at(server, 0)))), (tag) => found.push(tag))
          )
          return yield* Effect.never
        })
      )
      yield* network.settled
      yield* network.crash("server")
      assert.deepStrictEqual(found, ["NetworkDown", "NetworkDown"])
      assert.isDefined(fiber.pollUnsafe())
      yield* nothingLeft(network.hosts.server)
    })
  )

  law("of a program that is not the network's own: it is told that the network is down", (network) =>
    Effect.gen(function* () {
      const { hosts } = network
      const fiber = yield* Effect.forkChild(
        Effect.flatMap(UdpSocket.bind(at(server, port)), ({ receive }) =>
          Effect.all([tag(receive), tag(receive)])
        ).pipe(Effect.scoped, Effect.provide(MockNetwork.layer(hosts.server))),
        { startImmediately: true }
      )
      yield* network.settled
      yield* network.crash("server")
      yield* network.restart("server")
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["NetworkDown", "NetworkDown"])
    })
  )

  law("by the machine's own program", (network) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        network.run("server", Effect.andThen(UdpSocket.bind(at(server, port)), network.crash("server")))
      )
      assert.isTrue(Exit.hasInterrupts(exit))
      assert.isFalse(yield* network.isUp("server"))
      yield* nothingLeft(network.hosts.server)
    })
  )

  law("twice is once; the machine that is down runs nothing", (network) =>
    Effect.gen(function* () {
      yield* network.crash("server")
      yield* network.crash("server")
      assert.strictEqual(yield* tag(network.run("server", UdpSocket.bind(at(server, port)))), "SystemNotReady")
      const crashes = (yield* network.hosts.server.trace).filter(({ _tag }) => _tag === "Crashed")
      assert.strictEqual(crashes.length, 1)
    })
  )
})

describe("what a DLL answers whose machine is down", () => {
  law("nothing that needs a network, and all that gives back; operations end", (network) =>
    Effect.gen(function* () {
      const { hosts } = network
      yield* Effect.scoped(
        Effect.gen(function* () {
          const l = yield* labOf(hosts.server)
          yield* hosts.server.fault({ call: "WSASendMsg", ntstatus: NtStatus.STATUS_LINK_FAILED })
          yield* hosts.server.hold
          const { s } = l.bound(server)
          const cp = l.completionPort(s)
          l.setOption(s, Flags.SOL_SOCKET, Options.SO_SNDBUF, 0)
          const [receive, late, untaken] = [l.overlapped(), l.overlapped(), l.overlapped()]
          l.recvMsg(s, l.message(), receive.address)
          l.sendMsg(s, l.outgoing("x").to(client, 9), late.address)
          l.calls.WSASendTo(s, ...untakenArguments(l), untaken.address, 0)
          const codes = [receive, late, untaken].map(({ view }) => view.Internal)
          assert.deepStrictEqual(codes, [NtStatus.STATUS_PENDING, NtStatus.STATUS_PENDING, NtStatus.STATUS_PENDING])
          yield* network.crash("server")
          assert.deepStrictEqual(
            l.packets(cp).map(({ status }) => status),
            [
              NtStatus.STATUS_UNEXPECTED_NETWORK_ERROR,
              NtStatus.STATUS_UNEXPECTED_NETWORK_ERROR,
              NtStatus.STATUS_UNEXPECTED_NETWORK_ERROR
            ]
          )
          // each once
          yield* network.settled
          assert.deepStrictEqual(l.packets(cp), [])
          const socket = l.calls.WSASocketW(Flags.AF_INET, Flags.SOCK_DGRAM, Flags.IPPROTO_UDP, 0, 0, 1)
          assert.deepStrictEqual([socket, l.error], [-1, Codes.WSAENETDOWN])
          assert.deepStrictEqual([l.bind(s, server), l.error], [-1, Codes.WSAENETDOWN])
          assert.strictEqual(l.recvMsg(s, l.message()), Codes.WSAENETDOWN)
          assert.strictEqual(l.send(s, "x", client, 9), Codes.WSAENETDOWN)
          assert.strictEqual(l.calls.WSAStartup(0x0202, l.alloc(512).address), Codes.WSASYSNOTREADY)
          assert.deepStrictEqual([l.calls.CancelIoEx(s, 0), l.error], [0, Codes.ERROR_NOT_FOUND])
          assert.strictEqual(l.closesocket(s), 0)
        })
      )
      yield* network.settled
      yield* nothingLeft(hosts.server)
      assert.strictEqual(yield* sentBy(hosts.client), 0)
    })
  )

  law("what a program leaves open is not held against it, and is not there in the next life", (network) =>
    Effect.gen(function* () {
      const { hosts } = network
      const leave = (l: Lab) => {
        const s = l.calls.WSASocketW(Flags.AF_INET, Flags.SOCK_DGRAM, Flags.IPPROTO_UDP, 0, 0, 1)
        assert.strictEqual(l.bind(s, server, port), 0)
        l.recvMsg(s, l.message(), l.overlapped().address)
      }
      for (let i = 0; i < 2; i++) {
        const l = new Lab(hosts.server)
        l.calls.WSAStartup(0x0202, l.alloc(512).address)
        leave(l)
        yield* network.crash("server")
        if (i === 0) yield* network.restart("server")
      }
      assert.deepStrictEqual(yield* hosts.server.guard, [])
    })
  )

  law(
    "what it did before is held against it",
    (network) =>
      Effect.gen(function* () {
        const { hosts } = network
        const l = yield* labOf(hosts.server)
        const { s } = l.bound(server)
        l.closesocket(s)
        l.calls.closesocket(s)
        yield* network.restart("server")
        assert.deepStrictEqual(kinds(yield* hosts.server.guard), ["DeadSocket"])
      }),
    { guard: "collect" }
  )

  law("the file of an AF_UNIX socket stays, for there was nobody to delete it", (network) =>
    Effect.gen(function* () {
      const listen = UnixServer.listen("C:/x.sock")
      // also where the program of before goes on
      yield* Effect.forkScoped(
        Effect.andThen(listen, Effect.never).pipe(
          Effect.scoped,
          Effect.provide(MockNetwork.layer(network.hosts.server))
        )
      )
      yield* network.settled
      yield* network.restart("server")
      assert.strictEqual(yield* tag(network.run("server", UnixSocket.connect("C:/x.sock"))), "ConnectionRefused")
      assert.strictEqual(yield* tag(network.run("server", listen)), "AddressInUse")
    })
  )

  law("a peer that had its SYN answered finds out when it says something", (network) =>
    Effect.gen(function* () {
      const { hosts } = network
      yield* network.fork("server", Effect.andThen(TcpServer.listen(at(server, port)), Effect.never))
      yield* network.settled
      const says = yield* Deferred.make<void>()
      const peer = yield* network.fork(
        "client",
        Effect.flatMap(TcpSocket.connect(at(server, port)), (own) =>
          Effect.all([tag(own.receive), Effect.andThen(Deferred.await(says), own.send(bytes(1)))], { concurrency: 2 })
        )
      )
      const isHalfOpen = Effect.map(hosts.server.sockets, (all) => all.some(({ state }) => state === "SYN_RECEIVED"))
      let turns = 0
      while (!(yield* isHalfOpen) && ++turns < 100) yield* turn
      assert.isBelow(turns, 100)
      yield* network.crash("server")
      yield* network.settled
      assert.strictEqual((yield* hosts.client.sockets)[0].state, "ESTABLISHED")
      yield* network.restart("server")
      yield* network.settled
      yield* Deferred.succeed(says, undefined)
      yield* network.settled
      assert.deepStrictEqual(peer.pollUnsafe(), Exit.succeed(["ConnectionReset", undefined]))
    })
  )

  it.effect("what takes its time on the way meets the machine as it is by then", () =>
    Effect.gen(function* () {
      const network = yield* MockNetwork.make({
        hosts: MockNetwork.twoHosts,
        routes: [{ between: ["client", "server"], routers: [["10.0.0.254"]], delay: 10 }]
      })
      const receiving = Effect.flatMap(UdpSocket.bind(at(server, port)), ({ receive }) => receive)
      const found: Array<string> = []
      for (const comesBack of [false, true]) {
        const fiber = yield* network.fork("server", receiving)
        yield* network.settled
        yield* network.run(
          "client",
          Effect.flatMap(UdpSocket.bind(at(client, port)), (own) => own.send(bytes(1), at(server, port)))
        )
        yield* network.settled
        yield* network.hosts.client.clearTrace
        yield* comesBack ? network.restart("server") : network.crash("server")
        yield* TestClock.adjust(20)
        yield* network.settled
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
        const events = yield* network.hosts.client.trace
        found.push(...events.flatMap((e) => (e._tag === "Dropped" ? [e.reason] : [])))
        yield* network.restart("server")
      }
      assert.deepStrictEqual(found, ["host is down", "port closed"])
    }).pipe(Effect.scoped)
  )

  law("a SYN to it has no answer", (network) =>
    Effect.gen(function* () {
      yield* network.crash("server")
      const peer = yield* network.fork("client", tag(TcpSocket.connect(at(server, port))))
      yield* network.settled
      assert.isUndefined(peer.pollUnsafe())
      yield* TestClock.adjust("21 seconds")
      yield* network.settled
      assert.deepStrictEqual(peer.pollUnsafe(), Exit.succeed("TimedOut"))
    })
  )
})

describe("faults and crashes", () => {
  for (const fault of [
    { call: "WSARecvMsg", latePacket: { after: "10 minutes" } },
    { call: "WSARecvMsg", lateCompletion: { after: "10 minutes" } },
    { call: "WSARecvMsg", never: "ever" },
    { call: "CancelIoEx", ignored: true }
  ] as const) {
    law(`a crash ends what ${JSON.stringify(fault)} holds up`, (network) =>
      Effect.gen(function* () {
        const { hosts } = network
        yield* hosts.server.fault(fault)
        yield* network.fork(
          "server",
          Effect.flatMap(UdpSocket.bind(at(server, port)), ({ receive }) => receive)
        )
        yield* network.settled
        yield* network.run(
          "client",
          Effect.flatMap(UdpSocket.bind(at(client, port)), (own) => own.send(bytes(1), at(server, port)))
        )
        yield* network.settled
        const crash = yield* Effect.forkChild(network.crash("server"), { startImmediately: true })
        yield* network.settled
        assert.isDefined(crash.pollUnsafe())
        yield* nothingLeft(hosts.server)
        yield* network.restart("server")
      })
    )
  }
})

describe("a restart", () => {
  law("has the machine as it was made, with ports that are free, and calls faults that a test wants", (network) =>
    Effect.gen(function* () {
      const { hosts } = network
      yield* hosts.server.fault({ call: "bind", code: 10055, nth: 2 })
      const program = UdpSocket.bind(at(server, port))
      yield* network.fork("server", Effect.andThen(program, Effect.never))
      yield* network.settled
      yield* network.restart("server")
      assert.strictEqual(yield* tag(network.run("server", program)), "NoBufferSpace")
      yield* network.run("server", program)
      const names = (yield* hosts.server.trace).map(({ _tag }) => _tag)
      assert.deepStrictEqual(
        [names.indexOf("Crashed") > 0, names.indexOf("Restarted") > names.indexOf("Crashed")],
        [true, true]
      )
    })
  )

  law("begins the program of the machine anew, in the same step, whatever it was doing", (network) =>
    Effect.gen(function* () {
      let lives = 0
      const fiber = yield* network.host(
        "server",
        Effect.suspend(() => (++lives === 2 ? Effect.void : Effect.never))
      )
      const counts = [lives]
      for (let i = 0; i < 3; i++) {
        yield* network.restart("server")
        counts.push(lives)
      }
      assert.deepStrictEqual(counts, [1, 2, 3, 4])
      yield* network.crash("server")
      assert.isUndefined(fiber.pollUnsafe())
      assert.strictEqual(lives, 4)
    })
  )

  law("a machine that is down when it is given its program begins it when it is up", (network) =>
    Effect.gen(function* () {
      let lives = 0
      yield* network.crash("server")
      yield* network.host(
        "server",
        Effect.sync(() => void lives++)
      )
      assert.strictEqual(lives, 0)
      yield* network.restart("server")
      yield* network.settled
      assert.strictEqual(lives, 1)
    })
  )

  law("not of a program that failed, nor of one whose scope is closed", (network) =>
    Effect.gen(function* () {
      let lives = 0
      const failing = yield* network.host(
        "server",
        Effect.suspend(() => (lives++, Effect.fail("out of order")))
      )
      yield* network.settled
      yield* network.restart("server")
      yield* network.settled
      assert.deepStrictEqual(failing.pollUnsafe(), Exit.fail("out of order"))
      yield* Effect.scoped(
        network.host(
          "server",
          Effect.suspend(() => (lives++, Effect.never))
        )
      )
      yield* network.restart("server")
      yield* network.settled
      assert.strictEqual(lives, 2)
    })
  )
})

describe("programs of machines", () => {
  law("results, failures, defects and interruptions are the caller's", (network) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* network.run("server", Effect.succeed(7)), 7)
      assert.strictEqual(yield* Effect.flip(network.run("server", Effect.fail("no"))), "no")
      const died = yield* Effect.exit(network.run("server", Effect.die("oh")))
      assert.strictEqual(Exit.isFailure(died) ? Cause.squash(died.cause) : undefined, "oh")
      const ends: Array<string> = []
      const ending = (what: string) =>
        Effect.onInterrupt(() =>
          Effect.andThen(
            turn,
            Effect.sync(() => ends.push(what))
          )
        )
      const fiber = yield* Effect.forkChild(
        network.run("server", ending("program")(Effect.never)).pipe(ending("caller")),
        {
          startImmediately: true
        }
      )
      yield* network.settled
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(ends, ["program", "caller"])
      assert.strictEqual((yield* network.run("server", MockWinsock.MockWinsock)).name, "server")
      yield* nothingLeft(network.hosts.server)
    })
  )

  law("several run at once, each machine has its own; sockets end with their program", (network) =>
    Effect.gen(function* () {
      const echo = Effect.gen(function* () {
        const own = yield* UdpSocket.bind(at(server, port))
        const message = yield* own.receive
        yield* own.reply(message, message.payload)
      })
      const ask = Effect.gen(function* () {
        const own = yield* UdpSocket.bind(at(client, 0))
        yield* own.send(bytes(5), at(server, port))
        return [...(yield* own.receive).payload]
      })
      const [, answer] = yield* Effect.all([network.run("server", echo), network.run("client", ask)], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(answer, [5])
      assert.deepStrictEqual(
        (yield* network.netstat).flatMap(({ sockets }) => sockets),
        []
      )
    })
  )

  law("a name that there is none of", (network) =>
    Effect.gen(function* () {
      for (const wrong of [
        network.run("nobody" as "server", Effect.void),
        network.crash("nobody" as "server"),
        network.restart("nobody" as "server"),
        network.isUp("nobody" as "server")
      ] as ReadonlyArray<Effect.Effect<unknown, WinsockError.WinsockError>>) {
        const exit = yield* Effect.exit(wrong)
        const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.strictEqual(String(defect), "RangeError: not a host of this network: nobody")
      }
    })
  )

  law("netstat shows every machine, and which are down", (network) =>
    Effect.gen(function* () {
      yield* network.fork("server", Effect.andThen(TcpServer.listen(at(server, 80), { acceptAhead: 1 }), Effect.never))
      yield* network.crash("client")
      yield* network.settled
      const hosts = yield* network.netstat
      assert.deepStrictEqual(
        hosts.map(({ host, isUp, sockets }) => [host, isUp, sockets.length]),
        [
          ["server", true, 2],
          ["client", false, 0]
        ]
      )
      const lines = MockNetstat.networkTable(hosts).split("\n")
      assert.match(
        lines.find((line) => line.includes("LISTENING"))!,
        /^server {2}TCP +10\.0\.0\.1:80 +- +LISTENING /
      )
      assert.match(lines[3], /^client {2}- +- +- +DOWN +-/)
    })
  )
})

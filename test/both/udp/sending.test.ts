import { UdpSocket } from "@effect-winsock/core"
import { WSAEMFILE, WSAENOBUFS, WSAEWOULDBLOCK } from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { bind, law, layerName, numbered, numberOf, start } from "../../support/rig.ts"
import { at, bytes, controlOf, lacks, pattern, payloads, refuses, tag } from "../../support/udp.ts"

const take = (socket: UdpSocket.UdpSocket, count: number) =>
  Effect.forEach(Array.from({ length: count }), () => socket.receive)

describe("UdpSocket: payloads", () => {
  law("several pieces are one datagram, in order, empty ones too", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const gathered: ReadonlyArray<readonly [UdpSocket.Payload, Array<number>]> = [
        [
          [bytes(1), bytes(2, 3), bytes(), bytes(4)],
          [1, 2, 3, 4]
        ],
        [[], []],
        [[bytes(), bytes()], []],
        [bytes(), []],
        [[bytes(9)], [9]],
        [pattern(8).subarray(2, 5), [2, 3, 4]],
        [
          [pattern(8).subarray(6), pattern(3)],
          [6, 7, 0, 1, 2]
        ]
      ]
      for (const [payload, expected] of gathered) {
        yield* socket.send(payload, socket.address)
        assert.deepStrictEqual(payloads([yield* socket.receive]), [expected])
      }
      yield* socket.sendAll(gathered.map(([payload]) => ({ payload, to: socket.address })))
      assert.deepStrictEqual(
        payloads(yield* take(socket, gathered.length)),
        gathered.map(([, expected]) => expected)
      )
    })
  )

  law("what the caller does to the bytes afterwards does not matter, although the send waits", ({ failing }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const peer = yield* bind()
      failing.add({ call: "WSASendMsg", when: (args) => args.lpOverlapped === 0, nth: 1, code: WSAEWOULDBLOCK })
      const payload = [bytes(1, 2), bytes(3)]
      const fiber = yield* start(socket.send(payload, peer.address))
      for (const piece of payload) piece.fill(0)
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(payloads([yield* peer.receive]), [[1, 2, 3]])
    })
  )

  law("the largest over IPv4, and one byte more", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const largest = pattern(65_507)
      yield* socket.send(largest, socket.address)
      const message = yield* socket.receive
      assert.isTrue(message.payload.every((byte, i) => byte === largest[i]))
      assert.strictEqual(message.payload.length, 65_507)
      assert.isFalse(message.truncated)
      yield* socket.send([largest.subarray(0, 65_000), largest.subarray(65_000)], socket.address)
      assert.strictEqual((yield* socket.receive).payload.length, 65_507)
      assert.strictEqual(yield* tag(socket.send(pattern(65_508), socket.address)), "MessageTooLarge")
      assert.strictEqual(yield* tag(socket.send([largest, bytes(1)], socket.address)), "MessageTooLarge")
      assert.strictEqual(
        yield* tag(socket.sendAll([{ payload: pattern(65_508), to: socket.address }])),
        "MessageTooLarge"
      )
    })
  )

  law("the largest over IPv6 is what the capability record says, and one byte more", () =>
    Effect.gen(function* () {
      const socket = yield* UdpSocket.bind(at("::1"))
      const { largestSend } = yield* socket.capabilities
      assert.include([65_507, 65_527], largestSend)
      yield* socket.send(pattern(largestSend), socket.address)
      assert.strictEqual((yield* socket.receive).payload.length, largestSend)
      assert.strictEqual(yield* tag(socket.send(pattern(65_528), socket.address)), "MessageTooLarge")
    })
  )
})

describe("UdpSocket: sendAll", () => {
  law("sends in order, to each its own, and takes any iterable", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const peers = [yield* bind(), yield* bind()]
      yield* socket.sendAll(
        (function* () {
          for (let n = 0; n < 20; n++) yield { payload: numbered(n), to: peers[n % 2].address }
        })()
      )
      for (let n = 0; n < 20; n++) assert.strictEqual(numberOf(yield* peers[n % 2].receive), n)
      yield* socket.sendAll([])
      yield* socket.connect(peers[1].address)
      yield* socket.sendAll([{ payload: numbered(77) }, { payload: numbered(78), to: undefined }])
      assert.deepStrictEqual((yield* take(peers[1], 2)).map(numberOf), [77, 78])
    })
  )

  law("can be run twice, and does nothing before it is run", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const both = socket.sendAll([1, 2].map((n) => ({ payload: numbered(n), to: socket.address })))
      yield* both
      yield* both
      assert.deepStrictEqual((yield* take(socket, 4)).map(numberOf), [1, 2, 1, 2])
    })
  )

  law("when one fails, those before it were sent and those after it were not", ({ failing }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      let taken = 0
      const messages = (function* () {
        for (let n = 0; n < 6; n++) {
          taken++
          yield { payload: numbered(n), to: socket.address }
        }
      })()
      let sends = 0
      failing.add({ call: "WSASendMsg", when: () => ++sends >= 4, code: WSAENOBUFS })
      assert.strictEqual(yield* tag(socket.sendAll(messages)), "NoBufferSpace")
      assert.strictEqual(taken, 4)
      failing.clear()
      yield* socket.send(numbered(99), socket.address)
      assert.deepStrictEqual((yield* take(socket, 4)).map(numberOf), [0, 1, 2, 99])
    })
  )

  law("a failure is counted once, and the call made once", ({ failing, recorder, statistics }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      recorder.clear()
      failing.add({ call: "WSASendMsg", nth: 2, code: WSAENOBUFS })
      const messages = [0, 1, 2].map((n) => ({ payload: numbered(n), to: socket.address }))
      assert.strictEqual(yield* tag(socket.sendAll(messages)), "NoBufferSpace")
      assert.strictEqual(recorder.count("WSASendMsg"), 2)
      const { completed, failed, submitted } = (yield* statistics).operations.send
      assert.deepStrictEqual([submitted, completed, failed], [2, 1, 1])
    })
  )

  law("a full send buffer in the middle: waits, and the order stays", ({ failing, recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const peer = yield* bind()
      for (const nth of [2, 4, 7]) {
        failing.add({ call: "WSASendMsg", when: (args) => args.lpOverlapped === 0, nth, code: WSAEWOULDBLOCK })
      }
      const messages = Array.from({ length: 10 }, (_, n) => ({ payload: numbered(n), to: peer.address }))
      yield* socket.sendAll(messages)
      assert.deepStrictEqual((yield* take(peer, 10)).map(numberOf), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      assert.isAtLeast(
        recorder.count("WSASendMsg", ({ args }) => args.lpOverlapped !== 0),
        1
      )
    })
  )

  law("an interruption while one waits for room: it is cancelled, and those after it are not sent", (rig) =>
    Effect.gen(function* () {
      const { failing, gate } = rig
      const socket = yield* bind()
      const peer = yield* bind()
      failing.add({ call: "WSASendMsg", when: (args) => args.lpOverlapped === 0, nth: 2, code: WSAEWOULDBLOCK })
      const messages = Array.from({ length: 4 }, (_, n) => ({ payload: numbered(n), to: peer.address }))
      gate.close()
      const fiber = yield* start(socket.sendAll(messages))
      assert.isUndefined(fiber.pollUnsafe())
      fiber.interruptUnsafe()
      gate.open()
      yield* Fiber.await(fiber)
      yield* socket.send(numbered(9), peer.address)
      const got: Array<number> = []
      while (got.at(-1) !== 9) got.push(numberOf(yield* peer.receive))
      // the one that waited may have left
      assert.include([JSON.stringify([0, 9]), JSON.stringify([0, 1, 9])], JSON.stringify(got))
    })
  )

  law("an endless one can be interrupted, and the rest of the program goes on", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const sink = yield* bind()
      let sent = 0
      const endless = (function* () {
        while (sent < 1_000_000) yield { payload: numbered(sent++), to: sink.address }
      })()
      const fiber = yield* start(socket.sendAll(endless))
      for (let i = 0; i < 3; i++) yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.isBelow(sent, 100_000)
      assert.isAbove(sent, 0)
    })
  )

  law("a generator that is left early is told, and one that throws is its own fault", ({ failing }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const sink = yield* bind()
      let open = 0
      const outgoing = function* (most: number) {
        open++
        try {
          for (let n = 0; n < most; n++) yield { payload: numbered(n), to: sink.address }
          throw new Error("no more")
        } finally {
          open--
        }
      }
      const stop = failing.add({ call: "WSASendMsg", nth: 3, code: WSAENOBUFS })
      assert.strictEqual(yield* tag(socket.sendAll(outgoing(1_000_000))), "NoBufferSpace")
      stop()
      assert.strictEqual(open, 0)
      const fiber = yield* start(socket.sendAll(outgoing(1_000_000)))
      assert.strictEqual(open, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(open, 0)
      const exit = yield* Effect.exit(socket.sendAll(outgoing(1)))
      assert.isTrue(Exit.hasDies(exit))
      assert.strictEqual(open, 0)
    })
  )

  law("what is no list of datagrams is refused, and what came before was sent", () =>
    Effect.gen(function* () {
      const socket = yield* bind()
      for (const wrong of [null, undefined, 5, {}]) {
        yield* refuses(socket.sendAll(wrong as never), "messages", wrong)
      }
      for (const wrong of [null, undefined, 5, "text"]) {
        yield* refuses(
          socket.sendAll([{ payload: numbered(1), to: socket.address }, wrong as never]),
          "messages",
          wrong
        )
        assert.strictEqual(numberOf(yield* socket.receive), 1)
      }
    })
  )

  law("options of one are that one's only", () =>
    Effect.gen(function* () {
      const socket = yield* bind({ sendControl: "preferred" })
      const peer = yield* bind({ control: ["hopLimit"] })
      const can = yield* socket.capabilities
      const to = peer.address
      yield* socket.sendAll([
        { payload: numbered(0), to },
        { payload: numbered(1), to, options: { hopLimit: 9 } },
        { payload: numbered(2), to, options: {} },
        { payload: numbered(3), to, options: undefined }
      ])
      const [before, one, ...after] = yield* take(peer, 4)
      const usual = controlOf(before).hopLimit
      assert.notStrictEqual(usual, 9)
      assert.deepStrictEqual([before, one, ...after].map(numberOf), [0, 1, 2, 3])
      assert.strictEqual(controlOf(one).hopLimit, can.send.hopLimit ? 9 : usual)
      for (const message of after) assert.strictEqual(controlOf(message).hopLimit, usual)
    })
  )
})

describe("UdpSocket: connect", () => {
  law("the peer is the default destination, and the only one heard", () =>
    Effect.gen(function* () {
      const [socket, peer, stranger] = [yield* bind(), yield* bind(), yield* bind()]
      yield* socket.connect(peer.address)
      yield* socket.send(numbered(1))
      assert.strictEqual(numberOf(yield* peer.receive), 1)
      yield* stranger.send(numbered(2), socket.address)
      yield* peer.send(numbered(3), socket.address)
      assert.strictEqual(numberOf(yield* socket.receive), 3)
      // again, to another
      yield* socket.connect(stranger.address)
      yield* socket.send(numbered(4))
      assert.strictEqual(numberOf(yield* stranger.receive), 4)
      yield* peer.send(numbered(5), socket.address)
      yield* stranger.send(numbered(6), socket.address)
      assert.strictEqual(numberOf(yield* socket.receive), 6)
    })
  )

  law("disconnect takes it back: everybody is heard, and a send needs a destination", () =>
    Effect.gen(function* () {
      const [peer, stranger] = [yield* bind(), yield* bind()]
      // a port that the socket names itself
      const { address } = yield* Effect.scoped(bind())
      const socket = yield* UdpSocket.bind(address)
      yield* socket.connect(peer.address)
      yield* socket.disconnect
      assert.strictEqual(yield* tag(socket.send(numbered(1))), "NotConnected")
      assert.strictEqual(yield* tag(socket.sendAll([{ payload: numbered(1) }])), "NotConnected")
      yield* stranger.send(numbered(2), address)
      assert.strictEqual(numberOf(yield* socket.receive), 2)
      yield* socket.disconnect
      yield* socket.send(numbered(3), peer.address)
      assert.strictEqual(numberOf(yield* peer.receive), 3)
    })
  )

  law("a port that the system chose stays, or its loss is an error", () =>
    Effect.gen(function* () {
      const [socket, peer] = [yield* bind(), yield* bind()]
      yield* socket.connect(peer.address)
      const exit = yield* Effect.exit(socket.disconnect)
      if (Exit.isFailure(exit)) {
        assert.strictEqual(layerName, "native")
        yield* lacks(exit, "port")
      } else {
        yield* peer.send(numbered(1), socket.address)
        assert.strictEqual(numberOf(yield* socket.receive), 1)
      }
    })
  )

  law("after closing, every call says so", () =>
    Effect.gen(function* () {
      const [socket, message] = yield* Effect.scoped(
        Effect.gen(function* () {
          const socket = yield* bind()
          yield* socket.send(numbered(1), socket.address)
          return [socket, yield* socket.receive] as const
        })
      )
      for (const call of [
        socket.receive,
        socket.receiveEvent,
        socket.pull,
        socket.capabilities,
        socket.send(numbered(1), socket.address),
        socket.send(numbered(1), socket.address, { hopLimit: 9 }),
        socket.send(numbered(1)),
        socket.sendAll([{ payload: numbered(1), to: socket.address }]),
        socket.reply(message, numbered(1)),
        socket.connect(socket.address),
        socket.disconnect
      ]) {
        assert.strictEqual(yield* tag(call as Effect.Effect<unknown, unknown>), "SocketClosed")
      }
    })
  )
})

describe("UdpSocket: what is said of a send", () => {
  const wishes: ReadonlyArray<readonly [keyof UdpSocket.SendOptions, UdpSocket.SendOptions]> = [
    ["hopLimit", { hopLimit: 9 }],
    ["trafficClass", { trafficClass: 0xb8 }],
    ["ecn", { ecn: 2 }],
    ["source", { source: at("127.0.0.1").address }]
  ]
  for (const [name, options] of wishes) {
    law(`${name}: it arrives, or is an error that names it, or is gone without`, ({ recorder }) =>
      Effect.gen(function* () {
        const control = ["hopLimit", "trafficClass", "ecn"] as const
        const peer = yield* bind({ control })
        const required = yield* bind()
        const preferred = yield* bind({ sendControl: "preferred" })
        const can = yield* required.capabilities
        yield* preferred.send(numbered(0), peer.address)
        const usual = controlOf(yield* peer.receive)
        if (can.send[name as keyof typeof can.send]) yield* required.send(numbered(1), peer.address, options)
        else {
          recorder.clear()
          yield* lacks(required.send(numbered(1), peer.address, options), name)
          yield* lacks(required.sendAll([{ payload: numbered(1), to: peer.address, options }]), name)
          assert.strictEqual(recorder.count("WSASendMsg"), 0)
          yield* preferred.send(numbered(1), peer.address, options)
        }
        const message = yield* peer.receive
        assert.strictEqual(numberOf(message), 1)
        const came = controlOf(message)
        if (name !== "source") {
          assert.strictEqual(
            came[name as "hopLimit"],
            can.send[name as "hopLimit"] ? options[name] : usual[name as "hopLimit"]
          )
        }
      })
    )
  }

  law("what the caller changes while the provider is tried, or a getter, does not matter", () =>
    Effect.gen(function* () {
      const peer = yield* bind()
      // the first to ask, in its layer
      const socket = yield* bind({ sendControl: "preferred" })
      const options = { segmentSize: 4 }
      const sending = yield* start(socket.send(pattern(6), peer.address, options))
      options.segmentSize = 0
      yield* Fiber.join(sending)
      let reads = 0
      const fickle = {
        get segmentSize() {
          return reads++ === 0 ? 4 : -1
        }
      }
      yield* socket.send(pattern(6), peer.address, fickle)
      const sizes = (yield* take(peer, 4)).map((message) => message.payload.length)
      assert.deepStrictEqual(sizes, [4, 2, 4, 2])
    })
  )

  law("a payload that is none any more when the provider was tried is an error", () =>
    Effect.gen(function* () {
      const socket = yield* bind({ sendControl: "preferred" })
      const pieces: Array<Uint8Array> = [pattern(6)]
      const sending = yield* start(socket.send(pieces, socket.address, { segmentSize: 4 }))
      pieces.push("text" as never)
      yield* refuses(Fiber.join(sending), "payload", pieces)
    })
  )

  law("segmentSize: a payload larger than any datagram is refused, whoever would cut it", ({ recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ sendControl: "preferred" })
      const send = socket.send(pattern(65_528), socket.address, { segmentSize: 1000 })
      assert.strictEqual(yield* tag(send), "MessageTooLarge")
      assert.strictEqual(recorder.count("WSASendMsg"), 0)
    })
  )

  law("what could not be tried once is tried again", ({ failing, recorder }) =>
    Effect.gen(function* () {
      const socket = yield* bind()
      const takeBack = failing.add({ call: "WSASocketW", code: WSAEMFILE })
      assert.isFalse((yield* socket.capabilities).send.hopLimit)
      takeBack()
      assert.strictEqual(recorder.count("WSASendMsg"), 0)
      const { send } = yield* socket.capabilities
      assert.isAbove(recorder.count("WSASendMsg"), 0)
      if (layerName === "mock") assert.isTrue(send.hopLimit)
      recorder.clear()
      assert.deepStrictEqual((yield* socket.capabilities).send, send)
      assert.strictEqual(recorder.count("WSASocketW"), 0)
    })
  )

  law("segmentSize: several datagrams arrive, by one call or by several", ({ recorder }) =>
    Effect.gen(function* () {
      const peer = yield* bind()
      const preferred = yield* bind({ sendControl: "preferred" })
      const required = yield* bind()
      const { segmentation } = yield* preferred.capabilities
      const cases: ReadonlyArray<readonly [UdpSocket.Payload, number, Array<number>]> = [
        [pattern(10), 4, [4, 4, 2]],
        [pattern(8), 4, [4, 4]],
        [pattern(3), 4, [3]],
        [pattern(4), 4, [4]],
        [bytes(), 4, [0]],
        [[pattern(5), pattern(5, 5)], 3, [3, 3, 3, 1]],
        [pattern(2), 65_527, [2]]
      ]
      for (const [payload, segmentSize, sizes] of cases) {
        recorder.clear()
        yield* preferred.send(payload, peer.address, { segmentSize })
        assert.strictEqual(recorder.count("WSASendMsg"), segmentation ? 1 : sizes.length)
        const got = yield* take(peer, sizes.length)
        assert.deepStrictEqual(
          got.map((message) => message.payload.length),
          sizes
        )
        const whole = payload instanceof Uint8Array ? [...payload] : payload.flatMap((piece) => Array.from(piece))
        assert.deepStrictEqual(payloads(got).flat(), whole)
      }
      recorder.clear()
      if (segmentation) yield* required.send(pattern(3), peer.address, { segmentSize: 2 })
      else {
        yield* lacks(required.send(pattern(3), peer.address, { segmentSize: 2 }), "segmentSize")
        assert.strictEqual(recorder.count("WSASendMsg"), 0)
      }
    })
  )

  law(
    "segmentSize: bytes that are no Uint8Array of this realm are cut as well",
    () =>
      Effect.gen(function* () {
        const socket = yield* bind({ sendControl: "preferred" })
        if (layerName === "mock") assert.isFalse((yield* socket.capabilities).segmentation)
        const foreign = new Int8Array([1, 2, 3]) as unknown as Uint8Array
        yield* socket.send(foreign, socket.address, { segmentSize: 2 })
        assert.deepStrictEqual(payloads(yield* take(socket, 2)), [[1, 2], [3]])
      }),
    { mock: { absentOptions: ["UDP_SEND_MSG_SIZE"] } }
  )
})

import type { Extensions, Seam } from "@effect-winsock/core/Seam"
import type { TransmitOptions } from "@effect-winsock/core/TcpSocket"
import type { Decorators } from "@effect-winsock/core"
import { OVERLAPPED, TRANSMIT_FILE_BUFFERS } from "@effect-winsock/schema/Structs"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import { ledger } from "../../support/hostile.ts"
import type { Rig, RigOptions } from "../../support/rig.ts"
import { interruptSoon, lawInEachMode as law, start } from "../../support/rig.ts"
import { assertStretch, internalOf, pair, stretch, until } from "../../support/peer.ts"
import { bytes, reason, refuses, tag } from "../../support/udp.ts"

const size = 300_000
const long = 8 * 1024 * 1024
const small = { sendBuffer: 8192, peerBuffer: 8192 } as const
const machine: RigOptions = {
  files: { "some.bin": stretch(0, size), "empty.bin": new Uint8Array(0), "long.bin": stretch(0, long) }
}

/** How many files were opened, and how many handles closed. */
const files = ({ recorder }: Rig) => ({
  opened: recorder.count("CreateFileW", (call) => call.result !== undefined && call.result !== -1),
  closed: recorder.count("CloseHandle")
})

describe("TransmitFile", () => {
  const cases: Record<string, [name: string, options: TransmitOptions, from: number, length: number]> = {
    "a whole file": ["some.bin", {}, 0, size],
    "a region": ["some.bin", { offset: 1000, length: 70_000 }, 1000, 70_000],
    "to the end": ["some.bin", { offset: size - 5 }, size - 5, 5],
    "nothing at its end": ["some.bin", { offset: size }, size, 0],
    "no bytes of it": ["some.bin", { offset: 10, length: 0 }, 10, 0],
    "an empty file": ["empty.bin", {}, 0, 0],
    "in blocks of the caller's size": ["some.bin", { bytesPerSend: 4096 }, 0, size]
  }
  for (const [name, [file, options, from, length]] of Object.entries(cases)) {
    for (const around of [false, true]) {
      law(
        `${name}${around ? ", with bytes before and after it" : ""}, in its turn`,
        (rig) =>
          Effect.gen(function* () {
            const { peer, socket } = yield* pair(rig)
            const head = around ? [bytes(1), bytes(2, 3)] : undefined
            const tail = around ? bytes(4) : undefined
            const before = yield* start(socket.send(bytes(100)))
            const sending = yield* start(socket.transmitFile(rig.path(file), { ...options, head, tail }))
            const after = yield* start(socket.send(bytes(200)))
            const extra = around ? 4 : 0
            assert.deepStrictEqual([...(yield* peer.read(1))], [100])
            if (around) assert.deepStrictEqual([...(yield* peer.read(3))], [1, 2, 3])
            assertStretch(yield* peer.read(length), from)
            if (around) assert.deepStrictEqual([...(yield* peer.read(1))], [4])
            assert.deepStrictEqual([...(yield* peer.read(1))], [200])
            assert.strictEqual(yield* Fiber.join(sending), length + extra)
            yield* Fiber.join(before)
            yield* Fiber.join(after)
            assert.deepStrictEqual(files(rig), { opened: 1, closed: 1 })
          }),
        machine
      )
    }
  }

  law(
    "a file that is not there, and one that ends earlier: nothing is sent, and nothing is broken",
    (rig) =>
      Effect.gen(function* () {
        const { peer, socket } = yield* pair(rig)
        const missing = yield* reason(socket.transmitFile(rig.path("missing.bin"), { head: bytes(1) }))
        assert.deepStrictEqual([missing._tag, missing.operation], ["FileNotFound", "CreateFileW"])
        for (const options of [{ offset: size + 1 }, { length: size + 1 }, { offset: 1, length: size }]) {
          assert.strictEqual(yield* tag(socket.transmitFile(rig.path("some.bin"), options)), "EndOfFile")
        }
        assert.deepStrictEqual(files(rig), { opened: 3, closed: 3 })
        yield* socket.send(bytes(5))
        assert.deepStrictEqual([...(yield* peer.read(1))], [5])
      }),
    machine
  )

  law(
    "interrupted while its file is being opened it is removed whole, and those behind it go on",
    (rig) =>
      Effect.gen(function* () {
        const { peer, socket } = yield* pair(rig)
        const sending = yield* start(socket.transmitFile(rig.path("some.bin")))
        const behind = yield* start(socket.send(bytes(7)))
        yield* Fiber.interrupt(sending)
        yield* Fiber.join(behind)
        assert.deepStrictEqual([...(yield* peer.read(1))], [7])
        yield* until("its file is closed", () => files(rig).closed === 1)
        assert.strictEqual(rig.recorder.count("CancelIoEx") + rig.recorder.count("TransmitFile"), 0)
      }),
    machine
  )

  law(
    "head and tail that are changed while the file is opened are sent as they were",
    (rig) =>
      Effect.gen(function* () {
        const { peer, socket } = yield* pair(rig)
        const head = [bytes(1)]
        const tail = [bytes(2)]
        const sending = yield* start(socket.transmitFile(rig.path("some.bin"), { head, tail, length: 0 }))
        head.push(new Uint8Array(100_000))
        Object.assign(tail, [null])
        assert.strictEqual(yield* Fiber.join(sending), 2)
        assert.deepStrictEqual([...(yield* peer.read(2))], [1, 2])
      }),
    machine
  )

  law(
    "interrupted in the kernel it breaks the stream, and gives its file back when that is over",
    (rig) =>
      Effect.gen(function* () {
        const { peer, socket } = yield* pair(rig, small)
        // the first operation has memory made for the next ones too
        yield* Fiber.interrupt(yield* start(socket.receive))
        rig.recorder.clear()
        const { blocks } = yield* rig.statistics
        const sending = yield* start(socket.transmitFile(rig.path("long.bin"), { head: bytes(0) }))
        yield* until("it is in the kernel", () => rig.recorder.count("TransmitFile") === 1)
        const younger = yield* start(reason(socket.send(bytes(255))))
        rig.gate.close()
        yield* interruptSoon(sending)
        yield* rig.gate.awaitHeld(1)
        assert.isUndefined(sending.pollUnsafe())
        assert.strictEqual(files(rig).closed, 0)
        rig.gate.open()
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(sending)))
        assert.strictEqual((yield* Fiber.join(younger))._tag, "StreamBroken")
        assert.strictEqual(rig.recorder.count("CancelIoEx"), 1)
        assert.strictEqual(files(rig).closed, 1)
        assert.strictEqual((yield* rig.statistics).blocks.count, blocks.count)
        const all = yield* start(peer.readAll)
        yield* socket.abort
        const got = (yield* Fiber.join(all)).bytes
        if (got.length > 0) assertStretch(got.subarray(1), 0)
      }),
    machine
  )

  for (const most of [3, 8, 2048]) {
    law(
      `interrupted after any number of turns, by fibers that yield every ${most} steps: all is given back`,
      (rig) =>
        Effect.gen(function* () {
          let broken = 0
          for (let turns = 0; turns < 20; turns++) {
            const scope = yield* Scope.make()
            const { socket } = yield* Scope.provide(pair(rig, small), scope)
            const sending = socket.transmitFile(rig.path("long.bin"), { tail: bytes(1) })
            const fiber = yield* start(Effect.provideService(sending, Scheduler.MaxOpsBeforeYield, most))
            for (let i = 0; i < turns; i++) yield* Effect.yieldNow
            yield* Fiber.interrupt(fiber)
            const { sends } = internalOf(socket)
            assert.isTrue(sends.isIdle)
            const torn = rig.recorder.count("TransmitFile") > 0
            assert.strictEqual(sends.isBroken, torn)
            if (torn) broken++
            // one that was being opened is closed when that has returned
            const opening = () => rig.recorder.count("CreateFileW", ({ result }) => result === undefined)
            yield* until("its file is closed", () => opening() === 0 && files(rig).closed === files(rig).opened)
            yield* Scope.close(scope, Exit.void)
          }
          assert.isAbove(broken, 0)
        }),
      machine
    )
  }

  law(
    "the stream is closed while its file is being opened",
    (rig) =>
      Effect.gen(function* () {
        const { socket } = yield* pair(rig, { closeTimeout: 0 })
        const sending = yield* start(reason(socket.transmitFile(rig.path("long.bin"))))
        yield* socket.abort
        assert.strictEqual((yield* Fiber.join(sending))._tag, "OperationAborted")
        yield* until("its file is closed", () => files(rig).closed === 1)
        assert.strictEqual(rig.recorder.count("TransmitFile"), 0)
      }),
    machine
  )

  law(
    "calls that fail: typed, and its file is closed",
    (rig) =>
      Effect.gen(function* () {
        const { failing } = rig
        const failures: ReadonlyArray<[rule: Decorators.FailRule, reason: string]> = [
          [{ call: "CreateFileW", code: 5 }, "PermissionDenied"],
          [{ call: "CreateFileW", code: 0 }, "Unknown"],
          [{ call: "GetFileSizeEx", code: 5 }, "PermissionDenied"],
          [{ call: "TransmitFile", code: 10055 }, "NoBufferSpace"]
        ]
        for (const [rule, expected] of failures) {
          const { peer, socket } = yield* pair(rig)
          const withdraw = failing.add(rule)
          const failure = yield* reason(socket.transmitFile(rig.path("some.bin")))
          withdraw()
          assert.deepStrictEqual([failure.operation, failure._tag], [rule.call, expected])
          yield* socket.send(bytes(1))
          assert.deepStrictEqual([...(yield* peer.read(1))], [1])
          const { closed, opened } = files(rig)
          assert.strictEqual(closed, opened)
          assert.isTrue(internalOf(socket).sends.isIdle)
        }
      }),
    machine
  )

  law(
    "what is out of range is refused before any call",
    (rig) =>
      Effect.gen(function* () {
        const { socket } = yield* pair(rig)
        const path = rig.path("some.bin")
        for (const value of ["", "a\0b", 5, undefined, null])
          yield* refuses(socket.transmitFile(value as string), "path", value)
        for (const value of [-1, 1.5, Number.NaN, 2 ** 53, "1"]) {
          yield* refuses(socket.transmitFile(path, { offset: value as number }), "offset", value)
          yield* refuses(socket.transmitFile(path, { length: value as number }), "length", value)
        }
        yield* refuses(socket.transmitFile(path, { offset: 2 ** 53 - 1, length: 1 }), "length", 1)
        for (const value of [-1, 2 ** 31, "1"]) {
          yield* refuses(socket.transmitFile(path, { bytesPerSend: value as number }), "bytesPerSend", value)
        }
        const much = new Uint8Array(2 ** 20 + 1)
        for (const value of [much, "text", [1]]) {
          yield* refuses(socket.transmitFile(path, { head: value as Uint8Array }), "head", value)
          yield* refuses(socket.transmitFile(path, { tail: value as Uint8Array }), "tail", value)
        }
        yield* refuses(socket.transmitFile(path, null as never), "options", null)
        assert.strictEqual(rig.recorder.count("CreateFileW"), 0)
      }),
    machine
  )
})

describe("TransmitFile of more than one call takes", () => {
  // a file of 5 GiB, and a provider that sends whatever it is told at once, and notes what that was
  const size = 5 * 2 ** 30
  const most = 2 ** 31 - 2
  interface Part {
    readonly file: boolean
    readonly offset: number
    readonly length: number
    readonly head: number
    readonly tail: number
  }
  const provider = (failsAt = Number.POSITIVE_INFINITY) => {
    const book = ledger()
    const parts: Array<Part> = []
    const viewAt = (address: number): DataView => {
      for (const block of book.blocks) {
        const at = address - block.address
        if (at >= 0 && at < block.size) {
          return new DataView(block.view.buffer, block.view.byteOffset + at, block.size - at)
        }
      }
      return assert.fail(`no block at ${address}`)
    }
    const decorate = (seam: Seam): Seam => {
      parts.length = 0
      const under = book.decorate(seam)
      const overlappedAt = OVERLAPPED.offsets[under.abi]
      const around = TRANSMIT_FILE_BUFFERS.offsets[under.abi]
      const transmit: Extensions["TransmitFile"] = (_s, file, length, _perSend, overlapped, buffers) => {
        const view = viewAt(overlapped)
        const head = viewAt(buffers).getUint32(around.HeadLength, true)
        const tail = viewAt(buffers).getUint32(around.TailLength, true)
        const offset =
          view.getUint32(overlappedAt.Offset, true) + view.getUint32(overlappedAt.OffsetHigh, true) * 2 ** 32
        parts.push({ file: file !== 0, offset, length, head, tail })
        if (parts.length === failsAt) {
          under.calls.WSASetLastError(10055)
          return 0
        }
        view.setUint32(overlappedAt.Internal, 0, true)
        view.setUint32(overlappedAt.InternalHigh, head + length + tail, true)
        return 1
      }
      return {
        ...under,
        bind: (name, address) =>
          name === "TransmitFile"
            ? (transmit as ReturnType<typeof under.bind<typeof name>>)
            : under.bind(name, address),
        calls: {
          ...under.calls,
          GetFileSizeEx: (file, at) => {
            const ok = under.calls.GetFileSizeEx(file, at)
            viewAt(at).setUint32(0, size % 2 ** 32, true)
            viewAt(at).setUint32(4, Math.floor(size / 2 ** 32), true)
            return ok
          }
        }
      }
    }
    return { decorate, parts }
  }

  const whole = provider()
  law(
    "it is sent in parts, the head with the first and the tail with the last",
    (rig) =>
      Effect.gen(function* () {
        const { socket } = yield* pair(rig)
        const sent = yield* socket.transmitFile(rig.path("some.bin"), { head: bytes(1, 2, 3), tail: bytes(4, 5) })
        assert.strictEqual(sent, size + 5)
        const lengths = [most - 5, most - 2]
        assert.deepStrictEqual(whole.parts, [
          { file: true, offset: 0, length: lengths[0], head: 3, tail: 0 },
          { file: true, offset: lengths[0], length: lengths[1], head: 0, tail: 0 },
          {
            file: true,
            offset: lengths[0] + lengths[1],
            length: size - lengths[0] - lengths[1],
            head: 0,
            tail: 2
          }
        ])
        assert.deepStrictEqual(files(rig), { opened: 1, closed: 1 })
      }),
    { ...machine, decorate: whole.decorate }
  )

  const cut = provider(2)
  law(
    "a part that fails leaves a torn message, of which it is known how much has left",
    (rig) =>
      Effect.gen(function* () {
        const { socket } = yield* pair(rig)
        const failure = yield* reason(socket.transmitFile(rig.path("some.bin"), { offset: 10, head: bytes(1) }))
        assert.strictEqual(failure._tag, "NoBufferSpace")
        const broken = yield* reason(socket.send(bytes(1)))
        assert.strictEqual(broken._tag === "StreamBroken" && broken.bytesSent, most)
        assert.deepStrictEqual(
          cut.parts.map(({ offset }) => offset),
          [10, 10 + most - 1]
        )
        assert.deepStrictEqual(files(rig), { opened: 1, closed: 1 })
      }),
    { ...machine, decorate: cut.decorate }
  )
})

describe("L6: a layer is not released under a call that is out", () => {
  for (const mode of ["port", "event", "routine"] as const) {
    let open: (() => void) | undefined
    law(
      "the release waits for the one that opens a file, and closes that",
      (rig) =>
        Effect.gen(function* () {
          const { socket } = yield* pair(rig, { closeTimeout: "10 millis" })
          const sending = yield* start(tag(socket.transmitFile(rig.path("some.bin"))))
          yield* until("the file is being opened", () => open !== undefined)
          const releasing = yield* start(rig.release)
          assert.strictEqual(yield* Fiber.join(sending), "OperationAborted")
          yield* until("the socket is closed", () => rig.recorder.count("closesocket") > 0)
          yield* Effect.sleep(20)
          assert.isUndefined(releasing.pollUnsafe())
          assert.strictEqual(rig.recorder.count("WSACleanup"), 0)
          open!()
          yield* Fiber.join(releasing)
          assert.strictEqual(rig.recorder.count("WSACleanup"), 1)
        }),
      {
        ...machine,
        modes: [mode],
        decorate: (seam) => ({
          ...seam,
          offThread: (name, args, done) => {
            if (name === "CreateFileW") open = () => seam.offThread(name, args, done)
            else seam.offThread(name, args, done)
          }
        })
      }
    )
  }
})

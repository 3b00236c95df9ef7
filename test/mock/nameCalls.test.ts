// The calls of name resolution themselves: their arguments, their codes, and whose memory is whose.
import * as Flags from "@effect-winsock/schema/Flags"
import * as Layout from "@effect-winsock/schema/Layout"
import * as NameFlags from "@effect-winsock/schema/NameFlags"
import * as Structs from "@effect-winsock/schema/Structs"
import * as Codes from "@effect-winsock/schema/WsaError"
import type { MockWinsock } from "@effect-winsock/mock"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as TestClock from "effect/testing/TestClock"
import { kinds, lab, type Lab } from "./support.ts"

const wide = (l: Lab, text: string): number => {
  const block = l.alloc(2 * text.length + 2)
  for (let i = 0; i < text.length; i++) block.view.setUint16(2 * i, text.charCodeAt(i), true)
  return block.address
}

interface Asked {
  readonly host?: string
  readonly service?: string
  readonly hints?: Partial<Layout.View<typeof Structs.ADDRINFOEXW.fields>>
  readonly namespace?: number
  readonly routine?: number
  readonly event?: number
  readonly overlapped?: boolean
}

/** A call of GetAddrInfoExW, and what it wrote. */
const ask = (l: Lab, asked: Asked) => {
  const { abi } = l.seam
  const { host, namespace = 0, overlapped = true, routine = 0, service } = asked
  const event = asked.event ?? l.event()
  const record = l.overlapped(event)
  const hints = l.alloc(Structs.ADDRINFOEXW.size[abi])
  Object.assign(Structs.ADDRINFOEXW.view(abi, hints.view, 0), asked.hints)
  const out = l.alloc(16)
  const code = l.calls.GetAddrInfoExW(
    host === undefined ? 0 : wide(l, host),
    service === undefined ? 0 : wide(l, service),
    namespace,
    0,
    hints.address,
    out.address,
    0,
    overlapped ? record.address : 0,
    routine,
    out.address + 8
  )
  return {
    code,
    event,
    record,
    handleAt: out.address + 8,
    resultAt: out.address,
    get list(): number {
      return Layout.readPointer(abi, out.view, 0)
    },
    get outcome(): number {
      return l.calls.GetAddrInfoExOverlappedResult(record.address)
    }
  }
}

const test = (name: string, body: (l: Lab) => Effect.Effect<void>, options: MockWinsock.Options = {}): void => {
  for (const abi of Layout.abis) {
    it.effect(`${name} (${abi})`, () =>
      Effect.gen(function* () {
        yield* body(yield* lab({ abi, ...options }))
      }).pipe(Effect.scoped)
    )
  }
}

const names = { hosts: { "slow.example": { addresses: ["10.0.0.6"], latency: "40 millis" } } } as const

describe("GetAddrInfoExW, overlapped", () => {
  test("pends, and then tells its code, its list and its event", (l) =>
    Effect.gen(function* () {
      const one = ask(l, { host: "localhost", service: "80" })
      assert.strictEqual(one.code, Codes.WSA_IO_PENDING)
      assert.strictEqual(one.outcome, Codes.WSAEINPROGRESS)
      assert.isFalse(l.isSignalled(one.event as never))
      assert.strictEqual(one.list, 0)
      yield* l.mock.settled
      assert.isTrue(l.isSignalled(one.event as never))
      assert.strictEqual(one.outcome, 0)
      // OVERLAPPED.Pointer is what ppResult was
      const { abi } = l.seam
      const pointer = l.alloc(8)
      l.calls.RtlMoveMemory(
        pointer.address,
        one.record.address + Structs.OVERLAPPED.offsets[abi].Offset,
        Layout.pointerSize(abi)
      )
      assert.strictEqual(Layout.readPointer(abi, pointer.view, 0), one.resultAt)
      l.calls.FreeAddrInfoExW(one.list)
    }))

  test("says at once what is wrong with its arguments", (l) =>
    Effect.sync(() => {
      const refused: ReadonlyArray<readonly [Asked, number]> = [
        [{}, Codes.WSAHOST_NOT_FOUND],
        [{ host: "localhost", hints: { ai_addrlen: 1 } }, Codes.WSANO_RECOVERY],
        [{ host: "localhost", hints: { ai_canonname: 16 } }, Codes.WSANO_RECOVERY],
        [{ host: "localhost", hints: { ai_addr: 16 } }, Codes.WSANO_RECOVERY],
        [{ host: "localhost", hints: { ai_next: 16 } }, Codes.WSANO_RECOVERY],
        [{ host: "localhost", hints: { ai_flags: 0x1000 } }, Codes.WSAEINVAL],
        [{ service: "80", hints: { ai_flags: NameFlags.AI_CANONNAME } }, Codes.WSAEINVAL],
        [{ host: "localhost", hints: { ai_family: 99 } }, Codes.WSAEAFNOSUPPORT],
        [{ host: "localhost", hints: { ai_socktype: 77 } }, Codes.WSAESOCKTNOSUPPORT],
        [{ host: "localhost", namespace: NameFlags.NS_EMAIL }, Codes.WSASERVICE_NOT_FOUND],
        [{ host: "localhost", routine: 0x8000 }, Codes.WSAEINVAL],
        [{ host: "localhost", event: 4000 }, Codes.WSA_INVALID_HANDLE]
      ]
      for (const [asked, code] of refused) assert.strictEqual(ask(l, asked).code, code, JSON.stringify(asked))
      const { calls } = l
      assert.strictEqual(calls.GetAddrInfoExW(16, 0, 0, 0, 0, l.alloc(16).address, 0, 0, 0, 0), Codes.WSAEFAULT)
      assert.strictEqual(calls.GetAddrInfoExW(wide(l, "localhost"), 0, 0, 0, 0, 0, 0, 0, 0, 0), Codes.WSAEFAULT)
      assert.strictEqual(calls.GetAddrInfoExOverlappedResult(0), Codes.WSAEINVAL)
    }))

  test(
    "is cancelled at once, once",
    (l) =>
      Effect.gen(function* () {
        const one = ask(l, { host: "slow.example" })
        assert.strictEqual(l.calls.GetAddrInfoExCancel(one.handleAt), 0)
        assert.strictEqual(one.outcome, Codes.WSA_E_CANCELLED)
        assert.isTrue(l.isSignalled(one.event as never))
        assert.strictEqual(l.calls.GetAddrInfoExCancel(one.handleAt), Codes.WSA_INVALID_HANDLE)
        yield* TestClock.adjust("1 second")
        yield* l.mock.settled
        assert.strictEqual(one.list, 0)
      }),
    { names }
  )

  test(
    "goes on where the cancellation is ignored",
    (l) =>
      Effect.gen(function* () {
        const one = ask(l, { host: "slow.example" })
        assert.strictEqual(l.calls.GetAddrInfoExCancel(one.handleAt), 0)
        assert.strictEqual(one.outcome, Codes.WSAEINPROGRESS)
        yield* TestClock.adjust("40 millis")
        yield* l.mock.settled
        assert.strictEqual(one.outcome, 0)
        assert.strictEqual(l.calls.GetAddrInfoExCancel(one.handleAt), Codes.WSA_INVALID_HANDLE)
        l.calls.FreeAddrInfoExW(one.list)
      }),
    { names: { ...names, cancellation: "ignored" } }
  )
})

describe("GetAddrInfoExW, not overlapped", () => {
  test("answers at once what takes no time", (l) =>
    Effect.sync(() => {
      const one = ask(l, { host: "localhost", overlapped: false })
      assert.strictEqual(one.code, 0)
      l.calls.FreeAddrInfoExW(one.list)
      assert.strictEqual(ask(l, { host: "nobody.example", overlapped: false }).code, Codes.WSAHOST_NOT_FOUND)
    }))

  test(
    "would block the thread otherwise: the guard says so",
    (l) =>
      Effect.gen(function* () {
        assert.strictEqual(ask(l, { host: "slow.example", overlapped: false }).code, Codes.WSATRY_AGAIN)
        assert.deepStrictEqual(kinds(yield* l.mock.guard), ["WouldWait"])
      }),
    { names, guard: "collect" }
  )
})

describe("the memory of a lookup", () => {
  const broken = (name: string, expected: ReadonlyArray<string>, body: (l: Lab) => Effect.Effect<void>): void =>
    test(
      name,
      (l) =>
        Effect.gen(function* () {
          yield* body(l)
          assert.deepStrictEqual(kinds(yield* l.mock.guard), expected)
        }),
      { names, guard: "collect" }
    )

  broken("must not be freed while the provider has it", ["FreeUnderOperation", "MemoryGone"], (l) =>
    Effect.gen(function* () {
      const { abi } = l.seam
      const memory = l.seam.memory.alloc(64)
      Structs.OVERLAPPED.view(abi, memory.view, 0).hEvent = l.event()
      const result = l.alloc(16).address
      const code = l.calls.GetAddrInfoExW(wide(l, "slow.example"), 0, 0, 0, 0, result, 0, memory.address, 0, 0)
      assert.strictEqual(code, Codes.WSA_IO_PENDING)
      l.seam.memory.free(memory)
      yield* TestClock.adjust("40 millis")
      yield* l.mock.settled
    })
  )

  broken("must be given back whole, and once", ["BadFree", "BadFree"], (l) =>
    Effect.sync(() => {
      const { list } = ask(l, { host: "localhost", overlapped: false })
      l.calls.FreeAddrInfoExW(list + 8)
      l.calls.FreeAddrInfoExW(list)
      l.calls.FreeAddrInfoExW(list)
      l.calls.FreeAddrInfoExW(0)
    })
  )

  broken("must have its event until the end", ["DeadSocket"], (l) =>
    Effect.gen(function* () {
      const event = l.calls.WSACreateEvent()
      const one = ask(l, { host: "localhost", event })
      assert.strictEqual(one.code, Codes.WSA_IO_PENDING)
      l.calls.WSACloseEvent(event)
      yield* l.mock.settled
      l.calls.FreeAddrInfoExW(one.list)
    })
  )

  it.effect("is missed at the end when it was not freed", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(
        Effect.scoped(
          Effect.gen(function* () {
            ask(yield* lab(), { host: "localhost", overlapped: false })
          })
        )
      )
      assert.include(
        Exit.isFailure(exit) ? String(Cause.squash(exit.cause)) : "",
        "1 lists of GetAddrInfoExW are not freed"
      )
    })
  )
})

describe("GetNameInfoW", () => {
  const named = { names: { hosts: { "www.corp.example": ["10.0.0.8"] } } } as const
  const tell = (l: Lab, ip: string, port: number, flags: number, hostSize = 64, serviceSize = 32) => {
    const { address, length } = l.address(ip, port)
    const host = l.alloc(2 * 64)
    const service = l.alloc(2 * 32)
    const code = l.calls.GetNameInfoW(address, length, host.address, hostSize, service.address, serviceSize, flags)
    const text = (block: typeof host): string => {
      let out = ""
      for (let i = 0; block.view.getUint16(i, true) !== 0; i += 2)
        out += String.fromCharCode(block.view.getUint16(i, true))
      return out
    }
    return code === 0 ? `${text(host)} ${text(service)}` : code
  }

  test(
    "tells names and numbers as its flags say",
    (l) =>
      Effect.sync(() => {
        assert.strictEqual(tell(l, "10.0.0.8", 80, 0), "www.corp.example http")
        assert.strictEqual(tell(l, "10.0.0.8", 80, NameFlags.NI_NUMERICSERV), "www.corp.example 80")
        assert.strictEqual(tell(l, "10.0.0.8", 80, NameFlags.NI_NUMERICHOST), "10.0.0.8 http")
        assert.strictEqual(tell(l, "10.0.0.8", 123, NameFlags.NI_DGRAM), "www.corp.example ntp")
        assert.strictEqual(tell(l, "10.0.0.8", 123, 0), "www.corp.example 123")
        assert.strictEqual(tell(l, "10.0.0.9", 1, 0), "10.0.0.9 1")
        assert.strictEqual(tell(l, "10.0.0.9", 1, NameFlags.NI_NAMEREQD), Codes.WSAHOST_NOT_FOUND)
        assert.strictEqual(tell(l, "::1", 1, 0), "localhost 1")
        assert.strictEqual(tell(l, "::1", 1, NameFlags.NI_NUMERICHOST), "::1 1")
        // this machine is in no domain, so no host is in the same one
        assert.strictEqual(tell(l, "10.0.0.8", 1, NameFlags.NI_NOFQDN), "www.corp.example 1")
      }),
    named
  )

  test("says what is wrong with its arguments", (l) =>
    Effect.sync(() => {
      const { calls } = l
      const { address, length } = l.address("127.0.0.1", 80)
      const at = l.alloc(128).address
      assert.strictEqual(calls.GetNameInfoW(0, 16, at, 32, 0, 0, 0), Codes.WSAEFAULT)
      assert.strictEqual(calls.GetNameInfoW(address, 8, at, 32, 0, 0, 0), Codes.WSAEFAULT)
      assert.strictEqual(calls.GetNameInfoW(address, length, 0, 0, 0, 0, 0), Codes.WSAHOST_NOT_FOUND)
      assert.strictEqual(calls.GetNameInfoW(address, length, at, 0, 0, 0, 0), Codes.WSAEINVAL)
      assert.strictEqual(calls.GetNameInfoW(address, length, 0, 0, at, 0, 0), Codes.WSAEINVAL)
      const unknown = l.alloc(16)
      unknown.view.setUint16(0, Flags.AF_UNIX, true)
      assert.strictEqual(calls.GetNameInfoW(unknown.address, 16, at, 32, 0, 0, 0), Codes.WSAEAFNOSUPPORT)
      // one character is for the zero at the end
      assert.strictEqual(tell(l, "127.0.0.1", 80, 0, 9), Codes.ERROR_INSUFFICIENT_BUFFER)
      assert.strictEqual(tell(l, "127.0.0.1", 80, 0, 10), "localhost http")
      assert.strictEqual(tell(l, "127.0.0.1", 80, 0, 10, 4), Codes.ERROR_INSUFFICIENT_BUFFER)
    }))
})

describe("lstrcpynW", () => {
  test("copies as far as there is room, and ends with a zero", (l) =>
    Effect.sync(() => {
      const to = l.alloc(16)
      to.bytes.fill(0xff)
      assert.strictEqual(l.calls.lstrcpynW(to.address, wide(l, "name"), 4), to.address)
      assert.deepStrictEqual(Array.from(to.bytes.slice(0, 10)), [110, 0, 97, 0, 109, 0, 0, 0, 255, 255])
      l.calls.lstrcpynW(to.address, wide(l, ""), 4)
      assert.strictEqual(to.view.getUint16(0, true), 0)
    }))
})

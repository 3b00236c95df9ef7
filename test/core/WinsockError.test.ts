import * as WinsockError from "@effect-winsock/core/WinsockError"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as WsaError from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { expectTypeOf } from "vitest"

// the error tables of the pages of WSARecvMsg and WSASend, and the reason that each code is expected to have
const pages = {
  WSARecvMsg: {
    WSAECONNRESET: "ConnectionReset",
    WSAEFAULT: "Fault",
    WSAEINPROGRESS: "InProgress",
    WSAEINTR: "CallInterrupted",
    WSAEINVAL: "NotBound",
    WSAEMSGSIZE: "MessageTooLarge",
    WSAENETDOWN: "NetworkDown",
    WSAENETRESET: "NetworkReset",
    WSAENOTCONN: "NotConnected",
    WSAETIMEDOUT: "TimedOut",
    WSAEOPNOTSUPP: "NotSupported",
    WSAEWOULDBLOCK: "WouldBlock",
    WSANOTINITIALISED: "NotInitialised",
    WSA_IO_PENDING: "Pending",
    WSA_OPERATION_ABORTED: "OperationAborted"
  },
  WSASend: {
    WSAECONNABORTED: "ConnectionAborted",
    WSAECONNRESET: "ConnectionReset",
    WSAEFAULT: "Fault",
    WSAEINTR: "CallInterrupted",
    WSAEINPROGRESS: "InProgress",
    WSAEINVAL: "InvalidCall",
    WSAEMSGSIZE: "MessageTooLarge",
    WSAENETDOWN: "NetworkDown",
    WSAENETRESET: "NetworkReset",
    WSAENOBUFS: "NoBufferSpace",
    WSAENOTCONN: "NotConnected",
    WSAENOTSOCK: "NotSocket",
    WSAEOPNOTSUPP: "NotSupported",
    WSAESHUTDOWN: "Shutdown",
    WSAEWOULDBLOCK: "WouldBlock",
    WSANOTINITIALISED: "NotInitialised",
    WSA_IO_PENDING: "Pending",
    WSA_OPERATION_ABORTED: "OperationAborted"
  }
} as const

describe("WinsockError", () => {
  for (const [operation, codes] of Object.entries(pages)) {
    for (const [name, tag] of Object.entries(codes)) {
      it(`${operation}: ${name} is ${tag}`, () => {
        const code = (WsaError as Record<string, unknown>)[name] as number
        const { reason } = WinsockError.fromCode(operation, code)
        assert.strictEqual(reason._tag, tag)
        assert.deepInclude(reason, { operation, code, name })
        assert.isAbove(reason.meaning.length, 0)
      })
    }
  }

  it("has a reason for each known code, with its name, on each kind of socket", () => {
    for (const { code, name } of WsaError.table) {
      // of all the codes, this one says that there is nothing to say
      if (code === WsaError.ERROR_MR_MID_NOT_FOUND) continue
      for (const kind of [undefined, "datagram", "stream", "raw"] as const) {
        for (const operation of ["WSARecv", "WSASendMsg", "bind"]) {
          const { reason } = WinsockError.fromCode(operation, code, kind)
          assert.notStrictEqual(reason._tag, "Unknown", name)
          assert.strictEqual(reason.name, name)
        }
      }
    }
  })

  it("keeps the number of an unknown code", () => {
    const { reason } = WinsockError.fromCode("bind", 12345)
    assert.deepInclude(reason, { _tag: "Unknown", code: 12345, name: "12345" })
  })

  it("means what fits the kind of socket", () => {
    const meaning = (code: number, kind?: WinsockError.SocketKind) =>
      WinsockError.fromCode("WSARecvMsg", code, kind).reason.meaning
    assert.include(meaning(WsaError.WSAECONNRESET, "datagram"), "ICMP port unreachable")
    assert.include(meaning(WsaError.WSAECONNRESET, "raw"), "ICMP port unreachable")
    assert.strictEqual(meaning(WsaError.WSAECONNRESET, "stream"), "the peer reset the connection")
    assert.include(meaning(WsaError.WSAENETRESET, "datagram"), "time to live")
    assert.include(meaning(WsaError.WSAENETRESET, "stream"), "keep-alive")
  })

  it("means what fits the direction of the call", () => {
    const meaning = (operation: string) => WinsockError.fromCode(operation, WsaError.WSAEMSGSIZE).reason.meaning
    assert.include(meaning("WSARecvFrom"), "discarded")
    assert.include(meaning("WSASendTo"), "not sent")
    assert.notStrictEqual(meaning("WSAIoctl"), meaning("WSASendTo"))
  })

  it("reads as one line", () => {
    const error = WinsockError.fromCode("WSARecv", WsaError.WSAECONNRESET, "stream")
    assert.strictEqual(error.message, "WSARecv failed: WSAECONNRESET (10054): the peer reset the connection")
    assert.strictEqual(error.name, "WinsockError")
    assert.include(String(error.stack), error.message)
  })

  it("takes a status as WSAGetOverlappedResult does", () => {
    const reason = (status: number) => WinsockError.fromStatus("WSARecvMsg", status, "datagram").reason
    assert.strictEqual(reason(NtStatus.STATUS_CANCELLED)._tag, "OperationAborted")
    assert.strictEqual(reason(NtStatus.STATUS_BUFFER_OVERFLOW)._tag, "MessageTooLarge")
    assert.strictEqual(reason(NtStatus.STATUS_PORT_UNREACHABLE).code, WsaError.WSAECONNRESET)
    assert.strictEqual(reason(NtStatus.STATUS_PORT_UNREACHABLE | 0)._tag, "ConnectionReset")
    assert.strictEqual(reason(NtStatus.STATUS_INVALID_PARAMETER).code, WsaError.WSAEINVAL)
  })

  it("does not blame an argument for a status without a code", () => {
    const hops = WinsockError.fromStatus("WSARecvMsg", NtStatus.STATUS_HOPLIMIT_EXCEEDED, "datagram").reason
    assert.deepInclude(hops, { _tag: "Unknown", code: WsaError.WSAEINVAL, name: "WSAEINVAL" })
    assert.include(hops.meaning, "STATUS_HOPLIMIT_EXCEEDED (0xc000a012)")
    assert.include(WinsockError.fromStatus("WSARecv", 0xc0fe_babe).reason.meaning, "0xc0febabe")
  })

  it("tells what the library itself refused", () => {
    assert.strictEqual(WinsockError.operationAborted("WSARecv").reason._tag, "OperationAborted")
    assert.strictEqual(WinsockError.socketClosed("WSARecv").reason._tag, "SocketClosed")
    const { reason } = WinsockError.invalidArgument("setsockopt", "hopLimit", 256, "an integer from 0 to 255")
    assert.deepInclude(reason, { _tag: "InvalidArgument", option: "hopLimit", value: 256, code: 10022 })
    assert.strictEqual(reason.meaning, "hopLimit is 256 and must be an integer from 0 to 255")
    assert.include(WinsockError.streamBroken("WSASend", 12).message, "12 bytes")
    assert.include(WinsockError.streamBroken("WSASend", undefined).message, "unknown")
    const cause = new Error("no such library")
    assert.strictEqual(WinsockError.providerUnavailable("WSAStartup", "ws2_32.dll is missing", cause).cause, cause)
  })

  it("shows any refused value without throwing", () => {
    const message = (value: unknown) => WinsockError.invalidArgument("bind", "address", value, "an address").message
    assert.include(message(Symbol("x")), "Symbol(x)")
    assert.include(message(10n), "10")
    assert.include(message("a"), '"a"')
    assert.include(message(Object.create(null)), "must be an address")
    assert.include(
      message({
        toString: () => {
          throw new Error("no")
        }
      }),
      "must be an address"
    )
  })

  it("is known from other errors", () => {
    assert.isTrue(WinsockError.isWinsockError(WinsockError.socketClosed("bind")))
    assert.isFalse(WinsockError.isWinsockError(new Error("WinsockError")))
    assert.isFalse(WinsockError.isWinsockError(undefined))
  })

  it.effect("fails an effect when yielded, and is caught by reason", () =>
    Effect.gen(function* () {
      const failing = Effect.gen(function* () {
        return yield* WinsockError.fromCode("setsockopt", WsaError.WSAENOPROTOOPT)
      })
      const caught = failing.pipe(
        Effect.catchReason("WinsockError", "NotSupported", (reason, error) => {
          expectTypeOf(reason).toEqualTypeOf<WinsockError.NotSupported>()
          expectTypeOf(error.reason).toEqualTypeOf<WinsockError.NotSupported>()
          return Effect.succeed(reason.what)
        })
      )
      expectTypeOf(caught).toEqualTypeOf<
        Effect.Effect<
          "operation" | "protocol" | "option" | "socketType" | "protocolFamily" | "addressFamily" | "version",
          WinsockError.WinsockError
        >
      >()
      assert.strictEqual(yield* caught, "option")

      const other = yield* failing.pipe(
        Effect.catchReason("WinsockError", "ConnectionReset", (reason) => {
          expectTypeOf(reason).toEqualTypeOf<WinsockError.ReasonOf<"ConnectionReset">>()
          return Effect.succeed("caught")
        }),
        Effect.exit
      )
      assert.isTrue(Exit.isFailure(other))

      const reasons = yield* failing.pipe(
        Effect.catchReasons("WinsockError", {
          InvalidArgument: (reason) => Effect.succeed(reason.option),
          NotSupported: (reason) => Effect.succeed(reason.what)
        })
      )
      assert.strictEqual(reasons, "option")

      // @ts-expect-error there is no such reason
      Effect.catchReason(failing, "WinsockError", "NoSuchReason", () => Effect.void)
    })
  )

  it("lists its reasons as literal tags", () => {
    expectTypeOf<"Shutdown">().toExtend<WinsockError.Reason["_tag"]>()
    expectTypeOf<string>().not.toExtend<WinsockError.Reason["_tag"]>()
  })
})

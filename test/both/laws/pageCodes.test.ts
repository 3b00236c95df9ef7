// What the library makes of each code in the tables of the two pages, whoever gives it.
import { TcpServer, TcpSocket } from "@effect-winsock/core"
import * as WsaError from "@effect-winsock/schema/WsaError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { pages, reasonOf } from "../../conformance/pages.ts"
import { bind, law, loopback, numbered, numberOf } from "../../support/rig.ts"
import { reason } from "../../support/udp.ts"

const expected = {
  WSARecvMsg: {
    WSAECONNRESET: "ConnectionReset",
    WSAEFAULT: "Fault",
    WSAEINPROGRESS: "InProgress",
    WSAEINTR: "CallInterrupted",
    WSAEINVAL: "NotBound",
    WSAENETDOWN: "NetworkDown",
    WSAENETRESET: "NetworkReset",
    WSAENOTCONN: "NotConnected",
    WSAETIMEDOUT: "TimedOut",
    WSAEOPNOTSUPP: "NotSupported",
    WSAEWOULDBLOCK: "WouldBlock",
    WSANOTINITIALISED: "NotInitialised",
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
    WSANOTINITIALISED: "NotInitialised",
    WSA_OPERATION_ABORTED: "OperationAborted"
  }
} as const

// codes that are no end of what was asked for: a cut datagram is delivered, a call that pends completes, a send that
// finds no room goes on as an overlapped one
const noError = new Set([
  "WSARecvMsg WSAEMSGSIZE",
  "WSARecvMsg WSA_IO_PENDING",
  "WSASend WSAEWOULDBLOCK",
  "WSASend WSA_IO_PENDING"
])

const numberOfCode = (name: string): number => WsaError[name as keyof typeof WsaError] as number

describe("the codes of the two pages", () => {
  law("all are here", () =>
    Effect.sync(() => {
      for (const page of pages) {
        const { code, function: name } = page
        const tag = (expected[name] as { readonly [code: string]: string })[code]
        if (noError.has(`${name} ${code}`)) assert.isUndefined(tag)
        else assert.strictEqual(tag, reasonOf(page), `${name} ${code}`)
      }
    })
  )

  law("of a receive that the call refuses: the reason, and the next receive goes on", ({ failing }) =>
    Effect.gen(function* () {
      const socket = yield* bind({ peerErrors: true })
      for (const [name, tag] of Object.entries(expected.WSARecvMsg)) {
        failing.clear()
        failing.add({ call: "WSARecvMsg", code: numberOfCode(name), nth: 1, when: (args) => args.lpOverlapped !== 0 })
        const failed = yield* reason(socket.receive)
        assert.deepStrictEqual(
          [failed._tag, failed.operation, failed.code, failed.name],
          [tag, "WSARecvMsg", numberOfCode(name), name]
        )
        yield* socket.send(numbered(failed.code), socket.address)
        assert.strictEqual(numberOf(yield* socket.receive), failed.code)
      }
    })
  )

  for (const [name, tag] of Object.entries(expected.WSASend)) {
    law(`of a send: ${name} is ${tag}`, ({ failing }) =>
      Effect.gen(function* () {
        const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
        const client = yield* TcpSocket.connect(server.address)
        yield* server.accept
        failing.add({ call: "WSASend", code: numberOfCode(name), nth: 1 })
        const failed = yield* reason(client.send(new Uint8Array([1])))
        assert.deepStrictEqual(
          [failed._tag, failed.operation, failed.code, failed.name],
          [tag, "WSASend", numberOfCode(name), name]
        )
      })
    )
  }

  law("of a send: WSAEWOULDBLOCK is no error, it goes on as an overlapped one", ({ failing, recorder }) =>
    Effect.gen(function* () {
      const server = yield* TcpServer.listen(loopback, { acceptAhead: 1 })
      const client = yield* TcpSocket.connect(server.address)
      const peer = yield* server.accept
      recorder.clear()
      failing.add({ call: "WSASend", code: WsaError.WSAEWOULDBLOCK, nth: 1 })
      yield* client.send(new Uint8Array([1]))
      assert.deepStrictEqual([...(yield* peer.receive)], [1])
      assert.deepStrictEqual(
        recorder.of("WSASend").map(({ args }) => args.lpOverlapped !== 0),
        [false, true]
      )
    })
  )
})

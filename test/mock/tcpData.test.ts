import * as Flags from "@effect-winsock/schema/Flags"
import * as Ioctls from "@effect-winsock/schema/Ioctls"
import * as NtStatus from "@effect-winsock/schema/NtStatus"
import * as Codes from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { kinds, lab } from "./support.ts"
import * as T from "./tcpSupport.ts"

const { IPPROTO_TCP, SOL_SOCKET } = Flags
const SO_SNDBUF = 0x1001
const SO_RCVBUF = 0x1002
const SO_OOBINLINE = 0x100

describe("streams: receiving", () => {
  for (const abi of ["x64", "ia32"] as const) {
    it.effect(`${abi}: 37: several receives fill in posting order, a scattered one its buffers`, () =>
      Effect.gen(function* () {
        const l = yield* lab({ abi })
        const { client, server } = yield* T.pair(l)
        const port = l.completionPort(server)
        const posted = [T.postReceive(l, server, [3]), T.postReceive(l, server, [2, 4]), T.postReceive(l, server, [9])]
        for (const { code, view } of posted) {
          assert.deepStrictEqual([code, view.Internal, view.InternalHigh], [997, NtStatus.STATUS_PENDING, 7777])
        }
        T.send(l, client, "abcdefghijk")
        yield* l.mock.settled
        assert.deepStrictEqual(
          l.packets(port).map(({ bytes, overlapped, status }) => [overlapped, status, bytes]),
          [3, 6, 2].map((bytes, i) => [posted[i].address, 0, bytes])
        )
        assert.deepStrictEqual(
          [posted[0].text(), posted[1].text(0), posted[1].text(1), posted[2].text()],
          ["abc", "de", "fghi", "jk"]
        )
      })
    )
  }

  it.effect("32: a receive of no bytes pends until there are some, and leaves them", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      const empty = T.postReceive(l, server, [0])
      assert.strictEqual(empty.code, Codes.WSA_IO_PENDING)
      T.send(l, client, "data")
      yield* l.mock.settled
      assert.deepStrictEqual([empty.view.Internal, empty.view.InternalHigh], [0, 0])
      assert.strictEqual(T.postReceive(l, server, [0]).code, 0)
      assert.strictEqual(T.receive(l, server), "data")
      const last = T.postReceive(l, server, [0])
      l.calls.shutdown(client, Flags.SD_SEND)
      yield* l.mock.settled
      assert.deepStrictEqual([last.view.Internal, last.view.InternalHigh], [0, 0])
    })
  )

  it.effect("31, 55, 33: no buffers, no connection, no data", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { server } = yield* T.pair(l)
      assert.strictEqual(l.calls.WSARecv(server, 0, 0, l.alloc(4).address, l.alloc(4).address, 0, 0), -1)
      assert.strictEqual(l.error, Codes.WSAEINVAL)
      assert.strictEqual(T.receive(l, T.stream(l)), Codes.WSAENOTCONN)
      assert.strictEqual(T.send(l, T.stream(l), "x"), -Codes.WSAENOTCONN)
      assert.strictEqual(T.receive(l, server), Codes.WSAEWOULDBLOCK)
    })
  )

  it.effect("40: the graceful end completes what pends with success and no bytes", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      const posted = [T.postReceive(l, server), T.postReceive(l, server)]
      l.closesocket(client)
      yield* l.mock.settled
      assert.deepStrictEqual(
        posted.map(({ view }) => [view.Internal, view.InternalHigh]),
        [
          [0, 0],
          [0, 0]
        ]
      )
    })
  )

  it.effect("MSG_PEEK leaves the bytes; MSG_WAITALL waits for all of them, or the end", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      const all = T.postReceive(l, server, [6], Flags.MSG_WAITALL)
      T.send(l, client, "abcd")
      yield* l.mock.settled
      assert.strictEqual(all.view.Internal, NtStatus.STATUS_PENDING)
      T.send(l, client, "efgh")
      yield* l.mock.settled
      assert.deepStrictEqual([all.view.InternalHigh, all.text()], [6, "abcdef"])
      assert.strictEqual(T.receive(l, server, 64, Flags.MSG_PEEK), "gh")
      const rest = T.postReceive(l, server, [6], Flags.MSG_WAITALL)
      l.calls.shutdown(client, Flags.SD_SEND)
      yield* l.mock.settled
      assert.deepStrictEqual([rest.view.InternalHigh, rest.text()], [2, "gh"])
      assert.strictEqual(T.receive(l, server, 4, Flags.MSG_WAITALL), Codes.WSAEOPNOTSUPP)
      assert.strictEqual(T.postReceive(l, server, [4], Flags.MSG_WAITALL | Flags.MSG_PEEK).code, Codes.WSAEOPNOTSUPP)
    })
  )

  it.effect("urgent data comes by itself, or in line; SIOCATMARK tells of it", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      const atMark = (): number => l.ioctl(server, Ioctls.SIOCATMARK, [], 4)!.view.getUint32(48, true)
      assert.strictEqual(atMark(), 1)
      assert.strictEqual(T.receive(l, server, 1, Flags.MSG_OOB), Codes.WSAEWOULDBLOCK)
      const posted = T.postReceive(l, server, [1], Flags.MSG_OOB)
      T.send(l, client, "ab!", Flags.MSG_OOB)
      T.send(l, client, "cd")
      yield* l.mock.settled
      assert.deepStrictEqual([posted.view.InternalHigh, posted.text()], [1, "!"])
      assert.strictEqual(T.receive(l, server), "abcd")
      assert.strictEqual(l.setOption(server, SOL_SOCKET, SO_OOBINLINE, 1), 0)
      T.send(l, client, "ef!", Flags.MSG_OOB)
      T.send(l, client, "g")
      yield* l.mock.settled
      assert.strictEqual(atMark(), 0)
      assert.strictEqual(T.receive(l, server, 1, Flags.MSG_OOB), Codes.WSAEINVAL)
      // never urgent and other bytes in one receive
      assert.deepStrictEqual([T.receive(l, server), T.receive(l, server), T.receive(l, server)], ["ef", "!", "g"])
    })
  )

  it.effect("cancelling one receive cancels all of the socket, and no send", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      l.setOption(server, SOL_SOCKET, SO_SNDBUF, 0)
      const port = l.completionPort(server)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* l.mock.hold
          const send = T.postSend(l, server, "kept")
          const posted = [0, 1, 2].map(() => T.postReceive(l, server))
          assert.strictEqual(l.calls.CancelIoEx(server, posted[1].address), 1)
          assert.deepStrictEqual(
            l.packets(port).map(({ overlapped, status }) => [overlapped, status]),
            posted.map(({ address }) => [address, NtStatus.STATUS_CANCELLED])
          )
          assert.strictEqual(send.view.Internal, NtStatus.STATUS_PENDING)
        })
      )
      yield* l.mock.settled
      assert.strictEqual(l.packets(port).length, 1)
      assert.strictEqual(T.receive(l, client), "kept")
      T.send(l, client, "whole")
      yield* l.mock.settled
      assert.strictEqual(T.receive(l, server), "whole")
    })
  )
})

describe("streams: sending", () => {
  it.effect("a send without waiting takes what fits; the rest waits for the peer's program", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      l.setOption(client, SOL_SOCKET, SO_SNDBUF, 1000)
      l.setOption(server, SOL_SOCKET, SO_RCVBUF, 65_536)
      assert.strictEqual(T.send(l, client, 600), 600)
      assert.strictEqual(T.send(l, client, 600), 400)
      assert.strictEqual(T.send(l, client, 600), -Codes.WSAEWOULDBLOCK)
      let total = 1000
      for (let i = 0; i < 200; i++) {
        yield* l.mock.settled
        const sent = T.send(l, client, 1000)
        if (sent < 0) break
        total += sent
      }
      // the peer's buffer and this one's
      assert.strictEqual(total, 65_536 + 1000)
      assert.strictEqual(T.receiveCount(l, server, 5000), 5000)
      yield* l.mock.settled
      assert.strictEqual(T.send(l, client, 5000), 1000)
    })
  )

  it.effect("without a send buffer a send ends when the peer has it", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      l.setOption(client, SOL_SOCKET, SO_SNDBUF, 0)
      const small = T.postSend(l, client, 100)
      assert.strictEqual(small.code, Codes.WSA_IO_PENDING)
      yield* l.mock.settled
      assert.deepStrictEqual([small.view.Internal, small.view.InternalHigh], [0, 100])
      const large = T.postSend(l, client, 100_000)
      yield* l.mock.settled
      assert.strictEqual(large.view.Internal, NtStatus.STATUS_PENDING)
      assert.strictEqual(T.receiveCount(l, server, 70_000), 65_536)
      yield* l.mock.settled
      assert.deepStrictEqual([large.view.Internal, large.view.InternalHigh], [0, 100_000])
    })
  )

  it.effect("a receive buffer of none still lets bytes through, and one that grows lets more", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      l.setOption(server, SOL_SOCKET, SO_RCVBUF, 0)
      const send = T.postSend(l, client, 200_000)
      let got = 0
      for (let i = 0; i < 1000 && got < 100_000; i++) {
        yield* l.mock.settled
        const more = T.receiveCount(l, server, 70_000)
        if (more > 0) got += more
      }
      assert.isAtLeast(got, 100_000)
      l.setOption(server, SOL_SOCKET, SO_RCVBUF, 100_000)
      yield* l.mock.settled
      assert.deepStrictEqual([send.view.Internal, send.view.InternalHigh], [0, 200_000])
      assert.strictEqual(T.receiveCount(l, server, 200_000), 200_000 - got)
    })
  )

  it.effect("a cancelled send leaves what the connection has: torn, and what follows follows it", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client, server } = yield* T.pair(l)
      const torn = T.postSend(l, client, 1_000_000)
      yield* l.mock.settled
      const after = T.postSend(l, client, "AFTER")
      assert.strictEqual(l.calls.CancelIoEx(client, torn.address), 1)
      assert.deepStrictEqual([torn.view.Internal, torn.view.InternalHigh], [NtStatus.STATUS_CANCELLED, 131_072])
      let last: string | number = ""
      for (let i = 0; i < 100; i++) {
        yield* l.mock.settled
        const more = T.receive(l, server, 65_536)
        if (typeof more === "number") break
        last = more
      }
      assert.isTrue(String(last).endsWith("AFTER"))
      assert.strictEqual(after.view.Internal, 0)
    })
  )

  for (const seed of [1, 2, 3, 4, 5]) {
    it.effect(`seed ${seed}: cut at random, every byte arrives once and in order`, () =>
      Effect.gen(function* () {
        const l = yield* lab({
          seed,
          segmentation: "seeded",
          readyAnswer: "seeded",
          dequeue: "seeded",
          cancellation: "seeded"
        })
        const { client, server } = yield* T.pair(l)
        l.setOption(client, IPPROTO_TCP, 1, seed % 2)
        const size = 3000
        let next = 0
        let seen = 0
        let cuts = 0
        for (let i = 0; i < 5000 && seen < size; i++) {
          if (next < size) {
            const b = T.buffers(l, [Math.min(500, size - next)])
            for (let j = 0; j < 500; j++) b.block.bytes[b.at[0] + j] = (next + j) % 251
            if (l.calls.WSASend(client, b.address, 1, b.bytesAt, 0, 0, 0) === 0) next += b.block.view.getUint32(0, true)
          }
          yield* l.mock.settled
          const r = T.buffers(l, [300])
          if (l.calls.WSARecv(server, r.address, 1, r.bytesAt, r.flagsAt, 0, 0) !== 0) continue
          const count = r.block.view.getUint32(0, true)
          if (count < 300) cuts++
          for (let j = 0; j < count; j++) assert.strictEqual(r.block.bytes[r.at[0] + j], (seen + j) % 251)
          seen += count
        }
        assert.strictEqual(seen, size)
        assert.isAbove(cuts, 3)
      })
    )
  }

  it.effect("flags: MSG_PARTIAL is WSAEOPNOTSUPP, MSG_DONTROUTE goes; WSASendMsg is WSAEINVAL (22)", () =>
    Effect.gen(function* () {
      const l = yield* lab()
      const { client } = yield* T.pair(l)
      assert.strictEqual(T.send(l, client, "x", Flags.MSG_PARTIAL), -Codes.WSAEOPNOTSUPP)
      assert.strictEqual(T.send(l, client, "x", Flags.MSG_DONTROUTE), 1)
      assert.strictEqual(l.sendMsg(client, l.outgoing("x")), Codes.WSAEINVAL)
      assert.strictEqual(l.recvMsg(client, l.message()), Codes.WSAEINVAL)
    })
  )

  it.effect("the guard watches a stream's buffers too", () =>
    Effect.gen(function* () {
      const l = yield* lab({ guard: "collect" })
      const { client, server } = yield* T.pair(l)
      const receive = T.postReceive(l, server)
      receive.buffers.block.bytes[receive.buffers.at[0]] = 1
      const all = T.postReceive(l, server, [4], Flags.MSG_WAITALL)
      T.send(l, client, 64)
      yield* l.mock.settled
      T.send(l, client, "ab")
      yield* l.mock.settled
      T.send(l, client, "cd")
      yield* l.mock.settled
      assert.deepStrictEqual([receive.view.InternalHigh, all.view.InternalHigh, all.text()], [64, 4, "abcd"])
      assert.deepStrictEqual(kinds(yield* l.mock.guard), ["MemoryChanged"])
    })
  )
})

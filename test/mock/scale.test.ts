import * as MockWinsock from "@effect-winsock/mock/MockWinsock"
import type { Calls, Handle, Seam, SocketHandle } from "@effect-winsock/core/Seam"
import * as UdpSocket from "@effect-winsock/core/UdpSocket"
import * as Winsock from "@effect-winsock/core/Winsock"
import { AF_INET, SOCK_DGRAM, WSA_FLAG_OVERLAPPED } from "@effect-winsock/schema/Flags"
import { writePointer } from "@effect-winsock/schema/Layout"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { OVERLAPPED, OVERLAPPED_ENTRY, WSABUF } from "@effect-winsock/schema/Structs"
import { WSA_IO_PENDING } from "@effect-winsock/schema/WsaError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as NetAddress from "effect/net/NetAddress"
import { Guard } from "../../packages/mock/src/internal/Guard.ts"
import { MockMemory } from "../../packages/mock/src/internal/Memory.ts"
import { Timers } from "../../packages/mock/src/internal/Timers.ts"
import { Trace } from "../../packages/mock/src/internal/Trace.ts"
import * as Clock from "effect/Clock"
import { Fifo, Shuffled } from "../../packages/mock/src/internal/PacketQueue.ts"
import { Random } from "../../packages/mock/src/internal/Random.ts"

const sockets = 10_000
const pending = 100_000
const each = pending / sockets

const localhost = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)

type Block = ReturnType<Seam["memory"]["alloc"]>

/** A program of the functions alone: each receive has a block of its own, found again by its address. */
class Program {
  readonly calls: Calls
  readonly seam: Seam
  readonly blocks = new Map<number, Block>()
  private readonly own: Block
  private readonly entries: Block
  private readonly port: Handle

  constructor(seam: Seam) {
    this.seam = seam
    this.calls = seam.calls
    this.own = seam.memory.alloc(1024)
    this.entries = seam.memory.alloc(OVERLAPPED_ENTRY.size[seam.abi] * 64 + 16)
    assert.strictEqual(this.calls.WSAStartup(0x0202, this.own.address), 0)
    this.port = this.calls.CreateIoCompletionPort(-1, 0, 0, 1) as Handle
  }

  open(): SocketHandle {
    const { address, view } = this.own
    const socket = this.calls.WSASocketW(AF_INET, SOCK_DGRAM, 0, 0, 0, WSA_FLAG_OVERLAPPED) as SocketHandle
    const bound = this.calls.bind(socket, address, SockAddr.write(view, 0, localhost))
    const attached = this.calls.CreateIoCompletionPort(socket, this.port, 0, 0)
    if (bound !== 0 || attached === 0) throw new Error(`a call failed with ${this.calls.WSAGetLastError()}`)
    return socket
  }

  /** Begins a receive of up to 64 bytes; returns the address of its OVERLAPPED. */
  receive(socket: SocketHandle): number {
    const { abi, memory } = this.seam
    const block = memory.alloc(192)
    const { address, view } = block
    const buffer = OVERLAPPED.size[abi]
    view.setUint32(buffer + WSABUF.offsets[abi].len, 64, true)
    writePointer(abi, view, buffer + WSABUF.offsets[abi].buf, address + 128)
    const rc = this.calls.WSARecvFrom(socket, address + buffer, 1, 0, address + 96, 0, 0, address, 0)
    if (rc === 0 || this.calls.WSAGetLastError() !== WSA_IO_PENDING) throw new Error("a receive did not stay pending")
    this.blocks.set(address, block)
    return address
  }

  /** Sends each socket as many datagrams as it has receives. */
  feed(from: SocketHandle, to: SocketHandle): void {
    const { abi } = this.seam
    const { address, view } = this.own
    view.setInt32(256, 128, true)
    this.calls.getsockname(to, address, address + 256)
    view.setUint32(512 + WSABUF.offsets[abi].len, 32, true)
    writePointer(abi, view, 512 + WSABUF.offsets[abi].buf, address + 640)
    for (let i = 0; i < each; i++) {
      const rc = this.calls.WSASendTo(from, address + 512, 1, address + 576, 0, address, 16, 0, 0)
      if (rc !== 0) throw new Error(`a send failed with ${this.calls.WSAGetLastError()}`)
    }
  }

  /** Takes all packets and frees the block of each; how many there were. */
  harvest(): number {
    const { abi, memory } = this.seam
    const { address, size, view } = this.entries
    let all = 0
    while (this.calls.GetQueuedCompletionStatusEx(this.port, address, 64, address + size - 16, 0, 0) !== 0) {
      const taken = view.getUint32(size - 16, true)
      for (let i = 0; i < taken; i++) {
        const at = i * OVERLAPPED_ENTRY.size[abi] + OVERLAPPED_ENTRY.offsets[abi].lpOverlapped
        const low = view.getUint32(at, true)
        const overlapped = abi === "x64" ? low + view.getUint32(at + 4, true) * 0x1_0000_0000 : low
        memory.free(this.blocks.get(overlapped)!)
        this.blocks.delete(overlapped)
      }
      all += taken
    }
    return all
  }

  end(): void {
    this.calls.CloseHandle(this.port)
    this.calls.WSACleanup()
    this.seam.memory.free(this.entries)
    this.seam.memory.free(this.own)
  }
}

describe("ten thousand sockets", () => {
  for (const abi of ["x64", "ia32"] as const) {
    it.effect(
      `${abi}: a hundred thousand receives that wait are completed, cancelled and closed, and nothing is left`,
      () =>
        Effect.gen(function* () {
          const mock = yield* MockWinsock.make({
            abi,
            trace: false,
            dequeue: "seeded",
            cancellation: abi === "x64" ? "seeded" : "immediate"
          })
          const program = new Program(mock.seam)
          const all = Array.from({ length: sockets }, () => program.open())
          const submit = (): ReadonlyArray<readonly [SocketHandle, number]> =>
            all.flatMap((socket) => Array.from({ length: each }, () => [socket, program.receive(socket)] as const))

          submit()
          assert.strictEqual((yield* mock.counts).pending, pending)
          all.forEach((socket, i) => program.feed(all[(i + 1) % sockets], socket))
          yield* mock.settled
          assert.strictEqual(program.harvest(), pending)

          for (const [socket, overlapped] of submit()) program.calls.CancelIoEx(socket, overlapped)
          yield* mock.settled
          assert.strictEqual(program.harvest(), pending)

          submit()
          // one block is freed while all others are pending, again and again
          for (let i = 0; i < sockets; i++) program.seam.memory.free(program.seam.memory.alloc(16))
          for (const socket of all) program.calls.closesocket(socket)
          yield* mock.settled
          assert.strictEqual(program.harvest(), pending)
          program.end()
          assert.deepStrictEqual(yield* mock.counts, { blocks: 0, handles: 0, pending: 0 })
        }),
      60_000
    )
  }

  it.effect(
    "a hundred thousand fibers receive by the library, are interrupted, and end when all is closed",
    () =>
      Effect.gen(function* () {
        const mock = yield* MockWinsock.MockWinsock
        const opened = yield* Effect.scoped(
          Effect.gen(function* () {
            const all = yield* Effect.all(
              Array.from({ length: sockets }, () => UdpSocket.bind(localhost, { maxMessageSize: 64 }))
            )
            const receive = (count: number) =>
              all.flatMap((socket) => Array.from({ length: count }, () => Effect.runFork(socket.receive)))
            const fibers = receive(each)
            yield* mock.settled
            assert.strictEqual((yield* mock.counts).pending, pending)
            yield* Fiber.interruptAll(fibers)
            assert.strictEqual((yield* mock.counts).pending, 0)
            const served = receive(1)
            yield* mock.settled
            for (let i = 0; i < sockets; i++) {
              yield* all[i].send(new Uint8Array([i & 0xff]), all[(i + 1) % sockets].address)
            }
            const messages = yield* Fiber.joinAll(served)
            messages.forEach((message, i) =>
              assert.strictEqual(message.payload[0], ((i + sockets - 1) % sockets) & 0xff)
            )
            const waiting = receive(1)
            yield* mock.settled
            return waiting
          })
        )
        const exits = yield* Fiber.awaitAll(opened)
        assert.isTrue(exits.every((exit) => exit._tag === "Failure"))
        const { operations, pending: left } = yield* Effect.flatMap(Winsock.Winsock, (winsock) => winsock.statistics)
        assert.strictEqual(left, 0)
        assert.strictEqual(operations.receive.submitted, operations.receive.completed + operations.receive.aborted)
      }).pipe(Effect.provide(MockWinsock.layer({ trace: false }))),
    60_000
  )

  for (const abi of ["x64", "ia32"] as const) {
    it.effect(`${abi}: forty thousand blocks lie apart, and each is found at its own addresses`, () =>
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const memory = new MockMemory(abi, new Guard("strict", "localhost", new Trace(0, clock), false))
        const largest = abi === "x64" ? 3_000_000 : 10_000
        const sizes = Array.from({ length: 40_000 }, (_, i) => (i % 1000 === 999 ? largest : 1 + (i % 40)))
        const blocks = sizes.map((size) => memory.alloc(size))
        for (const [i, { address, size }] of blocks.entries()) {
          for (const at of [address, address + size - 1]) {
            const { offset, view } = memory.resolve(at, 1)
            assert.strictEqual(view, blocks[i].view)
            assert.strictEqual(offset, at - address)
          }
          // a thrown error costs more than all else here
          if (i % 50 === 0) assert.throws(() => memory.resolve(address + size, 1), /access violation/)
        }
        const order = blocks.toSorted((a, b) => a.address - b.address)
        for (let i = 1; i < order.length; i++) {
          assert.isAtMost(order[i - 1].address + order[i - 1].size, order[i].address)
        }
        assert.isBelow(order[order.length - 1].address, abi === "x64" ? 2 ** 47 : 2 ** 32)
        for (const [i, block] of blocks.entries()) {
          memory.free(block)
          if (i % 50 === 0) assert.throws(() => memory.resolve(block.address, 1), /access violation/)
        }
        const again = sizes.map((size) => memory.alloc(size))
        assert.strictEqual(new Set(again.map(({ address }) => address)).size, again.length)
        for (const block of again) memory.free(block)
      })
    )
  }
})

interface Queued {
  readonly id: number
  readonly overlapped: number
  readonly posted: boolean
}

/** The order as its rule says it, packet by packet. */
const takeAny = (packets: Array<Queued>, random: Random): Queued => {
  const posted = packets.findIndex((packet) => packet.posted)
  const ready = posted === -1 ? packets.length : posted
  const chosen = packets[ready === 0 ? 0 : random.below(ready)]
  const oldest = packets.findIndex((packet) => packet.overlapped === chosen.overlapped)
  return packets.splice(ready === 0 ? 0 : oldest, 1)[0]
}

describe("the packets of a port", () => {
  for (let seed = 1; seed <= 20; seed++) {
    it(`leave in the order of the rule, in the order of their OVERLAPPED and of what is posted (seed ${seed})`, () => {
      const chance = new Random(seed * 7919)
      const shuffled = new Shuffled<Queued>(new Random(seed))
      const fifo = new Fifo<Queued>()
      const random = new Random(seed)
      const packets: Array<Queued> = []
      const inOrder: Array<Queued> = []
      for (let id = 0; id < 5000; id++) {
        const packet = { id, overlapped: chance.below(seed % 2 === 0 ? 2000 : 1e9), posted: chance.below(400) === 0 }
        for (const queue of [shuffled, fifo]) queue.add(packet)
        packets.push(packet)
        inOrder.push(packet)
        // fills for a while, empties for a while
        while (packets.length > 0 && chance.below(4) < (id % 2000 < 1500 ? 1 : 3)) {
          assert.strictEqual(shuffled.take().id, takeAny(packets, random).id)
          assert.strictEqual(fifo.take().id, inOrder.shift()!.id)
        }
      }
      assert.deepStrictEqual(shuffled.list(), packets)
      assert.deepStrictEqual(fifo.list(), inOrder)
      assert.strictEqual(shuffled.size, packets.length)
      while (packets.length > 0) assert.strictEqual(shuffled.take().id, takeAny(packets, random).id)
      assert.strictEqual(shuffled.size, 0)
    })
  }
})

describe("tasks that wait for their time", () => {
  for (let seed = 1; seed <= 10; seed++) {
    it(`come in the order of their times, equal ones in the order in which they were added (seed ${seed})`, () => {
      const chance = new Random(seed)
      const timers = new Timers<{ readonly id: number; readonly deadline: number; withdrawn: boolean }>()
      // sorted by time; what is equal stays in order
      let sorted: Array<{ readonly id: number; readonly deadline: number; withdrawn: boolean }> = []
      let now = 0
      for (let id = 0; id < 3000; id++) {
        const task = { id, deadline: now + 1 + chance.below(seed % 2 === 0 ? 20 : 2000), withdrawn: false }
        timers.add(now, task.deadline, task)
        sorted = [...sorted, task].toSorted((a, b) => a.deadline - b.deadline)
        if (chance.below(3) === 0) sorted[chance.below(sorted.length)].withdrawn = true
        if (chance.below(20) > 0) continue
        now += chance.below(60)
        const waiting = sorted.filter((task) => !task.withdrawn)
        assert.strictEqual(timers.deadline, waiting[0]?.deadline ?? Number.POSITIVE_INFINITY)
        const due: Array<number> = []
        for (let task = timers.due(now); task !== undefined; task = timers.due(now))
          if (!task.withdrawn) due.push(task.id)
        assert.deepStrictEqual(
          due,
          waiting.filter(({ deadline }) => deadline <= now).map(({ id }) => id)
        )
        sorted = sorted.filter(({ deadline }) => deadline > now)
      }
      timers.clear()
      assert.strictEqual(timers.deadline, Number.POSITIVE_INFINITY)
      assert.isUndefined(timers.due(Number.MAX_VALUE))
    })
  }
})

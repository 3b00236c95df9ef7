/**
 * A process of its own: how the simulated ws2_32 bears many sockets and many pending operations. Pairs of orders in, a
 * small one and one of ten times as much; what each phase takes for one of what it is about, out. The small one is run
 * first untimed, so that both are compiled alike.
 */
import type { Winsock } from "@effect-winsock/core"
import type { Calls, Seam, SocketHandle } from "@effect-winsock/core/Seam"
import * as TcpServer from "@effect-winsock/core/TcpServer"
import * as TcpSocket from "@effect-winsock/core/TcpSocket"
import * as UdpSocket from "@effect-winsock/core/UdpSocket"
import * as MockNetwork from "@effect-winsock/mock/MockNetwork"
import type { Mock } from "@effect-winsock/mock/MockWinsock"
import { AF_INET, SOCK_DGRAM, WSA_FLAG_OVERLAPPED } from "@effect-winsock/schema/Flags"
import { writePointer } from "@effect-winsock/schema/Layout"
import * as SockAddr from "@effect-winsock/schema/SockAddr"
import { OVERLAPPED, OVERLAPPED_ENTRY, WSABUF } from "@effect-winsock/schema/Structs"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"

/** What is measured: the functions alone, or the library's sockets on them. */
export interface ScaleOrder {
  readonly of: "calls" | "udp" | "tcp"
  /** Sockets in all; of TCP both ends. */
  readonly sockets: number
  /** Receives that wait at once, in all. */
  readonly pending: number
  /** Machines that they are spread over. */
  readonly hosts: number
  readonly guard: "strict" | "off"
  readonly trace: boolean
  /** Whether packets leave the port in any order, and cancellations take their time. */
  readonly seeded: boolean
  readonly completion: Winsock.Completion
}

/** Phases by name: nanoseconds an operation, and what is held in bytes. */
export interface Scaled {
  readonly nanoseconds: { readonly [phase: string]: number }
  readonly bytes: { readonly [what: string]: number }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const held = async (): Promise<number> => {
  for (let i = 0; i < 2; i++) {
    await turn()
    void globalThis.gc?.()
  }
  const { external, heapUsed } = process.memoryUsage()
  return external + heapUsed
}

const local = (host: number) => NetAddress.inetAddressFromIpStringUnsafe(addressOf(host), 0)

const addressOf = (host: number): string => `10.0.${host >> 7}.${1 + (host & 127)}`

class Meter {
  readonly nanoseconds: Record<string, number> = {}
  readonly bytes: Record<string, number> = {}

  /** Times a phase of `count` operations. */
  async phase(name: string, count: number, run: () => Promise<void> | void): Promise<void> {
    const start = performance.now()
    await run()
    this.nanoseconds[name] = ((performance.now() - start) * 1e6) / count
  }

  /** What a phase of `count` things leaves in memory. */
  async holding(name: string, count: number, run: () => Promise<void>): Promise<void> {
    const before = await held()
    await run()
    this.bytes[name] = ((await held()) - before) / count
  }
}

const settle = (mock: Mock): Promise<void> => Effect.runPromise(mock.settled)

/** The functions of one machine, as a program in C would call them. */
class Raw {
  readonly seam: Seam
  readonly calls: Calls
  readonly sockets: Array<SocketHandle> = []
  readonly ports: Array<number> = []
  readonly slots: Array<{ readonly socket: SocketHandle; readonly block: ReturnType<Seam["memory"]["alloc"]> }> = []
  private readonly scratch
  private readonly entries
  private readonly address: string
  private iocp = 0

  constructor(seam: Seam, address: string) {
    this.seam = seam
    this.calls = seam.calls
    this.address = address
    this.scratch = seam.memory.alloc(1024)
    this.entries = seam.memory.alloc(OVERLAPPED_ENTRY.size[seam.abi] * 64 + 16)
    this.must(this.calls.WSAStartup(0x0202, this.scratch.address) === 0)
    this.iocp = this.calls.CreateIoCompletionPort(-1, 0, 0, 1)
  }

  private must(ok: boolean): void {
    if (!ok) throw new Error(`a call of the mock failed with ${this.calls.WSAGetLastError()}`)
  }

  open(): void {
    const { address, view } = this.scratch
    const socket = this.calls.WSASocketW(AF_INET, SOCK_DGRAM, 0, 0, 0, WSA_FLAG_OVERLAPPED)
    const local = NetAddress.inetAddressFromIpStringUnsafe(this.address, 0)
    this.must(this.calls.bind(socket, address, SockAddr.write(view, 0, local)) === 0)
    this.must(this.calls.CreateIoCompletionPort(socket, this.iocp as never, 0, 0) !== 0)
    view.setInt32(128, 128, true)
    this.must(this.calls.getsockname(socket, address, address + 128) === 0)
    const name = SockAddr.read(view, 0, view.getInt32(128, true))
    this.ports.push(name._tag === "Inet" ? name.address.port : 0)
    this.sockets.push(socket as SocketHandle)
  }

  /** A receive with a block of its own: OVERLAPPED, WSABUF, flags, 64 bytes. */
  submit(socket: SocketHandle): void {
    const { abi, memory } = this.seam
    const block = memory.alloc(192)
    const buffer = OVERLAPPED.size[abi]
    block.view.setUint32(buffer + WSABUF.offsets[abi].len, 64, true)
    writePointer(abi, block.view, buffer + WSABUF.offsets[abi].buf, block.address + 128)
    const { address } = block
    const rc = this.calls.WSARecvFrom(socket, address + buffer, 1, 0, address + 96, 0, 0, address, 0)
    this.must(rc === 0 || this.calls.WSAGetLastError() === 997)
    this.slots.push({ socket, block })
  }

  send(from: SocketHandle, to: string, port: number): void {
    const { address, view } = this.scratch
    const { abi } = this.seam
    const length = SockAddr.write(view, 0, NetAddress.inetAddressFromIpStringUnsafe(to, port))
    view.setUint32(512 + WSABUF.offsets[abi].len, 32, true)
    writePointer(abi, view, 512 + WSABUF.offsets[abi].buf, address + 640)
    this.must(this.calls.WSASendTo(from, address + 512, 1, address + 576, 0, address, length, 0, 0) === 0)
  }

  dequeue(): number {
    const { address, size, view } = this.entries
    let all = 0
    for (;;) {
      const rc = this.calls.GetQueuedCompletionStatusEx(this.iocp as never, address, 64, address + size - 16, 0, 0)
      if (rc === 0) return all
      all += view.getUint32(size - 16, true)
    }
  }

  close(): void {
    for (const socket of this.sockets) this.must(this.calls.closesocket(socket) === 0)
  }

  release(): void {
    for (const { block } of this.slots) this.seam.memory.free(block)
    this.slots.length = 0
  }

  end(): void {
    this.calls.CloseHandle(this.iocp as never)
    this.calls.WSACleanup()
    this.seam.memory.free(this.entries)
    this.seam.memory.free(this.scratch)
  }
}

const must = (is: number, shouldBe: number, what: string): void => {
  if (is !== shouldBe) throw new Error(`${what}: ${is} instead of ${shouldBe}`)
}

const ofCalls = async (order: ScaleOrder, mocks: ReadonlyArray<Mock>, meter: Meter): Promise<void> => {
  const machines = mocks.map(({ seam }, i) => new Raw(seam, addressOf(i)))
  const each = order.sockets / machines.length
  const per = order.pending / order.sockets
  const dequeued = (): number => machines.reduce((sum, machine) => sum + machine.dequeue(), 0)
  const submit = async (name: string): Promise<void> =>
    meter.phase(name, order.pending, () => {
      for (const machine of machines) {
        for (const socket of machine.sockets) for (let i = 0; i < per; i++) machine.submit(socket)
      }
    })
  await meter.holding("socket", order.sockets, () =>
    meter.phase("open", order.sockets, () => {
      for (const machine of machines) for (let i = 0; i < each; i++) machine.open()
    })
  )
  await meter.holding("receive", order.pending, () => submit("submit"))
  await meter.phase("complete", order.pending, async () => {
    for (let i = 0; i < machines.length; i++) {
      const from = machines[i]
      const to = (i + 1) % machines.length
      machines[to].ports.forEach((port, at) => {
        for (let n = 0; n < per; n++) from.send(from.sockets[at], addressOf(to), port)
      })
    }
    await settle(mocks[0])
  })
  await meter.phase("dequeue", order.pending, () => must(dequeued(), order.pending, "packets"))
  await meter.phase("free", order.pending, () => {
    for (const machine of machines) machine.release()
  })
  await submit("submit again")
  await meter.phase("cancel", order.pending, () => {
    for (const machine of machines) {
      for (const { block, socket } of machine.slots) machine.calls.CancelIoEx(socket, block.address)
    }
  })
  await settle(mocks[0])
  must(dequeued(), order.pending, "packets of cancelled receives")
  for (const machine of machines) machine.release()
  await submit("submit for close")
  await meter.phase("close", order.sockets + order.pending, () => {
    for (const machine of machines) machine.close()
  })
  await settle(mocks[0])
  must(dequeued(), order.pending, "packets of closed sockets")
  for (const machine of machines) machine.release()
  for (const machine of machines) machine.end()
}

type Both = UdpSocket.UdpSocket | TcpSocket.TcpSocket

const ofLibrary = async (order: ScaleOrder, mocks: ReadonlyArray<Mock>, meter: Meter): Promise<void> => {
  const scope = Scope.makeUnsafe()
  const contexts = await Promise.all(
    mocks.map((mock) =>
      Effect.runPromise(
        Layer.buildWithScope(MockNetwork.layer(mock, { winsock: { completion: order.completion } }), scope)
      )
    )
  )
  const sockets = Scope.makeUnsafe()
  const on = <A, E>(host: number, effect: Effect.Effect<A, E, Winsock.Winsock | Scope.Scope>): Promise<A> =>
    Effect.runPromise(effect.pipe(Effect.provideContext(contexts[host]), Scope.provide(sockets)) as Effect.Effect<A, E>)
  const all: Array<Both> = []
  const sends: Array<() => Effect.Effect<void, unknown>> = []
  const each = order.sockets / mocks.length
  const openUdp = async (): Promise<void> => {
    const bound: Array<Array<UdpSocket.UdpSocket>> = []
    for (let host = 0; host < mocks.length; host++) {
      const own = await on(
        host,
        Effect.all(Array.from({ length: each }, () => UdpSocket.bind(local(host), { maxMessageSize: 64 })))
      )
      bound.push(own)
      all.push(...own)
    }
    bound.forEach((own, i) => {
      const from = bound[(i + 1) % bound.length][0]
      for (const socket of own) sends.push(() => from.send(bytes, socket.address))
    })
  }
  const openTcp = async (): Promise<void> => {
    for (let host = 0; host < mocks.length; host++) {
      const server = await on(host, TcpServer.listen(local(host), { backlog: 200 }))
      await on(
        (host + 1) % mocks.length,
        Effect.gen(function* () {
          for (let i = 0; i < each / 2; i++) {
            const client = yield* TcpSocket.connect(server.address)
            const accepted = yield* server.accept
            all.push(client, accepted)
            sends.push(
              () => accepted.send(bytes),
              () => client.send(bytes)
            )
          }
        })
      )
    }
  }
  const per = order.pending / order.sockets
  const bytes = new Uint8Array(1)
  await meter.holding("socket", order.sockets, () =>
    meter.phase("open", order.sockets, order.of === "udp" ? openUdp : openTcp)
  )
  let fibers: Array<Fiber.Fiber<unknown, unknown>> = []
  const submit = (name: string): Promise<void> =>
    meter.phase(name, order.pending, async () => {
      for (const socket of all) {
        const receive: Effect.Effect<unknown, unknown> = socket.receive
        for (let i = 0; i < per; i++) fibers.push(Effect.runFork(receive))
      }
      await settle(mocks[0])
    })
  await meter.holding("receive", order.pending, () => submit("submit"))
  await meter.phase("complete", order.pending, async () => {
    for (const send of sends) for (let i = 0; i < per; i++) Effect.runFork(send())
    await Effect.runPromise(Fiber.joinAll(fibers))
  })
  fibers = []
  await submit("submit again")
  await meter.phase("interrupt", order.pending, () => Effect.runPromise(Fiber.interruptAll(fibers)))
  fibers = []
  await submit("submit for close")
  await meter.phase("close", order.sockets + order.pending, async () => {
    await Effect.runPromise(Scope.close(sockets, Exit.void))
    await Effect.runPromise(Fiber.awaitAll(fibers))
  })
  fibers = []
  await Effect.runPromise(Scope.close(scope, Exit.void))
}

export const scale = async (order: ScaleOrder): Promise<Scaled> => {
  const hosts = Object.fromEntries(
    Array.from({ length: order.hosts }, (_, i) => [
      `h${i}`,
      { interfaces: [{ index: 2, name: "Ethernet", addresses: [`${addressOf(i)}/16`] }] }
    ])
  )
  const scope = Scope.makeUnsafe()
  const chance = order.seeded ? "seeded" : undefined
  const network = await Effect.runPromise(
    MockNetwork.make({
      hosts,
      guard: order.guard,
      trace: order.trace ? undefined : false,
      dequeue: chance,
      cancellation: chance
    }).pipe(Scope.provide(scope))
  )
  const meter = new Meter()
  await (order.of === "calls" ? ofCalls : ofLibrary)(order, Object.values(network.hosts), meter)
  // the guard looks at what was left
  await meter.phase("end", order.sockets, () => Effect.runPromise(Scope.close(scope, Exit.void)))
  return { nanoseconds: meter.nanoseconds, bytes: meter.bytes }
}

if (process.argv[1] === import.meta.filename) {
  const found: Array<readonly [Scaled, Scaled]> = []
  for (const [small, large] of JSON.parse(process.argv[2]) as Array<[ScaleOrder, ScaleOrder]>) {
    await scale(small)
    found.push([await scale(small), await scale(large)])
  }
  process.stdout.write(JSON.stringify(found))
}

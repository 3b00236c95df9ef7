/**
 * What a connection takes while nothing happens on it: the memory of a process with many of them, after a garbage
 * collection, less that of the same process without.
 */
import * as TcpServer from "@effect-winsock/core/TcpServer"
import * as TcpSocket from "@effect-winsock/core/TcpSocket"
import * as Winsock from "@effect-winsock/core/Winsock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import { interruptAll, Parked } from "./floor.ts"
import type { Row } from "./report.ts"
import { localhost } from "./rig.ts"

/** Bytes. Array buffers are external memory too; native blocks are not, but where they are simulated. */
export interface Memory {
  readonly heap: number
  readonly external: number
  readonly blocks: number
}

/** Bytes a connection. */
export interface Idle {
  readonly connections: number
  /** Milliseconds that making one took, both of its ends. */
  readonly making: number
  /** Both ends, nobody waits. */
  readonly idle: Memory
  /** What else it takes when a receive waits at one end. */
  readonly parked: Memory
  /** The fiber of such a receive: the same in Effect's own `callback`. */
  readonly fiber: Memory
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const memory = async (blocks: () => Promise<number>): Promise<Memory> => {
  if (globalThis.gc === undefined) throw new Error("this process runs without --expose-gc")
  for (let i = 0; i < 3; i++) {
    await turn()
    void globalThis.gc()
  }
  const { external, heapUsed } = process.memoryUsage()
  return { heap: heapUsed, external, blocks: await blocks() }
}

export const each = (after: Memory, before: Memory, count: number): Memory => ({
  heap: (after.heap - before.heap) / count,
  external: (after.external - before.external) / count,
  blocks: (after.blocks - before.blocks) / count
})

export const total = ({ blocks, external, heap }: Memory): number => heap + external + blocks

/** Makes connections, both ends of each, and measures them. `owned` says whether native blocks are external memory. */
export const measure = async (
  layer: Layer.Layer<Winsock.Winsock, unknown>,
  connections: number,
  owned: boolean
): Promise<Idle> => {
  const runtime = ManagedRuntime.make(layer)
  const scope = Scope.makeUnsafe()
  const blocks = owned
    ? async () => 0
    : () =>
        runtime.runPromise(Effect.flatMap(Winsock.Winsock, (of) => Effect.map(of.statistics, (s) => s.blocks.bytes)))
  const server = await runtime.runPromise(Scope.provide(TcpServer.listen(localhost), scope))
  const pairs: Array<TcpSocket.TcpSocket> = []
  const make = (count: number): Promise<void> =>
    runtime.runPromise(
      Effect.gen(function* () {
        for (let i = 0; i < count; i++) {
          pairs.push(yield* TcpSocket.connect(server.address))
          pairs.push(yield* server.accept)
        }
      }).pipe(Scope.provide(scope))
    )
  // what the first ones make is made once
  const first = connections / 10
  await make(first)
  const before = await memory(blocks)
  const start = performance.now()
  await make(connections)
  const making = (performance.now() - start) / connections
  const idle = await memory(blocks)

  const bare = new Parked<number>()
  const floor = Array.from({ length: connections }, () => Effect.runFork(bare.wait))
  const withFloor = await memory(blocks)
  interruptAll(floor)
  bare.settle()
  floor.length = 0
  await turn()
  const without = await memory(blocks)
  const receiving = []
  for (let i = 2 * first + 1; i < pairs.length; i += 2) receiving.push(Effect.runFork(pairs[i].receive))
  const parked = await memory(blocks)
  interruptAll(receiving)
  await runtime.runPromise(Scope.close(scope, Exit.void))
  await runtime.dispose()
  return {
    connections,
    making,
    idle: each(idle, before, connections),
    parked: each(parked, without, connections),
    fiber: each(withFloor, idle, connections)
  }
}

const row = (name: string, title: string, memory: number): Row => ({
  provider: "mock",
  name,
  title,
  memory,
  bytes: {},
  counts: {}
})

/**
 * As rows; `kernel` is what the same SOCKETs take without the library, both ends. What a program holds is one end: that
 * and the simulated kernel under it is what the target is for.
 */
export const rowsOf = (of: Idle, kernel: Memory): Array<Row> => {
  const whole = total(of.idle)
  return [
    row("idle-connection", `an end of an idle connection, with its kernel (${of.connections}, guard off)`, whole / 2),
    row("idle-end", "of these the library's", (whole - total(kernel)) / 2),
    row("idle-kernel", "and the simulated kernel's", total(kernel) / 2),
    row("idle-receive", "a receive that waits at one end, with its fiber", total(of.parked)),
    row("idle-fiber", "of these the fiber's (the same in Effect.callback)", total(of.fiber))
  ]
}

export const line = (title: string, of: Memory): string => {
  const [heap, external, blocks] = [of.heap, of.external, of.blocks].map((figure) => figure.toFixed(0))
  return `${title}: ${total(of).toFixed(0)} (heap ${heap}, external ${external}, native blocks ${blocks})`
}

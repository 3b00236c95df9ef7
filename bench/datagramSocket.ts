/** What effect/socket's DatagramSocket adds to the UdpSocket under it: the floor of these cases is that socket itself. */
import { WinsockDatagramSocket } from "@effect-winsock/platform"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import { forever, interruptAll, times } from "./floor.ts"
import type { Case } from "./measure.ts"
import type { Machine } from "./rig.ts"
import { open, openWith, payloadSize } from "./rig.ts"

const rounds = 64
const batch = 64
const burst = 512
const options = { maxMessageSize: payloadSize, batch } as const

const ignore = (): void => {}

/** Makes a socket, and acquires its sides. */
const acquire = Effect.gen(function* () {
  const socket = yield* WinsockDatagramSocket.make({ bind: { address: "127.0.0.1" }, ...options })
  return { reader: yield* socket.reader, writer: yield* socket.writer }
})

/** A fiber that pulls, and datagrams that come `size` at a time while it waits. One operation is one datagram. */
const pull = async (machine: Machine, name: string, size: number): Promise<Case> => {
  let received = 0
  const step = (messages: NonEmptyReadonlyArray<unknown>): void => {
    received += messages.length
  }
  const below = await open(machine, "loop", options)
  const above = await openWith(machine, "loop", acquire)
  const fibers = [forever(below.socket.pull, step), forever(above.socket.reader.pull, step)]
  below.rig.turn()
  above.rig.turn()
  const cycles = Math.max(1, rounds / size) * 4
  const check = (turn: () => void) => (): void => {
    received = 0
    for (let i = 0; i < cycles; i++) turn()
    if (received !== cycles * size) throw new Error(`${received} datagrams instead of ${cycles * size}`)
  }
  const { port } = above.socket.reader.address
  return {
    name,
    title: `DatagramSocket: pull of ${size}, beside UdpSocket`,
    operations: cycles * size,
    parts: {
      floor: {
        run: check(() => {
          below.deliver(size)
          below.rig.turn()
        })
      },
      engine: {
        run: check(() => {
          machine.deliver(port, size)
          above.rig.turn()
        })
      }
    },
    close: async () => {
      interruptAll(fibers)
      await below.close()
      await above.close()
    }
  }
}

const write = async (machine: Machine): Promise<Case> => {
  const below = await open(machine, "loop", options)
  const above = await openWith(machine, "loop", acquire)
  const { writer } = above.socket
  const payload = new Uint8Array(payloadSize)
  const out = { payload, address: machine.sink }
  return {
    name: "datagram-socket-write",
    title: "DatagramSocket: write to an address, beside UdpSocket",
    operations: burst,
    parts: {
      floor: { run: () => times(burst, () => below.socket.send(payload, machine.sink), ignore) },
      engine: { run: () => times(burst, () => writer.write(out), ignore) }
    },
    close: async () => {
      await below.close()
      await above.close()
    }
  }
}

export const cases = async (machine: Machine): Promise<Array<Case>> => [
  await pull(machine, "datagram-socket-parked", 1),
  await pull(machine, "datagram-socket-pull", batch),
  await write(machine)
]

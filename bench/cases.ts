/**
 * The cases: what the library does for a program, beside what Effect alone takes for the same fibers, and what the
 * provider's functions alone take for the same datagrams.
 */
import { Datagram } from "@effect-winsock/core/Datagram"
import type * as UdpSocket from "@effect-winsock/core/UdpSocket"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Arena } from "../packages/core/src/internal/arena.ts"
import { makeShape, nameCapacity } from "../packages/core/src/internal/slots.ts"
import { PlainSocket } from "./calls.ts"
import * as control from "./control.ts"
import * as datagramSocket from "./datagramSocket.ts"
import { forever, immediate, interruptAll, Parked, times } from "./floor.ts"
import type { Case, Part } from "./measure.ts"
import type { Machine, OpenSocket, Turns } from "./rig.ts"
import { finish, open, payloadSize } from "./rig.ts"

/** The pump takes this many packets in one turn, so that many datagrams can be made ready at once. */
const inboxBurst = 256
const burst = 512
/** Each makes so much garbage that fewer would not share its collection evenly. */
const interruptions = 4096
const fibers = 64
const batch = 64
const rounds = 8
const options: UdpSocket.Options = { maxMessageSize: payloadSize }

const must = (is: number, shouldBe: number, what: string): void => {
  if (is !== shouldBe) throw new Error(`${what}: ${is} instead of ${shouldBe}`)
}

const ignore = (): void => {}

/** Effect's own loop: what is under every other figure. */
const loop = (): Case => ({
  name: "loop",
  title: "Effect.whileLoop over Effect.succeed",
  operations: burst,
  parts: {
    floor: {
      run: () => {
        const one = Effect.succeed(1)
        return times(burst, () => one, ignore)
      }
    }
  },
  close: ignore
})

/** The message and its views: what a receive cannot do without. */
const message = (): Case => {
  const shape = makeShape("x64", 0, payloadSize)
  const arena = new Arena()
  const head = shape.payload - shape.name
  const received = new Uint8Array(head + payloadSize)
  let last: Datagram | undefined
  return {
    name: "message",
    title: "the message: one copy, its views (no Effect, no calls)",
    operations: burst,
    parts: {
      floor: {
        run: () => {
          for (let i = 0; i < burst; i++) {
            const to = arena.take(head + payloadSize)
            const { piece } = arena
            piece.bytes.set(received, to)
            const payload = new Uint8Array(piece.buffer, to + head, payloadSize)
            last = new Datagram(payload, 0, false, "x64", piece.view, to, 16, to + nameCapacity, 0)
          }
          must(last!.payload.length, payloadSize, "the payload's length")
        }
      }
    },
    close: ignore
  }
}

const readyFloor = (n: number): Part => ({ run: () => times(n, () => immediate, ignore) })

// takes n messages and checks that they came
const takes = async (n: number, of: OpenSocket): Promise<void> => {
  let bytes = 0
  const waiting = times(
    n,
    () => of.socket.receive,
    (received) => {
      bytes += received.payload.length
    }
  )
  if (waiting !== undefined) {
    // now and then the engine lets the event loop turn
    for (let turns = 0; bytes < n * payloadSize && turns < n; turns++) of.rig.turn()
    await waiting
  }
  must(bytes, n * payloadSize, "bytes received")
}

/** Messages that the look-ahead has received before they are asked for. With `arrival`, all that it took is timed. */
const inbox = async (machine: Machine, arrival: boolean): Promise<Case> => {
  const opened = await open(machine, "loop", { ...options, lookAhead: inboxBurst, maxPosted: inboxBurst })
  const plain = new PlainSocket(machine, inboxBurst)
  for (let i = 0; i < inboxBurst; i++) plain.post(i)
  const arrive = (): void => {
    opened.deliver(inboxBurst)
    opened.rig.turn()
  }
  const plainArrive = (): void => {
    plain.deliver(inboxBurst)
    for (let i = 0; i < inboxBurst; i += batch) must(plain.look(), batch, "packets")
  }
  const plainPost = (): void => {
    for (let i = 0; i < inboxBurst; i++) plain.post(i)
  }
  return {
    name: arrival ? "ready-inbox-arrival" : "ready-inbox",
    title: arrival ? "receive from the inbox, and its way there" : "receive from the inbox",
    operations: inboxBurst,
    parts: arrival
      ? {
          floor: readyFloor(inboxBurst),
          calls: {
            run: () => {
              plainArrive()
              plainPost()
            }
          },
          engine: {
            run: () => {
              arrive()
              return takes(inboxBurst, opened)
            }
          }
        }
      : {
          floor: readyFloor(inboxBurst),
          calls: { prepare: plainArrive, run: plainPost },
          engine: { prepare: arrive, run: () => takes(inboxBurst, opened) }
        },
    close: () => {
      plain.close()
      return opened.close()
    }
  }
}

/** Messages that wait in the kernel: one call each, which answers at once. */
const now = async (machine: Machine): Promise<Case> => {
  const opened = await open(machine, "loop", options)
  const plain = new PlainSocket(machine, 1)
  // the first one tells the engine that there may be more
  opened.deliver(2)
  await finish(opened.rig, Effect.andThen(opened.socket.receive, opened.socket.receive))
  return {
    name: "ready-now",
    title: "receive by a call that answers at once",
    operations: burst,
    parts: {
      floor: readyFloor(burst),
      calls: {
        prepare: () => plain.deliver(burst),
        run: () => {
          // the engine lets the event loop turn four times in a burst: those four go through the port
          for (let i = 4; i < burst; i++) plain.receiveNow()
          for (let i = 0; i < 4; i++) {
            plain.post(0)
            plain.look()
          }
        }
      },
      engine: { prepare: () => opened.deliver(burst), run: () => takes(burst, opened) }
    },
    close: () => {
      plain.close()
      return opened.close()
    }
  }
}

/** Fibers that wait, and a loop that turns the pump. */
const parked = async (machine: Machine, count: number): Promise<Case> => {
  let received = 0
  const step = (): void => {
    received++
  }
  const bare = new Parked<number>()
  const bareFibers = Array.from({ length: count }, () => forever(bare.wait, step))
  const one = Effect.succeed(1)
  const opened = await open(machine, "loop", options)
  const own = Array.from({ length: count }, () => forever(opened.socket.receive, step))
  opened.rig.turn()
  const plain = new PlainSocket(machine, count)
  for (let i = 0; i < count; i++) plain.post(i)
  const turns = (rounds * fibers) / count
  const check = (turn: () => void) => (): void => {
    received = 0
    for (let i = 0; i < turns; i++) turn()
    must(received, turns * count, "messages")
  }
  return {
    name: `parked-${count}`,
    title: `parked receive, ${count} ${count === 1 ? "fiber" : "fibers"}, the pump in a plain loop`,
    operations: turns * count,
    parts: {
      floor: { run: check(() => bare.resume(one)) },
      calls: {
        run: () => {
          for (let i = 0; i < turns; i++) {
            plain.deliver(count)
            // a full batch makes the pump look again
            if (plain.look() === batch) plain.look()
            for (let slot = 0; slot < count; slot++) plain.post(slot)
          }
        }
      },
      engine: {
        run: check(() => {
          opened.deliver(count)
          opened.rig.turn()
        })
      }
    },
    close: () => {
      interruptAll(bareFibers)
      bare.settle()
      interruptAll(own)
      plain.close()
      return opened.close()
    }
  }
}

/** Fibers that wait, and a pump that the event loop turns. */
const parkedInEventLoop = async (machine: Machine): Promise<Case> => {
  const turns: Turns = "event loop"
  const target = rounds * fibers
  let received = 0
  let sent = target
  let done = ignore
  const step = (): void => {
    if (++received === target) done()
  }
  const wait = (start: () => void) => (): Promise<void> =>
    new Promise((resolve) => {
      received = 0
      done = resolve
      start()
    })
  const bare = new Parked<number>()
  const bareFibers = Array.from({ length: fibers }, () => forever(bare.wait, step))
  const one = Effect.succeed(1)
  const bareTurn = (): void => {
    bare.resume(one)
    if (received < target) setImmediate(bareTurn)
  }
  const opened = await open(machine, turns, options)
  const own = Array.from({ length: fibers }, () => forever(opened.socket.receive, step))
  opened.rig.arrivals = () => {
    if (received !== sent || sent >= target) return
    sent += fibers
    opened.deliver(fibers)
  }
  const plain = new PlainSocket(machine, fibers)
  for (let i = 0; i < fibers; i++) plain.post(i)
  return {
    name: "parked-event-loop",
    title: `parked receive, ${fibers} fibers, the pump by setImmediate`,
    operations: target,
    parts: {
      floor: { run: wait(() => setImmediate(bareTurn)) },
      calls: {
        run: () => {
          for (let i = 0; i < rounds; i++) {
            plain.deliver(fibers)
            if (plain.look() === batch) plain.look()
            for (let slot = 0; slot < fibers; slot++) plain.post(slot)
          }
        }
      },
      engine: {
        run: wait(() => {
          sent = fibers
          opened.deliver(fibers)
        })
      }
    },
    close: () => {
      interruptAll(bareFibers)
      bare.settle()
      interruptAll(own)
      plain.close()
      return opened.close()
    }
  }
}

/**
 * A fiber that is forked, waits, and is interrupted; it ends when the cancelled receive has completed. A program's
 * fiber does that to its child; with `root` it is done from outside, with the least that Effect can do it with.
 */
const interrupt = async (machine: Machine, root: boolean): Promise<Case> => {
  const bare = new Parked<number>()
  const opened = await open(machine, "loop", options)
  const plain = new PlainSocket(machine, 1)
  const fromOutside = (wait: Effect.Effect<unknown, unknown>, turn: () => void) => (): void => {
    for (let i = 0; i < interruptions; i++) {
      const fiber = Effect.runFork(wait)
      fiber.interruptUnsafe()
      must(fiber.pollUnsafe() === undefined ? 0 : 1, 0, "fibers that ended before their receive did")
      turn()
      must(fiber.pollUnsafe() === undefined ? 0 : 1, 1, "fibers that ended")
    }
  }
  const byParent = (wait: Effect.Effect<unknown, unknown>, turn: () => void) => (): Promise<void> | void => {
    const child = Effect.forkChild(wait, { startImmediately: true })
    const one = Effect.flatMap(child, Fiber.interrupt)
    let turns = 0
    const done = times(interruptions, () => one, ignore)
    // each turn lets one child end, and its parent fork and interrupt the next
    for (; turns < interruptions; turns++) turn()
    return done
  }
  const interrupting = root ? fromOutside : byParent
  return {
    name: root ? "interrupt-root" : "interrupt",
    title: root
      ? "the same from outside: runFork, interruptUnsafe"
      : "forkChild, park, Fiber.interrupt, and the cancelled receive's packet",
    operations: interruptions,
    parts: {
      floor: { run: interrupting(bare.wait, () => bare.settle()) },
      calls: {
        run: () => {
          for (let i = 0; i < interruptions; i++) {
            plain.post(0)
            plain.cancel(0)
            plain.look()
          }
        }
      },
      engine: { run: interrupting(opened.socket.receive, () => opened.rig.turn()) }
    },
    close: () => {
      plain.close()
      return opened.close()
    }
  }
}

/** A fiber that pulls, and bursts of as many datagrams as one pull takes. One operation is one datagram. */
const pull = async (machine: Machine): Promise<Case> => {
  let received = 0
  const step = (messages: ReadonlyArray<unknown>): void => {
    received += messages.length
  }
  const bare = new Parked<ReadonlyArray<number>>()
  const bareFiber = forever(bare.wait, step)
  const some = Effect.succeed(Array.from({ length: batch }, (_, i) => i))
  const opened = await open(machine, "loop", { ...options, batch })
  const own = forever(opened.socket.pull, step)
  opened.rig.turn()
  const plain = new PlainSocket(machine, 1)
  plain.post(0)
  const check = (turn: () => void) => (): void => {
    received = 0
    for (let i = 0; i < rounds; i++) turn()
    must(received, rounds * batch, "messages")
  }
  return {
    name: "pull",
    title: `pull of ${batch}, for each datagram`,
    operations: rounds * batch,
    parts: {
      floor: { run: check(() => bare.resume(some)) },
      calls: {
        run: () => {
          for (let i = 0; i < rounds; i++) {
            plain.deliver(batch)
            plain.look()
            // all but the one that was posted, and none when the next pull begins
            for (let n = 1; n < batch; n++) must(plain.receiveNow() ? 1 : 0, 1, "datagrams")
            must(plain.receiveNow() ? 1 : 0, 0, "datagrams")
            plain.post(0)
          }
        }
      },
      engine: {
        run: check(() => {
          opened.deliver(batch)
          opened.rig.turn()
        })
      }
    },
    close: () => {
      interruptAll([bareFiber, own])
      bare.settle()
      plain.close()
      return opened.close()
    }
  }
}

const send = async (machine: Machine): Promise<Case> => {
  const opened = await open(machine, "loop", options)
  const plain = new PlainSocket(machine, 0)
  const payload = new Uint8Array(payloadSize)
  plain.aim(machine.sink)
  return {
    name: "send",
    title: "send to an address",
    operations: burst,
    parts: {
      floor: readyFloor(burst),
      calls: {
        run: () => {
          for (let i = 0; i < burst; i++) plain.sendNow()
        }
      },
      engine: { run: () => times(burst, () => opened.socket.send(payload, machine.sink), ignore) }
    },
    close: () => {
      plain.close()
      return opened.close()
    }
  }
}

export const make = async (machine: Machine): Promise<Array<Case>> => [
  loop(),
  message(),
  await inbox(machine, false),
  await inbox(machine, true),
  await now(machine),
  await parked(machine, fibers),
  await parked(machine, 1),
  await parkedInEventLoop(machine),
  await interrupt(machine, false),
  await interrupt(machine, true),
  await pull(machine),
  await send(machine),
  ...(await datagramSocket.cases(machine)),
  ...control.cases()
]

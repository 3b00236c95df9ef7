/**
 * A cluster of counters, on as many machines as you like. On Windows, each in a terminal of its own:
 *
 *     node examples/cluster.ts registry --at=127.0.0.1:7000
 *     node examples/cluster.ts runner   --at=127.0.0.1:7001 --registry=127.0.0.1:7000
 *     node examples/cluster.ts runner   --at=127.0.0.1:7002 --registry=127.0.0.1:7000
 *     node examples/cluster.ts client   --registry=127.0.0.1:7000
 *
 * elsewhere, under Wine, `node tools/wine/run.mjs examples/cluster.ts ...`. With port 0 it takes any that is free, and prints
 * it. End a runner, and the counters that were there go on, from nothing, on the other.
 */
import { TcpServer } from "@effect-winsock/core"
import type { Winsock } from "@effect-winsock/core/Winsock"
import { NativeWinsock } from "@effect-winsock/native"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import process from "node:process"
import { parseArgs } from "node:util"
import * as programs from "./cluster/programs.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    at: { type: "string", default: "127.0.0.1:0" },
    registry: { type: "string", default: "127.0.0.1:7000" },
    counters: { type: "string", default: "6" },
    rounds: { type: "string", default: "60" }
  }
})

const address = (text: string) => Effect.fromResult(NetAddress.inetAddressFromString(text))

/** Says where it is to be. Who is called by others has to know its port before it listens: with 0, one that is free. */
const place = Effect.fnUntraced(function* (what: string) {
  const wanted = yield* address(values.at)
  const at =
    wanted.port === 0 ? yield* Effect.scoped(Effect.map(TcpServer.listen(wanted), (server) => server.address)) : wanted
  console.log(`${what} at ${NetAddress.formatInet(at)}`)
  return at
})

const count = Effect.gen(function* () {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (let n = 0; n < Number(values.counters); n++) {
      const { count, runner } = yield* programs.add(`counter ${n}`, 1)
      console.log(`counter ${n} has counted to ${count} on ${runner}`)
    }
    yield* Effect.sleep("1 second")
  }
})

const roles: Record<string, Effect.Effect<void, unknown, Winsock> | undefined> = {
  registry: Effect.flatMap(place("registry"), (at) => programs.registry(at, programs.pace)),
  runner: Effect.gen(function* () {
    const registry = yield* address(values.registry)
    return yield* programs.runner(yield* place("runner"), registry, programs.pace)
  }),
  client: Effect.gen(function* () {
    yield* Effect.provide(count, programs.client(yield* address(values.registry), programs.pace))
  })
}

const role = positionals.at(0) ?? ""
const program = roles[role] ?? Effect.fail(new Error(`"${role}" is none of ${Object.keys(roles).join(", ")}`))

Effect.runPromise(Effect.provide(program, NativeWinsock.layer)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

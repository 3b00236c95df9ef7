/**
 * Ping, of several targets at once. On Windows, as an administrator:
 *
 *     node examples/ping.ts [-n 4] [-i TTL] [-w 2000] [-l 32] [--mock] address or name ...
 *
 * elsewhere, under Wine, `node tools/wine/run.mjs examples/ping.ts ...` as root. On a terminal it draws a table, which
 * is kept up to date; elsewhere it writes lines. Ctrl+C ends it, with the summary. `--mock` pings simulated machines:
 * 10.0.0.1 and fd00::1 are next door.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import process from "node:process"
import { parseArgs } from "node:util"
import { program } from "./ping/program.ts"

const number = (option: string, text: string, least: number, most: number): number => {
  const value = Number(text)
  if (text.trim() === "" || !Number.isInteger(value) || value < least || value > most) {
    throw new Error(`-${option} is ${text} and must be an integer from ${least} to ${most}`)
  }
  return value
}

const read = () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      count: { type: "string", short: "n", default: "4" },
      ttl: { type: "string", short: "i" },
      wait: { type: "string", short: "w", default: "2000" },
      size: { type: "string", short: "l", default: "32" },
      mock: { type: "boolean", default: false }
    }
  })
  if (positionals.length === 0) throw new Error("which addresses or names?")
  return {
    names: positionals,
    mock: values.mock,
    options: {
      count: number("n", values.count, 1, 1_000_000),
      hopLimit: values.ttl === undefined ? undefined : number("i", values.ttl, 1, 255),
      interval: "1 second",
      timeout: number("w", values.wait, 1, 3_600_000),
      size: number("l", values.size, 0, 65_500),
      identifier: process.pid & 0xffff
    } as const
  }
}

const simulated = Effect.gen(function* () {
  const { MockNetwork } = yield* Effect.promise(() => import("@effect-winsock/mock"))
  const { hosts } = yield* MockNetwork.makeTwoHosts()
  return MockNetwork.layer(hosts.client)
})

const native = Effect.map(
  Effect.promise(() => import("@effect-winsock/native")),
  ({ NativeWinsock }) => NativeWinsock.layer
)

const main = Effect.gen(function* () {
  const { mock, names, options } = yield* Effect.try({ try: read, catch: (error) => error as Error })
  const output = {
    write: (text: string) => void process.stdout.write(text),
    columns: process.stdout.isTTY ? process.stdout.columns : undefined
  }
  const ping = program(names, options, output)
  return yield* mock
    ? Effect.flatMap(simulated, (layer) => Effect.provide(ping, layer))
    : Effect.flatMap(native, (layer) => Effect.provide(ping, layer))
})

const fiber = Effect.runFork(Effect.scoped(main))
process.once("SIGINT", () => fiber.interruptUnsafe())
const exit = await Effect.runPromise(Fiber.await(fiber))
if (Exit.isSuccess(exit)) {
  process.exitCode = exit.value.every(({ received }) => received > 0) ? 0 : 1
} else {
  const failure = exit.cause.reasons.find((reason) => reason._tag === "Fail")
  if (failure !== undefined) console.error(failure.error.message)
  process.exitCode = 1
}

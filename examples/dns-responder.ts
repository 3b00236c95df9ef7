/**
 * An authoritative DNS server over UDP. On Windows:
 *
 *     node examples/dns-responder.ts [--port=53] [--address=::] [--log] [zone file ...]
 *
 * elsewhere, under Wine, `node tools/wine/run.mjs examples/dns-responder.ts ...`. Without a port it takes any that is
 * free, and prints it; --address may be repeated. It answers from the address that was asked, on a wildcard socket too.
 */
import { NativeWinsock } from "@effect-winsock/native"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { readFileSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import * as Responder from "./dns/responder.ts"
import * as Zone from "./dns/zone.ts"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: "string", default: "0" },
    address: { type: "string", multiple: true, default: ["::"] },
    log: { type: "boolean", default: false }
  }
})

const exampleZone = fileURLToPath(new URL("./zones/example.zone", import.meta.url))
const files = positionals.length === 0 ? [exampleZone] : positionals

const program = Effect.gen(function* () {
  const zones = yield* Effect.forEach(files, (file) => Effect.fromResult(Zone.parse(readFileSync(file, "utf8"))))
  for (const { names, origin } of zones) console.log(`zone ${origin}: ${names.size} names`)
  const responders = yield* Effect.forEach(values.address, (address) =>
    Effect.gen(function* () {
      const local = yield* Effect.fromResult(NetAddress.inetAddressFromIpString(address, Number(values.port)))
      const responder = yield* Responder.make({ zones, address: local, log: values.log ? console.log : undefined })
      console.log(`listening on ${NetAddress.formatInet(responder.address)}`)
      return responder
    })
  )
  return yield* Effect.all(
    responders.map(({ serve }) => serve),
    { concurrency: "unbounded" }
  )
})

Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NativeWinsock.layer))).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

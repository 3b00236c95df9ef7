/**
 * Node's own web client on Winsock's sockets. On Windows:
 *
 *     node examples/http-client.ts [--ca=certificate.pem] [--post=bytes] http://127.0.0.1:8080/ ...
 *
 * elsewhere, under Wine, `node tools/wine/run.mjs examples/http-client.ts ...`. It asks for one after the other, over
 * connections that are kept, and prints what each answer is.
 */
import { NativeWinsock } from "@effect-winsock/native"
import { HttpAgent } from "@effect-winsock/platform"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import * as http from "node:http"
import * as https from "node:https"
import process from "node:process"
import { text } from "node:stream/consumers"
import { parseArgs } from "node:util"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { ca: { type: "string" }, post: { type: "string" } }
})
const body = values.post === undefined ? undefined : "x".repeat(Number(values.post))

const ask = (url: string, agent: http.Agent) =>
  Effect.callback<http.IncomingMessage, Error>((resume) => {
    const { request } = url.startsWith("https:") ? https : http
    const asked = request(url, { agent, method: body === undefined ? "GET" : "POST" })
    asked.on("response", (response) => resume(Effect.succeed(response)))
    asked.on("error", (error) => resume(Effect.fail(error)))
    asked.end(body)
    return Effect.sync(() => asked.destroy())
  })

const program = Effect.gen(function* () {
  const plain = yield* HttpAgent.make({ keepAlive: true })
  const secure = yield* HttpAgent.makeSecure({
    keepAlive: true,
    ...(values.ca === undefined ? undefined : { ca: readFileSync(values.ca) })
  })
  for (const url of positionals) {
    const response = yield* ask(url, url.startsWith("https:") ? secure : plain)
    const answer = yield* Effect.tryPromise(() => text(response))
    const digest = createHash("sha256").update(answer).digest("hex")
    console.log(`${response.statusCode} ${answer.length} bytes, SHA-256 ${digest}`)
  }
})

Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NativeWinsock.layer))).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

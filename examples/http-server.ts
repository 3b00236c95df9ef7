/**
 * Node's own web server on Winsock's sockets. On Windows:
 *
 *     node examples/http-server.ts [--port=8080] [--address=127.0.0.1] [--key=key.pem --cert=certificate.pem]
 *
 * elsewhere, under Wine, `node tools/wine/run.mjs examples/http-server.ts ...`. Without a port it takes any that is free,
 * and prints it; with a key and a certificate it is https. What is posted comes back.
 */
import { TcpServer } from "@effect-winsock/core"
import { NativeWinsock } from "@effect-winsock/native"
import { TcpDuplex } from "@effect-winsock/platform"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import { readFileSync } from "node:fs"
import * as http from "node:http"
import * as https from "node:https"
import process from "node:process"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    address: { type: "string", default: "127.0.0.1" },
    key: { type: "string" },
    cert: { type: "string" }
  }
})
const { cert, key } = values

const answer: http.RequestListener = (request, response) => {
  if (request.method === "POST") request.pipe(response)
  else response.end(`you asked for ${request.url}\n`)
}
const web =
  key === undefined || cert === undefined
    ? http.createServer(answer)
    : https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, answer)

const program = Effect.gen(function* () {
  const local = yield* Effect.fromResult(NetAddress.inetAddressFromIpString(values.address, Number(values.port)))
  const server = yield* TcpServer.listen(local)
  console.log(`listening on ${NetAddress.formatInet(server.address)}`)
  return yield* TcpDuplex.serve(server, web)
})

Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(NativeWinsock.layer))).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

/**
 * An Effect HTTP app on Winsock's sockets, and on Node's own: only a layer is another. On Windows:
 *
 *     node examples/transports/http-app.ts [--on=winsock|node] [--port=8080] [--host=127.0.0.1] [--key=... --cert=...]
 *
 * elsewhere, under Wine, `node tools/wine/run.mjs examples/transports/http-app.ts ...`. Without a port it takes any that is
 * free, and prints it. Open it in a browser, or `curl -N` it.
 */
import { NativeWinsock } from "@effect-winsock/native"
import * as WinsockHttpServer from "@effect-winsock/platform/WinsockHttpServer"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { createServer as createSecureServer } from "node:https"
import process from "node:process"
import { parseArgs } from "node:util"
import { app } from "./http/guestbook.ts"

const { values } = parseArgs({
  options: {
    on: { type: "string", default: "winsock" },
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
    key: { type: "string" },
    cert: { type: "string" }
  }
})
const { cert, key } = values

const server = () =>
  key === undefined || cert === undefined
    ? createServer()
    : createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) })
const options = { host: values.host, port: Number(values.port) }

const layer =
  values.on === "node"
    ? NodeHttpServer.layer(server, options)
    : Layer.provide(WinsockHttpServer.layer(server, options), NativeWinsock.layer)

Effect.runPromise(Layer.launch(Layer.provide(app, layer))).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})

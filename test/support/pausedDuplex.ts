/** A program that ends by itself although two Duplexes are open, for nobody reads or writes. */
import { TcpServer } from "@effect-winsock/core"
import { MockWinsock } from "@effect-winsock/mock"
import { NativeWinsock } from "@effect-winsock/native"
import { TcpDuplex } from "@effect-winsock/platform"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import * as Exit from "effect/Exit"
import { once } from "node:events"
import process from "node:process"

const layer = process.env.EFFECT_WINSOCK_LAYER === "native" ? NativeWinsock.layer : MockWinsock.layerLoopback
const loopback = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 0)

const program = Effect.gen(function* () {
  // the server is closed when it has accepted the one
  const listening = yield* Scope.make()
  const server = yield* Scope.provide(TcpServer.listen(loopback), listening)
  const duplex = yield* TcpDuplex.connect(server.address, { highWaterMark: 4 })
  const accepted = yield* TcpDuplex.own(server.accept)
  yield* Scope.close(listening, Exit.void)
  accepted.write("what fills it")
  duplex.read(0)
  yield* Effect.promise(() => once(duplex, "readable"))
  console.log(`paused with ${duplex.readableLength} bytes`)
  yield* Effect.never
})

process.on("exit", () => console.log("the process ends"))
Effect.runFork(program.pipe(Effect.scoped, Effect.provide(layer)))

/** Node's own protocols over TCP. */
import { TcpServer } from "@effect-winsock/core"
import type { Winsock } from "@effect-winsock/core"
import { HttpAgent, TcpDuplex } from "@effect-winsock/platform"
import * as Effect from "effect/Effect"
import type { WithNet } from "../../support/overTcp.ts"
import { suite } from "../../support/overTcp.ts"
import { loopback, withRig } from "../../support/rig.ts"

const withNet: WithNet = (body) =>
  withRig(() =>
    Effect.gen(function* () {
      const server = yield* TcpServer.listen(loopback)
      const context = yield* Effect.context<Winsock.Winsock>()
      yield* body({
        server,
        port: server.address.port,
        connect: (options) => Effect.provide(TcpDuplex.connect(server.address, options), context),
        agent: (options) => Effect.provide(HttpAgent.make(options), context),
        secureAgent: (options) => Effect.provide(HttpAgent.makeSecure(options), context)
      })
    })
  )

suite(withNet, 10_000_000)

/** An Effect HTTP app for the tests of its transports: it is the same whatever serves it. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as Option from "effect/Option"
import type { Socket } from "effect/socket"
import * as Stream from "effect/Stream"
import { stretch } from "./peer.ts"

/** What the app tells of its requests. */
export interface Told {
  /** Done when a request for /forever or /slow is being handled. */
  readonly begun: Deferred.Deferred<void>
  /** What /slow and /late wait for. */
  readonly go: Deferred.Deferred<void>
  /** Done when the handler of /forever was interrupted. */
  readonly interrupted: Deferred.Deferred<void>
  /** How many bytes /endless has made. */
  made: number
  /** Done when /endless makes no more. */
  readonly ended: Deferred.Deferred<void>
}

export const told: Effect.Effect<Told> = Effect.gen(function* () {
  return {
    begun: yield* Deferred.make<void>(),
    go: yield* Deferred.make<void>(),
    interrupted: yield* Deferred.make<void>(),
    made: 0,
    ended: yield* Deferred.make<void>()
  }
})

const request = HttpServerRequest.HttpServerRequest

/** Sends back what comes, until the client closes. */
const echo = (socket: Socket.Socket) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { pull } = yield* socket.reader
      const writer = yield* socket.writer
      return yield* Effect.forever(Effect.flatMap(pull, writer.writeAll))
    })
  )

/** The size of a chunk of /endless. */
export const chunk = 10_000

export const app = (tell: Told) =>
  HttpRouter.addAll([
    HttpRouter.route(
      "GET",
      "/hello/:name",
      Effect.map(HttpRouter.params, ({ name }) => HttpServerResponse.text(`hello ${name}`))
    ),
    HttpRouter.route("GET", "/where", (asked) =>
      Effect.succeed(
        HttpServerResponse.jsonUnsafe({
          url: asked.originalUrl,
          from: Option.getOrNull(asked.remoteAddress)
        })
      )
    ),
    HttpRouter.route("POST", "/echo", (asked) => Effect.succeed(HttpServerResponse.stream(asked.stream))),
    // reads nothing before it may
    HttpRouter.route("POST", "/late", (asked) =>
      Deferred.await(tell.go).pipe(
        Effect.andThen(
          Stream.runFold(
            asked.stream,
            () => 0,
            (length, bytes) => length + bytes.length
          )
        ),
        Effect.map((length) => HttpServerResponse.text(String(length)))
      )
    ),
    HttpRouter.route("POST", "/length", (asked) =>
      Effect.map(asked.arrayBuffer, ({ byteLength }) => HttpServerResponse.text(String(byteLength)))
    ),
    HttpRouter.route(
      "GET",
      "/large/:size",
      Effect.map(HttpRouter.params, ({ size }) => HttpServerResponse.uint8Array(stretch(0, Number(size))))
    ),
    HttpRouter.route(
      "GET",
      "/endless",
      Effect.succeed(
        HttpServerResponse.stream(
          Stream.fromEffectRepeat(
            Effect.sync(() => {
              const bytes = stretch(tell.made, chunk)
              tell.made += chunk
              return bytes
            })
          ).pipe(Stream.ensuring(Deferred.succeed(tell.ended, undefined)))
        )
      )
    ),
    HttpRouter.route(
      "GET",
      "/forever",
      Effect.andThen(Deferred.succeed(tell.begun, undefined), Effect.never).pipe(
        Effect.onInterrupt(() => Deferred.succeed(tell.interrupted, undefined))
      )
    ),
    HttpRouter.route("GET", "/slow", (asked) =>
      Effect.andThen(Deferred.succeed(tell.begun, undefined), Deferred.await(tell.go)).pipe(
        Effect.as(HttpServerResponse.text(`slow ${asked.method}`))
      )
    ),
    HttpRouter.route("GET", "/fails", Effect.die(new Error("a defect of the app"))),
    HttpRouter.route(
      "GET",
      "/socket",
      Effect.flatMap(request, (asked) =>
        Effect.flatMap(asked.upgrade, (socket) => Effect.as(Effect.ignore(echo(socket)), HttpServerResponse.empty()))
      )
    )
  ])

/** The app, served. */
export const served = (tell: Told) => HttpRouter.serve(app(tell), { disableListenLog: true, disableLogger: true })

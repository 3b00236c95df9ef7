/**
 * A guestbook: an app of effect/http and effect/http-api that knows nothing of what it is served by. Notes are written over
 * its API or over a WebSocket, and seen as a page that grows as they come.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Socket } from "effect/socket"
import * as Stream from "effect/Stream"

/** What was written. */
export const Note = Schema.Struct({ id: Schema.Int, text: Schema.String })

export interface Note extends Schema.Schema.Type<typeof Note> {}

/** What clients may ask for, as data: `HttpApiClient.make(Api)` is a client for it. */
export const Api = HttpApi.make("guestbook").add(
  HttpApiGroup.make("notes").add(
    HttpApiEndpoint.get("list", "/notes", { success: Schema.Array(Note) }),
    HttpApiEndpoint.post("write", "/notes", { payload: Schema.Struct({ text: Schema.NonEmptyString }), success: Note })
  )
)

/** The book itself. */
export class Guestbook extends Context.Service<
  Guestbook,
  {
    readonly notes: Effect.Effect<ReadonlyArray<Note>>
    readonly write: (text: string) => Effect.Effect<Note>
    /** The notes that were there, and those that come. None is missed from here on. */
    readonly follow: Effect.Effect<
      { readonly before: ReadonlyArray<Note>; readonly after: Stream.Stream<Note> },
      never,
      Scope.Scope
    >
  }
>()("effect-winsock/examples/Guestbook") {
  static readonly layer = Layer.effect(Guestbook)(
    Effect.gen(function* () {
      const notes: Array<Note> = []
      const written = yield* PubSub.unbounded<Note>()
      return {
        notes: Effect.sync(() => [...notes]),
        write: (text) =>
          Effect.suspend(() => {
            const note = { id: notes.length + 1, text }
            notes.push(note)
            return Effect.as(PubSub.publish(written, note), note)
          }),
        follow: Effect.map(PubSub.subscribe(written), (subscription) => ({
          before: [...notes],
          after: Stream.fromSubscription(subscription)
        }))
      }
    })
  )
}

const notes = HttpApiBuilder.group(
  Api,
  "notes",
  Effect.fn(function* (handlers) {
    const book = yield* Guestbook
    return handlers.handleAll({ list: () => book.notes, write: ({ payload }) => book.write(payload.text) })
  })
)

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const head = `<!doctype html>
<title>Guestbook</title>
<script src="/page.js"></script>
<ul>
`

// greets by the API, and when it is told of that, answers over the WebSocket
const script = `const live = new WebSocket(location.origin.replace("http", "ws") + "/live")
live.onopen = () =>
  fetch("/notes", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ text: "a page says hello" })
  })
live.onmessage = ({ data }) => {
  const note = JSON.parse(data)
  if (note.text === "a page says hello") live.send("and was told of note " + note.id)
}
`

const pages = HttpRouter.use(
  Effect.fn(function* (router) {
    const book = yield* Guestbook

    // with /?notes=3 it is complete when it has three of them; else it grows as long as somebody looks
    yield* router.add("GET", "/", ({ url }) => {
      const count = Number(new URL(url, "http://localhost").searchParams.get("notes") ?? Number.POSITIVE_INFINITY)
      const body = Stream.unwrap(
        Effect.map(book.follow, ({ after, before }) =>
          Stream.fromIterable(before).pipe(
            Stream.concat(after),
            Stream.take(count),
            Stream.map(({ id, text }) => `<li id="note${id}">${escape(text)}</li>\n`)
          )
        )
      )
      const page = Stream.concat(Stream.succeed(head), Stream.concat(body, Stream.succeed("</ul>\n")))
      return Effect.succeed(
        HttpServerResponse.stream(Stream.encodeText(page), { contentType: "text/html; charset=utf-8" })
      )
    })

    yield* router.add("GET", "/page.js", HttpServerResponse.text(script, { contentType: "text/javascript" }))

    yield* router.add("GET", "/address", ({ remoteAddress }) =>
      Effect.succeed(HttpServerResponse.text(Option.getOrElse(remoteAddress, () => "unknown")))
    )

    yield* router.add(
      "GET",
      "/live",
      Effect.gen(function* () {
        const { upgrade } = yield* HttpServerRequest.HttpServerRequest
        const { after } = yield* book.follow
        const socket = yield* upgrade
        const pull = yield* Socket.readerString(socket)
        const { write } = yield* socket.writer
        yield* Effect.forkScoped(Stream.runForEach(after, (note) => write(JSON.stringify(note))))
        return yield* Effect.forever(Effect.flatMap(pull, (texts) => Effect.forEach(texts, book.write)))
      }).pipe(
        Effect.scoped,
        // the client went
        Effect.catchTag("SocketError", () => Effect.succeed(HttpServerResponse.empty()))
      )
    )
  })
)

/** The app, which needs an `HttpServer`. */
export const app = HttpRouter.serve(
  Layer.mergeAll(Layer.provide(HttpApiBuilder.layer(Api), notes), pages).pipe(Layer.provide(Guestbook.layer)),
  { disableLogger: true }
)

/**
 * A server that keeps values by name, and a client of it, a line for each request. It is written for Effect's SocketServer
 * and Socket: it does not know whose they are.
 */
import * as Effect from "effect/Effect"
import * as Socket from "effect/socket/Socket"
import * as SocketServer from "effect/socket/SocketServer"

/** The next line, without its end; fails as the socket does when there is none any more. */
const linesOf = Effect.fnUntraced(function* (socket: Socket.Socket) {
  const pull = yield* Socket.readerString(socket)
  let rest = ""
  return Effect.gen(function* () {
    for (;;) {
      const end = rest.indexOf("\n")
      if (end !== -1) {
        const line = rest.slice(0, end)
        rest = rest.slice(end + 1)
        return line
      }
      rest += (yield* pull).join("")
    }
  })
})

type Store = Map<string, string>

const answer = (store: Store, request: string): string => {
  const [word, name, ...value] = request.split(" ")
  switch (word) {
    case "set":
      store.set(name, value.join(" "))
      return "ok"
    case "get":
      return store.get(name) ?? "nothing"
    case "names":
      return [...store.keys()].toSorted().join(" ")
    default:
      return `what is ${word}?`
  }
}

const handle = (store: Store) => (socket: Socket.Socket) =>
  Effect.gen(function* () {
    const { write } = yield* socket.writer
    const line = yield* linesOf(socket)
    return yield* Effect.forever(Effect.flatMap(line, (request) => write(`${answer(store, request)}\n`)))
  }).pipe(
    Effect.scoped,
    // whoever has no more to ask ends the connection
    Effect.catchReason("SocketError", "SocketCloseError", () => Effect.void)
  )

/** Serves, for as long as it is not interrupted. */
export const serve: Effect.Effect<never, SocketServer.SocketServerError, SocketServer.SocketServer> = Effect.gen(
  function* () {
    const server = yield* SocketServer.SocketServer
    return yield* server.run(handle(new Map()))
  }
)

/** Asks one thing after the other on one connection: the answers. */
export const ask = (
  requests: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>, Socket.SocketError, Socket.Socket> =>
  Effect.scoped(
    Effect.gen(function* () {
      const socket = yield* Socket.Socket
      const line = yield* linesOf(socket)
      const { write } = yield* socket.writer
      return yield* Effect.forEach(requests, (request) => Effect.andThen(write(`${request}\n`), line))
    })
  )

// planted faults in AF_UNIX: paths, files, and the sockets between them
const unix = "test/both/unix/unix.test.ts"
const mock = "test/mock/unix.test.ts"
const listen = "packages/core/src/internal/unixListen.ts"
const connect = "packages/core/src/internal/unixConnect.ts"
const socket = "packages/core/src/internal/unixSocket.ts"
const kernel = "packages/mock/src/internal/Unix.ts"
const files = "packages/mock/src/internal/Files.ts"
const tcp = "packages/mock/src/internal/Tcp.ts"

export default [
  {
    name: "unix: ConnectEx on a SOCKET that is not bound",
    file: connect,
    why: "ConnectEx wants a bound SOCKET: to no name, where nobody gave it one",
    find: '  if (!on.bind(unnamed)) return refuse(on, "bind")\n',
    replace: "",
    caughtBy: [unix]
  },
  {
    name: "unix: another's file is deleted unasked",
    file: listen,
    why: "whoever made a file may need it: a server fails unless it is told to replace it",
    find: "return checked.replace ? ",
    replace: "return checked.stream !== undefined ? ",
    caughtBy: [unix]
  },
  {
    name: "unix: the server's own file stays",
    file: listen,
    why: "Windows does not delete what bind made, and the next server would fail",
    find: "const deleting = checked.keepFile",
    replace: "const deleting = checked.stream !== undefined",
    caughtBy: [unix]
  },
  {
    name: "unix: a server that could not listen leaves its file",
    file: listen,
    why: "bind has made it, whatever fails after that",
    find: "return bound ? Effect.andThen(deleting, Effect.fail(server)) : Effect.fail(server)",
    replace: "return bound ? Effect.fail(server) : Effect.fail(server)",
    caughtBy: [unix]
  },
  {
    name: "unix: the name of a file that was not there keeps a server from replacing it",
    file: listen,
    why: "nothing to replace is no failure",
    find: "({ reason }) => reason.code === ERROR_FILE_NOT_FOUND,",
    replace: "({ reason }) => reason.code === -1,",
    caughtBy: [unix]
  },
  {
    name: "unix: the memory of a file's name is kept",
    file: listen,
    why: "a released layer holds nothing",
    find: "        engine.heap.free(name)\n        engine.pump.release()\n",
    replace: "        engine.pump.release()\n",
    caughtBy: [unix]
  },
  {
    name: "unix: deleting does not keep the process alive",
    file: listen,
    why: "a fiber waits for it; what is kept alive must be let go as often",
    find: "    engine.pump.retain()\n  })",
    replace: "  })",
    caughtBy: [mock]
  },
  {
    name: "unix: the SOCKET of the question is left open",
    file: connect,
    why: "asking whether there is AF_UNIX leaves nothing",
    find: "    engine.calls.closesocket(unowned.on.socket)\n",
    replace: "",
    caughtBy: [unix]
  },
  {
    name: "unix: a path that is not Unicode",
    file: socket,
    why: "its bytes would be those of another path",
    find: "    address.path.isWellFormed() &&\n",
    replace: "",
    caughtBy: [unix]
  },
  {
    name: "unix: no room for a path in an accept",
    file: socket,
    why: "AcceptEx wants 16 bytes more than a SOCKADDR_UN has",
    find: "nameCapacity: 128,",
    replace: "nameCapacity: 112,",
    caughtBy: [unix]
  },
  {
    name: "mock: a closed socket's path still listens",
    file: "packages/mock/src/internal/UnixSocket.ts",
    why: "the file of a server that is gone is nobody's",
    find: " && socket.handle !== 0 ? socket : undefined",
    replace: " ? socket : undefined",
    caughtBy: [unix]
  },
  {
    name: "mock: a bind over a file",
    file: files,
    why: "WSAEADDRINUSE is all that keeps two servers apart",
    find: "    if (this.byName.has(name) || this.bound.has(name)) return false\n",
    replace: "    if (this.byName.has(name)) return false\n",
    caughtBy: [unix]
  },
  {
    name: "mock: abstract names",
    file: kernel,
    why: "Windows refuses what its announcement promised",
    find: "    kernel.error = sdk.WSAEINVAL\n  }\n  return undefined\n}\n\nexport const bind",
    replace: '    return "?"\n  }\n  return undefined\n}\n\nexport const bind',
    caughtBy: [mock]
  },
  {
    name: "mock: a refused path is asked again",
    file: tcp,
    why: "only a network's SYN is repeated after a refusal",
    find: "connection.paths !== undefined || connection.synTries >",
    replace: "connection.synTries >",
    caughtBy: [mock]
  },
  {
    name: "mock: a path in TIME_WAIT",
    file: tcp,
    why: "without a network nothing can come late",
    find: "  if (connection.paths !== undefined) return forget(connection)\n",
    replace: "",
    caughtBy: [mock]
  }
]

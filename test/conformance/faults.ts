// Rows for codes that no probe can bring about on its own: through the fault door of the simulated machine.
import type { Bench } from "./bench.ts"
import { CannotRun, type Row } from "./model.ts"
import * as Streams from "./streams.ts"

/** The functions of the two pages. */
export type PageFunction = "WSARecvMsg" | "WSASend"

const callOf: { readonly [F in PageFunction]: (b: Bench) => Promise<string> } = {
  WSARecvMsg: async (b) => b.recvMsg(b.bound().s, b.message(), { overlapped: b.overlapped(), bytesAt: 0 }),
  WSASend: async (b) => Streams.send(b, (await Streams.pair(b)).client, "x")
}

/** A code that is provoked by a fault: the simulated call does nothing and fails with it. */
export const byFault = (name: PageFunction, code: string, title: string): Row => ({
  id: `${name} ${code}`,
  title,
  evidence: "documented",
  source: name,
  byFault: true,
  windows: { call: code },
  probe: async (b) => {
    b.faulty(name, code)
    return { call: await callOf[name](b) }
  }
})

/**
 * A call without Winsock: `prepare` makes what it needs and closes its sockets. On a real system others of the process
 * have sockets too, which the last WSACleanup would end.
 */
export const notInitialised = (name: PageFunction, prepare: (b: Bench) => () => string): Row => ({
  id: `${name} WSANOTINITIALISED`,
  title: "After the last WSACleanup",
  evidence: "documented",
  source: name,
  windows: { call: "WSANOTINITIALISED" },
  probe: async (b) => {
    if (b.environment.simulated === undefined) {
      throw new CannotRun("the last WSACleanup would end all sockets of the process, Node's too")
    }
    const call = prepare(b)
    b.calls.WSACleanup()
    const answer = call()
    b.calls.WSAStartup(0x0202, b.alloc(512).address)
    return { call: answer }
  }
})

// No code of the pages' tables is without a row that provokes it.
import * as WsaError from "@effect-winsock/schema/WsaError"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { onMock, runRow } from "./layers.ts"
import type { Outcome } from "./model.ts"
import { pages, shows } from "./pages.ts"
import * as Report from "./report.ts"
import { groups, rows } from "./table.ts"

// what the tables list, in their order
const tables = {
  WSARecvMsg: `WSAECONNRESET WSAEFAULT WSAEINPROGRESS WSAEINTR WSAEINVAL WSAEMSGSIZE WSAENETDOWN WSAENETRESET WSAENOTCONN
    WSAETIMEDOUT WSAEOPNOTSUPP WSAEWOULDBLOCK WSANOTINITIALISED WSA_IO_PENDING WSA_OPERATION_ABORTED`,
  WSASend: `WSAECONNABORTED WSAECONNRESET WSAEFAULT WSAEINTR WSAEINPROGRESS WSAEINVAL WSAEMSGSIZE WSAENETDOWN WSAENETRESET
    WSAENOBUFS WSAENOTCONN WSAENOTSOCK WSAEOPNOTSUPP WSAESHUTDOWN WSAEWOULDBLOCK WSANOTINITIALISED WSA_IO_PENDING
    WSA_OPERATION_ABORTED`
}

const outcomes = new Map<string, Outcome>()
const wanted = new Set(pages.flatMap((page) => page.rows))

beforeAll(async () => {
  await onMock(async (environment) => {
    for (const row of rows) if (wanted.has(row.id)) outcomes.set(row.id, await runRow(environment, row))
  })
}, 60_000)

// rows beside those that provoke it: what Windows answers where the page promises the code, or where nobody knows
const beside = new Set(["open 2", "WSASend closed", "WSASend SIO_FLUSH"])

describe("the error codes of the two pages", () => {
  for (const [name, text] of Object.entries(tables)) {
    const codes = text.split(/\s+/)
    it(`${name}: each has its place`, () => {
      assert.deepStrictEqual(
        pages.filter((page) => page.function === name).map(({ code }) => code),
        codes
      )
      for (const code of codes) assert.property(WsaError, code)
    })
  }

  for (const page of pages) {
    it(`${page.function} ${page.code}: its rows are there, and provoke it on the mock`, () => {
      const provoking = page.rows.filter((id) => !beside.has(id))
      assert.isAbove(provoking.length, 0)
      for (const id of page.rows) {
        const row = rows.find((row) => row.id === id)
        assert.isDefined(row, id)
        const outcome = outcomes.get(id)!
        assert.notStrictEqual(outcome._tag, "Broken", id)
        if (!beside.has(id)) assert.isTrue(shows(outcome, page.code), `${id}: ${Report.outcomeCell(row, outcome)}`)
      }
    })
  }

  it("the report has them all, and says which are provoked by a fault", () => {
    const lines = Report.codes(groups, { mock: outcomes, native: undefined })
    const faults = lines.filter(([, , , , how]) => how === "by a fault").map(([code, name]) => `${name} ${code}`)
    assert.strictEqual(new Set(lines.map(([code, name]) => `${name} ${code}`)).size, pages.length)
    assert.deepStrictEqual(faults, [
      "WSARecvMsg WSAEINPROGRESS",
      "WSARecvMsg WSAEINTR",
      "WSARecvMsg WSAENETDOWN",
      "WSARecvMsg WSAENETRESET",
      "WSARecvMsg WSAENOTCONN",
      "WSASend WSAECONNABORTED",
      "WSASend WSAEINTR",
      "WSASend WSAEINPROGRESS",
      "WSASend WSAENETDOWN",
      "WSASend WSAENETRESET",
      "WSASend WSAENOBUFS"
    ])
  })
})

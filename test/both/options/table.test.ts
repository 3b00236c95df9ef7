// The whole table of options and of control codes, on sockets of every kind.
import * as IoctlTable from "@effect-winsock/schema/IoctlTable"
import * as OptionTable from "@effect-winsock/schema/OptionTable"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as options from "../../../packages/core/src/internal/socketOptions.ts"
import type { Family, Kind } from "../../support/optionRows.ts"
import {
  families,
  ioctlAnswer,
  ioctls,
  isFound,
  kinds,
  observe,
  observeIoctl,
  onWindows,
  open,
  outcome
} from "../../support/optionRows.ts"
import { answerOfWine, ioctlAnswerOfWine, underWine } from "../../support/optionsOfWine.ts"
import { law, layerName } from "../../support/rig.ts"

const everySocket = kinds.flatMap((kind) =>
  (Object.keys(families) as ReadonlyArray<Family>).map((family) => ({ kind, family }))
)

const expected = (info: OptionTable.OptionInfo, kind: Kind, family: Family): string =>
  (layerName === "native" ? answerOfWine(info.name, kind, family) : undefined) ?? onWindows(info, kind, family)

describe("every option: read, set and read again, or the documented error", () => {
  for (const { family, kind } of everySocket) {
    law(`a ${kind} of IP${family}`, () =>
      Effect.gen(function* () {
        const rows = OptionTable.table.filter((info) => isFound(info, family))
        const seen: Array<string> = []
        for (const info of rows) seen.push(`${info.name} ${yield* observe(info, kind, family)}`)
        assert.deepStrictEqual(
          seen,
          rows.map((info) => `${info.name} ${expected(info, kind, family)}`)
        )
      })
    )
  }

  law("what is known of Wine is of options that there are, and is not what Windows answers", () =>
    Effect.sync(() => {
      for (const name of Object.keys(underWine)) {
        const rows = OptionTable.table.filter((info) => info.name === name)
        assert.isAbove(rows.length, 0, name)
        const differs = everySocket.some(({ family, kind }) =>
          rows.some((info) => {
            const answer = isFound(info, family) ? answerOfWine(name, kind, family) : undefined
            return answer !== undefined && answer !== onWindows(info, kind, family)
          })
        )
        assert.isTrue(differs, name)
      }
    })
  )
})

describe("every control code: done, or the documented error", () => {
  for (const { family, kind } of everySocket) {
    law(`a ${kind} of IP${family}`, () =>
      Effect.gen(function* () {
        const answer = (info: IoctlTable.IoctlInfo): string =>
          (layerName === "native" ? ioctlAnswerOfWine(info.name, kind, family) : undefined) ??
          ioctlAnswer(info, kind, family)
        const seen: Array<string> = []
        for (const info of ioctls) seen.push(`${info.name} ${yield* observeIoctl(info, kind, family)}`)
        assert.deepStrictEqual(
          seen,
          ioctls.map((info) => `${info.name} ${answer(info)}`)
        )
      })
    )
  }
})

describe("a socket of the library's: other kinds, and what it keeps to itself, are refused before any call", () => {
  for (const { family, kind } of everySocket) {
    law(`a ${kind} of IP${family}`, ({ recorder }) =>
      Effect.gen(function* () {
        const socket = yield* open(kind, family, true)
        const before = ["getsockopt", "setsockopt", "WSAIoctl"].map((name) => recorder.count(name as "getsockopt"))
        for (const info of OptionTable.table.filter((one) => isFound(one, family))) {
          const has = info.sockets.includes(kind)
          if (!has || info.access === "w") {
            assert.strictEqual(yield* outcome(options.get(socket, info.name)), "WSAEINVAL", info.name)
          }
          if (!has || info.access === "r" || info.kept !== undefined) {
            assert.strictEqual(yield* outcome(options.set(socket, info.name, true)), "WSAEINVAL", info.name)
          }
        }
        for (const info of IoctlTable.table) {
          if (info.sockets.includes(kind) && info.kept === undefined) continue
          assert.strictEqual(yield* outcome(options.ioctl(socket, info.name, undefined)), "WSAEINVAL", info.name)
        }
        const after = ["getsockopt", "setsockopt", "WSAIoctl"].map((name) => recorder.count(name as "getsockopt"))
        assert.deepStrictEqual(after, before)
      })
    )
  }
})

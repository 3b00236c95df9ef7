import type { ExtensionName } from "@effect-winsock/core/Signatures"
import { extensions, functions } from "@effect-winsock/core/Signatures"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { extension, extensionAddress, socket, started } from "./support.ts"

// `started` fails when a DLL lacks one of the functions
describe("the tables", () => {
  it.effect("are what the seam offers", () =>
    Effect.gen(function* () {
      const seam = yield* started
      assert.strictEqual(seam.name, "native")
      assert.strictEqual(seam.abi, process.arch === "ia32" ? "ia32" : "x64")
      assert.sameMembers(Object.keys(seam.calls), Object.keys(functions))
    })
  )

  it.effect.each(Object.keys(extensions) as Array<ExtensionName>)("name what the provider hands out: %s", (name) =>
    Effect.gen(function* () {
      const seam = yield* started
      const s = yield* socket(seam, name === "WSARecvMsg" || name === "WSASendMsg" ? "datagram" : "stream")
      const address = yield* extensionAddress(seam, s, name)
      assert.isAbove(address, 0xffff)
      assert.isTrue(Number.isSafeInteger(address))
      assert.strictEqual(yield* extension(seam, s, name), seam.bind(name, address))
      const other = name === "ConnectEx" ? "DisconnectEx" : "ConnectEx"
      assert.notStrictEqual<unknown>(seam.bind(name, address), seam.bind(other, address))
    })
  )

  it.effect("give each kind of C result its number", () =>
    Effect.gen(function* () {
      const { calls } = yield* started
      assert.strictEqual(calls.closesocket(-1), -1) // int
      assert.strictEqual(calls.WSASocketW(9999, 9999, 9999, 0, 0, 0), -1) // SOCKET
      assert.strictEqual(calls.CreateFileW(0, 0, 0, 0, 3, 0, 0), -1) // HANDLE
      assert.strictEqual(calls.CreateIoCompletionPort(0, 0, 0, 0), 0) // HANDLE or NULL
      assert.strictEqual(calls.WSAWaitForMultipleEvents(0, 0, 0, 0, 0), 0xffff_ffff) // DWORD
      assert.isUndefined(calls.WSASetLastError(0)) // void
    })
  )
})

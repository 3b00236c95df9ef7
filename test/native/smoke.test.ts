import { assert, it } from "@effect/vitest"
import koffi from "koffi"

it("the real ws2_32.dll answers: WSAStartup negotiates version 2.2", () => {
  const ws2 = koffi.load("ws2_32.dll")
  const startup = ws2.func("__stdcall", "WSAStartup", "int", ["uint16_t", "void *"])
  const cleanup = ws2.func("__stdcall", "WSACleanup", "int", [])
  // larger than WSADATA of any ABI (408 bytes on x64); wVersion and wHighVersion come first
  const data = new DataView(new ArrayBuffer(512))
  assert.strictEqual(startup(0x0202, new Uint8Array(data.buffer)), 0)
  assert.strictEqual(data.getUint16(0, true), 0x0202)
  assert.strictEqual(data.getUint16(2, true), 0x0202)
  assert.strictEqual(cleanup(), 0)
})

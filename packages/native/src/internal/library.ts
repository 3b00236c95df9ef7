// The signature tables made callable: with memory.ts, all that touches koffi.
import type { Calls, OffThread, Seam } from "@effect-winsock/core/Seam"
import type { CType, Failure, Signature } from "@effect-winsock/core/Signatures"
import { extensions, functions } from "@effect-winsock/core/Signatures"
import type * as Koffi from "koffi"
import { setImmediate } from "node:timers"

export type Library = Pick<Seam, "calls" | "offThread" | "bind">

type Call = (...args: ReadonlyArray<number>) => number

interface Native extends Call {
  readonly async: (...args: [...ReadonlyArray<number>, (error: unknown, result: number) => void]) => void
}

// addresses as numbers (a `void*` costs three times as much), handles signed so that "invalid" is -1 and not a BigInt
const types: Record<CType, keyof (typeof Koffi)["types"]> = {
  pointer: "uintptr_t",
  size: "uintptr_t",
  socket: "intptr_t",
  handle: "intptr_t",
  u16: "uint16_t",
  u32: "uint32_t",
  i32: "int32_t",
  void: "void"
}

const ERROR_PROC_NOT_FOUND = 127
const ERROR_MAX_THRDS_REACHED = 164

const failed: Record<Failure, (code: number) => number> = {
  SOCKET_ERROR: () => -1,
  INVALID_SOCKET: () => -1,
  INVALID_HANDLE_VALUE: () => -1,
  FALSE: () => 0,
  NULL: () => 0,
  CODE: (code) => code,
  // WSA_WAIT_FAILED; the other functions of this kind have no result or are in every Windows
  NEVER: () => 0xffff_ffff
}

const parametersOf = (signature: Signature) => signature.parameters.map(([, type]) => types[type])

const has = (dll: Koffi.LibraryHandle, name: string): boolean => {
  try {
    return dll.symbol(name) !== null
  } catch {
    return false
  }
}

const load = (koffi: typeof Koffi, name: string): Koffi.LibraryHandle => {
  try {
    return koffi.load(name)
  } catch (cause) {
    // koffi does not name the file
    throw new Error(`${name}: ${String(cause)}`, { cause })
  }
}

/**
 * Declares everything at once, in about a millisecond: a worker that is terminated during a declaration takes the
 * process down with it, so none may come later. Throws when a DLL is absent; a function that a DLL lacks fails with
 * ERROR_PROC_NOT_FOUND when it is called.
 */
export const declare = (koffi: typeof Koffi): Library => {
  const dlls = new Map<string, Koffi.LibraryHandle>()
  for (const { dll } of Object.values(functions)) {
    if (!dlls.has(dll)) dlls.set(dll, load(koffi, dll))
  }

  const natives = new Map<string, Native>()
  const table: Record<string, Call> = {}
  for (const [name, signature] of Object.entries(functions)) {
    const dll = dlls.get(signature.dll)!
    if (has(dll, name)) {
      const native: Native = dll.func("__stdcall", name, types[signature.result], parametersOf(signature))
      natives.set(name, native)
      table[name] = native
    } else {
      table[name] = () => {
        table["WSASetLastError"](ERROR_PROC_NOT_FOUND)
        return failed[signature.fails](ERROR_PROC_NOT_FOUND)
      }
    }
  }
  const calls = Object.freeze(table) as unknown as Calls

  const offThread: OffThread = (name, args, done) => {
    const report = done as (result: number, lastError: number) => void
    const failLater = (code: number) => {
      setImmediate(() => report(failed[functions[name].fails](code), code))
    }
    const native = natives.get(name)
    if (native === undefined) return failLater(ERROR_PROC_NOT_FOUND)
    try {
      native.async(...args, (error, result) => {
        if (error !== null) throw error
        // koffi shows the last error of the other thread here, and only until this callback returns
        report(result, calls.WSAGetLastError())
      })
    } catch (error) {
      // a wrong argument is a defect; the other reason is that koffi's 256 simultaneous calls are taken
      if (error instanceof TypeError) throw error
      failLater(ERROR_MAX_THRDS_REACHED)
    }
  }

  const prototypes = new Map(
    Object.entries(extensions).map(([name, signature]) => [
      name,
      koffi.proto("__stdcall", null, types[signature.result], parametersOf(signature))
    ])
  )
  const bound = new Map<string, Call>()
  const bind = (name: keyof typeof extensions, address: number): Call => {
    const key = `${name}@${address}`
    const known = bound.get(key)
    if (known !== undefined) return known
    const call: Call = koffi.decode(BigInt(address), prototypes.get(name)!)
    bound.set(key, call)
    return call
  }

  return { calls, offThread, bind: bind as unknown as Seam["bind"] }
}


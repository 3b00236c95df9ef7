// The signature tables made callable: with memory.ts, all that touches koffi.
import type { Calls, OffThread, Seam } from "@effect-winsock/core/Seam"
import type { CType, Failure, Signature } from "@effect-winsock/core/Signatures"
import { extensions, functions } from "@effect-winsock/core/Signatures"
import type * as Koffi from "koffi"
import { setImmediate } from "node:timers"

export type Library = Pick<Seam, "calls" | "offThread" | "bind" | "routine">

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

const ERROR_MAX_THRDS_REACHED = 164

const failed: Record<Failure, (code: number) => number> = {
  SOCKET_ERROR: () => -1,
  INVALID_SOCKET: () => -1,
  INVALID_HANDLE_VALUE: () => -1,
  FALSE: () => 0,
  NULL: () => 0,
  CODE: (code) => code,
  // WSA_WAIT_FAILED, for the one function of this kind whose result can tell
  NEVER: () => 0xffff_ffff
}

// LPWSAOVERLAPPED_COMPLETION_ROUTINE: dwError, cbTransferred, lpOverlapped, dwFlags
const routineParameters = [types.u32, types.u32, types.pointer, types.u32]

const parametersOf = (signature: Signature) => signature.parameters.map(([, type]) => types[type])

// koffi names the function that it does not find, but not the DLL
const naming = <A>(dll: string, evaluate: () => A): A => {
  try {
    return evaluate()
  } catch (cause) {
    throw new Error(`${dll}: ${String(cause)}`, { cause })
  }
}

/**
 * Declares everything at once, in about a millisecond: a worker that is terminated during a declaration takes the
 * process down with it, so none may come later. Throws when a DLL is absent or lacks a function.
 */
export const declare = (koffi: typeof Koffi): Library => {
  const dlls = new Map<string, Koffi.LibraryHandle>()
  const table: Record<string, Native> = {}
  for (const [name, signature] of Object.entries(functions)) {
    table[name] = naming(signature.dll, () => {
      const dll = dlls.get(signature.dll) ?? koffi.load(signature.dll)
      dlls.set(signature.dll, dll)
      return dll.func("__stdcall", name, types[signature.result], parametersOf(signature))
    })
  }
  const calls = Object.freeze(table) as unknown as Calls

  const offThread: OffThread = (name, args, done, address) => {
    const report = done as (result: number, lastError: number) => void
    try {
      const call = address === undefined ? table[name] : bind(name as keyof typeof extensions, address)
      call.async(...args, (error, result) => {
        if (error !== null) throw error
        // koffi shows the last error of the other thread here, and only until this callback returns
        report(result, calls.WSAGetLastError())
      })
    } catch (error) {
      // a wrong argument is a defect; what remains is that koffi's 256 simultaneous calls are taken
      if (error instanceof TypeError) throw error
      const code = ERROR_MAX_THRDS_REACHED
      setImmediate(() => report(failed[{ ...extensions, ...functions }[name].fails](code), code))
    }
  }

  const prototypes = new Map(
    Object.entries(extensions).map(([name, signature]) => [
      name,
      koffi.proto("__stdcall", null, types[signature.result], parametersOf(signature))
    ])
  )
  const bound = new Map<string, Native>()
  const bind = (name: keyof typeof extensions, address: number): Native => {
    const key = `${name}@${address}`
    const known = bound.get(key)
    if (known !== undefined) return known
    const call: Native = koffi.decode(BigInt(address), prototypes.get(name)!)
    bound.set(key, call)
    return call
  }

  const routineType = koffi.pointer(koffi.proto("__stdcall", null, "void", routineParameters))
  // Windows does not tell when one is queued
  const routine: Seam["routine"] = (run) => {
    const callback = koffi.register(run, routineType)
    return { address: Number(callback), release: () => koffi.unregister(callback) }
  }

  return { calls, offThread, bind: bind as unknown as Seam["bind"], routine }
}

/**
 * The seam over Windows' own DLLs (`ws2_32.dll`, `mswsock.dll`, `kernel32.dll`), called through
 * [koffi](https://koffi.dev). Importing this module loads nothing native and works on every platform; what a machine
 * lacks is told, typed, when the seam is built.
 *
 * @since 0.1.0
 */
import type { Seam } from "@effect-winsock/core/Seam"
import * as Winsock from "@effect-winsock/core/Winsock"
import type { WinsockError } from "@effect-winsock/core/WinsockError"
import * as WinsockErrors from "@effect-winsock/core/WinsockError"
import type { Abi } from "@effect-winsock/schema/Layout"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Koffi from "koffi"
import process from "node:process"
import * as Host from "./internal/host.ts"
import * as Library from "./internal/library.ts"
import * as Memory from "./internal/memory.ts"

/**
 * What keeps the native provider from working:
 *
 * - `"platform"`: this is not Windows, or Windows on a processor without a known ABI
 * - `"node"`: this Node.js is too old
 * - `"koffi"`: koffi or its binary for this platform is not installed, or is of another version than koffi
 * - `"dll"`: a DLL could not be loaded, or lacks a function
 * - `"externalMemory"`: the runtime does not let JavaScript see native memory (Electron's V8 memory cage)
 *
 * @category models
 * @since 0.1.0
 */
export type UnavailableReason = "platform" | "node" | "koffi" | "dll" | "externalMemory"

/**
 * The native provider cannot work here: why, what was found, and what would help. `cause` is the error that was met,
 * when there was one.
 *
 * @category errors
 * @since 0.1.0
 */
export class NativeUnavailable extends Data.TaggedError("NativeUnavailable")<{
  readonly reason: UnavailableReason
  readonly detail: string
  readonly advice: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `Native Winsock is not available: ${this.detail}. ${this.advice}`
  }
}

const useMock = "Use the simulated provider of @effect-winsock/mock here."

// the oldest Node.js that the packages support; ArrayBuffer.prototype.transfer is one of the things it takes
const oldestNode: readonly [major: number, minor: number] = [22, 19]

const abiOf: { readonly [arch: string]: Abi | undefined } = { x64: "x64", arm64: "x64", ia32: "ia32" }

const checkNode = (version: string): Effect.Effect<void, NativeUnavailable> => {
  const [major, minor] = version.split(".").map(Number)
  const enough = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  return enough
    ? Effect.void
    : Effect.fail(
        new NativeUnavailable({
          reason: "node",
          detail: `this is Node.js ${version}`,
          advice: `Node.js ${oldestNode.join(".")} or newer is needed.`
        })
      )
}

const checkAbi = (platform: string, arch: string): Effect.Effect<Abi, NativeUnavailable> => {
  const abi = platform === "win32" ? abiOf[arch] : undefined
  return abi !== undefined
    ? Effect.succeed(abi)
    : Effect.fail(
        new NativeUnavailable({
          reason: "platform",
          detail: `this is ${platform} on ${arch}, not Windows on x64, arm64 or ia32`,
          advice: useMock
        })
      )
}

const importKoffi: Effect.Effect<typeof Koffi, NativeUnavailable> = Effect.tryPromise({
  try: () => import("koffi"),
  catch: (cause) =>
    new NativeUnavailable({
      reason: "koffi",
      detail: `koffi could not be loaded for ${process.platform}-${process.arch} (${String(cause)})`,
      advice: "Install koffi with its optional dependencies, and keep bundlers from moving its binary.",
      cause
    })
})

const attempt = <A>(
  evaluate: () => A,
  reason: UnavailableReason,
  detail: string,
  advice: string
): Effect.Effect<A, NativeUnavailable> =>
  Effect.try({
    try: evaluate,
    catch: (cause) => new NativeUnavailable({ reason, detail: `${detail} (${String(cause)})`, advice, cause })
  })

// koffi keeps declarations for ever, so they are made once per thread, not once per layer
let loaded: { readonly library: Library.Library; readonly memory: Seam["memory"] } | undefined

const load = Effect.gen(function* () {
  if (loaded !== undefined) return loaded
  const koffi = yield* importKoffi
  yield* attempt(
    () => Memory.probe(koffi),
    "externalMemory",
    "this runtime does not show native memory to JavaScript",
    "Electron's V8 memory cage does this: run the sockets in a child process of plain Node.js."
  )
  const library = yield* attempt(() => Library.declare(koffi), "dll", "a system DLL could not be used", useMock)
  return (loaded = { library, memory: Memory.make(koffi) })
})

/**
 * Builds the seam over the real DLLs. `WSAStartup` is the caller's business.
 *
 * **Details**
 *
 * - A call costs a few tens of nanoseconds more than the function itself.
 * - Memory comes from `calloc`, in blocks of 1 to 2^31-1 bytes. `free` detaches the block's `bytes` and `view`: later
 *   reads give `undefined` or a `TypeError`, and freeing twice is a `RangeError`. The kernel knows nothing of that: a
 *   block is freed only after the last operation on it was seen to complete.
 * - `offThread` takes a thread of libuv's pool (4 unless `UV_THREADPOOL_SIZE` was set before Node.js started, shared
 *   with `fs`, `dns.lookup` and `crypto`) for as long as the call blocks, and the process cannot end before the call
 *   has: give it a bound, and post to it from `onExit`. When 256 calls are under way, the next reports
 *   `ERROR_MAX_THRDS_REACHED` (164).
 * - The host's timers are real ones whatever Effect's `Clock` is. The scope's end withdraws what the host still holds;
 *   the DLLs stay loaded.
 *
 * **Gotchas**
 *
 * `worker.terminate()` while koffi is being loaded in that worker (the first milliseconds of the first build there)
 * aborts the whole process, whatever koffi is used for. Let a worker say that it is ready before it may be terminated.
 *
 * **Example** (Asking for the last error)
 *
 * ```ts
 * import * as NativeWinsock from "@effect-winsock/native/NativeWinsock"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const seam = yield* NativeWinsock.seam
 *   return seam.calls.WSAGetLastError()
 * }).pipe(
 *   Effect.scoped,
 *   Effect.catchTag("NativeUnavailable", (error) => Effect.succeed(error.reason))
 * )
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const seam: Effect.Effect<Seam, NativeUnavailable, Scope.Scope> = Effect.gen(function* () {
  const abi = yield* checkAbi(process.platform, process.arch)
  yield* checkNode(process.versions.node)
  const { library, memory } = yield* load
  const { host } = yield* Effect.acquireRelease(Effect.sync(Host.make), (owned) => Effect.sync(owned.close))
  return { name: "native", abi, memory, ...library, host }
})

/**
 * Layer that provides `Winsock` over the real DLLs. Where they cannot be used it fails with the reason
 * `ProviderUnavailable`, whose `cause` is the `NativeUnavailable`.
 *
 * **Example** (Counting what a program holds)
 *
 * ```ts
 * import * as Winsock from "@effect-winsock/core/Winsock"
 * import * as NativeWinsock from "@effect-winsock/native/NativeWinsock"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const winsock = yield* Winsock.Winsock
 *   return yield* winsock.statistics
 * }).pipe(Effect.provide(NativeWinsock.layer))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Winsock.Winsock, WinsockError> = Layer.suspend(() => layerWith())

/**
 * Layer that provides `Winsock` over the real DLLs, with options. It fails as `layer` does.
 *
 * **Example** (A program whose sockets complete by event objects)
 *
 * ```ts
 * import * as Winsock from "@effect-winsock/core/Winsock"
 * import * as NativeWinsock from "@effect-winsock/native/NativeWinsock"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const winsock = yield* Winsock.Winsock
 *   return yield* winsock.statistics
 * }).pipe(Effect.provide(NativeWinsock.layerWith({ completion: "event" })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options?: Winsock.Options): Layer.Layer<Winsock.Winsock, WinsockError> =>
  Winsock.layer(
    Effect.mapError(seam, (error) =>
      WinsockErrors.providerUnavailable("NativeWinsock.layer", `${error.detail}. ${error.advice}`, error)
    ),
    options
  )

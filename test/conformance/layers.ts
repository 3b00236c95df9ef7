// Running rows on a layer.
import type { Seam } from "@effect-winsock/core/Seam"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { Bench, type Environment, type Simulated } from "./bench.ts"
import { CannotRun, type Outcome, type Platform, type Row } from "./model.ts"

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Runs one row on a bench of its own. */
export const runRow = async (environment: Environment, row: Row): Promise<Outcome> => {
  const bench = new Bench(environment)
  try {
    return { _tag: "Observed", observation: await row.probe(bench) }
  } catch (error) {
    return error instanceof CannotRun
      ? { _tag: "CannotRun", reason: error.message }
      : { _tag: "Broken", reason: reasonOf(error) }
  } finally {
    await bench.release()
  }
}

/** Between WSAStartup and WSACleanup. */
const started = async <A>(seam: Seam, use: () => Promise<A>): Promise<A> => {
  const data = seam.memory.alloc(512)
  const rc = seam.calls.WSAStartup(0x0202, data.address)
  if (rc !== 0) throw new Error(`WSAStartup answers ${rc}`)
  try {
    return await use()
  } finally {
    seam.calls.WSACleanup()
    seam.memory.free(data)
  }
}

/** A fresh simulated machine. Its guard only takes notes: probes break rules on purpose. */
export const onMock = <A>(use: (environment: Environment) => Promise<A>): Promise<A> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const { MockWinsock } = yield* Effect.promise(() => import("@effect-winsock/mock"))
        const mock = yield* MockWinsock.make({ guard: "collect" })
        const { seam } = mock
        let files = 0
        const file = (content: string): string => {
          const path = `C:\\conformance\\${files++}.txt`
          Effect.runSync(mock.file(path, new TextEncoder().encode(content)))
          return path
        }
        const simulated: Simulated = {
          fault: (call, code) => {
            const scope = Scope.makeUnsafe()
            Effect.runSync(Scope.provide(mock.fault({ call, code }), scope))
            return () => Effect.runSync(Scope.close(scope, Exit.void))
          },
          threadExit: () => Effect.runSync(mock.threadExit())
        }
        const environment: Environment = { layer: "mock", seam, processId: 1, file, simulated }
        return yield* Effect.promise(() => started(seam, () => use(environment)))
      })
    )
  )

/** Files of a directory that is removed in the end. */
const temporaryFiles = Effect.gen(function* () {
  const fs = yield* Effect.promise(() => import("node:fs"))
  const os = yield* Effect.promise(() => import("node:os"))
  const path = yield* Effect.promise(() => import("node:path"))
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "conformance-"))),
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
  )
  let count = 0
  return (content: string): string => {
    const file = path.join(directory, `${count++}.txt`)
    fs.writeFileSync(file, content)
    return file
  }
})

/** The machine's own ws2_32.dll. */
export const onNative = <A>(use: (environment: Environment) => Promise<A>): Promise<A> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const { NativeWinsock } = yield* Effect.promise(() => import("@effect-winsock/native"))
        const seam = yield* NativeWinsock.seam
        const { pid } = process
        const files = yield* temporaryFiles
        const environment: Environment = { layer: "native", seam, processId: pid, file: files }
        return yield* Effect.promise(() => started(seam, () => use(environment)))
      })
    )
  )

/** Wine exports its version from ntdll; Windows does not. */
export const platform = async (): Promise<Platform> => {
  const koffi = await import("koffi")
  try {
    const version = koffi.load("ntdll.dll").func("wine_get_version", "str", [])
    return { _tag: "Wine", version: String(version()) }
  } catch {
    const os = await import("node:os")
    return { _tag: "Windows", version: os.release() }
  }
}

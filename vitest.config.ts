import { defineConfig } from "vitest/config"

// Where a test file lies decides on which layer it runs:
//
//   test/both/**     on the mock and on the real ws2_32.dll (Windows, or Wine elsewhere): once in each project
//   test/native/**   on the real ws2_32.dll only
//   test/peers/**    on the host, where programs of others ask the project's own, which run on the real ws2_32.dll
//   the rest         (and the example of a test) once, in the project "mock", which runs on every host
//
// A suite in test/both takes its layer from process.env.EFFECT_WINSOCK_LAYER: "mock" or "native".
const both = "test/both/**/*.test.ts"
const nativeOnly = "test/native/**/*.test.ts"

const peers = "test/peers/**/*.test.ts"

const windows = process.platform === "win32"

export default defineConfig({
  test: {
    // a bound on what hangs, not a measure: many tests start processes, which takes seconds under Wine on a busy machine
    testTimeout: 60_000,
    setupFiles: ["test/support/nothing-left.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "mock",
          include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: [nativeOnly, peers],
          env: { EFFECT_WINSOCK_LAYER: "mock" }
        }
      },
      { extends: true, test: { name: "peers", include: [peers], fileParallelism: false } },
      ...(windows
        ? [
            {
              extends: true as const,
              test: {
                name: "native",
                include: [both, nativeOnly],
                env: { EFFECT_WINSOCK_LAYER: "native" },
                // a crash in the DLL ends a process of its own, and is reported; starting processes is dear under Wine
                pool: "forks" as const,
                isolate: false,
                fileParallelism: false
              }
            }
          ]
        : [])
    ]
  }
})

// planted faults in metrics, spans and logs
const series = "packages/core/src/internal/metricSeries.ts"
const spans = "packages/core/src/internal/spans.ts"
const life = "packages/core/src/WinsockLogs.ts"
const engine = "packages/core/src/internal/engine.ts"
const receives = "packages/core/src/internal/receives.ts"
const waiters = "packages/core/src/internal/waiters.ts"
const operation = "packages/core/src/internal/operation.ts"

const metrics = "test/both/observability/metrics.test.ts"
const trace = "test/mock/metrics.test.ts"
const traced = "test/both/observability/spans.test.ts"
const logs = "test/both/observability/logs.test.ts"

export default [
  {
    file: series,
    name: "observability: a reason has no series",
    why: "a reason that comes after the layer was built is registered when it comes",
    find: "        this.found(kind, codes)\n      }",
    replace: "      }",
    caughtBy: [metrics]
  },
  {
    file: series,
    name: "observability: what released Winsocks have counted is forgotten",
    why: "counters never go back",
    find: "      merge(this.past, counted)\n",
    replace: "",
    caughtBy: [metrics]
  },
  {
    file: series,
    name: "observability: an engine counted twice",
    why: "two layers over one Winsock count it once",
    find: "    if (this.followed.has(counters)) return\n    this.forget()\n    this.followed.set(counters,",
    replace: "    this.forget()\n    this.followed.set({ ...counters } as never,",
    caughtBy: [metrics]
  },
  {
    file: receives,
    name: "observability: bytes of datagrams that were waited for are not counted",
    why: "bytes are counted however they came",
    find: "      receive.bytes += size\n",
    replace: "",
    caughtBy: [trace]
  },
  {
    file: operation,
    name: "observability: bytes of overlapped calls are not counted",
    why: "bytes are counted however they came",
    find: "      counters.bytes += bytes\n",
    replace: "",
    caughtBy: [metrics]
  },
  {
    file: engine,
    name: "observability: lost races are not counted",
    why: "a lost race is told",
    find: "    this.counters.recovered++\n",
    replace: "",
    caughtBy: [trace]
  },
  {
    file: spans,
    name: "observability: spans that nobody samples",
    why: "only where a tracer asks",
    find: "if (!tracerEnabled || span === undefined || !span.sampled) return undefined",
    replace: "if (!tracerEnabled || span === undefined) return undefined",
    caughtBy: [traced]
  },
  {
    file: waiters,
    name: "observability: a message in hand where the fiber yields",
    why: "an interruption that meets the yield drops it, and a span takes steps",
    find: "const handOver = 4",
    replace: "const handOver = 1",
    caughtBy: [traced]
  },
  {
    file: spans,
    name: "observability: a span where there is no room for one",
    why: "a value is worth more than a span",
    find: "    if (fiber.cache.maxOpsBeforeYield < fewestSteps) return self\n",
    replace: "",
    caughtBy: [traced]
  },
  {
    file: spans,
    name: "observability: the end of a stream is a failure",
    why: "it is how streams end",
    find: "isEnd(exit) ? Exit.void : exit",
    replace: "exit",
    caughtBy: [traced]
  },
  {
    file: life,
    name: "observability: the layer's end keeps the last words",
    why: "what was told before is written",
    find: "          return flush\n",
    replace: "          return Effect.void\n",
    caughtBy: [logs]
  },
  {
    file: life,
    name: "observability: goes on listening",
    why: "a layer that is gone writes nothing",
    find: "          life.listeners.delete(listener)\n",
    replace: "",
    caughtBy: [logs]
  },
  {
    file: spans,
    name: "observability: a traced socket keeps what its getters said first",
    why: "the peer that a traced socket is connected to later is known",
    find: "Object.defineProperties({}, Object.getOwnPropertyDescriptors(socket)) as Copy",
    replace: "({ ...socket }) as Copy",
    caughtBy: [traced]
  },
  {
    file: "packages/platform/src/internal/datagramSocket.ts",
    name: "observability: a DatagramSocket's writes have no spans",
    why: "Effect's DatagramSocket has the spans of the socket beneath",
    find: "if (options !== undefined || this.direct.pulled !== undefined)",
    replace: "if (options !== undefined)",
    caughtBy: [traced]
  }
]

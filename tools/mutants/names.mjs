// planted faults in the lookups of names and addresses
const lookups = "packages/core/src/internal/lookups.ts"
const reverses = "packages/core/src/internal/reverseLookups.ts"
const nameCalls = "packages/core/src/internal/nameCalls.ts"
const addressInfo = "packages/core/src/internal/addressInfo.ts"

const interrupting = "test/both/names/interrupting.test.ts"
const looking = "test/both/names/lookup.test.ts"
const reversing = "test/both/names/reverse.test.ts"
const simulated = "test/mock/names.test.ts"

export default [
  {
    file: lookups,
    name: "names: a list that lost its lookup is not freed",
    why: "a lookup that was cancelled may have been answered all the same, and its list is native memory",
    find: "    if (list !== 0) calls.FreeAddrInfoExW(list)\n",
    replace: "    if (list !== 0 && one.settle === undefined) calls.FreeAddrInfoExW(list)\n",
    caughtBy: [interrupting]
  },
  {
    file: lookups,
    name: "names: memory freed at cancel time",
    why: "the provider writes to the request until its event was seen",
    find: "    engine.graceBegins()\n    this.hurry()\n",
    replace: "    engine.graceBegins()\n    engine.heap.free(one.block!)\n    this.hurry()\n",
    caughtBy: [interrupting]
  },
  {
    file: lookups,
    name: "names: interruption does not cancel",
    why: "work that nobody waits for any more is given up",
    find: "    engine.calls.GetAddrInfoExCancel(one.block!.address + handleAt)\n",
    replace: "",
    caughtBy: [interrupting]
  },
  {
    file: lookups,
    name: "names: an ignored cancellation is waited for",
    why: "a provider that does not cancel must not hold an interruption longer than cancelGrace",
    find: "epoch - one.epoch < graceSteps) continue",
    replace: "epoch - one.epoch >= 0) continue",
    caughtBy: [interrupting]
  },
  {
    file: lookups,
    name: "names: nobody turns the pump for the grace period",
    why: "a lookup has no packet in the port, so nothing else makes the pump turn",
    find: "some(({ state }) => state === CANCELLING)) this.engine.pump.poke()",
    replace: "some(({ state }) => state === CANCELLING)) this.engine.pump",
    caughtBy: [interrupting]
  },
  {
    file: lookups,
    name: "names: an abandoned lookup keeps its place",
    why: "providers that go on with cancelled work must not stop all others",
    find: "      one.state = ABANDONED\n      this.busy--\n",
    replace: "      one.state = ABANDONED\n",
    caughtBy: [interrupting]
  },
  {
    file: lookups,
    name: "names: what ends late is not given back",
    why: "memory that was left to the provider is freed when it has done with it after all",
    find: "    this.release(one, list)\n    if (state === ABANDONED) return\n",
    replace: "    if (state === ABANDONED) return\n    this.release(one, list)\n",
    caughtBy: [interrupting]
  },
  {
    file: lookups,
    name: "names: looks at events only once",
    why: "an answer may take seconds",
    find: "    this.timer = this.engine.seam.host.schedule(this.look, delay)\n",
    replace: "    if (this.looks < spins) this.timer = this.engine.seam.host.schedule(this.look, delay)\n",
    caughtBy: [simulated]
  },
  {
    file: lookups,
    name: "names: an answer at once is waited for",
    why: "a call that answers at once signals no event",
    find: "    if (code === WSA_IO_PENDING) {\n",
    replace: "    if (code === WSA_IO_PENDING || code === 0) {\n",
    caughtBy: [looking]
  },
  {
    file: lookups,
    name: "names: the release does not wait for lookups",
    why: "the provider may still write to memory that the release frees",
    find: "    return this.busy > 0\n",
    replace: "    return false\n",
    caughtBy: [interrupting]
  },
  {
    file: addressInfo,
    name: "names: the same address twice",
    why: "providers give an address once for each name of it; a connect would try it as often",
    find: "&& !addresses.some((other) => Equal.equals(other, read.address))",
    replace: "",
    caughtBy: ["test/core/addressInfo.test.ts"]
  },
  {
    file: addressInfo,
    name: "names: a list that never ends",
    why: "what another wrote is not trusted to end",
    find: "i < mostEntries && entry !== 0",
    replace: "entry !== 0",
    caughtBy: ["test/core/addressInfo.test.ts"]
  },
  {
    file: nameCalls,
    name: "names: no bound on lookups",
    why: "each lookup is a thread of the provider's, or a socket",
    find: "      if (this.busy < this.places) this.start(call)\n      else this.queue.push(call)\n",
    replace: "      this.start(call)\n",
    caughtBy: [interrupting]
  },
  {
    file: nameCalls,
    name: "names: an interrupted fiber stays in line",
    why: "an interruption before the call makes no call",
    find: "      this.queue.splice(this.queue.indexOf(call), 1)\n",
    replace: "",
    caughtBy: [interrupting]
  },
  {
    file: nameCalls,
    name: "names: the process may end while a fiber waits",
    why: "a fiber that waits for an answer keeps the process alive",
    find: "      this.engine.counters.waiters++\n      this.engine.pump.retain()\n",
    replace: "      this.engine.counters.waiters++\n      this.engine.pump.waiting++\n",
    caughtBy: [simulated]
  },
  {
    file: reverses,
    name: "names: an abandoned GetNameInfoW gives its place away",
    why: "its thread is busy until it returns",
    find: "    one.state = ABANDONED\n    this.end(",
    replace: "    one.state = ABANDONED\n    this.busy--\n    this.end(",
    caughtBy: [interrupting, reversing]
  },
  {
    file: reverses,
    name: "names: the memory of an abandoned GetNameInfoW is lost",
    why: "it is freed when the call returns, whoever waits",
    find: "    engine.heap.free(block)\n    engine.counters.pending--\n",
    replace: "    if (one.state !== ABANDONED) engine.heap.free(block)\n    engine.counters.pending--\n",
    caughtBy: [interrupting]
  }
]

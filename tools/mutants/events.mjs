// planted faults in event objects, in who waits for them, and in sends that complete through one
const object = "packages/core/src/internal/eventObject.ts"
const waits = "packages/core/src/internal/eventWaits.ts"
const turn = "packages/core/src/internal/eventTurn.ts"
const operation = "packages/core/src/internal/operation.ts"
const sends = "packages/core/src/internal/streamSends.ts"
const mockWaits = "packages/mock/src/internal/EventWaits.ts"
const events = "test/both/events/events.test.ts"
const waiting = "test/both/events/waiting.test.ts"
const sending = "test/both/events/sending.test.ts"
const onMock = "test/mock/eventWaits.test.ts"

export default [
  {
    name: "event closed while a call waits for it",
    file: waits,
    why: "closing a handle that WSAWaitForMultipleEvents has is undefined",
    find: "      if (event.isAway) {",
    replace: "      if (false as boolean) {"
  },
  {
    name: "event closed under its send",
    file: waits,
    why: "the kernel signals the event when the send completes",
    find: " || event.operation !== undefined || event.busy) continue",
    replace: ") continue"
  },
  {
    name: "events beyond the sixty-fourth forgotten",
    file: waits,
    why: "one call waits for 64 at most, and the others must not wait for it",
    find: "event.isAway) ? this.pause : pollMilliseconds",
    replace: "event.isAway) ? this.pause : this.pause",
    caughtBy: [waiting]
  },
  {
    name: "waits that a closed event had",
    file: waits,
    why: "nobody will signal an event that is closed",
    find: "event.isOpen ? event.failure : WinsockErrors.operationAborted(name)",
    replace: "event.failure"
  },
  {
    name: "wait for an event that came later",
    file: waits,
    why: "the call off the JS thread must end when somebody waits for another event",
    find: "(this.away.length < mostAway && fit.some((event) => !event.isAway))",
    replace: "this.away.length === 0",
    caughtBy: [waiting]
  },
  {
    name: "private event never reset",
    file: waits,
    why: "a call that ends at once for ever keeps the thread and the event loop busy",
    find: "    engine.calls.WSAResetEvent(this.wakeEvent)\n",
    replace: "",
    caughtBy: [waiting]
  },
  {
    name: "event of an earlier send",
    file: object,
    why: "a send that waits for its turn has not reset its event yet",
    find: "        own.reset()\n",
    replace: "",
    caughtBy: [sending]
  },
  {
    name: "event of a send that failed",
    file: object,
    why: "who waits for the event of a call that was never made would wait for ever",
    find: "              if (Exit.isFailure(exit) && own.isOpen) own.set()\n",
    replace: ""
  },
  {
    name: "one event for two sends",
    file: object,
    why: "the event could not tell which of them has completed",
    find: "        if (own.busy) return",
    replace: "        if (false as boolean) return"
  },
  {
    name: "packet as well as event",
    file: sends,
    why: "the low bit of hEvent asks for no packet; with one, the port would owe none and give one",
    find: "((event | 1) as Handle)",
    replace: "event",
    caughtBy: [onMock]
  },
  {
    name: "packet owed for an event",
    file: operation,
    why: "the pump would look for a packet that never comes, and closing wait for it",
    find: "    if (byEvent) endpoint.engine.counters.pending++\n    else source",
    replace: "    source",
    caughtBy: [onMock]
  },
  {
    name: "memory of a send by event",
    file: turn,
    why: "what was sent from is given back when the send is over",
    find: "    if (this.block !== undefined) engine.heap.free(this.block)\n",
    replace: ""
  },
  {
    name: "signal that was taken back",
    file: waits,
    why: "SetEvent releases every thread that waits, whatever comes after it",
    find: ": this.seen > seen\n",
    replace: ": this.seen > seen && this.waits.test(this.handle) === 0\n",
    caughtBy: [waiting]
  },
  {
    name: "signal of the kernel's that was taken back",
    file: waits,
    why: "nobody has looked yet, but somebody waited when it was signalled",
    find: "    if (line.length + this.anys > 0 && waits.test(handle) === WSA_WAIT_EVENT_0) this.signalled()\n",
    replace: "",
    caughtBy: [waiting]
  },
  {
    name: "signal of the past",
    file: waits,
    why: "who comes after a signal was taken back waits for another",
    find: "this.line.join(this.seen, resume",
    replace: "this.line.join(0, resume",
    caughtBy: [waiting]
  },
  {
    name: "look at one event at a time",
    file: waits,
    why: "a system call for each of many events, every 10 milliseconds, leaves no time for the program",
    find: "    for (let i = 0; i < watched.length; i += WSA_MAXIMUM_WAIT_EVENTS) {\n      if (this.lookAt(watched.slice(i, i + WSA_MAXIMUM_WAIT_EVENTS))) found = true",
    replace: "    for (let i = 0; i < watched.length; i++) {\n      if (this.lookAt([watched[i]])) found = true",
    caughtBy: [waiting]
  },
  {
    name: "call that ends at once for ever",
    file: waits,
    why: "a program may signal the event of a send that is under way",
    find: "event.isApart = event.operation !== undefined || event.alls > 0",
    replace: "event.isApart = event.alls > 0",
    caughtBy: [waiting]
  },
  {
    name: "event that the program closed",
    file: waits,
    why: "who waits for a handle that is none would wait for ever",
    find: "      event.failure = this.failed()\n",
    replace: "",
    caughtBy: [onMock]
  },
  {
    name: "waits without their turn",
    file: waits,
    why: "a loop of waits that end at once must let the event loop turn",
    find: "if (this.line.length > 0 || engine.pump.direct-- <= 0) return undefined",
    replace: "if (this.line.length > 0) return undefined",
    caughtBy: [waiting]
  },
  {
    name: "no timer while the off-thread wait for events starves",
    file: waits,
    why: "all threads that make such calls may be busy for seconds",
    find: "    this.pause = this.engine.seam.host.pollInterval\n    this.engine.poke(this)\n",
    replace: "    this.engine.poke(this)\n",
    caughtBy: [waiting]
  },
  {
    name: "no wake-up of the wait for events at exit",
    file: waits,
    why: "nobody can wait for the call to time out when the process exits",
    find: "engine.seam.host.onExit(() => this.wake())",
    replace: "engine.seam.host.onExit(() => {})",
    caughtBy: [onMock]
  },
  {
    name: "call for events that nobody waits for",
    file: waits,
    why: "a call that is left waiting keeps the process from ending",
    find: "} else if (watched.length === 0 || (",
    replace: "} else if ((",
    caughtBy: [onMock]
  },
  {
    name: "pulse that releases nobody",
    file: mockWaits,
    why: "the simulated wait ends with the signal, as Windows' does",
    find: "    for (const wait of this.waits) if (wait.objects.includes(object)) wait.look()\n",
    replace: "",
    caughtBy: [onMock]
  }
].map((mutant) => Object.assign({ caughtBy: [events] }, mutant))

// planted faults in networks of links and routers, and in machines that crash and come back
const down = "packages/mock/src/internal/Down.ts"
const programs = "packages/mock/src/internal/Programs.ts"
const dispatcher = "packages/mock/src/internal/Dispatcher.ts"
const kernel = "packages/mock/src/internal/Kernel.ts"
const names = "packages/mock/src/internal/Names.ts"
const tcp = "packages/mock/src/internal/Tcp.ts"
const network = "packages/mock/src/internal/Network.ts"
const simulation = "packages/mock/src/internal/Simulation.ts"
const unix = "packages/mock/src/internal/UnixSocket.ts"
const journey = "packages/mock/src/internal/Journey.ts"
const links = "packages/mock/src/internal/Links.ts"
const layout = "packages/mock/src/internal/Layout.ts"
const machine = "packages/mock/src/internal/Machine.ts"
const pathMtu = "packages/mock/src/internal/PathMtu.ts"
const crash = "test/mock/crash.test.ts"
const networks = "test/mock/networks.test.ts"

export default [
  {
    name: "hosts: the guard goes on objecting",
    file: down,
    why: "what a crash leaves open is nobody's fault",
    find: "  kernel.guard.silent = true\n",
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "hosts: operations outlast their machine",
    file: down,
    why: "a program that nobody interrupts would wait for ever",
    find: "  for (const operation of Array.from(kernel.guard.pending.values())) kernel.end(operation, status)\n",
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "hosts: an operation ends twice",
    file: kernel,
    why: "a completion that was due when the power went would report again",
    find: '    if (operation.state === "done") return\n',
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "hosts: a slow GetNameInfoW holds a crash up",
    file: names,
    why: "the release waits for threads, and virtual time stands still",
    find: "  for (const call of kernel.names.away) kernel.turns.post(call)\n",
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "hosts: a DLL without a network works",
    file: dispatcher,
    why: "finalizers of a machine without power would send",
    find: "  if (kernel.isDown) kernel.error = refusal(entry.name)\n",
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "hosts: a machine that is up again knows nothing and says nothing",
    file: tcp,
    why: "peers learn of a crash by the RST that their next segment is answered with",
    find: '  if ((flags & RST) === 0 && sender.state !== "CLOSED") carry(kernel, RST, undefined, sender)\n',
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "hosts: a connection without its other end",
    file: tcp,
    why: "one whose SYN was answered just before the crash would send nothing for ever",
    find: "  target.remote = sender\n",
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "hosts: what is under way reaches a dead machine",
    file: network,
    why: "it would be handed to sockets of a life that is over",
    find: "    const target = this.present(to)\n",
    replace: "    const target: Kernel | undefined = to\n",
    caughtBy: [crash]
  },
  {
    name: "hosts: faults are forgotten by a restart",
    file: simulation,
    why: "they are the test's, not the machine's",
    find: "    kernel.faults = faults.movedTo(kernel)\n",
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "hosts: breaches are forgotten by a restart",
    file: simulation,
    why: "a program that freed too early did so before the crash, too",
    find: "    kernel.guard.violations.push(...guard.violations)\n",
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "hosts: a path of AF_UNIX leads to the dead",
    file: unix,
    why: "the file outlives the socket that it was for",
    find: "socket.kernel === kernel && ",
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "hosts: a crash is taken for the program's own end",
    file: programs,
    why: "a program that was interrupted by a crash begins anew",
    find: "    this.crashes++\n",
    replace: "",
    caughtBy: [crash]
  },
  {
    name: "hosts: programs outlive the scope of run",
    file: programs,
    why: "whoever interrupts run wants the program to end",
    find: "Effect.onInterrupt(restore(Fiber.join(fiber)), () => Fiber.interrupt(fiber))",
    replace: "restore(Fiber.join(fiber))",
    caughtBy: [crash]
  },
  {
    name: "links: a router answers by any of its addresses",
    file: links,
    why: "who traces a route sees the side of each router that faces it",
    find: "  ...(joint.on.get(link) ?? []),\n",
    replace: "",
    caughtBy: [networks]
  },
  {
    name: "links: an island is reached",
    file: links,
    why: "without a router there is no way",
    find: "        if (!joint.on.has(reach.link)) continue\n",
    replace: "",
    caughtBy: [networks]
  },
  {
    name: "links: a broadcast leaves its link",
    file: network,
    why: "two links may have networks of the same numbers",
    find: "                own.link === via?.link &&\n",
    replace: "",
    caughtBy: [networks]
  },
  {
    name: "links: a machine of two links leaves by the first",
    file: machine,
    why: "its address there is one that the answer does not come back to",
    find: "  if (led !== undefined) return byIndex(machine, led)\n",
    replace: "",
    caughtBy: [networks]
  },
  {
    name: "links: the MTU is found before the hops are counted",
    file: journey,
    why: "a router that has dropped a packet does not pass it on to a narrow link",
    find: "if (narrow !== -1 && (narrow < passed || !expires))",
    replace: "if (narrow !== -1)",
    caughtBy: [networks]
  },
  {
    name: "links: routers cut IPv6",
    file: pathMtu,
    why: "only the sender may",
    find: "if (mtus.length === 0 || (isV4 && !whole)) return -1",
    replace: "if (mtus.length === 0 || !whole) return -1",
    caughtBy: [networks]
  },
  {
    name: "links: an address is given out twice",
    file: layout,
    why: "which of the two machines hears would depend on their order",
    find: "    if (other !== undefined) {\n",
    replace: "    if (false as boolean) {\n",
    caughtBy: [networks]
  }
]

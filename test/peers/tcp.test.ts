/**
 * TCP on the real ws2_32.dll against node:net, which knows nothing of it. Every byte is accounted for: it is the one that
 * belongs at its place in its stream, and what ended well is there to the last.
 */
import { assert, describe, it } from "@effect/vitest"
import { createHash } from "node:crypto"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import * as Net from "node:net"
import { afterAll, beforeAll } from "vitest"
import type { Launched } from "../support/launch.ts"
import { launch } from "../support/launch.ts"
import { blockSize, chance, isPattern, patternAt } from "./fixtures/pattern.ts"

const program = "test/peers/fixtures/tcp.ts"
const listening = /listening on 127\.0\.0\.1:(\d+)\r?\n/

/** How much goes each way: `npm run soak` sends a gibibyte. */
const bulk = Number(process.env.EFFECT_WINSOCK_BULK ?? 64) * 1024 * 1024

let server: Launched
beforeAll(async () => {
  server = await launch(program, [], listening)
}, 240_000)
afterAll(() => server.stop())

const connect = async (line: string): Promise<Net.Socket> => {
  const socket = Net.connect({ port: Number(server.found), host: "127.0.0.1", allowHalfOpen: true })
  // a reset on purpose is no error of the test's; what counts is what came
  socket.on("error", () => {})
  await once(socket, "connect")
  socket.write(`${line}\n`)
  return socket
}

const closed = (socket: Net.Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once("close", () => resolve())
  })

/** All that comes, to the end. */
const all = async (socket: Net.Socket): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const answer = async (line: string): Promise<any> => {
  const socket = await connect(line)
  socket.end()
  return JSON.parse((await all(socket)).toString())
}

const send = async (socket: Net.Socket, count: number): Promise<void> => {
  for (let sent = 0; sent < count; sent += blockSize) {
    if (!socket.write(patternAt(sent, count - sent))) await once(socket, "drain")
  }
}

const hashOfPattern = (count: number): string => {
  const hash = createHash("sha256")
  for (let at = 0; at < count; at += blockSize) hash.update(patternAt(at, count - at))
  return hash.digest("hex")
}

/** Hashes what comes, `count` bytes; what comes behind them is the last line. */
const receive = async (socket: Net.Socket, count: number): Promise<{ hash: string; rest: string }> => {
  const hash = createHash("sha256")
  let left = count
  let rest = ""
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    const own = chunk.subarray(0, left)
    hash.update(own)
    left -= own.length
    rest += chunk.subarray(own.length).toString()
  }
  assert.strictEqual(left, 0, "bytes that did not come")
  return { hash: hash.digest("hex"), rest }
}

/** Waits until the server has nothing open but its listener with what it accepts ahead, and the connection that asks. */
const atRest = async () => {
  for (;;) {
    const statistics = await answer("statistics")
    if (statistics.sockets <= 1 + 16 + 1) return statistics
  }
}

const mebibytes = bulk / 1024 / 1024

describe(`${mebibytes} MiB`, { timeout: 240_000 }, () => {
  let expected = ""
  beforeAll(() => {
    expected = hashOfPattern(bulk)
    // seconds on an idle machine
  }, 120_000)

  const flat = async (before: any) => {
    const after = await atRest()
    assert.isBelow(after.rss - before.rss, 192 * 1024 * 1024, "bytes of memory more than before")
    assert.strictEqual(after.leaked, 0)
  }

  it("sent to it", async () => {
    const before = await atRest()
    const socket = await connect(`sink ${bulk}`)
    await send(socket, bulk)
    socket.end()
    assert.strictEqual(JSON.parse((await all(socket)).toString()), expected)
    await flat(before)
  })

  it("sent by it", async () => {
    const before = await atRest()
    const socket = await connect(`source ${bulk}`)
    const { hash, rest } = await receive(socket, bulk)
    socket.end()
    assert.deepStrictEqual([hash, rest], [expected, ""])
    await flat(before)
  })

  it("both ways at once", async () => {
    const before = await atRest()
    const socket = await connect(`both ${bulk}`)
    const receiving = receive(socket, bulk)
    await send(socket, bulk)
    const { hash, rest } = await receiving
    socket.end()
    assert.deepStrictEqual([hash, JSON.parse(rest)], [expected, expected])
    await flat(before)
  })

  it("sent from a file", async () => {
    const before = await atRest()
    const socket = await connect(`file ${bulk}`)
    const { hash, rest } = await receive(socket, bulk)
    socket.end()
    // the file is shorter, and sent again and again
    const length = 256 * blockSize
    const again = createHash("sha256")
    for (let at = 0; at < bulk; at += blockSize) again.update(patternAt(at % length, blockSize))
    assert.deepStrictEqual([hash, rest], [again.digest("hex"), ""])
    await flat(before)
  })
})

describe("1,000 connections", { timeout: 120_000 }, () => {
  const count = 1000

  it("to it: they echo, half-close, reset and idle", async () => {
    const before = await atRest()
    const sockets = await Promise.all(
      Array.from({ length: count }, (_, i) => connect(["echo", "echo", "idle", "idle"][i % 4]))
    )
    const open = await answer("statistics")
    assert.isAtLeast(open.sockets, count + 1)
    const echoes = await Promise.all(
      sockets.map(async (socket, i) => {
        const request = patternAt(i, 3000)
        switch (i % 4) {
          // all of it comes back behind the end of this side
          case 0:
            socket.end(request)
            return (await all(socket)).equals(request)
          case 1: {
            socket.write(request)
            const [first] = (await once(socket, "data")) as [Buffer]
            socket.resetAndDestroy()
            return first.equals(request.subarray(0, first.length))
          }
          case 2:
            socket.resetAndDestroy()
            return true
          default:
            socket.end()
            return (await all(socket)).length === 0
        }
      })
    )
    assert.strictEqual(echoes.filter(Boolean).length, count)
    await Promise.all(sockets.map(closed))
    const after = await atRest()
    assert.strictEqual(after.leaked, 0)
    assert.isAtMost(after.waiters, before.waiters)
    assert.isBelow(after.rss - before.rss, 128 * 1024 * 1024, "bytes of memory more than before")
  })

  it("from it", async () => {
    const listener = Net.createServer((socket) => void socket.pipe(socket))
    listener.listen(0, "127.0.0.1", 2048)
    await once(listener, "listening")
    let most = 0
    let now = 0
    listener.on("connection", (socket: Net.Socket) => {
      most = Math.max(most, ++now)
      socket.on("close", () => now--)
    })
    const { port } = listener.address() as AddressInfo
    assert.strictEqual(await answer(`dial ${port} ${count}`), count)
    assert.strictEqual(most, count)
    listener.close()
    assert.strictEqual((await atRest()).leaked, 0)
  })
})

describe("ends of chance", { timeout: 120_000 }, () => {
  const total = 1 << 20

  it.each([1, 2, 3, 4, 5, 6])("account for every byte, seed %i", async (seed) => {
    const run = async (i: number) => {
      const name = `${seed}-${i}`
      const pick = chance(seed * 1000 + i + 500)
      const socket = await connect(`accounted ${name} ${seed * 1000 + i}`)
      let received = 0
      let right = true
      socket.on("data", (chunk: Buffer) => {
        right &&= isPattern(chunk, received)
        received += chunk.length
      })
      let ended = false
      socket.on("end", () => {
        ended = true
      })
      // a reset may cost the other end its first line, and then it would not know what this is about
      await Promise.race([once(socket, "data"), closed(socket)]).catch(() => {})
      // this end breaks off somewhere too, every third time
      const stop = pick(3) === 0 ? pick(total) : total
      let sent = 0
      while (sent < stop && !socket.destroyed) {
        const piece = patternAt(sent, Math.min(1 + pick(30_000), stop - sent))
        sent += piece.length
        if (socket.write(piece)) continue
        await Promise.race([once(socket, "drain"), closed(socket)]).catch(() => {})
      }
      if (stop === total) socket.end()
      else socket.resetAndDestroy()
      const account = await answer(`account ${name}`)
      // what it sent well and this end took, to the end of the stream
      await closed(socket)
      assert.isTrue(right, `${name}: what came here is what was sent`)
      assert.isTrue(account.right, `${name}: what came there is what was sent`)
      assert.isAtMost(account.received, sent, `${name}: no more came there than was sent`)
      assert.isAtMost(received, Math.max(account.attempted, account.sent), `${name}: no more came here than was sent`)
      const here = stop === total
      const there = account.sent === total
      if (here && there) assert.deepStrictEqual([received, account.received, ended], [total, total, true], name)
      return here && there
    }
    const whole = await Promise.all(Array.from({ length: 20 }, (_, i) => run(i)))
    // both kinds happen
    assert.isAbove(whole.filter(Boolean).length, 0)
    assert.isBelow(whole.filter(Boolean).length, 20)
    assert.strictEqual((await atRest()).leaked, 0)
  })
})

describe("pressure, refusals and restarts", { timeout: 120_000 }, () => {
  it("does not send what a slow reader has no room for, and all of it when it reads", async () => {
    const count = 256 * 1024 * 1024
    const socket = await connect(`push ${count}`)
    socket.pause()
    const pushed = await answer("pushed")
    // what the buffers of both kernels and of node:net hold
    assert.isAbove(pushed, 0)
    assert.isBelow(pushed, 64 * 1024 * 1024)
    let received = 0
    let right = true
    socket.on("data", (chunk: Buffer) => {
      right &&= isPattern(chunk, received)
      received += chunk.length
    })
    socket.resume()
    socket.end()
    await closed(socket)
    assert.isTrue(right)
    // the send that was given up was torn at its own place, at most
    assert.isAtMost(received, pushed + blockSize)
  })

  it("is told that it is refused", async () => {
    const listener = Net.createServer()
    listener.listen(0, "127.0.0.1")
    await once(listener, "listening")
    const { port } = listener.address() as AddressInfo
    listener.close()
    await once(listener, "close")
    assert.strictEqual(await answer(`refused ${port}`), "ConnectionRefused")
  })
})

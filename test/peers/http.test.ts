/**
 * node:http and node:https on the real ws2_32.dll, with peers that know nothing of it: `curl`, `openssl s_client`, and Node's
 * own clients and servers on its own sockets.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFile, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import * as http from "node:http"
import * as https from "node:https"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { promisify } from "node:util"
import { afterAll, beforeAll } from "vitest"
import type { Launched } from "../support/launch.ts"
import { launch, runNative } from "../support/launch.ts"

// as the programs see them, from the project's root
const keyFile = "test/support/tls/key.pem"
const certFile = "test/support/tls/certificate.pem"
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url))

const listening = /listening on 127\.0\.0\.1:(\d+)\r?\n/

let plain: Launched
let secure: Launched
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "effect-winsock-http-"))
  const tls = [`--key=${keyFile}`, `--cert=${certFile}`]
  plain = await launch("examples/http-server.ts", [], listening)
  secure = await launch("examples/http-server.ts", tls, listening)
}, 240_000)

afterAll(async () => {
  await plain?.stop()
  await secure?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const hash = (data: Uint8Array | string) => createHash("sha256").update(data).digest("hex")

const pattern = (size: number) => Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff))

describe.skipIf(process.platform === "win32")("curl", () => {
  const curl = async (...args: ReadonlyArray<string>): Promise<string> => {
    const { stdout } = await promisify(execFile)("curl", ["-sS", "--max-time", "30", ...args], { maxBuffer: 2 ** 26 })
    return stdout
  }
  const url = (path: string) => `http://127.0.0.1:${plain.found}${path}`

  it("gets", async () => {
    assert.strictEqual(await curl(url("/a?b")), "you asked for /a?b\n")
  })

  it("asks for the head only", async () => {
    const head = await curl("--head", url("/head"))
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n/)
    assert.match(head, /\r\nContent-Length: 20\r\n|\r\nConnection: /i)
    assert.notInclude(head, "you asked")
  })

  it("asks twice over one connection", async () => {
    const [one, two] = [url("/one"), url("/two")]
    const answer = await curl("--write-out", "%{num_connects} new\n", one, two)
    assert.strictEqual(answer, "you asked for /one\n1 new\nyou asked for /two\n0 new\n")
  })

  it("posts much, and gets it back in chunks", async () => {
    const body = pattern(5_000_000)
    const [sent, got] = [join(folder, "sent"), join(folder, "got")]
    writeFileSync(sent, body)
    for (const header of ["Expect:", "Transfer-Encoding: chunked"]) {
      const head = await curl(
        "--dump-header",
        "-",
        "--output",
        got,
        "-H",
        header,
        "--data-binary",
        `@${sent}`,
        url("/")
      )
      assert.match(head, /transfer-encoding: chunked/i)
      assert.isTrue(readFileSync(got).equals(body))
    }
  })

  it("asks many times at once", async () => {
    const paths = Array.from({ length: 40 }, (_, i) => `/${i}`)
    const answers = await Promise.all(paths.map((path) => curl(url(path))))
    assert.deepStrictEqual(
      answers,
      paths.map((path) => `you asked for ${path}\n`)
    )
  })

  it("gives up in the middle, and the server goes on", async () => {
    const sent = join(folder, "much")
    writeFileSync(sent, pattern(5_000_000))
    const child = spawn("curl", ["-sS", "--limit-rate", "100K", "--data-binary", `@${sent}`, url("/")])
    await once(child.stdout, "data")
    child.kill("SIGKILL")
    await once(child, "close")
    assert.strictEqual(await curl(url("/after")), "you asked for /after\n")
  })

  it("https, with the certificate checked", async () => {
    const answer = await curl("--cacert", certFile, `https://127.0.0.1:${secure.found}/secret`)
    assert.strictEqual(answer, "you asked for /secret\n")
  })
})

describe.skipIf(process.platform === "win32")("openssl s_client", () => {
  it.each(["-tls1_2", "-tls1_3"])("has a session with %s", async (version) => {
    const to = `127.0.0.1:${secure.found}`
    const args = ["s_client", "-connect", to, version, "-CAfile", certFile, "-verify_return_error", "-ign_eof"]
    const client = spawn("openssl", args, { stdio: ["pipe", "pipe", "pipe"] })
    client.stdin.end("GET /openssl HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    const [output, errors, [code]] = await Promise.all([
      text(client.stdout),
      text(client.stderr),
      once(client, "close")
    ])
    assert.strictEqual(code, 0, errors)
    assert.include(output, "Verify return code: 0 (ok)")
    assert.include(output, "you asked for /openssl\n")
  })
})

describe("node:http on Node's own sockets", () => {
  it("asks the server", async () => {
    const body = pattern(2_000_000)
    const request = http.request({ port: plain.found, host: "127.0.0.1", method: "POST", agent: false })
    request.end(body)
    const [response] = (await once(request, "response")) as [http.IncomingMessage]
    assert.strictEqual(hash(Buffer.concat((await response.toArray()) as Array<Buffer>)), hash(body))
  })

  const serve = async (server: http.Server, use: (port: number) => Promise<void>) => {
    server.listen(0, "127.0.0.1")
    await once(server, "listening")
    try {
      await use((server.address() as AddressInfo).port)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  }

  const answer: http.RequestListener = (request, response) => {
    if (request.method === "POST") request.pipe(response)
    else response.end("large".repeat(400_000))
  }
  const large = `200 2000000 bytes, SHA-256 ${hash("large".repeat(400_000))}`

  it("is asked by the client, over one connection for all", async () => {
    const server = http.createServer(answer)
    let connections = 0
    server.on("connection", () => connections++)
    await serve(server, async (port) => {
      const url = `http://127.0.0.1:${port}/`
      assert.deepStrictEqual(await runNative("examples/http-client.ts", [url, url]), [large, large])
      assert.strictEqual(connections, 1)
      const posted = await runNative("examples/http-client.ts", ["--post=3000000", url])
      assert.deepStrictEqual(posted, [`200 3000000 bytes, SHA-256 ${hash("x".repeat(3_000_000))}`])
    })
  })

  it("is asked by the client over TLS", async () => {
    await serve(https.createServer({ key: read(keyFile), cert: read(certFile) }, answer), async (port) => {
      const args = [`--ca=${certFile}`, `https://127.0.0.1:${port}/`]
      assert.deepStrictEqual(await runNative("examples/http-client.ts", args), [large])
    })
  })
})

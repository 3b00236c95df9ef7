/**
 * Effect's HTTP server on the real ws2_32.dll, with peers that know nothing of it: `curl`, and a browser.
 */
import { assert, describe, it } from "@effect/vitest"
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll } from "vitest"
import { elementsOf } from "../../tools/chromium.mjs"
import type { Launched } from "../support/launch.ts"
import { launch } from "../support/launch.ts"
import { assertStretch, stretch } from "../support/peer.ts"

const keyFile = "test/support/tls/key.pem"
const certFile = "test/support/tls/certificate.pem"

let folder: string
let fixture: Launched
const app = { plain: "", secure: "" }
const guestbooks: Array<Launched> = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "effect-winsock-http-app-"))
  fixture = await launch("test/peers/fixtures/http.ts", [], /listening on (\d+ \d+)\r?\n/)
  const [plain, secure] = fixture.found.split(" ")
  app.plain = `http://127.0.0.1:${plain}`
  app.secure = `https://127.0.0.1:${secure}`
}, 240_000)

afterAll(async () => {
  await fixture?.stop()
  for (const guestbook of guestbooks) await guestbook.stop()
  rmSync(folder, { recursive: true, force: true })
})

const curl = async (...args: ReadonlyArray<string>): Promise<string> => {
  const all = ["-sS", "--max-time", "30", "--cacert", certFile, ...args]
  const { stdout } = await promisify(execFile)("curl", all, { maxBuffer: 2 ** 26 })
  return stdout
}

describe.skipIf(process.platform === "win32")("curl", () => {
  it("is answered by routes", async () => {
    assert.strictEqual(await curl(`${app.plain}/hello/curl`), "hello curl")
    assert.strictEqual(await curl("-o", "/dev/null", "-w", "%{http_code}", `${app.plain}/nowhere`), "404")
    assert.strictEqual(await curl("-o", "/dev/null", "-w", "%{http_code}", `${app.plain}/fails`), "500")
    assert.match(await curl("--head", `${app.plain}/hello/curl`), /^HTTP\/1\.1 200 OK\r\n[^]*content-length: 10\r\n/i)
  })

  it("asks twice over one connection", async () => {
    const urls = [`${app.plain}/hello/a`, `${app.plain}/hello/b`]
    assert.strictEqual(await curl("-w", " %{num_connects}\n", ...urls), "hello a 1\nhello b 0\n")
  })

  it("sends much, and gets it back while it does", async () => {
    const size = 10_000_000
    const [sent, got] = [join(folder, "sent"), join(folder, "got")]
    writeFileSync(sent, stretch(0, size))
    // it asks first whether it may (Expect: 100-continue), and once in chunks
    for (const header of ["Expect: 100-continue", "Transfer-Encoding: chunked"]) {
      await curl("-H", header, "--data-binary", `@${sent}`, "--output", got, `${app.plain}/echo`)
      const bytes = readFileSync(got)
      assert.strictEqual(bytes.length, size)
      assertStretch(bytes, 0)
    }
  })

  it("gets what is large, over HTTP/1.1 and HTTP/2, with TLS", async () => {
    for (const [flag, version] of [
      ["--http1.1", "1.1"],
      ["--http2", "2"]
    ]) {
      const got = join(folder, "large")
      const written = await curl(
        flag,
        "-w",
        "%{http_version} %{size_download}",
        "-o",
        got,
        `${app.secure}/large/5000000`
      )
      assert.strictEqual(written, `${version} 5000000`)
      assertStretch(readFileSync(got), 0)
    }
  })

  it("is told from where it asks, through TLS as well", async () => {
    for (const url of [app.plain, app.secure]) {
      const { from, url: asked } = JSON.parse(await curl(`${url}/where`)) as { from: string; url: string }
      assert.deepStrictEqual([from, asked], ["127.0.0.1", `${url}/where`])
    }
  })

  it("is answered many times at once", async () => {
    const names = Array.from({ length: 40 }, (_, i) => `${i}`)
    const answers = await Promise.all(names.map((name) => curl(`${app.plain}/hello/${name}`)))
    assert.deepStrictEqual(
      answers,
      names.map((name) => `hello ${name}`)
    )
  })

  it("goes while it is waiting, or while it reads: the handlers end, and others are answered", async () => {
    const waits = spawn("curl", ["-sS", `${app.plain}/forever`])
    const reads = spawn("curl", ["-sS", "--limit-rate", "50K", `${app.plain}/endless`])
    await once(reads.stdout, "data")
    reads.kill("SIGKILL")
    await fixture.says(/a stream was ended/)
    await fixture.says(/a handler has begun/)
    waits.kill("SIGKILL")
    await fixture.says(/a handler was interrupted/)
    assert.strictEqual(await curl(`${app.plain}/hello/after`), "hello after")
  })
})

describe.skipIf(process.platform === "win32")("a browser", () => {
  const items = (dom: string) =>
    Array.from(dom.matchAll(/<li id="note(\d+)">([^<]*)<\/li>/g), ([, id, text]) => [id, text])

  const guestbook = async (args: ReadonlyArray<string>) => {
    const launched = await launch("examples/transports/http-app.ts", args, /Listening on (https?:\/\/[\d.:]+)/)
    guestbooks.push(launched)
    return launched.found
  }

  it.each([
    ["http", [], []],
    ["https", [`--key=${keyFile}`, `--cert=${certFile}`], ["--ignore-certificate-errors"]]
  ])(
    "shows a page of %s that grows as its script posts, and speaks over a WebSocket",
    async (_, args, flags) => {
      const found = await guestbook(args)
      // the server does not know that it speaks TLS
      const url = args.length === 0 ? found : found.replace("http:", "https:")
      const written = await curl("-H", "content-type: application/json", "-d", '{"text":"1 < 2"}', `${url}/notes`)
      assert.deepStrictEqual(JSON.parse(written), { id: 1, text: "1 < 2" })
      const dom = await elementsOf(new URL(`${url}/?notes=3`), flags)
      assert.include(dom, "<title>Guestbook</title>")
      assert.deepStrictEqual(items(dom), [
        ["1", "1 &lt; 2"],
        ["2", "a page says hello"],
        ["3", "and was told of note 2"]
      ])
      const notes = JSON.parse(await curl(`${url}/notes`)) as ReadonlyArray<unknown>
      assert.strictEqual(notes.length, 3)
    },
    120_000
  )
})

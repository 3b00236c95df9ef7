// Brings the programs that test/peers asks the project's own programs with. On Windows those are Node's own.
import { browser } from "./chromium.mjs"
import { ensureCommand } from "./debian.mjs"

const say = (text) => console.error(`[peers] ${text}`)

if (process.platform !== "win32") {
  ensureCommand({ command: "dig", flag: "-v", packages: ["bind9-dnsutils"], size: "2 MB", say })
  ensureCommand({ command: "nc", flag: "-h", packages: ["netcat-openbsd"], size: "0.1 MB", say })
  ensureCommand({ command: "curl", packages: ["curl", "ca-certificates"], size: "2 MB", say })
  ensureCommand({ command: "openssl", flag: "version", packages: ["openssl"], size: "2 MB", say })
  ensureCommand({ command: "tshark", packages: ["tshark"], size: "30 MB", say })
  // with what it needs; unpacking takes some ten seconds
  if (browser() === undefined) ensureCommand({ command: "chromium", packages: ["chromium"], size: "120 MB", say })
}

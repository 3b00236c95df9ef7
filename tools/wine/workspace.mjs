// Loaded into every Node.js that runs under Wine. Wine does not follow the links node_modules/@effect-winsock/* ->
// packages/*: without this a workspace package would be loaded once per importer, and its .ts files not at all.
import { registerHooks } from "node:module"

const packages = new URL("../../packages/", import.meta.url).href

registerHooks({
  resolve(specifier, context, next) {
    const result = next(specifier, context)
    const url = result.url.replace(/^.*\/node_modules\/@effect-winsock\//, packages)
    return url === result.url ? result : { ...result, url }
  }
})

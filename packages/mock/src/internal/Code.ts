/**
 * Values as the expressions that make them: what a report prints, to be copied into a test.
 */
import * as Duration from "effect/Duration"

const isIdentifier = /^[A-Za-z_$][\w$]*$/

/** A function is its source, which is all of it where it closes over nothing. */
export const literal = (value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value)
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "function") return String(value)
  if (Duration.isDuration(value)) return JSON.stringify(`${Duration.toMillis(value)} millis`)
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).flatMap(([name, field]) =>
      field === undefined ? [] : [`${isIdentifier.test(name) ? name : JSON.stringify(name)}: ${literal(field)}`]
    )
    return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`
  }
  return String(value)
}

/** A call; what is undefined at its end is not said. */
export const call = (name: string, ...args: ReadonlyArray<unknown>): string => {
  const said = args.slice(0, args.findLastIndex((arg) => arg !== undefined) + 1)
  return `${name}(${said.map(literal).join(", ")})`
}

/** A call of a constructor of `MockRule`. */
export const ruleCall = (name: string, ...args: ReadonlyArray<unknown>): string => call(`MockRule.${name}`, ...args)

/** The expression that makes something, or what it is called where nobody knows. */
export const codeOf = ({ code, description }: { readonly code?: string | undefined; readonly description: string }) =>
  code ?? `/* ${description} */`

export const browser: () => string | undefined
export const elementsOf: (what: string | URL, options?: ReadonlyArray<string>) => Promise<string>
export const screenshot: (
  path: string,
  options: {
    readonly dark?: boolean
    readonly height: number
    readonly to: string
    readonly width: number
  }
) => Promise<void>

/** The page as it is, and with the tables as they must be. */
export function updated(): Promise<{ readonly text: string; readonly wanted: string }>
